"""The channel against the sandbox over loopback: every fault, judged by the sandbox's ledger."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import pytest

from adapters.zalo_oa.channel import ZaloOa
from adapters.zalo_oa.settings import ZaloCredentials, credentials_of
from shared.clock import utc_now
from shared.contract.blocks import Figure
from shared.contract.driving import following, run_to_end, stored
from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Account, Call, Continue, Operation, RenewedCredentials
from tests.adapters.zalo_oa import makers
from tests.adapters.zalo_oa.hub import carry_out, listed, look
from tests.support.sandbox import Sandbox, running

# What one changing request says when it meets a fault; None: it succeeds.
SAID: dict[str, tuple[type[ChannelError], str] | None] = {
    "commit_then_hang": (ChannelUncertainError, "no_answer"),
    "hang_without_commit": (ChannelUncertainError, "no_answer"),
    "commit_then_reset": (ChannelUncertainError, "no_answer"),
    "reset": (ChannelUncertainError, "no_answer"),
    "http_500": (ChannelUncertainError, "channel_down"),
    "html": (ChannelUncertainError, "channel_down"),
    "throttle": (ChannelRejectedError, "rate_limited"),
    "token_dead": (ChannelRejectedError, "token_expired"),
    "slow": None,
    "late_in_lists": None,
    "empty_body": (ChannelUncertainError, "unreadable_answer"),
    "redirect": (ChannelUncertainError, "unreadable_answer"),
    "no_content_type": (ChannelUncertainError, "unreadable_answer"),
    # The order of things makes this one harmless: what is made twice is hidden.
    "commit_then_refuse": (ChannelRejectedError, "rate_limited"),
}
CURABLE = [kind for kind in SAID if kind != "token_dead"]
# Some kinds take effect only when asked to, or unless asked not to: those are tried both ways.
EITHER_WAY = ("http_500", "html", "empty_body", "redirect", "no_content_type")
CASES = [(kind, True) for kind in CURABLE] + [(kind, False) for kind in EITHER_WAY]


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as started:
        yield started


@pytest.fixture
async def oa(sandbox: Sandbox) -> AsyncIterator[ZaloOa]:
    channel = ZaloOa()
    channel.configure(
        {
            "LOA_ZALO_API_URL": f"{sandbox.url}/zalo",
            "LOA_ZALO_OAUTH_URL": f"{sandbox.url}/zalo-oauth",
        }
    )
    yield channel
    await channel.aclose()
    await sandbox.http.delete("/faults")


async def connected(sandbox: Sandbox, oa: ZaloOa, **traits: Any) -> Account:
    made = await sandbox.account("zalo_oa", **traits)
    return Account(
        id=uuid4(),
        name="OA thử",
        remote_id=made["id"],
        settings=oa.settings_form.model_validate(made["settings"]),
        credentials=oa.credentials_form.model_validate(made["credentials"]),
    )


def with_keys(account: Account, renewed: RenewedCredentials) -> Account:
    return replace(account, credentials=renewed.credentials)


def posting(oa: ZaloOa, account: Account, title: str = "Lịch tiêm chủng", **changes: Any) -> Call:
    item = makers.revision(title=title, **changes)
    payload = stored(oa.render(item, account.settings).payload)
    return Call(
        operation=Operation.PUBLISH,
        account=account,
        payload=payload,
        deadline=timedelta(seconds=3),
    )


async def visible(sandbox: Sandbox, account: Account) -> list[str]:
    ledger = await sandbox.ledger(account.remote_id)
    return [post["title"] for post in ledger["visible"]]


async def ever_visible(sandbox: Sandbox, account: Account) -> int:
    return len({one["remote_id"] for one in (await sandbox.ledger(account.remote_id))["ever"]})


async def failure(oa: ZaloOa, call: Call) -> ChannelError | None:
    try:
        await oa.publish(call)
    except ChannelError as error:
        return error
    return None


# ── Faults ───────────────────────────────────────────────────────────────────────────────────────


async def test_every_fault_of_the_sandbox_is_tested_here(sandbox: Sandbox) -> None:
    assert {kind.get("kind") or kind.get("name") for kind in await sandbox.kinds()} == set(SAID)


@pytest.mark.parametrize("kind", SAID)
async def test_what_is_said_of_a_create_that_meets_a_fault(
    sandbox: Sandbox, oa: ZaloOa, kind: str
) -> None:
    account = await connected(sandbox, oa)
    await sandbox.fault(account.remote_id, operation="create", kind=kind, seconds=0.2)
    told = await failure(oa, posting(oa, account))
    assert (type(told), told.code) == SAID[kind] if told else SAID[kind] is None


@pytest.mark.parametrize("operation", ["create", "verify", "update", "detail"])
@pytest.mark.parametrize(("kind", "commit"), CASES)
async def test_a_publication_that_meets_a_fault_is_seen_exactly_once(
    sandbox: Sandbox, oa: ZaloOa, kind: str, operation: str, commit: bool
) -> None:
    account = await connected(sandbox, oa)
    fault = {"operation": operation, "kind": kind, "seconds": 0, "commit": commit}
    await sandbox.fault(account.remote_id, **fault)
    await carry_out(oa, posting(oa, account))
    assert await visible(sandbox, account) == ["Lịch tiêm chủng"]
    assert await ever_visible(sandbox, account) == 1
    ledger = await sandbox.ledger(account.remote_id)
    assert ledger["counters"]["faults_applied"] == 1
    # Only a refusal that lies makes a second article, which nobody ever sees.
    assert ledger["hidden"] == ((operation, kind) == ("create", "commit_then_refuse"))


@pytest.mark.parametrize("operation", ["update", "verify"])
@pytest.mark.parametrize("kind", CURABLE)
async def test_a_correction_that_meets_a_fault_replaces_the_one_article(
    sandbox: Sandbox, oa: ZaloOa, kind: str, operation: str
) -> None:
    account = await connected(sandbox, oa)
    receipt, _ = await carry_out(oa, posting(oa, account))
    await sandbox.fault(account.remote_id, operation=operation, kind=kind, seconds=0)
    better = replace(
        posting(oa, account, "Lịch tiêm mới"),
        operation=Operation.UPDATE,
        remote_id=receipt.remote_id,
    )
    await carry_out(oa, better)
    assert await visible(sandbox, account) == ["Lịch tiêm mới"]
    assert await ever_visible(sandbox, account) == 1


@pytest.mark.parametrize(("kind", "commit"), CASES)
async def test_a_withdrawal_that_meets_a_fault_leaves_nothing(
    sandbox: Sandbox, oa: ZaloOa, kind: str, commit: bool
) -> None:
    account = await connected(sandbox, oa)
    receipt, _ = await carry_out(oa, posting(oa, account))
    fault = {"operation": "remove", "kind": kind, "seconds": 0, "commit": commit}
    await sandbox.fault(account.remote_id, **fault)
    gone = Call(
        operation=Operation.WITHDRAW, account=account, payload=None, remote_id=receipt.remote_id
    )
    await carry_out(oa, gone)
    assert await visible(sandbox, account) == []
    assert await oa.read(account, receipt.remote_id) is None


async def test_a_dead_token_is_renewed_and_the_same_step_goes_on(
    sandbox: Sandbox, oa: ZaloOa
) -> None:
    account = await connected(sandbox, oa)
    await sandbox.fault(account.remote_id, operation="create", kind="token_dead")
    call = posting(oa, account)
    told = await failure(oa, call)
    assert isinstance(told, ChannelRejectedError)
    assert told.remedy is Remedy.RENEW
    renewed = with_keys(account, await oa.renew(account))
    await carry_out(oa, replace(call, account=renewed))
    assert await visible(sandbox, account) == ["Lịch tiêm chủng"]


async def test_an_article_that_takes_its_time_is_waited_for(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa, verify_polls=12)
    await run_to_end(oa, posting(oa, account), longest_wait=timedelta(0))
    assert await visible(sandbox, account) == ["Lịch tiêm chủng"]


async def test_a_withdrawal_of_a_hidden_article_never_lets_it_be_seen(
    sandbox: Sandbox, oa: ZaloOa
) -> None:
    account = await connected(sandbox, oa)
    call = posting(oa, account)
    outcome = await oa.publish(call)
    assert isinstance(outcome, Continue)
    gone = replace(following(call, outcome), operation=Operation.WITHDRAW, payload=None)
    await run_to_end(oa, gone)
    assert await ever_visible(sandbox, account) == 0
    assert (await sandbox.ledger(account.remote_id))["hidden"] == 0


# ── Refusals that the sandbox can give ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("traits", "code", "remedy"),
    [
        ({"article_quota": 0}, "quota_used_up", Remedy.QUOTA),
        ({"granted": False}, "not_permitted", Remedy.CONSENT),
        ({"package_allows": False}, "package_too_low", Remedy.HUMAN),
        ({"verified": False}, "account_unverified", Remedy.HUMAN),
        ({"require_proof": True}, "app_secret_wrong", Remedy.HUMAN),
        ({"expires_in": 0}, "token_expired", Remedy.RENEW),
    ],
)
async def test_a_refused_create_names_what_would_help(
    sandbox: Sandbox, oa: ZaloOa, traits: dict[str, Any], code: str, remedy: Remedy
) -> None:
    account = await connected(sandbox, oa, **traits)
    told = await failure(oa, posting(oa, account))
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy) == (code, remedy)


async def test_the_minutes_calls_are_counted_and_then_refused(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa, calls_per_minute=2)
    first = await oa.publish(posting(oa, account))
    second = await oa.publish(posting(oa, account, "Hai"))
    assert isinstance(first, Continue)
    assert isinstance(second, Continue)
    assert (first.usage, second.usage) == (0.5, 1.0)
    told = await failure(oa, posting(oa, account, "Ba"))
    assert isinstance(told, ChannelRejectedError)
    assert (told.remedy, told.retry_after) == (Remedy.SLOW, timedelta(seconds=60))


async def test_the_proof_opens_an_account_that_asks_for_it(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa, require_proof=True)
    settings = account.settings.model_copy(update={"appsecret_proof": True})
    assert await failure(oa, posting(oa, replace(account, settings=settings))) is None


async def test_a_picture_that_zalo_cannot_fetch_ends_without_an_article(
    sandbox: Sandbox, oa: ZaloOa
) -> None:
    account = await connected(sandbox, oa, media_fetch=True, verify_polls=0)
    unreachable = makers.picture(url="http://127.0.0.1:9/bia.jpg")
    call = posting(oa, account, cover=unreachable)
    outcome = await oa.publish(call)
    assert isinstance(outcome, Continue)
    asking, told = following(call, outcome), None
    for _ in range(100):
        told = await failure(oa, asking)
        if told is not None:
            break
        await asyncio.sleep(0.02)
    assert isinstance(told, ChannelUncertainError)
    assert (told.code, told.final) == ("media_refused", True)
    assert await look(oa, call, since=utc_now() - timedelta(minutes=5)) is None


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", ["newest", "oldest", "shuffled"])
async def test_a_long_list_is_read_completely_in_any_order(
    sandbox: Sandbox, oa: ZaloOa, order: str
) -> None:
    account = await connected(sandbox, oa, list_order=order)
    for no in range(23):
        await oa.publish(posting(oa, account, f"Bài {no}"))
    found = await listed(oa, posting(oa, account), since=utc_now() - timedelta(minutes=5))
    assert {one.text for one in found} == {f"Bài {no}" for no in range(23)}
    assert not any(one.visible for one in found)


async def test_what_others_do_to_an_article_is_read(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa)
    receipt, _ = await carry_out(oa, posting(oa, account))
    named = {"channel": "zalo_oa", "account": account.remote_id, "remote_id": receipt.remote_id}
    await sandbox.post("/admin/edit", named | {"title": "Tin giả", "status": "hide"})
    seen = await oa.read(account, receipt.remote_id)
    assert seen is not None
    assert (seen.visible, "Tin giả" in seen.text) == (False, True)
    await sandbox.post("/admin/delete", named)
    assert await oa.read(account, receipt.remote_id) is None


@pytest.mark.parametrize("spelling", ["oa_id", "oaid"])
async def test_an_oa_without_articles_is_a_baseline(
    sandbox: Sandbox, oa: ZaloOa, spelling: str
) -> None:
    account = await connected(sandbox, oa, id_field=spelling)
    assert (await oa.newest(account)).seen == ()


async def test_the_link_is_found_where_only_the_list_tells_it(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa, detail_extras=False)
    receipt, _ = await carry_out(oa, posting(oa, account))
    assert receipt.remote_url == f"{sandbox.url}/zalo/view/{receipt.remote_id}"


# ── Videos ───────────────────────────────────────────────────────────────────────────────────────

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 400


@pytest.fixture
async def film_url() -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {len(FILM)}\r\n\r\n".encode() + FILM)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/phim.mp4"


def film_item(url: str, *, kind: str) -> dict[str, Any]:
    film = makers.video(hashlib.sha256(FILM).hexdigest(), url=url, size_bytes=len(FILM))
    return {
        "kind": kind,
        "blocks": (Figure(media_id=film.media_id, alt="phim"),),
        "videos": {film.media_id: film},
    }


@pytest.mark.parametrize("token_in", ["both", "header", "query"])
@pytest.mark.parametrize(("kind", "shown"), [("multimedia", "video"), ("news", "article")])
async def test_an_own_video_is_handed_over_and_shown(
    sandbox: Sandbox, oa: ZaloOa, film_url: str, kind: str, shown: str, token_in: str
) -> None:
    account = await connected(sandbox, oa, video_polls=2, video_token_in=token_in)
    receipt, troubles = await carry_out(oa, posting(oa, account, **film_item(film_url, kind=kind)))
    assert troubles == []
    (post,) = (await sandbox.ledger(account.remote_id))["visible"]
    assert post["kind"] == shown
    seen = await oa.read(account, receipt.remote_id)
    assert seen is not None
    assert seen.visible
    assert makers.LINK in seen.links


@pytest.mark.parametrize("operation", ["video", "video_state", "create"])
@pytest.mark.parametrize("kind", CURABLE)
async def test_a_video_that_meets_a_fault_is_seen_exactly_once(
    sandbox: Sandbox, oa: ZaloOa, film_url: str, kind: str, operation: str
) -> None:
    account = await connected(sandbox, oa, video_polls=0)
    await sandbox.fault(account.remote_id, operation=operation, kind=kind, seconds=0)
    await carry_out(oa, posting(oa, account, **film_item(film_url, kind="multimedia")))
    assert await visible(sandbox, account) == ["Lịch tiêm chủng"]
    assert await ever_visible(sandbox, account) == 1


async def test_a_video_that_cannot_be_converted_is_the_editors(
    sandbox: Sandbox, oa: ZaloOa, film_url: str
) -> None:
    account = await connected(sandbox, oa, video_polls=1, video_fails=True)
    with pytest.raises(ChannelRejectedError) as caught:
        await carry_out(oa, posting(oa, account, **film_item(film_url, kind="multimedia")))
    assert (caught.value.code, caught.value.remedy) == ("media_refused", Remedy.EDIT)


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_renewal_gives_keys_that_open_and_kills_the_old_ones(
    sandbox: Sandbox, oa: ZaloOa
) -> None:
    account = await connected(sandbox, oa)
    renewed = await oa.renew(account)
    assert timedelta(hours=24) < renewed.expires_at - utc_now() <= timedelta(hours=25)
    assert all(probe.ok for probe in await oa.check(with_keys(account, renewed)))
    assert not all(probe.ok for probe in await oa.check(account))


@pytest.mark.parametrize("code", [-14014, -118, -14012, -14024])
async def test_a_spent_refresh_token_asks_for_consent(
    sandbox: Sandbox, oa: ZaloOa, code: int
) -> None:
    account = await connected(sandbox, oa, spent_refresh_code=code)
    await oa.renew(account)
    with pytest.raises(ChannelRejectedError) as caught:
        await oa.renew(account)
    assert caught.value.remedy is Remedy.CONSENT


@pytest.mark.parametrize("code", [None, -14999])
async def test_a_spent_refresh_token_told_in_unknown_words_stays_uncertain(
    sandbox: Sandbox, oa: ZaloOa, code: int | None
) -> None:
    account = await connected(sandbox, oa, spent_refresh_code=code)
    await oa.renew(account)
    with pytest.raises(ChannelUncertainError):
        await oa.renew(account)


@pytest.mark.parametrize(
    "kind",
    ["commit_then_reset", "reset", "http_500", "html", "empty_body", "redirect",
     "no_content_type", "throttle", "commit_then_refuse"],
)  # fmt: skip
async def test_a_renewal_that_meets_a_fault_is_never_called_refused(
    sandbox: Sandbox, oa: ZaloOa, kind: str
) -> None:
    account = await connected(sandbox, oa)
    await sandbox.fault(account.remote_id, operation="refresh", kind=kind)
    with pytest.raises(ChannelUncertainError):
        await oa.renew(account)
    assert (await sandbox.ledger(account.remote_id))["counters"]["refresh_spent_twice"] == 0


async def test_an_admins_consent_connects_the_oa(sandbox: Sandbox, oa: ZaloOa) -> None:
    account = await connected(sandbox, oa, pkce="required", app_id=f"{uuid4().int % 10**12}")
    bare = ZaloCredentials(app_secret=credentials_of(account).app_secret)
    account = replace(account, credentials=bare)
    verifier = "v" * 43
    back = "https://vidu.gov.vn/connect"
    url = oa.consent_url(account.settings, redirect_uri=back, state="s1", verifier=verifier)
    assert (await sandbox.http.get(url)).status_code == 200
    form = dict(parse_qsl(urlsplit(url).query)) | {"oa_id": account.remote_id}
    agreed = await sandbox.http.post(url.partition("?")[0], data=form)
    query = dict(parse_qsl(urlsplit(agreed.headers["location"]).query))
    assert query["state"] == "s1"
    given = await oa.exchange(account, query=query, redirect_uri=back, verifier=verifier)
    assert all(probe.ok for probe in await oa.check(with_keys(account, given)))


# ── Webhooks ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("broken", "verdict"), [(False, "ok"), (True, "bad")])
async def test_an_event_that_the_sandbox_signs_is_told_from_a_forged_one(
    sandbox: Sandbox, oa: ZaloOa, broken: bool, verdict: str
) -> None:
    account = await connected(sandbox, oa)
    arrived: list[tuple[dict[str, str], bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")[1:]
        headers = dict(line.split(": ", 1) for line in head)
        length = next(int(v) for k, v in headers.items() if k.lower() == "content-length")
        arrived.append((headers, await reader.readexactly(length)))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        told = {
            "channel": "zalo_oa",
            "account": account.remote_id,
            "url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks",
            "event": {"event_name": "user_send_text", "message": {"text": "Chào", "msg_id": "m1"}},
            "broken": broken,
        }
        await sandbox.post("/admin/webhook", told)
    ((headers, body),) = arrived
    assert oa.verify(account, headers=headers, body=body) == verdict
    assert json.loads(body)["event_name"] == oa.events(body)[0].kind
