"""Nhật ký: who did what, on what, when, from where; each line proves itself against the chain.

Source: console-ux.md section 4 (S19).
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from uuid import UUID

from starlette.responses import Response

from services.audit.acts import Act
from services.audit.queries import Entries, Search, found
from services.audit.tables import AuditEntry
from services.audit.verify import sound, verify
from services.console.act_words import GROUPS, KNOWN
from services.console.ask import Ask
from services.console.deeds import refused_because
from services.console.guard import Page, get, post
from services.delivery.named import names_of
from services.staff.queries import list_people

_PER_PAGE: Final = 50
_EXPORTED: Final = 5_000
_ROLES: Final = ("auditor", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One entry in words. `sound`: it stands as it was written; `link` leads to its thing."""

    seq: int
    at: datetime
    who: str
    what: str
    about: str
    link: str | None
    reason: str
    address: str
    sound: bool


async def show(ask: Ask) -> Response:
    """A page of the record, with what is looked for in the address."""
    async with ask.work() as session:
        page = await found(
            session,
            _search(ask),
            units=ask.caller.unit_ids,
            limit=_PER_PAGE,
            cursor=ask.query("cursor") or None,
        )
        names = await names_of(session, _things(page), ask.caller.unit_ids)
        people = await list_people(session, ask.caller.unit_ids)
    looked_for = {name: ask.query(name) for name in ("actor", "group", "from", "to", "object")}
    return await ask.page(
        "record.html",
        block="lines",
        lines=[_line(ask, entry, names) for entry in page.entries],
        about=names.get(looked_for["object"], ""),
        people=people,
        groups=[(name, pair[ask.language == "en"]) for name, pair in GROUPS.items()],
        looked_for=looked_for,
        older=ask.url("/audit", **looked_for, cursor=page.next) if page.next else None,
        newer=ask.url("/audit", **looked_for) if ask.query("cursor") else None,
        export=ask.url("/audit/export.csv", **looked_for),
        verdict=None,
    )


async def prove(ask: Ask) -> Response:
    """Walks the whole chain and tells how it stands."""
    async with ask.work() as session:
        verdict = await verify(session)
    if verdict.ok:
        told = ask.t(
            "Đã kiểm tra %(count)s dòng: không dòng nào bị sửa, thêm hay bớt.",
            count=ask.moments.number(verdict.count),
        )
        return ask.to("/audit", said=told)
    return await ask.page(
        "record_broken.html", status=409, first_bad=verdict.first_bad_seq, count=verdict.count
    )


async def export(ask: Ask) -> Response:
    """What is looked for as a table for a spreadsheet, newest first."""
    async with ask.work() as session:
        page = await found(session, _search(ask), units=ask.caller.unit_ids, limit=_EXPORTED)
        names = await names_of(session, _things(page), ask.caller.unit_ids)
    told = io.StringIO()
    # A spreadsheet needs the mark to know that these letters are UTF-8.
    told.write("\ufeff")
    table = csv.writer(told)
    table.writerow(
        [
            ask.t("Số"),
            ask.t("Lúc"),
            ask.t("Ai"),
            ask.t("Việc"),
            ask.t("Trên"),
            ask.t("Lý do"),
            ask.t("Từ địa chỉ"),
            "SHA-256",
        ]
    )
    for entry in page.entries:
        line = _line(ask, entry, names)
        row = [line.who, line.what, line.about, line.reason, line.address]
        at = ask.moments.local(line.at).isoformat(timespec="seconds")
        table.writerow([line.seq, at, *(_inert(one) for one in row), entry.hash.hex()])
    if page.next is not None:
        most = ask.moments.number(_EXPORTED)
        table.writerow([ask.t("Còn nữa: bảng này chỉ chứa %(count)s dòng đầu.", count=most)])
    return Response(
        told.getvalue(),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="nhat-ky.csv"'},
    )


def _search(ask: Ask) -> Search:
    about, actor = ask.query("object"), ask.query("actor")
    return Search(
        about=about or None,
        actor=f"staff:{actor}" if _is_id(actor) else None,
        group=ask.query("group") if ask.query("group") in GROUPS else None,
        since=_midnight(ask, ask.query("from")),
        until=_midnight(ask, ask.query("to"), days=1),
    )


def _midnight(ask: Ask, typed: str, *, days: int = 0) -> datetime | None:
    try:
        day = datetime.strptime(typed, "%Y-%m-%d").date()  # noqa: DTZ007  # a day, no instant
    except ValueError:
        return None
    zone = ask.moments.zone
    return datetime.combine(day, time(), tzinfo=zone) + timedelta(days=days)


def _things(page: Entries) -> set[str]:
    return {name for entry in page.entries for name in (entry.object, entry.actor)}


def _line(ask: Ask, entry: AuditEntry, names: Mapping[str, str]) -> Line:
    # An act that this version does not know is told by its name: the record outlives releases.
    pair = KNOWN.get(entry.act, (entry.act, entry.act))
    return Line(
        seq=entry.seq,
        at=entry.at,
        who=_who(ask, entry.actor, names.get(entry.actor)),
        what=pair[ask.language == "en"],
        about=names.get(entry.object, ""),
        link=_link(entry),
        reason=_reason(ask, entry),
        address=entry.address or "",
        sound=sound(entry),
    )


def _who(ask: Ask, actor: str, name: str | None) -> str:
    kind = actor.partition(":")[0]
    if kind == "staff":
        return name or ask.t("Người chưa đăng nhập")
    if kind == "token":
        return ask.t("Chương trình %(name)s", name=name or "")
    return ask.t("Người vận hành máy chủ") if kind == "cli" else "Loa"


def _link(entry: AuditEntry) -> str | None:
    """Where the thing stands now; for an approval or a submission the exact text it was about."""
    kind, _, name = entry.object.partition(":")
    if kind == "item":
        no = entry.details.get("revision")
        after = f"?tab=revisions&no={no}" if isinstance(no, int) else ""
        return f"/posts/{name}{after}"
    if kind == "account":
        return f"/channels/{name}"
    return None


def _reason(ask: Ask, entry: AuditEntry) -> str:
    code = entry.details.get("code")
    refused = entry.act in (Act.APPROVAL_REFUSED, Act.ACT_REFUSED, Act.SESSION_REFUSED)
    if refused and isinstance(code, str):
        return refused_because(ask, code)
    return entry.reason or ""


def _inert(told: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{told}" if told[:1] in ("=", "+", "-", "@", "\t", "\r") else told


def _is_id(told: str) -> bool:
    try:
        UUID(told)
    except ValueError:
        return False
    return True


PAGES: Final[tuple[Page, ...]] = (
    get("/audit", show, roles=_ROLES),
    get("/audit/export.csv", export, roles=_ROLES),
    post("/audit/prove", prove, roles=_ROLES),
)
