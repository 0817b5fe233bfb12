"""The public addresses of feed documents: which feed, which part of it, in which format.

Permanent: what once stood at such an address answers there for ever, if only with 301 or 410
(feeds.md section 1; contract.md section 5).
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Form(StrEnum):
    """A format, as the last part of an address names it."""

    RSS = "rss.xml"
    ATOM = "atom.xml"
    JSON = "feed.json"
    OPML = "opml.xml"


# What a feed is written in; the list of all feeds is OPML alone.
FORMS: Final = (Form.RSS, Form.ATOM, Form.JSON)
MEDIA_TYPES: Final = {
    Form.RSS: "application/rss+xml",
    Form.ATOM: "application/atom+xml",
    Form.JSON: "application/feed+json",
    Form.OPML: "text/x-opml",
}


class By(StrEnum):
    """By what a feed is narrowed, as its address says it."""

    ALL = ""
    CATEGORY = "chuyen-muc"
    KIND = "loai"
    UNIT = "don-vi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """All entries of a feed, or those of one category, kind or unit (by its code)."""

    by: By = By.ALL
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Archive:
    """A part of a month's entries, the oldest first: part 1, part 2, and so on."""

    year: int
    month: int
    part: int = 1

    @property
    def name(self) -> str:
        """`2026-10`, and `2026-10-2` for the second part of that month."""
        month = f"{self.year:04}-{self.month:02}"
        return month if self.part == 1 else f"{month}-{self.part}"


EVERYTHING: Final = Scope()
_ARCHIVES: Final = "luu-tru"
_PATH: Final = re.compile(
    r"/feeds/(?P<slug>[A-Za-z0-9-]{1,60})"
    r"(?:/(?P<by>chuyen-muc|loai|don-vi)/(?P<name>[A-Za-z0-9-]{1,80}))?"
    r"(?:/luu-tru/(?P<year>2[0-9]{3})-(?P<month>0[1-9]|1[0-2])(?:-(?P<part>[1-9][0-9]{0,5}))?)?"
    r"/(?P<form>rss\.xml|atom\.xml|feed\.json)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAddress:
    """One document. `slug` is the portal's; it is empty for the list of all feeds."""

    slug: str
    form: Form
    scope: Scope = EVERYTHING
    archive: Archive | None = None

    @property
    def place(self) -> str:
        """The address without its format: the same for all formats of one feed."""
        if not self.slug:
            return "/feeds"
        parts = ["/feeds", self.slug]
        if self.scope.by is not By.ALL:
            parts += [self.scope.by, self.scope.name]
        if self.archive is not None:
            parts += [_ARCHIVES, self.archive.name]
        return "/".join(parts)

    @property
    def path(self) -> str:
        """The path below the public address."""
        return f"{self.place}/{self.form}"

    @property
    def current(self) -> "FeedAddress":
        """The document that changes, of which this is an archive (or itself)."""
        return replace(self, archive=None)

    def lower(self) -> "FeedAddress":
        """The one spelling that answers: every name is lower case."""
        scope = Scope(by=self.scope.by, name=self.scope.name.lower())
        return replace(self, slug=self.slug.lower(), scope=scope)


OPML: Final = FeedAddress(slug="", form=Form.OPML)


def parse(path: str) -> FeedAddress | None:
    """The document that a path asks for; None for what can never have been one.

    Names keep the case they were asked in: `documents.document` sends to the right one.
    """
    if path == OPML.path:
        return OPML
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    archive = None
    if found["year"]:
        archive = Archive(
            year=int(found["year"]), month=int(found["month"]), part=int(found["part"] or 1)
        )
    return FeedAddress(
        slug=found["slug"],
        form=Form(found["form"]),
        scope=Scope(by=By(found["by"] or ""), name=found["name"] or ""),
        archive=archive,
    )
