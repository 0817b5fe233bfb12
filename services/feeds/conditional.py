"""What a request asks of an answer: which coding, what it holds already, whether a delta will do.

Pure, over header values as they came (bytes). Sources: feeds.md section 7; RFC 9110 sections 8.8,
12.5.3 and 13; RFC 3229 section 10.5.3.
"""

import gzip
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

import brotli  # type: ignore[import-untyped]  # it publishes no types

_ENTITY_TAG = re.compile(rb'(?:W/)?"([^"]*)"')
# A proxy that compresses or unpacks on its own marks the tag, and sends its mark back to us.
_PROXY_MARK = re.compile(rb"[-;](?:gzip|br|deflate|zstd)$")
_WEIGHT = re.compile(rb"q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
# Longer than any honest client's list of tags; whoever sends more gets the whole answer.
_TAGS_BYTES = 8192
_GZIP_LEVEL = 6
_BROTLI_QUALITY = 5
_NAMES = (b"accept-encoding", b"if-none-match", b"if-modified-since", b"a-im", b"user-agent")


class Coding(StrEnum):
    """How the bytes of an answer are packed."""

    IDENTITY = "identity"
    GZIP = "gzip"
    BROTLI = "br"


# With equal weights the smaller answer wins.
_LIKED = (Coding.BROTLI, Coding.GZIP, Coding.IDENTITY)


class Asked(NamedTuple):
    """The headers of a request that its answer depends on; None where one was not sent.

    `tags` is every If-None-Match together, `since` If-Modified-Since, `im` A-IM.
    """

    codings: bytes | None = None
    tags: bytes | None = None
    since: bytes | None = None
    im: bytes | None = None
    agent: bytes | None = None


def asked(headers: list[tuple[bytes, bytes]]) -> Asked:
    """Reads the headers of an ASGI scope, whose names are in small letters."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _NAMES:
            found[name] = found[name] + b", " + value if name in found else value
    return Asked(
        codings=found.get(b"accept-encoding"),
        tags=found.get(b"if-none-match"),
        since=found.get(b"if-modified-since"),
        im=found.get(b"a-im"),
        agent=found.get(b"user-agent"),
    )


def entity_tag(body: bytes) -> str:
    """A weak tag: the packed and the plain answer count as the same."""
    return f'W/"{sha256(body).hexdigest()[:32]}"'


def last_modified(changed_at: datetime, now: datetime) -> str:
    """The header's value: whole seconds, and never in the future (RFC 9110 section 8.8.2.1)."""
    moment = min(changed_at, now).astimezone(UTC).replace(microsecond=0)
    return format_datetime(moment, usegmt=True)


def named_tags(tags: bytes) -> Iterator[str]:
    """The bare tags of an If-None-Match list, without a proxy's marks; weak and strong alike."""
    if len(tags) <= _TAGS_BYTES:
        for tag in _ENTITY_TAG.findall(tags):
            yield _PROXY_MARK.sub(b"", tag).decode("latin-1")


def bare(tag: str) -> str:
    """What stands between a tag's quotes."""
    return tag.removeprefix("W/").strip('"')


def holds(request: Asked, *, tag: str, changed_at: datetime | None = None) -> bool:
    """Whether the caller proves to hold this very answer. A given tag decides alone.

    `changed_at` None: of this answer nobody knows when it changed, so only a tag can tell.
    """
    if request.tags is not None:
        return request.tags == tag.encode() or bare(tag) in named_tags(request.tags)
    if request.since is None or changed_at is None:
        return False
    try:
        moment = parsedate_to_datetime(request.since.decode("latin-1"))
    except ValueError:
        return False
    return moment.tzinfo is not None and moment >= changed_at


def unchanged(request: Asked, *, tag: str, changed_at: datetime | None = None) -> bool:
    """Whether 304 is the answer: the caller holds it, or wants none if there is any at all."""
    return wants_none(request) or holds(request, tag=tag, changed_at=changed_at)


def wants_none(request: Asked) -> bool:
    """Whether any answer is one too many (`If-None-Match: *`), which proves nothing."""
    return request.tags is not None and request.tags.strip() == b"*"


def wants_delta(request: Asked) -> bool:
    """Whether new and changed entries alone will do (`A-IM: feed`)."""
    return request.im is not None and _weights(request.im).get(b"feed", 0.0) > 0


@lru_cache(maxsize=256)
def negotiated(accepted: bytes | None) -> Coding | None:
    """The coding to answer in; None when the caller refuses every one that we have.

    Brotli must be asked for by name: clients that say `*` have been seen to mean gzip. Plain bytes
    are always welcome unless refused, but only as the last choice where they are not named.
    """
    weights = _weights(accepted or b"")
    if b"x-gzip" in weights:
        weights.setdefault(b"gzip", weights[b"x-gzip"])
    star = weights.get(b"*")
    wanted: dict[Coding, float] = {
        Coding.BROTLI: weights.get(b"br", 0.0),
        Coding.GZIP: weights.get(b"gzip", star or 0.0),
        Coding.IDENTITY: weights.get(b"identity", 0.001 if star != 0.0 else 0.0),
    }
    best = max(_LIKED, key=lambda coding: wanted[coding])
    return best if wanted[best] > 0 else None


def _weights(listed: bytes) -> dict[bytes, float]:
    found: dict[bytes, float] = {}
    for part in listed.lower().split(b","):
        name, _, rest = part.partition(b";")
        weight = _WEIGHT.fullmatch(rest.strip())
        if name.strip():
            # A weight that nobody can read is no reason to refuse what was named.
            found[name.strip()] = float(weight.group(1)) if weight else 1.0
    return found


def packed(body: bytes, coding: Coding) -> bytes:
    """The bytes in this coding; equal bytes in, equal bytes out. 300 KB take about 10 ms."""
    match coding:
        case Coding.BROTLI:
            return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))
        case Coding.GZIP:
            return gzip.compress(body, _GZIP_LEVEL, mtime=0)
        case Coding.IDENTITY:
            return body
