"""Accounts of the three built-in channels for pages, none of which is ever called."""

from uuid import UUID

from services.storage.columns import new_id
from tests.support.hub import Bench, Team


async def three(bench: Bench, team: Team) -> tuple[UUID, UUID, UUID]:
    """An OA, a Page and a portal feed of the team."""
    number = str(new_id().int % 10**15)
    zalo = await bench.account(
        team,
        "zalo_oa",
        {"oa_id": number, "app_id": "9001"},
        {
            "app_secret": "app-secret",
            "access_token": "access-secret",
            "refresh_token": "refresh-secret",
            "oa_secret_key": "oa-secret",
        },
        name=f"Zalo OA {number[-6:]}",
    )
    facebook = await bench.account(
        team,
        "facebook_page",
        {"page_id": number, "app_id": "555"},
        {"page_token": "page-secret", "app_secret": "app-secret", "verify_token": "word-secret"},
        name=f"Facebook {number[-6:]}",
    )
    return zalo, facebook, await portal(bench, team)


async def portal(bench: Bench, team: Team) -> UUID:
    """A portal feed of the team: it is live as soon as the loop says so."""
    slug = f"cong-{new_id().hex[-10:]}"
    return await bench.account(
        team,
        "portal_rss",
        {"slug": slug, "title": "Tin Hoa Sen", "link": "https://cong.example/"},
        {"fetch_key": "fetch-secret-of-20-letters"},
        name=f"Cổng {slug[-6:]}",
    )
