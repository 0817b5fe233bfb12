"""Each step against a host whose answers are written here: what is sent, and what is concluded."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adapters.zalo_oa.channel import ZaloOa, channel
from adapters.zalo_oa.settings import ZaloCredentials
from shared.contract.blocks import Figure
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Call, Continue, Done, Operation, Outcome, Payload
from tests.adapters.zalo_oa.host import ScriptedHost, good, raw, refused, said
from tests.adapters.zalo_oa.makers import (
    CREDENTIALS,
    SETTINGS,
    account,
    call,
    paragraph,
    revision,
    video,
)

PAYLOAD = channel.render(revision(), SETTINGS).payload
OTHER = channel.render(revision(title="Tiêu đề khác"), SETTINGS).payload
FILE = b"\x00\x01 a film \xff" * 100


def own_video(url: str = "") -> Payload:
    film = video(hashlib.sha256(FILE).hexdigest(), url=url, size_bytes=len(FILE))
    item = revision(
        kind="multimedia",
        blocks=(Figure(media_id=film.media_id, alt="phim"),),
        videos={film.media_id: film},
    )
    return channel.render(item, SETTINGS).payload


def after(this: Call, outcome: Outcome) -> Call:
    """The next call, as the hub makes it from a Continue."""
    assert isinstance(outcome, Continue)
    return replace(
        this,
        phase=outcome.phase,
        handle=outcome.handle,
        remote_id=outcome.remote_id or this.remote_id,
    )


async def failure(oa: ZaloOa, this: Call) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await oa.publish(this)
    return caught.value


def detail(**fields: Any) -> bytes:
    article: dict[str, object] = dict(PAYLOAD["article"])  # type: ignore[arg-type]
    return good({**article, "id": "a1", "status": "show", "link_view": "https://z.vn/a1"} | fields)


# ── The four steps of a publication ──────────────────────────────────────────────────────────────


async def test_an_article_is_made_hidden_and_then_shown_under_its_id(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    first = call(payload=PAYLOAD)
    host.will(good({"token": "t1"}), good({"id": "a1"}), good({"token": "t2"}))
    host.will(good({"id": "a1"}), detail())

    second = after(first, await oa.publish(first))
    third = after(second, await oa.publish(second))
    fourth = after(third, await oa.publish(third))
    end = await oa.publish(fourth)

    steps = [oa.step(one) for one in (first, second, third, fourth)]
    assert [one.name for one in steps] == ["create hidden", "verify", "show", "verify shown"]
    assert [one.repeatable for one in steps] == [False, True, True, True]
    assert [one.phase for one in (second, third, fourth)] == ["token", "id", "show_token"]
    assert [one.target for one in host.asked][:4] == [
        "/v2.0/article/create",
        "/v2.0/article/verify",
        "/v2.0/article/update",
        "/v2.0/article/verify",
    ]
    assert host.asked[0].json["status"] == "hide"
    assert host.asked[2].json["status"] == "show"
    assert host.asked[2].json["id"] == "a1"
    assert isinstance(end, Done)
    assert (end.receipt.remote_id, end.receipt.remote_url) == ("a1", "https://z.vn/a1")


async def test_the_token_travels_in_its_own_header_and_nowhere_else(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(good({"token": "t1"}))
    await oa.publish(call(payload=PAYLOAD))
    asked = host.asked[0]
    assert asked.headers["access_token"] == "AT-secret-1"
    assert "authorization" not in asked.headers
    assert "appsecret_proof" not in asked.headers
    assert "AT-secret-1" not in asked.target + asked.body.decode()


async def test_the_proof_is_sent_when_the_settings_ask_for_it(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(good({"token": "t1"}))
    proving = account(SETTINGS.model_copy(update={"appsecret_proof": True}))
    await oa.publish(call(of=proving, payload=PAYLOAD))
    # HMAC-SHA256 of the access token under the app secret, as openssl gives it.
    assert host.asked[0].headers["appsecret_proof"] == (
        "2a9ef8ab40ee088899186d2cbc5b18118da07a13c62cf8376a0477026f697e48"
    )


async def test_a_missing_token_is_told_before_anything_leaves(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    keys = ZaloCredentials.model_validate(CREDENTIALS | {"access_token": ""})
    told = await failure(oa, call(of=replace(account(), credentials=keys), payload=PAYLOAD))
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy, host.asked) == ("token_missing", Remedy.CONSENT, [])


# ── Waiting ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_article_in_the_making_is_asked_for_again_ever_more_slowly(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    patient = account(SETTINGS.model_copy(update={"poll_seconds": 3.0}))
    this = call(of=patient, payload=PAYLOAD, phase="token", handle={"token": "t1"})
    waits: list[timedelta] = []
    for _ in range(10):
        host.will(refused(-214, "Article is being processed"))
        outcome = await oa.publish(this)
        assert isinstance(outcome, Continue)
        assert outcome.waiting
        assert outcome.phase == "token"
        waits.append(outcome.after)
        this = after(this, outcome)
    assert [round(wait.total_seconds()) for wait in waits] == [3, 4, 6, 8, 12, 20, 30, 60, 60, 60]
    assert oa.step(this).name == "verify"


async def test_the_first_question_comes_after_a_second(oa: ZaloOa, host: ScriptedHost) -> None:
    patient = account(SETTINGS.model_copy(update={"poll_seconds": 3.0}))
    host.will(good({"token": "t1"}))
    outcome = await oa.publish(call(of=patient, payload=PAYLOAD))
    assert isinstance(outcome, Continue)
    assert outcome.after == timedelta(seconds=1)


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.WITHDRAW])
async def test_an_article_that_is_busy_is_left_alone_for_a_while(
    oa: ZaloOa, host: ScriptedHost, operation: Operation
) -> None:
    host.will(refused(-214))
    this = call(operation, payload=PAYLOAD, remote_id="a1")
    outcome = await oa.update(this)
    assert isinstance(outcome, Continue)
    assert outcome.waiting
    assert oa.step(after(this, outcome)).name == oa.step(this).name


# ── What an answer proves ────────────────────────────────────────────────────────────────────────

JSON = "Content-Type: application/json\r\n"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "no_answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", "no_answer"),
        (b"nonsense\r\n\r\n", "no_answer"),
        (raw(b"", headers=JSON), "unreadable_answer"),
        (raw(b'{"error":0,"data":{"token":"t"}}'), "unreadable_answer"),
        (raw(b"<html>", headers="Content-Type: text/html\r\n"), "unreadable_answer"),
        (raw(b"[" * 100_000, headers=JSON), "unreadable_answer"),
        (said([]), "unreadable_answer"),
        (said({"message": "ok"}), "unreadable_answer"),
        (said({"error": "zero"}), "unreadable_answer"),
        (good({}), "unreadable_answer"),
        (good([]), "unreadable_answer"),
        (good({"token": ""}), "unreadable_answer"),
        (said({"error": 0, "data": {"token": "t"}}, status="201 Created"), "unreadable_answer"),
        (said({"error": 0}, status="302 Found", headers="Location: /x\r\n"), "unreadable_answer"),
        (said({"error": -201}, status="502 Bad Gateway"), "channel_down"),
        (raw(b"oh", status="503 Away"), "channel_down"),
        (raw(b"slow down", status="429 Many", headers=JSON), "rate_limited"),
        (refused(-99999), "refused_by_channel"),
        (refused(-214), "still_processing"),
    ],
)
async def test_a_create_whose_answer_proves_nothing_is_uncertain(
    oa: ZaloOa, host: ScriptedHost, answer: bytes, code: str
) -> None:
    host.will(answer)
    told = await failure(oa, call(payload=PAYLOAD))
    assert isinstance(told, ChannelUncertainError)
    assert told.code == code
    assert len(host.asked) == 1


async def test_silence_until_the_deadline_is_uncertain(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(None)
    told = await failure(oa, call(payload=PAYLOAD, seconds=0.2))
    assert isinstance(told, ChannelUncertainError)
    assert told.code == "no_answer"


async def test_a_host_that_refuses_the_connection_got_nothing(oa: ZaloOa) -> None:
    oa.configure({"LOA_ZALO_API_URL": "http://127.0.0.1:1"})
    assert isinstance(await failure(oa, call(payload=PAYLOAD)), ChannelNotSentError)


async def test_a_refusal_also_counts_under_another_status(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(said({"error": "-32", "message": "slow"}, status="429 Many",
                   headers="Retry-After: 120\r\n"))  # fmt: skip
    told = await failure(oa, call(payload=PAYLOAD))
    assert isinstance(told, ChannelRejectedError)
    assert (told.remedy, told.retry_after) == (Remedy.SLOW, timedelta(seconds=120))


async def test_a_token_that_zalo_repeats_in_its_words_is_not_kept(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(refused(-216, "Access token AT-secret-1 is invalid"))
    told = await failure(oa, call(payload=PAYLOAD))
    assert told.remote_message == "Access token ••• is invalid"


async def test_the_share_of_the_minutes_calls_is_told(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(good({"token": "t"}, headers="X-RateLimit-Limit: 100\r\nX-RateLimit-Remain: 25\r\n"))
    outcome = await oa.publish(call(payload=PAYLOAD))
    assert isinstance(outcome, Continue)
    assert outcome.usage == pytest.approx(0.75)


async def test_an_article_that_could_not_be_made_is_uncertain_and_final(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(refused(-200, "create media fail"))
    told = await failure(oa, call(payload=PAYLOAD, phase="token", handle={"token": "t1"}))
    assert isinstance(told, ChannelUncertainError)
    assert (told.code, told.final) == ("media_refused", True)


async def test_a_verified_article_without_an_id_is_uncertain(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(good({}))
    told = await failure(oa, call(payload=PAYLOAD, phase="token", handle={"token": "t1"}))
    assert isinstance(told, ChannelUncertainError)
    assert not told.final


# ── Showing ──────────────────────────────────────────────────────────────────────────────────────


async def shown(oa: ZaloOa, host: ScriptedHost, operation: Operation = Operation.PUBLISH) -> Call:
    """A call whose next step asks what became of the update."""
    this = call(operation, payload=PAYLOAD, remote_id="a1", phase="id")
    host.will(good({"token": "t2"}))
    return after(this, await oa.update(this))


async def test_a_link_that_cannot_be_read_does_not_undo_a_success(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = await shown(oa, host)
    host.will(good({"id": "a1"}), raw(b"", status="500 Oh"))
    end = await oa.publish(this)
    assert isinstance(end, Done)
    assert end.receipt.remote_url is None


async def test_the_link_is_looked_for_in_the_list(oa: ZaloOa, host: ScriptedHost) -> None:
    this = await shown(oa, host)
    media = {"id": "a1", "title": "t", "status": "show", "link_view": "https://z.vn/list"}
    host.will(good({"id": "a1"}), detail(link_view=None), good({"total": 1, "medias": [media]}))
    end = await oa.publish(this)
    assert isinstance(end, Done)
    assert end.receipt.remote_url == "https://z.vn/list"


async def test_an_article_that_stays_hidden_is_not_called_done(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = await shown(oa, host)
    host.will(good({"id": "a1"}), detail(status="hide"))
    told = await failure(oa, this)
    assert (told.code, oa.step(this).repeatable) == ("not_shown", True)


async def test_a_refused_showing_of_a_hidden_article_is_a_rejection(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = await shown(oa, host)
    host.will(refused(-200, "create media fail"), detail(status="hide"))
    told = await failure(oa, this)
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy) == ("media_refused", Remedy.EDIT)


async def test_a_refused_showing_of_what_is_visible_is_done(oa: ZaloOa, host: ScriptedHost) -> None:
    this = await shown(oa, host)
    host.will(refused(-200, "create media fail"), detail())
    assert isinstance(await oa.publish(this), Done)


async def test_a_refused_correction_leaves_the_old_text_and_says_so(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = await shown(oa, host, Operation.UPDATE)
    host.will(refused(-200, "create media fail"), detail(title="cũ", description="cũ", body=[]))
    assert isinstance(await failure(oa, this), ChannelRejectedError)


async def test_a_refused_correction_of_pictures_alone_is_not_called_done(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = await shown(oa, host, Operation.UPDATE)
    host.will(refused(-200, "create media fail"), detail())
    assert isinstance(await failure(oa, this), ChannelRejectedError)


async def test_an_unknown_refusal_to_show_is_settled_by_reading(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = call(payload=PAYLOAD, remote_id="a1", phase="id")
    host.will(refused(-99999, "?"), detail(status="hide"))
    told = await failure(oa, this)
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy) == ("refused_by_channel", Remedy.EDIT)
    host.will(refused(-99999, "?"), raw(b"", status="500 Oh"))
    assert isinstance(await failure(oa, this), ChannelUncertainError)
    host.will(refused(-216))
    told = await failure(oa, this)
    assert isinstance(told, ChannelRejectedError)
    assert told.remedy is Remedy.RENEW


# ── Operations that take over from another one ───────────────────────────────────────────────────


async def test_a_newer_text_is_shown_under_the_id_of_the_overtaken_one(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    old = await shown(oa, host)
    new = replace(old, payload=OTHER)
    assert oa.step(old).name == "verify shown"
    assert oa.step(new).name == "show"
    host.will(good({"token": "t3"}))
    following = after(new, await oa.publish(new))
    assert host.asked[-1].json["title"] == "Tiêu đề khác"
    assert oa.step(following).name == "verify shown"


def test_a_newer_text_after_create_asks_for_the_id_first() -> None:
    this = call(payload=OTHER, phase="token", handle={"token": "t1"})
    assert channel.step(this).name == "verify"


def test_an_adopted_article_is_shown_and_never_made_again() -> None:
    assert channel.step(call(payload=PAYLOAD, remote_id="a1")).name == "show"


def test_an_update_without_an_id_is_a_mistake_and_never_a_create() -> None:
    with pytest.raises(ValueError, match="id"):
        channel.step(call(Operation.UPDATE, payload=PAYLOAD))


# ── Withdrawing ──────────────────────────────────────────────────────────────────────────────────


async def test_an_article_is_removed_by_its_id(oa: ZaloOa, host: ScriptedHost) -> None:
    this = call(Operation.WITHDRAW, remote_id="a1")
    host.will(good())
    end = await oa.withdraw(this)
    assert isinstance(end, Done)
    assert end.receipt.remote_id == "a1"
    assert (host.asked[0].target, host.asked[0].json) == ("/v2.0/article/remove", {"id": "a1"})
    assert oa.step(this).repeatable


async def test_already_gone_is_done_only_after_a_read_proved_it(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = call(Operation.WITHDRAW, remote_id="a1")
    other = {"id": "b2", "title": "khác", "status": "show"}
    host.will(refused(-201, "id is invalid"))
    proving = after(this, await oa.withdraw(this))
    assert oa.step(proving).name == "prove gone"
    host.will(refused(-201), good({"total": 1, "medias": [other]}))
    host.will(good({"total": 0, "medias": []}), good(other))
    assert isinstance(await oa.withdraw(proving), Done)


async def test_an_article_that_is_still_there_is_removed_again(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = call(Operation.WITHDRAW, remote_id="a1", phase="removed")
    host.will(detail())
    again = after(this, await oa.withdraw(this))
    assert oa.step(again).name == "remove"


async def test_a_withdrawal_learns_the_id_from_the_token_first(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = call(Operation.WITHDRAW, phase="token", handle={"token": "t1"})
    host.will(good({"id": "a1"}))
    following = after(this, await oa.withdraw(this))
    assert (following.remote_id, oa.step(following).name) == ("a1", "remove")


async def test_a_token_that_made_nothing_leaves_the_last_word_to_the_list(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    host.will(refused(-200, "create media fail"))
    this = call(Operation.WITHDRAW, phase="token", handle={"token": "t1"})
    told = await failure(oa, this)
    assert isinstance(told, ChannelUncertainError)
    assert told.final


async def test_with_nothing_known_no_request_is_made(oa: ZaloOa, host: ScriptedHost) -> None:
    this = call(Operation.WITHDRAW, phase="video", handle={"videos": {}})
    told = await failure(oa, this)
    assert isinstance(told, ChannelUncertainError)
    assert told.final
    assert not oa.step(this).repeatable
    assert host.asked == []


# ── Videos of our own ────────────────────────────────────────────────────────────────────────────


async def test_an_own_video_is_handed_over_watched_and_then_named(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    this = call(payload=own_video(f"{host.url}/media/film.mp4"))
    typed = "Content-Type: video/mp4\r\n"
    host.will(raw(FILE, headers=typed), good({"token": "v1"}))
    assert oa.step(this).name == "upload video"
    watching = after(this, await oa.publish(this))
    upload = host.asked[1]
    assert upload.target == "/v2.0/article/upload_video/preparevideo"
    assert upload.headers["content-type"].startswith("multipart/form-data; boundary=loa")
    assert FILE in upload.body
    assert b'name="file"; filename="' in upload.body

    host.will(good({"status": 3, "video_id": "early"}), good({"status": "1", "video_id": "c0"}))
    assert oa.step(watching).name == "watch video"
    waiting = await oa.publish(watching)
    assert isinstance(waiting, Continue)
    assert waiting.waiting
    asked = host.asked[2]
    assert (asked.target, asked.headers["token"]) == (
        "/v2.0/article/upload_video/verify?token=v1",
        "v1",
    )
    ready = after(watching, await oa.publish(after(watching, waiting)))
    assert oa.step(ready) == oa.step(call(payload=PAYLOAD))

    host.will(good({"token": "t1"}))
    await oa.publish(ready)
    assert host.asked[-1].json["type"] == "video"
    assert host.asked[-1].json["video_id"] == "c0"


async def test_a_video_that_zalo_cannot_convert_is_the_editors_to_change(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    sha256 = hashlib.sha256(FILE).hexdigest()
    handle: Payload = {"videos": {sha256: {"token": "v1"}}}
    host.will(good({"status": 4, "status_message": "broken", "video_id": ""}))
    told = await failure(oa, call(payload=own_video(), phase="video", handle=handle))
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy, told.remote_code) == ("media_refused", Remedy.EDIT, "video 4")


async def test_an_upload_that_has_expired_is_made_again(oa: ZaloOa, host: ScriptedHost) -> None:
    sha256 = hashlib.sha256(FILE).hexdigest()
    handle: Payload = {"videos": {sha256: {"token": "v1"}}}
    this = call(payload=own_video(), phase="video", handle=handle)
    host.will(refused(-100))
    assert oa.step(after(this, await oa.publish(this))).name == "upload video"


@pytest.mark.parametrize("answer", [b"", raw(b"gone", status="404 Not Found")])
async def test_a_file_that_we_cannot_read_means_that_nothing_left(
    oa: ZaloOa, host: ScriptedHost, answer: bytes
) -> None:
    host.will(answer)
    told = await failure(oa, call(payload=own_video(f"{host.url}/media/film.mp4")))
    assert isinstance(told, ChannelNotSentError)
    assert told.code == "media_unreachable"


@pytest.mark.parametrize("file", [FILE[:-1], FILE[:-1] + b"!", FILE + b"!"])
async def test_a_file_that_is_not_the_approved_one_never_arrives_whole(
    oa: ZaloOa, host: ScriptedHost, file: bytes
) -> None:
    host.will(raw(file))
    told = await failure(oa, call(payload=own_video(f"{host.url}/media/film.mp4")))
    assert told.code == "media_changed"
    assert [one.method for one in host.asked if one.method == "POST"] == []


async def test_an_own_video_inside_an_article_gets_its_id_there(
    oa: ZaloOa, host: ScriptedHost
) -> None:
    film = video()
    item = revision(
        blocks=(paragraph("a"), Figure(media_id=film.media_id, alt="phim")),
        videos={film.media_id: film},
    )
    payload = channel.render(item, SETTINGS).payload
    host.will(good({"token": "t1"}))
    handle: Payload = {"videos": {film.sha256 or "": {"id": "c0"}}}
    await oa.publish(call(payload=payload, phase="video", handle=handle))
    body = host.asked[0].json["body"]
    assert isinstance(body, list)
    assert body[1] == {
        "type": "video",
        "video_id": "c0",
        "thumb": "https://vidu.gov.vn/media/bia.jpg",
    }
