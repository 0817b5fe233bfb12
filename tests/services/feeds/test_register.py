from pathlib import Path
from typing import Any

from lxml import html

from services.channels.tables import Account
from shared.clock import utc_now
from tests.support.newsroom import Newsroom
from tests.support.public import open_public


async def test_official_channels_are_listed_and_closed_ones_with_their_end(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with open_public(fresh_database_url, tmp_path) as public:
        async with public.hub.open_work() as session:
            newsroom = await Newsroom(session=session).open()
            portal = await newsroom.portal("cong")
            item, _ = await newsroom.live(portal, at=utc_now())

            def page(name: str, remote_id: str, **more: Any) -> Account:
                settings: dict[str, object] = {"page_id": remote_id, "app_id": "1"}
                return Account(
                    unit_id=newsroom.unit, channel="facebook_page", name=name, remote_id=remote_id,
                    settings=settings, sealed_credentials=b"", **more,
                )  # fmt: skip

            open_ = page("Trang Hoa Sen", "42", check_ok=True, checked_at=utc_now())
            gone = page("Trang cũ", "41")
            again = page("Trang Hoa Sen trước", "42", stage="closed", paused_at=utc_now())
            trial = page("Đang nối", "43", stage="trial")
            never = page("Bỏ dở", "44", stage="closed", paused_at=utc_now())
            session.add_all((open_, gone, again, trial, never))
            await session.flush()
            for account in (gone, again):
                await newsroom.show(item, account, None, at=utc_now())
            gone.stage, gone.paused_at = "closed", utc_now()

        shown = html.fromstring((await public.visitor.get("/kenh-chinh-thuc")).text)
        told = (await public.visitor.get("/kenh-chinh-thuc.json")).json()

    assert shown.xpath("//ul[@class='channels']//h2/text()") == ["Trang Hoa Sen", portal.name]
    assert shown.xpath("//section[@class='gone']//strong/text()") == ["Trang cũ"]
    assert "Không còn là kênh chính thức từ" in "".join(str(one) for one in shown.itertext())
    assert [(one["id"], one["address"]) for one in told["channels"]] == [
        ("42", "https://www.facebook.com/42"),
        ("cong", "https://cong.example/"),
    ]
    assert [one["id"] for one in told["closed"]] == ["41"]
    assert told["closed"][0]["until"].endswith("Z")
    assert "until" not in told["channels"][0]
