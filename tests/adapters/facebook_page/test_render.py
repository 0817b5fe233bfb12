"""What the Page will show: words, order, media, and what the editor is told beforehand."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.facebook_page.render import fingerprint, read_payload, render, update_problems
from shared.contract.blocks import Figure, Listing, Paragraph, Span
from shared.contract.messages import Document, Picture, Revision, Video

URL = "https://loa.example/tin/BNV-2026-000123"


def picture(no: int, *, alt: str = "Ảnh chụp") -> Picture:
    return Picture(
        media_id=UUID(int=no),
        sha256=f"{no:064x}",
        url=f"https://loa.example/media/{no:064x}.jpg",
        mime="image/jpeg",
        width=1600,
        height=900,
        size_bytes=1000,
        alt=alt,
    )


def video(*, size_bytes: int = 5_000_000) -> Video:
    return Video(
        media_id=UUID(int=900),
        sha256="ab" * 32,
        url="https://loa.example/media/v.mp4",
        mime="video/mp4",
        size_bytes=size_bytes,
        alt="Phóng sự",
    )


def revision(**changes: object) -> Revision:
    plain = Revision(
        code="BNV-2026-000123",
        no=1,
        kind="news",
        title="Cải cách  hành chính\nnăm 2026",
        summary="Một cửa cho mọi người dân.",
        blocks=(
            Paragraph(spans=(Span(text="Từ ngày 01/12, người dân nộp hồ sơ trực tuyến."),)),
            Listing(ordered=False, entries=((Paragraph(spans=(Span(text="Nhanh"),)),),)),
        ),
        url=URL,
        agency="Bộ Nội vụ",
        tags=("cải cách", "một-cửa"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # a maker takes any field


def message(of: Revision) -> str:
    return read_payload(render(of).payload).message


def test_the_text_opens_with_the_title_and_ends_with_the_link() -> None:
    assert message(revision()) == (
        "Cải cách hành chính năm 2026\n\n"
        "Một cửa cho mọi người dân.\n\n"
        "Từ ngày 01/12, người dân nộp hồ sơ trực tuyến.\n\n"
        "• Nhanh\n\n"
        "#CảiCách #MộtCửa\n\n"
        f"{URL}"
    )


def test_an_editors_own_text_takes_the_place_of_everything_but_the_link() -> None:
    assert message(revision(text="Bản ngắn cho Facebook.")) == f"Bản ngắn cho Facebook.\n\n{URL}"


def test_a_text_that_already_ends_with_the_link_is_left_alone() -> None:
    assert message(revision(text=f"Xem tại:\n{URL}")) == f"Xem tại:\n{URL}"


def test_a_correction_comes_first_with_its_date_in_vietnam() -> None:
    late = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    shown = message(revision(correction_note="Sửa ngày áp dụng.", corrected_at=late))

    assert shown.startswith("ĐÍNH CHÍNH (22/11/2026): Sửa ngày áp dụng.\n\nCải cách")


def test_the_facts_of_a_document_are_printed_below_its_text() -> None:
    facts = Document(
        number="15/2026/TT-BNV", issued_on="2026-08-01", issuer="Bộ Nội vụ", signer="Nguyễn A"
    )

    assert (
        "Số, ký hiệu: 15/2026/TT-BNV\nNgày ban hành: 01/08/2026\n"
        "Cơ quan ban hành: Bộ Nội vụ\nNgười ký: Nguyễn A\n"
    ) in message(revision(document=facts))


def test_a_link_card_is_asked_for_only_where_there_is_no_picture() -> None:
    assert render(revision()).payload["link"] == URL
    assert render(revision(cover=picture(1))).payload["link"] is None


def test_the_cover_comes_first_and_every_picture_once() -> None:
    body = tuple(Figure(media_id=UUID(int=no), alt="") for no in (2, 1, 3))
    shown = revision(
        blocks=body, cover=picture(1), pictures={UUID(int=no): picture(no) for no in (1, 2, 3)}
    )

    assert [p.sha256 for p in read_payload(render(shown).payload).pictures] == [
        picture(1).sha256,
        picture(2).sha256,
        picture(3).sha256,
    ]


def test_more_than_ten_pictures_are_cut_and_the_editor_is_told() -> None:
    body = tuple(Figure(media_id=UUID(int=no), alt="") for no in range(1, 13))
    many = render(
        revision(blocks=body, pictures={UUID(int=no): picture(no) for no in range(1, 13)})
    )

    assert len(read_payload(many.payload).pictures) == 10
    assert [(p.code, p.blocking) for p in many.problems] == [("too_many_pictures", False)]


def test_a_video_takes_the_place_of_pictures_and_the_editor_is_told() -> None:
    shown = render(revision(cover=picture(1), videos={UUID(int=900): video()}))
    post = read_payload(shown.payload)

    assert (post.link, post.pictures) == (None, ())
    assert post.video is not None
    assert post.video.title == "Cải cách hành chính năm 2026"
    assert [p.code for p in shown.problems] == ["pictures_left_out"]


def test_a_video_that_stands_elsewhere_is_named_in_the_text() -> None:
    body = (Figure(media_id=None, alt="", url="https://youtube.example/w"),)
    shown = render(revision(blocks=body))

    assert "Video: https://youtube.example/w\n" in read_payload(shown.payload).message
    assert shown.payload["video"] is None


def test_a_video_beyond_the_limit_blocks() -> None:
    shown = render(revision(videos={UUID(int=900): video(size_bytes=600_000_000)}))

    assert [(p.code, p.blocking) for p in shown.problems] == [("video_too_large", True)]


@pytest.mark.parametrize(
    ("length", "problems"),
    [(4_000, []), (6_000, [("text_long", False)]), (63_300, [("text_too_long", True)])],
)
def test_the_length_is_advised_first_and_refused_at_the_limit(
    length: int, problems: list[tuple[str, bool]]
) -> None:
    shown = render(revision(text="ă" * length))

    assert [(p.code, p.blocking) for p in shown.problems] == problems


def test_an_item_without_words_blocks() -> None:
    shown = render(revision(title="", summary="", blocks=(), tags=()))

    assert [(p.code, p.blocking) for p in shown.problems] == [("text_empty", True)]


def test_whom_a_picture_is_by_is_said_in_the_text() -> None:
    shown = message(revision(cover=replace(picture(1), credit="TTXVN")))

    assert "\n\nẢnh: TTXVN\n\n" in shown


def test_a_picture_without_description_is_pointed_out() -> None:
    shown = render(revision(cover=picture(1, alt=" ")))

    assert [(p.code, p.blocking) for p in shown.problems] == [("alt_missing", False)]


def test_the_fingerprint_is_the_text_with_the_link_and_the_number_of_pictures() -> None:
    found = fingerprint(render(revision(cover=picture(1))).payload)

    assert (found.link, found.picture_count) == (URL, 1)
    assert found.text.endswith(URL)


def test_a_correction_of_the_words_alone_leaves_nothing_behind() -> None:
    old, new = render(revision(cover=picture(1))), render(revision(cover=picture(1), title="Khác"))

    assert update_problems(old.payload, new.payload) == ()


def test_a_correction_that_changes_media_says_that_the_old_ones_stay() -> None:
    old, new = render(revision()), render(revision(cover=picture(1)))

    kept = update_problems(old.payload, new.payload)

    assert [(p.field, p.code, p.blocking) for p in kept] == [
        ("pictures", "media_kept", False),
        ("link", "media_kept", False),
    ]


def test_the_same_revision_renders_to_the_same_payload() -> None:
    assert render(revision(cover=picture(1))) == render(revision(cover=picture(1)))


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("Sở Y tế", "https://soyte.example.vn/1", "Nguồn: Sở Y tế https://soyte.example.vn/1"),
        ("", "https://soyte.example.vn/1", "Nguồn: https://soyte.example.vn/1"),
        ("Sở  Y tế", "", "Nguồn: Sở Y tế"),
    ],
)
def test_whose_text_it_is_stands_below_it(name: str, url: str, told: str) -> None:
    shown = message(revision(source_name=name, source_url=url))
    assert told in shown.split("\n\n")
    assert shown.endswith(URL)
    assert "Nguồn" not in message(revision())
