import gzip
from datetime import UTC, datetime, timedelta

import brotli  # type: ignore[import-untyped]  # it publishes no types
import pytest

from services.feeds.conditional import (
    Asked,
    Coding,
    asked,
    entity_tag,
    holds,
    last_modified,
    negotiated,
    packed,
    unchanged,
    wants_delta,
)

BODY = b"Tin " * 400
CHANGED = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
HTTP_DATE = "Fri, 04 Dec 2026 03:00:00 GMT"
TAG = entity_tag(BODY)
BARE = TAG.removeprefix("W/").strip('"')


def same(headers: dict[str, str]) -> bool:
    """Whether a request with these headers is answered 304."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return unchanged(asked(raw), tag=TAG, changed_at=CHANGED)


def test_a_tag_is_weak_and_a_function_of_the_bytes() -> None:
    assert entity_tag(BODY) == TAG
    assert entity_tag(BODY + b".") != TAG
    assert TAG.startswith('W/"')


@pytest.mark.parametrize(
    "tags",
    [
        TAG,
        TAG.removeprefix("W/"),
        f'"old", {TAG}',
        f'W/"a","b",{TAG}',
        "*",
        f'"{BARE}-gzip"',
        f'"{BARE};br"',
    ],
)
def test_a_known_tag_is_unchanged_weak_or_strong_alone_or_in_a_list(tags: str) -> None:
    assert same({"if-none-match": tags})


@pytest.mark.parametrize("tags", ['"old"', '"a", "b"', "", BARE, f'"{BARE}x"', f'"x{BARE}"'])
def test_another_tag_is_changed(tags: str) -> None:
    assert not same({"if-none-match": tags})


def test_several_headers_of_tags_are_one_list() -> None:
    raw = [(b"if-none-match", b'"old"'), (b"if-none-match", TAG.encode())]

    assert unchanged(asked(raw), tag=TAG)


def test_a_list_of_thousands_of_tags_is_not_read() -> None:
    assert not same({"if-none-match": '"x", ' * 3000 + TAG})


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (HTTP_DATE, True),
        ("Fri, 04 Dec 2026 03:00:01 GMT", True),
        ("Fri, 04 Dec 2026 02:59:59 GMT", False),
        ("Friday, 04-Dec-26 03:00:00 GMT", True),
        ("yesterday", False),
        ("Fri, 04 Dec 2026 03:00:00", False),
        ("Fri, 04 Dec 2026 10:00:00 +0700", True),
    ],
)
def test_a_date_counts_when_the_document_has_not_changed_since(since: str, expected: bool) -> None:
    assert same({"if-modified-since": since}) is expected


def test_a_tag_decides_alone_whatever_the_date_says() -> None:
    assert not same({"if-none-match": '"old"', "if-modified-since": HTTP_DATE})


def test_a_star_is_answered_304_but_proves_nothing() -> None:
    wanted = Asked(tags=b"*")

    assert unchanged(wanted, tag=TAG, changed_at=CHANGED)
    assert not holds(wanted, tag=TAG, changed_at=CHANGED)


def test_what_has_no_date_is_told_apart_by_tag_only() -> None:
    assert not unchanged(Asked(since=HTTP_DATE.encode()), tag=TAG)


def test_the_last_change_is_told_in_whole_seconds_and_never_in_the_future() -> None:
    later = CHANGED + timedelta(hours=1)

    assert last_modified(CHANGED + timedelta(milliseconds=900), later) == HTTP_DATE
    assert last_modified(CHANGED + timedelta(seconds=5), CHANGED) == HTTP_DATE


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (None, Coding.IDENTITY),
        (b"", Coding.IDENTITY),
        (b"identity", Coding.IDENTITY),
        (b"gzip", Coding.GZIP),
        (b"x-gzip", Coding.GZIP),
        (b"GZIP;q=0.5", Coding.GZIP),
        (b"gzip;q=0", Coding.IDENTITY),
        (b"gzip ; q=0.000 , br;q=0", Coding.IDENTITY),
        (b"gzip, deflate, br, zstd", Coding.BROTLI),
        (b"br;q=0.5, gzip;q=0.8", Coding.GZIP),
        (b"gzip;q=0.5, identity", Coding.IDENTITY),
        (b"deflate", Coding.IDENTITY),
        (b"gzipped", Coding.IDENTITY),
        (b"*", Coding.GZIP),
        (b"*;q=0", None),
        (b"identity;q=0", None),
        (b"identity;q=0, gzip;q=0.1", Coding.GZIP),
        (b"br, *;q=0", Coding.BROTLI),
        (b"gzip;q=much", Coding.GZIP),
    ],
)
def test_the_coding_is_what_was_asked_for_and_brotli_only_by_name(
    accepted: bytes | None, coding: Coding | None
) -> None:
    assert negotiated(accepted) is coding


def test_every_coding_gives_the_same_bytes_back() -> None:
    assert packed(BODY, Coding.IDENTITY) == BODY
    assert gzip.decompress(packed(BODY, Coding.GZIP)) == BODY
    assert brotli.decompress(packed(BODY, Coding.BROTLI)) == BODY
    assert packed(BODY, Coding.GZIP) == packed(BODY, Coding.GZIP)


@pytest.mark.parametrize(
    ("im", "expected"),
    [
        (b"feed", True),
        (b"gzip, Feed", True),
        (b"feed;q=0", False),
        (b"vcdiff", False),
        (None, False),
    ],
)
def test_a_delta_is_wanted_only_by_name(im: bytes | None, expected: bool) -> None:
    assert wants_delta(Asked(im=im)) is expected
