"""Draws the console's pages: the start page, and the form of the first admin."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.console.vocabulary import ITEM, KIND, PUBLICATION, ROLE
from services.delivery.hub import Hub
from shared.errors import FieldError

STYLES: Final = Path(__file__).parent / "static" / "console.css"
STYLES_VERSION: Final = sha256(STYLES.read_bytes()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """Somebody of the sample ministry, and what they sign in with."""

    name: str
    email: str
    roles: tuple[str, ...]
    unit: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the start page of a rehearsal tells: who can sign in, where the channels are seen."""

    people: tuple[DemoPerson, ...]
    ledger_url: str
    faults_url: str
    portal_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One account in the board: its channel, its name, where its publication stands."""

    channel: str
    account: str
    state: str
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item in the board."""

    code: str
    title: str
    kind: str
    state: str
    open_state: str | None
    at: datetime
    url: str | None
    marks: tuple[Mark, ...]
    waits_on: str
    problem: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What somebody typed into the form of the first admin; the password is never shown again."""

    name: str = ""
    email: str = ""
    unit_name: str = ""
    unit_code: str = ""


class Pages:
    """The templates of this door, ready for one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._zone = ZoneInfo(hub.timezone)
        self._base = urlsplit(hub.public_url).path.rstrip("/")
        self._environment = Environment(
            loader=PackageLoader("services.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            agency=hub.agency,
            base=self._base,
            styles=f"{self._base}/static/console/console.css?v={STYLES_VERSION}",
            item_words=ITEM,
            publication_words=PUBLICATION,
            kind_words=KIND,
            role_words=ROLE,
        )
        self._environment.filters.update(
            short_time=lambda at: at.astimezone(self._zone).strftime("%d/%m, %H:%M"),
            iso=lambda at: at.astimezone(self._zone).isoformat(timespec="seconds"),
        )

    def start(self, *, demo: Demo | None, lines: Sequence[Line] | None, first_run: bool) -> str:
        """The start page; `lines` None leaves the board out, `first_run`: nobody is here yet."""
        moving = {"publishing", "correcting", "withdrawing"}
        return self._draw(
            "start.html",
            demo=demo,
            lines=lines,
            first_run=first_run,
            refresh=lines is not None and any(line.state in moving for line in lines),
            counts=_counts(lines or ()),
        )

    def first_admin(self, secret: str, filled: Filled, faults: Sequence[FieldError] = ()) -> str:
        """The form of the first admin, with what is at fault in it."""
        return self._draw(
            "first_admin.html",
            secret=secret,
            filled=filled,
            faults={fault.field: fault.detail for fault in faults},
        )

    def notice(self, *, heading: str, detail: str, english: str) -> str:
        """A short page: what happened, and where to go on."""
        return self._draw("notice.html", heading=heading, detail=detail, english=english)

    def _draw(self, template: str, **values: object) -> str:
        return self._environment.get_template(template).render(**values)


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    """How many items are up, wait for a person, wait for their time."""
    waiting = ("review", "returned", "partial", "failed")
    return {
        "live": sum(line.state in ("published", "partial", "correcting") for line in lines),
        "waiting": sum(
            line.state in waiting or line.open_state in ("review", "returned") for line in lines
        ),
        "scheduled": sum(line.state == "scheduled" for line in lines),
    }
