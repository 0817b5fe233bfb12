"""`loa item add`: a Markdown file with its pictures becomes a draft."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import unquote
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.tables import Account
from services.cli import finding
from services.cli.opening import at_hub, at_terminal
from services.cli.telling import AsJson, Data, tell
from services.cli.words import of_fault
from services.content import drafting, media, workflow
from services.content.forms import ItemForm
from services.content.tables import Item
from services.delivery.hub import Hub
from services.staff.caller import Caller
from shared.errors import InvalidError, NotFoundError

Read = Callable[[str], bytes]

_FENCE: Final = "---"
# A picture alone on its line, as services/content/body.py reads it; its target is a file beside.
_PICTURE = re.compile(
    r'^!\[(?P<alt>[^\]\n]*)\]\((?P<target><(?P<spaced>[^<>\n]+)>|[^)\s"]+)'
    r'(?:\s+"(?P<caption>[^"\n]*)")?\)[ \t]*$',
    re.MULTILINE,
)
_ELSEWHERE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|/|#)", re.IGNORECASE)


def _listed(told: object) -> object:
    """`một, hai` as a list of two."""
    return (
        [one.strip() for one in told.split(",") if one.strip()] if isinstance(told, str) else told
    )


def _id(told: str) -> UUID | None:
    try:
        return UUID(told.removeprefix("media:"))
    except ValueError:
        return None


class _DocumentFacts(BaseModel):
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    number: str = ""
    issued_on: date | None = None
    issuer: str = ""
    signer: str = ""


class _Front(BaseModel):
    """What may stand between the two lines `---`."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    title: str
    summary: str = ""
    kind: str = "news"
    category: str = ""
    tags: Annotated[list[str], BeforeValidator(_listed)] = []
    author: str = ""
    unit: str | None = None
    cover: str | None = None
    cover_alt: str = ""
    document: _DocumentFacts | None = None
    accounts: Annotated[list[str], BeforeValidator(_listed)] = []
    publish_at: datetime | None = None
    expires_at: datetime | None = None
    urgent: bool = False
    correction_note: str = Field(default="", max_length=2_000)
    ai_made: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """A file as it was written: what its front matter says, and the Markdown below."""

    front: _Front
    body: str


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    group = typer.Typer(help="Tin, bài · Items", no_args_is_help=True)

    @group.callback()
    def _group() -> None:
        pass

    group.command("add")(add)
    app.add_typer(group, name="item")


def add(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.md", help="Tệp Markdown · A Markdown file.")
    ],
    writer: Annotated[
        str | None,
        typer.Option("--as", metavar="EMAIL", help="Người soạn · Who writes it."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Thêm một bản nháp từ tệp Markdown; ảnh để cạnh tệp · Add a draft; pictures lie beside it."""
    manuscript = parse(_text(file))

    async def work(hub: Hub) -> tuple[Item, Caller]:
        async with hub.open_work() as session:
            caller = await finding.writer(session, at_terminal(), writer)
            return await draft(session, hub, caller, manuscript, _beside(file)), caller

    item, caller = at_hub(data, work)
    tell(
        {
            "id": item.id,
            "code": item.code,
            "kind": item.kind,
            "state": "draft",
            "revision": item.revision_no,
            "title": manuscript.front.title,
            "written_by": caller.email,
        },
        as_json=as_json,
        line=f"Đã thêm bản nháp {item.code}, người soạn {caller.name} ({caller.email}) · Draft"
        f" added; xem · see: loa status {item.code}",
    )


def parse(text: str) -> Manuscript:
    """The file's two parts. Raises InvalidError `front_matter` with the first reason."""
    opening, _, rest = text.lstrip("\ufeff").partition("\n")
    front, closing, body = rest.partition(f"\n{_FENCE}")
    if opening.rstrip() != _FENCE or not closing:
        raise InvalidError("front_matter", reason="thiếu hai dòng --- · the lines --- are missing")
    try:
        read = yaml.safe_load(front)
        return Manuscript(front=_Front.model_validate(read), body=body.partition("\n")[2])
    except yaml.YAMLError as error:
        raise InvalidError("front_matter", reason=_of_yaml(error)) from error
    except ValidationError as error:
        raise InvalidError("front_matter", reason=of_fault(error)) from None


async def draft(
    session: AsyncSession, hub: Hub, caller: Caller, manuscript: Manuscript, read: Read
) -> Item:
    """The manuscript as a draft, its pictures in the library; `read` gives a picture's bytes.

    Accounts, times and urgency are kept with the draft and stand ready when it is submitted. One
    unit of work: a picture that cannot be taken leaves nothing behind. Not safe to repeat.
    """
    front = manuscript.front
    cover = None
    if front.cover is not None:
        # A picture that is not described is at least named by what it stands for.
        alt = front.cover_alt or front.title
        cover = _id(front.cover) or await _taken(session, hub, caller, read, front.cover, alt=alt)
    body = await _with_pictures(session, hub, caller, read, manuscript.body)
    try:
        form = ItemForm.model_validate(
            {
                "kind": front.kind,
                "title": front.title,
                "unit": front.unit,
                "summary": front.summary,
                "body": body,
                "author": front.author,
                "cover": cover,
                "tags": front.tags,
                "category": front.category,
                "document": front.document.model_dump() if front.document else None,
                "correction_note": front.correction_note,
                "ai_made": front.ai_made,
            }
        )
    except ValidationError as error:
        raise InvalidError("front_matter", reason=of_fault(error)) from None
    zone = ZoneInfo(hub.timezone)
    item = await drafting.create(session, caller, form, zone=zone)
    await workflow.freeze_revision(
        session,
        caller,
        item,
        await workflow.newest_revision(session, item),
        accounts=await _accounts(session, caller, front.accounts),
        publish_at=_instant(front.publish_at, zone),
        expires_at=_instant(front.expires_at, zone),
        urgent=front.urgent,
        note="",
    )
    return item


async def _with_pictures(
    session: AsyncSession, hub: Hub, caller: Caller, read: Read, body: str
) -> str:
    """The Markdown with each picture file named by its id in the library."""
    parts: list[str] = []
    taken: dict[str, UUID] = {}
    done = 0
    for found in _PICTURE.finditer(body):
        file = found["spaced"] or found["target"]
        if _ELSEWHERE.match(file):
            continue
        if file not in taken:
            taken[file] = await _taken(
                session, hub, caller, read, file, alt=found["alt"], caption=found["caption"] or ""
            )
        parts += [body[done : found.start("target")], f"media:{taken[file]}"]
        done = found.end("target")
    return "".join([*parts, body[done:]])


async def _taken(
    session: AsyncSession,
    hub: Hub,
    caller: Caller,
    read: Read,
    file: str,
    *,
    alt: str,
    caption: str = "",
) -> UUID:
    row = await media.add(
        session,
        caller,
        hub.media,
        data=await asyncio.to_thread(read, file),
        filename=file,
        alt=alt,
        caption=caption,
    )
    return row.id


async def _accounts(session: AsyncSession, caller: Caller, names: list[str]) -> tuple[UUID, ...]:
    """The accounts of these names or ids, in the order written. InvalidError `accounts_unclear`."""
    if not names:
        return ()
    ids = [one for name in names if (one := _id(name)) is not None]
    rows = await session.execute(
        select(col(Account.name), col(Account.id)).where(
            or_(col(Account.name).in_(names), col(Account.id).in_(ids)),
            col(Account.unit_id).in_(caller.unit_ids),
            col(Account.stage) != "closed",
        )
    )
    found: dict[str, UUID] = {}
    for row in rows:
        found |= {row.name: row.id, str(row.id): row.id}
    missing = [name for name in names if name not in found]
    if missing:
        raise InvalidError("accounts_unclear", names=", ".join(missing))
    return tuple(dict.fromkeys(found[name] for name in names))


def _beside(file: Path) -> Read:
    folder = file.resolve().parent

    def read(name: str) -> bytes:
        # Many editors write the name as an address would hold it: `m%E1%BA%ABu%201.jpg`.
        picture = next(
            (one for word in (name, unquote(name)) if (one := (folder / word).resolve()).is_file()),
            folder,
        )
        # A file from elsewhere may carry `../../etc/…`; it must not pull that into the library.
        if not picture.is_relative_to(folder) or not picture.is_file():
            raise NotFoundError("picture_missing", file=name)
        return picture.read_bytes()

    return read


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8"
        raise InvalidError("file_unreadable", file=file, reason=reason) from error


def _instant(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A time without a zone is meant here: 08:00 is eight in the morning in Vietnam."""
    return at.replace(tzinfo=zone) if at is not None and at.tzinfo is None else at


def _of_yaml(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    line = "" if mark is None else f" {mark.line + 2}"  # the first line `---` is not YAML's
    problem = " ".join(str(getattr(error, "problem", None) or error).split())
    return (
        f"dòng{line} không đọc được; giá trị có dấu hai chấm hay ngoặc phải đặt trong nháy kép"
        f" · line{line}: {problem}; quote values that hold a colon or a bracket"
    )
