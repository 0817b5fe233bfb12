"""What pages load: all of it built, small enough, served as it should be, with every letter."""

import gzip
import json
import re
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

import services.console
from services.console.assets import Assets, AssetsMissingError

_CONSOLE = Path(services.console.__file__).parent
_SOURCES = _CONSOLE / "assets"
_KB = 1024


@pytest.fixture(scope="module")
def assets() -> Assets:
    return Assets.load()


@pytest.fixture
async def client(assets: Assets) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=assets.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://loa.test") as opened:
        yield opened


def _gzipped(assets: Assets, name: str) -> int:
    return len(assets.forms[assets.files[name]]["gzip"])


def test_everything_that_was_written_is_built(assets: Assets) -> None:
    written = {path.name for path in (_SOURCES / "src").iterdir() if path.is_file()}
    fonts = {name for name in assets.files if name.endswith(".woff2")}
    assert set(assets.files) - fonts == written | {"icons.svg"}
    assert len(fonts) == 4


def test_a_page_asks_for_nothing_that_is_not_built(assets: Assets) -> None:
    asked = {
        name
        for path in (_CONSOLE / "templates").rglob("*.html")
        for name in re.findall(r"asset\('([^']+)'\)", path.read_text(encoding="utf-8"))
    }
    assert sorted(asked - set(assets.files)) == []


def test_a_name_tells_what_is_inside(assets: Assets) -> None:
    for name, file in assets.files.items():
        stem, ending = name.rsplit(".", 1)
        assert re.fullmatch(rf"{re.escape(stem)}\.[0-9a-f]{{12}}\.{ending}", file)


# Budgets: console-ux.md section 11, "Performance budget"; figures are gzip.
def test_the_styles_stay_within_their_budget(assets: Assets) -> None:
    assert _gzipped(assets, "console.css") <= 12 * _KB


def test_the_script_of_every_page_stays_within_its_budget(assets: Assets) -> None:
    assert _gzipped(assets, "console.js") <= 20 * _KB


def test_the_editor_stays_within_its_budget(assets: Assets) -> None:
    assert sum(_gzipped(assets, name) for name in assets.files if "editor" in name) <= 75 * _KB


def test_the_icons_stay_within_their_budget(assets: Assets) -> None:
    assert _gzipped(assets, "icons.svg") <= 5 * _KB


def test_the_fonts_stay_within_their_budget(assets: Assets) -> None:
    fonts = [file for file in assets.files.values() if file.endswith(".woff2")]
    assert sum(len(assets.forms[file]["identity"]) for file in fonts) <= 95 * _KB


async def test_a_file_is_kept_for_ever_and_never_guessed_at(
    assets: Assets, client: httpx.AsyncClient
) -> None:
    answer = await client.get(assets.url("console.js"), headers={"Accept-Encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, *;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("BR", "br"),
        ("", None),
        ("gzip;q=0.0", None),
    ],
)
async def test_a_browser_gets_the_smallest_form_it_takes(
    assets: Assets, client: httpx.AsyncClient, accepted: str, coding: str | None
) -> None:
    request = client.build_request(
        "GET", assets.url("console.css"), headers={"Accept-Encoding": accepted}
    )
    answer = await client.send(request, stream=True)
    body = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert body == assets.forms[assets.files["console.css"]][coding or "identity"]


async def test_a_font_is_sent_as_it_is(assets: Assets, client: httpx.AsyncClient) -> None:
    answer = await client.get(assets.url("inter-vietnamese.woff2"))
    assert answer.headers["content-type"] == "font/woff2"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("name", ["console.css", "manifest.json", "../app.py", "%2e%2e%2fapp.py"])
async def test_nothing_else_is_served(client: httpx.AsyncClient, name: str) -> None:
    assert (await client.get(f"/static/console/{name}")).status_code == 404


def test_the_compressed_forms_hold_the_same(assets: Assets) -> None:
    for forms in assets.forms.values():
        if "gzip" in forms:
            assert gzip.decompress(forms["gzip"]) == forms["identity"]
            assert len(forms["br"]) <= len(forms["gzip"])


def test_without_a_build_the_next_step_is_told(tmp_path: Path) -> None:
    with pytest.raises(AssetsMissingError):
        Assets.load(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"console.css": "console.0.css"}))
    with pytest.raises(AssetsMissingError):
        Assets.load(tmp_path)


def test_every_icon_that_is_drawn_is_in_the_sprite_and_no_other(assets: Assets) -> None:
    sprite = assets.forms[assets.files["icons.svg"]]["identity"].decode()
    held = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    texts = "\n".join(
        path.read_text(encoding="utf-8")
        for ending in ("*.html", "*.py", "*.js", "*.toml")
        for folder in (_CONSOLE, _CONSOLE.parent / "delivery")
        for path in folder.rglob(ending)
        if "node_modules" not in path.parts and "built" not in path.parts
    )
    named = set(re.findall(r"icon\('([a-z0-9-]+)'", texts))
    assert sorted(named - held) == []
    assert sorted(name for name in held if not re.search(rf"[\"'#]{name}[\"']", texts)) == []


def test_the_sprite_draws_only_shapes(assets: Assets) -> None:
    sprite = assets.forms[assets.files["icons.svg"]]["identity"].decode()
    tags = set(re.findall(r"<([a-z]+)", sprite))
    assert tags <= {"svg", "symbol", "path", "circle", "rect", "line", "polyline", "polygon"} | {
        "ellipse"
    }


# Both fonts declare the ranges of their Latin and Vietnamese files. A letter that fell between
# them would be drawn in some other font; the files themselves are checked by a browser.
_ALPHABET = "aăâbcdđeêghiklmnoôơpqrstuưvxyfjwz"
_TONED = "".join(
    base + tone for base in "aăâeêioôơuưy" for tone in "\u0300\u0309\u0303\u0301\u0323"
)


def test_every_vietnamese_letter_is_in_a_declared_range(assets: Assets) -> None:
    letters = unicodedata.normalize("NFC", _ALPHABET + _TONED)
    wanted = {ord(one) for one in letters + letters.upper() + "0123456789“”‘’–—…·₫•×"}
    css = assets.forms[assets.files["console.css"]]["identity"].decode()
    for family in ("Inter", "Be Vietnam Pro"):
        ranges = [
            tuple(int(end, 16) for end in (found.split("-") * 2)[:2])
            for face in re.findall(r"@font-face\s*\{([^}]+)\}", css)
            if re.search(rf"font-family:\s*[\"']?{family}", face)
            for found in re.findall(r"U\+([0-9A-Fa-f?-]+)", face.replace("?", "0"))
        ]
        missing = [
            chr(point) for point in wanted if not any(low <= point <= high for low, high in ranges)
        ]
        assert missing == [], family


def test_a_class_of_one_screen_is_not_restyled_by_another() -> None:
    """A screen's file sets up its own names, and refines common ones within its own only."""
    common = {"tokens.css", "base.css", "frame.css", "controls.css", "parts.css"}
    owners: dict[str, set[str]] = {}
    for path in sorted((_SOURCES / "src" / "css").glob("*.css")):
        rules = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)
        rules = re.sub(r"@media[^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", "", rules)
        for selectors in re.findall(r"([^{}]+)\{", rules):
            for selector in selectors.split(","):
                if alone := re.fullmatch(r"\.([a-z][\w-]*)", selector.strip()):
                    owners.setdefault(alone[1], set()).add(path.name)
    twice = {
        name: sorted(files - common)
        for name, files in owners.items()
        if len(files) > 1 and files - common
    }
    assert twice == {}
