"""What may come in about a source: whole for a new one, in part for a change."""

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.content.forms import Address, Category, Kind, Line, UnitCode
from shared.text import one_line

Whose: TypeAlias = Literal["sister", "own"]
Makes: TypeAlias = Literal["draft", "bulletin"]
Rule: TypeAlias = Literal["ask", "draft", "submit"]
Accounts: TypeAlias = Annotated[list[UUID], Field(max_length=200)]
Name: TypeAlias = Annotated[str, StringConstraints(max_length=200), AfterValidator(one_line)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SourceForm(_Form):
    """A new source. `unit` is a unit's code; None means the caller's own.

    An empty title is filled with the feed's own at its first reading. Others' entries become
    bulletins unless said otherwise: the texts are theirs (government-rules.md section 4).
    """

    url: Annotated[Address, Field(min_length=1)]
    title: Name = ""
    unit: UnitCode | None = None
    whose: Whose = "sister"
    makes: Makes | None = None
    kind: Kind = "news"
    category: Category = ""
    rule: Rule = "ask"
    accounts: Accounts = []
    licence: Line = ""


class SourceChanges(_Form):
    """What somebody changes of a source. Only fields that were sent count."""

    title: Name = ""
    whose: Whose = "sister"
    makes: Makes = "bulletin"
    kind: Kind = "news"
    category: Category = ""
    rule: Rule = "ask"
    accounts: Accounts = []
    licence: Line = ""
