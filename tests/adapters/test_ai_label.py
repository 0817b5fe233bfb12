"""What artificial intelligence made is labelled on every channel, in the same words."""

import json
from dataclasses import replace

import pytest
from pydantic import BaseModel

from adapters.facebook_page.channel import FacebookPage
from adapters.facebook_page.settings import FacebookSettings
from adapters.portal_rss.channel import PortalRss
from adapters.portal_rss.settings import PortalSettings
from adapters.zalo_oa.channel import ZaloOa
from adapters.zalo_oa.settings import ZaloSettings
from shared.contract.blocks import Paragraph, Span
from shared.contract.channel import Channel
from shared.contract.messages import AI_LABEL, Revision

REVISION = Revision(
    code="HS-2026-000001",
    no=1,
    kind="news",
    title="Tin",
    summary="Tóm tắt.",
    blocks=(Paragraph(spans=(Span(text="Nội dung."),)),),
    url="https://hoasen.example/tin/HS-2026-000001",
    agency="UBND tỉnh Hoa Sen",
)
OUTLETS: list[tuple[Channel, BaseModel]] = [
    (FacebookPage(), FacebookSettings(page_id="1", app_id="2")),
    (ZaloOa(), ZaloSettings.model_validate({"oa_id": "1", "app_id": "2"})),
    (
        PortalRss(),
        PortalSettings.model_validate(
            {"slug": "cong", "title": "Tin", "link": "https://cong.example/"}
        ),
    ),
]


@pytest.mark.parametrize(("channel", "settings"), OUTLETS, ids=["facebook", "zalo", "portal"])
@pytest.mark.parametrize("text", [None, "Chữ riêng của kênh này."], ids=["shaped", "own text"])
def test_the_label_stands_on_every_channel_and_only_where_it_belongs(
    channel: Channel, settings: BaseModel, text: str | None
) -> None:
    plain = replace(REVISION, text=text)
    made = replace(plain, ai_made=True)

    without, with_it = (
        json.dumps(channel.render(one, settings).payload, ensure_ascii=False)
        for one in (plain, made)
    )

    assert AI_LABEL not in without
    assert AI_LABEL in with_it
