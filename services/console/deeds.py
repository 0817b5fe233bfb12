"""What was done to an item, told in a sentence: the lines of its log."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import JsonValue

from services.audit.acts import Act
from services.audit.tables import AuditEntry
from services.console.act_words import KNOWN
from services.console.ask import Ask
from services.delivery import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One line: when, who, what; `reason` as the person gave it; `no` names a revision to read."""

    seq: int
    at: datetime
    who: str
    what: str
    reason: str
    no: int | None


def people(entries: Iterable[AuditEntry]) -> set[UUID]:
    """The staff who did these acts."""
    found = set()
    for one in entries:
        kind, _, name = one.actor.partition(":")
        if kind == "staff":
            found.add(UUID(name))
    return found


def told(
    ask: Ask, entry: AuditEntry, names: Mapping[UUID, str], outlets: Mapping[str, str]
) -> Deed:
    """The line of one entry. `outlets` has the account's name for `publication:<id>`."""
    no = entry.details.get("revision")
    return Deed(
        seq=entry.seq,
        at=entry.at,
        who=_who(ask, entry.actor, names),
        what=_what(ask, entry, outlets.get(entry.object, "")),
        reason=_reason(ask, entry),
        no=no if isinstance(no, int) else None,
    )


def _who(ask: Ask, actor: str, names: Mapping[UUID, str]) -> str:
    kind, _, name = actor.partition(":")
    match kind:
        case "staff":
            return names.get(UUID(name), name)
        case "token":
            return ask.t("Một chương trình")
        case "cli":
            return ask.t("Người vận hành máy chủ")
        case _:
            return "Loa"


def _what(ask: Ask, entry: AuditEntry, outlet: str) -> str:
    if entry.object.startswith("publication:"):
        return _of_publication(ask, entry, outlet)
    no = entry.details.get("revision", "")
    match entry.act:
        case Act.ITEM_EDITED:
            return ask.t("Sửa bản %(no)s", no=no)
        case Act.ITEM_SUBMITTED:
            return ask.t("Gửi duyệt bản %(no)s", no=no)
        case Act.ITEM_RETURNED:
            return ask.t("Trả lại bản %(no)s", no=no)
        case Act.ITEM_APPROVED:
            return ask.t("Duyệt bản %(no)s", no=no)
        case Act.ITEM_WITHDRAWN:
            return ask.t("Gỡ khỏi %(count)s kênh", count=_count(entry.details.get("accounts")))
        case Act.ITEM_STOPPED:
            return ask.t("Dừng bản %(no)s trước khi đăng", no=no)
        case Act.ITEM_RESCHEDULED:
            return ask.t("Đổi giờ đăng của bản %(no)s", no=no)
        case Act.LINK_MADE | Act.LINK_REVOKED:
            return _of_link(ask, entry)
        case Act.APPROVAL_VOIDED:
            return ask.t("Phê duyệt bản %(no)s hết hiệu lực", no=no)
        case _:
            return _short(ask, entry.act)


def _of_link(ask: Ask, entry: AuditEntry) -> str:
    no = entry.details.get("revision", "")
    if entry.act == Act.LINK_MADE:
        return ask.t("Tạo liên kết xem thử bản %(no)s", no=no)
    return ask.t("Thu lại liên kết xem thử bản %(no)s", no=no)


def _of_publication(ask: Ask, entry: AuditEntry, outlet: str) -> str:
    match entry.act:
        case Act.PUBLICATION_RETRIED:
            return ask.t("Thử lại trên %(account)s", account=outlet)
        case Act.PUBLICATION_REPAIRED:
            return ask.t("Sửa lại cho khớp trên %(account)s", account=outlet)
        case Act.PUBLICATION_FAILED:
            return ask.t("Không đăng được trên %(account)s", account=outlet)
        case Act.PUBLICATION_DECIDED:
            return _decided(ask, str(entry.details.get("outcome", "")), outlet)
        case _:
            return _short(ask, entry.act)


def _short(ask: Ask, act: str) -> str:
    """The act as the whole record calls it; one that this version does not know, by its name.

    The record outlives releases: after a step back it may hold acts of a newer one.
    """
    vi, en = KNOWN.get(act, (act, act))
    return en if ask.language == "en" else vi


def _decided(ask: Ask, outcome: str, outlet: str) -> str:
    match outcome:
        case "found":
            return ask.t("Xác nhận bài trên %(account)s là của tin này", account=outlet)
        case "absent":
            return ask.t("Xác nhận chưa có bài trên %(account)s", account=outlet)
        case _:
            return ask.t("Dừng trên %(account)s để tự theo dõi", account=outlet)


def refused_because(ask: Ask, code: str) -> str:
    """Why an act was refused, as the record has it: by its code, without what the page told."""
    if code in ("role_needed", "scope_needed"):
        return ask.t("Không có vai trò hoặc quyền cho việc này.")
    return words.refusal(code, ask.language)


def _reason(ask: Ask, entry: AuditEntry) -> str:
    """The reason given; for a refusal, and what the hub did of itself, why in our words."""
    code = entry.details.get("code")
    if entry.act in (Act.APPROVAL_REFUSED, Act.ACT_REFUSED) and isinstance(code, str):
        return refused_because(ask, code)
    if entry.act == Act.APPROVAL_VOIDED:
        return ask.t("Người duyệt không còn quyền duyệt.")
    return entry.reason or ""


def _count(told_of: JsonValue) -> int:
    return len(told_of) if isinstance(told_of, dict | list) else 0
