from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.services.sandbox.callers import Json, Oa, as_json, inner, ledger, make_oa
from tests.services.sandbox.conftest import Running

DAY = 86400


async def at_hour(client: httpx.AsyncClient, hour: int) -> None:
    """Sets the sandbox's clock to an hour of Viet Nam's day."""
    now = datetime.now(tz=UTC)  # compared with the sandbox's own clock
    local = now + timedelta(hours=7)
    ahead = (local.replace(hour=hour, minute=30) - local).total_seconds()
    await client.post("/admin/clock", json={"offset_seconds": ahead})


async def wrote(oa: Oa, user: str = "u1") -> None:
    """A citizen writes to the OA; nobody listens at the address."""
    event = {"event_name": "user_send_text", "sender": {"id": user}, "message": {"text": "Chào"}}
    await oa.client.post(
        "/admin/webhook",
        json={
            "channel": "zalo_oa",
            "account": oa.id,
            "url": "http://127.0.0.1:9/",
            "event": event,
        },
    )


def broadcast(*ids: str) -> Json:
    elements = [{"media_type": "article", "attachment_id": one} for one in ids]
    payload = {"template_type": "media", "elements": elements}
    return {
        "recipient": {"target": {"gender": "0"}},
        "message": {"attachment": {"type": "template", "payload": payload}},
    }


TO_ONE = {"recipient": {"user_id": "u1"}, "message": {"text": "Đã tiếp nhận."}}


@pytest.mark.parametrize(("hour", "code"), [(9, 0), (23, -234), (5, -234)])
async def test_broadcasts_rest_at_night(client: httpx.AsyncClient, hour: int, code: int) -> None:
    oa = await make_oa(client)
    await at_hour(client, hour)
    remote_id = await oa.published()

    told = await oa.post("/v2.0/oa/message", broadcast(remote_id))

    assert told["error"] == code
    assert inner(await ledger(client, oa.id), "counters")["broadcasts"] == (code == 0)


async def test_only_shown_articles_are_broadcast_and_at_most_five(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    await at_hour(client, 9)
    hidden = await oa.published(status="hide")

    told = [
        (await oa.post("/v2.0/oa/message", body))["error"]
        for body in (broadcast(hidden), broadcast("none"), broadcast(), broadcast(*["x"] * 6))
    ]

    assert told == [-201, -201, -201, -201]


@pytest.mark.parametrize(
    ("oa_type", "path", "code"),
    [
        (4, "/v2.0/oa/message", 0),
        (4, "/v3.0/oa/message/cs", -235),
        (4, "/v3.0/oa/message/promotion", -233),
        (2, "/v2.0/oa/message", -240),
        (2, "/v3.0/oa/message/cs", 0),
    ],
)
async def test_state_agencies_and_enterprises_use_different_addresses(
    client: httpx.AsyncClient, oa_type: int, path: str, code: int
) -> None:
    oa = await make_oa(client, oa_type=oa_type)
    await wrote(oa)

    told = await oa.post(path, TO_ONE)

    assert told["error"] == code


async def test_a_citizen_can_be_answered_for_seven_days(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, expires_in=30 * DAY)
    unknown = await oa.post("/v2.0/oa/message", TO_ONE)
    await wrote(oa)
    soon = await oa.post("/v2.0/oa/message", TO_ONE)
    await client.post("/admin/clock", json={"offset_seconds": 8 * DAY})

    late = await oa.post("/v2.0/oa/message", TO_ONE)

    assert (unknown["error"], soon["error"], late["error"]) == (-213, 0, -230)


async def test_a_conversation_is_a_bare_array_newest_first(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    await wrote(oa)
    await oa.post("/v2.0/oa/message", TO_ONE)

    told = await oa.get("/v2.0/oa/conversation", data='{"user_id":"u1","offset":0,"count":10}')

    said = told["data"]
    assert isinstance(said, list)
    assert [one["src"] for one in said] == [0, 1]


@pytest.mark.parametrize(
    ("kind", "name", "content", "code"),
    [
        ("image", "a.png", b"\x89PNG" + b"x" * 10, 0),
        ("image", "a.png", b"no picture", -201),
        ("image", "a.jpg", b"\xff\xd8\xff" + b"x" * 1024 * 1024, -210),
        ("gif", "a.gif", b"GIF89a", 0),
        ("file", "a.pdf", b"%PDF", 0),
        ("file", "a.exe", b"MZ", -201),
    ],
)
async def test_uploads_are_looked_at(
    client: httpx.AsyncClient, kind: str, name: str, content: bytes, code: int
) -> None:
    oa = await make_oa(client)

    answer = await client.post(
        f"/zalo/v2.0/oa/upload/{kind}", files={"file": (name, content)}, headers=oa.token
    )

    assert as_json(answer)["error"] == code


async def test_an_upload_expires_after_seven_days(
    client: httpx.AsyncClient, sandbox: Running
) -> None:
    oa = await make_oa(client, expires_in=30 * DAY)
    answer = await client.post(
        "/zalo/v2.0/oa/upload/image", files={"file": ("a.gif", b"\x89PNG")}, headers=oa.token
    )
    attachment_id = inner(as_json(answer), "data")["attachment_id"]
    element = {"media_type": "image", "attachment_id": attachment_id}
    payload = {"template_type": "media", "elements": [element]}
    message = {"text": "Ảnh", "attachment": {"type": "template", "payload": payload}}
    await client.post("/admin/clock", json={"offset_seconds": 8 * DAY})
    await wrote(oa)

    told = await oa.post("/v2.0/oa/message", {"recipient": {"user_id": "u1"}, "message": message})

    assert told["error"] == -100


@pytest.mark.parametrize(
    ("where", "by_header", "by_query"), [("header", 0, -201), ("query", -201, 0), ("both", 0, 0)]
)
async def test_sources_disagree_where_a_videos_token_goes(
    client: httpx.AsyncClient, where: str, by_header: int, by_query: int
) -> None:
    oa = await make_oa(client, video_token_in=where, video_fails=True, video_polls=0)
    upload = await client.post(
        "/zalo/v2.0/article/upload_video/preparevideo",
        files={"file": ("a.mp4", b"\x00\x00\x00\x18ftypmp42")},
        headers=oa.token,
    )
    token = str(inner(as_json(upload), "data")["token"])
    path = "/zalo/v2.0/article/upload_video/verify"

    header = as_json(await client.get(path, headers={**oa.token, "token": token}))
    query = as_json(await client.get(path, headers=oa.token, params={"token": token}))

    assert (header["error"], query["error"]) == (by_header, by_query)
    ready = header if by_header == 0 else query
    assert inner(ready, "data")["status"] == 4
