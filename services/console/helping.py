"""Help: shortcuts, the words of the house, and how the console looks. Source: S26."""

from typing import Final

from starlette.responses import Response

from services.console.ask import Ask
from services.console.guard import Page, get


async def show(ask: Ask) -> Response:
    """The page."""
    return await ask.page("help.html")


PAGES: Final[tuple[Page, ...]] = (get("/help", show),)
