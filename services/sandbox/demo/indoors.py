"""The demo's pictures of desks, rooms and screens."""

from typing import Final

from services.sandbox.demo import motifs
from services.sandbox.demo.canvas import WIDTH, Canvas, Paint, arc, curve, rounded, scatter, turn

_SCRUBS: Final = ("#6fc3d3", "#3f9fb5")


def scam_warning() -> Canvas:
    """A telephone with bait on a hook, and the shield before it."""
    c = Canvas(("#172a5c", "#2b3f86", "#5a4fa3", "#8a63b0"))
    c.glow(800, 430, 760, "#7f8df0", 0.65)
    for r, alpha in ((560, 0.05), (430, 0.06), (310, 0.08)):
        c.ellipse(800, 450, r, r, "#ffffff", alpha)
    for i in range(46):
        x, y = scatter(i, 81) * WIDTH, scatter(i, 82) * 900
        c.ellipse(x, y, 1.5 + 3 * scatter(i, 83), 1.5 + 3 * scatter(i, 83), "#c9d4ff", 0.35)
    for x, y, w, side in ((110, 250, 330, 1), (150, 420, 270, 1), (1190, 200, 310, -1)):
        _bubble(c, x, y, w, side)
    middle = (800.0, 460.0)
    body = turn(rounded(600, 96, 400, 740, 54), -5, middle)
    c.shadow(body, down=34, blur=44, alpha=0.5)
    c.polygon(body, ("#2b3350", "#141a30"))
    c.polygon(turn(rounded(620, 118, 360, 696, 38), -5, middle), ("#f7f9ff", "#dfe6fb"))
    c.polygon(turn(rounded(748, 128, 104, 22, 11), -5, middle), "#141a30")
    c.polygon(turn(rounded(652, 190, 296, 120, 20), -5, middle), ("#ffe6e2", "#ffd3cd"))
    warning = turn([(700, 212), (744, 288), (656, 288)], -5, middle)
    c.polygon(warning, ("#ff7d5c", "#dc3d34"))
    for y, h in ((234, 30), (270, 9)):
        c.polygon(turn(rounded(695.5, y, 9, h, 4), -5, middle), "#ffffff")
    for y, w in ((222, 160), (250, 170), (278, 110)):
        c.polygon(turn(rounded(762, y, w, 12, 6), -5, middle), "#e89a90")
    for y in (350, 430, 510):
        c.polygon(turn(rounded(652, y, 296, 58, 16), -5, middle), "#ffffff")
        c.polygon(turn(rounded(668, y + 13, 32, 32, 16), -5, middle), "#b9c6ee")
        c.polygon(turn(rounded(716, y + 16, 180, 10, 5), -5, middle), "#c9d2ea")
        c.polygon(turn(rounded(716, y + 35, 120, 8, 4), -5, middle), "#dfe5f4")
    c.polygon(turn(rounded(652, 700, 296, 64, 32), -5, middle), ("#f2705f", "#d8433a"))
    _hook(c, 500, 520)
    c.glow(1090, 600, 330, "#ffe9a8", 0.55)
    motifs.shield(c, 1096, 622, 402, "#0e1c45")
    motifs.shield(c, 1090, 610, 400, ("#ffd76a", "#f2a52f"))
    motifs.shield(c, 1090, 608, 348, ("#2fae86", "#0e7a63"))
    motifs.tick(c, 1090, 610, 190, "#ffffff")
    return c


def _bubble(c: Canvas, x: float, y: float, w: float, side: int) -> None:
    """A message of a stranger: grey bars and a link."""
    tail = x + 40 if side > 0 else x + w - 40
    c.rect(x, y, w, 120, "#ffffff", radius=26, alpha=0.16)
    c.polygon(
        [(tail - 14, y + 118), (tail + 22, y + 118), (tail - 18 * side, y + 150)], "#ffffff", 0.16
    )
    c.rect(x + 30, y + 30, w - 90, 14, "#ffffff", radius=7, alpha=0.55)
    c.rect(x + 30, y + 58, w - 60, 14, "#ffffff", radius=7, alpha=0.4)
    c.rect(x + 30, y + 86, w * 0.4, 14, "#ffb3a6", radius=7, alpha=0.85)


def _hook(c: Canvas, x: float, y: float) -> None:
    """A fishing hook on its line, with a bank card for bait."""
    c.stroke([(x, -10), (x, y - 60)], "#e9eeff", 3, 0.8)
    card = turn(rounded(x - 120, y - 30, 200, 126, 16), 12, (x, y))
    c.shadow(card, down=18, blur=22, alpha=0.4)
    c.polygon(card, ("#ffb25e", "#ef7d57"))
    c.polygon(turn(rounded(x - 98, y - 4, 42, 30, 6), 12, (x, y)), ("#ffeab0", "#f3c565"))
    for dx, w in ((-98, 60), (-28, 60)):
        c.polygon(turn(rounded(x + dx, y + 52, w, 12, 6), 12, (x, y)), "#ffffff", 0.8)
    bend = [(x, y - 64), (x, y + 60), *arc(x - 40, y + 60, 40, 0, 150)]
    c.ellipse(x, y - 66, 11, 11, "#f4f7ff")
    c.stroke(bend, ("#ffffff", "#aab6d8"), 11)
    end = bend[-1]
    c.polygon(
        [(end[0] - 15, end[1] + 6), (end[0] + 8, end[1] - 38), (end[0] + 20, end[1] + 6)], "#d5ddf2"
    )


def documents() -> Canvas:
    """Papers, a stamp and a pen on a desk seen from above."""
    c = Canvas(("#2d7f86", "#256d78", "#1b5a68"))
    c.glow(430, 150, 900, "#8fd6cb", 0.45)
    for i in range(9):
        c.rect(-10, 40 + i * 104, WIDTH + 20, 2, "#0f4652", alpha=0.25)
    folder = turn(rounded(170, 150, 560, 640, 22), -7, (450, 470))
    c.shadow(folder, down=20, blur=30, alpha=0.4)
    c.polygon(folder, ("#f4b860", "#e29a3c"))
    c.polygon(turn(rounded(200, 116, 220, 70, 18), -7, (450, 470)), "#f4b860")
    motifs.sheet(c, 250, 150, 520, 650, -3)
    motifs.sheet(c, 470, 96, 540, 700, 3)
    _letter(c)
    _stamp(c, 1230, 300)
    pen = turn(rounded(1090, 600, 420, 30, 15), -32, (1300, 615))
    c.shadow(pen, down=14, blur=14, alpha=0.4)
    c.polygon(pen, ("#1d3f7c", "#12294f"))
    c.polygon(turn([(1092, 602), (1092, 628), (1040, 615)], -32, (1300, 615)), "#e9d9b0")
    c.polygon(turn(rounded(1180, 600, 16, 30, 2), -32, (1300, 615)), "#f2c14e")
    c.polygon(turn(rounded(1380, 594, 110, 9, 4), -32, (1300, 615)), "#f2c14e")
    c.ellipse(1440, 770, 118, 118, "#0a2a33", 0.28)
    c.ellipse(1430, 758, 118, 118, ("#ffffff", "#dfe7ea"))
    c.ellipse(1430, 758, 86, 86, ("#e6edee", "#ffffff"))
    c.ellipse(1430, 758, 74, 74, ("#8a5836", "#5c3620"))
    c.ellipse(1412, 740, 30, 16, "#c08a5c", 0.5)
    for degrees, size in ((-60, 210), (-20, 240), (20, 230), (60, 200), (100, 170)):
        motifs.petal(c, (40, 900), size, 80, degrees, ("#6cc08b", "#2b8a62"))
    return c


def _letter(c: Canvas) -> None:
    """What stands on the uppermost sheet, turned with it."""
    middle = (740.0, 446.0)

    def bar(x: float, y: float, w: float, h: float, fill: Paint) -> None:
        c.polygon(turn(rounded(x, y, w, h, h / 2), 3, middle), fill)

    bar(520, 146, 170, 14, "#8b98ab")
    bar(548, 170, 112, 8, "#c3ccd8")
    bar(760, 146, 206, 14, "#8b98ab")
    bar(800, 170, 126, 8, "#c3ccd8")
    bar(610, 232, 260, 20, "#3c4b5e")
    bar(570, 266, 340, 13, "#8b98ab")
    for i in range(11):
        bar(524, 316 + i * 27, 430 - (190 if i in (4, 10) else 26 * scatter(i, 91)), 10, "#c9d1dc")
    for i in range(2):
        bar(524, 640 + i * 26, 150 - 40 * i, 9, "#c3ccd8")
    centre = turn([(860, 690)], 3, middle)[0]
    for r, w in ((74, 6.0), (60, 2.6)):
        c.stroke(arc(*centre, r, 0, 360), "#c8343a", w, 0.85)
    for degrees in (-64, 64, -32, 32, 0):
        motifs.petal(c, (centre[0], centre[1] + 26), 54, 24, degrees, "#d9545a")
    sign = curve(
        [(770, 700), (800, 660), (812, 716), (840, 668), (858, 712), (900, 676), (950, 694)]
    )
    c.stroke(turn(sign, 3, middle), "#1d4fa0", 4.5, 0.9)


def _stamp(c: Canvas, x: float, y: float) -> None:
    """A rubber stamp lying on its side, and its open ink pad."""
    pad = rounded(x - 90, y - 190, 330, 210, 22)
    c.shadow(pad, down=18, blur=22, alpha=0.4)
    c.polygon(pad, ("#3b4660", "#262f45"))
    c.rect(x - 66, y - 166, 282, 162, ("#d34c4c", "#a92d35"), radius=12)
    c.rect(x - 50, y - 150, 120, 20, "#ffffff", radius=10, alpha=0.18)
    handle = turn([*rounded(x - 30, y + 60, 190, 54, 26)], -18, (x, y + 90))
    c.shadow(handle, down=18, blur=16, alpha=0.4)
    c.polygon(turn(rounded(x - 96, y + 20, 70, 134, 14), -18, (x, y + 90)), ("#8d5b3a", "#6a4027"))
    c.polygon(turn(rounded(x - 112, y + 12, 24, 150, 8), -18, (x, y + 90)), ("#c8343a", "#98242c"))
    c.polygon(handle, ("#b77b4e", "#8a5635"))
    c.polygon(turn(arc(x + 168, y + 87, 46, 0, 360), -18, (x, y + 90)), ("#c98d5c", "#8f5a38"))


def server_room() -> Canvas:
    """Racks of servers at night, and one engineer on duty."""
    c = Canvas(("#0b1430", "#101f45", "#0c1836"))
    c.polygon([(560, 250), (1040, 250), (1040, 560), (560, 560)], ("#1d3b74", "#16305f"))
    c.glow(800, 400, 560, "#3f8cff", 0.6)
    c.polygon([(-10, 910), (560, 560), (1040, 560), (1610, 910)], ("#27508f", "#0d1b3d"))
    c.polygon([(-10, -10), (560, 250), (1040, 250), (1610, -10)], ("#0a1229", "#16294f"))
    for i in range(1, 8):
        t = (i / 8) ** 1.7
        y = 560 + 350 * t
        c.stroke([(560 - 570 * t, y), (1040 + 570 * t, y)], "#5fa4ff", 1 + 2 * t, 0.25)
    for dx in (-0.5, -0.17, 0.17, 0.5):
        c.stroke([(800 + dx * 480, 560), (800 + dx * 1700, 910)], "#5fa4ff", 2, 0.2)
    for t0, t1 in ((0.0, 0.28), (0.32, 0.58), (0.62, 0.98)):
        c.polygon(
            [
                (680 - 260 * t0, 190 - 190 * t0),
                (920 + 260 * t0, 190 - 190 * t0),
                (920 + 260 * t1, 190 - 190 * t1),
                (680 - 260 * t1, 190 - 190 * t1),
            ],
            "#dcebff",
            0.5 + 0.3 * t0,
        )
    for side in (-1, 1):
        for n in range(4):
            _rack(c, side, n)
    c.rect(742, 330, 116, 230, ("#0f2350", "#1a3873"), radius=6)
    c.rect(754, 342, 92, 206, ("#3f7fd6", "#2457a6"), radius=4)
    c.ellipse(834, 452, 5, 5, "#8df0c0")
    c.ellipse(800, 838, 110, 16, "#050b1d", 0.5)
    motifs.person(c, 800, 836, 372, ("#e8eef8", "#b9c8e0"), "#1b2747", back=True)
    c.glow(800, 560, 200, "#7fc4ff", 0.25)
    return c


def _rack(c: Canvas, side: int, n: int) -> None:
    """The n-th cabinet from the back on one side, drawn in perspective."""
    t0, t1 = (n / 4) ** 1.5, ((n + 0.94) / 4) ** 1.5

    def at(t: float, v: float) -> tuple[float, float]:
        """A place on the front: t from back to front, v from top to bottom."""
        x = 800 + side * (240 + 590 * t)
        top, bottom = 262 - 290 * t, 556 + 372 * t
        return (x, top + (bottom - top) * v)

    c.polygon([at(t0, 0), at(t1, 0), at(t1, 1), at(t0, 1)], ("#1a2a52", "#0d1734"))
    c.polygon([at(t0, 0), at(t0 + 0.012, 0), at(t0 + 0.012, 1), at(t0, 1)], "#4a86e0", 0.7)
    width = t1 - t0
    a, b = t0 + width * 0.1, t1 - width * 0.08
    for row in range(15):
        v0, v1 = 0.04 + row * 0.063, 0.04 + row * 0.063 + 0.05
        c.polygon([at(a, v0), at(b, v0), at(b, v1), at(a, v1)], ("#2a3f74", "#1d2d58"))
        for lamp in range(6):
            lit = scatter(row * 6 + lamp, n + side * 3.3)
            if lit > 0.35:
                x, y = at(a + (b - a) * (0.12 + 0.1 * lamp), (v0 + v1) / 2)
                r = 1.6 + 4.6 * t1
                colour = "#5df2b0" if lit > 0.55 else "#6fb7ff" if lit > 0.41 else "#ffc46b"
                c.glow(x, y, r * 4, colour, 0.55)
                c.ellipse(x, y, r * 0.8, r, colour)
        c.polygon(
            [
                at(a + (b - a) * 0.76, v0 + 0.014),
                at(b - width * 0.04, v0 + 0.014),
                at(b - width * 0.04, v1 - 0.014),
                at(a + (b - a) * 0.76, v1 - 0.014),
            ],
            "#40599a",
            0.8,
        )


def one_stop() -> Canvas:
    """Citizens at the counters of a public service centre."""
    c = Canvas(("#f5efe3", "#efe6d6"))
    c.rect(0, 700, WIDTH, 210, ("#d9cdbb", "#c4b49c"))
    for i in range(9):
        c.stroke([(800 + (i - 4) * 190, 700), (800 + (i - 4) * 330, 910)], "#ffffff", 3, 0.4)
    for x in (70, 1230):
        c.rect(x, 120, 300, 330, "#ffffff", radius=10)
        c.rect(x + 14, 134, 272, 302, ("#9fd6ea", "#d8f0f0"), radius=4)
        c.polygon(arc(x + 96, 436, 76, 180, 360), ("#7cc49a", "#58a97c"))
        c.polygon(arc(x + 196, 436, 90, 180, 360), ("#69b78b", "#4a9c70"))
        c.rect(x + 14, 430, 272, 6, "#ffffff")
        c.rect(x + 147, 134, 6, 302, "#ffffff")
        c.rect(x - 14, 446, 328, 16, "#e2d5bf", radius=4)
    c.rect(430, 96, 740, 120, ("#0f6d78", "#0b5560"), radius=18)
    motifs.lotus(c, 510, 186, 58)
    for y, w in ((132, 480), (166, 330)):
        c.rect(600, y, w, 16, "#e6f4f2", radius=8, alpha=0.9)
    for i, x in enumerate((480, 720, 960)):
        _clerk(
            c,
            x + 80,
            540,
            ("#ffffff", "#dfe9ef") if i != 1 else ("#cfe3f5", "#a9c8e6"),
            long_hair=i != 1,
        )
        c.rect(x + 20, 250, 120, 70, ("#1e2a40", "#2c3c58"), radius=10)
        for dot in range(3):
            c.ellipse(x + 50 + dot * 30, 285, 9, 9, "#ffcd62" if dot <= i else "#51627f")
    desk = rounded(400, 520, 800, 200, 14)
    c.shadow(desk, down=20, blur=24, alpha=0.25)
    c.polygon(desk, ("#c98f5e", "#a9704a"))
    c.rect(384, 506, 832, 30, ("#f7f0e6", "#e3d6c4"), radius=8)
    for x in (430, 690, 950):
        c.rect(x, 560, 220, 132, ("#d9a472", "#bb8156"), radius=8)
        c.rect(x + 150, 462, 60, 46, ("#33415c", "#22304a"), radius=5)
        c.rect(x + 174, 500, 12, 14, "#4a5a78")
        c.rect(x + 20, 498, 70, 9, "#ffffff", radius=2)
        c.rect(x + 26, 491, 66, 8, "#e6edf5", radius=2)
    motifs.person(c, 540, 850, 318, ("#f4a259", "#de8838"), "#41506e", back=True, long_hair=True)
    motifs.person(c, 800, 850, 330, ("#5b8bd0", "#3f6db0"), "#33405a", back=True)
    motifs.person(c, 1050, 846, 306, ("#8a6bb0", "#6d5096"), "#3a3350", back=True, hair="#c3c6cc")
    motifs.person(c, 1150, 858, 304, ("#e8788a", "#cc5a70"), "#4a4458", back=True, long_hair=True)
    _seats(c)
    motifs.plant(c, 120, 812, 300)
    motifs.plant(c, 1490, 812, 300)
    return c


def _clerk(c: Canvas, x: float, y: float, shirt: Paint, *, long_hair: bool) -> None:
    """Somebody behind a counter whose lower half is hidden."""
    motifs.person(c, x, y + 130, 330, shirt, "#33405a", long_hair=long_hair)


def _seats(c: Canvas) -> None:
    for x in (190, 262, 334, 1230, 1302, 1374):
        c.rect(x, 690, 62, 70, ("#2f9a9a", "#1e7f83"), radius=14)
        c.rect(x, 756, 62, 20, ("#37a9a6", "#278c8d"), radius=9)
    for x in (176, 1216):
        c.rect(x + 6, 776, 222, 8, "#5a6a7e", radius=4)
        for dx in (26, 200):
            c.rect(x + dx, 782, 9, 44, "#5a6a7e", radius=4)


def vaccination() -> Canvas:
    """A nurse and a family around a table with vaccine and cool box."""
    c = Canvas(("#dff3ee", "#c9ebe4"))
    c.ellipse(800, 470, 640, 420, "#eefaf6")
    for r in (180, 260):
        c.stroke(arc(1270, 240, r, 0, 360), "#ffffff", 10, 0.5)
    c.rect(0, 730, WIDTH, 180, ("#a8d8cd", "#8ac5ba"))
    c.rect(150, 130, 280, 330, "#ffffff", radius=12)
    c.rect(166, 146, 248, 298, ("#a6dcf0", "#e3f6f4"), radius=6)
    motifs.cloud(c, 210, 270, 120, "#ffffff")
    c.rect(287, 146, 6, 298, "#ffffff")
    c.rect(136, 452, 308, 16, "#ffffff", radius=6)
    motifs.shield(c, 1270, 262, 256, ("#37b58c", "#12866a"))
    motifs.shield(c, 1270, 260, 220, ("#49c49b", "#1b9677"))
    motifs.plus(c, 1270, 250, 100, "#ffffff")
    for x, y, s in ((1120, 190, 16), (1432, 160, 12), (1420, 370, 18), (1110, 380, 10)):
        motifs.plus(c, x, y, s * 2, "#ffffff")
    motifs.person(c, 560, 842, 500, _SCRUBS, "#1f7f8f", long_hair=True, arms=(-1,))
    c.rect(524, 398, 72, 34, ("#ffffff", "#dbe9f2"), radius=13)
    motifs.plus(c, 528, 492, 26, "#ffffff")
    motifs.person(c, 1060, 846, 486, ("#f2a65a", "#db8537"), "#46557a", long_hair=True)
    motifs.person(c, 900, 852, 300, ("#6fa8e8", "#4b83c9"), "#3a4a6b")
    _syringe(c)
    table = rounded(250, 668, 470, 24, 8)
    c.shadow(table, down=16, blur=18, alpha=0.22)
    c.polygon(table, ("#ffffff", "#dfeae8"))
    for x in (280, 676):
        c.rect(x, 690, 16, 170, "#b9cfcb", radius=5)
    c.rect(282, 560, 150, 108, ("#3f8fd0", "#2a6fae"), radius=12)
    c.rect(274, 544, 166, 30, ("#ffffff", "#e2edf2"), radius=10)
    motifs.plus(c, 357, 622, 46, "#ffffff")
    for i, x in enumerate((470, 506, 640)):
        c.rect(x, 624, 26, 44, ("#f5fbff", "#bfe0ea"), radius=6)
        c.rect(x + 4, 612, 18, 14, ("#f2705f", "#3f8fd0", "#f2b43c")[i], radius=3)
        c.rect(x, 644, 26, 12, "#ffffff")
    motifs.plant(c, 1450, 850, 320)
    for x, y, s in ((770, 300, 44), (840, 220, 26), (720, 210, 18)):
        _heart(c, x, y, s)
    return c


def _syringe(c: Canvas) -> None:
    """In the nurse's raised hand, pointing to the child's arm."""
    about = (690.0, 600.0)
    arm = curve([(610, 468), (652, 546), (698, 594)])
    c.stroke(arm, _SCRUBS, 28)
    c.ellipse(706, 600, 16, 16, motifs.SKIN)
    for x, y, w, h, fill in (
        (690, 588, 92, 24, "#e6f6fb"),
        (722, 590, 58, 20, "#7fd0e0"),
        (660, 594, 34, 10, "#9fb4c2"),
        (652, 584, 9, 30, "#6f8796"),
        (782, 596, 16, 8, "#9fb4c2"),
        (798, 599, 36, 2.6, "#7d93a1"),
    ):
        c.polygon(turn(rounded(x, y, w, h, min(w, h) * 0.3), 12, about), fill)


def _heart(c: Canvas, x: float, y: float, size: float) -> None:
    half = curve(
        [
            (x, y + size),
            (x - size, y - size * 0.05),
            (x - size * 0.62, y - size * 0.72),
            (x, y - size * 0.3),
        ]
    )
    c.polygon([*half, *[(2 * x - px, py) for px, py in reversed(half)]], ("#ff9aa8", "#f06a80"))


def dashboard() -> Canvas:
    """A laptop with the figures of the month on a desk by the window."""
    c = Canvas(("#fbead2", "#f8dcbf", "#f3cba8"))
    c.glow(1240, 130, 620, "#fff7dd", 0.95)
    c.rect(0, 700, WIDTH, 210, ("#b97f56", "#94603e"))
    c.rect(0, 700, WIDTH, 10, "#d39a6e")
    c.rect(90, 90, 260, 250, ("#ffffff", "#f6efe6"), radius=10)
    for i, colour in enumerate(("#0b6e69", "#e08b3e", "#c8533f")):
        c.rect(120, 130 + i * 66, 200, 14, colour, radius=7, alpha=0.75)
        c.rect(120, 156 + i * 66, 150, 10, "#d8cfc2", radius=5)
    screen = rounded(420, 130, 760, 510, 24)
    c.shadow(screen, down=26, blur=36, alpha=0.3)
    c.polygon(screen, ("#2f3b54", "#1d2740"))
    c.rect(442, 152, 716, 466, ("#ffffff", "#f3f6fb"), radius=10)
    c.rect(442, 152, 96, 466, ("#123a5c", "#0d2c48"), radius=10)
    for i in range(6):
        c.rect(470, 196 + i * 62, 40, 26, "#ffffff", radius=8, alpha=0.85 if i == 1 else 0.28)
    for i, colour in enumerate(("#0b57b0", "#11693b", "#c2740b")):
        x = 560 + i * 198
        c.rect(x, 176, 180, 92, "#eef3f9", radius=12)
        c.rect(x + 18, 196, 66, 12, "#b7c3d3", radius=6)
        c.rect(x + 18, 222, 98, 24, colour, radius=8)
        c.stroke(curve([(x + 128, 246), (x + 140, 232), (x + 150, 238), (x + 166, 208)]), colour, 4)
    _charts(c)
    c.polygon([(360, 668), (1240, 668), (1270, 700), (330, 700)], ("#dfe5ee", "#aab5c5"))
    c.rect(720, 668, 160, 12, "#98a5b8", radius=6)
    c.ellipse(1370, 772, 96, 22, "#4a2a18", 0.3)
    c.polygon([(1300, 640), (1430, 640), (1416, 768), (1314, 768)], ("#ffffff", "#dde4ec"))
    c.stroke(arc(1434, 698, 34, -80, 90), "#e6ebf2", 13)
    c.ellipse(1365, 640, 65, 13, "#7a4a2e")
    for dx in (-20, 16):
        c.stroke(
            curve([(1365 + dx, 612), (1352 + dx, 584), (1376 + dx, 556), (1362 + dx, 524)]),
            "#ffffff",
            6,
            0.6,
        )
    motifs.plant(c, 210, 790, 330)
    book = rounded(1130, 800, 300, 34, 8)
    c.shadow(book, down=8, blur=12, alpha=0.35)
    c.polygon(book, "#0b6e69")
    c.rect(1142, 774, 270, 28, "#e08b3e", radius=6)
    c.rect(420, 800, 240, 16, "#f2c14e", radius=8)
    return c


def _charts(c: Canvas) -> None:
    """Bars, a curve and a ring; what they count is left to the reader."""
    c.rect(560, 288, 372, 306, "#f1f5fa", radius=12)
    for i, h in enumerate((70, 104, 92, 136, 158, 150, 204)):
        x = 586 + i * 48
        c.rect(x, 570 - h, 28, h, ("#5fa4e8", "#0b57b0"), radius=6)
    line = curve(
        [(600, 470), (648, 440), (696, 448), (744, 400), (792, 382), (840, 372), (888, 326)]
    )
    c.stroke(line, "#f08c2e", 6)
    for px, py in line[::14]:
        c.ellipse(px, py, 7, 7, "#ffffff")
        c.ellipse(px, py, 4.4, 4.4, "#f08c2e")
    c.rect(950, 288, 186, 306, "#f1f5fa", radius=12)
    for start, end, colour in ((-90, 130, "#11936b"), (134, 212, "#f2b43c"), (216, 266, "#e2705a")):
        c.stroke(arc(1043, 388, 56, start, end), colour, 24)
    for i, colour in enumerate(("#11936b", "#f2b43c", "#e2705a")):
        c.ellipse(982, 500 + i * 30, 7, 7, colour)
        c.rect(1000, 495 + i * 30, 100 - 18 * i, 10, "#c3ccd8", radius=5)


def true_and_false() -> Canvas:
    """A false post crossed out beside the confirmed one, under a magnifying glass."""
    c = Canvas(("#eaf1f8", "#d6e3f0"))
    c.ellipse(300, 860, 620, 420, "#c6d8ea", 0.6)
    c.ellipse(1380, 60, 560, 420, "#f5fafd")
    for i in range(7):
        for j in range(4):
            c.ellipse(70 + i * 34, 80 + j * 34, 4.6, 4.6, "#a9c1d8", 0.7)
            c.ellipse(1330 + i * 34, 730 + j * 34, 4.6, 4.6, "#a9c1d8", 0.7)
    _post(c, 200, 170, -5, "#e36a58", "#f7d2cb", good=False)
    _post(c, 860, 140, 3, "#11936b", "#cdeadd", good=True)
    glass = (742.0, 560.0)
    c.shadow(arc(*glass, 186, 0, 360), down=26, blur=30, alpha=0.3)
    handle = turn(rounded(glass[0] - 24, glass[1] + 176, 48, 190, 22), -38, glass)
    c.shadow(handle, down=16, blur=18, alpha=0.3)
    c.polygon(handle, ("#e9a23b", "#b8701f"))
    c.ellipse(*glass, 188, 188, ("#35507a", "#1f3556"))
    c.ellipse(*glass, 160, 160, ("#ffffff", "#e3eef8"))
    motifs.bars(c, glass[0] - 104, glass[1] - 88, 210, 3, step=34, colour="#c3d0de")
    motifs.cross(c, glass[0] - 56, glass[1] + 62, 84, "#d8433a")
    motifs.tick(c, glass[0] + 62, glass[1] + 62, 100, "#11936b")
    c.stroke(arc(*glass, 136, 196, 250), "#ffffff", 13, 0.85)
    return c


def _post(
    c: Canvas, x: float, y: float, degrees: float, colour: str, pale: str, *, good: bool
) -> None:
    """A card as it would stand in a social feed, with its verdict on the corner."""
    middle = (x + 270, y + 300)

    def box(dx: float, dy: float, w: float, h: float, r: float, fill: Paint) -> None:
        c.polygon(turn(rounded(x + dx, y + dy, w, h, r), degrees, middle), fill)

    card = turn(rounded(x, y, 540, 600, 30), degrees, middle)
    c.shadow(card, down=24, blur=34, alpha=0.24)
    c.polygon(card, ("#ffffff", "#f7fafd"))
    box(34, 34, 64, 64, 32, colour)
    box(116, 44, 200, 16, 8, "#8796a8")
    box(116, 72, 120, 12, 6, "#c9d3de")
    box(34, 124, 472, 230, 18, pale)
    horn = [(x + 190, y + 226), (x + 310, y + 166), (x + 310, y + 306), (x + 190, y + 252)]
    c.polygon(turn(horn, degrees, middle), colour)
    box(160, 214, 44, 50, 12, colour)
    box(204, 262, 26, 52, 10, colour)
    for r in (40, 74):
        c.stroke(turn(arc(x + 316, y + 236, r, -40, 40), degrees, middle), colour, 11, 0.7)
    for i in range(4):
        box(34, 384 + i * 36, 472 - (180 if i == 3 else 40 * scatter(i, 95)), 14, 7, "#d5dde7")
    box(34, 544, 110, 28, 14, pale)
    box(160, 544, 110, 28, 14, "#e9eef4")
    sx, sy = turn([(x + 510, y + 20)], degrees, middle)[0]
    c.ellipse(sx, sy + 8, 70, 70, "#0a1a2c", 0.14)
    c.ellipse(sx, sy, 68, 68, "#ffffff")
    c.ellipse(sx, sy, 58, 58, colour)
    if good:
        motifs.tick(c, sx, sy, 62, "#ffffff")
    else:
        motifs.cross(c, sx, sy, 62, "#ffffff")
