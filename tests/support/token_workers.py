"""Real processes whose workers meet an expired token of one account, for tests of the token races.

A process holds many workers over several engines, so they share nothing but the database, as the
workers of as many programs would. Started with multiprocessing's forkserver.
"""

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from uuid import UUID

import uvloop
from typing_extensions import override

from adapters.zalo_oa.channel import ZaloOa
from services.channels import accounts, tokens
from services.channels.registry import Registry
from services.channels.tables import Account
from services.channels.tokens import Renewal
from services.delivery.hub import Hub
from shared.contract import messages
from shared.contract.channel import Lister
from shared.contract.errors import ChannelRejectedError, Remedy
from tests.support.hub import make_bench

ENGINES = 2
CALLERS = 5
"""How many workers of a process make a real call and are refused; the others only heard of it."""
_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the workers of one process met in one round."""

    refused: int
    outcomes: tuple[str, ...]
    reads_again: bool


class Dying(ZaloOa):
    """The real channel, in a process that ends itself as `kill -9` does."""

    die_at = ""

    @override
    async def renew(self, account: messages.Account) -> messages.RenewedCredentials:
        if self.die_at == "before the call":
            os.kill(os.getpid(), signal.SIGKILL)
        renewed = await super().renew(account)
        if self.die_at == "with the answer in hand":
            os.kill(os.getpid(), signal.SIGKILL)
        return renewed


def meet(
    url: str, media: str, hosts: Mapping[str, str], account_id: str, workers: int, line: Connection
) -> None:
    """Serves rounds, each asked for by one message, until the line says None."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_meet(url, Path(media), hosts, UUID(account_id), workers, line))


def die(url: str, media: str, hosts: Mapping[str, str], account_id: str, where: str) -> None:
    """Renews the account's token and dies at `where`; or not, where that is never reached."""
    channel = Dying()
    channel.die_at = where
    channel.configure(hosts)
    asyncio.run(_renew_once(url, Path(media), Registry.of(channel), UUID(account_id)))


async def _renew_once(url: str, media: Path, registry: Registry, account_id: UUID) -> None:
    bench = make_bench(url, media, registry, size=4)
    await tokens.renew(bench.hub.open_work, registry, bench.hub.sealer, account_id, seen_version=1)
    await bench.engine.dispose()


async def _meet(
    url: str,
    media: Path,
    hosts: Mapping[str, str],
    account_id: UUID,
    workers: int,
    line: Connection,
) -> None:
    registry = Registry.load(hosts)
    benches = [
        make_bench(url, media, registry, size=2 * (workers // ENGINES + 1)) for _ in range(ENGINES)
    ]
    async with AsyncExitStack() as stack:
        for bench in benches:
            stack.push_async_callback(bench.engine.dispose)
        # Read before the round begins: every worker starts with the token that is about to end.
        row, account = await _opened(benches[0].hub, account_id)
        line.send("ready")
        while await asyncio.to_thread(line.recv):
            told = await asyncio.gather(
                *(
                    _worker(
                        benches[number % ENGINES].hub,
                        account,
                        row.credentials_version,
                        calls=number < CALLERS,
                    )
                    for number in range(workers)
                )
            )
            row, account = await _newer(benches[0].hub, account_id, row.credentials_version)
            line.send(
                Told(
                    refused=sum(refused for refused, _ in told),
                    outcomes=tuple(outcome.value for _, outcome in told),
                    reads_again=not await _refused(registry, account),
                )
            )


async def _worker(
    hub: Hub, account: messages.Account, seen_version: int, *, calls: bool
) -> tuple[bool, Renewal]:
    """Calls with the token it has, is refused, and asks once for a newer one."""
    refused = calls and await _refused(hub.registry, account)
    outcome = await tokens.renew(
        hub.open_work, hub.registry, hub.sealer, account.id, seen_version=seen_version
    )
    return refused, outcome


async def _newer(hub: Hub, account_id: UUID, seen_version: int) -> tuple[Account, messages.Account]:
    """The account once its token is newer, as the loop would open it for its next try."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            row, account = await _opened(hub, account_id)
            if row.credentials_version > seen_version:
                return row, account
            await asyncio.sleep(0.02)


async def _refused(registry: Registry, account: messages.Account) -> bool:
    channel = registry.get("zalo_oa")
    assert isinstance(channel, Lister)
    try:
        await channel.newest(account)
    except ChannelRejectedError as error:
        if error.remedy is not Remedy.RENEW:
            raise
        return True
    return False


async def _opened(hub: Hub, account_id: UUID) -> tuple[Account, messages.Account]:
    async with hub.open_work() as session:
        row = await session.get_one(Account, account_id)
    return row, accounts.opened(hub.registry, hub.sealer, row)


ROUND_AGE = timedelta(hours=26)
"""How far the channel's clock moves before each round: a token of 25 hours is over."""
