"""Posts, pictures and videos step by step: what is sent, in which order, and what is kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs

import pytest

from adapters.facebook_page.channel import FacebookPage
from shared.contract.errors import (
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import (
    Account,
    Call,
    Continue,
    Done,
    Json,
    Operation,
    Outcome,
    Payload,
    RemoteId,
)
from tests.adapters.facebook_page.loopback import Loopback, Script, reply

LINK = "https://loa.example/tin/A-1"
JPEGS = [b"\xff\xd8one", b"\xff\xd8two"]
FILM = b"\x00\x00\x00\x18ftypmp42"
MADE = reply('{"id":"111_222","permalink_url":"https://fb.example/p/222"}')
LIMITED = reply('{"error":{"message":"slow","code":80001}}', status="400 Bad")


def words(**more: Json) -> Payload:
    plain: dict[str, Json] = {"message": f"Tin mới\n\n{LINK}", "link": LINK, "marker": LINK}
    return {**plain, "pictures": [], "video": None, **more}


def with_pictures(raw: Loopback) -> Payload:
    pictures: list[Json] = [
        {"sha256": hashlib.sha256(jpeg).hexdigest(), "url": f"{raw.base}/{no}.jpg", "alt": "Ảnh"}
        for no, jpeg in enumerate(JPEGS)
    ]
    return words(link=None, pictures=pictures)


def with_film(raw: Loopback) -> Payload:
    film: Json = {
        "sha256": hashlib.sha256(FILM).hexdigest(),
        "url": f"{raw.base}/v.mp4",
        "mime": "video/mp4",
        "size_bytes": len(FILM),
        "title": "Phóng sự",
    }
    return words(link=None, video=film)


def jpeg(no: int) -> Script:
    return reply(JPEGS[no], headers=("Content-Type: image/jpeg",))


def publish(account: Account, payload: Payload) -> Call:
    return Call(
        operation=Operation.PUBLISH,
        account=account,
        payload=payload,
        deadline=timedelta(seconds=5),
    )


def after(call: Call, outcome: Outcome) -> Call:
    """The call that the hub makes next: with the committed handle, phase and id."""
    assert isinstance(outcome, Continue)
    return replace(
        call,
        phase=outcome.phase,
        handle=json.loads(json.dumps(outcome.handle)),
        remote_id=outcome.remote_id or call.remote_id,
    )


def sent(raw: Loopback, no: int) -> tuple[str, Mapping[str, list[str]]]:
    head, _, body = raw.requests[no].partition(b"\r\n\r\n")
    path = head.split(b" HTTP/1.1")[0].decode().split("?")[0]
    return path, parse_qs(body.decode("utf-8", "replace"))


async def test_words_and_link_are_one_call(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(MADE)
    done = await page.publish(publish(account, words()))
    path, form = sent(raw, 0)

    assert isinstance(done, Done)
    assert done.receipt.remote_id == "111_222"
    assert done.receipt.remote_url == "https://fb.example/p/222"
    assert path == "POST /graph/v25.0/111/feed"
    assert form["message"] == [f"Tin mới\n\n{LINK}"]
    assert form["link"] == [LINK]
    assert form["fields"] == ["id,permalink_url"]
    assert len(raw.requests) == 1


async def test_without_read_after_write_the_address_follows_from_the_id(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"id":"111_222"}'))
    done = await page.publish(publish(account, words()))

    assert isinstance(done, Done)
    assert done.receipt.remote_url == "https://www.facebook.com/111_222"


async def test_pictures_go_up_unseen_one_per_step_and_then_one_post(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(jpeg(0), reply('{"id":"p0"}'), jpeg(1), reply('{"id":"p1"}'), MADE)
    first = publish(account, with_pictures(raw))
    second = after(first, await page.publish(first))
    third = after(second, await page.publish(second))
    done = await page.publish(third)

    assert isinstance(done, Done)
    assert [sent(raw, no)[0].split("/graph/")[1] for no in range(5)] == [
        "0.jpg",
        "v25.0/111/photos",
        "1.jpg",
        "v25.0/111/photos",
        "v25.0/111/feed",
    ]
    assert JPEGS[1] in raw.requests[3]
    assert b'name="published"\r\n\r\nfalse\r\n' in raw.requests[3]
    form = sent(raw, 4)[1]
    assert form["attached_media"] == ['[{"media_fbid": "p0"}, {"media_fbid": "p1"}]']
    assert "link" not in form


async def test_one_picture_is_a_post_with_attached_media_too(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    pictures = with_pictures(raw)["pictures"]
    assert isinstance(pictures, list)
    raw.answers(jpeg(0), reply('{"id":"p0"}'), MADE)
    first = publish(account, words(link=None, pictures=pictures[:1]))
    await page.publish(after(first, await page.publish(first)))

    assert sent(raw, 2)[1]["attached_media"] == ['[{"media_fbid": "p0"}]']


async def test_a_picture_that_changed_since_its_approval_stops_before_facebook(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(jpeg(1))

    with pytest.raises(ChannelNotSentError) as caught:
        await page.publish(publish(account, with_pictures(raw)))

    assert caught.value.code == "media_changed"
    assert len(raw.requests) == 1


async def test_a_rate_refusal_is_clean_on_a_single_call(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(LIMITED)

    with pytest.raises(ChannelRejectedError) as caught:
        await page.publish(publish(account, words()))

    assert caught.value.remedy is Remedy.SLOW


async def test_a_rate_refusal_is_unclear_on_the_post_after_uploads(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(jpeg(0), reply('{"id":"p0"}'), jpeg(1), reply('{"id":"p1"}'), LIMITED)
    first = publish(account, with_pictures(raw))
    second = after(first, await page.publish(first))
    third = after(second, await page.publish(second))

    with pytest.raises(ChannelUncertainError) as caught:
        await page.publish(third)

    assert (caught.value.code, caught.value.final) == ("rate_limited", False)


async def test_a_video_goes_up_once_and_is_done_when_ready(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(
        reply(FILM, headers=("Content-Type: video/mp4",)),
        reply('{"id":"777"}'),
        reply('{"id":"777","status":{"video_status":"processing"}}'),
        reply(
            '{"id":"777","status":{"video_status":"ready"},"post_id":"888",'
            '"permalink_url":"https://fb.example/v/777"}'
        ),
    )
    first = publish(account, with_film(raw))
    made = await page.publish(first)
    second = after(first, made)
    waiting = await page.publish(second)
    done = await page.publish(after(second, waiting))

    assert isinstance(made, Continue)
    assert (made.phase, made.remote_id, made.waiting) == ("video", "777", False)
    assert isinstance(waiting, Continue)
    assert (waiting.phase, waiting.waiting) == ("video", True)
    assert isinstance(done, Done)
    assert done.receipt.remote_id == "111_888"
    assert done.receipt.remote_url == "https://fb.example/v/777"
    assert FILM in raw.requests[1]
    assert 'name="title"\r\n\r\nPhóng sự\r\n'.encode() in raw.requests[1]


async def test_a_video_without_a_post_is_known_by_its_own_id(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(
        reply(FILM),
        reply('{"id":"777"}'),
        reply('{"id":"777","status":{"video_status":"ready"}}'),
    )
    first = publish(account, with_film(raw))
    done = await page.publish(after(first, await page.publish(first)))

    assert isinstance(done, Done)
    assert done.receipt.remote_id == "777"


async def test_a_video_that_cannot_be_read_yet_is_waited_for(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    gone = reply('{"error":{"message":"x","code":100,"error_subcode":33}}', status="400 Bad")
    raw.answers(reply(FILM), reply('{"id":"777"}'), gone)
    first = publish(account, with_film(raw))
    waiting = await page.publish(after(first, await page.publish(first)))

    assert isinstance(waiting, Continue)
    assert waiting.waiting


async def test_words_that_changed_while_a_video_was_processed_are_edited(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply(FILM), reply('{"id":"777"}'), reply('{"success":true}'))
    first = publish(account, with_film(raw))
    overtaken = after(first, await page.publish(first))
    changed = replace(
        overtaken,
        operation=Operation.UPDATE,
        payload={**with_film(raw), "message": "Lời mới"},
    )
    edited = await page.update(changed)

    assert sent(raw, 2) == (
        "POST /graph/v25.0/777",
        {"description": ["Lời mới"], "appsecret_proof": sent(raw, 2)[1]["appsecret_proof"]},
    )
    assert page.step(after(changed, edited)).name == "look_at_video"


async def test_a_correction_replaces_the_words_of_the_post(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"success":true}'))
    call = Call(
        operation=Operation.UPDATE,
        account=account,
        payload=words(message="Lời mới"),
        remote_id=RemoteId("111_222"),
    )
    done = await page.update(call)
    path, form = sent(raw, 0)

    assert isinstance(done, Done)
    assert path == "POST /graph/v25.0/111_222"
    assert (form["message"], "link" in form) == (["Lời mới"], False)


async def test_a_withdrawal_deletes_the_post(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    raw.answers(reply('{"success":true}'))
    call = Call(
        operation=Operation.WITHDRAW,
        account=account,
        payload=None,
        remote_id=RemoteId("111_222"),
    )
    done = await page.withdraw(call)

    assert isinstance(done, Done)
    assert done.receipt.remote_id == "111_222"
    assert sent(raw, 0)[0] == "DELETE /graph/v25.0/111_222"


async def test_a_withdrawal_before_the_post_clears_the_uploads(
    raw: Loopback, page: FacebookPage, account: Account
) -> None:
    gone = reply('{"error":{"message":"x","code":100,"error_subcode":33}}', status="400 Bad")
    raw.answers(jpeg(0), reply('{"id":"p0"}'), jpeg(1), reply('{"id":"p1"}'), gone, MADE)
    first = publish(account, with_pictures(raw))
    second = after(first, await page.publish(first))
    third = after(second, await page.publish(second))
    away = replace(third, operation=Operation.WITHDRAW, payload=None)
    rest = await page.withdraw(away)
    done = await page.withdraw(after(away, rest))

    assert isinstance(done, Done)
    assert [sent(raw, no)[0] for no in (4, 5)] == [
        "DELETE /graph/v25.0/p0",
        "DELETE /graph/v25.0/p1",
    ]
