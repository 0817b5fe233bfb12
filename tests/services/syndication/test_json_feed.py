"""One test for each rule of feeds.md section 4."""

import json
from dataclasses import replace
from typing import Any

from services.syndication import json_feed
from services.syndication.address import Archive
from tests.services.syndication.house import check
from tests.services.syndication.paper import FEED, FILE, PICTURE, SHOWN, VOICE, written


def feed(**changes: object) -> dict[str, Any]:
    raw = written("feed.json", SHOWN, feed=replace(FEED, **changes))  # type: ignore[arg-type]  # any field
    check(raw, "feed.json")
    found: dict[str, Any] = json.loads(raw)
    return found


def item(**changes: object) -> dict[str, Any]:
    raw = written("feed.json", SHOWN.model_copy(update=changes))
    check(raw, "feed.json")
    found: dict[str, Any] = json.loads(raw)["items"][0]
    return found


def test_a_feed_has_everything_that_is_wanted_of_it() -> None:
    found = feed()

    assert found["version"] == "https://jsonfeed.org/version/1.1"
    assert found["home_page_url"] == "https://cong.example/"
    assert found["feed_url"] == "https://hoasen.example/feeds/cong/feed.json"
    assert found["language"] == "vi"
    assert found["authors"] == [{"name": VOICE.agency}]
    assert found["hubs"] == [{"type": "WebSub", "url": "https://hoasen.example/websub"}]


def test_html_stands_in_content_html_only() -> None:
    found = item()

    assert found["content_html"] == SHOWN.html
    assert found["title"] == SHOWN.title
    assert found["summary"] == SHOWN.summary
    assert "content_text" not in found


def test_dates_have_an_offset() -> None:
    assert item()["date_published"] == "2026-11-20T12:00:00+07:00"
    assert item()["date_modified"] == "2026-11-20T12:00:00+07:00"


def test_tags_are_unique_and_files_are_attachments() -> None:
    found = item(tags=("a", "a", "tin-tuc"), enclosure=FILE)

    assert found["tags"] == ["tin-tuc", "a"]
    assert found["attachments"] == [{"url": FILE.url, "mime_type": "video/mp4", "size_in_bytes": 9}]


def test_pictures_are_an_image_and_an_extension_of_our_own() -> None:
    found = item(pictures=(PICTURE,))

    assert found["image"] == PICTURE.url
    assert found["_loa"]["pictures"][0]["alt"] == "Ao sen"
    assert feed()["_loa"]["about"] == "https://hoasen.example/feeds/cong"


def test_older_items_are_the_next_page() -> None:
    base = "https://hoasen.example/feeds/cong"

    assert feed(previous=Archive(year=2026, month=9))["next_url"] == (
        f"{base}/luu-tru/2026-09/feed.json"
    )
    assert "next_url" not in feed()


def test_what_is_missing_is_left_out_and_never_null() -> None:
    bare = SHOWN.model_copy(update={"tags": (), "category": "", "author": ""})
    raw = written("feed.json", bare, feed=replace(FEED, hub=None))

    assert b"null" not in raw
    assert not {"tags", "image", "attachments"} & set(json.loads(raw)["items"][0])
    assert "hubs" not in json.loads(raw)


def test_a_feed_that_has_ended_says_so() -> None:
    raw = json_feed.ended("https://hoasen.example/feeds/cong/feed.json", "Tin Hoa Sen")

    check(raw, "feed.json")
    assert json.loads(raw)["expired"] is True


def test_no_character_could_be_taken_for_markup() -> None:
    raw = written("feed.json", SHOWN)

    assert not [one for one in b"<>&" if one in raw]
