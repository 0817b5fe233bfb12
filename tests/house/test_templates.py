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
    jinja2.Environment(autoescape=True).parse(path.read_text(encoding="utf-8"))


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
