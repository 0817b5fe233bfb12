"""Serves the simulated channels, and keeps their world from one start to the next.

Whoever opens a rehearsal again finds on the simulated channels what Loa had published there: else
every post would look deleted. The world is kept in the data folder, in Python's own form (a
rehearsal's folder holds nothing that a stranger writes), a moment after each change.
"""

import asyncio
import json
import pickle
from pathlib import Path
from typing import Final

import structlog

from services.cli import serving
from services.cli.telling import say
from services.sandbox.admin import accounts_told, open_samples
from services.sandbox.app import create_app
from services.sandbox.portal import poll
from services.sandbox.portals import PortalSite
from services.sandbox.world import World
from shared.clock import utc_now

_EVERY_SECONDS: Final = 1.0
_FORMAT: Final = 1
# Bound to one process: what runs in it, its connections, and where its numbers begin.
_OWN: Final = frozenset({"_tasks", "_client", "first_number"})

_log = structlog.get_logger()


def run(host: str, port: int, *, kept: Path | None = None) -> None:
    """Serves until SIGTERM or SIGINT; with `kept`, the world lives in that file.

    Without it there are an OA and a Page to begin with, and what connects them is printed.
    """
    serving.in_new_loop(lambda: _serve(host, port, kept))


async def _serve(host: str, port: int, kept: Path | None) -> None:
    app = create_app(first_number=int(utc_now().timestamp()))
    world: World = app.state.world
    if kept is not None:
        _restore(world, kept)
    for site in world.portals.values():
        world.start(_read_on(world, site))
    _log.info("sandbox.started", address=f"http://{host}:{port}")
    if kept is None:
        open_samples(world)
        _tell(world, f"http://{host}:{port}")
    keeping = asyncio.create_task(_keep_on(world, kept)) if kept is not None else None
    try:
        await serving.serve(app, host=host, port=port, grace_seconds=1, lifespan=True)
    finally:
        if keeping is not None and kept is not None:
            keeping.cancel()
            _keep(world, kept)


def _tell(world: World, address: str) -> None:
    """What a person needs to connect the accounts. Their secrets open nothing but this sandbox."""
    say(f"Sổ cái · Ledger: {address}/ledger    Sự cố · Faults: {address}/faults")
    for one in accounts_told(world):
        given = json.dumps({name: one[name] for name in ("settings", "credentials")})
        say(f"loa account add {one['channel']} '{one['name']}' --unit CODE <<< '{given}'")


async def _read_on(world: World, site: PortalSite) -> None:
    """What a portal of the kept world did before: it reads its feed, again and again."""
    while True:
        await poll(world, site)
        await asyncio.sleep(site.every)


async def _keep_on(world: World, kept: Path) -> None:
    seen = -1
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        if world.event_no != seen:
            seen = world.event_no
            _keep(world, kept)


def _keep(world: World, kept: Path) -> None:
    state = {name: value for name, value in vars(world).items() if name not in _OWN}
    draft = kept.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_bytes(pickle.dumps((_FORMAT, state)))
    draft.replace(kept)


def _restore(world: World, kept: Path) -> None:
    """Takes up the kept world; one of another version of the sandbox is left, with a warning."""
    if not kept.exists():
        return
    try:
        form, state = pickle.loads(kept.read_bytes())  # noqa: S301  # our own file, see above
    except Exception as error:  # noqa: BLE001  # a class that moved raises almost anything
        _log.warning("sandbox.world_lost", reason=type(error).__name__)
        return
    if form == _FORMAT and state.keys() == vars(world).keys() - _OWN:
        vars(world).update(state)
    else:
        _log.warning("sandbox.world_lost", reason="other version")
