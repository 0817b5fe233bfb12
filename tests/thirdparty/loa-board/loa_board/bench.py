"""The simulated board as a bench for `shared.contract.conformance_live`."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

from loa_board.channel import Board
from loa_board.server import BoardServer
from loa_board.settings import BoardCredentials, BoardSettings
from shared.contract.conformance_live import Fault
from shared.contract.messages import Account, Revision
from shared.contract.samples import sample_revision


@dataclass(frozen=True, slots=True)
class BoardBench:
    """One board of a server that runs in this process."""

    channel: Board
    server: BoardServer
    account: Account
    revision: Revision

    async def shown(self) -> Collection[str]:
        """What hangs on the board."""
        return set(self.server.visible(self.account.remote_id))

    async def changes(self) -> int:
        """How many changing requests have arrived."""
        return self.server.changes

    async def will_meet(self, fault: Fault) -> bool:
        """The server plays every fault."""
        self.server.fault = fault
        return True

    async def mend(self) -> None:
        """Nothing is wrong any more."""
        self.server.fault = None

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """The channel calls a port of this machine on which nobody listens."""
        await self.channel.aclose()
        self.channel.configure({"LOA_BOARD_URL": "http://127.0.0.1:9"})
        try:
            yield
        finally:
            await self.channel.aclose()
            self.channel.configure({"LOA_BOARD_URL": self.server.url})


def bench_on(channel: Board, server: BoardServer, board: str) -> BoardBench:
    """A bench on this board; the channel calls the server from now on."""
    channel.configure({"LOA_BOARD_URL": server.url})
    account = Account(
        id=uuid4(),
        name="Bảng tin thử",
        remote_id=board,
        settings=BoardSettings(board=board),
        credentials=BoardCredentials.model_validate({"key": server.key}),
    )
    return BoardBench(channel, server, account, sample_revision())
