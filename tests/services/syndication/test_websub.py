"""What somebody may ask of our hub: the form of a wish, whose topics, how much of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.portal_rss.channel import channel
from services.audit.tables import AuditEntry
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.staff.caller import Caller
from services.storage.session import opener
from services.syndication import websub
from services.syndication.tables import WebSubRequest, WebSubSubscription
from services.syndication.websub import LIMITS, Limits, Wish, ask, wish_of
from shared.clock import utc_now
from shared.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    LoaError,
    NotFoundError,
)
from tests.support.newsroom import KEY, PUBLIC_URL, Newsroom
from tests.support.people import add_person
from tests.support.rooms import clean_engine

TOPIC = f"{PUBLIC_URL}/feeds/cong/rss.xml"
CALLBACK = "https://cong-thong-tin.vn/websub?id=1"
GOOD = (("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", CALLBACK))


@pytest.fixture
async def hub(database_url: str, tmp_path: Path) -> AsyncIterator[Hub]:
    async with clean_engine(database_url) as engine:
        hub = Hub(
            open_work=opener(engine),
            registry=Registry.of(channel),
            sealer=Sealer(KEY),
            media=MediaStore(tmp_path),
            public_url=PUBLIC_URL,
        )
        async with hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            await newsroom.portal("cong")
            await newsroom.portal("cu", stage="closed")
            await newsroom.portal("nhap", stage="trial")
        yield hub


def wish(**changes: object) -> Wish:
    made = Wish(mode="subscribe", topic=TOPIC, callback=CALLBACK)
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of a wish


async def asked(hub: Hub, limits: Limits = LIMITS, **changes: object) -> None:
    async with hub.open_work() as session:
        await ask(session, hub, wish(**changes), limits)


async def requests(hub: Hub) -> list[WebSubRequest]:
    async with hub.open_work() as session:
        rows = await session.execute(
            text("SELECT id FROM web_sub_request WHERE ended_at IS NULL ORDER BY id")
        )
        return [await session.get_one(WebSubRequest, row.id) for row in rows]


def test_a_form_is_read_and_what_is_not_of_websub_is_ignored() -> None:
    fields = (*GOOD, ("hub.lease_seconds", "60"), ("hub.secret", "bí mật"), ("verify", "async"))
    assert wish_of(fields) == wish(lease_seconds=60, secret="bí mật")
    assert wish_of((("hub.mode", "publish"), ("hub.url", TOPIC))).topic == TOPIC


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ((), "websub_mode"),
        ((("hub.mode", "denied"), *GOOD[1:]), "websub_mode"),
        (GOOD[:1], "websub_topic_missing"),
        (GOOD[:2], "websub_callback"),
        ((*GOOD[:2], ("hub.callback", "https://a.vn/" + "x" * 1000)), "websub_callback"),
        ((*GOOD[:2], ("hub.callback", "https://a.vn/#x")), "websub_callback"),
        ((*GOOD, ("hub.callback", "https://other.vn/")), "websub_field_twice"),
        ((*GOOD, ("hub.lease_seconds", "ten days")), "websub_lease"),
        ((*GOOD, ("hub.secret", "x" * 200)), "websub_secret"),
        ((*GOOD, ("hub.secret", "ấ" * 67)), "websub_secret"),
    ],
)
def test_a_form_that_is_not_right_is_refused(
    fields: tuple[tuple[str, str], ...], code: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        wish_of(fields)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("asked_for", "granted"),
    [
        (None, timedelta(days=10)),
        (0, timedelta(days=10)),
        (-5, timedelta(days=10)),
        (1, timedelta(hours=1)),
        (864_000, timedelta(days=10)),
        (10**11, timedelta(days=30)),
    ],
)
def test_a_lease_is_clamped_and_always_ends(asked_for: int | None, granted: timedelta) -> None:
    assert LIMITS.lease_of(asked_for) == granted.total_seconds()


NOT_OURS = (
    "https://elsewhere.example/feeds/cong/rss.xml",
    f"{PUBLIC_URL}/feeds/cong/rss.xml?key=x",
    f"{PUBLIC_URL}/feeds/cong/rss.xml#x",
    f"{PUBLIC_URL}/feeds/CONG/rss.xml",
    f"{PUBLIC_URL}/feeds/cu/rss.xml",
    f"{PUBLIC_URL}/feeds/nhap/rss.xml",
    f"{PUBLIC_URL}/feeds/none/rss.xml",
    f"{PUBLIC_URL}/feeds/opml.xml",
    f"{PUBLIC_URL}/feeds/cong/luu-tru/2026-10/rss.xml",
    f"{PUBLIC_URL}/",
    PUBLIC_URL.upper() + "/feeds/cong/rss.xml",
)
NEVER_ASKED = {
    "http://127.0.0.1/": "address_internal",
    "http://localhost/": "address_host",
    "http://[::1]/": "address_internal",
    "http://169.254.169.254/latest/meta-data/": "address_internal",
    "http://10.0.0.1/": "address_internal",
    "http://2130706433/": "address_host",
    "https://u:p@cong.vn/": "address_credentials",
    "https://cong.vn:8443/": "address_port",
    "ftp://cong.vn/": "address_scheme",
    "file:///etc/passwd": "address_scheme",
    "//cong.vn/": "address_scheme",
    "cong.vn/websub": "address_scheme",
}


async def refusal(hub: Hub, **changes: str) -> str:
    with pytest.raises(LoaError) as refused:
        await asked(hub, LIMITS, **changes)
    return refused.value.code


async def test_only_our_own_open_feeds_are_topics(hub: Hub) -> None:
    told = {topic: await refusal(hub, topic=topic) for topic in NOT_OURS}
    assert set(told.values()) == {"websub_topic"}
    assert await requests(hub) == []


async def test_a_callback_that_is_never_asked_is_refused_at_once(hub: Hub) -> None:
    told = {callback: await refusal(hub, callback=callback) for callback in NEVER_ASKED}
    assert told == NEVER_ASKED
    assert await requests(hub) == []


async def test_a_wish_waits_for_its_check_and_the_newest_counts(hub: Hub) -> None:
    await asked(hub, secret="một")
    await asked(hub, secret="hai", lease_seconds=7200)
    (waiting,) = await requests(hub)
    assert (waiting.mode, waiting.host, waiting.lease_seconds) == (
        "subscribe",
        "cong-thong-tin.vn",
        7200,
    )
    sealed = waiting.sealed_secret or b""
    assert b"hai" not in sealed
    assert hub.sealer.open(sealed, websub.context(waiting.id)) == b"hai"


async def test_to_end_what_never_was_asks_nobody(hub: Hub) -> None:
    await asked(hub, mode="unsubscribe")
    assert await requests(hub) == []
    await asked(hub)
    await asked(hub, mode="unsubscribe")
    assert [one.mode for one in await requests(hub)] == ["unsubscribe"]


async def test_publish_is_taken_for_our_topics_and_changes_nothing(hub: Hub) -> None:
    await asked(hub, mode="publish", callback="")
    with pytest.raises(NotFoundError):
        await asked(hub, mode="publish", callback="", topic="https://elsewhere.example/")
    assert await requests(hub) == []


async def subscribed(hub: Hub, callback: str, **facts: object) -> WebSubSubscription:
    """A subscription that was verified just now."""
    async with hub.open_work() as session:
        account_id = await websub.own_topic(session, hub, TOPIC)
        assert account_id is not None
        row = WebSubSubscription(
            pair=websub.pair_of(TOPIC, callback),
            topic=TOPIC,
            callback=callback,
            host="cong-thong-tin.vn",
            account_id=account_id,
            lease_until=utc_now() + timedelta(days=10),
            **facts,  # type: ignore[arg-type]  # columns
        )
        session.add(row)
    return row


async def test_the_hub_takes_only_so_much_and_lets_known_ones_renew(hub: Hub) -> None:
    for number in range(2):
        await subscribed(hub, f"https://cong-thong-tin.vn/{number}")

    async def refused(limits: Limits, **changes: object) -> str:
        with pytest.raises(ConflictError) as told:
            await asked(hub, limits, **changes)
        return told.value.code

    assert await refused(Limits(per_host=2)) == "websub_host_full"
    assert await refused(Limits(subscriptions=2)) == "websub_full"
    tight = Limits(per_host=2, subscriptions=2, waiting=1, asked=2)
    await asked(hub, tight, callback="https://cong-thong-tin.vn/1")
    assert await refused(tight, callback="https://cong-thong-tin.vn/0") == "websub_busy"
    # Asking the same again is no way around: every check is one call to that host.
    await asked(hub, Limits(asked=2), callback="https://cong-thong-tin.vn/1")
    assert await refused(Limits(asked=2), callback="https://cong-thong-tin.vn/1") == (
        "websub_asked_often"
    )


async def test_an_admin_ends_a_subscription_on_the_record(hub: Hub) -> None:
    row = await subscribed(hub, CALLBACK)
    admin, editor = await caller(hub, row, "admin"), await caller(hub, row, "editor")
    async with hub.open_work() as session:
        standing = await websub.standing_of(session, row.account_id)
    assert [(one.host, one.feed, one.signed) for one in standing.live] == [
        ("cong-thong-tin.vn", "rss.xml", False)
    ]
    with pytest.raises(ForbiddenError):
        await removed(hub, editor, row)
    await removed(hub, admin, row)
    with pytest.raises(NotFoundError):
        await removed(hub, admin, row)
    (denied,) = await requests(hub)
    assert (denied.mode, denied.callback) == ("denied", CALLBACK)
    async with hub.open_work() as session:
        assert await websub.standing_of(session, row.account_id) == websub.Standing()
        entry = (await session.execute(text("SELECT seq FROM audit_entry"))).scalar_one()
        kept = await session.get_one(AuditEntry, entry)
    assert (kept.act, kept.object) == ("account.subscriber_removed", f"account:{row.account_id}")


async def removed(hub: Hub, by: Caller, row: WebSubSubscription) -> None:
    async with hub.open_work() as session:
        await websub.remove(session, by, row.account_id, row.id)


async def caller(hub: Hub, row: WebSubSubscription, role: str) -> Caller:
    async with hub.open_work() as session:
        unit = await session.scalar(
            text("SELECT unit_id FROM account WHERE id = :id"), {"id": row.account_id}
        )
        assert unit is not None
        return await add_person(session, unit, role)


async def test_secrets_are_sealed_anew_when_the_key_changes(hub: Hub) -> None:
    row = await subscribed(hub, CALLBACK)
    async with hub.open_work() as session:
        found = await session.get_one(WebSubSubscription, row.id)
        found.sealed_secret = hub.sealer.seal(b"cu", websub.context(row.id))
    both, new = Sealer(b"n" * 32, KEY), Sealer(b"n" * 32)
    async with hub.open_work() as session:
        assert await websub.reseal(session, both) == 1
        assert await websub.reseal(session, both) == 0
    async with hub.open_work() as session:
        found = await session.get_one(WebSubSubscription, row.id)
        assert new.open(found.sealed_secret or b"", websub.context(row.id)) == b"cu"


async def test_the_numbers_tell_how_many_there_are(hub: Hub) -> None:
    await subscribed(hub, "https://cong-thong-tin.vn/1")
    await subscribed(hub, "https://cong-thong-tin.vn/2", tries=3)
    await subscribed(hub, "https://cong-thong-tin.vn/3", ended_at=utc_now(), ended_why="gone")
    await asked(hub)
    async with hub.open_work() as session:
        assert await websub.numbers(session) == {
            "live": 1,
            "failing": 1,
            "ended": 1,
            "waiting": 1,
        }
