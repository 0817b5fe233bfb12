"""What Graph's refusals mean to us: one table, drawn as data, and the judgement that reads it.

Sources: facebook-pages-api.md sections 2.3 and 8.2 ("fb" below), reliability-security.md section
1.6 ("rel"). A code that is not here is *uncertain* (R16): somebody must classify it with evidence.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.http import retry_after

# Above this a number names one thing only, and is seen both as a code and as a subcode.
_OWN_NUMBER = 1_000_000
_LONGEST_WAIT = timedelta(hours=6)  # reliability-security.md R28
_USAGE_HEADERS = ("x-app-usage", "x-page-usage")
_BUSINESS_HEADER = "x-business-use-case-usage"


class GraphError(Exception):
    """A call that brought no usable answer: what is known of it, without any address or token.

    `left` is False only when provably no byte of the request was handed to the socket. `code` is
    None when there was no well-formed Graph error; `reason` then names what happened instead.
    """

    def __init__(
        self,
        reason: str,
        *,
        left: bool,
        status: int | None = None,
        code: int | None = None,
        subcode: int | None = None,
        message: str = "",
        transient: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.left = left
        self.status = status
        self.code = code
        self.subcode = subcode
        self.message = message
        self.transient = transient
        self.headers = headers or {}

    @property
    def missing(self) -> bool:
        """Whether the object is gone, foreign or unreadable; Graph does not tell which (fb 4)."""
        return self.code == 100 and self.subcode == 33 and (self.status or 0) < 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `remedy` set: refused before any effect. None: uncertain.

    `final` (uncertain rows): proven absence means that the same call would be refused again.
    """

    code: str
    source: str
    remedy: Remedy | None = None
    final: bool = False


def _refused(code: str, remedy: Remedy, source: str) -> Row:
    return Row(code=code, remedy=remedy, source=source)


def _unclear(code: str, source: str, *, final: bool = False) -> Row:
    return Row(code=code, final=final, source=source)


_DEAD = _refused("token_expired", Remedy.CONSENT, "rel 1.6; fb 2.3")
_CHECKPOINT = _refused("account_blocked", Remedy.HUMAN, "rel 1.6; fb 2.3")
_SLOW = _refused("rate_limited", Remedy.SLOW, "rel 1.6; fb 8.2")
_RIGHTS = _refused("not_permitted", Remedy.CONSENT, "rel 1.6; fb 8.2")
_FOREIGN_FIELD = _refused("not_supported", Remedy.HUMAN, "fb 8.2")
_MEDIA = _refused("media_refused", Remedy.EDIT, "fb 3.2, 8.2")
_LINK = _refused("link_refused", Remedy.EDIT, "fb 3.1, 8.2")
_DOWN = _unclear("channel_down", "rel 1.6; fb 8.2")
_AGAIN = _unclear("duplicate_refused", "rel 1.6; fb 4", final=True)
_BLOCKED = _unclear("account_blocked", "rel 1.6; fb 8.2", final=True)
_CONTENT = _unclear("content_refused", "fb 8.2", final=True)

_PERMISSIONS = range(200, 300)
_UNKNOWN = _unclear("unknown_refusal", "rel R16", final=True)

# (code, subcode) → row; a None subcode stands for every subcode without a row of its own.
TABLE: Mapping[tuple[int, int | None], Row] = {
    (1, None): _DOWN,
    (1, 2853006): _unclear("not_permitted", "fb 8.2", final=True),
    (2, None): _DOWN,
    (3, None): _refused("not_permitted", Remedy.HUMAN, "fb 8.2"),
    (4, None): _SLOW,
    (10, None): _RIGHTS,
    (17, None): _SLOW,
    (32, None): _SLOW,
    (100, None): _refused("invalid_parameter", Remedy.EDIT, "rel 1.6; fb 8.2"),
    (100, 33): _refused("page_missing", Remedy.HUMAN, "fb 8.2"),
    (100, 1366046): _MEDIA,
    (102, None): _DEAD,
    (190, None): _DEAD,
    (190, 458): _DEAD,
    (190, 459): _CHECKPOINT,
    (190, 460): _DEAD,
    (190, 463): _DEAD,
    (190, 464): _CHECKPOINT,
    (190, 467): _DEAD,
    (190, 492): _refused("not_permitted", Remedy.CONSENT, "fb 2.3"),
    (190, 2069032): _refused("wrong_token", Remedy.CONSENT, "fb 2.3"),
    (200, 2069030): _FOREIGN_FIELD,
    (200, 2069031): _FOREIGN_FIELD,
    (200, 2069033): _FOREIGN_FIELD,
    (324, None): _MEDIA,
    (341, None): _SLOW,
    (368, None): _BLOCKED,
    (368, 1390008): _BLOCKED,
    (368, 1404082): _AGAIN,
    (368, 4854002): _BLOCKED,
    (506, None): _AGAIN,
    (613, None): _SLOW,
    (613, 1996): _SLOW,
    (80001, None): _SLOW,
    # Numbers that were seen as a code by some and as a subcode by others.
    (1346003, None): _CONTENT,
    (1349125, None): _unclear("invalid_parameter", "fb 8.2", final=True),
    (1363047, None): _DOWN,
    (1366046, None): _MEDIA,
    (1366051, None): _AGAIN,
    (1404078, None): _BLOCKED,
    (1404082, None): _AGAIN,
    (1404102, None): _CONTENT,
    (1404112, None): _BLOCKED,
    (1609005, None): _LINK,
    (1609008, None): _LINK,
    (1609010, None): _DOWN,
    (2061006, None): _LINK,
    (2069019, None): _MEDIA,
}


def row_of(code: int, subcode: int | None) -> Row:
    """The row for a refusal: code with subcode, then a subcode known by itself, then the code."""
    if subcode:
        row = TABLE.get((code, subcode))
        if row is None and subcode > _OWN_NUMBER:
            row = TABLE.get((subcode, None))
        if row is not None:
            return row
    row = TABLE.get((code, None))
    if row is None:
        return _RIGHTS if code in _PERMISSIONS else _UNKNOWN
    return row


def judge(fault: GraphError, *, last_of_many: bool = False) -> ChannelError:
    """The truth about a call that failed, as an error of ours to raise.

    `last_of_many`: the call was the publishing step after uploads. There a rate refusal was seen on
    a post that was live, so it counts as uncertain (rel 1.6).
    """
    if fault.code is None:
        return _without_code(fault)
    row = row_of(fault.code, fault.subcode)
    if (fault.status or 0) >= 500 or (row.remedy is Remedy.EDIT and fault.transient):
        row = _DOWN
    elif row is _UNKNOWN and fault.transient:
        row = _unclear("unknown_refusal", "fb 4")
    elif row.code == "invalid_parameter" and row.remedy is not None:
        row = _by_words(fault.message) or row
    remote_code = f"{fault.code}/{fault.subcode}" if fault.subcode else str(fault.code)
    if row.remedy is None or (row.remedy is Remedy.SLOW and last_of_many):
        return ChannelUncertainError(
            row.code,
            remote_code=remote_code,
            remote_message=fault.message,
            retry_after=regained_after(fault.headers) if row.remedy else None,
            final=row.final,
        )
    return ChannelRejectedError(
        row.code,
        remedy=row.remedy,
        remote_code=remote_code,
        remote_message=fault.message,
        retry_after=regained_after(fault.headers) if row.remedy is Remedy.SLOW else None,
    )


def usage(headers: Mapping[str, str]) -> float | None:
    """How much of the allowance is used, 0 to 1 and more; None when no header tells (fb 8.3)."""
    shares = [
        float(value)
        for told in _told(headers)
        for name in ("call_count", "total_time", "total_cputime")
        if isinstance(value := told.get(name), int | float)
    ]
    return max(shares) / 100 if shares else None


def regained_after(headers: Mapping[str, str]) -> timedelta | None:
    """When calls are welcome again: the usage header's minutes, else `Retry-After` (fb 8.3)."""
    minutes = max(
        (
            float(value)
            for told in _told(headers)
            if isinstance(value := told.get("estimated_time_to_regain_access"), int | float)
        ),
        default=0.0,
    )
    if minutes > 0:
        return min(timedelta(minutes=min(minutes, 1e6)), _LONGEST_WAIT)
    return retry_after(headers.get("retry-after"))


def _without_code(fault: GraphError) -> ChannelError:
    if not fault.left:
        return ChannelNotSentError("unreachable", remote_message=fault.reason)
    if fault.status is None:
        return ChannelUncertainError("no_answer", remote_message=fault.reason)
    return ChannelUncertainError(
        "channel_down" if fault.status >= 500 else "unreadable_answer",
        remote_code=f"HTTP {fault.status}",
        remote_message=fault.reason,
        retry_after=retry_after(fault.headers.get("retry-after")),
    )


def _by_words(message: str) -> Row | None:
    # Code 100 also says "wrong signature" and "permission missing" (fb 2.1, 8.2). Neither is the
    # item's fault; both are refusals before any effect, so a misread costs only the wrong advice.
    lower = message.lower()
    if "appsecret_proof" in lower:
        return _refused("proof_refused", Remedy.HUMAN, "fb 2.1")
    if "permission" in lower:
        return _RIGHTS
    return None


def _told(headers: Mapping[str, str]) -> Iterator[Mapping[str, object]]:
    for name in _USAGE_HEADERS:
        if isinstance(told := _json(headers.get(name)), Mapping):
            yield told
    if isinstance(business := _json(headers.get(_BUSINESS_HEADER)), Mapping):
        for entries in business.values():
            if isinstance(entries, list):
                yield from (entry for entry in entries if isinstance(entry, Mapping))


def _json(text: str | None) -> object:
    if not text:
        return None
    try:
        parsed: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed
