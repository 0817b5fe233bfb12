"""Draws the console's pages in the reader's language; one template serves a page and its parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, nodes
from jinja2.runtime import Macro

from services.console.assets import Assets
from services.console.catalogue import LANGUAGES, Language, Words
from services.console.moments import Moments
from services.console.vocabulary import ITEM, KIND, PUBLICATION, ROLE, Word
from services.delivery.hub import Hub
from shared.clock import utc_now


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
    """What the sign-in page of a rehearsal tells: who can sign in, where the channels are seen."""

    people: tuple[DemoPerson, ...]
    ledger_url: str
    faults_url: str
    portal_url: str


_WORDS: Final[Mapping[str, Mapping[str, Word]]] = {
    "item": ITEM,
    "publication": PUBLICATION,
    "kind": KIND,
    "role": ROLE,
}


# Macros that a page of two hundred rows draws a thousand times, and mostly alike: what they give
# follows from the plain values they are given alone. Marked-up text is kept apart from plain text
# of the same letters, which must be escaped.
_ALIKE: Final = frozenset({"icon", "mark"})
_ALIKE_MOST: Final = 2_000


class Drawing:
    """The templates of this door for one hub, in each language."""

    def __init__(self, hub: Hub, assets: Assets, demo: Demo | None = None) -> None:
        self.zone = ZoneInfo(hub.timezone)
        self._base = urlsplit(hub.public_url).path.rstrip("/")
        self._environments = {
            language: self._environment(hub, assets, demo, language) for language in LANGUAGES
        }

    def url(self, path: str) -> str:
        """The address of a path of ours, below whatever prefix this hub is reached under."""
        return f"{self._base}{path}"

    def moments(self, language: Language) -> Moments:
        """How instants are said to this reader."""
        return Moments(zone=self.zone, language=language)

    def page(self, language: Language, template: str, values: Mapping[str, object]) -> str:
        """A whole page."""
        drawn: str = self._environments[language].get_template(template).render(values)
        return drawn

    def part(
        self, language: Language, template: str, block: str, values: Mapping[str, object]
    ) -> str:
        """One named block of a page, as it stands on the whole page."""
        found = self._environments[language].get_template(template)
        return "".join(found.blocks[block](found.new_context(dict(values))))

    def _environment(
        self, hub: Hub, assets: Assets, demo: Demo | None, language: Language
    ) -> Environment:
        environment = Environment(
            loader=PackageLoader("services.console"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        )
        words, moments = Words(language), self.moments(language)
        environment.install_gettext_callables(  # type: ignore[attr-defined]  # of the extension
            words.gettext, words.ngettext, newstyle=True
        )
        environment.globals.update(
            agency=hub.agency,
            asset=lambda name: self.url(assets.url(name)),
            demo=demo,
            language=language,
            moments=moments,
            url=self.url,
            utc_now=utc_now,
            word=partial(word, language),
        )
        environment.filters.update(
            clock=moments.clock,
            day=moments.day,
            iso=_iso,
            number=moments.number,
            short=lambda at: moments.short(at, utc_now()),
            size=moments.size,
            span=moments.span,
            away=lambda at: moments.away(at, utc_now()),
            whole=moments.whole,
        )
        _lay_out(environment)
        return environment


def _lay_out(environment: Environment) -> None:
    """Makes every component known to all pages, and to each other.

    Imports would not do: they stand in the head of a page, and a part of it is drawn without.
    """
    macros: dict[str, Callable[..., str]] = {}

    def known(name: str) -> Callable[..., str]:
        def call(*values: object, **named: object) -> str:
            return macros[name](*values, **named)

        return lru_cache(_ALIKE_MOST, typed=True)(call) if name in _ALIKE else call

    names = environment.list_templates(filter_func=lambda one: one.startswith("components/"))
    for name in names:
        source = environment.loader.get_source(environment, name)[0] if environment.loader else ""
        for macro in environment.parse(source).find_all(nodes.Macro):
            environment.globals[macro.name] = known(macro.name)
    for name in names:
        module = environment.get_template(name).module
        macros.update({k: v for k, v in vars(module).items() if isinstance(v, Macro)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A state as a chip shows it, in one language."""

    name: str
    label: str
    tone: str
    icon: str
    waits_on: str


def word(language: Language, table: str, name: str) -> Chip:
    """The word for a state, a kind, a role: see `vocabulary.py`. Raises KeyError for an unknown."""
    found = _WORDS[table][name]
    english = language == "en"
    return Chip(
        name=name,
        label=found.en if english else found.vi,
        tone=found.tone,
        icon=found.icon,
        waits_on=found.waits_on_en if english else found.waits_on,
    )


def _iso(at: datetime | timedelta) -> str:
    if isinstance(at, timedelta):
        return f"PT{int(at.total_seconds())}S"
    return at.isoformat(timespec="seconds")
