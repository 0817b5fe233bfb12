"""Reading back where Graph's answers must be exact to the letter: scripted, page by page."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from adapters.facebook_page.channel import FacebookPage
from shared.contract.errors import ChannelRejectedError, ChannelUncertainError, Remedy
from shared.contract.messages import (
    Account,
    Call,
    Continue,
    Done,
    Operation,
    Payload,
    RemoteId,
    Seen,
)
from tests.adapters.facebook_page.loopback import Loopback, Script, reply

SINCE = datetime(2026, 11, 21, 10, tzinfo=UTC)
PAGE = reply('{"id":"111","name":"Bộ Nội vụ"}')
GONE = reply('{"error":{"message":"gone","code":100,"error_subcode":33}}', status="400 Bad")
EMPTY = reply('{"data":[]}')
POST = RemoteId("111_222")


def entry(no: int, *, minutes: int) -> dict[str, object]:
    at = SINCE + timedelta(minutes=minutes)
    return {
        "id": f"111_{no}",
        "message": f"Tin {no}",
        "created_time": f"{at:%Y-%m-%dT%H:%M:%S}+0000",
    }


def listed(*entries: Mapping[str, object], after: str | None = None) -> Script:
    paging = {"cursors": {"after": after}, "next": "https://…"} if after else {}
    return reply(json.dumps({"data": list(entries), "paging": paging}))


def lines(raw: Loopback) -> list[str]:
    return [request.split(b" HTTP/1.1")[0].decode() for request in raw.requests]


async def whole(page: FacebookPage, account: Account) -> list[Seen]:
    found: list[Seen] = []
    cursor: str | None = None
    while True:
        one = await page.listing(account, since=SINCE, cursor=cursor)
        found += one.seen
        cursor = one.cursor
        if cursor is None:
            return found


async def test_one_old_page_is_not_the_end_of_a_ranked_list(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(
        listed(entry(1, minutes=5), after="A"),
        listed(entry(2, minutes=-900), after="B"),
        listed(entry(3, minutes=1), entry(4, minutes=-900), after="C"),
        listed(entry(5, minutes=-900), after="D"),
        listed(entry(6, minutes=-900), after="E"),
        EMPTY,
    )
    found = await whole(page, account)

    assert [one.remote_id for one in found] == ["111_1", "111_3"]
    assert [line.split("?")[0] for line in lines(raw)] == [
        *["GET /graph/v25.0/111/published_posts"] * 5,
        "GET /graph/v25.0/111/videos",
    ]
    assert "after=D" in lines(raw)[4]


async def test_a_video_in_the_making_is_listed_and_not_visible(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    busy = {"id": "777", "description": "Lời", "status": {"video_status": "processing"}}
    done = {"id": "778", "description": "Lời", "post_id": "111_9"}
    raw.answers(EMPTY, listed(busy, done))
    found = await whole(page, account)

    assert [(one.remote_id, one.visible) for one in found] == [("777", False)]


async def test_an_entry_without_a_time_counts_as_young(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(listed({"id": "111_1"}), EMPTY)

    assert [one.at for one in await whole(page, account)] == [None]


async def test_a_page_that_cannot_be_read_is_an_error_and_no_end(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply("<html>", status="502 Bad", headers=("Content-Type: text/html",)))

    with pytest.raises(ChannelUncertainError):
        await whole(page, account)


async def test_an_empty_baseline_is_believed_only_of_the_right_page(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(EMPTY, PAGE, EMPTY, reply('{"id":"999"}'))

    assert (await page.newest(account)).seen == ()
    with pytest.raises(ChannelUncertainError):
        await page.newest(account)


async def test_a_denied_post_is_gone_when_the_page_is_readable_and_no_list_has_it(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE, PAGE, listed(entry(1, minutes=0), after="A"), EMPTY)

    assert await page.read(account, POST) is None


async def test_a_denied_post_that_a_list_still_has_is_in_doubt(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE, PAGE, listed(entry(1, minutes=0), after="A"), listed(entry(222, minutes=0)))

    with pytest.raises(ChannelUncertainError) as caught:
        await page.read(account, POST)

    assert caught.value.code == "post_unreadable"


async def test_a_denied_post_of_an_unreadable_page_proves_nothing(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE)

    with pytest.raises(ChannelRejectedError) as caught:
        await page.read(account, POST)

    assert (caught.value.code, caught.value.remedy) == ("page_missing", Remedy.HUMAN)


def withdrawal(account: Account, phase: str | None = None) -> Call:
    return Call(
        operation=Operation.WITHDRAW, account=account, payload=None, remote_id=POST, phase=phase
    )


async def test_a_denied_withdrawal_is_done_only_after_reading(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE, GONE, PAGE, EMPTY)
    first = await page.withdraw(withdrawal(account))

    assert isinstance(first, Continue)
    assert (first.phase, len(raw.requests)) == ("gone?", 1)

    second = await page.withdraw(withdrawal(account, first.phase))

    assert isinstance(second, Done)
    assert second.receipt.remote_id == POST


async def test_a_denied_withdrawal_of_a_post_that_is_still_there_deletes_again(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply(json.dumps(entry(222, minutes=0))), reply('{"success":true}'))
    doubt = await page.withdraw(withdrawal(account, "gone?"))

    assert isinstance(doubt, Continue)
    assert (doubt.phase, doubt.waiting) == ("again", True)
    assert isinstance(await page.withdraw(withdrawal(account, doubt.phase)), Done)


async def test_a_denied_withdrawal_in_doubt_asks_again_later(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE, PAGE, listed(entry(222, minutes=0)))
    doubt = await page.withdraw(withdrawal(account, "gone?"))

    assert isinstance(doubt, Continue)
    assert (doubt.phase, doubt.waiting) == ("gone?", True)


async def test_a_withdrawal_without_success_is_uncertain(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"success":false}'))

    with pytest.raises(ChannelUncertainError):
        await page.withdraw(withdrawal(account))


async def test_a_correction_of_a_post_that_is_gone_fails_for_its_people(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(GONE, PAGE, EMPTY)
    payload: Payload = {"message": "x", "link": None, "pictures": [], "video": None, "marker": "m"}
    call = Call(operation=Operation.UPDATE, account=account, payload=payload, remote_id=POST)

    with pytest.raises(ChannelRejectedError) as caught:
        await page.update(call)

    assert (caught.value.code, caught.value.remedy) == ("post_missing", Remedy.EDIT)


async def test_a_video_that_facebook_cannot_process_is_refused(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"id":"777","status":{"video_status":"error"}}'))
    payload: Payload = {"message": "x", "link": None, "pictures": [], "video": None, "marker": "m"}
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    call = Call(
        operation=Operation.PUBLISH,
        account=account,
        payload=payload,
        phase="video",
        handle={"video": "777", "words": digest},
    )

    with pytest.raises(ChannelRejectedError) as caught:
        await page.publish(call)

    assert caught.value.code == "media_refused"


async def test_a_connection_test_reports_what_it_could_not_read(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"error":{"message":"x","code":190,"error_subcode":463}}', status="400 Bad"))
    found = await page.check(account)

    assert [(probe.name, probe.ok) for probe in found] == [
        ("page", False),
        ("posts", False),
        ("version", True),
        ("token", False),
        ("permissions", False),
    ]
    vi, en = found[0].detail.split(" · ")
    assert vi.endswith("Facebook báo: 190/463.")
    assert en.endswith("Facebook says: 190/463.")
    assert all(len(probe.detail.split(" · ")) == 2 for probe in found)
