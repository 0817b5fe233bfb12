"""The pages that people see: Jinja templates with strict undefined, their styles and lettering."""

import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

import services

STATIC = Path(__file__).parent / "static"
# The console's own lettering, made by `make assets`, under names that carry a hash.
FONTS = Path(services.__file__ or "").parent / "console" / "built"
_LATIN = "U+0000-00FF, U+0131, U+2000-206F, U+20AC, U+2122"
_VIETNAMESE = (
    "U+0102-0103, U+0110-0111, U+0128-0129, U+0168-0169, U+01A0-01A1, U+01AF-01B0, "
    "U+0300-0301, U+0303-0304, U+0308-0309, U+0323, U+0329, U+1EA0-1EF9, U+20AB"
)
_FACES = (
    ("Inter", "100 900", "inter-latin.woff2", _LATIN),
    ("Inter", "100 900", "inter-vietnamese.woff2", _VIETNAMESE),
    ("Be Vietnam Pro", "600", "be-vietnam-latin.woff2", _LATIN),
    ("Be Vietnam Pro", "600", "be-vietnam-vietnamese.woff2", _VIETNAMESE),
)
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src * data:; "
    "font-src 'self'; form-action *; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


class Pages:
    """Draws templates; times are shown as Viet Nam's clocks do."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("services.sandbox"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["clock"] = _clock
        self._environment.filters["iso"] = lambda at: at.isoformat(timespec="seconds")
        self._environment.filters["count"] = _count

    def draw(self, template: str, **shown: object) -> str:
        """A whole page."""
        return self._environment.get_template(template).render(**shown)


def lettering() -> str:
    """The styles that name the lettering; empty where it was never built."""
    try:
        files: dict[str, str] = json.loads((FONTS / "manifest.json").read_text())
    except (OSError, ValueError):
        return ""
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; src: url("/fonts/{files[name]}") format("woff2"); '
        f"font-weight: {weight}; font-display: swap; unicode-range: {letters}; }}"
        for family, weight, name, letters in _FACES
        if name in files
    )


def _clock(at: datetime) -> str:
    return f"{at.astimezone(_ZONE):%H:%M · %d/%m/%Y}"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", ".")
