"""Revisions to try a channel with: an ordinary one, and all the odd ones an editor can write.

Nothing here is random, so two machines that render the same sample can be compared.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from shared.contract.blocks import Figure, Heading, Listing, Paragraph, Quote, Span
from shared.contract.messages import Document, Picture, Revision, Video

CODE = "THU-2026-000001"
URL = f"https://loa.example/tin/{CODE}"
_AT = datetime(2026, 8, 1, 1, 30, tzinfo=UTC)

_PARAGRAPHS = (
    Paragraph(spans=(Span(text="Từ 07 giờ 30 ngày 05/12/2026 tại trạm y tế phường."),)),
    Paragraph(spans=(Span(text="Mang theo "), Span(text="sổ tiêm chủng", strong=True))),
)


def sample_picture(no: int = 0) -> Picture:
    """A picture of the library, numbered; its address leads nowhere."""
    return Picture(
        media_id=UUID(int=0x1000 + no),
        sha256=f"{no:064x}",
        url=f"https://loa.example/media/{no:064x}.jpg",
        mime="image/jpeg",
        width=1280,
        height=720,
        size_bytes=200_000,
        alt=f"Người dân làm thủ tục, ảnh {no}",
        caption="Tại bộ phận một cửa",
        credit="Thu Hà",
    )


def sample_video(*, size_bytes: int = 1_000_000) -> Video:
    """A video of our own, or (`size_bytes` 0) one that stands elsewhere."""
    return Video(
        media_id=UUID(int=0x2000),
        sha256="ab" * 32,
        url="https://loa.example/media/phong-su.mp4",
        mime="video/mp4",
        size_bytes=size_bytes,
        alt="Phóng sự",
    )


def sample_revision() -> Revision:
    """An ordinary news item with a cover; no channel should find a blocking problem in it."""
    return Revision(
        code=CODE,
        no=1,
        kind="news",
        title="Lịch tiêm chủng tháng 12",
        summary="Trạm y tế phường tổ chức tiêm chủng cho trẻ dưới 5 tuổi.",
        blocks=_PARAGRAPHS,
        url=URL,
        agency="UBND phường Hoa Sen",
        category="y-te",
        tags=("tiêm chủng", "trẻ em"),
        cover=sample_picture(),
        published_at=_AT,
    )


def odd_revisions() -> Mapping[str, Revision]:
    """Every sample by what is odd about it: all of them can be stored, so all must be rendered."""
    plain = sample_revision()
    pictures = tuple(sample_picture(no) for no in range(1, 31))
    film = sample_video()
    return {
        "an ordinary item": plain,
        "a body of 20,000 characters": replace(plain, blocks=_long_body(20_000)),
        "a word of 20,000 letters": replace(plain, blocks=(_paragraph("ế" * 20_000),)),
        "a title of 2,000 characters": replace(plain, title="Thông báo " * 200),
        "a summary of 5,000 characters": replace(plain, summary="Tóm tắt " * 625),
        "an empty body": replace(plain, blocks=()),
        "no words at all": replace(plain, title="", summary="", blocks=(), agency=""),
        "blanks only": replace(plain, title=" \u00a0 ", summary="\n\n", blocks=(_paragraph("  "),)),
        "no cover": replace(plain, cover=None),
        "letters from right to left": replace(
            plain, title="إعلان هام", blocks=(_paragraph("مرحبا بكم — שלום לכולם, xin chào"),)
        ),
        "invisible and joined letters": replace(
            plain,
            title="Thông\u200bbáo\ufeff e\u0301\u0323",
            blocks=(_paragraph("👩‍👩‍👧‍👦\u2060 o\u0323\u0302 \u2028 \u2029 \U0001f1fb\U0001f1f3"),),
        ),
        "letters that turn the line": replace(plain, blocks=(_paragraph("a\u202eb\u2066c\u2069"),)),
        "words that look like markup": replace(
            plain,
            title="<script>alert(1)</script> & \"'`{{ 7*7 }}",
            summary="]]> --> <b>",
            blocks=(_paragraph('<img src=x onerror="y"> \\u0000 %s ${a}'),),
        ),
        "30 pictures": replace(
            plain,
            cover=pictures[0],
            pictures={one.media_id: one for one in pictures},
            blocks=tuple(
                Figure(media_id=one.media_id, alt=one.alt, caption=one.caption) for one in pictures
            ),
        ),
        "a picture that is missing": replace(
            plain, blocks=(Figure(media_id=UUID(int=0x9999), alt="Đã xoá"),)
        ),
        "a video of ours": replace(
            plain,
            kind="multimedia",
            videos={UUID(int=0x2000): film},
            blocks=(Figure(media_id=UUID(int=0x2000), alt=film.alt),),
        ),
        "a video elsewhere": replace(
            plain,
            blocks=(
                Figure(media_id=None, alt="Phóng sự", url="https://video.example/xem?v=1&t=2"),
            ),
        ),
        "every kind of block": replace(plain, blocks=_every_block()),
        "a text of the account's own": replace(plain, text="Bản ngắn.\n\nXem thêm ở cổng."),
        "a correction": replace(
            plain, no=2, correction_note="Sửa ngày tiêm từ 04/12 thành 05/12.", corrected_at=_AT
        ),
        "a correction without a note": replace(plain, no=2, corrected_at=_AT),
        "a legal document": replace(
            plain,
            kind="document",
            document=Document(
                number="15/2026/TT-BNV", issued_on="2026-08-01", issuer="Bộ Nội vụ", signer="A. B."
            ),
        ),
        "a document without facts": replace(
            plain, kind="document", document=Document(issued_on="chưa rõ")
        ),
        "an urgent warning": replace(plain, kind="warning", urgent=True),
        "a kind of tomorrow": replace(plain, kind="kind_of_tomorrow"),
    }


def too_long(text_chars: int) -> Revision:
    """The ordinary item with more text than that."""
    return replace(sample_revision(), blocks=_long_body(text_chars + 1_000))


def _paragraph(text: str) -> Paragraph:
    return Paragraph(spans=(Span(text=text),))


def _long_body(chars: int) -> tuple[Paragraph, ...]:
    sentence = "Ủy ban nhân dân phường thông báo lịch tiếp công dân định kỳ hằng tháng. "
    whole = (sentence * (chars // len(sentence) + 1))[:chars]
    return tuple(_paragraph(whole[at : at + 1_000]) for at in range(0, chars, 1_000))


def _every_block() -> tuple[Heading | Paragraph | Listing | Quote | Figure, ...]:
    inner = Listing(ordered=True, entries=((_paragraph("Một"),), (_paragraph("Hai"),)), start=3)
    return (
        Heading(level=2, spans=(Span(text="Thời gian"),)),
        Heading(level=4, spans=(Span(text="Địa điểm", em=True),)),
        Paragraph(
            spans=(
                Span(text="Xem "),
                Span(text="ở đây", href="https://loa.example/?a=1&b=2", strong=True, em=True),
                Span(text="hoặc gọi", href="tel:19001234"),
                Span(text="\ndòng mới"),
            )
        ),
        Listing(ordered=False, entries=((_paragraph("Ngoài"), inner), ())),
        Quote(blocks=(_paragraph("Lời của người dân"), inner)),
        Quote(blocks=()),
        Paragraph(spans=()),
        Figure(media_id=None, alt=""),
    )
