"""The conformance checks find what is wrong: each channel here breaks one promise on purpose."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

import httpx
import pytest
from loa_board.bench import bench_on
from loa_board.channel import Board
from loa_board.server import BoardServer, serving
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from shared.contract import conformance_live
from shared.contract.conformance import pure_checks
from shared.contract.conformance_live import live_checks
from shared.contract.errors import ChannelError, ChannelNotSentError, ChannelRejectedError, Remedy
from shared.contract.messages import (
    Account,
    Call,
    Fingerprint,
    Outcome,
    Page,
    Payload,
    RemoteId,
    Rendition,
    Revision,
    Seen,
    Step,
)
from shared.http import Clients, tls_context

KEY = "chia-khoa-bang-tin"
QUICK = timedelta(seconds=0.2)

Check: TypeAlias = Callable[[type[Board], str], Awaitable[list[str]]]


# ── Broken without being called ──────────────────────────────────────────────────────────────────


class Counting(Board):
    """Renders something else each time."""

    turns = itertools.count()

    @override
    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        rendition = super().render(revision, settings)
        return replace(rendition, payload={**rendition.payload, "turn": next(self.turns)})


class Unmarked(Board):
    """Loses the item's address."""

    @override
    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        rendition = super().render(revision, settings)
        return replace(rendition, payload={**rendition.payload, "link": "https://board.example"})


class Objects(Board):
    """Puts an object into the payload."""

    @override
    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        payload: Payload = {"link": revision.url, "at": revision.published_at}  # type: ignore[dict-item]
        return Rendition(payload=payload)


class Fragile(Board):
    """Cannot stand an item without words."""

    @override
    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        assert revision.title[0]
        return super().render(revision, settings)


class Silent(Board):
    """Keeps what is too long to itself."""

    @override
    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        return replace(super().render(revision, settings), problems=())


class Forgetful(Board):
    """Recognises its posts by their address only, whatever they say."""

    @override
    def fingerprint(self, payload: Payload) -> Fingerprint:
        return Fingerprint(link=str(payload["link"]), text="")


class Wavering(Board):
    """Plans something else each time it is asked."""

    turns = itertools.count()

    @override
    def step(self, call: Call) -> Step:
        return Step(name=f"step {next(self.turns)}", repeatable=False)


class Synchronous(Board):
    """Publishes with a plain function."""

    @override
    def publish(self, call: Call) -> Outcome:  # type: ignore[override]
        raise NotImplementedError


class OpenSettings(BaseModel):
    """Takes anything, explains nothing."""

    board: str


class PlainKey(BaseModel):
    """A secret as plain text."""

    model_config = ConfigDict(extra="forbid")
    key: str = Field(title="Khoá")


class Loose(Board):
    """Takes unknown settings."""

    settings_form: type[BaseModel] = OpenSettings

    @override
    def remote_id_of(self, settings: BaseModel) -> str:
        return "thon-dong"


class Talkative(Board):
    """Prints its key."""

    credentials_form: type[BaseModel] = PlainKey


class Elsewhere(Board):
    """Takes a variable that the hub would refuse."""

    variables: Mapping[str, str] = {"BOARD_URL": ""}


class Half(Board):
    """Reads webhooks, but cannot tell whose they are."""

    def events(self, body: bytes) -> tuple[()]:
        return ()


class Unnamed(Board):
    """Has a name that no database column should hold."""

    name = "Bảng tin"


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (Counting, "renders differently the second time"),
        (Unmarked, "does not carry the item's address"),
        (Objects, "is not plain JSON"),
        (Fragile, "rendering no words at all: raised IndexError"),
        (Silent, "a title beyond the channel's own limit is not told"),
        (Forgetful, "two different texts have one fingerprint"),
        (Wavering, "changes while nothing happens"),
        (Synchronous, "publish is not `async def`"),
        (Loose, "the settings take a field that they do not know"),
        (Loose, "settings.board has no title"),
        (Talkative, "credentials.key is text that could be printed"),
        (Elsewhere, "does not begin with LOA_"),
        (Half, "it can half receive: handshake, "),
        (Unnamed, "the name 'Bảng tin' is not"),
    ],
)
def test_a_broken_promise_is_told(broken: type[Board], words: str) -> None:
    told = pure_checks(broken(), settings={"board": "thon-dong"}, credentials={"key": KEY})
    assert any(words in one for one in told), told


def test_an_account_that_cannot_be_connected_ends_the_checks_with_words() -> None:
    told = pure_checks(Board(), settings={}, credentials={})
    assert any("connecting an account raised ValidationError" in one for one in told)


# ── Broken when called ───────────────────────────────────────────────────────────────────────────


class Repeating(Board):
    """Tries again when it hears nothing."""

    @override
    async def publish(self, call: Call) -> Outcome:
        try:
            return await super().publish(call)
        except ChannelError:
            return await super().publish(call)


class Hopeful(Board):
    """Takes every failure for one that came before any effect."""

    @override
    async def publish(self, call: Call) -> Outcome:
        try:
            return await super().publish(call)
        except ChannelError as error:
            raise ChannelRejectedError("refused", remedy=Remedy.EDIT) from error


class Certain(Board):
    """Says that nothing left, whatever happened."""

    @override
    async def update(self, call: Call) -> Outcome:
        try:
            return await super().update(call)
        except ChannelError as error:
            raise ChannelNotSentError("unreachable") from error


class Careless(Board):
    """Says that everything may be repeated."""

    @override
    def step(self, call: Call) -> Step:
        return Step(name=call.operation.value, repeatable=True)


class Patient(Board):
    """Does not look at the deadline."""

    @override
    async def publish(self, call: Call) -> Outcome:
        return await super().publish(replace(call, deadline=call.deadline * 7))


class Deaf(Board):
    """Swallows being cancelled."""

    @override
    async def publish(self, call: Call) -> Outcome:
        try:
            return await super().publish(call)
        except asyncio.CancelledError as error:
            raise ChannelNotSentError("cancelled") from error


class Idle(Board):
    """Says that a post is down without taking it down."""

    @override
    async def withdraw(self, call: Call) -> Outcome:
        return await super().update(replace(call, payload={"title": "-", "text": "", "link": ""}))


class Blind(Board):
    """Finds nothing on the board, and reads the wrong words."""

    @override
    async def listing(self, account: Account, *, since: datetime, cursor: str | None) -> Page:
        return Page(seen=())

    @override
    async def read(self, account: Account, remote_id: RemoteId) -> Seen | None:
        seen = await super().read(account, remote_id)
        return replace(seen, text="khác") if seen else None


class Twofold(Board):
    """Makes a new post of every correction."""

    @override
    async def update(self, call: Call) -> Outcome:
        return await super().publish(replace(call, remote_id=None))


class Chatty(Board):
    """Writes its key into an error."""

    @override
    async def publish(self, call: Call) -> Outcome:
        try:
            return await super().publish(call)
        except ChannelError as error:
            raise type(error)(error.code, remote_message=f"X-Board-Key: {KEY}") from error


class FollowingClients(Clients):
    """Clients that go where an answer points."""

    @override
    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(follow_redirects=True, verify=tls_context()) as client:
            yield client


class Following(Board):
    """Goes where a redirect points, and sends everything once more."""

    @override
    def configure(self, values: Mapping[str, str]) -> None:
        super().configure(values)
        self._client._clients = FollowingClients()


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[BoardServer]:
    async with serving(KEY) as running:
        yield running


@pytest.fixture
def check(server: BoardServer, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Runs one of the live checks alone, which is quicker than all."""

    async def run(broken: type[Board], what: str) -> list[str]:
        monkeypatch.setattr(conformance_live, "_LIVE", {what: conformance_live._LIVE[what]})
        bench = bench_on(broken(), server, f"thon-{broken.__name__.lower()}")
        try:
            return await live_checks(bench.channel, bench, deadline=QUICK)
        finally:
            await bench.channel.aclose()

    return run


@pytest.mark.parametrize(
    ("broken", "what", "words"),
    [
        (Repeating, "telling the truth", "and calls 2 times"),
        (Hopeful, "telling the truth", "says ChannelRejectedError: refused, not uncertain"),
        (
            Certain,
            "telling the truth",
            "'update' of update meets hang and says ChannelNotSentError",
        ),
        (Careless, "repeating", "steps of publish that call themselves repeatable"),
        (Patient, "telling the truth", "'publish' of publish meets hang and ends"),
        (Deaf, "being cancelled", "a cancelled publish says something else than cancelled"),
        (Idle, "withdrawing", "a post that was withdrawn is still seen"),
        (Blind, "reading back", "a new post does not stand in the list"),
        (Blind, "reading back", "other words are read back"),
        (Blind, "telling the truth", "a citizen sees 2 new posts"),
        (Twofold, "correcting", "a post that was corrected has another id"),
        (Chatty, "telling the truth", "a secret stands in the words of an error"),
        (Following, "telling the truth", "'publish' of publish meets redirect and calls 2 times"),
        (Hopeful, "reaching nobody", "publish reaches nobody and says ChannelRejectedError"),
    ],
)
async def test_a_lie_is_told(check: Check, broken: type[Board], what: str, words: str) -> None:
    told = await check(broken, what)
    assert any(words in one for one in told), told
