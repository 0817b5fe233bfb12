"""What stands in the composer's form: read from a request or from the rows, judged, compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from services.console.ask import Ask
from services.console.moments import Moments
from services.content.body import address
from services.content.forms import ItemChanges, ItemForm
from services.content.imagining import Typed
from services.content.tables import KINDS, Item, Revision
from services.delivery import field_words
from services.delivery.composing import Choices, choices_of
from shared.text import clean, one_line, slug

OWN: Final = ("title", "summary", "text")
NOW: Final = "now"
OTHER: Final = "other"
_DOCUMENT: Final = ("number", "issued_on", "issuer", "signer")
_LINES: Final = (
    *("kind", "title", "summary", "body", "cover", "category", "tags", *_DOCUMENT),
    *("correction_note", "source_name", "source_url", "ai_made"),
    *("when", "publish_at", "expires_at", "note"),
)
_Form = TypeVar("_Form", ItemForm, ItemChanges)


class Filled(BaseModel):
    """Every field as it stands in the form: text, however odd. `own` is account id → fields.

    `when` is `now`, `other` (then `publish_at` is the wall clock) or an ISO instant that the page
    offered.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str = "news"
    title: str = ""
    summary: str = ""
    body: str = ""
    cover: str = ""
    category: str = ""
    tags: str = ""
    number: str = ""
    issued_on: str = ""
    issuer: str = ""
    signer: str = ""
    correction_note: str = ""
    source_name: str = ""
    source_url: str = ""
    ai_made: str = ""
    accounts: tuple[str, ...] = ()
    own: Mapping[str, Mapping[str, str]] = {}
    when: str = NOW
    publish_at: str = ""
    expires_at: str = ""
    note: str = ""
    urgent: bool = False

    def flat(self) -> dict[str, str]:
        """Every field under one name each: what two writers' forms are compared by."""
        told = {name: str(getattr(self, name)) for name in _LINES}
        told["accounts"] = ",".join(sorted(self.accounts))
        for account, fields in self.own.items():
            told |= {f"own.{account}.{name}": value for name, value in fields.items() if value}
        return told

    def with_flat(self, values: Mapping[str, str]) -> "Filled":
        """The same form with these fields in place of its own."""
        told = {name: values[name] for name in _LINES if name in values}
        accounts = values.get("accounts", ",".join(self.accounts))
        own = {account: dict(fields) for account, fields in self.own.items()}
        for key, value in values.items():
            parts = key.split(".")
            if len(parts) == 3 and parts[0] == "own" and parts[2] in OWN:
                own.setdefault(parts[1], {})[parts[2]] = value
        return self.model_copy(
            update={
                **told,
                "accounts": tuple(one for one in accounts.split(",") if one),
                "own": own,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field in which two writers' forms differ, with what stood there before both."""

    key: str
    mine: str
    theirs: str
    base: str

    @property
    def chosen(self) -> str:
        """Which one is offered first: the one that was changed, one's own where both were."""
        return "theirs" if self.mine == self.base else "mine"


def chosen(ask: Ask) -> tuple[str, ...]:
    """The accounts that are ticked: a field for each, or many in one with commas, as script sends.

    Thousands of fields would take longer to read than all else that a request does.
    """
    told = (one for field in ask.texts("accounts") for one in field.split(","))
    return tuple(one for one in told if _id(one) is not None)


def sent(ask: Ask) -> Filled:
    """What the form of a request holds."""
    own: dict[str, dict[str, str]] = {}
    for key, value in ask.form.multi_items():
        parts = key.split(".")
        if len(parts) != 3 or parts[0] != "own" or parts[2] not in OWN:
            continue
        if isinstance(value, str) and _id(parts[1]) is not None:
            own.setdefault(parts[1], {})[parts[2]] = clean(value).strip()
    told = {name: ask.text(name) for name in _LINES if name in ask.form}
    return Filled(
        **told,
        accounts=chosen(ask),
        own=own,
        urgent=ask.text("urgent") == "1",
    )


def stored(
    item: Item,
    revision: Revision,
    moments: Moments,
    now: datetime,
    *,
    accounts: Sequence[UUID],
) -> Filled:
    """The form of what is stored; a draft without a choice of accounts gets `accounts`."""
    choices = choices_of(revision, now)
    facts = revision.document or {}
    return Filled(
        kind=item.kind,
        title=revision.title,
        summary=revision.summary,
        body=revision.body,
        cover=str(revision.cover or ""),
        category=revision.category,
        tags=", ".join(revision.tags),
        **{name: facts.get(name, "") for name in _DOCUMENT},
        correction_note="" if revision.state == "approved" else revision.correction_note,
        source_name=revision.source_name,
        source_url=revision.source_url,
        ai_made="1" if revision.ai_made else "",
        accounts=tuple(str(one) for one in choices.accounts or accounts),
        own=revision.overrides,
        when=NOW if choices.publish_at is None else _utc(choices.publish_at),
        expires_at=moments.field(choices.expires_at),
        note=choices.note,
        urgent=revision.urgent,
    )


def settled(filled: Filled, moments: Moments) -> Filled:
    """The same form as it reads when it is stored: what is typed differently may be the same."""
    when, publish_at = filled.when or NOW, filled.publish_at
    if when == OTHER:
        try:
            at = moments.read(publish_at)
        except ValueError:
            at = None
        if at is not None:
            when, publish_at = _utc(at), ""
    return filled.model_copy(
        update={
            "title": one_line(filled.title),
            "summary": one_line(filled.summary),
            "body": clean(filled.body).strip("\n"),
            "category": slug(filled.category),
            "tags": ", ".join(_tags(filled.tags)),
            "note": one_line(filled.note),
            "correction_note": one_line(filled.correction_note),
            "source_name": one_line(filled.source_name),
            "source_url": one_line(filled.source_url),
            "when": when,
            "publish_at": publish_at if when == OTHER else "",
        }
    )


def differences(mine: Filled, theirs: Filled, base: Filled) -> list[Difference]:
    """The fields in which the two settled forms differ, in the order of the page."""
    one, other, first = mine.flat(), theirs.flat(), base.flat()
    return [
        Difference(
            key=key, mine=one.get(key, ""), theirs=other.get(key, ""), base=first.get(key, "")
        )
        for key in {**one, **other}
        if one.get(key, "") != other.get(key, "")
    ]


# ── Judging ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The form as the rooms take it, or why they would not: field of the page → words."""

    words: Mapping[str, object]
    choices: Choices
    faults: Mapping[str, str]


def judged(ask: Ask, filled: Filled, *, submitting: bool) -> Judged:
    """What is wrong with the form, field by field; moments that are over only hold a submission."""
    faults: dict[str, str] = {}
    words = _words(filled)
    try:
        ItemForm.model_validate(words)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            faults.setdefault(_field(one["loc"]), _told(ask, one["type"], one["loc"]))
    publish_at = _moment(ask, filled, faults)
    expires_at = _read(ask, filled.expires_at, "expires_at", faults)
    if submitting and "publish_at" not in faults and publish_at and publish_at <= ask.now:
        faults["publish_at"] = ask.t("Giờ đăng này đã qua. Hãy chọn giờ khác hoặc đăng ngay.")
    if submitting and "expires_at" not in faults and expires_at and expires_at <= ask.now:
        faults["expires_at"] = ask.t("Hạn hiển thị này đã qua. Hãy chọn ngày khác hoặc để trống.")
    choices = Choices(
        accounts=tuple(UUID(one) for one in dict.fromkeys(filled.accounts)),
        publish_at=publish_at,
        expires_at=expires_at,
        urgent=filled.urgent,
        note=one_line(filled.note)[:2_000],
    )
    return Judged(words=words, choices=choices, faults=faults)


def form_of(judged: Judged, form: type[_Form]) -> _Form:
    """The form that the room takes; only for one without faults."""
    return form.model_validate(judged.words)


def typed(ask: Ask, filled: Filled) -> Typed:
    """What stands in the form as a preview takes it: nothing is refused."""
    words = _words(filled)
    return Typed(
        kind=filled.kind if filled.kind in KINDS else "news",
        title=one_line(filled.title),
        summary=one_line(filled.summary),
        body=clean(filled.body).strip("\n"),
        category=slug(filled.category),
        tags=tuple(_tags(filled.tags)),
        cover=_id(filled.cover),
        document={name: one_line(getattr(filled, name)) for name in _DOCUMENT}
        if words["document"]
        else None,
        overrides={
            account: {name: value for name, value in own.items() if value}
            for account, own in filled.own.items()
        },
        correction_note=one_line(filled.correction_note),
        source_name=one_line(filled.source_name),
        source_url=address(one_line(filled.source_url)) or "",
        ai_made=filled.ai_made == "1",
        publish_at=moment(ask, filled),
        urgent=filled.urgent,
    )


def moment(ask: Ask, filled: Filled) -> datetime | None:
    """When the form wants it published; None for at once, or for what is no moment."""
    return _moment(ask, filled, {})


def _words(filled: Filled) -> dict[str, object]:
    facts = {name: getattr(filled, name).strip() for name in _DOCUMENT}
    return {
        "kind": filled.kind,
        "title": filled.title,
        "summary": filled.summary,
        "body": filled.body,
        "cover": filled.cover or None,
        "category": slug(filled.category),
        "tags": _tags(filled.tags),
        "document": {**facts, "issued_on": facts["issued_on"] or None}
        if filled.kind == "document" and any(facts.values())
        else None,
        "overrides": {
            account: {name: value for name, value in own.items() if value.strip()}
            for account, own in filled.own.items()
            if any(value.strip() for value in own.values())
        },
        "correction_note": filled.correction_note,
        "source_name": filled.source_name,
        "source_url": filled.source_url,
        "ai_made": filled.ai_made == "1",
    }


def _tags(told: str) -> list[str]:
    return list(dict.fromkeys(tag for tag in map(one_line, told.split(",")) if tag))


def _moment(ask: Ask, filled: Filled, faults: dict[str, str]) -> datetime | None:
    if filled.when == OTHER:
        at = _read(ask, filled.publish_at, "publish_at", faults)
        if at is None and "publish_at" not in faults:
            faults["publish_at"] = ask.t("Hãy chọn ngày và giờ đăng.")
        return at
    if filled.when in (NOW, ""):
        return None
    try:
        at = datetime.fromisoformat(filled.when)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        faults["publish_at"] = ask.t("Hãy chọn ngày và giờ đăng.")
        return None
    return at


def _read(ask: Ask, told: str, name: str, faults: dict[str, str]) -> datetime | None:
    try:
        return ask.moments.read(told)
    except ValueError:
        faults[name] = ask.t("Ngày giờ này chưa đúng. Hãy chọn lại, ví dụ 04/12/2026 08:00.")
        return None


def _field(location: Sequence[int | str]) -> str:
    """Where a fault of the room's form stands on the page."""
    first = str(location[0])
    if first == "document":
        return str(location[1]) if len(location) > 1 else "number"
    if first == "overrides" and len(location) > 1:
        return ".".join(("own", *map(str, location[1:])))
    return first


def _told(ask: Ask, code: str, location: Sequence[int | str]) -> str:
    if location == ("title",) and code in ("blank", "string_too_short"):
        return ask.t("Cần có tiêu đề.")
    if location[-1] == "issued_on":
        return ask.t("Ngày này chưa đúng. Hãy chọn lại.")
    return field_words.fault(code, ask.language) + "."


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _id(told: str) -> UUID | None:
    try:
        return UUID(told)
    except ValueError:
        return None
