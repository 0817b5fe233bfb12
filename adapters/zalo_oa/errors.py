"""Zalo's error codes as our errors: one table, as data. Unknown codes are uncertain (R16).

Sources: zalo-oa-api.md sections 1.3, 1.5, 1.7 and 10.1 ("ref"), reliability-security.md section
1.6 ("rel"); both read in November 2026, neither tried against the real service.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)

PROCESSING = -214
"""The article or video is still being made: ask again later (ref 3.4)."""

UPLOAD_EXPIRED = -100
"""An upload is older than about seven days: upload again (ref 10.1)."""

GONE = -201
"""What an article that was removed is expected to answer; no proof alone (ref 3.8)."""

NOT_PERMITTED = -223
"""Two meanings under one code: no right, or the month's article quota is used up (ref 3.10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one code means to us.

    `remedy` None: not known to come before any effect, so uncertain, and final once absence is
    proven. `at_gate`: the refusal speaks of token, app, OA or rate, so it comes before any effect
    even where the call asks for the result of earlier, asynchronous work.
    """

    code: str
    remedy: Remedy | None
    source: str
    at_gate: bool = True
    wait: timedelta | None = None


_MINUTE = timedelta(seconds=60)

TABLE: Mapping[int, Row] = {
    -32: Row(code="rate_limited", remedy=Remedy.SLOW, wait=_MINUTE, source="ref 10.2, rel 1.6"),
    112: Row(code="app_not_linked", remedy=Remedy.HUMAN, source="ref 1.5, 1.7"),
    -200: Row(code="refused_by_channel", remedy=None, at_gate=False, source="ref 10.1"),
    -201: Row(
        code="invalid_parameter", remedy=Remedy.EDIT, at_gate=False, source="ref 10.1, rel 1.6"
    ),
    -204: Row(code="account_blocked", remedy=Remedy.HUMAN, source="ref 10.1, rel 1.6"),
    -205: Row(code="account_missing", remedy=Remedy.HUMAN, source="ref 10.1"),
    -209: Row(code="app_not_active", remedy=Remedy.HUMAN, source="ref 1.7, rel 1.6"),
    -210: Row(code="above_limit", remedy=Remedy.EDIT, at_gate=False, source="ref 10.1"),
    -211: Row(code="quota_used_up", remedy=Remedy.QUOTA, at_gate=False, source="ref 10.1, rel 1.6"),
    -212: Row(code="app_not_registered", remedy=Remedy.HUMAN, source="ref 1.7, rel 1.6"),
    -216: Row(code="token_expired", remedy=Remedy.RENEW, source="ref 10.1, rel 1.6"),
    -218: Row(code="quota_used_up", remedy=Remedy.QUOTA, at_gate=False, source="ref 10.1, rel 1.6"),
    -219: Row(code="app_not_active", remedy=Remedy.HUMAN, source="ref 10.1, rel 1.6"),
    -220: Row(code="token_expired", remedy=Remedy.RENEW, source="ref 10.1, rel 1.6"),
    -221: Row(code="account_unverified", remedy=Remedy.HUMAN, source="ref 11.1, rel 1.6"),
    NOT_PERMITTED: Row(code="not_permitted", remedy=Remedy.CONSENT, source="ref 1.7, rel 1.6"),
    -224: Row(code="package_too_low", remedy=Remedy.HUMAN, source="ref 11.2, rel 1.6"),
    -242: Row(code="app_secret_wrong", remedy=Remedy.HUMAN, source="ref 1.6"),
    -248: Row(code="content_refused", remedy=None, at_gate=False, source="ref 11.3"),
}

ARTICLE_QUOTA = Row(
    code="quota_used_up", remedy=Remedy.QUOTA, at_gate=False, source="ref 3.10, rel 1.6"
)
"""-223 whose message speaks of a quota."""

UNKNOWN = Row(code="refused_by_channel", remedy=None, at_gate=False, source="rel 1.6, R16")
"""Zalo, unknown number on create: read back; absent means failed, not again."""

CONSENT_LOST = Row(code="consent_lost", remedy=Remedy.CONSENT, source="ref 1.4")

OAUTH_TABLE: Mapping[int, Row] = {
    -14002: Row(code="app_not_active", remedy=Remedy.HUMAN, source="ref 1.5"),
    -14003: Row(code="callback_not_registered", remedy=Remedy.HUMAN, source="ref 1.5"),
    112: TABLE[112],
    # Four codes that third parties report for a spent or expired refresh token.
    -14014: CONSENT_LOST,
    -14012: CONSENT_LOST,
    -14024: CONSENT_LOST,
    -118: CONSENT_LOST,
}


def row_for(error: int, message: str) -> Row:
    """The row of an Open API code; the message counts for -223 alone, since texts change."""
    if error == NOT_PERMITTED and "quota" in message.lower():
        return ARTICLE_QUOTA
    return TABLE.get(error, UNKNOWN)


def refusal(
    error: int,
    message: str,
    *,
    retry_after: timedelta | None = None,
    asynchronous: bool = False,
) -> ChannelError:
    """Our error for a non-zero code of the Open API.

    `asynchronous`: the answer is about work that began in an earlier call (verify), so a code that
    speaks of the content is no proof that nothing was made.
    """
    row = row_for(error, message)
    return as_error(row, str(error), message, retry_after, asynchronous=asynchronous)


def as_error(
    row: Row,
    remote_code: str | None,
    message: str,
    retry_after: timedelta | None = None,
    *,
    asynchronous: bool = False,
) -> ChannelError:
    """One row of either table as an error to raise."""
    if row.remedy is None or (asynchronous and not row.at_gate):
        # Asked for the result, Zalo says a failure of making, mostly of a picture or video.
        code = "media_refused" if asynchronous else row.code
        return ChannelUncertainError(
            code, remote_code=remote_code, remote_message=message, final=True
        )
    waits = [wait for wait in (row.wait, retry_after) if wait is not None]
    return ChannelRejectedError(
        row.code,
        remedy=row.remedy,
        remote_code=remote_code,
        remote_message=message,
        retry_after=max(waits, default=None),
    )
