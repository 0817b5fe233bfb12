"""How accounts are, each in one word: the list of all says what the page of one says."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from services.channels import accounts
from services.channels.finding import named_like
from services.delivery import standing
from shared.clock import utc_now
from tests.services.delivery.desk import Desk

# What makes an account what it is, and its health. Every reason, and what outweighs another.
_REASONS = (
    ("stage = 'trial', state = 'paused'", "trial"),
    ("state = 'paused', pause_reason = 'Bảo trì', token_state = 'consent'", "paused"),
    ("state = 'paused', pause_code = 'needs_consent'", "cut_off"),
    ("token_state = 'consent', rate_until = now() + interval '1 hour'", "cut_off"),
    ("check_ok = false, checked_at = now() + interval '1 hour'", "cut_off"),
    ("check_ok = false, checked_at = now() - interval '9 days'", "good"),
    ("token_expires_at = now() + interval '3 days'", "ending"),
    ("token_expires_at = now() + interval '3 days', token_renewed_at = now()", "good"),
    ("token_expires_at = now() + interval '20 days'", "good"),
    ("rate_until = now() + interval '1 hour'", "slow"),
    ("breaker_until = now() + interval '1 hour'", "slow"),
    ("rate_until = now() - interval '1 hour'", "good"),
)


async def test_the_list_of_all_says_of_each_what_its_own_page_says(desk: Desk) -> None:
    first = desk.accounts[0]
    await desk.live("Đã đăng", utc_now() - timedelta(hours=1))  # so something has worked there
    for change, health in _REASONS:
        async with desk.bench.hub.open_work() as session:
            await session.execute(
                text(f"UPDATE account SET {change} WHERE id = :id"),  # of this test
                {"id": first},
            )
            view = await accounts.view(session, first)
            stands = (await standing.standings(session, [first]))[first]
            now = utc_now()
            told = {
                one.id: one.health
                for one in await standing.roster(session, [desk.team.unit_id], now=now)
            }
            own = accounts.health(view, now, succeeded_at=stands.succeeded_at)
            assert (change, told[first], own) == (change, health, health)
            await session.rollback()


async def test_accounts_are_found_by_beginnings_of_words_without_diacritics(desk: Desk) -> None:
    first, second = desk.accounts
    await _name(desk, first, "Zalo phường Bến Nghé")
    await _name(desk, second, "Trang Đồng-Khởi")
    units = [desk.team.unit_id]
    async with desk.bench.hub.open_work() as session:
        for asked, found in (
            ("ben NGHE", [first]),
            ("dong khoi", [second]),
            ("khoi trang", [second]),
            ("nghe x", []),
            ("ghe", []),
            (desk.team.unit_code, [second, first]),
            ("", [second, first]),
        ):
            assert (asked, await named_like(session, asked, unit_ids=units)) == (asked, found)
        assert first in await named_like(session, "zalo phuong ben nghe")


async def _name(desk: Desk, account: UUID, name: str) -> None:
    await desk.run("UPDATE account SET name = :name WHERE id = :id", account, name=name)
