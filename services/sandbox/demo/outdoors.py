"""The demo's pictures under an open sky."""

import math
from typing import Final

from services.sandbox.demo import motifs
from services.sandbox.demo.canvas import (
    WIDTH,
    Canvas,
    Point,
    arc,
    below,
    curve,
    rounded,
    scatter,
    wave,
)

_GREENS: Final = ("#2f7d5b", "#46996c", "#6db784")


def lotus_office() -> Canvas:
    """A public office behind a lotus pond in the morning."""
    c = Canvas(("#a9dbe8", "#cfeaec", "#fdf1df", "#fde6d0"))
    c.glow(1180, 330, 620, "#fff3c4", 0.9)
    c.ellipse(1180, 250, 62, 62, "#fffbe6")
    motifs.cloud(c, 170, 190, 260, "#f6fbfb")
    motifs.cloud(c, 700, 120, 190, "#f6fbfb")
    motifs.cloud(c, 1330, 170, 170, "#f6fbfb")
    c.polygon(below(wave(400, 60, 260, 0.4), 560), ("#a9d3d0", "#d3e8dd"))
    c.polygon(below(wave(450, 42, 190, 2.2), 560), ("#84bfb0", "#b9dcc6"))
    for x, h in ((60, 250), (180, 310), (320, 230), (1290, 240), (1420, 320), (1545, 260)):
        motifs.tree(c, x, 545, h, _GREENS)
    _office(c, 800, 545)
    c.rect(0, 540, WIDTH, 22, ("#d9cdb6", "#b7a88c"))
    for x in (90, 210, 350, 1180, 1310, 1440):
        motifs.bush(c, x, 542, 100, ("#5fae76", "#3a8a5f"))
    c.mirror(560, 340, tint=("#8fcfd0", "#3b9296", "#1b6b74"), alpha=0.62)
    for i in range(26):
        left, top = scatter(i, 1) * WIDTH, 575 + scatter(i, 2) * 160
        c.rect(left, top, 60 + 120 * scatter(i, 3), 2.4, "#ffffff", radius=1.2, alpha=0.28)
    for x, y, r in (
        (120, 640, 60),
        (300, 622, 46),
        (470, 655, 58),
        (690, 618, 40),
        (900, 640, 52),
        (1090, 615, 42),
        (1290, 645, 60),
        (1480, 622, 50),
    ):
        motifs.pad(c, x, y, r, "#7cc48a", "#3d9468")
    for x, y, s in ((395, 640, 46), (985, 630, 42), (1400, 640, 48)):
        motifs.lotus(c, x, y, s)
    for x, y, r in (
        (60, 790, 150),
        (380, 745, 110),
        (640, 830, 170),
        (960, 760, 120),
        (1230, 850, 180),
        (1520, 770, 140),
    ):
        motifs.pad(c, x, y, r, "#8fd095", "#2f8a62")
    motifs.bud(c, 520, 690, 92, 120)
    motifs.bud(c, 1385, 655, 84, 120)
    for x, y, s in ((235, 800, 150), (870, 850, 190), (1480, 850, 150)):
        motifs.lotus(c, x, y, s)
    return c


def _office(c: Canvas, x: float, y: float) -> None:
    """A two-storey house of the provincial kind: tiled roof, columns, broad stairs."""
    wall, shade = ("#fffaf0", "#f1e3cb"), "#d9c6a5"
    for side in (-1, 1):
        left = x - 420 if side < 0 else x + 150
        c.rect(left, y - 170, 270, 170, wall)
        c.polygon(
            [
                (left - 22, y - 166),
                (left + 40, y - 226),
                (left + 230, y - 226),
                (left + 292, y - 166),
            ],
            ("#d9714f", "#b9502f"),
        )
        for row in range(2):
            for col in range(4):
                wx, wy = left + 24 + col * 60, y - 150 + row * 74
                c.rect(wx, wy, 40, 50, ("#7fb7cc", "#b7dce6"), radius=4)
                c.rect(wx + 18.5, wy, 3, 50, "#fffaf0")
    c.rect(x - 165, y - 246, 330, 246, ("#fffdf6", "#f4e8d3"))
    c.polygon(
        [(x - 205, y - 240), (x - 120, y - 312), (x + 120, y - 312), (x + 205, y - 240)],
        ("#e07f5a", "#bd5433"),
    )
    c.rect(x - 205, y - 246, 410, 10, "#a8462a")
    c.polygon(
        [(x - 80, y - 308), (x - 44, y - 348), (x + 44, y - 348), (x + 80, y - 308)],
        ("#e58a64", "#c65d3a"),
    )
    for col in range(5):
        wx = x - 138 + col * 60
        c.rect(wx, y - 220, 38, 74, ("#6ba8c1", "#a9d5e2"), radius=19)
        c.rect(wx, y - 180, 38, 34, ("#86bccf", "#a9d5e2"))
    c.rect(x - 176, y - 128, 352, 14, shade)
    c.rect(x - 55, y - 104, 110, 104, ("#3f6f84", "#6699a8"), radius=6)
    c.rect(x - 2, y - 104, 4, 104, "#dff0f2", alpha=0.7)
    for dx in (-150, -92, 74, 132):
        c.rect(x + dx, y - 114, 18, 114, ("#ffffff", "#e8d9bd"))
    for step in range(4):
        c.rect(
            x - 120 - step * 20,
            y - 20 + step * 6,
            240 + step * 40,
            7,
            "#efe2c8" if step % 2 else "#dccaa6",
        )


def storm_coast() -> Canvas:
    """A storm that nears a fishing coast; the lighthouse is lit."""
    c = Canvas(("#141f33", "#2a3c55", "#566b7f", "#9aa9a8", "#c9b99a"))
    c.glow(1050, 560, 620, "#f0cf93", 0.55)
    for i in range(34):
        x, y = scatter(i, 4) * 1750 - 70, 20 + scatter(i, 5) * 250
        r = 90 + 120 * scatter(i, 6)
        dark = ("#4b5d74", "#26364c") if y > 160 else ("#33445c", "#182437")
        c.ellipse(x, y, r * 1.6, r * 0.62, dark, 0.72)
    for i in range(10):
        x = scatter(i, 14) * 1600
        c.ellipse(
            x,
            290 + 40 * scatter(i, 15),
            150 + 90 * scatter(i, 16),
            34,
            ("#66788b", "#3b4c62"),
            0.55,
        )
    for bolt, light in (
        ([(560, 250), (510, 370), (556, 366), (500, 540), (618, 342), (568, 346), (612, 250)], 320),
        ([(252, 290), (232, 352), (254, 350), (228, 440), (284, 336), (260, 338), (280, 290)], 170),
    ):
        x, y = bolt[2]
        c.glow(x, y, light, "#dfe9ff", 0.6)
        c.polygon(bolt, ("#ffffff", "#fff0bd"))
    c.polygon([(1380, 222), (-60, 20), (-60, 250), (1380, 242)], "#fff3c0", 0.15)
    c.polygon(below(wave(560, 8, 120, 0.3)), ("#7f979c", "#3d6272"))
    _headland(c)
    for i in range(240):
        x, y = scatter(i, 7) * 1750, scatter(i, 8) * 800 - 40
        c.stroke([(x, y), (x - 24, y + 62)], "#dfe8f2", 1.7, 0.22)
    seas = (
        (632, 30, 300, ("#6d8e9a", "#32596b")),
        (700, 44, 380, ("#527a8a", "#24495d")),
        (782, 62, 470, ("#3f6a7e", "#18394e")),
        (872, 84, 600, ("#2f5a70", "#102c40")),
    )
    for i, (y, high, long, fill) in enumerate(seas):
        crest = _swell(y, high, long, i * 170)
        c.polygon(below(crest), fill)
        c.stroke(crest, "#eef5f5", 4 + 2 * i, 0.8)
        foam = [(x, py + 14 + 5 * i) for x, py in crest]
        c.stroke(foam, "#cfe0e4", 2 + i, 0.35)
        for j in range(14):
            x, top = crest[(j * 13 + i * 5) % len(crest)]
            c.rect(
                x,
                top + 40 + 40 * scatter(j, i),
                40 + 60 * scatter(j, 9),
                3 + i,
                "#e7f1f2",
                radius=2,
                alpha=0.22,
            )
    for i in range(60):
        angle, far = math.radians(200 + 140 * scatter(i, 10)), 110 * scatter(i, 11) ** 0.6
        r = 2 + 5 * scatter(i, 12)
        c.ellipse(
            1035 + 1.2 * far * math.cos(angle), 655 + far * math.sin(angle), r, r, "#ffffff", 0.75
        )
    return c


def _headland(c: Canvas) -> None:
    """The cape: lighthouse, two houses with light in the window, palms bent by the wind."""
    c.glow(1345, 214, 200, "#ffe9a3", 0.9)
    c.polygon([(1290, 540), (1316, 250), (1374, 250), (1400, 540)], ("#f5f1e8", "#c6c3bd"))
    for top in (296, 384, 472):
        grow = (top - 250) * 0.09
        c.polygon(
            [
                (1316 - grow, top),
                (1374 + grow, top),
                (1378 + grow, top + 42),
                (1312 - grow, top + 42),
            ],
            "#c8473a",
        )
    c.rect(1306, 244, 78, 10, "#2d3b4b", radius=4)
    c.rect(1318, 204, 54, 42, ("#fff6d2", "#ffdf8a"), radius=4)
    for x in (1318, 1343, 1368):
        c.rect(x, 204, 4, 42, "#2d3b4b")
    c.polygon([(1304, 206), (1345, 168), (1386, 206)], "#a93a30")
    ridge = curve([(930, 700), (1010, 622), (1110, 566), (1240, 528), (1400, 500), (1640, 452)])
    c.polygon([*ridge, (1640, 910), (930, 910)], ("#3a4d50", "#1d2d35"))
    for x, y, lean in ((1180, 552, -110), (1500, 486, -90), (1570, 474, -70)):
        motifs.palm(c, x, y, 200, lean, ("#1a272d", "#22383c"))
    for x, y in ((1215, 556), (1440, 508)):
        c.rect(x, y - 48, 84, 56, ("#66727a", "#454f57"))
        c.polygon(
            [(x - 14, y - 46), (x + 16, y - 82), (x + 68, y - 82), (x + 98, y - 46)], "#7d3f33"
        )
        c.rect(x + 30, y - 32, 24, 22, "#ffd98a")
        c.glow(x + 42, y - 21, 70, "#ffd98a", 0.5)


def _swell(y: float, height: float, length: float, shift: float) -> list[Point]:
    """The line of a rough sea: sharp crests, round troughs, no two alike."""
    return [
        (
            x,
            y
            - height * (1 - abs(math.sin(math.pi * (x + shift) / length))) ** 1.6
            - height * 0.3 * math.sin((x + shift) / length * 1.7),
        )
        for x in range(-20, WIDTH + 30, 8)
    ]


def clinic() -> Canvas:
    """A commune health station with people on their way in."""
    c = Canvas(("#8fd0ea", "#c6e8f2", "#f2f8f1"))
    c.glow(300, 170, 420, "#fff6cf", 0.8)
    c.ellipse(300, 160, 56, 56, "#fff8dc")
    motifs.cloud(c, 520, 170, 230, "#f6fbfb")
    motifs.cloud(c, 1150, 130, 280, "#f6fbfb")
    c.polygon(below(wave(480, 46, 230, 1.1)), ("#a7d9b9", "#cfeac9"))
    for x, h in ((90, 330), (225, 250), (1400, 300), (1530, 380)):
        motifs.tree(c, x, 640, h, ("#2f8a68", "#4aa67c", "#79c596"))
    c.rect(0, 636, WIDTH, 264, ("#8ccf92", "#5aae78"))
    c.rect(320, 360, 960, 290, ("#ffffff", "#e8f2f1"))
    c.rect(300, 336, 1000, 34, ("#14958c", "#0b7a74"), radius=6)
    c.rect(640, 262, 320, 388, ("#ffffff", "#eef6f5"))
    c.rect(622, 244, 356, 28, ("#14958c", "#0b7a74"), radius=6)
    c.ellipse(800, 346, 56, 56, "#e5f4ec")
    motifs.plus(c, 800, 346, 66, "#11936b")
    for x in (356, 452, 548, 1000, 1096, 1192):
        c.rect(x, 420, 66, 116, ("#8cc7de", "#cfeaf2"), radius=6)
        c.polygon([(x, 500), (x + 40, 420), (x + 62, 420), (x, 536)], "#ffffff", 0.35)
        c.rect(x + 31, 420, 4, 116, "#ffffff")
        c.rect(x - 6, 536, 78, 10, "#cfdede", radius=3)
    c.rect(700, 448, 200, 202, ("#2b7f8e", "#6fb6bd"), radius=6)
    c.rect(797, 448, 6, 202, "#e9f6f6")
    c.polygon([(716, 640), (776, 460), (790, 460), (740, 640)], "#ffffff", 0.25)
    c.polygon([(650, 440), (950, 440), (980, 466), (620, 466)], ("#f6b84c", "#e79a2c"))
    c.polygon([(690, 650), (910, 650), (1190, 900), (410, 900)], ("#efe6d6", "#d8cab3"))
    for x in (330, 470, 1010, 1150):
        motifs.bush(c, x, 652, 120, ("#5db37b", "#2f8a60"))
    _ambulance(c, 1130, 800)
    motifs.person(c, 640, 800, 210, ("#f4a259", "#e08b3e"), "#4a5a78", long_hair=True)
    motifs.person(c, 722, 806, 128, ("#ffd166", "#f2b93b"), "#3c6e9e")
    motifs.person(c, 880, 742, 176, ("#ffffff", "#dfeeee"), "#2c8c86", long_hair=True)
    motifs.person(c, 420, 842, 216, ("#6d8fc7", "#4f70a8"), "#33405a", hair="#b9bcc4")
    for i in range(22):
        left, top = scatter(i, 21) * WIDTH, 862 + scatter(i, 22) * 34
        if not 400 < left < 1200:
            c.ellipse(left, top, 6, 6, "#ffffff" if i % 2 else "#ffd7e2")
            c.ellipse(left, top, 2.4, 2.4, "#f3b33d")
    return c


def _ambulance(c: Canvas, x: float, y: float) -> None:
    c.ellipse(x + 170, y + 4, 200, 16, "#0a1a2c", 0.2)
    c.polygon(rounded(x, y - 150, 250, 140, 16), ("#ffffff", "#e6eded"))
    c.polygon(
        [
            (x + 240, y - 128),
            (x + 300, y - 128),
            (x + 345, y - 70),
            (x + 352, y - 10),
            (x + 240, y - 10),
        ],
        ("#ffffff", "#e6eded"),
    )
    c.polygon(
        [(x + 256, y - 114), (x + 294, y - 114), (x + 324, y - 70), (x + 256, y - 70)],
        ("#7fbcd4", "#b6dfea"),
    )
    c.rect(x, y - 52, 350, 20, "#14958c")
    c.rect(x + 150, y - 166, 56, 18, ("#ffb84d", "#f08c2e"), radius=8)
    motifs.plus(c, x + 90, y - 98, 56, "#11936b")
    for wx in (x + 74, x + 272):
        c.ellipse(wx, y - 8, 32, 32, "#26303c")
        c.ellipse(wx, y - 8, 15, 15, "#c9d3da")


def rice_sunrise() -> Canvas:
    """Ripe rice at sunrise, with people at work between the dykes."""
    c = Canvas(("#fbb26a", "#fdd08c", "#fee9bd", "#fff4d8"))
    c.glow(800, 400, 760, "#fff7d0", 0.95)
    c.ellipse(800, 372, 118, 118, ("#fff6cf", "#ffd873"))
    for y, x, w in ((150, 180, 300), (215, 1060, 360), (105, 900, 220), (250, 420, 200)):
        c.rect(x, y, w, 16, "#ffffff", radius=8, alpha=0.55)
        c.rect(x + w * 0.3, y + 24, w * 0.8, 12, "#ffffff", radius=6, alpha=0.4)
    c.polygon(below(wave(400, 70, 250, 0.2), 520), ("#e3a27c", "#f5cfa0"))
    c.polygon(below(wave(440, 46, 180, 2.4), 520), ("#bd8f70", "#e6bd8b"))
    c.polygon(below(wave(478, 20, 140, 4.0), 540), ("#7f9463", "#a5ab6b"))
    for x, h in ((120, 130), (175, 100), (1390, 120), (1450, 150), (1520, 110)):
        motifs.palm(c, x, 500, h, 14, ("#5d5a3e", "#56703f"))
    bands = (
        (488, ("#c9b653", "#dcc75f")),
        (530, ("#a9b24b", "#c8bd52")),
        (590, ("#e3bd4f", "#d6a63d")),
        (668, ("#a8b04a", "#8b9d3d")),
        (760, ("#e6b843", "#c08f2a")),
    )
    for i, (y, fill) in enumerate(bands):
        line = curve(
            [
                (-20, y + 14 * math.sin(i)),
                (400, y - 10),
                (820, y + 16),
                (1240, y - 6),
                (1620, y + 18 * math.cos(i)),
            ]
        )
        c.polygon(below(line), fill)
        c.stroke(line, "#f8ecc0", 3 + i * 1.6, 0.75)
        _ears(c, y, i)
    left = curve([(782, 496), (742, 560), (768, 650), (690, 770), (716, 912)])
    right = curve([(1150, 912), (1010, 780), (960, 660), (850, 570), (806, 496)])
    c.polygon([*left, *right], ("#fff1c4", "#f2d6a4", "#9cc7c6", "#6aa9b4"))
    for bank in (left, right):
        c.stroke(bank, "#7f8f38", 7, 0.55)
    for i in range(9):
        y = 520 + i * 42
        c.rect(
            786 + i * 3 + 30 * scatter(i, 31), y, 22 + i * 12, 3, "#ffffff", radius=1.5, alpha=0.6
        )
    for x, y, h, colour in (
        (470, 640, 130, "#7d5a8c"),
        (560, 668, 138, "#3f7f8c"),
        (1130, 606, 108, "#b25a4d"),
        (1260, 716, 158, "#37698a"),
    ):
        motifs.person(c, x, y, h, (colour, colour), "#4a4a44", hat=True)
        _sheaf(c, x + h * 0.42, y + 4, h * 0.5)
    for i, (x, y) in enumerate(((330, 210), (390, 190), (452, 214), (1180, 150), (1235, 168))):
        motifs.bird(c, x, y, 15 + i, "#8a5a3c")
    for i in range(120):
        foot = i * 13.6 - 10
        if not 690 < foot < 1190:
            _stalk(c, foot, 912, 120 + 70 * scatter(i, 33), (scatter(i, 34) - 0.35) * 60)
    return c


def harvester() -> Canvas:
    """A combine harvester at work, rolls of straw behind it."""
    c = Canvas(("#8fd0e6", "#c9e9ee", "#fdf3d6"))
    c.glow(1250, 170, 460, "#fff6cf", 0.9)
    c.ellipse(1250, 160, 60, 60, "#fffbe3")
    motifs.cloud(c, 160, 180, 260, "#f6fbfb")
    motifs.cloud(c, 760, 130, 210, "#f6fbfb")
    c.polygon(below(wave(420, 54, 240, 1.3), 560), ("#9fd0b0", "#cfe6b8"))
    c.polygon(below(wave(462, 26, 160, 3.1), 560), ("#6fae7c", "#a3c67f"))
    for x, h in ((80, 150), (140, 120), (1440, 140), (1510, 170)):
        motifs.palm(c, x, 500, h, 12, ("#6b5b40", "#4c8a55"))
    c.polygon(
        below(curve([(-20, 496), (500, 484), (1100, 496), (1620, 482)])), ("#f0cf62", "#e3b443")
    )
    for i in range(260):
        left, top = scatter(i, 101) * WIDTH, 506 + scatter(i, 102) * 110
        c.stroke([(left, top), (left + 3, top - 12)], "#fbe79a" if i % 3 else "#b98b2c", 2, 0.7)
    c.polygon(
        below(curve([(-20, 690), (420, 668), (960, 690), (1620, 664)])), ("#dcb863", "#b98d41")
    )
    for i in range(9):
        y = 704 + i * i * 2.6
        c.stroke(
            curve([(-20, y), (520, y - 12), (1080, y + 6), (1620, y - 12)]),
            "#f3dc9c",
            2 + i * 0.5,
            0.5,
        )
    _combine(c, 640, 690)
    for x, y, r in ((210, 770, 74), (1330, 800, 92), (1130, 742, 50)):
        _straw_roll(c, x, y, r)
    for i, (x, y) in enumerate(((430, 250), (492, 226), (548, 254), (1000, 300))):
        motifs.bird(c, x, y, 15 + i, "#6d7f86")
    return c


def _combine(c: Canvas, x: float, y: float) -> None:
    """The machine drives to the left; its reel stands in the uncut rice."""
    for i in range(26):
        cx, cy = x + 330 + 260 * scatter(i, 103), y - 20 - 120 * scatter(i, 104)
        c.ellipse(cx, cy, 18 + 34 * scatter(i, 105), 12 + 20 * scatter(i, 106), "#f4dfa6", 0.22)
    c.ellipse(x + 120, y + 42, 330, 20, "#3a2a12", 0.3)
    c.stroke(
        [(x + 250, y - 250), (x + 330, y - 300), (x + 440, y - 282)], ("#f6b13c", "#d98a20"), 30
    )
    c.polygon(rounded(x + 40, y - 226, 320, 190, 26), ("#43a36b", "#1f7a50"))
    c.rect(x + 130, y - 258, 200, 40, ("#2f8a5d", "#1f7a50"), radius=12)
    for i in range(5):
        c.rect(x + 226, y - 190 + i * 24, 106, 9, "#165f3e", radius=4, alpha=0.6)
    c.rect(x + 40, y - 96, 320, 14, "#f6c244")
    c.polygon(
        [(x - 70, y - 60), (x - 56, y - 270), (x + 78, y - 270), (x + 100, y - 60)],
        ("#4fb178", "#26855a"),
    )
    c.polygon(
        [(x - 48, y - 130), (x - 38, y - 250), (x + 62, y - 250), (x + 72, y - 130)],
        ("#a9deec", "#e0f3f2"),
    )
    c.polygon(
        [(x - 40, y - 134), (x - 4, y - 250), (x + 20, y - 250), (x - 16, y - 134)], "#ffffff", 0.4
    )
    c.ellipse(x + 30, y - 190, 20, 23, motifs.SKIN)
    c.polygon([(x + 30, y - 234), (x + 70, y - 198), (x - 10, y - 198)], ("#fbeecb", "#dcb978"))
    c.polygon(
        [(x + 2, y - 132), (x + 10, y - 166), (x + 50, y - 166), (x + 60, y - 132)], "#3f6db0"
    )
    c.rect(x - 72, y - 284, 166, 18, "#1f7a50", radius=8)
    c.polygon(
        [(x - 60, y - 80), (x - 220, y + 10), (x - 200, y + 40), (x - 30, y - 20)],
        ("#e8a738", "#c4811f"),
    )
    c.polygon(
        [(x - 330, y + 40), (x - 190, y + 40), (x - 176, y - 26), (x - 220, y - 20)],
        ("#c4811f", "#8f5a14"),
    )
    c.stroke(arc(x - 262, y - 40, 74, 0, 360), "#d94f3a", 9)
    for spoke in range(0, 360, 45):
        tip = arc(x - 262, y - 40, 84, spoke, spoke + 1)[0]
        c.stroke([(x - 262, y - 40), tip], "#d94f3a", 6)
    c.ellipse(x - 262, y - 40, 13, 13, "#8f2f24")
    c.polygon(rounded(x - 20, y - 44, 360, 84, 42), ("#333c48", "#1d242d"))
    for wheel in range(5):
        c.ellipse(x + 24 + wheel * 68, y - 2, 27, 27, "#5b6675")
        c.ellipse(x + 24 + wheel * 68, y - 2, 11, 11, "#c4ccd6")
    for i in range(34):
        c.stroke(
            [(x - 400 + i * 9, y + 44), (x - 396 + i * 9, y - 12 - 26 * scatter(i, 107))],
            "#f2cb55" if i % 3 else "#b98b2c",
            4,
        )


def _straw_roll(c: Canvas, x: float, y: float, r: float) -> None:
    c.ellipse(x + r * 0.5, y + r * 0.95, r * 1.7, r * 0.2, "#3a2a12", 0.28)
    c.rect(x, y - r, r * 1.3, 2 * r, ("#f3d27a", "#c4922f"), radius=r * 0.4)
    c.ellipse(x, y, r * 0.86, r, ("#fbe4a0", "#dcae4c"))
    for ring in (0.7, 0.48, 0.26):
        loop = [(x + (px - x) * 0.86, py) for px, py in arc(x, y, r * ring, 0, 360)]
        c.stroke(loop, "#b98b2c", r * 0.045, 0.7)


def _ears(c: Canvas, y: float, row: int) -> None:
    """Short strokes that make a band of colour a field; nearer rows are larger."""
    for i in range(90):
        x, dy = scatter(i, 40 + row) * WIDTH, scatter(i, 50 + row) * (50 + row * 18)
        size = 5 + row * 3.4
        c.stroke(
            [(x, y + 22 + dy), (x + size * 0.4, y + 22 + dy - size)],
            "#fff0b5" if i % 3 else "#7f8f38",
            1.6 + row * 0.3,
            0.5,
        )


def _sheaf(c: Canvas, x: float, y: float, h: float) -> None:
    c.polygon(
        [
            (x - h * 0.3, y - h),
            (x + h * 0.3, y - h),
            (x + h * 0.1, y - h * 0.5),
            (x + h * 0.26, y),
            (x - h * 0.26, y),
            (x - h * 0.1, y - h * 0.5),
        ],
        ("#f7d774", "#c9942f"),
    )
    c.rect(x - h * 0.13, y - h * 0.55, h * 0.26, h * 0.09, "#8c6a2a", radius=3)


def _stalk(c: Canvas, x: float, y: float, h: float, lean: float) -> None:
    """One stem of rice whose ear hangs over."""
    top = (x + lean * 0.6, y - h)
    c.stroke(curve([(x, y), (x + lean * 0.2, y - h * 0.6), top]), "#7b8a2f", 3.4)
    ear = curve(
        [
            top,
            (top[0] + lean * 0.4 + 8, top[1] - 4),
            (top[0] + lean * 0.8 + 16, top[1] + 26),
            (top[0] + lean + 20, top[1] + 60),
        ],
        6,
    )
    for i, (px, py) in enumerate(ear):
        c.ellipse(px + (3 if i % 2 else -3), py, 4.6, 6.4, "#f3c64e" if i % 3 else "#d99a2b")


def loudspeaker() -> Canvas:
    """Horn loudspeakers over village roofs at dusk."""
    c = Canvas(("#3d5a9b", "#7d7fb8", "#e39a8f", "#fbc98d", "#fde6bd"))
    c.glow(420, 660, 700, "#ffe6ae", 0.85)
    c.ellipse(420, 610, 84, 84, "#fff3d0")
    for x, y, w in ((140, 180, 320), (1010, 470, 380), (520, 120, 240), (1180, 110, 220)):
        c.rect(x, y, w, 18, "#ffd9c4", radius=9, alpha=0.55)
        c.rect(x + 60, y + 26, w * 0.66, 13, "#ffd9c4", radius=6, alpha=0.4)
    c.polygon(below(wave(650, 40, 240, 0.9)), ("#c98b86", "#e7b795"))
    c.polygon(below(wave(700, 26, 170, 2.9)), ("#8f6d80", "#b98a86"))
    for x, h, lean in (
        (90, 330, 30),
        (230, 260, -24),
        (620, 240, 20),
        (1530, 230, -24),
        (1400, 180, 18),
    ):
        motifs.palm(c, x, 800, h, lean, ("#4c4562", "#46506b"))
    for i, (x, y, w) in enumerate(
        ((-30, 800, 300), (250, 830, 260), (500, 812, 290), (1090, 822, 270), (1330, 800, 300))
    ):
        _house(c, x, y, w, lit=i % 2 == 0)
    c.rect(0, 868, WIDTH, 40, ("#4a3d56", "#3a3049"))
    c.rect(893, 230, 20, 650, ("#6f7788", "#3d4354"))
    c.rect(860, 214, 86, 20, "#4b5263", radius=8)
    for r, alpha in ((150, 0.8), (215, 0.6), (280, 0.42), (345, 0.26)):
        c.stroke(arc(1150, 330, r, -34, 34), "#fff4d6", 13, alpha)
        c.stroke(arc(660, 360, r, 146, 214), "#fff4d6", 13, alpha)
    _horn(c, 930, 330, 1)
    _horn(c, 876, 360, -1)
    c.rect(872, 300, 62, 90, ("#586173", "#3b4252"), radius=10)
    for i, (x, y) in enumerate(((640, 150), (700, 132), (1260, 200), (1320, 182))):
        motifs.bird(c, x, y, 14 + i * 2, "#47436b")
    return c


def _horn(c: Canvas, x: float, y: float, side: int) -> None:
    """A grey horn that opens to the right (1) or to the left (-1)."""

    def at(dx: float, dy: float) -> Point:
        return (x + side * dx, y + dy)

    c.polygon([at(0, -30), at(56, -34), at(56, 34), at(0, 30)], ("#7d8798", "#4c5566"))
    bell = [
        *curve([at(50, -30), at(120, -48), at(190, -128)]),
        *curve([at(190, 128), at(120, 48), at(50, 30)]),
    ]
    c.polygon(bell, ("#ffffff", "#d4dae4", "#8f9aab"))
    c.ellipse(*at(190, 0), 44, 130, ("#e9edf3", "#aab4c3"))
    c.ellipse(*at(194, 0), 33, 108, ("#5b6577", "#8a94a6"))
    c.ellipse(*at(188, 0), 12, 36, "#343c4b")


def _house(c: Canvas, x: float, y: float, w: float, *, lit: bool) -> None:
    c.rect(
        x + w * 0.08,
        y - 20,
        w * 0.84,
        130,
        ("#d8a68b", "#8e6a70") if lit else ("#b98c83", "#76596a"),
    )
    c.polygon(
        [(x, y - 14), (x + w * 0.2, y - 96), (x + w * 0.8, y - 96), (x + w, y - 14)],
        ("#a14b43", "#6d3540"),
    )
    for row in range(3):
        c.stroke(
            [
                (x + w * (0.15 - row * 0.05), y - 76 + row * 22),
                (x + w * (0.85 + row * 0.05), y - 76 + row * 22),
            ],
            "#5c2b38",
            2.4,
            0.45,
        )
    for dx in (0.2, 0.62):
        c.rect(
            x + w * dx, y + 8, w * 0.17, 38, ("#ffe6a0", "#ffc861") if lit else "#5d5470", radius=4
        )
        if lit:
            c.glow(x + w * (dx + 0.08), y + 28, 80, "#ffd98a", 0.45)


def bridge() -> Canvas:
    """A cable-stayed bridge over a wide river at dusk."""
    c = Canvas(("#1f3a6e", "#4f6fa8", "#c58fa6", "#f8b98b", "#fde0b0"))
    c.glow(1160, 560, 640, "#ffe5b0", 0.85)
    c.ellipse(1160, 520, 70, 70, "#fff2cf")
    for i in range(40):
        c.ellipse(
            scatter(i, 61) * WIDTH,
            scatter(i, 62) * 220,
            1.8,
            1.8,
            "#ffffff",
            0.35 + 0.5 * scatter(i, 63),
        )
    for x, y, w in ((90, 300, 360), (1010, 250, 300), (640, 170, 260)):
        c.rect(x, y, w, 16, "#ffd5c2", radius=8, alpha=0.45)
        c.rect(x + 70, y + 24, w * 0.6, 11, "#ffd5c2", radius=5, alpha=0.35)
    c.polygon(below(wave(520, 46, 250, 1.2), 640), ("#8a7ba6", "#cf9fa0"))
    for i in range(34):
        x, h = i * 48 - 10, 60 + 170 * scatter(i, 64) ** 1.6
        c.rect(x, 600 - h, 40, h, ("#6c6a9c", "#94809e"), radius=2)
        for j in range(int(h // 22)):
            if h - j * 20 > 96 and scatter(i * 7 + j, 65) > 0.4:
                c.rect(x + 8 + 14 * (j % 2), 606 - h + j * 20, 7, 8, "#ffe3a1", alpha=0.9)
    _cables(c)
    c.mirror(600, 300, tint=("#c9a0a4", "#4f6a9c", "#1f3d6b"), alpha=0.48)
    for i in range(70):
        left, top = scatter(i, 66) * WIDTH, 612 + scatter(i, 67) ** 1.5 * 270
        c.rect(left, top, 30 + 130 * scatter(i, 68), 2.6, "#ffe9c8", radius=1.3, alpha=0.3)
    for i in range(14):
        width = 30 + 12 * i * (0.5 + scatter(i, 69))
        c.rect(1160 - width / 2, 610 + i * 16, width, 4, "#fff2cf", radius=2, alpha=0.6)
    for x, y, s in ((330, 730, 1.0), (1330, 800, 1.3)):
        hull = [
            (x - 90 * s, y),
            *curve(
                [
                    (x - 90 * s, y),
                    (x - 50 * s, y + 26 * s),
                    (x + 50 * s, y + 26 * s),
                    (x + 104 * s, y - 8 * s),
                ]
            ),
        ]
        c.ellipse(x, y + 30 * s, 100 * s, 9 * s, "#0c2140", 0.35)
        c.polygon(hull, ("#7a3f45", "#4c2737"))
        c.polygon(arc(x - 10 * s, y, 44 * s, 180, 360), ("#d9a46f", "#a8734f"))
        c.ellipse(x + 66 * s, y - 20 * s, 6 * s, 6 * s, "#ffe9a8")
        c.glow(x + 66 * s, y - 20 * s, 70 * s, "#ffe09a", 0.7)
    return c


def _cables(c: Canvas) -> None:
    """Two towers, their fans of cables, and the deck with its lamps and cars."""
    deck = 520.0
    for tower in (480.0, 1120.0):
        for i in range(1, 13):
            for side in (-1, 1):
                c.stroke(
                    [(tower, 150 + i * 15), (tower + side * i * 26, deck)], "#fff3dc", 2.2, 0.8
                )
        c.polygon(
            [
                (tower - 34, 604),
                (tower - 9, 120),
                (tower + 9, 120),
                (tower + 34, 604),
                (tower + 16, 604),
                (tower + 3, 240),
                (tower - 3, 240),
                (tower - 16, 604),
            ],
            ("#fff6e6", "#d6c3c0"),
        )
        c.rect(tower - 28, 470, 56, 14, "#e4d4cc")
        c.ellipse(tower, 114, 7, 7, "#ff8f6b")
        c.glow(tower, 114, 60, "#ff8f6b", 0.7)
    c.rect(-10, deck, WIDTH + 20, 20, ("#f5e6d8", "#a8929c"))
    c.rect(-10, deck + 20, WIDTH + 20, 8, "#6d6484")
    for x in (160, 800, 1440):
        c.rect(x - 14, deck + 26, 28, 76, ("#b8a4a6", "#7d7292"))
    for i in range(21):
        x = 20 + i * 78
        c.stroke([(x, deck), (x, deck - 40), (x + 10, deck - 44)], "#6d6484", 2.6)
        c.ellipse(x + 12, deck - 42, 4, 3, "#fff3c4")
        c.glow(x + 12, deck - 40, 34, "#ffe7a8", 0.8)
    for x, colour in (
        (90, "#e8694a"),
        (300, "#2f7f9c"),
        (640, "#f0b646"),
        (900, "#ffffff"),
        (1290, "#c94f5c"),
        (1500, "#3c9a7c"),
    ):
        c.rect(x, deck - 14, 44, 13, colour, radius=5)
        c.rect(x + 9, deck - 23, 25, 12, colour, radius=5)
        c.glow(x + 48, deck - 7, 24, "#fff6cf", 0.9)


def notice_board() -> Canvas:
    """People read a roofed notice board under a tree."""
    c = Canvas(("#bfe5ea", "#e4f3e6", "#fbf4dc"))
    c.glow(1250, 160, 480, "#fff4c2", 0.9)
    motifs.cloud(c, 120, 150, 230, "#f6fbfb")
    motifs.cloud(c, 1180, 190, 240, "#f6fbfb")
    c.polygon(below(wave(470, 40, 220, 0.7)), ("#a5d6bd", "#cdebc8"))
    for x, h in ((70, 360), (1500, 400), (1380, 260)):
        motifs.tree(c, x, 700, h, ("#3a8f63", "#58a977", "#88c894"))
    c.rect(0, 690, WIDTH, 220, ("#a3d48f", "#6fb574"))
    c.polygon([(260, 910), (520, 700), (1080, 700), (1360, 910)], ("#f3e7cf", "#dccbab"))
    for x in (352, 1218):
        c.rect(x, 230, 30, 490, ("#a5744d", "#744d33"))
    frame = rounded(330, 280, 940, 370, 14)
    c.shadow(frame, down=18, blur=26, alpha=0.28)
    c.polygon(frame, ("#b07c50", "#8a5a38"))
    c.rect(352, 302, 896, 326, ("#e9cf9f", "#d8b680"), radius=6)
    for i in range(160):
        c.ellipse(360 + 880 * scatter(i, 71), 308 + 312 * scatter(i, 72), 1.8, 1.8, "#b98f58", 0.5)
    roof = [(270, 292), (380, 170), (1220, 170), (1330, 292)]
    c.shadow(roof, down=14, blur=20, alpha=0.25)
    c.polygon(roof, ("#dd7550", "#b44c30"))
    for i in range(1, 14):
        t = i / 14
        c.stroke([(380 + 840 * t, 174), (270 + 1060 * t, 290)], "#8f3a24", 3, 0.5)
    c.rect(262, 286, 1076, 14, "#913c26", radius=5)
    _pinned(c)
    motifs.person(c, 560, 862, 300, ("#4d8fb8", "#356f98"), "#33405a", back=True)
    motifs.person(c, 730, 880, 284, ("#f28f8f", "#d96f78"), "#5a4a6b", back=True, long_hair=True)
    motifs.person(c, 846, 880, 176, ("#ffd166", "#eab23c"), "#3f6f96", back=True)
    motifs.person(c, 1060, 868, 296, ("#8db580", "#648f60"), "#4a4438", back=True, hat=True)
    for x in (60, 190, 1330, 1460):
        motifs.bush(c, x, 780, 130, ("#62b07a", "#3b8d62"))
    return c


def _pinned(c: Canvas) -> None:
    """The papers on the board, each with its pin."""
    papers = (
        (390, 326, 150, 200, -2.0, "#0b57b0"),
        (566, 332, 190, 132, 1.5, "#11693b"),
        (780, 322, 160, 210, -1.0, "#b8562f"),
        (966, 330, 130, 170, 2.5, "#0b6e69"),
        (1112, 324, 120, 190, -1.5, "#7a4fa0"),
        (572, 488, 180, 124, -1.5, "#c2740b"),
    )
    for x, y, w, h, degrees, colour in papers:
        motifs.sheet(c, x, y, w, h, degrees)
        c.rect(x + 16, y + 22, w * 0.62, 14, colour, radius=7)
        motifs.bars(c, x + 16, y + 52, w - 34, int((h - 66) // 20), step=20, colour="#c3ccd8")
        c.ellipse(x + w / 2, y + 9, 7, 7, ("#f2705f", "#c23b33"))
