"""Lists in orders that nobody promised, articles that are gone, and what is read of one."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters.zalo_oa.channel import ZaloOa, channel
from shared.contract.errors import ChannelError, ChannelRejectedError, ChannelUncertainError
from shared.contract.messages import RemoteId, Seen
from tests.adapters.zalo_oa.host import ScriptedHost, good, raw, refused
from tests.adapters.zalo_oa.makers import LINK, SETTINGS, account, revision

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SINCE = NOW - timedelta(hours=1)
ONE = RemoteId("a1")


def media(no: int, *, age: timedelta = timedelta(0), status: object = "show") -> dict[str, object]:
    at = round((NOW - age).timestamp() * 1000)
    return {
        "id": f"a{no}",
        "title": f"Bài {no}",
        "status": status,
        "create_date": at,
        "link_view": f"https://z.vn/a{no}",
    }


def part(*medias: dict[str, object], total: object = None) -> bytes:
    return good({"total": len(medias) if total is None else total, "medias": list(medias)})


async def all_pages(oa: ZaloOa) -> list[Seen]:
    found: list[Seen] = []
    cursor: str | None = None
    for _ in range(30):
        page = await oa.listing(account(), since=SINCE, cursor=cursor)
        found.extend(page.seen)
        cursor = page.cursor
        if cursor is None:
            return found
    raise AssertionError("a listing without end")


def targets(host: ScriptedHost) -> list[str]:
    return [one.target.split("?")[1] for one in host.asked]


async def test_both_kinds_are_listed_with_flat_parameters_and_ten_at_most(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(part(media(1), media(2, status="hide")), part())
    found = await all_pages(oa)
    assert targets(host) == ["offset=0&limit=10&type=normal", "offset=0&limit=10&type=video"]
    assert [(one.remote_id, one.visible) for one in found] == [("a1", True), ("a2", False)]
    assert found[0] == Seen(
        remote_id=ONE,
        text="Bài 1",
        at=NOW,
        remote_url="https://z.vn/a1",
        complete=False,
        title="Bài 1",
    )


async def test_a_list_from_new_to_old_is_left_when_a_page_is_clearly_older(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    new = [media(no, age=timedelta(minutes=no)) for no in range(10)]
    old = [media(no, age=timedelta(hours=no)) for no in range(10, 20)]
    host.will(part(*new, total="500"), part(*old, total="500"), part())
    assert len(await all_pages(oa)) == 10
    assert targets(host)[1] == "offset=10&limit=10&type=normal"
    assert len(host.asked) == 3


async def test_a_page_only_a_little_older_does_not_end_the_reading(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    edge = [media(no, age=timedelta(minutes=65, seconds=no)) for no in range(10)]
    host.will(part(*edge, total=11), part(media(11, age=timedelta(days=1)), total=11), part())
    assert await all_pages(oa) == []
    assert len(host.asked) == 3


@pytest.mark.parametrize("newest_at", [0, 5, 9])
async def test_a_list_in_another_order_is_read_to_its_end(
    oa: ZaloOa, host: ScriptedHost, newest_at: int
) -> None:
    pages = [[media(p * 10 + n, age=timedelta(days=40 - p * 10 - n)) for n in range(10)]
             for p in range(3)]  # fmt: skip
    pages[2][newest_at] = media(99)
    host.will(*(part(*page, total=30) for page in pages), part())
    assert [one.remote_id for one in await all_pages(oa)] == ["a99"]


async def test_a_single_old_entry_above_the_new_ones_does_not_hide_them(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    first = [media(no, age=timedelta(days=no + 1)) for no in range(10)]
    first[0] = media(0, age=timedelta(days=400))
    host.will(part(*first, total=11), part(media(11), total=11), part())
    assert [one.remote_id for one in await all_pages(oa)] == ["a11"]


async def test_a_list_that_shrinks_between_pages_is_begun_again(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    full = [media(no) for no in range(10)]
    host.will(part(*full, total=12), part(media(11), total=11))
    host.will(part(*full, total=11), part(media(10), total=11), part())
    assert {one.remote_id for one in await all_pages(oa)} >= {"a10"}
    assert targets(host)[2] == "offset=0&limit=10&type=normal"


async def test_a_list_without_a_total_ends_with_a_short_page(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    full = good({"medias": [media(no) for no in range(10)]})
    host.will(full, good({"medias": [media(11)]}), good({"medias": []}))
    assert len(await all_pages(oa)) == 11


@pytest.mark.parametrize(
    "answer",
    [
        good({}),
        good(),
        good({"total": 5, "medias": []}),
        good({"total": 1, "medias": [{"title": "no id"}]}),
        raw(b"<html>", headers="Content-Type: text/html\r\n"),
        raw(b"", status="502 Bad"),
        b"",
    ],
)
async def test_a_page_that_cannot_be_read_proves_nothing(
    oa: ZaloOa, host: ScriptedHost, answer: bytes
) -> None:
    host.will(answer)
    with pytest.raises(ChannelUncertainError):
        await oa.listing(account(), since=SINCE, cursor=None)


async def test_a_refused_reading_says_why(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(refused(-216))
    with pytest.raises(ChannelRejectedError) as caught:
        await oa.listing(account(), since=SINCE, cursor=None)
    assert caught.value.code == "token_expired"


# ── The baseline ─────────────────────────────────────────────────────────────────────────────────


async def test_the_baseline_is_the_first_page_newest_first(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(part(media(1, age=timedelta(days=1)), media(2)))
    page = await oa.newest(account())
    assert [one.remote_id for one in page.seen] == ["a2", "a1"]
    assert page.cursor is None


async def test_an_empty_baseline_is_checked_against_the_oas_own_id(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(part(), part(), good({"oaid": int(SETTINGS.oa_id)}))
    assert (await oa.newest(account())).seen == ()


async def test_the_empty_list_of_another_oa_is_no_baseline(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(part(), part(), good({"oa_id": "42"}))
    with pytest.raises(ChannelRejectedError) as caught:
        await oa.newest(account())
    assert caught.value.code == "wrong_account"


# ── One article ──────────────────────────────────────────────────────────────────────────────────

SENT = channel.render(revision(), SETTINGS).payload
ARTICLE: dict[str, object] = {**SENT["article"], "id": "a1", "status": "show"}  # type: ignore[dict-item]


async def test_an_article_reads_as_it_was_rendered(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(good(ARTICLE | {"create_date": str(round(NOW.timestamp() * 1000))}))
    seen = await oa.read(account(), ONE)
    expected = channel.fingerprint(SENT)
    assert seen is not None
    assert (seen.text, seen.picture_count) == (expected.text, expected.picture_count)
    assert (seen.links, seen.at, seen.visible, seen.complete) == ((LINK,), NOW, True, True)
    assert host.asked[0].target == "/v2.0/article/getdetail?id=a1"


async def test_an_article_without_words_is_not_readable(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(good({"id": "a1", "status": "hide"}))
    seen = await oa.read(account(), ONE)
    assert seen is not None
    assert not seen.readable
    assert not seen.visible


@pytest.mark.parametrize(("listed", "visible"), [("hide", False), ("show", True)])
async def test_a_videos_file_status_is_not_taken_for_its_visibility(
    oa: ZaloOa, host: ScriptedHost, listed: str, visible: bool
) -> None:
    host.will(good({"id": "a1", "type": "video", "title": "t", "status": 1}))
    host.will(part(media(1, status=listed)))
    seen = await oa.read(account(), ONE)
    assert seen is not None
    assert seen.visible is visible
    assert targets(host)[1].endswith("type=video")


async def test_gone_is_believed_beside_a_list_that_reads_and_an_article_that_opens(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(refused(-201), part(media(2)), part(), good(media(2)))
    assert await oa.read(account(), ONE) is None


async def test_gone_is_believed_on_an_oa_without_any_article(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(refused(-201), part(), part())
    assert await oa.read(account(), ONE) is None


@pytest.mark.parametrize(
    "answers",
    [
        [part(media(1))],
        [part(), part(media(1))],
        [part(media(2)), part(), refused(-201)],
        [raw(b"", status="500 Oh")],
        [refused(-216)],
    ],
)
async def test_gone_is_not_believed_without_that_proof(
    oa: ZaloOa, host: ScriptedHost, answers: list[bytes]
) -> None:
    host.will(refused(-201), *answers)
    with pytest.raises(ChannelError):
        await oa.read(account(), ONE)


@pytest.mark.parametrize("answer", [refused(-99999), good({"id": "other", "title": "t"}), b""])
async def test_an_answer_about_something_else_is_no_reading(
    oa: ZaloOa, host: ScriptedHost, answer: bytes
) -> None:
    host.will(answer)
    with pytest.raises(ChannelUncertainError):
        await oa.read(account(), ONE)
