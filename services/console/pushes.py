"""Kênh (S14): who is pushed to when a portal's feed changes, and ending such a delivery."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from services.channels.accounts import AccountView
from services.console.ask import Ask
from services.console.guard import Page, post
from services.delivery.portal import PORTAL
from services.syndication import websub
from services.syndication.websub import Standing


async def pushes_of(session: AsyncSession, view: AccountView) -> Standing | None:
    """The subscriptions to a portal's feeds; None for an account of another kind."""
    if view.channel != PORTAL or view.stage == "closed":
        return None
    return await websub.standing_of(session, view.id)


async def remove(ask: Ask) -> Response:
    """Ends the delivery to one address."""
    account_id = ask.id("account_id")
    async with ask.work() as session:
        await websub.remove(session, ask.caller, account_id, ask.id("subscription_id"))
    return ask.to(f"/channels/{account_id}", said=ask.t("Đã thôi gửi ngay tới nơi này."))


PAGES: Final[tuple[Page, ...]] = (
    post("/channels/{account_id}/pushes/{subscription_id}/remove", remove, roles=("admin",)),
)
