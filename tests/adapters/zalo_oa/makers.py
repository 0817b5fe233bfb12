"""Revisions, accounts and calls in the shape that the hub hands to the Zalo channel."""

import uuid
from datetime import timedelta
from typing import Any

from adapters.zalo_oa.settings import ZaloCredentials, ZaloSettings
from shared.contract.blocks import Block, Heading, Paragraph, Span
from shared.contract.messages import (
    Account,
    Call,
    Operation,
    Payload,
    Picture,
    RemoteId,
    Revision,
    Video,
)

LINK = "https://vidu.gov.vn/tin/VD-2026-000001"


def picture(name: str = "bia", *, url: str | None = None) -> Picture:
    """A picture that is already within Zalo's limits."""
    return Picture(
        media_id=uuid.uuid5(uuid.NAMESPACE_URL, name),
        sha256=name * 8,
        url=url or f"https://vidu.gov.vn/media/{name}.jpg",
        mime="image/jpeg",
        width=1280,
        height=720,
        size_bytes=200_000,
        alt="Ảnh minh hoạ",
        caption="Chú thích",
    )


def video(sha256: str = "ab" * 32, *, url: str = "", size_bytes: int = 1000) -> Video:
    """An MP4 of our own."""
    return Video(
        media_id=uuid.uuid5(uuid.NAMESPACE_URL, sha256),
        sha256=sha256,
        url=url or f"https://vidu.gov.vn/media/{sha256}.mp4",
        mime="video/mp4",
        size_bytes=size_bytes,
        alt="Phóng sự",
    )


def paragraph(text: str) -> Paragraph:
    """A paragraph without any look."""
    return Paragraph(spans=(Span(text=text),))


BODY: tuple[Block, ...] = (
    Heading(level=2, spans=(Span(text="Thời gian"),)),
    paragraph("Từ 07 giờ 30 ngày 05/12/2026 tại trạm y tế phường."),
)


def revision(**changes: Any) -> Revision:
    """A complete news item; name a field to change it."""
    fields: dict[str, Any] = {
        "code": "VD-2026-000001",
        "no": 1,
        "kind": "news",
        "title": "Lịch tiêm chủng tháng 12",
        "summary": "Trạm y tế phường tổ chức tiêm chủng cho trẻ dưới 5 tuổi.",
        "blocks": BODY,
        "url": LINK,
        "agency": "UBND phường Ví Dụ",
        "cover": picture(),
    }
    return Revision(**fields | changes)


SETTINGS = ZaloSettings(oa_id="1234567890123456789", app_id="9001", poll_seconds=0)
CREDENTIALS = {
    "app_secret": "app-secret",
    "access_token": "AT-secret-1",
    "refresh_token": "RT-secret-1",
    "oa_secret_key": "oa-secret",
}


def account(
    settings: ZaloSettings = SETTINGS, credentials: ZaloCredentials | None = None
) -> Account:
    """One connected OA."""
    return Account(
        id=uuid.UUID(int=1),
        name="OA thử",
        remote_id=settings.oa_id,
        settings=settings,
        credentials=credentials or ZaloCredentials.model_validate(CREDENTIALS),
    )


def call(
    operation: Operation = Operation.PUBLISH,
    *,
    of: Account | None = None,
    payload: Payload | None = None,
    remote_id: str | None = None,
    phase: str | None = None,
    handle: Payload | None = None,
    seconds: float = 5,
) -> Call:
    """One step of one operation."""
    return Call(
        operation=operation,
        account=of or account(),
        payload=payload,
        remote_id=None if remote_id is None else RemoteId(remote_id),
        phase=phase,
        handle=handle or {},
        deadline=timedelta(seconds=seconds),
    )
