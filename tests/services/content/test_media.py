import asyncio
import hashlib
import io
import struct
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.audit.queries import entries
from services.content import media
from services.content.media_store import MediaStore
from services.content.picture_worker import Task, crop_box
from services.content.tables import Media
from services.staff.caller import Caller
from services.storage.session import Opener, opener
from shared.contract.messages import PictureLimit
from shared.errors import ForbiddenError, InvalidError
from tests.support.people import add_person, add_unit
from tests.support.rooms import clean_engine

ZALO = PictureLimit(max_bytes=1_000_000, max_side=1280)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    async with clean_engine(database_url) as engine:
        yield engine


@pytest.fixture
def open_work(engine: AsyncEngine) -> Opener:
    return opener(engine)


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session


@pytest.fixture
async def editor(open_work: Opener) -> Caller:
    async with open_work() as session:
        return await add_person(session, await add_unit(session, "BO"), "editor")


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path)


def encoded(image: Image.Image, form: str, **how: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def photo(width: int = 640, height: int = 400) -> Image.Image:
    return Image.effect_noise((width, height), 40).convert("RGB")


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of one colour: tiny as a file, huge once decoded."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows, packer = [], zlib.compressobj(9)
    line = bytes(1 + width * 3)
    rows = [packer.compress(line) for _ in range(height)]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", b"".join(rows) + packer.flush())
        + chunk(b"IEND", b"")
    )


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


VIDEO = (
    box(b"ftyp", b"isom\x00\x00\x02\x00isomavc1")
    + box(b"moov", b"x" * 50)
    + box(b"mdat", b"y" * 99)
)
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"


async def add(
    session: AsyncSession,
    editor: Caller,
    store: MediaStore,
    data: bytes,
    filename: str,
    alt: str = "Trụ sở",
) -> Media:
    return await media.add(session, editor, store, data=data, filename=filename, alt=alt)


async def refusal(
    session: AsyncSession, editor: Caller, store: MediaStore, data: bytes, filename: str
) -> str:
    with pytest.raises(InvalidError) as refused:
        await add(session, editor, store, data, filename)
    assert [fault.field for fault in refused.value.fields] == ["file"]
    return refused.value.code


def stored(store: MediaStore, kept: Media) -> Image.Image:
    image = Image.open(io.BytesIO(store.read(kept.sha256, kept.ext)))
    image.load()
    return image


async def test_a_photo_is_made_anew_without_where_it_was_taken(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    exif.get_ifd(0x8825).update({1: "N", 2: (21.0, 1.0, 40.0)})  # GPS
    exif[0x010F] = "CAMERA-MAKER"
    data = encoded(photo(640, 400), "JPEG", exif=exif, comment=b"hidden words") + b"PK trailing zip"
    kept = await add(session, editor, store, data, "Ảnh trụ sở.JPG")
    assert (kept.kind, kept.mime, kept.ext) == ("image", "image/jpeg", "jpg")
    assert (kept.width, kept.height) == (400, 640)
    assert kept.original_sha256 == hashlib.sha256(data).hexdigest() != kept.sha256
    made = store.read(kept.sha256, kept.ext)
    assert len(made) == kept.size_bytes
    assert stored(store, kept).getexif() == {}
    for hidden in (b"CAMERA-MAKER", b"hidden words", b"trailing zip", b"Exif", b"ICC"):
        assert hidden not in made


async def test_an_added_file_is_recorded(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    kept = await add(session, editor, store, PDF, "van-ban.pdf")
    await session.commit()
    entry = (await entries(session, object=f"media:{kept.id}")).entries[0]
    assert (entry.act, entry.details["sha256"]) == ("media.added", kept.sha256)


@pytest.mark.parametrize(
    ("mode", "form", "name", "ext", "mode_kept"),
    [
        ("CMYK", "JPEG", "a.jpg", "jpg", "RGB"),
        ("L", "JPEG", "a.jpeg", "jpg", "L"),
        ("RGB", "PNG", "a.png", "png", "RGB"),
        ("RGBA", "PNG", "a.png", "png", "RGBA"),
        ("P", "PNG", "a.png", "png", "RGB"),
        ("1", "PNG", "a.png", "png", "RGB"),
        ("LA", "PNG", "a.png", "png", "RGBA"),
        ("I;16", "PNG", "a.png", "png", "L"),
        ("RGB", "WEBP", "a.webp", "jpg", "RGB"),
        ("RGBA", "WEBP", "a.webp", "png", "RGBA"),
    ],
)
async def test_every_kind_of_pixel_is_taken_in(
    session: AsyncSession,
    editor: Caller,
    store: MediaStore,
    mode: str,
    form: str,
    name: str,
    ext: str,
    mode_kept: str,
) -> None:
    image = Image.linear_gradient("L").convert("RGB" if mode == "P" else mode)
    if mode == "P":
        image = image.quantize(16)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L"))
    kept = await add(session, editor, store, encoded(image, form), name)
    assert (kept.ext, stored(store, kept).mode) == (ext, mode_kept)


async def test_sixteen_bit_greys_stay_grey(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    grey = Image.new("I;16", (8, 8), 32768)
    kept = await add(session, editor, store, encoded(grey, "PNG"), "a.png")
    assert stored(store, kept).getpixel((0, 0)) == 128


async def test_a_moving_picture_becomes_its_first_frame(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    kept = await add(session, editor, store, data, "a.png")
    assert getattr(stored(store, kept), "n_frames", 1) == 1
    assert stored(store, kept).getpixel((0, 0)) == (255, 0, 0)
    many = [Image.new("RGB", (2, 2), (number, 0, 0)) for number in range(102)]
    data = encoded(many[0], "PNG", save_all=True, append_images=many[1:])
    assert await refusal(session, editor, store, data, "a.png") == "picture_too_many_frames"


@pytest.mark.parametrize(("width", "height"), [(13_000, 13_000), (12_001, 10), (6_400, 6_400)])
async def test_a_bomb_is_refused_before_it_is_decoded(
    session: AsyncSession, editor: Caller, store: MediaStore, width: int, height: int
) -> None:
    bomb = png_bomb(width, height)
    assert len(bomb) < 600_000
    assert await refusal(session, editor, store, bomb, "a.png") == "picture_too_large"


async def test_the_largest_allowed_picture_is_taken(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    kept = await add(session, editor, store, png_bomb(8_000, 5_000), "a.png")
    made = await media.variant(session, store, kept, ZALO, made_for="z", by=editor.staff_id)
    assert (made.width, made.height) == (1280, 800)


@pytest.mark.parametrize(
    ("data", "name", "code"),
    [
        (b"", "a.jpg", "picture_unreadable"),
        (b"\xff\xd8\xff\xe0 and then nothing", "a.jpg", "picture_unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg", "media_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", "picture_unreadable"),
        (b"GIF89a" + b"\x01" * 40, "a.gif", "media_type"),
        (b"GIF89a" + b"\x01" * 40, "a.jpg", "picture_unreadable"),
        (b"anything", "no-extension", "media_type"),
        (b"PK\x03\x04", "a.docx", "media_type"),
        (VIDEO, "a.pdf", "media_type_mismatch"),
        (PDF, "a.mp4", "media_type_mismatch"),
        (PDF, "a.png", "picture_unreadable"),
        (VIDEO[:-10], "a.mp4", "video_unreadable"),
        (VIDEO + b"PK", "a.mp4", "video_unreadable"),
        (box(b"ftyp", b"isom") + box(b"mdat", b""), "a.mp4", "video_unreadable"),
        (box(b"ftyp", b"qt  ") + box(b"moov", b""), "a.mp4", "media_type_mismatch"),
        (box(b"ftyp", b"isom") + struct.pack(">I4s", 3, b"moov"), "a.mp4", "video_unreadable"),
        (PDF[:-8], "a.pdf", "document_unreadable"),
        (b"GIF89a" + PDF, "a.pdf", "media_type_mismatch"),
        (PDF.replace(b"<< >>", b"<< /S /JavaScript >>"), "a.pdf", "document_lively"),
    ],
)
async def test_what_is_not_what_it_should_be_is_refused(
    session: AsyncSession, editor: Caller, store: MediaStore, data: bytes, name: str, code: str
) -> None:
    assert await refusal(session, editor, store, data, name) == code
    assert list(store.path("a" * 64, "jpg").parent.parent.parent.rglob("*")) == []


async def test_a_truncated_photo_is_refused(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    for form, name in (("JPEG", "a.jpg"), ("PNG", "a.png"), ("WEBP", "a.webp")):
        data = encoded(photo(), form)
        half = data[: len(data) // 2]
        assert await refusal(session, editor, store, half, name) == "picture_unreadable"


async def test_content_and_extension_must_agree(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    data = encoded(photo(), "JPEG")
    assert await refusal(session, editor, store, data, "a.png") == "media_type_mismatch"


async def test_files_have_a_size_they_may_have(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    blob = bytes(50 * 1024 * 1024 + 1)
    for name in ("a.jpg", "a.mp4", "a.pdf"):
        assert await refusal(session, editor, store, blob, name) == "media_too_large"


async def test_a_video_and_a_document_are_kept_as_they_are(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    video = await add(session, editor, store, VIDEO, "a.mp4")
    document = await add(session, editor, store, PDF, "a.PDF")
    assert (video.kind, video.mime, document.kind) == ("video", "video/mp4", "document")
    assert store.read(video.sha256, "mp4") == VIDEO
    assert video.original_sha256 == video.sha256


async def test_a_description_is_asked_for(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    with pytest.raises(InvalidError) as refused:
        await add(session, editor, store, PDF, "a.pdf", alt=" \n ")
    assert (refused.value.code, refused.value.fields[0].field) == ("alt_missing", "alt")


async def test_only_editors_and_programs_that_may_add(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    approver = await add_person(session, editor.unit_id, "approver")
    program = await add_person(session, editor.unit_id, scopes=frozenset({"media:write"}))
    reader = await add_person(session, editor.unit_id, scopes=frozenset({"status:read"}))
    await add(session, program, store, PDF, "a.pdf")
    for caller in (approver, reader):
        with pytest.raises(ForbiddenError):
            await add(session, caller, store, PDF, "a.pdf")


async def test_a_picture_is_made_to_fit_the_channel_once(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    kept = await add(session, editor, store, encoded(photo(2400, 1600), "JPEG"), "a.jpg")
    first = await media.variant(session, store, kept, ZALO, made_for="zalo", by=editor.staff_id)
    second = await media.variant(session, store, kept, ZALO, made_for="zalo", by=editor.staff_id)
    assert first.id == second.id != kept.id
    assert (first.mime, first.width, first.height) == ("image/jpeg", 1280, 853)
    assert first.size_bytes <= ZALO.max_bytes
    assert (first.made_from, first.alt) == (kept.id, kept.alt)
    tight = PictureLimit(max_bytes=30_000, max_side=1280)
    small = await media.variant(session, store, kept, tight, made_for="tight", by=editor.staff_id)
    assert small.size_bytes <= 30_000
    assert max(stored(store, small).size) < 1280


@pytest.mark.parametrize(
    ("size", "focal", "box"),
    [
        ((1600, 900), (0, 0), (0, 0, 1600, 900)),
        ((900, 1600), (50, 50), (0, 547, 900, 1053)),
        ((900, 1600), (50, 0), (0, 0, 900, 506)),
        ((900, 1600), (50, 100), (0, 1094, 900, 1600)),
        ((4000, 900), (75, 10), (2200, 0, 3800, 900)),
    ],
)
def test_a_cut_keeps_the_point_as_near_to_its_middle_as_the_edges_let_it(
    size: tuple[int, int], focal: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    task = Task(ratio_width=16, ratio_height=9, focal_x=focal[0], focal_y=focal[1])
    assert crop_box(task, *size) == box


async def test_a_form_with_a_shape_is_cut_and_not_drawn_apart(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    wide = PictureLimit(max_bytes=1_000_000, max_side=640, ratio=(16, 9))
    # As a telephone writes it: lying, with a note that it is to be turned.
    lying = photo(2400, 1600)
    turned = lying.getexif()
    turned[0x0112] = 6
    kept = await add(session, editor, store, encoded(lying, "JPEG", exif=turned), "a.jpg")
    made = await media.variant(session, store, kept, wide, made_for="wide", by=editor.staff_id)
    assert stored(store, made).size == (640, 360)
    shaped = await add(session, editor, store, encoded(photo(320, 180), "JPEG"), "b.jpg")
    same = await media.variant(session, store, shaped, wide, made_for="wide", by=editor.staff_id)
    assert same is shaped


async def test_a_picture_that_fits_is_used_as_it_is(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    kept = await add(session, editor, store, encoded(photo(600, 400), "JPEG"), "a.jpg")
    same = await media.variant(session, store, kept, ZALO, made_for="zalo", by=editor.staff_id)
    assert same is kept
    png = await add(session, editor, store, encoded(photo(60, 40), "PNG"), "a.png")
    jpeg = await media.variant(session, store, png, ZALO, made_for="zalo", by=editor.staff_id)
    assert jpeg.ext == "jpg"


async def test_what_was_transparent_becomes_white(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    kept = await add(session, editor, store, encoded(clear, "PNG"), "a.png")
    made = await media.variant(session, store, kept, ZALO, made_for="zalo", by=editor.staff_id)
    assert stored(store, made).getpixel((20, 20)) == (255, 255, 255)


async def test_many_who_ask_for_one_form_at_once_get_the_same(
    open_work: Opener, session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    kept = await add(session, editor, store, encoded(photo(1600, 900), "JPEG"), "a.jpg")
    await session.commit()

    async def ask() -> Media:
        async with open_work() as own:
            return await media.variant(own, store, kept, ZALO, made_for="z", by=editor.staff_id)

    made = await asyncio.gather(*(ask() for _ in range(6)))
    assert len({form.id for form in made}) == 1
    assert await session.scalar(select(func.count()).select_from(Media)) == 2


async def test_a_video_has_no_form_as_a_picture(
    session: AsyncSession, editor: Caller, store: MediaStore
) -> None:
    video = await add(session, editor, store, VIDEO, "a.mp4")
    with pytest.raises(ValueError, match="no picture"):
        await media.variant(session, store, video, ZALO, made_for="z", by=editor.staff_id)
