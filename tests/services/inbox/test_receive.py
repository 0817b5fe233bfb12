from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlmodel import col

from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account as AccountRow
from services.inbox.receive import Received, receive
from services.inbox.tables import InboundEvent
from services.staff.tables import Unit
from services.storage.columns import new_id
from services.storage.session import Opener, make_engine, opener
from shared.contract.messages import Account, SignatureVerdict
from shared.contract.messages import InboundEvent as Event
from shared.errors import NotFoundError
from tests.services.channels.fakes import FakeChannel, FakeCredentials

SEALER = Sealer(b"k" * 32)


class CallingChannel(FakeChannel):
    """A channel that calls: each line of a body is an event; `x-verdict` says how it was signed."""

    refuses_bad_signature = True

    def verify(
        self, account: Account, *, headers: Mapping[str, str], body: bytes
    ) -> SignatureVerdict:
        told = headers.get("x-verdict", "ok")
        return "bad" if told == "bad" else "unconfigured" if told == "unconfigured" else "ok"

    def handshake(self, account: Account, query: Mapping[str, str]) -> str | None:
        return None

    def events(self, body: bytes) -> tuple[Event, ...]:
        return tuple(Event(key=line, kind="x", sent_at=None) for line in body.decode().split())


@pytest.fixture(scope="module")
async def open_work(database_url: str) -> AsyncIterator[Opener]:
    engine = make_engine(database_url)
    yield opener(engine)
    await engine.dispose()


@pytest.fixture
async def account(open_work: Opener) -> UUID:
    unit = Unit(code=new_id().hex, name="Đơn vị")
    row = AccountRow(
        unit_id=unit.id,
        channel="fake",
        name=new_id().hex,
        remote_id=new_id().hex,
        settings={"page": "trang"},
        sealed_credentials=b"",
    )
    from services.channels.accounts import sealed_credentials

    row.sealed_credentials = sealed_credentials(
        SEALER, row.id, FakeCredentials.model_validate({"key": "k"})
    )
    async with open_work() as session:
        session.add(unit)
        await session.flush()
        session.add(row)
    return row.id


async def deliver(
    open_work: Opener,
    account: UUID,
    body: bytes,
    *,
    channel: CallingChannel | None = None,
    **headers: str,
) -> Received:
    async with open_work() as session:
        return await receive(
            session,
            Registry.of(channel or CallingChannel()),
            SEALER,
            channel="fake",
            account_id=account,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
            body=body,
        )


async def kept(open_work: Opener, account: UUID) -> dict[str, InboundEvent]:
    async with open_work() as session:
        rows = await session.scalars(
            select(InboundEvent).where(col(InboundEvent.account_id) == account)
        )
        return {row.key: row for row in rows}


async def test_an_overlapping_batch_adds_what_is_new_with_its_own_body(
    open_work: Opener, account: UUID
) -> None:
    first = await deliver(open_work, account, b"a b")
    second = await deliver(open_work, account, b"b c d")
    third = await deliver(open_work, account, b"d a")
    found = await kept(open_work, account)
    assert (first, second, third) == (Received.STORED, Received.STORED, Received.SEEN_BEFORE)
    assert {key: row.body for key, row in found.items()} == {
        "a": b"a b",
        "b": b"",
        "c": b"b c d",
        "d": b"",
    }
    assert found["b"].headers == {"body-of": str(found["a"].id)}
    assert found["d"].headers == {"body-of": str(found["c"].id)}


async def test_an_event_twice_in_one_body_is_stored_once(open_work: Opener, account: UUID) -> None:
    assert await deliver(open_work, account, b"a a") is Received.STORED
    assert len(await kept(open_work, account)) == 1


async def test_a_body_without_events_is_kept_all_the_same(open_work: Opener, account: UUID) -> None:
    assert await deliver(open_work, account, b"") is Received.STORED
    (row,) = (await kept(open_work, account)).values()
    assert row.kind == "unknown"


async def test_which_answer_a_bad_signature_gets_is_the_adapters_word(
    open_work: Opener, account: UUID
) -> None:
    patient = CallingChannel()
    patient.refuses_bad_signature = False
    refused = await deliver(open_work, account, b"a", x_verdict="bad")
    quarantined = await deliver(open_work, account, b"a", channel=patient, x_verdict="bad")
    found = await kept(open_work, account)
    assert (refused, quarantined) == (Received.REFUSED, Received.QUARANTINED)
    assert [(row.verdict, row.body) for row in found.values()] == [("quarantined", b"a")]
    assert "a" not in found


async def test_without_a_secret_nothing_is_kept(open_work: Opener, account: UUID) -> None:
    told = await deliver(open_work, account, b"a", x_verdict="unconfigured")
    assert told is Received.UNCONFIGURED
    assert await kept(open_work, account) == {}


async def test_headers_are_kept_without_secrets_and_within_bounds(
    open_work: Opener, account: UUID
) -> None:
    await deliver(
        open_work, account, b"a", authorization="Bearer x", cookie="loa=x", x_long="d" * 5000
    )
    (row,) = (await kept(open_work, account)).values()
    assert set(row.headers) == {"x-long"}
    assert len(row.headers["x-long"]) == 1000


async def test_a_channel_that_takes_no_calls_has_no_hook(open_work: Opener, account: UUID) -> None:
    async with open_work() as session:
        with pytest.raises(NotFoundError):
            await receive(
                session,
                Registry.of(FakeChannel()),
                SEALER,
                channel="fake",
                account_id=account,
                headers={},
                body=b"a",
            )
