import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.zalo_oa.channel import channel
from adapters.zalo_oa.settings import ZaloSettings
from shared.contract.blocks import Figure, Quote
from shared.contract.messages import Document, Rendition, Revision
from tests.adapters.zalo_oa.makers import LINK, SETTINGS, paragraph, picture, revision, video


def article(shown: Rendition) -> dict[str, Any]:
    found: dict[str, Any] = dict(shown.payload["article"])  # type: ignore[arg-type]
    return found


def problems(item: Revision, settings: ZaloSettings = SETTINGS) -> dict[str, bool]:
    return {one.code: one.blocking for one in channel.render(item, settings).problems}


def figure(media_id: uuid.UUID | None, url: str | None = None) -> Figure:
    return Figure(media_id=media_id, alt="mô tả", caption="", url=url)


def test_a_complete_item_has_no_problem_and_carries_its_link_everywhere() -> None:
    shown = channel.render(revision(), SETTINGS)
    assert shown.problems == ()
    assert shown.payload["link"] == LINK
    sent = article(shown)
    assert sent["tracking_link"] == LINK
    assert sent["body"][-1]["content"].endswith(f'Xem trên cổng: <a href="{LINK}">{LINK}</a></p>')
    assert sent["cover"] == {
        "cover_type": "photo",
        "photo_url": "https://vidu.gov.vn/media/bia.jpg",
        "status": "show",
    }


def test_rendering_is_pure_and_plain_json() -> None:
    once, again = (channel.render(revision(), SETTINGS) for _ in range(2))
    assert json.dumps(once.payload) == json.dumps(again.payload)


def test_the_status_is_the_senders_and_not_part_of_the_payload() -> None:
    assert "status" not in article(channel.render(revision(), SETTINGS))


@pytest.mark.parametrize(
    ("length", "found"),
    [
        (140, {}),
        (141, {"title_long": False}),
        (149, {"title_long": False}),
        (150, {"title_too_long": True}),
    ],
)
def test_the_titles_length_is_measured_with_a_margin(length: int, found: dict[str, bool]) -> None:
    assert problems(revision(title="ế" * length)) == found


@pytest.mark.parametrize(
    ("length", "found"),
    [
        (250, {}),
        (251, {"summary_long": False}),
        (299, {"summary_long": False}),
        (300, {"summary_too_long": True}),
    ],
)
def test_the_summarys_length_is_measured_with_a_margin(length: int, found: dict[str, bool]) -> None:
    assert problems(revision(summary="ế" * length)) == found


def test_an_item_without_title_or_cover_cannot_go_out() -> None:
    found = problems(revision(title=" ", cover=None))
    assert found == {"title_missing": True, "cover_missing": True}


def test_a_missing_summary_is_taken_from_the_body() -> None:
    shown = channel.render(revision(summary=""), SETTINGS)
    assert article(shown)["description"].startswith("THỜI GIAN Từ 07 giờ 30")
    assert [(one.code, one.blocking) for one in shown.problems] == [("summary_from_body", False)]


def test_the_author_is_the_settings_or_the_agency_cut_to_fifty() -> None:
    named = SETTINGS.model_copy(update={"author": "Ban biên tập"})
    assert article(channel.render(revision(), named))["author"] == "Ban biên tập"
    shown = channel.render(revision(agency="Uỷ ban nhân dân " * 5), SETTINGS)
    assert len(article(shown)["author"]) <= 50
    assert [(one.code, one.blocking) for one in shown.problems] == [("author_shortened", False)]


def test_a_long_link_is_no_tracking_link() -> None:
    long = LINK + "/" + "a" * 250
    assert "tracking_link" not in article(channel.render(revision(url=long), SETTINGS))


def test_the_correction_comes_first_with_vietnams_date() -> None:
    corrected = revision(
        correction_note="Sửa giờ bắt đầu.", corrected_at=datetime(2026, 12, 1, 18, tzinfo=UTC)
    )
    first = article(channel.render(corrected, SETTINGS))["body"][0]["content"]
    assert first.startswith("<p><strong>Đính chính (02/12/2026):</strong> Sửa giờ bắt đầu.</p>")


def test_a_document_tells_its_facts() -> None:
    facts = Document(number="15/2026/TT-BNV", issued_on="2026-08-01", issuer="Bộ", signer="")
    first = article(channel.render(revision(kind="document", document=facts), SETTINGS))["body"][0]
    assert first["content"].startswith(
        "<p><em>Số, ký hiệu: 15/2026/TT-BNV · Ngày ban hành: 01/08/2026 · "
        "Cơ quan ban hành: Bộ</em></p>"
    )


def test_text_of_the_editors_own_replaces_the_body_and_keeps_its_pictures() -> None:
    shot = picture("anh")
    item = revision(
        text="Một.\n\nHai.", blocks=(paragraph("cũ"), figure(shot.media_id)),
        pictures={shot.media_id: shot},
    )  # fmt: skip
    body = article(channel.render(item, SETTINGS))["body"]
    assert body[0] == {"type": "text", "content": "<p>Một.</p><p>Hai.</p>"}
    assert body[1] == {"type": "image", "url": shot.url, "caption": "Chú thích"}


def test_blocks_keep_their_order_around_pictures_also_out_of_a_quote() -> None:
    shot = picture("anh")
    item = revision(
        blocks=(paragraph("trước"), Quote(blocks=(figure(shot.media_id),)), paragraph("sau")),
        pictures={shot.media_id: replace(shot, credit="TTXVN")},
    )
    body = article(channel.render(item, SETTINGS))["body"]
    assert [block["type"] for block in body] == ["text", "image", "text"]
    assert body[1]["caption"] == "Chú thích · Ảnh: TTXVN"


def test_a_video_elsewhere_is_a_block_with_the_cover_as_thumb() -> None:
    item = revision(blocks=(figure(None, "https://www.youtube.com/watch?v=1"),))
    assert article(channel.render(item, SETTINGS))["body"][0] == {
        "type": "video",
        "url": "https://www.youtube.com/watch?v=1",
        "thumb": "https://vidu.gov.vn/media/bia.jpg",
    }


def test_a_figure_whose_file_is_missing_blocks() -> None:
    assert problems(revision(blocks=(figure(uuid.UUID(int=9)),))) == {"media_missing": True}


def test_an_own_video_inside_an_article_waits_for_its_id() -> None:
    film = video()
    item = revision(blocks=(figure(film.media_id),), videos={film.media_id: film})
    shown = channel.render(item, SETTINGS)
    assert article(shown)["body"][0]["video_id"] == f"sha256:{film.sha256}"
    assert shown.payload["videos"] == [
        {
            "sha256": film.sha256,
            "url": film.url,
            "mime": "video/mp4",
            "size_bytes": 1000,
            "name": "abababababababab.mp4",
        }
    ]


def multimedia(**changes: Any) -> Revision:
    film = video()
    fields = {
        "kind": "multimedia",
        "blocks": (figure(film.media_id),),
        "videos": {film.media_id: film},
    }
    return revision(**fields | changes)


def test_a_multimedia_item_with_one_own_video_is_a_video_article() -> None:
    shown = channel.render(multimedia(), SETTINGS)
    assert shown.problems == ()
    assert article(shown) == {
        "type": "video",
        "title": "Lịch tiêm chủng tháng 12",
        "description": f"Trạm y tế phường tổ chức tiêm chủng cho trẻ dưới 5 tuổi.\n{LINK}",
        "video_id": f"sha256:{'ab' * 32}",
        "avatar": "https://vidu.gov.vn/media/bia.jpg",
        "comment": "show",
    }


def test_a_video_article_says_what_it_cannot_show() -> None:
    item = multimedia()
    assert problems(replace(item, blocks=(*item.blocks, paragraph("lời")))) == {
        "body_not_shown": False
    }
    assert problems(replace(item, summary="ế" * 280)) == {"summary_shortened": False}
    assert problems(replace(item, cover=None)) == {"cover_missing": True}


def test_a_correction_of_a_video_article_must_fit_whole() -> None:
    corrected = multimedia(correction_note="Sửa tên xã.")
    assert article(channel.render(corrected, SETTINGS))["description"].startswith(
        "Đính chính: Sửa tên xã. Trạm y tế"
    )
    assert problems(replace(corrected, correction_note="ế" * 290)) == {"summary_shortened": True}


def test_a_video_that_zalo_cannot_take_blocks() -> None:
    film = replace(video(size_bytes=50_000_001), mime="video/webm")
    item = multimedia(videos={film.media_id: film})
    assert problems(item) == {"video_too_big": True, "video_format": True}


def test_an_article_cannot_be_updated_into_a_video() -> None:
    old = channel.render(revision(), SETTINGS).payload
    new = channel.render(multimedia(), SETTINGS).payload
    assert channel.update_problems(old, old) == ()
    assert [one.code for one in channel.update_problems(old, new)] == ["form_changed"]


def test_the_limits_ask_for_pictures_that_zalo_fetches() -> None:
    limits = channel.limits
    assert limits.picture is not None
    assert (limits.picture.max_bytes, limits.picture.max_side) == (1_000_000, 1280)
    assert (limits.title_chars, limits.summary_chars) == (140, 250)


def test_the_fingerprint_holds_words_addresses_and_pictures() -> None:
    shot = picture("anh")
    item = revision(
        blocks=(paragraph("Lời"), figure(shot.media_id)), pictures={shot.media_id: shot}
    )
    found = channel.fingerprint(channel.render(item, SETTINGS).payload)
    assert found.link == LINK
    assert found.picture_count == 1
    assert found.text.split("\n") == [
        "Lịch tiêm chủng tháng 12",
        "Trạm y tế phường tổ chức tiêm chủng cho trẻ dưới 5 tuổi.",
        "Lời",
        "Chú thích",
        f"Xem trên cổng: {LINK}",
        LINK,
    ]


def test_whose_text_it_is_stands_below_it() -> None:
    credit = replace(
        revision(), source_name="Sở <Y tế>", source_url="https://soyte.example.vn/1?a&b"
    )
    text = article(channel.render(credit, SETTINGS))["body"][-1]["content"]
    link = '<a href="https://soyte.example.vn/1?a&amp;b">Sở &lt;Y tế&gt;</a>'
    assert f"<p>Nguồn: {link}</p><p>Xem trên cổng:" in text
    assert "Nguồn" not in str(article(channel.render(revision(), SETTINGS)))
