"""Every page is drawn strictly, and brings no style or script of its own into its markup."""

import importlib
import re
from pathlib import Path

import jinja2
import pytest

from tests.house.tree import ROOT

TEMPLATES = sorted(
    path
    for door in sorted((ROOT / "services").iterdir())
    if (door / "templates").is_dir()
    for path in (door / "templates").rglob("*")
    if path.is_file()
)
NAMES = [str(path.relative_to(ROOT / "services")) for path in TEMPLATES]
DOORS = sorted({name.split("/")[0] for name in NAMES})

INLINE = {
    "a style element": re.compile(r"<style\b", re.I),
    "a style attribute": re.compile(r"\sstyle\s*=", re.I),
    "a script in the page": re.compile(r"<script\b(?![^>]*\bsrc=)", re.I),
    "an event handler": re.compile(r"\son[a-z]+\s*=\s*[\"'{]", re.I),
    "an htmx handler": re.compile(r"\shx-on[:=-]", re.I),
    "a javascript address": re.compile(r"javascript:", re.I),
    "values that htmx would evaluate": re.compile(
        r"\shx-[\w:-]+\s*=\s*[\"'](?:js:|javascript:)", re.I
    ),
    "an htmx trigger filter": re.compile(r"\shx-trigger\s*=\s*([\"'])(?:(?!\1).)*\[", re.I | re.S),
    "a picture without its size": re.compile(r"<svg\b(?![^>]*\bwidth=)(?![^>]*\{\{)", re.I),
    "something from another host": re.compile(r"<(?:script|link|img)[^>]+(?:src|href)=.https?:"),
    "unescaped words": re.compile(r"\|\s*safe\b"),
}


def test_there_are_pages() -> None:
    assert {"console", "feeds"} <= set(DOORS)


@pytest.mark.parametrize("what", INLINE)
@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_holds_no(path: Path, what: str) -> None:
    # Atom and RSS are no pages, but a reader may show what stands in them.
    assert INLINE[what].findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_is_understood(path: Path) -> None:
    known = ["jinja2.ext.i18n", "jinja2.ext.do"]
    jinja2.Environment(autoescape=True, extensions=known).parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_a_template_is_drawn_by_somebody(path: Path) -> None:
    """By a screen, or by another template; components are known to all."""
    door = path.parents[1] if path.parent.name == "templates" else path.parents[2]
    name = str(path.relative_to(door / "templates"))
    users = [*door.rglob("*.py"), *(door / "templates").rglob("*.*")]
    named = any(
        f'"{name}"' in one.read_text(encoding="utf-8")
        for one in users
        if "node_modules" not in one.parts
    )
    assert named or name.startswith("components/") or _made_of_parts(door, name)


def _made_of_parts(door: Path, name: str) -> bool:
    """Whether the name is put together at run time: `previews/{look}.html`."""
    folder = name.rpartition("/")[0]
    users = [*door.glob("*.py"), *(door / "templates").rglob("*.html")]
    return bool(folder) and any(
        re.search(rf"[\"']{folder}/[\"']? ?[~{{+]", one.read_text(encoding="utf-8"))
        for one in users
    )


@pytest.mark.parametrize("door", DOORS)
def test_a_door_draws_with_strict_undefined_and_escapes(door: str) -> None:
    """Read from the source: an environment is made with a hub, here without one."""
    makers = [
        path.read_text(encoding="utf-8")
        for path in (ROOT / "services" / door).rglob("*.py")
        if re.search(r"\bEnvironment\(|Jinja2Templates\(", path.read_text(encoding="utf-8"))
    ]
    assert makers, "templates that nobody draws"
    importlib.import_module(f"services.{door}")
    for source in makers:
        assert "undefined=StrictUndefined" in source
        assert re.search(r"autoescape=(?:True|select_autoescape)", source)
