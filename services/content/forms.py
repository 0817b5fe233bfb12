"""What may come in: the words of an item, whole for a new one or in part for a change.

Every text is cleaned on entry (NFC, no invisible direction marks), so what is compared, hashed and
shown later is one and the same. Unknown fields are refused.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from shared.text import clean, comparable, one_line

Kind: TypeAlias = Literal["news", "document", "bulletin", "multimedia", "warning", "rebuttal"]

TAG_COUNT = 20
OVERRIDE_COUNT = 200


def _not_blank(text: str) -> str:
    if not comparable(text):  # nothing but invisible characters is blank to its reader
        raise PydanticCustomError("blank", "must not be blank")
    return text


def _unique(tags: list[str]) -> list[str]:
    return list(dict.fromkeys(tag for tag in tags if tag))


def _body(text: str) -> str:
    return clean(text).strip("\n")


Title: TypeAlias = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(one_line),
    AfterValidator(_not_blank),
]
Line: TypeAlias = Annotated[str, StringConstraints(max_length=500), AfterValidator(one_line)]
Paragraph: TypeAlias = Annotated[str, StringConstraints(max_length=2_000), AfterValidator(one_line)]
Body: TypeAlias = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_body)]
Category: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,80}$")]
Tag: TypeAlias = Annotated[str, StringConstraints(max_length=80), AfterValidator(one_line)]
Tags: TypeAlias = Annotated[list[Tag], Field(max_length=TAG_COUNT), AfterValidator(_unique)]
UnitCode: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=60), AfterValidator(one_line)
]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DocumentForm(_Form):
    """The legal facts of a document, as printed on it; every one may stay empty in a draft."""

    number: Line = ""
    issued_on: date | None = None
    issuer: Line = ""
    signer: Line = ""

    def facts(self) -> dict[str, str]:
        """The facts as they are stored; the day as `YYYY-MM-DD`, empty when unknown."""
        return {
            "number": self.number,
            "issued_on": self.issued_on.isoformat() if self.issued_on else "",
            "issuer": self.issuer,
            "signer": self.signer,
        }


class OverrideForm(_Form):
    """What one account shows instead of the item's own words; an absent field is inherited."""

    title: Title | None = None
    summary: Paragraph | None = None
    text: Body | None = None

    def fields(self) -> dict[str, str]:
        """The fields that are overridden."""
        return {name: value for name, value in self if isinstance(value, str)}


def _web_address(text: str) -> str:
    told = one_line(text)
    if not told:
        return ""
    try:
        parts = urlsplit(told)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in told
    except ValueError:
        sound = False
    if not sound:
        raise PydanticCustomError("web_address", "must be a web address")
    return told


Address: TypeAlias = Annotated[
    str, StringConstraints(max_length=2_048), AfterValidator(_web_address)
]
Overrides: TypeAlias = Annotated[dict[UUID, OverrideForm], Field(max_length=OVERRIDE_COUNT)]


class ItemForm(_Form):
    """A new item. `unit` is a unit's code; None means the writer's own."""

    kind: Kind
    title: Title
    unit: UnitCode | None = None
    summary: Paragraph = ""
    body: Body = ""
    author: Line = ""
    cover: UUID | None = None
    tags: Tags = []
    category: Category = ""
    document: DocumentForm | None = None
    overrides: Overrides = {}
    correction_note: Paragraph = ""
    source_name: Line = ""
    source_url: Address = ""
    ai_made: bool = False


class ItemChanges(_Form):
    """What a writer changes. Only fields that were sent count: see `model_fields_set`.

    `cover` and `document` may be sent as null, which takes them away.
    """

    kind: Kind = "news"
    title: Title = ""
    summary: Paragraph = ""
    body: Body = ""
    author: Line = ""
    cover: UUID | None = None
    tags: Tags = []
    category: Category = ""
    document: DocumentForm | None = None
    overrides: Overrides = {}
    correction_note: Paragraph = ""
    source_name: Line = ""
    source_url: Address = ""
    ai_made: bool = False


def override_rows(overrides: Mapping[UUID, OverrideForm]) -> dict[str, dict[str, str]]:
    """Overrides as a revision stores them, account id → fields; empty ones are left out."""
    rows = {str(account): form.fields() for account, form in overrides.items()}
    return {account: fields for account, fields in rows.items() if fields}
