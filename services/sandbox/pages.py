"""The pages that people see: Jinja templates with strict undefined, and their style sheet."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined

STATIC = Path(__file__).parent / "static"
SAFETY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src * data:; "
    "form-action *; base-uri 'none'; frame-ancestors 'none'",
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


def _clock(at: datetime) -> str:
    return f"{at.astimezone(_ZONE):%H:%M · %d/%m/%Y}"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", ".")
