"""The files that pages load: built once under hashed names, kept by browsers for ever.

`make assets` builds them from `assets/` into `built/`, which git ignores and the wheel carries.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from shared.errors import LoaError

_BUILT: Final = Path(__file__).parent / "built"
_PATH: Final = "/static/console/"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
# Best first: what a browser accepts → how the file with it is called.
_FORMS: Final = (("br", ".br"), ("gzip", ".gz"), ("identity", ""))


class AssetsMissingError(LoaError):
    """The pages' files were never built here: `make assets` builds them."""

    default_code = "assets_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """The built files: name in the source → name on disk, and what is in them.

    `forms` holds each file plain and compressed, by coding. They are in memory, about 300 KB, so
    that a new build beside a running server takes nothing away from the pages it has drawn.
    """

    files: Mapping[str, str]
    forms: Mapping[str, Mapping[str, bytes]] = field(repr=False)

    @classmethod
    def load(cls, folder: Path = _BUILT) -> "Assets":
        """Reads what was built. Raises AssetsMissingError."""
        try:
            told = json.loads((folder / "manifest.json").read_text())
            files = {str(name): str(file) for name, file in told.items()}
            forms = {file: _forms(folder, file) for file in files.values()}
        except (OSError, ValueError) as error:
            raise AssetsMissingError(folder=folder) from error
        return cls(files=files, forms=forms)

    def url(self, name: str) -> str:
        """The address of a file below the hub's own. Raises KeyError for one that is not built."""
        return _PATH + self.files[name]

    def routes(self) -> list[Route]:
        """Where the files are served."""

        async def file(request: Request) -> Response:
            name = request.path_params["file"]
            forms = self.forms.get(name)
            if forms is None:
                return PlainTextResponse("Not found", 404)
            return _served(name, forms, request.headers.get("accept-encoding", ""))

        return [Route(_PATH + "{file}", file, methods=["GET"])]


def _forms(folder: Path, file: str) -> Mapping[str, bytes]:
    """The file in each coding that was built, best first; fonts are compressed as they are."""
    paths = {coding: folder / (file + ending) for coding, ending in _FORMS}
    return {
        coding: path.read_bytes()
        for coding, path in paths.items()
        if coding == "identity" or path.exists()
    }


def _served(name: str, forms: Mapping[str, bytes], accepted: str) -> Response:
    wanted = _accepted(accepted)
    coding = next(one for one in forms if one in wanted)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Encoding",
    }
    if coding != "identity":
        headers["Content-Encoding"] = coding
    # Given by header: Starlette would add a charset of its own to what is text.
    headers["Content-Type"] = _TYPES.get(Path(name).suffix, "application/octet-stream")
    return Response(forms[coding], headers=headers)


def _accepted(header: str) -> frozenset[str]:
    """The codings a browser takes (RFC 9110 section 12.5.3); one with `q=0` is refused."""
    taken = {"identity"}
    for part in header.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";q=")
        if not weight or weight.strip("0."):
            taken.add(coding)
    return frozenset(taken)
