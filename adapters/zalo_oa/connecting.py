"""Consent, token renewal, and the check of a connection (zalo-oa-api.md sections 1, 2 and 11.2)."""

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Mapping
from datetime import date, datetime, timedelta
from typing import TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from adapters.zalo_oa import reading
from adapters.zalo_oa.client import ZaloClient, as_int, as_text
from adapters.zalo_oa.errors import OAUTH_TABLE, UNKNOWN, as_error, refusal
from adapters.zalo_oa.settings import ZaloCredentials, ZaloSettings, credentials_of, settings_of
from shared.clock import steady_seconds, utc_now
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Account, Probe, RenewedCredentials
from shared.text import two_languages

_T = TypeVar("_T")

_PROBE_DEADLINE = timedelta(seconds=15)
_ASSUMED_LIFE = timedelta(hours=1)  # where `expires_in` is missing [section 1.4]
_LONGEST_LIFE = timedelta(days=30)
_REFRESH_LIFE = timedelta(days=90)
_REFRESH_WARNING = timedelta(days=60)
_PACKAGE_WARNING = timedelta(days=30)

# What a failed probe tells an admin; `refused_by_channel` speaks for every other code.
# What a probe says, Vietnamese and English: whoever shows it takes the reader's half.
_WORDS: Mapping[str, tuple[str, str]] = {
    "token_missing": (
        "Chưa uỷ quyền: bấm “Uỷ quyền với Zalo” để quản trị viên OA cấp quyền.",
        "No consent yet: press “Uỷ quyền với Zalo” and let an admin of the OA agree.",
    ),
    "token_expired": (
        "Access token đã hết hạn hoặc bị thu hồi. Loa sẽ tự làm mới; "
        "nếu không được, hãy uỷ quyền lại.",
        "The access token has ended or was revoked. Loa renews it; if that fails, consent again.",
    ),
    "rate_limited": (
        "Zalo đang giới hạn số lời gọi mỗi phút. Hãy thử lại sau một phút.",
        "Zalo limits the calls of a minute. Try again in a minute.",
    ),
    "not_permitted": (
        "OA chưa cấp quyền “Quản lý bài viết” cho ứng dụng. Hãy uỷ quyền lại và chọn quyền này.",
        "The OA has not given “Quản lý bài viết” to the app. Consent again and choose it.",
    ),
    "quota_used_up": (
        "Đã dùng hết số bài được đăng trong tháng của gói dịch vụ OA.",
        "The month's articles of the OA's package are used up.",
    ),
    "package_too_low": (
        "Gói dịch vụ OA hiện tại không gồm Open API: cần nâng cấp gói.",
        "The OA's package has no Open API: a higher one is needed.",
    ),
    "account_unverified": (
        "OA chưa được xác thực (tích vàng). Hãy nộp hồ sơ ở oa.zalo.me.",
        "The OA is not verified. Apply at oa.zalo.me.",
    ),
    "account_blocked": (
        "OA đang bị khoá. Hãy liên hệ Zalo.",
        "The OA is locked. Ask Zalo.",
    ),
    "account_missing": (
        "Zalo không tìm thấy OA này. Hãy kiểm tra mã OA.",
        "Zalo does not find this OA. Check its id.",
    ),
    "app_not_active": (
        "Ứng dụng chưa kích hoạt hoặc đã bị khoá ở developers.zalo.me.",
        "The app is not active, or locked, at developers.zalo.me.",
    ),
    "app_not_registered": (
        "Ứng dụng chưa đăng ký nhóm API này ở developers.zalo.me.",
        "The app has not registered for these calls at developers.zalo.me.",
    ),
    "app_not_linked": (
        "Ứng dụng chưa liên kết với OA ở developers.zalo.me.",
        "The app is not linked with the OA at developers.zalo.me.",
    ),
    "app_secret_wrong": (
        "Khoá bí mật của ứng dụng không đúng. Hãy nhập lại Secret Key.",
        "The app's secret is wrong. Enter the Secret Key again.",
    ),
    "wrong_account": (
        "Token này thuộc một OA khác. Hãy uỷ quyền lại bằng đúng OA.",
        "This token belongs to another OA. Consent again with the right one.",
    ),
    "unreachable": (
        "Không kết nối được tới Zalo. Hãy kiểm tra mạng của máy chủ.",
        "Zalo cannot be reached. Check the server's network.",
    ),
    "channel_down": (
        "Máy chủ Zalo đang trục trặc. Hãy thử lại sau ít phút.",
        "Zalo's servers have a fault. Try again in a few minutes.",
    ),
    "no_answer": (
        "Zalo không trả lời kịp. Hãy thử lại sau ít phút.",
        "Zalo did not answer in time. Try again in a few minutes.",
    ),
    "unreadable_answer": (
        "Câu trả lời của Zalo không đọc được. Hãy thử lại sau ít phút.",
        "Zalo's answer cannot be read. Try again in a few minutes.",
    ),
    "refused_by_channel": ("Zalo từ chối lời gọi.", "Zalo refuses the call."),
}

# ── Consent ──────────────────────────────────────────────────────────────────────────────────────


def consent_url(
    client: ZaloClient, settings: ZaloSettings, *, redirect_uri: str, state: str, verifier: str
) -> str:
    """The page where an OA admin grants the rights; S256 is implied by Zalo (section 1.1, 1.2)."""
    query = {"app_id": settings.app_id, "redirect_uri": redirect_uri}
    if settings.pkce == "per_request":
        digest = hashlib.sha256(verifier.encode("ascii")).digest()
        query["code_challenge"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return client.permission_url(query | {"state": state})


async def exchange(
    client: ZaloClient, account: Account, *, query: Mapping[str, str], verifier: str
) -> RenewedCredentials:
    """The first pair of tokens, for the code that came back with the admin's browser.

    The code works once and for about ten minutes. Refuses the consent of another OA.
    """
    settings = settings_of(account)
    code = query.get("code", "")
    if not code:
        raise ChannelRejectedError("consent_refused", remedy=Remedy.CONSENT)
    if query.get("oa_id", settings.oa_id) != settings.oa_id:
        raise ChannelRejectedError("wrong_account", remedy=Remedy.HUMAN)
    form = {"app_id": settings.app_id, "grant_type": "authorization_code", "code": code}
    if settings.pkce == "per_request":
        form["code_verifier"] = verifier
    return await _trade(client, account, form)


# ── Renewal ──────────────────────────────────────────────────────────────────────────────────────


async def renew(client: ZaloClient, account: Account) -> RenewedCredentials:
    """A new pair for the refresh token, which is spent by the call whether or not we hear of it."""
    refresh_token = credentials_of(account).refresh_token.get_secret_value()
    if not refresh_token:
        raise ChannelRejectedError("token_missing", remedy=Remedy.CONSENT)
    form = {
        "app_id": settings_of(account).app_id,
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
    }
    return await _trade(client, account, form)


async def _trade(
    client: ZaloClient, account: Account, form: Mapping[str, str]
) -> RenewedCredentials:
    """Success is a pair of two non-empty tokens and nothing else (section 1.5)."""
    old = credentials_of(account)
    asked_at = utc_now()
    fields = await client.trade(old.app_secret.get_secret_value(), form)
    access, refresh = as_text(fields.get("access_token")), as_text(fields.get("refresh_token"))
    if not access and not refresh:
        raise _oauth_refusal(fields, secrets=form)
    expires_at = asked_at + _life(fields.get("expires_in"))
    try:
        new = ZaloCredentials(
            app_secret=old.app_secret,
            access_token=SecretStr(access),
            refresh_token=SecretStr(refresh),
            oa_secret_key=old.oa_secret_key,
            oa_secret_key_previous=old.oa_secret_key_previous,
            issued_at=asked_at,
            expires_at=expires_at,
        )
    except ValidationError as error:
        raise ChannelUncertainError("unreadable_answer") from error
    if not access or not refresh:
        raise ChannelUncertainError("unreadable_answer")
    return RenewedCredentials(credentials=new, expires_at=expires_at)


def _oauth_refusal(fields: Mapping[str, object], *, secrets: Mapping[str, str]) -> ChannelError:
    """An OAuth error body as our error; its `error` may be missing or no number (section 1.5).

    Which code a spent refresh token gives is unknown, so an unlisted refusal stays uncertain: the
    token service then tries the old access token before it asks for a new consent (R56).
    """
    code = as_int(fields.get("error"))
    named = as_text(fields.get("error_name")) or as_text(fields.get("message"))
    if code is None and not named:
        return ChannelUncertainError("unreadable_answer")
    for name in ("code", "code_verifier", "refresh_token"):
        if secret := secrets.get(name):
            named = named.replace(secret, "•••")
    row = UNKNOWN if code is None else OAUTH_TABLE.get(code, UNKNOWN)
    return as_error(row, None if code is None else str(code), named)


def _life(value: object) -> timedelta:
    """`expires_in`, which may be a string; an hour where it makes no sense."""
    seconds = as_int(value)
    if seconds is None or not 0 < seconds <= _LONGEST_LIFE.total_seconds():
        return _ASSUMED_LIFE
    return timedelta(seconds=seconds)


def expires_at(credentials: BaseModel) -> datetime | None:
    """When the access token ends; None for one that was typed in by hand."""
    return credentials.expires_at if isinstance(credentials, ZaloCredentials) else None


# ── The check ────────────────────────────────────────────────────────────────────────────────────


async def check(client: ZaloClient, account: Account) -> tuple[Probe, ...]:
    """What an admin should know of the connection; changes nothing, raises nothing."""
    begun = steady_seconds()
    try:
        oa = await _in_time(reading.profile(client, account))
    except ChannelError as error:
        return (_failed("oa", error, begun),)
    ms = _ms_since(begun)
    name = as_text(oa.get("name")) or settings_of(account).oa_id
    return (
        _told("oa", f"Đúng OA: {name}.", f"The right OA: {name}.", ms=ms),
        _verified(oa, ms),
        _package(oa, ms, today=utc_now().date()),
        await _articles(client, account),
        _refresh_chain(credentials_of(account), utc_now()),
    )


async def _articles(client: ZaloClient, account: Account) -> Probe:
    begun = steady_seconds()
    try:
        vi, en = await _in_time(_may_list(client, account))
    except ChannelError as error:
        return _failed("articles", error, begun)
    return _told("articles", vi, en, ms=_ms_since(begun))


async def _in_time(ask: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout(_PROBE_DEADLINE.total_seconds()):
            return await ask
    except TimeoutError as error:
        raise ChannelUncertainError("no_answer") from error


async def _may_list(client: ZaloClient, account: Account) -> tuple[str, str]:
    answer = await client.part(account, "normal", offset=0, limit=1)
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    total = as_int(answer.fields.get("total"))
    return (
        "Có quyền quản lý bài viết." + ("" if total is None else f" OA đang có {total} bài."),
        "Articles may be managed." + ("" if total is None else f" The OA has {total} of them."),
    )


def _verified(oa: Mapping[str, object], ms: int) -> Probe:
    told = oa.get("is_verified")
    ok = told is True or as_text(told).lower() in ("true", "1")
    words = ("OA đã xác thực (tích vàng).", "The OA is verified.")
    return _told("verified", *(words if ok else _WORDS["account_unverified"]), ok=ok, ms=ms)


def _package(oa: Mapping[str, object], ms: int, *, today: date) -> Probe:
    """The service package; Zalo writes its last day as dd/mm/yyyy (section 2)."""
    package = as_text(oa.get("package_name"))
    vi, en = f"Gói dịch vụ: {package or 'không rõ tên'}", f"Package: {package or 'of unknown name'}"
    written = as_text(oa.get("package_valid_through_date"))
    try:
        day, month, year = (int(part) for part in written.split("/"))
        until = date(year, month, day)
    except ValueError:
        return _told(
            "package",
            f"{vi}; Zalo không cho biết ngày hết hạn.",
            f"{en}; Zalo does not say when it ends.",
            ms=ms,
        )
    left = until - today
    vi, en = f"{vi}, dùng đến {written}", f"{en}, until {written}"
    if left < timedelta(0):
        return _told(
            "package",
            f"{vi}: đã hết hạn, cần gia hạn.",
            f"{en}: it has ended and must be renewed.",
            ok=False,
            ms=ms,
        )
    if left <= _PACKAGE_WARNING:
        vi = f"{vi} (còn {left.days} ngày, hãy gia hạn)"
        en = f"{en} ({left.days} days left, please renew)"
    return _told("package", f"{vi}.", f"{en}.", ms=ms)


def _refresh_chain(credentials: ZaloCredentials, now: datetime) -> Probe:
    """How long the consent lasts yet: about three months from the last renewal (section 1.4)."""
    issued_at = credentials.issued_at
    if not credentials.refresh_token.get_secret_value():
        return _told(
            "renewal",
            "Chưa có refresh token: quyền sẽ mất khi access token hết hạn. Hãy uỷ quyền.",
            "No refresh token: the right ends with the access token. Please consent.",
            ok=False,
        )
    if issued_at is None:
        return _told(
            "renewal",
            "Có refresh token; ngày cấp chưa rõ cho đến lần làm mới đầu tiên.",
            "There is a refresh token; its day is not known until it is used first.",
        )
    age = now - issued_at
    left = max(0, (_REFRESH_LIFE - age).days)
    return _told(
        "renewal",
        f"Refresh token còn hiệu lực khoảng {left} ngày.",
        f"The refresh token holds for about {left} more days.",
        ok=age < _REFRESH_WARNING,
    )


def _failed(name: str, error: ChannelError, begun: float) -> Probe:
    words = _WORDS.get(error.code, _WORDS["refused_by_channel"])
    if isinstance(error, ChannelNotSentError) and error.code not in _WORDS:
        words = _WORDS["unreachable"]
    vi, en = words
    if error.remote_code:
        vi, en = f"{vi} (mã {error.remote_code})", f"{en} (code {error.remote_code})"
    return _told(name, vi, en, ok=False, ms=_ms_since(begun))


def _told(name: str, vi: str, en: str, *, ok: bool = True, ms: int = 0) -> Probe:
    return Probe(name=name, ok=ok, detail=two_languages(vi, en), ms=ms)


def _ms_since(begun: float) -> int:
    return round((steady_seconds() - begun) * 1000)
