"""What the public pages are dressed with, and that they are read without it too."""

import json
import re
from pathlib import Path

from services.feeds.dress import PIECES, pieces


def _built(folder: Path) -> Path:
    (folder / "inter-latin.0123456789ab.woff2").write_bytes(b"letters")
    told = {"inter-latin.woff2": "inter-latin.0123456789ab.woff2", "gone.woff2": "gone.1.woff2"}
    (folder / "manifest.json").write_text(json.dumps(told))
    return folder


def test_the_styles_name_only_lettering_that_was_built(tmp_path: Path) -> None:
    made = pieces(_built(tmp_path))

    styles = made["public.css"].body.decode()
    assert re.findall(r'url\("([\w.-]+woff2)"\)', styles) == ["inter-latin.0123456789ab.woff2"]
    assert made["inter-latin.0123456789ab.woff2"].body == b"letters"
    assert made["inter-latin.0123456789ab.woff2"].mime == "font/woff2"


def test_without_lettering_the_styles_stand_alone(tmp_path: Path) -> None:
    made = pieces(tmp_path)

    assert sorted(made) == ["globe.svg", "icon.svg", "public.css"]
    assert "@font-face" not in made["public.css"].body.decode()


def test_other_lettering_makes_another_version_of_the_styles(tmp_path: Path) -> None:
    with_letters = pieces(_built(tmp_path))
    (tmp_path / "manifest.json").unlink()

    assert pieces(tmp_path)["public.css"].version != with_letters["public.css"].version


def test_every_address_in_the_styles_is_served() -> None:
    named = re.findall(r'url\("([^"]+)"\)', PIECES["public.css"].body.decode())

    assert set(named) <= set(PIECES)
    assert len(named) == 4 + 2
