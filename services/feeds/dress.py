"""What the public pages are dressed with: their styles, their icon, and the hub's own lettering."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

import services

_STATIC: Final = Path(__file__).parent / "static"
# The lettering of the console, made by `make assets`, under names that carry a hash.
_BUILT: Final = Path(services.__file__ or "").parent / "console" / "built"
_FACE: Final = re.compile(r'^@font-face \{.*?url\("(?P<name>[\w-]+\.woff2)"\).*\}\n', re.MULTILINE)
_MIMES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One file as it is served: about 120 KB for all of them, held in memory."""

    body: bytes = field(repr=False)
    mime: str
    version: str


def pieces(built: Path = _BUILT) -> Mapping[str, Piece]:
    """Every file by the name in its address.

    Where the lettering was never built the styles name none, and a page is read in the letters of
    the reader's own machine.
    """
    fonts = _fonts(built)
    styles = _FACE.sub(
        lambda face: (
            face.group().replace(face["name"], fonts[face["name"]].name)
            if face["name"] in fonts
            else ""
        ),
        (_STATIC / "public.css").read_text(),
    )
    found = {
        "public.css": styles.encode(),
        **{name: (_STATIC / name).read_bytes() for name in ("icon.svg", "globe.svg")},
        **{path.name: path.read_bytes() for path in fonts.values()},
    }
    return {
        name: Piece(
            body=body,
            mime=_MIMES[Path(name).suffix],
            version=sha256(body).hexdigest()[:12],
        )
        for name, body in found.items()
    }


def _fonts(built: Path) -> Mapping[str, Path]:
    """The lettering that was built: its name in the styles → its file."""
    try:
        told: Mapping[str, str] = json.loads((built / "manifest.json").read_text())
    except (OSError, ValueError):
        return {}
    paths = {name: built / file for name, file in told.items() if name.endswith(".woff2")}
    return {name: path for name, path in paths.items() if path.is_file()}


PIECES: Final = pieces()
