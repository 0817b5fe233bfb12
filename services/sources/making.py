"""Turns an entry into a draft with its source's credit, and follows the source while nobody edits.

Nothing here submits or approves: what is made is a draft with a named author.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import Actor
from services.content import drafting, queries
from services.content.body import address
from services.content.forms import Address, ItemChanges, ItemForm
from services.content.tables import Item, Media
from services.sources import managing
from services.sources.forms import Makes
from services.sources.markdown import escaped, markdown, paragraph, plain
from services.sources.tables import Source, SourceEntry
from services.staff import agency
from services.staff.caller import Caller, caller_of
from services.staff.tables import Unit
from shared.errors import ConflictError, LoaError
from shared.text import one_line, shorten

# Who Loa is in the record when it follows a rule; the author is the person who set it.
BY_RULE: Final = Actor(kind="system", id="sources")
_TITLE_CHARS: Final = 300
_SUMMARY_CHARS: Final = 300
_ALIKE_CHARS: Final = 100
_BODY_CHARS: Final = 90_000
_ADDRESS: Final[TypeAdapter[str]] = TypeAdapter(Address)
# More at once is no news but a site that has moved its archive.
_AT_ONCE: Final = 20

_WAITING: Final = text(
    """
    WITH fresh AS (
      SELECT e.id, e.source_id, s.rule, s.rule_by, s.accounts, s.title,
             count(*) OVER (PARTITION BY e.source_id, e.first_seen_at) AS together
        FROM source_entry e JOIN source s ON s.id = e.source_id
       WHERE e.state = 'new' AND e.problem = '' AND e.legacy = '' AND e.gone_at IS NULL
         AND s.rule <> 'ask' AND s.state = 'active' AND s.removed_at IS NULL
         AND e.first_seen_at >= s.rule_at
       ORDER BY e.first_seen_at, e.position DESC LIMIT :most)
    SELECT * FROM fresh
    """
)
_HOLD: Final = text("UPDATE source_entry SET problem = :problem WHERE id = :id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What an entry gives an item: its words, and whose they are."""

    title: str
    summary: str
    body: str
    source_name: str
    source_url: str

    def changes(self) -> ItemChanges:
        """The same as a writer's change of an item."""
        return ItemChanges.model_validate(
            {
                "title": self.title,
                "summary": self.summary,
                "body": self.body,
                "source_name": self.source_name,
                "source_url": self.source_url,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """An entry of which a rule makes something: `submit` to these accounts, or only a draft."""

    entry_id: UUID
    source_title: str
    submit: bool
    accounts: tuple[UUID, ...]
    author: UUID | None
    too_many: bool


def words_of(source: Source, entry: SourceEntry, makes: str) -> Words:
    """What an item made of it says: the whole text, or (`bulletin`) title and link alone."""
    name = source.title or source.site
    link = _address(entry.link)
    if makes == "bulletin":
        target = (address(link) or "").replace("(", "%28").replace(")", "%29")
        body = f"[{escaped(f'Đọc toàn văn tại {name}')}]({target})" if target else ""
    else:
        body = _cut(markdown(entry.html)) or paragraph(one_line(entry.summary))
    return Words(
        title=shorten(one_line(entry.title), _TITLE_CHARS) or name,
        summary=_summary(entry, makes),
        body=body,
        source_name=name,
        source_url=link,
    )


async def draft(
    session: AsyncSession,
    caller: Caller,
    entry_id: UUID,
    *,
    zone: ZoneInfo,
    makes: Makes | None = None,
    pictures: Sequence[Media] = (),
) -> Item:
    """A draft of an entry; the same one again when there is one already.

    `makes` None: as the source says. `pictures` are files of the library, made of the entry's own;
    the first becomes the cover. Raises NotFoundError, ForbiddenError, ConflictError `entry_ours`.
    """
    entry = await managing.entry_of(session, caller, entry_id)
    if entry.item_id is not None and entry.state != "ours":
        return await queries.item(session, entry.item_id, caller.unit_ids)
    if entry.state == "ours":
        raise ConflictError("entry_ours")
    source = await session.get_one(Source, entry.source_id)
    made = makes or source.makes
    words = words_of(source, entry, made)
    unit = await session.get_one(Unit, source.unit_id)
    house = await agency.settings(session)
    known = not house.closed_list or house.category(source.category) is not None
    form = ItemForm.model_validate(
        {
            "kind": "bulletin" if made == "bulletin" else source.kind,
            "unit": unit.code,
            "category": source.category if known else "",
            **words.changes().model_dump(exclude_unset=True),
            "body": with_pictures(words.body, pictures[1:]),
            "cover": pictures[0].id if pictures else None,
        }
    )
    item = await drafting.create(session, caller, form, zone=zone)
    entry.state, entry.item_id, entry.problem = "drafted", item.id, ""
    entry.item_version, entry.taken_hash = item.version, entry.content_hash
    await session.flush()
    return item


async def follow(session: AsyncSession, entry_id: UUID) -> bool:
    """Takes an edit of the source into the draft, if nobody has written on it since Loa did.

    False when a person must look: somebody edited here, or it is no draft any more.
    """
    entry = await session.get_one(SourceEntry, entry_id, with_for_update=True)
    if entry.item_id is None or entry.taken_hash == entry.content_hash:
        return False
    item = await session.get_one(Item, entry.item_id, with_for_update=True)
    newest = (await queries.newest(session, (item,)))[item.id]
    if newest.state != "draft" or item.version != entry.item_version or newest.no != 1:
        return False
    author = await caller_of(session, item.created_by, actor=BY_RULE)
    if author is None or "editor" not in author.roles or not author.may_see(item.unit_id):
        return False
    source = await session.get_one(Source, entry.source_id)
    made = "bulletin" if item.kind == "bulletin" else "draft"
    words = words_of(source, entry, made)
    library = await queries.media(session, newest.media)
    shown = [library[one] for one in newest.media if one in library]
    changes = replace(words, body=with_pictures(words.body, shown)).changes()
    try:
        async with session.begin_nested():
            item = await drafting.edit(session, author, item.id, changes, version=item.version)
    except LoaError:
        return False  # what the house refuses by now is for a person to look at
    entry.item_version, entry.taken_hash = item.version, entry.content_hash
    await session.flush()
    return True


async def taken(
    session: AsyncSession, caller: Caller, entry_id: UUID, item: Item, *, kept: bool = False
) -> None:
    """Notes that a person has dealt with what the source changed: took it, or `kept` their words.

    Words that somebody chose to keep are theirs from then on: no later edit replaces them.
    """
    entry = await managing.entry_of(session, caller, entry_id)
    entry.taken_hash = entry.content_hash
    entry.item_version = 0 if kept else item.version
    await session.flush()


async def ruled(session: AsyncSession, *, most: int = 50) -> tuple[Ruled, ...]:
    """Entries of which rules make something by themselves, the oldest first."""
    rows = await session.execute(_WAITING, {"most": most})
    return tuple(
        Ruled(
            entry_id=row.id,
            source_title=row.title,
            submit=row.rule == "submit",
            accounts=tuple(row.accounts),
            author=row.rule_by,
            too_many=row.together > _AT_ONCE,
        )
        for row in rows
    )


async def hold(session: AsyncSession, entry_id: UUID, problem: str) -> None:
    """Leaves an entry to people; `problem` says why (`words.problem`)."""
    await session.execute(_HOLD, {"id": entry_id, "problem": problem})


async def author(session: AsyncSession, one: Ruled) -> Caller | None:
    """The person who set the rule, as they stand now; None if they may write no longer."""
    found = None if one.author is None else await caller_of(session, one.author, actor=BY_RULE)
    return found if found is not None and "editor" in found.roles else None


def with_pictures(body: str, pictures: Sequence[Media]) -> str:
    """The body with these files of the library at its end, each as a block of its own."""
    shown = [f"![{escaped(one.alt)}](media:{one.id})" for one in pictures]
    return "\n\n".join((body, *shown)).strip("\n")


def _summary(entry: SourceEntry, makes: str) -> str:
    """The summary; none beside a short text that it only repeats, as most feeds have it."""
    summary, whole = one_line(entry.summary), plain(entry.html)
    repeats = whole.startswith(summary[:_ALIKE_CHARS]) and len(whole) <= 2 * _SUMMARY_CHARS
    return "" if makes != "bulletin" and repeats else shorten(summary, _SUMMARY_CHARS)


def _cut(body: str) -> str:
    """The body as long as an item may be, cut between two paragraphs."""
    if len(body) <= _BODY_CHARS:
        return body
    head = body[:_BODY_CHARS]
    return head[: head.rfind("\n\n")] if "\n\n" in head else shorten(head, _BODY_CHARS)


def _address(link: str) -> str:
    try:
        return _ADDRESS.validate_python(link)
    except ValidationError:
        return ""
