"""Posts and videos as Graph gives them back, turned into what the hub compares. Pure.

Source: facebook-pages-api.md sections 3.3 and 4; reliability-security.md R20, R21.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from shared.contract.errors import ChannelUncertainError
from shared.contract.messages import RemoteId, Seen
from shared.text import clean

_ADDRESS = re.compile(r"https?://[^\s<>\"“”]+")
# Facebook wraps foreign addresses in its own (R20: "unwrap the channel's link shims").
_SHIM_HOSTS = ("l.facebook.com", "lm.facebook.com")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a reading of the Page's posts stands; its text form is the contract's cursor.

    `stale` counts the pages in a row that held only entries older than asked for.
    """

    edge: str
    stale: int = 0
    after: str = ""

    @property
    def cursor(self) -> str:
        return f"{self.edge}:{self.stale}:{self.after}"


def place(cursor: str | None) -> Place:
    """The place that a cursor names; None is the beginning."""
    if cursor is None:
        return Place(edge="published_posts")
    edge, _, rest = cursor.partition(":")
    stale, _, after = rest.partition(":")
    return Place(edge=edge, stale=int(stale), after=after)


def entries(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The entries of one page of a list. Raises ChannelUncertainError when it is not a list."""
    data = body.get("data")
    if not isinstance(data, list) or not all(isinstance(entry, Mapping) for entry in data):
        raise ChannelUncertainError("unreadable_answer", remote_message="no list")
    return data


def next_after(body: Mapping[str, object], *, now_at: str) -> str | None:
    """The cursor of the following page, or None at the end.

    The `after` cursor is followed and not the `next` address, which carries the token (section 1).
    The last page still has a cursor; only an empty page without `next`, or no cursor, is the end.
    """
    paging = _map(body.get("paging"))
    after = _map(paging.get("cursors")).get("after")
    if not isinstance(after, str) or not after:
        return None
    if not body.get("data") and not paging.get("next"):
        return None
    if after == now_at:
        raise ChannelUncertainError("unreadable_answer", remote_message="the list turns in circles")
    return after


def seen(entry: Mapping[str, object], *, page_id: str, app_id: str) -> Seen:
    """One post or video. Raises ChannelUncertainError when it has no id: it could be anything."""
    remote_id = entry.get("id")
    if not isinstance(remote_id, str) or not remote_id:
        raise ChannelUncertainError("unreadable_answer", remote_message="an entry without id")
    post_id = entry.get("post_id")
    if isinstance(post_id, str) and post_id:
        remote_id = post_id_of(post_id, page_id=page_id)
    words = entry.get("message", entry.get("description", ""))
    text = clean(words) if isinstance(words, str) else ""
    attached = list(_attachments(entry.get("attachments")))
    links = [*_ADDRESS.findall(text), *(url for one in attached for url in _addresses(one))]
    application = _map(entry.get("application")).get("id")
    hidden = entry.get("is_hidden") is True
    published = entry.get("is_published", entry.get("published")) is not False
    url = entry.get("permalink_url")
    shares = _map(entry.get("shares")).get("count")
    return Seen(
        remote_id=RemoteId(remote_id),
        text=text,
        at=instant(entry.get("created_time")),
        remote_url=url if isinstance(url, str) and url else None,
        links=tuple(dict.fromkeys(_unwrapped(link) for link in links)),
        picture_count=_picture_count(entry, attached),
        ours=str(application) == app_id if application else None,
        visible=published and not hidden and video_state(entry) in (None, "ready"),
        readable=isinstance(words, str),
        shares=shares if isinstance(shares, int) else None,
    )


def post_id_of(story: str, *, page_id: str) -> str:
    """A post id as the feed has it, `{page}_{story}`; a video names only the story (section 1)."""
    return story if "_" in story else f"{page_id}_{story}"


def video_state(entry: Mapping[str, object]) -> str | None:
    """`processing`, `upload_complete`, `ready` or `error` of a video; None where none is told."""
    state = _map(entry.get("status")).get("video_status")
    return state if isinstance(state, str) else None


def instant(value: object) -> datetime | None:
    """`2026-11-21T10:00:00+0000` as an aware instant; None for anything else."""
    try:
        return datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S%z").astimezone(UTC)
    except ValueError:
        return None


def _attachments(told: object) -> Iterator[Mapping[str, object]]:
    inner = _map(told).get("data")
    for one in inner if isinstance(inner, list) else ():
        if isinstance(one, Mapping):
            below = list(_attachments(one.get("subattachments")))
            # An album stands for its pictures: counted below, not twice.
            yield from below or [one]


def _picture_count(entry: Mapping[str, object], attached: list[Mapping[str, object]]) -> int | None:
    if "attachments" not in entry:
        return None
    return sum(1 for one in attached if one.get("media_type", one.get("type")) == "photo")


def _addresses(one: Mapping[str, object]) -> Iterator[str]:
    for told in (one.get("unshimmed_url"), one.get("url"), _map(one.get("target")).get("url")):
        if isinstance(told, str) and told:
            yield told


def _unwrapped(link: str) -> str:
    try:
        parts = urlsplit(link)
    except ValueError:
        return link
    if parts.hostname in _SHIM_HOSTS:
        return parse_qs(parts.query).get("u", [link])[0]
    return link.rstrip(".,;:!?)")


def _map(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
