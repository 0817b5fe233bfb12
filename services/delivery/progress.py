"""How far each publication of an item is, step by step, and what has happened to it so far.

The steps are the adapters' own (`Step.name`), gathered into the few stages that people follow. When
each was done is told by the attempt's own list of phases reached; what stands in no list (a stage
that ends without a phase of its own, tries from before the list was kept) is done without a time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, TypeAlias
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery.abilities import reads_back
from services.delivery.hub import Hub
from services.delivery.tables import State
from shared.contract.messages import Operation
from shared.errors import LoaError

_Row: TypeAlias = "Row[tuple[object, ...]]"

Standing: TypeAlias = Literal["done", "now", "waits", "unclear", "failed", "next"]

# ── The stages, and which steps of the adapters belong to them ───────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leg:
    """A stage of a way. `phases` are what its end leaves; `mark` is in the handle if it was gone.

    `within` are the phases between its own steps. A leg with a mark is only told where the mark
    shows that there was something to do.
    """

    stage: str
    steps: frozenset[str]
    phases: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()
    mark: str | None = None

    def knows(self, phase: str | None) -> bool:
        """Whether the phase belongs to this stage."""
        return phase in self.phases or phase in self.within


def _leg(
    stage: str,
    *steps: str,
    phases: Sequence[str] = (),
    within: Sequence[str] = (),
    mark: str | None = None,
) -> _Leg:
    return _Leg(
        stage=stage,
        steps=frozenset(steps),
        phases=frozenset(phases),
        within=frozenset(within),
        mark=mark,
    )


# Each way from beginning to end, in the words of the adapters. A test finds every step that an
# adapter can name and that stands in none of them. Where a phase has two of them, the marks decide,
# and without any the first.
_WAYS: Final[tuple[tuple[_Leg, ...], ...]] = (
    (_leg("post", "post_video", phases=("video",)), _leg("processing", "look_at_video")),
    (
        _leg("media", "upload video", "watch video", within=("video",), mark="videos"),
        _leg("post", "create hidden", phases=("token",)),
        _leg("processing", "verify", phases=("id",)),
        _leg("show", "show", "verify shown", phases=("show_token",)),
    ),
    (_leg("media", "upload_photo", phases=("photos",), mark="photos"), _leg("post", "post")),
    (_leg("edit", "edit", "edit_video"),),
    (_leg("remove", "remove", phases=("removed",)), _leg("prove", "prove gone")),
    (_leg("remove", "delete", phases=("gone?", "again")), _leg("prove", "prove_gone")),
    (_leg("remove", "delete_photo", "nothing", "nothing to remove"),),
    (_leg("feed", phases=("in the feed",)),),
)
# What is told of an adapter whose steps are not known here, and before the first step is known.
_PLAIN: Final[Mapping[str, tuple[_Leg, ...]]] = MappingProxyType(
    {
        Operation.PUBLISH: (_leg("post"),),
        Operation.UPDATE: (_leg("edit"),),
        Operation.WITHDRAW: (_leg("remove"),),
    }
)

STAGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "prepare": ("Chuẩn bị nội dung", "Prepare the content"),
        "order": ("Nhận lệnh gỡ", "Take the order to withdraw"),
        "media": ("Tải ảnh, video lên", "Upload pictures and video"),
        "post": ("Đăng lên kênh", "Post to the channel"),
        "edit": ("Cập nhật bài trên kênh", "Update the post"),
        "processing": ("Kênh xử lý bài", "The channel processes it"),
        "show": ("Cho bài hiện ra", "Make the post visible"),
        "feed": ("Ghi vào nguồn tin RSS", "Put it into the RSS feed"),
        "remove": ("Gỡ bài khỏi kênh", "Take the post down"),
        "prove": ("Xác minh bài đã gỡ", "Prove that it is gone"),
        "check": ("Kiểm tra đã hiện", "Check that it shows"),
        "fetch": ("Cổng đã lấy tin", "The portal fetched it"),
    }
)

STEPS: Final[frozenset[str]] = frozenset(name for way in _WAYS for leg in way for name in leg.steps)

# Nothing is compared any more after a week.
_LAST_LOOK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage as people follow it; `name` is a key of `STAGES`. `at`: when it was done."""

    name: str
    standing: Standing
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one publication is. All of the present generation.

    `started_at` is the first try, `ended_at` the end of the last one. `held_until` is how long the
    account itself holds calls back; `may_hurry` tells that an earlier try is possible now.
    `compared_at` is when what the channel shows was last read and compared.
    """

    publication_id: UUID
    operation: str
    stages: tuple[Stage, ...]
    started_at: datetime | None
    ended_at: datetime | None
    tries: int
    retries: bool
    held_until: datetime | None
    may_hurry: bool
    first_shown_at: datetime | None
    watched: bool
    compared_at: datetime | None
    pull: bool


_PROGRESS = text(
    """
    SELECT p.id, p.state, p.generation, p.tries, p.next_at, p.seen_at, p.observed_at,
           p.first_observed_at, p.problem_code, p.drift, p.compared_at,
           p.desired_rendition_id IS NULL AS leaving,
           p.observed_rendition_id IS NOT NULL OR p.remote_id IS NOT NULL AS known,
           account.channel, account.state = 'paused' AS paused,
           CASE WHEN p.desired_rendition_id IS NOT NULL
                THEN greatest(account.rate_until, account.breaker_until,
                              CASE WHEN p.remote_id IS NULL THEN account.quota_until END)
                END AS held_until,
           EXISTS (SELECT 1 FROM switch WHERE name = 'fence'
                      OR (name = 'freeze' AND (until IS NULL OR until > now()))) AS stopped,
           a.operation, a.phase, a.calling, a.started_at, a.called_at, a.ended_at, a.outcome,
           a.waits, a.steps, a.generation AS attempt_generation, first.at AS first_at,
           first.count AS attempts,
           (SELECT coalesce(array_agg(kept.key), '{}') FROM jsonb_each(a.handle) AS kept
             WHERE kept.value NOT IN ('{}', '[]', 'null', '""')) AS marks,
           EXISTS (SELECT 1 FROM watch w
                    WHERE w.publication_id = p.id AND w.staff_id = :staff) AS watched,
           now() AS now
      FROM publication p
      JOIN account ON account.id = p.account_id
      LEFT JOIN LATERAL (
        SELECT * FROM attempt x WHERE x.publication_id = p.id AND x.generation = p.generation
         ORDER BY x.no DESC LIMIT 1) AS a ON true
      LEFT JOIN LATERAL (
        SELECT min(x.started_at) AS at, count(*) AS count FROM attempt x
         WHERE x.publication_id = p.id AND x.generation = p.generation) AS first ON true
     WHERE p.item_id = :item
       AND (CAST(:only AS uuid[]) IS NULL OR p.id = ANY(CAST(:only AS uuid[])))
    """
)


async def of_item(
    session: AsyncSession,
    hub: Hub,
    item_id: UUID,
    *,
    staff_id: UUID,
    only: Collection[UUID] | None = None,
) -> Mapping[UUID, Progress]:
    """How far each publication of an item is, by publication; `watched` is of this person.

    With `only`, those of the item's publications alone.
    """
    rows = await session.execute(
        _PROGRESS,
        {"item": item_id, "staff": staff_id, "only": None if only is None else list(only)},
    )
    return {row.id: _progress(hub, row) for row in rows}


def stage_name(name: str, language: str) -> str:
    """How a stage is called."""
    vi, en = STAGES[name]
    return en if language == "en" else vi


def _progress(hub: Hub, row: _Row) -> Progress:
    pull, reads = _kind(hub, row.channel)
    operation = row.operation or (
        Operation.WITHDRAW if row.leaving else Operation.UPDATE if row.known else Operation.PUBLISH
    )
    later = row.next_at is not None and row.next_at > row.now
    held = row.held_until if row.held_until is not None and row.held_until > row.now else None
    retries = (
        row.state in (State.PENDING, State.SENDING)
        and row.problem_code is not None
        and not row.paused
        and later
    )
    return Progress(
        publication_id=row.id,
        operation=operation,
        stages=_stages(row, operation, pull=pull, reads=reads),
        started_at=row.first_at,
        ended_at=row.ended_at,
        tries=row.attempts,
        retries=retries,
        held_until=held,
        may_hurry=retries and held is None and not row.stopped,
        first_shown_at=row.first_observed_at,
        watched=row.watched,
        compared_at=row.compared_at,
        pull=pull,
    )


def _kind(hub: Hub, channel: str) -> tuple[bool, bool]:
    """Whether the outlet pulls from us, and whether it can be read back."""
    try:
        found = hub.registry.get(channel)
    except LoaError:
        return False, False
    return found.pull, reads_back(found)


_AS: Final[Mapping[str, Standing]] = MappingProxyType(
    {
        State.SCHEDULED: "next",
        State.PENDING: "now",
        State.SENDING: "now",
        State.UNCERTAIN: "unclear",
        State.UNDECIDED: "unclear",
        State.FAILED: "failed",
        State.EXPIRED: "failed",
    }
)


def _stages(row: _Row, operation: str, *, pull: bool, reads: bool) -> tuple[Stage, ...]:
    settled = row.state in (State.LIVE, State.WITHDRAWN)
    first = Stage(
        name="order" if operation == Operation.WITHDRAW else "prepare",
        standing="done",
        at=row.first_at,
    )
    way = _way(row, operation, pull=pull)
    at = len(way) if settled else _place(row, way)
    stages = [first]
    for place, leg in enumerate(way):
        stages.append(
            Stage(
                name=leg.stage,
                standing="done" if place < at else "next" if place > at else _now(row),
                at=_done_at(row, way, place, at),
            )
        )
    if operation != Operation.WITHDRAW and (pull or reads):
        stages.append(_check(row, pull=pull))
    return tuple(stages)


def _way(row: _Row, operation: str, *, pull: bool) -> tuple[_Leg, ...]:
    return _gone(row.calling, row.phase, frozenset(row.marks), operation, pull)


@lru_cache(maxsize=512)  # thousands of publications are on the same few ways
def _gone(
    calling: str | None, phase: str | None, marks: frozenset[str], operation: str, pull: bool
) -> tuple[_Leg, ...]:
    """The way that the last try is on, without the legs on which there was nothing to do."""
    found = next((way for way in _WAYS if any(calling in leg.steps for leg in way)), None)
    if found is None and phase is not None:
        fitting = [way for way in _WAYS if any(leg.knows(phase) for leg in way)]
        found = next(
            (way for way in fitting if any(leg.mark in marks for leg in way)),
            fitting[0] if fitting else None,
        )
    if found is None:
        return (_leg("feed"),) if pull and operation != Operation.WITHDRAW else _PLAIN[operation]
    return tuple(
        leg for leg in found if leg.mark is None or leg.mark in marks or calling in leg.steps
    )


def _place(row: _Row, way: tuple[_Leg, ...]) -> int:
    """Which leg is being gone: the one that is called, else the one after what we have."""
    for place, leg in enumerate(way):
        if row.calling in leg.steps:
            return place
    for place, leg in enumerate(way):
        if row.phase in leg.within:
            return place
        if row.phase in leg.phases:
            return min(place + 1, len(way) - 1)
    return 0


def _now(row: _Row) -> Standing:
    if row.state in (State.PENDING, State.SENDING) and row.problem_code is not None:
        return "waits"
    if row.state == State.PENDING and row.attempt_generation is None:
        return "next"
    return _AS.get(row.state, "next")


def _done_at(row: _Row, way: tuple[_Leg, ...], place: int, at: int) -> datetime | None:
    if place >= at:
        return None
    if at == len(way) and place == at - 1:
        ended: datetime | None = row.ended_at or row.observed_at
        return ended
    reached = [one["at"] for one in row.steps or () if way[place].knows(one["phase"])]
    if reached:
        return datetime.fromisoformat(reached[-1])
    # The call under way began as soon as the one before it was answered, unless it is a repetition.
    if place == at - 1 and row.calling is not None and not row.waits:
        called: datetime | None = row.called_at
        return called
    return None


def _check(row: _Row, *, pull: bool) -> Stage:
    name = "fetch" if pull else "check"
    if row.state != State.LIVE:
        return Stage(name=name, standing="next")
    if pull:
        return Stage(name=name, standing="done" if row.seen_at else "now", at=row.seen_at)
    if row.drift is not None:
        return Stage(name=name, standing="failed")
    compared = row.compared_at is not None or row.now - (row.observed_at or row.now) > _LAST_LOOK
    return Stage(name=name, standing="done" if compared else "now", at=row.compared_at)


# ── What has happened ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of an item's journal: a publication moved (`state`), or a person acted (`act`).

    `who` is the account's name or the person's; None where it was Loa or a program.
    """

    at: datetime
    who: str | None
    state: str | None = None
    code: str | None = None
    operation: str | None = None
    next_at: datetime | None = None
    act: str | None = None
    about: str | None = None
    reason: str | None = None


_TOLD_ACTS: Final = (
    "item.submitted",
    "item.returned",
    "item.approved",
    "item.withdrawn",
    "item.stopped",
    "approval.voided",
    "publication.retried",
    "publication.decided",
    "publication.repaired",
)

# A publication that merely waits is no news; one that waits because something went wrong is.
_JOURNAL = text(
    """
    WITH mine AS (
      SELECT p.id, account.name FROM publication p JOIN account ON account.id = p.account_id
       WHERE p.item_id = :item),
    moved AS (
      SELECT e.at, mine.name AS who, e.to_state AS state, e.code,
             (SELECT x.operation FROM attempt x
               WHERE x.publication_id = e.publication_id AND x.generation = e.generation
               ORDER BY x.no DESC LIMIT 1) AS operation,
             NULL::text AS act, NULL::text AS about, NULL::text AS reason, e.id AS place
        FROM publication_event e JOIN mine ON mine.id = e.publication_id
       WHERE (e.from_state IS DISTINCT FROM e.to_state)
         AND (e.to_state NOT IN ('scheduled','pending') OR e.code IS NOT NULL)
       ORDER BY e.id DESC LIMIT :most),
    acted AS (
      SELECT x.at, staff.name AS who, NULL::text AS state, NULL::text AS code,
             NULL::text AS operation, x.act, mine.name AS about, x.reason, x.seq AS place
        FROM (SELECT 'item:' || CAST(:item AS text) AS name
              UNION ALL SELECT 'publication:' || mine.id FROM mine) AS things
        JOIN audit_entry x ON x.object = things.name AND x.act = ANY(:acts)
        LEFT JOIN mine ON x.object = 'publication:' || mine.id
        LEFT JOIN staff ON x.actor = 'staff:' || staff.id
       ORDER BY x.seq DESC LIMIT :most)
    SELECT * FROM moved UNION ALL SELECT * FROM acted
     ORDER BY at DESC, place DESC LIMIT :most
    """
)


async def journal(session: AsyncSession, item_id: UUID, *, limit: int = 40) -> list[Line]:
    """The newest lines of an item's journal, newest first."""
    rows = await session.execute(
        _JOURNAL, {"item": item_id, "most": limit, "acts": list(_TOLD_ACTS)}
    )
    return [
        Line(
            at=row.at,
            who=row.who,
            state=row.state,
            code=row.code,
            operation=row.operation,
            act=row.act,
            about=row.about,
            reason=row.reason,
        )
        for row in rows
    ]


# ── What stands over it ──────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The revision that is being delivered, or the newest one: its words, and who had a hand in it.

    `cover` is `sha256.ext` of its picture with what it shows.
    """

    no: int
    state: str
    title: str
    urgent: bool
    hands: frozenset[UUID]
    author: str | None
    approver: str | None
    approved_at: datetime | None
    begun_at: datetime | None
    cover: str | None
    cover_alt: str


_AGREED = text(
    """
    SELECT r.no, r.state, r.title, r.urgent, i.created_by AS made_by, r.created_by, r.last_editor,
           r.submitted_by, author.name AS author, approver.name AS approver, y.at AS approved_at,
           media.sha256 || '.' || media.ext AS cover, coalesce(media.alt, '') AS cover_alt,
           (SELECT min(x.started_at) FROM attempt x
              JOIN publication p ON p.id = x.publication_id AND p.generation = x.generation
             WHERE p.item_id = i.id) AS begun_at
      FROM item i
      JOIN LATERAL (
        SELECT v.* FROM revision v
          LEFT JOIN approval z ON z.revision_id = v.id AND z.voided_at IS NULL
         WHERE v.item_id = i.id ORDER BY z.id IS NULL, v.no DESC LIMIT 1) AS r ON true
      LEFT JOIN approval y ON y.revision_id = r.id AND y.voided_at IS NULL
      LEFT JOIN staff author ON author.id = coalesce(r.submitted_by, r.created_by)
      LEFT JOIN staff approver ON approver.id = y.by
      LEFT JOIN media ON media.id = r.cover AND media.kind = 'image'
     WHERE i.id = :item
    """
)


async def agreed(session: AsyncSession, item_id: UUID) -> Agreed | None:
    """What stands over an item's board; None for an item that does not exist."""
    row = (await session.execute(_AGREED, {"item": item_id})).one_or_none()
    if row is None:
        return None
    hands = {row.made_by, row.created_by, row.last_editor, row.submitted_by}
    return Agreed(
        no=row.no,
        state=row.state,
        title=row.title,
        urgent=row.urgent,
        hands=frozenset(hands - {None}),
        author=row.author,
        approver=row.approver,
        approved_at=row.approved_at,
        begun_at=row.begun_at,
        cover=row.cover,
        cover_alt=row.cover_alt,
    )


# ── What was sent ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the last call carried, as the channel should give it back, and when it left."""

    text: str
    link: str
    at: datetime


_SENT = text(
    """
    SELECT a.fingerprint ->> 'text' AS told, a.fingerprint ->> 'link' AS link,
           coalesce(a.called_at, a.started_at) AS at
      FROM attempt a JOIN publication p ON p.id = a.publication_id
      JOIN item ON item.id = p.item_id
     WHERE a.publication_id = :id AND a.fingerprint IS NOT NULL AND item.unit_id = ANY(:units)
     ORDER BY a.ended_at IS NULL DESC, a.started_at DESC LIMIT 1
    """
)


async def sent(
    session: AsyncSession, publication_id: UUID, unit_ids: Collection[UUID]
) -> Sent | None:
    """What the newest try of a publication carried; None where nothing was ever sent."""
    row = (
        await session.execute(_SENT, {"id": publication_id, "units": list(unit_ids)})
    ).one_or_none()
    return Sent(text=row.told or "", link=row.link or "", at=row.at) if row is not None else None
