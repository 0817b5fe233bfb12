"""What goes out: every field by name, so that a new column of a table never leaks by itself."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, JsonValue, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic_core import to_json
from sqlalchemy import Row

from services.api import words
from services.channels.accounts import AccountView
from services.content.tables import Approval, Media, Revision
from services.delivery import rendition_words
from services.delivery.board import Shown, Whole
from services.delivery.hub import Hub
from services.delivery.preview import Preview
from services.staff.caller import Caller


def _told(ids: list[UUID]) -> list[str]:
    return [str(one) for one in ids]


# An item may name thousands of accounts. Told as text in one go: an id at a time, each asked for
# its class, takes four times as long.
Ids: TypeAlias = Annotated[
    list[UUID],
    PlainSerializer(_told, when_used="json"),
    WithJsonSchema({"type": "array", "items": {"type": "string", "format": "uuid"}}),
]


class StaffOut(BaseModel):
    """A person of the team."""

    id: UUID
    email: str
    name: str
    roles: list[str]
    unit: str
    locale: str


class SessionOut(BaseModel):
    """Who signed in, and the code that unsafe calls repeat in `X-CSRF-Token`."""

    staff: StaffOut
    csrf: str


class UnitOut(BaseModel):
    """A unit within the caller's reach."""

    code: str
    name: str


class MeOut(BaseModel):
    """Who calls: a person, or a program that one of them owns (then `scopes` is set)."""

    kind: Literal["staff", "token"]
    staff: StaffOut
    roles: list[str]
    scopes: list[str] | None
    unit: str
    units: list[UnitOut]
    csrf: str | None


class LimitsOut(BaseModel):
    """What a channel holds; null where there is no such thing, or no limit."""

    title_chars: int | None
    summary_chars: int | None
    text_chars: int | None
    picture_count: int | None
    picture_bytes: int | None
    video_bytes: int | None


class ChannelOut(BaseModel):
    """A kind of outlet that an adapter provides."""

    name: str
    pull: bool
    abilities: list[str]
    limits: LimitsOut
    settings_schema: dict[str, JsonValue]
    credentials_schema: dict[str, JsonValue]


class ChannelsOut(BaseModel):
    """The adapters that work, and those that could not be loaded with the reason."""

    data: list[ChannelOut]
    broken: dict[str, str]


class PauseOut(BaseModel):
    """Why nothing is sent to an account."""

    code: str | None
    reason: str | None
    at: datetime | None


class AccountOut(BaseModel):
    """A connected account; its credentials never come back."""

    id: UUID
    unit: str
    channel: str
    name: str
    remote_id: str
    settings: dict[str, JsonValue]
    stage: str
    state: str
    pause: PauseOut | None
    token_state: str
    token_expires_at: datetime | None
    checked_at: datetime | None
    check_ok: bool | None
    created_at: datetime


class AccountsOut(BaseModel):
    """A page of accounts."""

    data: list[AccountOut]
    next: str | None


class AdoptionOut(BaseModel):
    """How far the posts are read that the account showed before it was connected.

    `made` became items of their own, `matched` joined items that were here, `skipped` are known
    only. `views` is what the channel counts, null where it counts nothing.
    """

    state: Literal["never", "reading", "done", "failed"]
    asked_at: datetime | None
    ended_at: datetime | None
    problem: str | None
    read: int
    made: int
    matched: int
    skipped: int
    views: int | None


class AdoptedPostOut(BaseModel):
    """One post that was there before; `item` is the item that stands for it, null where none."""

    remote_id: str
    remote_url: str | None
    title: str
    at: datetime | None
    views: int | None
    shares: int | None
    item: UUID | None
    matched_by: Literal["id", "link", "text", "new"] | None
    skipped: Literal["hidden", "unreadable", "undated"] | None


class AdoptedPostsOut(BaseModel):
    """A page of earlier posts, newest first."""

    data: list[AdoptedPostOut]
    next: str | None


class ProbeOut(BaseModel):
    """One question to the channel, and what came of it."""

    name: str
    ok: bool
    detail: str
    ms: int


class CheckOut(BaseModel):
    """Whether the connection works, question by question."""

    ok: bool
    probes: list[ProbeOut]


class ConsentOut(BaseModel):
    """The channel's own page on which an admin agrees to the connection."""

    url: str


class ConnectedOut(BaseModel):
    """The account that a consent has connected."""

    account: UUID


class MediaOut(BaseModel):
    """A stored picture, video or document. `image` knows its size in pixels."""

    id: UUID
    url: str
    sha256: str
    width: int | None
    height: int | None
    bytes: int
    kind: str
    mime: str
    alt: str
    decorative: bool
    caption: str
    credit: str


class DocumentOut(BaseModel):
    """The legal facts of a document."""

    number: str
    issued_on: date | None
    issuer: str
    signer: str


class OverrideOut(BaseModel):
    """What one account shows instead; null is inherited."""

    title: str | None = None
    summary: str | None = None
    text: str | None = None


class OpenOut(BaseModel):
    """A next revision beside the live one."""

    revision: int
    state: str


class _Words(BaseModel):
    """What people wrote, of one revision."""

    title: str
    summary: str
    body: str
    author: str
    cover: UUID | None
    tags: list[str]
    category: str
    document: DocumentOut | None
    overrides: dict[UUID, OverrideOut]
    correction_note: str
    source_name: str
    source_url: str
    ai_made: bool
    accounts: list[UUID]
    publish_at: datetime | None
    expires_at: datetime | None
    urgent: bool
    note: str
    return_reason: str | None


class ItemOut(_Words):
    """An item with the words of its newest revision. `state` speaks of the live one, if any."""

    id: UUID
    code: str
    kind: str
    state: str
    unit: str
    revision: int
    live_revision: int | None
    open: OpenOut | None
    url: str
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_reason: str | None
    created_by: UUID
    submitted_by: UUID | None
    approved_by: UUID | None


class ItemsOut(BaseModel):
    """A page of items."""

    data: list[ItemOut]
    next: str | None


class RevisionOut(_Words):
    """One numbered state of an item."""

    no: int
    state: str
    content_hash: str | None
    created_by: UUID
    last_editor: UUID
    submitted_by: UUID | None
    approved_by: UUID | None
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    approved_at: datetime | None


class RevisionsOut(BaseModel):
    """A page of revisions, newest first."""

    data: list[RevisionOut]
    next: str | None


class ProblemOut(BaseModel):
    """Something to look at, or (`blocking`) to mend, before a rendition can go out."""

    field: str
    code: str
    blocking: bool
    detail: str


class RenditionOut(BaseModel):
    """What one account will show, and the hash that an approval names."""

    account: UUID
    hash: str
    payload: dict[str, JsonValue]
    problems: list[ProblemOut]


class PreviewOut(BaseModel):
    """The newest revision as its accounts would show it."""

    revision: int
    renditions: list[RenditionOut]


class EffectOut(BaseModel):
    """What withdrawing does on one account."""

    account: UUID
    publication: UUID
    effect: str


class WithdrawalOut(BaseModel):
    """What each account will do now."""

    item: UUID
    accounts: list[EffectOut]


class AccountRefOut(BaseModel):
    """Which account, in a few words."""

    id: UUID
    name: str
    channel: str


class CandidateOut(BaseModel):
    """A post on the channel that may be ours."""

    remote_id: str
    remote_url: str | None
    text: str
    at: datetime | None
    similarity: float


class TroubleOut(BaseModel):
    """What is wrong: what happened, what it means, what to do next."""

    code: str
    happened: str
    effect: str
    next: str
    remote_code: str | None
    remote_words: str | None
    at: datetime | None


class PublicationOut(BaseModel):
    """An item's standing on one account."""

    id: UUID
    item: UUID
    account: AccountRefOut
    state: str
    generation: int
    observed_generation: int
    operation: str | None
    remote_id: str | None
    remote_url: str | None
    live_revision: int | None
    observed_at: datetime | None
    seen_at: datetime | None
    fetched_revision: int | None
    found_on_portal: str | None
    looked_at: datetime | None
    next_at: datetime | None
    expires_at: datetime | None
    attempts: int
    problem: TroubleOut | None
    candidates: list[CandidateOut]
    drift: str | None
    may_be_visible: bool
    paused: PauseOut | None
    frozen: bool


class PublicationsOut(BaseModel):
    """A page of publications."""

    data: list[PublicationOut]
    next: str | None


class FreezeOut(BaseModel):
    """Whether publishing is held everywhere."""

    frozen: bool
    reason: str | None
    until: datetime | None
    at: datetime | None


class EntryOut(BaseModel):
    """One entry of the record; each hash covers the one before."""

    seq: int
    at: datetime
    actor: str
    act: str
    object: str
    unit: str | None
    before_hash: str | None
    after_hash: str | None
    reason: str | None
    details: dict[str, JsonValue]
    session: str | None
    request: str | None
    address: str | None
    prev_hash: str
    hash: str


class EntriesOut(BaseModel):
    """A page of the record, newest first."""

    data: list[EntryOut]
    next: str | None


def staff_out(caller: Caller) -> StaffOut:
    """The person behind a call."""
    return StaffOut(
        id=caller.staff_id,
        email=caller.email,
        name=caller.name,
        roles=sorted(caller.roles),
        unit=caller.unit_code,
        locale=caller.locale,
    )


def account_out(view: AccountView) -> AccountOut:
    """An account without its secrets."""
    paused = view.state == "paused"
    return AccountOut.model_validate(
        {
            **{
                name: getattr(view, name)
                for name in AccountOut.model_fields
                if name not in ("unit", "pause")
            },
            "unit": view.unit_code,
            "pause": {
                "code": view.pause_code,
                "reason": view.pause_reason,
                "at": view.paused_at,
            }
            if paused
            else None,
        }
    )


def media_out(hub: Hub, media: Media) -> MediaOut:
    """A file of the library."""
    return MediaOut(
        id=media.id,
        url=hub.media_url(media.sha256, media.ext),
        sha256=media.sha256,
        width=media.width,
        height=media.height,
        bytes=media.size_bytes,
        kind=media.kind,
        mime=media.mime,
        alt=media.alt,
        decorative=media.decorative,
        caption=media.caption,
        credit=media.credit,
    )


def item_json(hub: Hub, whole: Whole) -> bytes:
    """An item as its newest revision words it and its publications stand: `ItemOut` as JSON."""
    row, standing = whole.row, whole.standing
    words = _words_of(row, without="accounts")
    told = ItemOut.model_construct(
        **words,
        id=row.id,
        code=row.code,
        kind=row.kind,
        state=standing.state,
        unit=row.unit_code,
        revision=row.revision_no,
        live_revision=standing.live_revision,
        open=OpenOut(revision=standing.open_revision, state=standing.open_state)
        if standing.open_revision is not None and standing.open_state is not None
        else None,
        url=hub.item_url(row.code),
        created_at=row.created_at,
        updated_at=row.updated_at,
        published_at=standing.published_at,
        withdrawn_at=row.withdrawn_at,
        withdrawn_reason=row.withdrawn_reason,
        created_by=row.created_by,
        submitted_by=standing.submitted_by,
        approved_by=standing.approved_by,
    )
    rest = _ITEM.dump_json(told, exclude={"accounts"})
    return b'%b,"accounts":%b}' % (rest[:-1], ids_json(row.accounts))


def items_json(hub: Hub, found: Iterable[Whole], following: str | None) -> bytes:
    """A page of items: `ItemsOut` as JSON."""
    data = b",".join(item_json(hub, one) for one in found)
    return b'{"data":[%b],"next":%b}' % (data, to_json(following))


def preview_json(shown: Preview, language: words.Language) -> bytes:
    """A revision as its accounts would show it: `PreviewOut` as JSON."""
    return to_json(
        {
            "revision": shown.revision_no,
            "renditions": [
                {
                    "account": one.account_id,
                    "hash": one.hash,
                    "payload": one.payload,
                    "problems": [
                        {
                            "field": problem.field,
                            "code": problem.code,
                            "blocking": problem.blocking,
                            "detail": rendition_words.told(problem.code, problem.detail, language),
                        }
                        for problem in one.problems
                    ],
                }
                for one in shown.renditions
            ],
        }
    )


def ids_json(sent: bytes) -> bytes:
    """A JSON list of the ids in an array as PostgreSQL sends it.

    An item may stand on thousands of accounts, and a page hold fifty such items: told id by id they
    would cost a hundred times as much as all the rest. Here each of the 32 digits is put into its
    place in all ids at once. Source: PostgreSQL, src/backend/utils/adt/arrayfuncs.c, `array_send`:
    dimensions, a flag, the type, then length and lower bound of each dimension; before every entry
    its length in four bytes.
    """
    count = (len(sent) - _ARRAY_HEAD) // _ARRAY_STEP
    if count <= 0:
        return b"[]"
    digits = sent[_ARRAY_HEAD:].hex().encode()
    told = bytearray(b'"00000000-0000-0000-0000-000000000000",' * count)
    for place, target in enumerate(_DIGITS, start=8):  # the first eight digits are the length
        told[target::_ID_CHARS] = digits[place :: _ARRAY_STEP * 2]
    told[-1:] = b"]"
    return b"[%b" % bytes(told)


_ARRAY_HEAD: Final = 20
_ARRAY_STEP: Final = 20
_ID_CHARS: Final = 39  # with its quotes and the comma
# Where each digit stands within a quoted id.
_DIGITS: Final = tuple(
    1 + no + (no >= 8) + (no >= 12) + (no >= 16) + (no >= 20) for no in range(32)
)
_ITEM: Final = TypeAdapter(ItemOut)


def revision_out(revision: Revision, approval: Approval | None) -> RevisionOut:
    """One revision with who agreed to it."""
    return RevisionOut(
        **_words_of(revision),
        no=revision.no,
        state=revision.state,
        content_hash=revision.content_hash,
        created_by=revision.created_by,
        last_editor=revision.last_editor,
        submitted_by=revision.submitted_by,
        approved_by=approval.by if approval else None,
        created_at=revision.created_at,
        updated_at=revision.updated_at,
        submitted_at=revision.submitted_at,
        approved_at=approval.at if approval else None,
    )


def _words_of(revision: Revision | Row[tuple[object, ...]], *, without: str = "") -> dict[str, Any]:
    facts = revision.document
    return {
        **{
            name: getattr(revision, name)
            for name in _Words.model_fields
            if name not in ("document", "overrides", without)
        },
        "document": DocumentOut(
            number=facts["number"],
            issued_on=date.fromisoformat(facts["issued_on"]) if facts["issued_on"] else None,
            issuer=facts["issuer"],
            signer=facts["signer"],
        )
        if facts
        else None,
        "overrides": {
            UUID(account): OverrideOut(**fields) for account, fields in revision.overrides.items()
        },
    }


def publication_out(shown: Shown, language: words.Language) -> PublicationOut:
    """A publication as the board tells it, with its trouble in the reader's words."""
    return PublicationOut(
        id=shown.id,
        item=shown.item_id,
        account=AccountRefOut(
            id=shown.account.id, name=shown.account.name, channel=shown.account.channel
        ),
        state=shown.state,
        generation=shown.generation,
        observed_generation=shown.observed_generation,
        operation=shown.operation,
        remote_id=shown.remote_id,
        remote_url=shown.remote_url,
        live_revision=shown.live_revision,
        observed_at=shown.observed_at,
        seen_at=shown.seen_at,
        fetched_revision=shown.arrived.fetched_revision if shown.arrived else None,
        found_on_portal=shown.arrived.found if shown.arrived else None,
        looked_at=shown.arrived.looked_at if shown.arrived else None,
        next_at=shown.next_at,
        expires_at=shown.expires_at,
        attempts=shown.attempts,
        problem=_trouble(shown, language),
        candidates=[
            CandidateOut(
                remote_id=one.remote_id,
                remote_url=one.remote_url,
                text=one.text,
                at=one.at,
                similarity=one.similarity,
            )
            for one in shown.candidates
        ],
        drift=shown.drift,
        may_be_visible=shown.may_be_visible,
        paused=PauseOut(code=shown.paused.code, reason=shown.paused.reason, at=shown.paused.at)
        if shown.paused
        else None,
        frozen=shown.frozen,
    )


def _trouble(shown: Shown, language: words.Language) -> TroubleOut | None:
    if shown.problem is None:
        return None
    told = words.trouble(shown.problem.code, language, account=shown.account.name)
    return TroubleOut(
        code=shown.problem.code,
        happened=told.happened,
        effect=told.effect,
        next=told.next,
        remote_code=shown.problem.remote_code,
        remote_words=shown.problem.words,
        at=shown.problem.at,
    )
