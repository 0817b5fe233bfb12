"""`loa status`: what is live where, what waits on whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

import typer
from rich.text import Text
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.cli.opening import at_hub
from services.cli.telling import AsJson, Data, console, local, say, table, tell_json
from services.console.vocabulary import ITEM, PUBLICATION, Word
from services.content.tables import Item, Revision
from services.delivery import board, switches, words
from services.delivery.board import Shown, Standing
from services.delivery.hub import Hub
from services.staff.tables import Unit
from shared.errors import NotFoundError

_NEWEST: Final = 30
_PART: Final = 1_000
_NAMED: Final = 12  # accounts of an item among others
_STYLES: Final = {
    "green": "green",
    "red": "bold red",
    "amber": "yellow",
    "blue": "blue",
    "neutral": "dim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """One item with where it stands, as a whole and on each account."""

    item: Item
    title: str
    url: str
    standing: Standing
    publications: tuple[Shown, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    lines: tuple[_Line, ...]
    zone: str
    freeze: str | None
    fence: str | None


def join(app: typer.Typer) -> None:
    """Adds this command to the command line."""
    app.command("status")(status)


def status(
    item: Annotated[
        str | None, typer.Argument(metavar="ITEM", help="Mã tin · The item's code or id.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Tin nào đang hiện ở đâu, việc gì chờ ai · What is live where, what waits on whom."""

    async def work(hub: Hub) -> _Report:
        async with hub.open_work() as session:
            return await _report(session, hub, item)

    report = at_hub(data, work)
    if as_json:
        tell_json(_facts(report))
        return
    for held in (report.freeze, report.fence):
        if held:
            say(held)
    if item is None:
        _tell_items(report)
    else:
        for line in report.lines:
            _tell_item(line, report.zone)


async def _report(session: AsyncSession, hub: Hub, wanted: str | None) -> _Report:
    # Whoever sits at the terminal of the hub sees every unit.
    units = (await session.scalars(select(col(Unit.id)))).all()
    if wanted is None:
        ids, _ = await board.items(session, unit_ids=units, limit=_NEWEST)
    else:
        ids = [await _item_id(session, wanted)]
    standings = await board.standing(session, ids)
    rows = await session.execute(
        select(Item, col(Revision.title))
        .join(
            Revision,
            (col(Revision.item_id) == col(Item.id)) & (col(Revision.no) == col(Item.revision_no)),
        )
        .where(col(Item.id).in_(ids))
    )
    found = {row.id: (row, title) for row, title in rows}
    lines = []
    for one in ids:
        row, title = found[one]
        shown = await _everywhere(session, one)
        lines.append(
            _Line(
                item=row,
                title=title,
                url=hub.item_url(row.code),
                standing=standings[one],
                publications=shown,
            )
        )
    freeze, fence = await switches.frozen(session), await switches.fenced(session)
    return _Report(
        lines=tuple(lines),
        zone=hub.timezone,
        freeze=f"Đang đóng băng · Frozen: {freeze.reason}" if freeze else None,
        fence=f"Đang rào sau phục hồi · Fenced after a restore: {fence.reason}; loa restore --lift"
        if fence
        else None,
    )


async def _everywhere(session: AsyncSession, item_id: UUID) -> tuple[Shown, ...]:
    """All of the item's publications, by name; thousands are read in parts."""
    found: list[Shown] = []
    while True:
        part = await board.placed(session, item_id, skip=len(found), limit=_PART)
        found += part.shown
        if not part.shown or len(found) >= part.total:
            return tuple(sorted(found, key=lambda each: each.account.name))


async def _item_id(session: AsyncSession, wanted: str) -> UUID:
    try:
        by_id = col(Item.id) == UUID(wanted)
    except ValueError:
        by_id = col(Item.id).is_(None)
    found = await session.scalar(
        select(col(Item.id)).where(or_(by_id, col(Item.code) == wanted.strip().upper()))
    )
    if found is None:
        raise NotFoundError("item_not_found", item=wanted)
    return found


def _tell_items(report: _Report) -> None:
    if not report.lines:
        say("Chưa có tin nào · There are no items yet; loa item add FILE.md")
        return
    rows: list[Sequence[str | Text]] = []
    for line in report.lines:
        word = ITEM[line.standing.state]
        rows.append(
            (
                line.item.code,
                line.title,
                _chip(word),
                Text("\n").join(_accounts(line.publications)),
                _waits_on(line) or "–",
            )
        )
    table(
        "Tin bài · Items",
        ("Mã · Code", "Tiêu đề · Title", "Trạng thái · State", "Kênh · Accounts", "Chờ · Waits on"),
        rows,
    )


def _accounts(shown: Sequence[Shown]) -> Iterator[Text]:
    """A line for each account; of many those that need somebody first, and how many more."""
    led = shown
    if len(shown) > _NAMED:
        led = sorted(shown, key=lambda one: board.LOOKS.index(one.look))
    for one in led[:_NAMED]:
        yield Text.assemble(f"{one.account.name}: ", _chip(PUBLICATION[one.state]))
    if len(shown) > _NAMED:
        yield Text(f"… và {len(shown) - _NAMED} kênh nữa · and {len(shown) - _NAMED} more")


def _tell_item(line: _Line, zone: str) -> None:
    word = ITEM[line.standing.state]
    say(f"{line.item.code} · {word.vi} · {word.en}")
    say(line.title)
    say(line.url)
    if line.standing.open_state is not None:
        beside = ITEM[line.standing.open_state]
        say(f"Bản {line.standing.open_revision}: {beside.vi} · {beside.en}")
    waiting = _waits_on(line)
    if waiting:
        say(f"Đang chờ · Waits on: {waiting}")
    for one in line.publications:
        _tell_publication(one, zone)


def _tell_publication(one: Shown, zone: str) -> None:
    facts = [local(one.observed_at, zone)] if one.observed_at else []
    if one.seen_at is not None:
        facts.append(f"cổng lấy lúc · fetched {local(one.seen_at, zone)}")
    if one.arrived is not None and one.arrived.found == "shown" and one.arrived.shown_at:
        facts.append(f"hiện trên cổng · shown there {local(one.arrived.shown_at, zone)}")
    if one.remote_url is not None:
        facts.append(one.remote_url)
    drawn = console()
    drawn.print(
        Text.assemble("  ", _chip(PUBLICATION[one.state]), f"  {one.account.name}"), soft_wrap=True
    )
    for told in (" · ".join(facts), _problem(one)):
        if told:
            drawn.print(Text(f"      {told}"), soft_wrap=True)


def _waits_on(line: _Line) -> str:
    waiting = [_waited(PUBLICATION[one.state]) for one in line.publications]
    if line.standing.open_state is not None:
        waiting.append(_waited(ITEM[line.standing.open_state]))
    if not any(waiting):
        waiting.append(_waited(ITEM[line.standing.state]))
    return "; ".join(dict.fromkeys(filter(None, waiting)))


def _waited(word: Word) -> str:
    return " · ".join(dict.fromkeys(filter(None, (word.waits_on, word.waits_on_en))))


def _problem(shown: Shown) -> str:
    trouble = shown.problem
    if trouble is None:
        return ""
    told = words.problem(trouble.code, "vi")
    code = f" ({trouble.remote_code})" if trouble.remote_code else ""
    return f"{told.happened}{code} {told.effect} {told.next}"


def _chip(word: Word) -> Text:
    return Text(f"{word.mark} {word.vi}", style=_STYLES[word.tone])


def _facts(report: _Report) -> Mapping[str, object]:
    return {
        "frozen": report.freeze is not None,
        "fenced": report.fence is not None,
        "items": [
            {
                "id": line.item.id,
                "code": line.item.code,
                "title": line.title,
                "state": line.standing.state,
                "revision": line.item.revision_no,
                "live_revision": line.standing.live_revision,
                "open": {
                    "revision": line.standing.open_revision,
                    "state": line.standing.open_state,
                }
                if line.standing.open_state is not None
                else None,
                "url": line.url,
                "waits_on": _waits_on(line) or None,
                "publications": [
                    {
                        "id": one.id,
                        "account": one.account,
                        "state": one.state,
                        "generation": one.generation,
                        "observed_generation": one.observed_generation,
                        "remote_id": one.remote_id,
                        "remote_url": one.remote_url,
                        "live_revision": one.live_revision,
                        "observed_at": one.observed_at,
                        "seen_at": one.seen_at,
                        "found_on_portal": one.arrived.found if one.arrived else None,
                        "next_at": one.next_at,
                        "problem": one.problem,
                    }
                    for one in line.publications
                ],
            }
            for line in report.lines
        ],
    }
