import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html
from pydantic import ValidationError

from adapters.portal_rss.channel import channel
from adapters.portal_rss.settings import PortalCredentials, PortalSettings
from shared.contract.blocks import Figure, Listing, Paragraph, Span
from shared.contract.channel import abilities
from shared.contract.messages import Document, File, Picture, Revision, Video

COVER = UUID("0190f3c2-1111-7000-8000-000000000001")
INSIDE = UUID("0190f3c2-1111-7000-8000-000000000002")
FILM = UUID("0190f3c2-1111-7000-8000-000000000003")
FILE = UUID("0190f3c2-1111-7000-8000-000000000004")
URL = "https://hoasen.example/tin/HS-2026-000123"
PORTAL = PortalSettings(slug="cong", title="Tin Hoa Sen", link="https://hoasen.example/")

_ALLOWED = {"p", "br", "h2", "h3", "h4", "ul", "ol", "li", "a", "strong", "em", "blockquote"} | {
    "figure",
    "figcaption",
    "img",
}
_ATTRIBUTES = {"src", "alt", "width", "height", "href"}


def picture(media_id: UUID, *, alt: str = "Ao sen", credit: str = "") -> Picture:
    return Picture(
        media_id=media_id,
        sha256="a" * 64,
        url=f"https://hoasen.example/media/{media_id.hex}.jpg",
        mime="image/jpeg",
        width=1600,
        height=900,
        size_bytes=123_456,
        alt=alt,
        caption="Ao sen buổi sáng",
        credit=credit,
    )


REVISION = Revision(
    code="HS-2026-000123",
    no=1,
    kind="news",
    title="Tạm dừng nộp hồ sơ",
    summary="Hệ thống được nâng cấp trong đêm.",
    blocks=(Paragraph(spans=(Span(text="Kính gửi bà con."),)),),
    url=URL,
    agency="UBND tỉnh Hoa Sen",
    category="tin-tuc",
    tags=("hồ sơ", "nâng cấp", "hồ sơ"),
)
CORRECTED = replace(
    REVISION,
    no=2,
    correction_note="Số điện thoại đúng là 028 0000 1022.",
    corrected_at=datetime(2026, 12, 4, 18, 30, tzinfo=UTC),
    published_at=datetime(2026, 12, 4, 1, 0, tzinfo=UTC),
)


def tags(markup: str) -> list[tuple[str, set[str]]]:
    """Every element of the HTML as a browser would read it, with the names of its attributes."""
    root = html.fromstring(f"<div>{markup}</div>")
    return [(str(one.tag), {str(name) for name in one.attrib}) for one in root.iterdescendants()]


def test_a_portal_is_pulled_and_can_show_change_and_take_back() -> None:
    assert channel.pull
    assert abilities(channel) == ("publish", "update", "withdraw")
    assert channel.remote_id_of(PORTAL) == "cong"


def test_an_entry_holds_what_a_portal_needs() -> None:
    rendition = channel.render(REVISION, PORTAL)

    assert rendition.problems == ()
    assert rendition.payload == {
        "guid": "tag:loa,2026:HS-2026-000123",
        "title": "Tạm dừng nộp hồ sơ",
        "summary": "Hệ thống được nâng cấp trong đêm.",
        "html": "<p>Kính gửi bà con.</p>",
        "link": URL,
        "kind": "news",
        "category": "tin-tuc",
        "tags": ["hồ sơ", "nâng cấp"],
        "author": "UBND tỉnh Hoa Sen",
        "published_at": None,
        "correction_note": "",
        "corrected_at": None,
        "pictures": [],
        "enclosure": None,
    }
    assert json.loads(json.dumps(rendition.payload)) == rendition.payload


def test_a_correction_keeps_its_guid_and_says_so_first_with_the_date_in_viet_nam() -> None:
    payload = channel.render(CORRECTED, PORTAL).payload

    assert payload["guid"] == "tag:loa,2026:HS-2026-000123"
    assert payload["title"] == "[Đính chính] Tạm dừng nộp hồ sơ"
    assert payload["summary"] == (
        "Đính chính ngày 05/12/2026: Số điện thoại đúng là 028 0000 1022.\n"
        "Hệ thống được nâng cấp trong đêm."
    )
    assert str(payload["html"]).startswith(
        "<p><strong>Đính chính ngày 05/12/2026:</strong> Số điện thoại đúng là 028 0000 1022.</p>"
    )
    assert payload["corrected_at"] == "2026-12-04T18:30:00+00:00"


def test_the_cover_opens_the_entry_unless_the_body_shows_it() -> None:
    cover = picture(COVER, credit="Lê Thu Hà")
    beside = channel.render(replace(REVISION, cover=cover), PORTAL).payload
    inside = channel.render(
        replace(REVISION, cover=cover, blocks=(Figure(media_id=COVER, alt="Sen nở"),)), PORTAL
    ).payload

    assert str(beside["html"]).startswith(
        f'<figure><img src="{cover.url}" alt="Ao sen" width="1600" height="900">'
        "<figcaption>Ao sen buổi sáng · Ảnh: Lê Thu Hà</figcaption></figure>"
    )
    assert str(inside["html"]).count("<img") == 1
    assert 'alt="Sen nở"' in str(inside["html"])


def test_pictures_are_listed_once_with_the_cover_first() -> None:
    revision = replace(
        REVISION,
        cover=picture(COVER),
        pictures={INSIDE: picture(INSIDE), COVER: picture(COVER)},
        blocks=(
            Listing(ordered=False, entries=((Figure(media_id=INSIDE, alt="a"),),)),
            Figure(media_id=COVER, alt="b"),
        ),
    )

    shown = channel.render(revision, PORTAL).payload["pictures"]

    assert isinstance(shown, list)
    assert [one["url"] for one in shown] == [picture(COVER).url, picture(INSIDE).url]
    assert shown[0]["size_bytes"] == 123_456


def test_a_video_is_a_link_and_ours_is_the_enclosure() -> None:
    video = Video(
        media_id=FILM,
        sha256="b" * 64,
        url="https://hoasen.example/media/phim.mp4",
        mime="video/mp4",
        size_bytes=9_000_000,
        alt="Phóng sự",
        thumb=picture(COVER),
    )
    revision = replace(
        REVISION,
        videos={FILM: video},
        blocks=(
            Figure(media_id=None, alt="Toạ đàm", url="https://youtu.be/abc"),
            Figure(media_id=FILM, alt="Phóng sự"),
        ),
    )

    payload = channel.render(revision, PORTAL).payload

    assert '<a href="https://youtu.be/abc">Xem video: Toạ đàm</a>' in str(payload["html"])
    assert payload["enclosure"] == {
        "url": "https://hoasen.example/media/phim.mp4",
        "mime": "video/mp4",
        "size_bytes": 9_000_000,
    }


def test_a_document_is_a_link_and_the_enclosure_before_any_video() -> None:
    file = File(
        media_id=FILE,
        url="https://hoasen.example/media/phu-luc.pdf",
        mime="application/pdf",
        size_bytes=1_400_000,
        title="Phụ lục",
    )
    film = Video(
        media_id=FILM,
        sha256="b" * 64,
        url="https://hoasen.example/media/phim.mp4",
        mime="video/mp4",
        size_bytes=9,
        alt="Phim",
    )
    revision = replace(
        REVISION,
        files={FILE: file},
        videos={FILM: film},
        blocks=(Figure(media_id=FILM, alt="Phim"), Figure(media_id=FILE, alt="")),
    )

    rendition = channel.render(revision, PORTAL)

    assert str(rendition.payload["html"]).endswith(
        '<p><a href="https://hoasen.example/media/phu-luc.pdf">Phụ lục</a> (PDF, 1400 KB)</p>'
    )
    assert rendition.payload["enclosure"] == {
        "url": file.url,
        "mime": "application/pdf",
        "size_bytes": 1_400_000,
    }
    assert rendition.problems == ()


def test_the_facts_of_a_legal_document_close_the_entry() -> None:
    revision = replace(
        REVISION,
        kind="document",
        document=Document(
            number="15/2026/TT-HS", issued_on="2026-08-01", issuer="UBND <tỉnh>", signer=""
        ),
    )

    assert str(channel.render(revision, PORTAL).payload["html"]).endswith(
        "<ul><li>Số, ký hiệu: 15/2026/TT-HS</li><li>Ngày ban hành: 01/08/2026</li>"
        "<li>Cơ quan ban hành: UBND &lt;tỉnh&gt;</li></ul>"
    )


def test_a_text_written_for_this_portal_replaces_the_body() -> None:
    payload = channel.render(replace(REVISION, text="Một <b>\nhai\n\nba"), PORTAL).payload

    assert payload["html"] == "<p>Một &lt;b&gt;<br>hai</p><p>ba</p>"


@pytest.mark.parametrize(
    ("narrowed", "code"),
    [
        ({"kinds": ("warning",)}, "kind_not_carried"),
        ({"categories": ("van-ban-chinh-sach",)}, "category_not_carried"),
    ],
)
def test_an_item_outside_the_filters_is_blocked(
    narrowed: dict[str, tuple[str, ...]], code: str
) -> None:
    problems = channel.render(REVISION, PORTAL.model_copy(update=narrowed)).problems

    assert [(one.code, one.blocking) for one in problems] == [(code, True)]


def test_what_does_not_travel_is_told_without_blocking() -> None:
    revision = replace(REVISION, summary=" ", blocks=(Figure(media_id=FILE, alt="Phụ lục"),))

    problems = channel.render(revision, PORTAL).problems

    assert [(one.code, one.blocking) for one in problems] == [
        ("summary_missing", False),
        ("file_not_carried", False),
    ]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_no_word_of_a_person_becomes_markup(one: str, two: str, three: str) -> None:
    nasty = '"><script>alert(1)</script>'
    revision = replace(
        CORRECTED,
        title=one + nasty,
        summary=two,
        correction_note=three + nasty,
        cover=picture(COVER, alt=one + nasty, credit=two + nasty),
        blocks=(Paragraph(spans=(Span(text=three + nasty, href=f"https://a.example/{one}"),)),),
        document=Document(number=one + nasty, issued_on=two, issuer=three),
    )

    payload = channel.render(revision, PORTAL).payload
    found = tags(str(payload["html"]))

    assert {tag for tag, _ in found} <= _ALLOWED
    assert set().union(*(names for _, names in found)) <= _ATTRIBUTES


def test_the_fingerprint_carries_the_link() -> None:
    payload = channel.render(replace(REVISION, cover=picture(COVER)), PORTAL).payload

    found = channel.fingerprint(json.loads(json.dumps(payload)))

    assert (found.link, found.picture_count) == (URL, 1)
    assert found.text.startswith("Tạm dừng nộp hồ sơ\n")


@pytest.mark.parametrize(
    "wrong",
    [
        {"slug": "Cong"},
        {"slug": "cổng"},
        {"slug": "a--b"},
        {"slug": "../x"},
        {"title": " "},
        {"link": "javascript:alert(1)"},
        {"link": "hoasen.example"},
        {"kinds": ["gossip"]},
        {"more": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    right = {"slug": "cong", "title": "Tin", "link": "https://a.example/"}

    with pytest.raises(ValidationError):
        PortalSettings.model_validate(right | wrong)


def test_every_field_of_the_forms_has_a_vietnamese_title() -> None:
    forms = (PortalSettings.model_json_schema(), PortalCredentials.model_json_schema())

    assert all(
        field["title"] and field["description"] and not re.search("_", field["title"])
        for form in forms
        for field in form["properties"].values()
    )


def test_the_fetch_key_prints_as_stars() -> None:
    credentials = PortalCredentials.model_validate({"fetch_key": "k" * 32})

    assert "kkk" not in repr(credentials)
    assert PortalCredentials().fetch_key is None
