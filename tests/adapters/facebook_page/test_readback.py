"""Entries of Graph as the hub compares them, and where a list ends."""

from datetime import UTC, datetime

import pytest

from adapters.facebook_page.readback import Place, entries, next_after, place, seen
from shared.contract.errors import ChannelUncertainError

ENTRY: dict[str, object] = {
    "id": "111_222",
    "message": "Tin mới.\n\nhttps://loa.example/tin/A-1",
    "created_time": "2026-11-21T10:00:00+0000",
    "permalink_url": "https://www.facebook.com/111/posts/222",
    "application": {"id": "555", "name": "Loa"},
    "is_published": True,
    "is_hidden": False,
}


def album(count: int) -> dict[str, object]:
    photos = [{"media_type": "photo", "type": "photo"}] * count
    return {"data": [{"media_type": "album", "subattachments": {"data": photos}}]}


def test_a_post_is_read_with_its_time_link_and_author() -> None:
    found = seen(ENTRY, page_id="111", app_id="555")

    assert found.remote_id == "111_222"
    assert found.at == datetime(2026, 11, 21, 10, tzinfo=UTC)
    assert found.links == ("https://loa.example/tin/A-1",)
    assert (found.ours, found.visible, found.readable) == (True, True, True)


def test_a_post_of_another_application_is_not_ours() -> None:
    assert seen({**ENTRY, "application": {"id": "9"}}, page_id="111", app_id="555").ours is False


def test_a_post_without_application_does_not_say_whose_it_is() -> None:
    bare = {name: value for name, value in ENTRY.items() if name != "application"}

    assert seen(bare, page_id="111", app_id="555").ours is None


@pytest.mark.parametrize("field", [{"is_hidden": True}, {"is_published": False}])
def test_a_hidden_or_unpublished_post_is_not_visible(field: dict[str, object]) -> None:
    assert not seen({**ENTRY, **field}, page_id="111", app_id="555").visible


def test_an_album_counts_its_pictures_and_not_itself() -> None:
    found = seen({**ENTRY, "attachments": album(3)}, page_id="111", app_id="555")

    assert found.picture_count == 3


def test_a_link_card_is_no_picture_and_its_shim_is_unwrapped() -> None:
    shim = "https://l.facebook.com/l.php?u=https%3A%2F%2Floa.example%2Ftin%2FB-2&h=x"
    card = {"data": [{"media_type": "link", "type": "share", "url": shim}]}
    found = seen({**ENTRY, "attachments": card}, page_id="111", app_id="555")

    assert found.picture_count == 0
    assert "https://loa.example/tin/B-2" in found.links


def test_a_post_whose_text_is_no_text_is_unreadable() -> None:
    assert not seen({**ENTRY, "message": {"x": 1}}, page_id="111", app_id="555").readable


def test_an_entry_without_id_makes_the_page_unreadable() -> None:
    with pytest.raises(ChannelUncertainError):
        seen({"message": "x"}, page_id="111", app_id="555")


def test_a_video_stands_under_its_post_and_is_visible_when_ready() -> None:
    told: dict[str, object] = {"id": "777", "description": "Lời", "post_id": "222"}
    ready = seen({**told, "status": {"video_status": "ready"}}, page_id="111", app_id="5")
    busy = seen({**told, "status": {"video_status": "processing"}}, page_id="111", app_id="5")

    assert (ready.remote_id, ready.text, ready.visible) == ("111_222", "Lời", True)
    assert not busy.visible


def test_a_cursor_survives_the_way_out_and_back() -> None:
    here = Place(edge="published_posts", stale=1, after="a:b=:c")

    assert place(here.cursor) == here


def test_the_last_page_is_followed_once_more_because_it_still_has_a_cursor() -> None:
    last = {"data": [{"id": "1"}], "paging": {"cursors": {"after": "Z"}}}
    empty = {"data": [], "paging": {"cursors": {"after": "Z"}}}

    assert next_after(last, now_at="Y") == "Z"
    assert next_after(empty, now_at="Z") is None


def test_an_empty_page_with_a_next_one_is_not_the_end() -> None:
    page = {"data": [], "paging": {"cursors": {"after": "Z"}, "next": "https://…"}}

    assert next_after(page, now_at="Y") == "Z"


def test_a_list_that_turns_in_circles_is_unreadable() -> None:
    page = {"data": [{"id": "1"}], "paging": {"cursors": {"after": "Z"}}}

    with pytest.raises(ChannelUncertainError):
        next_after(page, now_at="Z")


@pytest.mark.parametrize("body", [{}, {"data": {}}, {"data": ["x"]}])
def test_what_is_no_list_is_unreadable(body: dict[str, object]) -> None:
    with pytest.raises(ChannelUncertainError):
        entries(body)
