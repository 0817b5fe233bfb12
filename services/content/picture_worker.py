"""A process of its own that reads one foreign picture, so that a hostile one breaks nothing else.

Run as `python -m services.content.picture_worker`. Standard input: one line of JSON (a `Task`),
then the picture. Standard output: one line of JSON (a `Made` or a `Refused`), then the new picture.
The process limits its own memory and time (R105) and knows no database, settings or secrets.
"""

import io
import json
import resource
import sys
import warnings
from dataclasses import asdict, dataclass
from typing import BinaryIO, Final

from PIL import Image, ImageCms, ImageOps

PIXELS_AT_MOST: Final = 40_000_000
SIDE_AT_MOST: Final = 12_000
FRAMES_AT_MOST: Final = 100
MEMORY_BYTES: Final = 512 * 1024 * 1024
SECONDS: Final = 10

# From hardly smaller to clearly smaller; below the last, the picture itself is made smaller.
_QUALITIES: Final = (88, 82, 75, 68, 60)
_SHRINK: Final = 0.8
_SMALLEST_SIDE: Final = 64

# The mark's most share of a picture's width and height, and how far it keeps from the edges.
_MARK_WIDTH: Final = 1 / 7
_MARK_HEIGHT: Final = 1 / 4
_MARK_GAP: Final = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to make: the same picture anew (both None), or a JPEG within these limits.

    `mark_bytes`: so many bytes before the picture are a mark, to be drawn at its lower right.
    `ratio_width` to `ratio_height` is the shape to cut to (0: none), around the point at
    `focal_x`, `focal_y` per cent from the upper left.
    """

    max_bytes: int | None = None
    max_side: int | None = None
    mark_bytes: int = 0
    ratio_width: int = 0
    ratio_height: int = 0
    focal_x: int = 50
    focal_y: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was made; `source` is what came in: jpg, png or webp."""

    source: str
    ext: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why nothing was made, as a stable code."""

    refused: str


class UnfitError(Exception):
    """This picture is not taken; its one argument is the code."""


def make(task: Task, data: bytes) -> tuple[Made, bytes]:
    """The picture anew: upright, sRGB, eight bits, first frame, without anything beside the pixels.

    What came as JPEG, or must fit limits, becomes JPEG (on white where it was transparent);
    otherwise PNG for what has transparency or came as PNG, else JPEG. Raises UnfitError.
    """
    mark, data = data[: task.mark_bytes], data[task.mark_bytes :]
    image = _opened(data)
    source = {"JPEG": "jpg", "MPO": "jpg", "PNG": "png", "WEBP": "webp"}[image.format or ""]
    if task.max_side is not None:
        # A JPEG can be read at a half, a quarter, an eighth of its size: much faster, less memory.
        # What is cut off afterwards is read too: of a panorama the cut part may be far smaller.
        side = task.max_side * _draft_factor(task, image.width, image.height)
        image.draft(None, (side, side))
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnfitError("picture_unreadable") from error
    upright = _upright(image)
    if task.ratio_width and task.ratio_height:
        upright = upright.crop(crop_box(task, upright.width, upright.height))
    if task.max_side is not None:
        upright.thumbnail(
            (task.max_side, task.max_side), Image.Resampling.LANCZOS, reducing_gap=3.0
        )
    if mark:
        upright = _marked(_on_white(upright), mark)
    transparent = upright.mode == "RGBA"
    if task.max_bytes is not None:
        made, encoded = _within(_on_white(upright), task.max_bytes)
        ext = "jpg"
    elif source == "png" or transparent:
        made, ext = upright, "png"
        encoded = _encoded(made, "PNG", compress_level=6)
    else:
        made, ext = upright, "jpg"
        encoded = _encoded(made, "JPEG", quality=90, optimize=True, progressive=True)
    return Made(source=source, ext=ext, width=made.width, height=made.height), encoded


def _draft_factor(task: Task, width: int, height: int) -> int:
    """How much larger than its cut part a picture is, rounded up."""
    if not (task.ratio_width and task.ratio_height):
        return 1
    longest = []
    for across, down in ((width, height), (height, width)):  # it may yet be turned upright
        left, top, right, bottom = crop_box(task, across, down)
        longest.append(max(right - left, bottom - top))
    return -(-max(width, height) // min(longest))


def crop_box(task: Task, width: int, height: int) -> tuple[int, int, int, int]:
    """The largest part of that shape, as near to the focal point as the edges let it lie."""
    wide = max(1, min(width, round(height * task.ratio_width / task.ratio_height)))
    high = max(1, min(height, round(width * task.ratio_height / task.ratio_width)))
    left = min(max(0, round(width * task.focal_x / 100 - wide / 2)), width - wide)
    top = min(max(0, round(height * task.focal_y / 100 - high / 2)), height - high)
    return left, top, left + wide, top + high


def _opened(data: bytes) -> Image.Image:
    """The picture with its header read and nothing decoded yet."""
    # Our own limits below are stricter; the library's guard only warns (R105).
    Image.MAX_IMAGE_PIXELS = None
    try:
        image = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "WEBP"))
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnfitError("picture_unreadable") from error
    if max(image.size) > SIDE_AT_MOST or image.width * image.height > PIXELS_AT_MOST:
        raise UnfitError("picture_too_large")
    if getattr(image, "n_frames", 1) > FRAMES_AT_MOST:
        raise UnfitError("picture_too_many_frames")
    return image


def _upright(image: Image.Image) -> Image.Image:
    """The pixels alone, turned as the camera was held, as RGB, RGBA or grey in sRGB."""
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    plain = _eight_bits(image)
    if profile and plain.mode in ("RGB", "CMYK", "L"):
        plain = _in_srgb(plain, profile)
    if (
        plain.mode in ("LA", "PA")
        or (plain.mode == "P" and "transparency" in plain.info)
        or (plain.mode in ("RGB", "L") and "transparency" in plain.info)
    ):
        plain = plain.convert("RGBA")
    elif plain.mode not in ("RGB", "RGBA", "L"):
        plain = plain.convert("RGB")
    if plain.mode == "RGBA" and plain.getchannel("A").getextrema() == (255, 255):
        plain = plain.convert("RGB")
    plain.info.clear()
    return plain


def _eight_bits(image: Image.Image) -> Image.Image:
    """Sixteen-bit greys would be cut off at white by a plain conversion."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image


def _in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Colours as they were meant; a profile that makes no sense is left out."""
    try:
        source = ImageCms.getOpenProfile(io.BytesIO(profile))
        wanted = "L" if image.mode == "L" else "RGB"
        if wanted == "L":
            return image
        converted = ImageCms.profileToProfile(
            image, source, ImageCms.createProfile("sRGB"), outputMode=wanted
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return converted if converted is not None else image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _marked(image: Image.Image, mark: bytes) -> Image.Image:
    """The picture with the mark at its lower right: a seventh of its width, clear of the edge."""
    drawn = _opened(mark)
    drawn.load()
    mark_in = drawn.convert("RGBA")
    room = (max(1, round(image.width * _MARK_WIDTH)), max(1, round(image.height * _MARK_HEIGHT)))
    mark_in.thumbnail(room, Image.Resampling.LANCZOS)
    gap = round(min(image.size) * _MARK_GAP)
    marked = image.convert("RGB")
    place = (image.width - mark_in.width - gap, image.height - mark_in.height - gap)
    marked.paste(mark_in, place, mark_in)
    return marked


def _within(image: Image.Image, max_bytes: int) -> tuple[Image.Image, bytes]:
    """A JPEG of at most `max_bytes`, with the best quality and size for which that holds."""
    while True:
        for quality in _QUALITIES:
            encoded = _encoded(image, "JPEG", quality=quality, optimize=True, progressive=True)
            if len(encoded) <= max_bytes:
                return image, encoded
        if min(image.size) * _SHRINK < _SMALLEST_SIDE:
            raise UnfitError("picture_too_large")
        smaller = (round(image.width * _SHRINK), round(image.height * _SHRINK))
        image = image.resize(smaller, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _encoded(image: Image.Image, form: str, **how: bool | int) -> bytes:
    out = io.BytesIO()
    image.save(out, format=form, **how)
    return out.getvalue()


def _limit_ourselves() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it writes no file
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")


def run(given: BinaryIO, out: BinaryIO) -> None:
    """Does the one task that stands in `given` and writes the answer to `out`."""
    task = Task(**json.loads(given.readline()))
    try:
        made, data = make(task, given.read())
    except UnfitError as error:
        out.write(json.dumps(asdict(Refused(refused=error.args[0]))).encode() + b"\n")
    except MemoryError:
        out.write(json.dumps(asdict(Refused(refused="picture_too_large"))).encode() + b"\n")
    else:
        out.write(json.dumps(asdict(made)).encode() + b"\n")
        out.write(data)


if __name__ == "__main__":
    _limit_ourselves()
    run(sys.stdin.buffer, sys.stdout.buffer)
