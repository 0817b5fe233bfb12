"""Things that return in several pictures: clouds, trees, lotus flowers, people."""

import math
from typing import Final

from services.sandbox.demo.canvas import Canvas, Paint, Point, arc, curve, rounded, scatter, turn

SKIN: Final = ("#e9b48d", "#d99c72")
HAIR: Final = "#2b2430"


def cloud(c: Canvas, x: float, y: float, size: float, fill: str) -> None:
    """A flat-bottomed cloud, `size` wide, whose base starts at (x, y)."""
    for start, r in ((0.0, 0.13), (0.2, 0.24), (0.42, 0.3), (0.63, 0.2), (0.8, 0.12)):
        left, top = x + (start - r * 0.4) * size, y - r * 1.75 * size
        c.rect(left, top, 2 * r * size, y - top, fill, radius=0.86 * r * size)
    c.rect(x - 0.1 * size, y - 0.16 * size, 1.2 * size, 0.16 * size, fill, radius=0.08 * size)


def tree(c: Canvas, x: float, y: float, h: float, crown: tuple[str, str, str]) -> None:
    """A round tree that stands at (x, y); crown colours from shade to light."""
    c.polygon(
        [
            (x - h * 0.035, y),
            (x - h * 0.02, y - h * 0.6),
            (x + h * 0.02, y - h * 0.6),
            (x + h * 0.035, y),
        ],
        "#7a5a44",
    )
    c.ellipse(x, y - h * 0.62, h * 0.3, h * 0.36, crown[0])
    c.ellipse(x - h * 0.05, y - h * 0.67, h * 0.25, h * 0.29, crown[1])
    c.ellipse(x - h * 0.09, y - h * 0.74, h * 0.15, h * 0.17, crown[2])


def bush(c: Canvas, x: float, y: float, w: float, colours: tuple[str, str]) -> None:
    """A low clipped shrub on the ground line y."""
    for dx, r in ((0.0, 0.3), (0.34, 0.42), (0.72, 0.33)):
        c.polygon(arc(x + (dx + 0.1) * w, y, r * w, 180, 360), colours)


def palm(c: Canvas, x: float, y: float, h: float, lean: float, colours: tuple[str, str]) -> None:
    """A coconut palm; `lean` moves its top sideways, as the wind would."""
    top = (x + lean, y - h)
    stem = curve([(x, y), (x + lean * 0.25, y - h * 0.5), top])
    c.stroke(stem, colours[0], h * 0.04)
    for i, angle in enumerate((-170, -145, -115, -60, -25, 5, 30)):
        blown = angle * 0.72 + (20 if lean > 60 else 0)
        length = h * (0.42 + 0.08 * scatter(i))
        dx, dy = math.cos(math.radians(blown)), math.sin(math.radians(blown))
        mid = (top[0] + dx * length * 0.55, top[1] + dy * length * 0.55 - h * 0.07)
        end = (top[0] + dx * length, top[1] + dy * length + h * 0.13)
        upper = curve([top, mid, end])
        lower = curve([end, (mid[0], mid[1] + h * 0.07), top])
        c.polygon([*upper, *lower], colours[1])


def bird(c: Canvas, x: float, y: float, size: float, colour: str) -> None:
    """A far bird: two wings and nothing else."""
    c.stroke(
        curve([(x - size, y - size * 0.3), (x - size * 0.4, y - size * 0.45), (x, y)]),
        colour,
        size * 0.16,
    )
    c.stroke(
        curve([(x, y), (x + size * 0.4, y - size * 0.5), (x + size, y - size * 0.25)]),
        colour,
        size * 0.16,
    )


def petal(c: Canvas, base: Point, length: float, width: float, degrees: float, fill: Paint) -> None:
    """One lotus petal that grows from `base`; 0 degrees is upright."""
    x, y = base
    side = [
        (x, y),
        (x - width * 0.46, y - length * 0.42),
        (x - width * 0.3, y - length * 0.78),
        (x, y - length),
    ]
    other = [(2 * x - px, py) for px, py in reversed(side)]
    c.polygon(turn([*curve(side), *curve(other)], degrees, base), fill)


def lotus(c: Canvas, x: float, y: float, size: float) -> None:
    """An open lotus flower of about `size` height whose heart sits at (x, y)."""
    for degrees, length in ((-78, 0.86), (78, 0.86), (-56, 0.98), (56, 0.98)):
        petal(c, (x, y), size * length, size * 0.44, degrees, ("#f59bb9", "#f7b9cd"))
    for degrees in (-34, 34, -15, 15):
        petal(c, (x, y), size * 1.02, size * 0.42, degrees, ("#e85f90", "#f9b7cd", "#fde3ea"))
    petal(c, (x, y), size, size * 0.44, 0, ("#ee6f9c", "#fbc6d7", "#fff0f3"))
    c.ellipse(x, y - size * 0.08, size * 0.3, size * 0.14, "#fee0e8")
    for degrees in (-46, 46, -24, 24):
        petal(
            c,
            (x, y + size * 0.05),
            size * 0.74,
            size * 0.42,
            degrees,
            ("#f286ab", "#fdd5e0", "#fff2f5"),
        )
    petal(c, (x, y + size * 0.07), size * 0.62, size * 0.44, 0, ("#f48fb1", "#fee0e8", "#fff6f0"))


def bud(c: Canvas, x: float, y: float, size: float, stem: float) -> None:
    """A closed lotus on its stem, which goes down `stem` pixels."""
    c.stroke(curve([(x, y), (x + 4, y + stem * 0.5), (x - 3, y + stem)]), "#3f7d57", size * 0.09)
    for degrees in (-15, 15):
        petal(c, (x, y), size * 0.92, size * 0.5, degrees, ("#e2588a", "#f4a3bf"))
    petal(c, (x, y), size, size * 0.5, 0, ("#ea6795", "#fbcbd9"))


def pad(c: Canvas, x: float, y: float, r: float, light: str, dark: str) -> None:
    """A lotus leaf lying on the water, seen from the side, with its veins."""
    c.ellipse(x, y + r * 0.06, r, r * 0.34, "#0d4a4c", 0.35)
    c.ellipse(x, y, r, r * 0.33, (light, dark))
    for degrees in range(15, 360, 45):
        dx, dy = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        c.stroke(
            [(x, y), (x + dx * r * 0.86, y + dy * r * 0.28)], "#ffffff", max(1.0, r * 0.018), 0.22
        )
    c.ellipse(x, y, r * 0.09, r * 0.04, "#e9f6d8", 0.8)


def person(
    c: Canvas,
    x: float,
    y: float,
    h: float,
    top: Paint,
    bottom: Paint,
    *,
    hair: str = HAIR,
    long_hair: bool = False,
    hat: bool = False,
    back: bool = False,
    arms: tuple[int, ...] = (-1, 1),
) -> None:
    """A standing figure of height `h` whose feet are at (x, y); with `back` it looks away.

    `arms` are those that hang down: -1 the left one, 1 the right one, as the viewer sees them.
    """
    head = h * 0.085
    shoulder, hip = y - h * 0.8, y - h * 0.45
    cy = shoulder - h * 0.1
    c.ellipse(x, y, h * 0.15, h * 0.022, "#0a1a2c", 0.16)
    if long_hair and not back:
        c.rect(x - head * 1.08, cy - head, head * 2.16, head * 3, hair, radius=head * 0.9)
    for side in (-1, 1):
        c.stroke(
            [(x + side * h * 0.045, hip), (x + side * h * 0.05, y - h * 0.055)], bottom, h * 0.082
        )
        c.polygon(arc(x + side * h * 0.056, y, h * 0.052, 180, 360), "#2b2d3a")
    for side in arms:
        arm = curve(
            [
                (x + side * h * 0.1, shoulder + h * 0.05),
                (x + side * h * 0.135, shoulder + h * 0.2),
                (x + side * h * 0.115, hip + h * 0.02),
            ]
        )
        c.stroke(arm, top, h * 0.055)
        c.ellipse(x + side * h * 0.115, hip + h * 0.035, h * 0.026, h * 0.03, SKIN)
    c.rect(x - h * 0.035, shoulder - h * 0.05, h * 0.07, h * 0.08, SKIN[1], radius=h * 0.02)
    body = [
        (x - h * 0.06, shoulder - h * 0.012),
        (x - h * 0.125, shoulder + h * 0.03),
        (x - h * 0.105, hip - h * 0.08),
        (x - h * 0.1, hip + h * 0.03),
        (x + h * 0.1, hip + h * 0.03),
        (x + h * 0.105, hip - h * 0.08),
        (x + h * 0.125, shoulder + h * 0.03),
        (x + h * 0.06, shoulder - h * 0.012),
    ]
    c.polygon(body, top)
    c.ellipse(x, cy, head * 0.9, head, SKIN)
    if back:
        c.ellipse(x, cy - head * 0.08, head * 0.96, head * 0.98, hair)
        if long_hair:
            c.rect(
                x - head * 0.98, cy - head * 0.9, head * 1.96, head * 3.6, hair, radius=head * 0.95
            )
    else:
        c.polygon(
            [
                *arc(x, cy - head * 0.1, head, 180, 360),
                (x + head * 0.72, cy - head * 0.28),
                (x - head * 0.2, cy - head * 0.5),
            ],
            hair,
        )
    if hat:
        c.polygon(
            [
                (x, cy - head * 1.9),
                (x + head * 2.3, cy - head * 0.1),
                *curve(
                    [
                        (x + head * 2.3, cy - head * 0.1),
                        (x, cy + head * 0.25),
                        (x - head * 2.3, cy - head * 0.1),
                    ]
                ),
            ],
            ("#fbeecb", "#dcb978"),
        )


def tick(c: Canvas, x: float, y: float, size: float, colour: str) -> None:
    """A check mark centred on (x, y)."""
    c.stroke(
        [
            (x - size * 0.42, y),
            (x - size * 0.1, y + size * 0.32),
            (x + size * 0.46, y - size * 0.34),
        ],
        colour,
        size * 0.2,
    )


def cross(c: Canvas, x: float, y: float, size: float, colour: str) -> None:
    """A saltire: no, wrong, not so."""
    c.stroke(
        [(x - size * 0.34, y - size * 0.34), (x + size * 0.34, y + size * 0.34)], colour, size * 0.2
    )
    c.stroke(
        [(x + size * 0.34, y - size * 0.34), (x - size * 0.34, y + size * 0.34)], colour, size * 0.2
    )


def plus(c: Canvas, x: float, y: float, size: float, colour: str) -> None:
    """The sign of care, green wherever we draw it: the red one is protected by treaty."""
    c.rect(x - size * 0.5, y - size * 0.17, size, size * 0.34, colour, radius=size * 0.05)
    c.rect(x - size * 0.17, y - size * 0.5, size * 0.34, size, colour, radius=size * 0.05)


def shield(c: Canvas, x: float, y: float, size: float, fill: Paint) -> None:
    """A shield centred on (x, y), `size` high."""
    s = size / 2
    left = [(x, y - s), (x - s * 0.36, y - s * 0.78), (x - s * 0.82, y - s * 0.66)]
    flank = curve(
        [
            (x - s * 0.82, y - s * 0.66),
            (x - s * 0.78, y + s * 0.06),
            (x - s * 0.5, y + s * 0.6),
            (x, y + s),
        ]
    )
    half = [*left, *flank]
    c.polygon([*half, *[(2 * x - px, py) for px, py in reversed(half)]], fill)


def bars(c: Canvas, x: float, y: float, w: float, count: int, *, step: float, colour: str) -> None:
    """Lines of writing that say nothing: grey bars of uneven length."""
    for i in range(count):
        length = w * (0.55 if i == count - 1 else 0.86 + 0.14 * scatter(i, w))
        c.rect(x, y + i * step, length, step * 0.38, colour, radius=step * 0.19)


def plant(c: Canvas, x: float, y: float, h: float) -> None:
    """A potted plant that stands at (x, y)."""
    for i, degrees in enumerate((-52, 48, -30, 28, -8, 14)):
        petal(
            c,
            (x, y - h * 0.28),
            h * (0.62 + 0.14 * scatter(i, 3)),
            h * 0.2,
            degrees,
            ("#5fae7f", "#2c7a57"),
        )
    c.polygon(
        [
            (x - h * 0.16, y - h * 0.32),
            (x + h * 0.16, y - h * 0.32),
            (x + h * 0.12, y),
            (x - h * 0.12, y),
        ],
        ("#e9e3da", "#c9bfb2"),
    )


def sheet(c: Canvas, x: float, y: float, w: float, h: float, degrees: float = 0.0) -> None:
    """A white sheet of paper with its shadow, turned about its middle."""
    paper = turn(rounded(x, y, w, h, 8), degrees, (x + w / 2, y + h / 2))
    c.shadow(paper, down=10, blur=16, alpha=0.28)
    c.polygon(paper, ("#ffffff", "#f4f6fa"))
