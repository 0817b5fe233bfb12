"""One request of a signed-in person: who asks, what they sent, and how they are answered."""

import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from pydantic import JsonValue, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.console.catalogue import Language, Words
from services.console.drawing import Drawing
from services.console.frame import Frame, frame_of
from services.console.moments import Moments
from services.delivery import field_words
from services.delivery import words as delivery_words
from services.delivery.hub import Hub
from services.staff.caller import Caller
from services.staff.cookies import is_https
from services.staff.sign_in import Ages
from shared.errors import InvalidError, LoaError, NotFoundError
from shared.text import clean

SAID: Final = "loa-said"
_SAID_SECONDS: Final = 60
_DIGITS: Final = 9  # what a number of the database surely holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What the next page tells in a corner; `undo` is a path of ours that takes the act back."""

    text: str
    undo: str | None = None


@dataclass(slots=True, kw_only=True)
class Ask:
    """A request with the person behind it. `form` is what a POST carried, empty otherwise.

    A handler opens its unit of work with `work()`, and answers with `page`, `part` or `to`.
    """

    request: Request
    hub: Hub
    drawing: Drawing
    caller: Caller
    language: Language
    preferences: Mapping[str, JsonValue]
    form: FormData = field(default_factory=FormData)

    # ── What was asked ──────────────────────────────────────────────────────────────────

    @property
    def partial(self) -> bool:
        """Whether the page's script asks for a part of the page."""
        return self.request.headers.get("hx-request-type") == "partial"

    @property
    def by_script(self) -> bool:
        """Whether the page's script asks at all."""
        return "hx-request" in self.request.headers

    def work(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction: commits when its block ends well."""
        return self.hub.open_work()

    def id(self, name: str) -> UUID:
        """An id out of the path. Raises NotFoundError: an odd one names nothing."""
        return _uuid(str(self.request.path_params[name]))

    def query(self, name: str, default: str = "") -> str:
        """One value of the address, cleaned."""
        return clean(self.request.query_params.get(name, default)).strip()

    def queries(self, name: str) -> list[str]:
        """All values of that name in the address."""
        return [clean(one).strip() for one in self.request.query_params.getlist(name)]

    def text(self, name: str, default: str = "") -> str:
        """One field of the form as typed, without what cannot be stored."""
        told = self.form.get(name, default)
        return clean(told) if isinstance(told, str) else default

    def texts(self, name: str) -> list[str]:
        """All fields of that name."""
        return [clean(one) for one in self.form.getlist(name) if isinstance(one, str)]

    def ids(self, name: str) -> list[UUID]:
        """All fields of that name as ids. Raises NotFoundError for what is none."""
        return [_uuid(one) for one in self.texts(name) if one]

    def upload(self, name: str) -> UploadFile | None:
        """A file of the form; None when none was chosen."""
        told = self.form.get(name)
        return told if isinstance(told, UploadFile) and told.filename else None

    # ── In which words ──────────────────────────────────────────────────────────────────

    @property
    def moments(self) -> Moments:
        """How instants are said to this reader."""
        return self.drawing.moments(self.language)

    def t(self, text: str, **values: object) -> str:
        """A text of ours in the reader's language, with its `%(name)s` filled in."""
        told = Words(self.language).gettext(text)
        return told % values if values else told

    def refusal(self, error: LoaError) -> str:
        """What a refusal is told as."""
        return refusal_text(error, self.language)

    def faults(self, error: InvalidError | ValidationError) -> dict[str, str]:
        """Field → what is wrong with it, for beside the fields; of a room's refusal or a form's."""
        return faults_of(error, self.language)

    # ── How it is answered ──────────────────────────────────────────────────────────────

    def url(self, path: str, **query: object) -> str:
        """An address of ours; queries that are None or empty are left out."""
        told = urlencode({k: v for k, v in query.items() if v not in (None, "")}, doseq=True)
        return self.drawing.url(path) + (f"?{told}" if told else "")

    def file(self, name: str) -> str:
        """Where this reader gets a file's bytes: also those that the public may see no more."""
        return self.drawing.url(f"/media/full/{name}")

    async def page(
        self, template: str, *, block: str | None = None, status: int = 200, **values: object
    ) -> Response:
        """The page; only the named block of it when the page's script asked for a part."""
        if block is not None and self.partial:
            return self.part(template, block, status=status, **values)
        async with self.work() as session:
            frame = await frame_of(session, self.caller)
        drawn = self.drawing.page(self.language, template, self._values(frame, values))
        response = HTMLResponse(drawn, status)
        if SAID in self.request.cookies:
            response.delete_cookie(SAID, path="/")
        return response

    def part(
        self, template: str, block: str, *, status: int = 200, **values: object
    ) -> HTMLResponse:
        """One named block of a page, whoever asked."""
        return HTMLResponse(self.drawn(template, block, **values), status)

    def drawn(self, template: str, block: str, **values: object) -> str:
        """The same as text, to be put together with others."""
        return self.drawing.part(self.language, template, block, self._values(None, values))

    def to(self, path: str, *, said: Said | str | None = None, **query: object) -> Response:
        """Sends the reader on, after what they did; the next page tells `said`."""
        address = self.url(path, **query)
        response: Response = RedirectResponse(address, 303)
        if self.by_script:
            # A redirect would be followed by the script itself, into a part of the page.
            response = Response(status_code=200, headers={"HX-Redirect": address})
        if said is not None:
            told = Said(text=said) if isinstance(said, str) else said
            response.set_cookie(
                SAID,
                _packed(told),
                max_age=_SAID_SECONDS,
                path="/",
                secure=is_https(self.hub.public_url),
                httponly=True,
                samesite="lax",
            )
        return response

    def _values(self, frame: Frame | None, values: Mapping[str, object]) -> dict[str, object]:
        return {
            "caller": self.caller,
            "csrf": self.caller.csrf,
            "frame": frame,
            "idle": int(Ages().idle_of(self.caller.roles).total_seconds()),
            "here": self.request.url.path.removeprefix(self.drawing.url("")),
            "address": str(self.request.url.path)
            + (f"?{self.request.url.query}" if self.request.url.query else ""),
            "now": self.now,
            "preferences": self.preferences,
            "said": _unpacked(self.request.cookies.get(SAID)),
            **values,
        }

    @property
    def now(self) -> datetime:
        """The instant of this request: the same for all that its page tells."""
        return cast(datetime, self.request.state.now)


def faults_of(error: InvalidError | ValidationError, language: Language) -> dict[str, str]:
    """Field → what is wrong with it. Rooms write a fault as `Vietnamese · English`."""
    told: dict[str, str] = {}
    if isinstance(error, ValidationError):
        for fault in error.errors(include_url=False, include_context=False, include_input=False):
            name = ".".join(str(part) for part in fault["loc"])
            told.setdefault(name, field_words.fault(fault["type"], language))
        return told
    for one in error.fields:
        vi, _, en = one.detail.partition(" · ")
        told.setdefault(one.field, (en or vi) if language == "en" else vi)
    return told


def refusal_text(error: LoaError, language: Language) -> str:
    """What a refusal is told as: one line, what happened first, what to do last."""
    return delivery_words.refusal(error.code, language, **error.values)


def safe_path(told: str) -> str:
    """A path of ours to go on to; the front page for anything that could lead elsewhere."""
    parts = urlsplit(told)
    sound = told.startswith("/") and not told.startswith(("//", "/\\")) and "\\" not in told
    return told if sound and not parts.scheme and not parts.netloc else "/"


def whole_number(told: str, digits: int = _DIGITS) -> int | None:
    """The number in an address or a field, of so many digits at most; None for anything else."""
    return int(told) if told.isascii() and told.isdigit() and len(told) <= digits else None


def _uuid(told: str) -> UUID:
    try:
        return UUID(told)
    except ValueError:
        raise NotFoundError from None


def _packed(said: Said) -> str:
    told = json.dumps([said.text, said.undo]).encode()
    return base64.urlsafe_b64encode(told).decode()


def _unpacked(cookie: str | None) -> Said | None:
    """What the last answer left to say. A reader may forge their own: it is only shown to them."""
    if not cookie:
        return None
    try:
        told = json.loads(base64.urlsafe_b64decode(cookie))
        text, undo = (str(told[0]), told[1])
    except (ValueError, binascii.Error, LookupError, TypeError):
        return None
    return Said(text=text[:500], undo=safe_path(undo) if isinstance(undo, str) else None)
