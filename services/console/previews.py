"""Draws what a channel will show from the very payload that will be sent: no second renderer.

A template `previews/<channel>.html` draws one look; a channel without one gets `generic.html`.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import zip_longest
from typing import Final, Protocol
from uuid import UUID

import nh3
from markupsafe import Markup

from services.console.place import Place
from services.delivery import rendition_words
from services.delivery.preview import RenderedFor
from shared.contract.messages import Json, Payload, Problem

# What a payload may bring along; addresses are taken off, so that nothing in a preview leads away.
_TAGS: Final = frozenset(
    {"p", "h2", "h3", "h4", "ul", "ol", "li", "blockquote", "a", "strong", "em", "b", "i", "u"}
    | {"br", "figure", "figcaption", "img"}
)
_ATTRIBUTES: Final = {"img": {"src", "alt", "width", "height"}, "ol": {"start"}}
# A heading of the item is none of the console's page: it only looks like one.
_HEADING: Final = re.compile(r"<(/?)h([234])>")
# Where Facebook folds a post is not told by Meta; about 477 letters or five lines are seen.
_LOOKED_AT: Final = 100
_FOLD_CHARS: Final = 477
_FOLD_LINES: Final = 5
_WORD: Final = re.compile(r"\S+")
_TAG: Final = re.compile(r"<[^>]*>")


class Outlet(Protocol):
    """What a look tells of its account."""

    @property
    def id(self) -> UUID: ...
    @property
    def name(self) -> str: ...
    @property
    def channel(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One rendition as a reader of its channel will meet it.

    `same` names further accounts of the channel that show exactly this. `at` is when it will
    appear.
    """

    account_id: UUID
    channel: str
    name: str
    payload: Payload
    hash: str
    problems: tuple[Problem, ...]
    at: datetime
    agency: str
    media: tuple[str, str]
    same: tuple[str, ...] = field(default=())

    @property
    def templates(self) -> tuple[str, str]:
        """What draws this look: the first of them that there is."""
        return f"previews/{self.channel}.html", "previews/generic.html"

    def src(self, address: str) -> str:
        """A picture's address on this very site: the policy of our pages allows no other."""
        public, here = self.media
        return here + address.removeprefix(public) if address.startswith(public) else ""

    def html(self, told: str) -> Markup:
        """HTML of a payload, kept to its small allow-list, without addresses and headings."""
        clean = nh3.clean(
            told,
            tags=set(_TAGS),
            attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
            attribute_filter=self._kept,
            url_schemes={"http", "https"},
            link_rel=None,
        )
        # nh3 writes tags without attributes in exactly one way.
        looks = _HEADING.sub(
            lambda tag: "</p>" if tag[1] else f'<p class="preview-h{tag[2]}">', clean
        )
        return Markup(looks)  # noqa: S704  # of an allow-list, and our own class

    def folded(self, told: str) -> tuple[str, str]:
        """The text as a feed shows it first, and the rest behind “Xem thêm” (may be empty)."""
        lines = told.split("\n")
        head = "\n".join(lines[:_FOLD_LINES])
        if len(head) > _FOLD_CHARS:
            cut = head.rfind(" ", 0, _FOLD_CHARS)
            head = head[: cut if cut > _FOLD_CHARS // 2 else _FOLD_CHARS]
        return head, told[len(head) :]

    def words(self, told: str) -> int:
        """How many words the text or HTML holds."""
        return len(_WORD.findall(_TAG.sub(" ", told)))

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Every text of the payload with its name: for a channel that we know nothing of."""
        return tuple(_leaves(self.payload, ""))

    def _kept(self, tag: str, attribute: str, value: str) -> str | None:
        return self.src(value) or None if (tag, attribute) == ("img", "src") else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to mend or to know: on which channels, and the field that mends it.

    `anchor` is the id of an element of the composer.
    """

    anchor: str
    code: str
    blocking: bool
    detail: str
    names: tuple[str, ...]


def looked_at(chosen: Mapping[UUID, Outlet], own: Collection[UUID]) -> list[UUID]:
    """Which accounts are looked at before a text is submitted: all of a few.

    Of many those with words of their own, and then as many of each channel as there is room for.
    """
    if len(chosen) <= _LOOKED_AT:
        return list(chosen)
    channels: dict[str, list[UUID]] = {}
    for id_, one in chosen.items():
        channels.setdefault(one.channel, []).append(id_)
    turns = (one for turn in zip_longest(*channels.values()) for one in turn if one is not None)
    return list(dict.fromkeys([*own, *turns]))[:_LOOKED_AT]


def looks(
    place: Place,
    renditions: Sequence[RenderedFor],
    outlets: Mapping[UUID, Outlet],
    *,
    at: datetime,
) -> list[Look]:
    """What readers will see: one look for all accounts of a channel that show the same."""
    hub = place.hub
    found: dict[tuple[str, str], Look] = {}
    same: dict[tuple[str, str], list[str]] = {}
    for one in renditions:
        outlet = outlets.get(one.account_id)
        if outlet is None:
            continue
        key = (outlet.channel, one.hash)
        if key in found:
            same[key].append(outlet.name)
            continue
        same[key] = []
        found[key] = Look(
            account_id=one.account_id,
            channel=outlet.channel,
            name=outlet.name,
            payload=one.payload,
            hash=one.hash,
            problems=one.problems,
            at=at,
            agency=hub.agency,
            media=(f"{hub.public_url}/media/", place.file("")),
        )
    return [
        replace(look, same=tuple(same[key])) if same[key] else look for key, look in found.items()
    ]


def checks(
    renditions: Sequence[RenderedFor], outlets: Mapping[UUID, Outlet], language: str
) -> tuple[list[Check], list[Check]]:
    """What must be mended before it can be sent, and what should be known; each told once."""
    found: dict[tuple[str, str, str], Check] = {}
    names: dict[tuple[str, str, str], dict[str, None]] = {}
    for one in renditions:
        outlet = outlets.get(one.account_id)
        if outlet is None:
            continue
        for problem in one.problems:
            key = (problem.field, problem.code, problem.detail)
            names.setdefault(key, {})[outlet.name] = None
            found[key] = Check(
                anchor=_anchor(problem.field, one.account_id),
                code=problem.code,
                blocking=problem.blocking,
                detail=rendition_words.told(problem.code, problem.detail, language),
                names=(),
            )
    told = [replace(one, names=tuple(names[key])) for key, one in found.items()]
    return [one for one in told if one.blocking], [one for one in told if not one.blocking]


# Where an adapter's field stands in the form; its own text of an account has its own field.
_FIELDS: Final = {
    "title": "title",
    "summary": "summary",
    "body": "body",
    "cover": "cover",
    "pictures": "cover",
    "video": "body",
    "kind": "kind",
    "category": "category",
    "tags": "tags",
    "document": "document",
    "correction_note": "correction_note",
    "accounts": "accounts",
    "publish_at": "when",
}


def _anchor(name: str, account_id: UUID) -> str:
    return f"own.{account_id}.text" if name == "text" else _FIELDS.get(name, "body")


def _leaves(value: Json, name: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, str):
        if value:
            yield name, value
    elif isinstance(value, Sequence):
        for inner in value:
            yield from _leaves(inner, name)
    elif value is not None:
        yield name, str(value)
