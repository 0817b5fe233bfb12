"""Consent, renewal and the check: every way in which Zalo was seen to answer them."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.zalo_oa.channel import ZaloOa
from adapters.zalo_oa.settings import ZaloCredentials
from shared.clock import utc_now
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Probe, RenewedCredentials
from tests.adapters.zalo_oa.host import ScriptedHost, good, raw, refused, said
from tests.adapters.zalo_oa.makers import CREDENTIALS, SETTINGS, account

PAIR = {"access_token": "AT-2", "refresh_token": "RT-2", "expires_in": "90000"}
JSON = "Content-Type: application/json\r\n"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # of RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def keys(renewed: RenewedCredentials) -> ZaloCredentials:
    assert isinstance(renewed.credentials, ZaloCredentials)
    return renewed.credentials


async def refusal(oa: ZaloOa) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        await oa.renew(account())
    return caught.value


async def test_a_renewal_gives_a_whole_new_set(oa: ZaloOa, host: ScriptedHost) -> None:
    before = utc_now()
    host.will(said(PAIR))
    renewed = await oa.renew(account())
    asked = host.asked[0]
    assert asked.target == "/v4/oa/access_token"
    assert asked.headers["secret_key"] == "app-secret"
    assert parse_qs(asked.body.decode()) == {
        "app_id": ["9001"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["RT-secret-1"],
    }
    new = keys(renewed)
    assert new.access_token.get_secret_value() == "AT-2"
    assert new.refresh_token.get_secret_value() == "RT-2"
    assert new.oa_secret_key.get_secret_value() == "oa-secret"
    assert new.issued_at is not None
    assert new.issued_at >= before
    assert oa.expires_at(new) == renewed.expires_at == new.issued_at + timedelta(seconds=90000)


@pytest.mark.parametrize("lifetime", [None, "", "soon", 0, -5, "1e9", 10**9])
async def test_an_odd_lifetime_counts_as_an_hour(
    oa: ZaloOa, host: ScriptedHost, lifetime: object
) -> None:
    host.will(said(PAIR | {"expires_in": lifetime}))
    renewed = await oa.renew(account())
    issued_at = keys(renewed).issued_at
    assert issued_at is not None
    assert renewed.expires_at - issued_at == timedelta(hours=1)


@pytest.mark.parametrize("code", [-14014, -14012, -14024, -118])
async def test_a_spent_refresh_token_needs_a_new_consent(
    oa: ZaloOa, host: ScriptedHost, code: int
) -> None:
    host.will(said({"error": code, "error_name": "Invalid refresh token RT-secret-1"}))
    told = await refusal(oa)
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy) == ("consent_lost", Remedy.CONSENT)
    assert told.remote_message == "Invalid refresh token •••"


@pytest.mark.parametrize(
    "answer",
    [
        said({"error": -14099, "error_name": "something new"}),
        said({"error_name": "Invalid refresh token", "error_reason": "…"}),
        said({"error": "invalid_grant", "error_name": "x"}),
        said({"access_token": "AT-2", "expires_in": "90000"}),
        said({"refresh_token": "RT-2"}),
        said(PAIR | {"access_token": "a\nb"}),
        said({}),
        said([]),
        said(PAIR, status="500 Oh"),
        said(PAIR, status="302 Found"),
        raw(b"<html>", headers="Content-Type: text/html\r\n"),
        raw(b"", headers=JSON),
        b"",
    ],
)
async def test_any_other_answer_to_a_renewal_is_uncertain(
    oa: ZaloOa, host: ScriptedHost, answer: bytes
) -> None:
    host.will(answer)
    assert isinstance(await refusal(oa), ChannelUncertainError)
    assert len(host.asked) == 1


async def test_a_renewal_that_never_left_is_told_apart(oa: ZaloOa) -> None:
    oa.configure({"LOA_ZALO_OAUTH_URL": "http://127.0.0.1:1"})
    assert isinstance(await refusal(oa), ChannelNotSentError)


async def test_without_a_refresh_token_only_consent_helps(oa: ZaloOa, host: ScriptedHost) -> None:
    bare = ZaloCredentials.model_validate({"app_secret": "s"})
    with pytest.raises(ChannelRejectedError) as caught:
        await oa.renew(replace(account(), credentials=bare))
    assert (caught.value.remedy, host.asked) == (Remedy.CONSENT, [])


# ── Consent ──────────────────────────────────────────────────────────────────────────────────────


def test_the_consent_page_is_asked_with_a_challenge_and_a_state(oa: ZaloOa) -> None:
    url = oa.consent_url(
        SETTINGS, redirect_uri="https://vidu.gov.vn/back", state="s&1", verifier=VERIFIER
    )
    assert urlsplit(url).path == "/v4/oa/permission"
    assert parse_qs(urlsplit(url).query) == {
        "app_id": ["9001"],
        "redirect_uri": ["https://vidu.gov.vn/back"],
        "code_challenge": [CHALLENGE],
        "state": ["s&1"],
    }


async def test_the_code_is_traded_with_its_verifier(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(said(PAIR))
    query = {"code": "c-1", "oa_id": SETTINGS.oa_id, "state": "s"}
    renewed = await oa.exchange(
        account(), query=query, redirect_uri="https://vidu.gov.vn/back", verifier=VERIFIER
    )
    assert keys(renewed).access_token.get_secret_value() == "AT-2"
    assert parse_qs(host.asked[0].body.decode()) == {
        "app_id": ["9001"],
        "grant_type": ["authorization_code"],
        "code": ["c-1"],
        "code_verifier": [VERIFIER],
    }


async def test_pkce_can_be_switched_off(oa: ZaloOa, host: ScriptedHost) -> None:
    plain = SETTINGS.model_copy(update={"pkce": "none"})
    url = oa.consent_url(plain, redirect_uri="https://x.vn", state="s", verifier=VERIFIER)
    assert "code_challenge" not in url
    host.will(said(PAIR))
    await oa.exchange(account(plain), query={"code": "c"}, redirect_uri="", verifier=VERIFIER)
    assert b"code_verifier" not in host.asked[0].body


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"code": "c", "oa_id": "42"}, "wrong_account"),
        ({"error": "denied"}, "consent_refused"),
    ],
)
async def test_a_consent_that_is_none_is_refused_without_a_call(
    oa: ZaloOa, host: ScriptedHost, query: dict[str, str], code: str
) -> None:
    with pytest.raises(ChannelRejectedError) as caught:
        await oa.exchange(account(), query=query, redirect_uri="", verifier=VERIFIER)
    assert (caught.value.code, host.asked) == (code, [])


# ── The check ────────────────────────────────────────────────────────────────────────────────────

OA = {
    "oa_id": SETTINGS.oa_id,
    "name": "UBND phường Ví Dụ",
    "is_verified": True,
    "package_name": "Tăng trưởng",
    "package_valid_through_date": "31/12/2999",
}


async def checked(oa: ZaloOa) -> dict[str, Probe]:
    return {probe.name: probe for probe in await oa.check(account())}


async def test_a_sound_connection_passes_every_probe(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(good(OA), good({"total": 57, "medias": []}))
    probes = await checked(oa)
    assert list(probes) == ["oa", "verified", "package", "articles", "renewal"]
    assert [probe.ok for probe in probes.values()] == [True] * 5
    name = "UBND phường Ví Dụ"
    assert probes["oa"].detail == f"Đúng OA: {name}. · The right OA: {name}."
    assert "57 bài." in probes["articles"].detail
    assert all(len(probe.detail.split(" · ")) == 2 for probe in probes.values())
    assert host.asked[1].target == "/v2.0/article/getslice?offset=0&limit=1&type=normal"


@pytest.mark.parametrize(
    ("change", "name", "ok"),
    [
        ({"is_verified": False}, "verified", False),
        ({"is_verified": "true"}, "verified", True),
        ({"package_valid_through_date": "01/01/2020"}, "package", False),
        ({"package_valid_through_date": ""}, "package", True),
        ({"package_valid_through_date": f"{utc_now() + timedelta(days=9):%d/%m/%Y}"},
         "package", True),
    ],
)  # fmt: skip
async def test_what_the_oa_tells_of_itself_is_judged(
    oa: ZaloOa, host: ScriptedHost, change: dict[str, object], name: str, ok: bool
) -> None:
    host.will(good(OA | change), good({"total": 0, "medias": []}))
    assert (await checked(oa))[name].ok is ok


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refused(-216), "Access token"),
        (refused(-220), "Access token"),
        (refused(-32), "giới hạn"),
        (refused(-224), "nâng cấp"),
        (refused(-99999), "từ chối"),
        (good(OA | {"oa_id": "42"}), "OA khác"),
        (good({}), "không đọc được"),
        (raw(b"", status="502 Bad"), "trục trặc"),
        (b"", "không trả lời"),
    ],
)
async def test_a_failed_check_tells_an_admin_why(
    oa: ZaloOa, host: ScriptedHost, answer: bytes, words: str
) -> None:
    host.will(answer)
    probes = await checked(oa)
    assert [probe.ok for probe in probes.values()] == [False]
    assert words in probes["oa"].detail


async def test_a_right_that_is_missing_is_named(oa: ZaloOa, host: ScriptedHost) -> None:
    host.will(good(OA), refused(-223, "not authorized"))
    probe = (await checked(oa))["articles"]
    assert not probe.ok
    assert "Quản lý bài viết" in probe.detail


@pytest.mark.parametrize(("days", "ok"), [(10, True), (61, False)])
async def test_an_ageing_consent_is_told_in_time(
    oa: ZaloOa, host: ScriptedHost, days: int, ok: bool
) -> None:
    issued = (utc_now() - timedelta(days=days)).isoformat()
    old = ZaloCredentials.model_validate(CREDENTIALS | {"issued_at": issued})
    host.will(good(OA), good({"total": 0, "medias": []}))
    probes = await oa.check(replace(account(), credentials=old))
    assert probes[-1].ok is ok
