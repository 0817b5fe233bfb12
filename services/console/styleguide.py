"""Every component in every state on one page, for whoever works on the console."""

from typing import Final

from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get


async def show(ask: Ask) -> Response:
    """The page."""
    return await ask.page("styleguide.html")


PAGES: Final[tuple[Page, ...]] = (get("/styleguide", show),)
