"""The hub of a rehearsal: as in service, with short leases, looks and proofs of absence."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from services.channels.registry import Registry
from services.delivery.hub import Rules
from tests.bench.rules import sandbox_hosts
from tests.support.hub import Bench, make_bench

ROUGH = Rules(
    hold=timedelta(0),
    lane=timedelta(seconds=6),
    runaway_per_hour=0,
    look_schedule=tuple(timedelta(seconds=seconds) for seconds in (0.5, 1.5, 3, 5, 8, 12)),
    absence={"zalo_oa": timedelta(seconds=3), "facebook_page": timedelta(seconds=3)},
)


def rough_hub(
    url: str, media: str, sandbox: str, public_url: str, *, by_key: bool = False
) -> Bench:
    """The hub over this database, whose channels the sandbox plays."""
    channels = Registry.load(sandbox_hosts(sandbox))
    bench = make_bench(url, Path(media), channels, rules=ROUGH, by_key=by_key)
    return replace(bench, hub=replace(bench.hub, public_url=public_url))
