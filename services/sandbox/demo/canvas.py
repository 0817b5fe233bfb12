"""A drawing table for the demo's pictures: flat shapes, vertical gradients, glows and shadows."""

import io
import math
from collections.abc import Callable, Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFilter

WIDTH: Final = 1600
HEIGHT: Final = 900
# Pillow draws hard edges; everything is drawn this much larger and reduced once at the end.
_SCALE: Final = 3
_JPEG_QUALITY: Final = 88

Point = tuple[float, float]
# One colour, or the stops of a gradient from the top of a shape to its bottom; `#rrggbb`.
Paint = str | tuple[str, ...]


def scatter(index: int, salt: float = 0.0) -> float:
    """A number from 0 up to 1 that looks random and is the same on every machine."""
    return (math.sin(index * 12.9898 + salt * 78.233) * 43758.5453) % 1.0


def curve(points: Sequence[Point], steps: int = 14) -> list[Point]:
    """A smooth line through all the points (Catmull-Rom), as a polyline."""
    ends = [points[0], *points, points[-1]]
    line: list[Point] = []
    for (ax, ay), (bx, by), (cx, cy), (dx, dy) in zip(
        ends, ends[1:], ends[2:], ends[3:], strict=False
    ):
        for step in range(steps):
            t = step / steps
            line.append((_spline(ax, bx, cx, dx, t), _spline(ay, by, cy, dy, t)))
    return [*line, points[-1]]


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return 0.5 * (
        2 * b
        + (c - a) * t
        + (2 * a - 5 * b + 4 * c - d) * t * t
        + (3 * b - a - 3 * c + d) * t * t * t
    )


def arc(cx: float, cy: float, r: float, start: float, end: float) -> list[Point]:
    """Part of a circle; degrees grow clockwise from three o'clock."""
    count = max(8, int(abs(end - start) / 3))
    return [
        (
            cx + r * math.cos(math.radians(start + (end - start) * i / count)),
            cy + r * math.sin(math.radians(start + (end - start) * i / count)),
        )
        for i in range(count + 1)
    ]


def rounded(x: float, y: float, w: float, h: float, r: float) -> list[Point]:
    """The outline of a rectangle with round corners, for shapes that are turned."""
    return [
        *arc(x + r, y + r, r, 180, 270),
        *arc(x + w - r, y + r, r, 270, 360),
        *arc(x + w - r, y + h - r, r, 0, 90),
        *arc(x + r, y + h - r, r, 90, 180),
    ]


def turn(points: Sequence[Point], degrees: float, about: Point) -> list[Point]:
    """The points turned clockwise about one of them or any other place."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    ax, ay = about
    return [
        (ax + (x - ax) * cos - (y - ay) * sin, ay + (x - ax) * sin + (y - ay) * cos)
        for x, y in points
    ]


def wave(y: float, height: float, length: float, phase: float = 0.0) -> list[Point]:
    """A line across the whole picture made of two unlike waves, so that it looks grown."""
    return [
        (
            x,
            y
            - height * math.sin(x / length + phase)
            - height * 0.45 * math.sin(x / length * 2.3 + phase * 1.7 + 1.0),
        )
        for x in range(-20, WIDTH + 30, 10)
    ]


def below(line: Sequence[Point], bottom: float = HEIGHT + 10) -> list[Point]:
    """The area under a line, down to `bottom`."""
    return [(line[0][0], bottom), *line, (line[-1][0], bottom)]


class Canvas:
    """One picture in the making; places are given in final pixels, 1600 by 900."""

    def __init__(self, background: Paint) -> None:
        self._image = Image.new("RGB", (WIDTH * _SCALE, HEIGHT * _SCALE))
        self.rect(0, 0, WIDTH, HEIGHT, background)

    def polygon(self, points: Sequence[Point], fill: Paint, alpha: float = 1.0) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]

        def draw(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
            pen.polygon([(x * _SCALE - left, y * _SCALE - top) for x, y in points], fill=255)

        self._paint((min(xs), min(ys), max(xs), max(ys)), draw, fill, alpha)

    def ellipse(
        self, cx: float, cy: float, rx: float, ry: float, fill: Paint, alpha: float = 1.0
    ) -> None:
        def draw(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
            pen.ellipse(
                (
                    (cx - rx) * _SCALE - left,
                    (cy - ry) * _SCALE - top,
                    (cx + rx) * _SCALE - left,
                    (cy + ry) * _SCALE - top,
                ),
                fill=255,
            )

        self._paint((cx - rx, cy - ry, cx + rx, cy + ry), draw, fill, alpha)

    def rect(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        fill: Paint,
        radius: float = 0.0,
        alpha: float = 1.0,
    ) -> None:
        def draw(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
            pen.rounded_rectangle(
                (
                    x * _SCALE - left,
                    y * _SCALE - top,
                    (x + w) * _SCALE - left - 1,
                    (y + h) * _SCALE - top - 1,
                ),
                radius=radius * _SCALE,
                fill=255,
            )

        self._paint((x, y, x + w, y + h), draw, fill, alpha)

    def stroke(
        self, points: Sequence[Point], fill: Paint, width: float, alpha: float = 1.0
    ) -> None:
        """A line with round ends and joints."""
        half = width / 2
        xs, ys = [x for x, _ in points], [y for _, y in points]

        def draw(pen: ImageDraw.ImageDraw, left: int, top: int) -> None:
            line = [(x * _SCALE - left, y * _SCALE - top) for x, y in points]
            pen.line(line, fill=255, width=max(1, round(width * _SCALE)), joint="curve")
            # Pillow's own joints leave hairline gaps in wide bends; a dot on each point has none.
            r = half * _SCALE
            for x, y in line:
                pen.ellipse((x - r, y - r, x + r, y + r), fill=255)

        box = (min(xs) - half, min(ys) - half, max(xs) + half, max(ys) + half)
        self._paint(box, draw, fill, alpha)

    def glow(self, cx: float, cy: float, r: float, colour: str, alpha: float = 1.0) -> None:
        """Light that fades from a centre to nothing."""
        side = round(2 * r * _SCALE)
        # The built-in gradient is dark in the middle and reaches white at the edge's middle.
        fade = Image.radial_gradient("L").point(
            lambda v: round(alpha * 255 * max(0.0, 1 - v / 181) ** 2)
        )
        mask = fade.resize((side, side), Image.Resampling.BICUBIC)
        place = (round((cx - r) * _SCALE), round((cy - r) * _SCALE))
        self._image.paste(Image.new("RGB", (side, side), colour), place, mask)

    def shadow(
        self, points: Sequence[Point], *, down: float = 14, blur: float = 18, alpha: float = 0.25
    ) -> None:
        """The soft shadow of an outline that is drawn afterwards."""
        # A shadow has no edges, so a quarter of the size is enough and sixteen times as quick.
        mask = Image.new("L", (WIDTH // 2, HEIGHT // 2), 0)
        ImageDraw.Draw(mask).polygon([(x / 2, (y + down) / 2) for x, y in points], fill=255)
        soft = mask.filter(ImageFilter.GaussianBlur(blur / 2)).point(lambda v: round(v * alpha))
        full = soft.resize(self._image.size, Image.Resampling.BILINEAR)
        self._image.paste(Image.new("RGB", self._image.size, "#0a1a2c"), (0, 0), full)

    def mirror(self, y: float, height: float, *, tint: Paint, alpha: float) -> None:
        """Water below the line `y`: what stands above it, upside down, under a tint."""
        top, deep = round(y * _SCALE), round(height * _SCALE)
        above = self._image.crop((0, max(0, top - deep), self._image.width, top))
        upside = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        still = upside.filter(ImageFilter.BoxBlur((5 * _SCALE, 2 * _SCALE)))
        self._image.paste(still, (0, top))
        self.rect(0, y, WIDTH, height, tint, alpha=alpha)

    def jpeg(self) -> bytes:
        """The finished picture."""
        small = self._image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        small.save(file, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
        return file.getvalue()

    def _paint(
        self,
        box: tuple[float, float, float, float],
        draw: Callable[[ImageDraw.ImageDraw, int, int], None],
        fill: Paint,
        alpha: float,
    ) -> None:
        """Lay `fill` through the mask that `draw` makes; only the box is touched."""
        left, top = math.floor(box[0] * _SCALE), math.floor(box[1] * _SCALE)
        right, bottom = math.ceil(box[2] * _SCALE) + 1, math.ceil(box[3] * _SCALE) + 1
        size = (right - left, bottom - top)
        mask = Image.new("L", size, 0)
        draw(ImageDraw.Draw(mask), left, top)
        if alpha < 1:
            mask = mask.point(lambda v: round(v * alpha))
        colour = fill if isinstance(fill, str) else fill[0]
        layer = Image.new("RGB", size, colour)
        if not isinstance(fill, str):
            layer = _gradient(fill, size[1]).resize(size, Image.Resampling.NEAREST)
        self._image.paste(layer, (left, top), mask)


def _gradient(stops: tuple[str, ...], height: int) -> Image.Image:
    """A column one pixel wide that runs through the stops at even distances."""
    column = Image.new("RGB", (1, len(stops)))
    for row, stop in enumerate(stops):
        column.paste(stop, (0, row, 1, row + 1))
    # Bilinear resizing holds half a step still at either end; the box cuts those halves off.
    return column.resize((1, height), Image.Resampling.BILINEAR, box=(0, 0.5, 1, len(stops) - 0.5))
