import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from services.inbox import receive
from services.storage.columns import new_id
from tests.support.site import PUBLIC_URL, Site, open_site

OA_KEY = "khoa-bi-mat-cua-oa"
APP_SECRET = "bi-mat-ung-dung"
APP_ID = "2412000000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    site: Site
    client: httpx.AsyncClient
    unit: UUID
    zalo: str
    facebook: str


@pytest.fixture(scope="module")
async def hooks(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Hooks]:
    async with open_site(database_url, tmp_path_factory.mktemp("media")) as site:
        unit = await site.unit()
        zalo = await zalo_account(site, unit, OA_KEY)
        facebook = await site.account(
            unit,
            "facebook_page",
            {"page_id": "1029384756", "app_id": "5647382910"},
            {"page_token": "EAAx", "app_secret": APP_SECRET, "verify_token": "tu-khoa-cua-ta"},
        )
        transport = httpx.ASGITransport(app=site.app)
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            yield Hooks(
                site=site,
                client=client,
                unit=unit,
                zalo=f"/hooks/zalo_oa/{zalo}",
                facebook=f"/hooks/facebook_page/{facebook}",
            )


async def zalo_account(site: Site, unit: UUID, key: str) -> UUID:
    return await site.account(
        unit,
        "zalo_oa",
        {"oa_id": "4318000000000000001", "app_id": APP_ID},
        {
            "app_secret": "x" * 20,
            "access_token": "a",
            "refresh_token": "r",
            "oa_secret_key": key,
        },
    )


def zalo_event(message: str) -> tuple[bytes, dict[str, str]]:
    """A body as Zalo signs it (zalo-oa-api.md section 8)."""
    stamp = str(int(time.time() * 1000))
    body = json.dumps(
        {
            "app_id": APP_ID,
            "event_name": "user_send_text",
            "message": {"msg_id": message, "text": "Cho tôi hỏi"},
            "timestamp": stamp,
        }
    ).encode()
    mac = hashlib.sha256(APP_ID.encode() + body + stamp.encode() + OA_KEY.encode()).hexdigest()
    return body, {"X-ZEvent-Signature": f"mac={mac}"}


def facebook_event(comments: int = 1, *, secret: str = APP_SECRET) -> tuple[bytes, dict[str, str]]:
    """A body as Facebook signs it (facebook-pages-api.md section 7)."""
    changes = [
        {
            "field": "feed",
            "value": {
                "item": "comment",
                "verb": "add",
                "comment_id": f"1029384756_{new_id().int}",
                "created_time": int(time.time()),
                "message": "x",
            },
        }
        for _ in range(comments)
    ]
    entry = {"id": "1029384756", "time": int(time.time()), "changes": changes}
    body = json.dumps({"object": "page", "entry": [entry]}).encode()
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return body, {"X-Hub-Signature-256": f"sha256={mac}"}


async def stored(hooks: Hooks, hook: str) -> list[tuple[str, int]]:
    """Verdict and body length of every stored event of an account."""
    async with hooks.site.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT verdict, length(body) FROM inbound_event WHERE account_id = :id ORDER BY id"
            ),
            {"id": UUID(hook.rsplit("/", 1)[1])},
        )
        return [(row[0], row[1]) for row in rows]


async def test_a_signed_event_is_stored_once(hooks: Hooks) -> None:
    before = len(await stored(hooks, hooks.zalo))
    body, headers = zalo_event("m-1")
    first = await hooks.client.post(hooks.zalo, content=body, headers=headers)
    again = await hooks.client.post(hooks.zalo, content=body, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert (first.text, again.text) == ("stored", "seen_before")
    assert (await stored(hooks, hooks.zalo))[before:] == [("ok", len(body))]


async def test_zalo_hears_200_for_a_bad_signature_and_the_event_is_set_aside(
    hooks: Hooks,
) -> None:
    before = len(await stored(hooks, hooks.zalo))
    body, headers = zalo_event("m-2")
    answer = await hooks.client.post(hooks.zalo, content=body + b" ", headers=headers)
    assert (answer.status_code, answer.text) == (200, "quarantined")
    assert (await stored(hooks, hooks.zalo))[before:] == [("quarantined", len(body) + 1)]


async def test_a_forgery_does_not_stand_in_the_way_of_the_genuine_event(hooks: Hooks) -> None:
    body, headers = zalo_event("m-3")
    forged = await hooks.client.post(hooks.zalo, content=body)
    genuine = await hooks.client.post(hooks.zalo, content=body, headers=headers)
    assert (forged.text, genuine.text) == ("quarantined", "stored")


async def test_the_quarantine_is_bounded(hooks: Hooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "QUARANTINE_COUNT", 3)
    account = await zalo_account(hooks.site, hooks.unit, OA_KEY)
    hook = f"/hooks/zalo_oa/{account}"
    answers = [await hooks.client.post(hook, content=b"{} %d" % n) for n in range(5)]
    large = await hooks.client.post(hooks.zalo, content=b"x" * 70_000)
    assert [one.text for one in answers] == ["quarantined"] * 3 + ["dropped"] * 2
    assert {one.status_code for one in [*answers, large]} == {200}
    assert large.text == "dropped"


async def test_facebook_hears_401_for_a_bad_signature(hooks: Hooks) -> None:
    before = await stored(hooks, hooks.facebook)
    body, headers = facebook_event(secret="khac")
    answer = await hooks.client.post(hooks.facebook, content=body, headers=headers)
    unsigned = await hooks.client.post(hooks.facebook, content=body)
    assert (answer.status_code, unsigned.status_code) == (401, 401)
    assert await stored(hooks, hooks.facebook) == before


async def test_a_batch_keeps_its_body_once(hooks: Hooks) -> None:
    before = len(await stored(hooks, hooks.facebook))
    body, headers = facebook_event(5)
    answer = await hooks.client.post(hooks.facebook, content=body, headers=headers)
    lengths = [length for _, length in (await stored(hooks, hooks.facebook))[before:]]
    assert answer.text == "stored"
    assert sum(lengths) == len(body)


async def test_a_largest_batch_is_taken_and_a_larger_one_refused(hooks: Hooks) -> None:
    body, headers = facebook_event(1000)
    taken = await hooks.client.post(hooks.facebook, content=body, headers=headers)
    refused = await hooks.client.post(hooks.facebook, content=b"x" * (4 * 1024 * 1024 + 1))
    assert (taken.status_code, refused.status_code) == (200, 413)


async def test_without_a_secret_nothing_is_accepted(hooks: Hooks) -> None:
    account = await zalo_account(hooks.site, hooks.unit, "")
    body, headers = zalo_event("m-4")
    answer = await hooks.client.post(f"/hooks/zalo_oa/{account}", content=body, headers=headers)
    assert answer.status_code == 503


async def test_what_cannot_be_stored_is_sent_again(hooks: Hooks) -> None:
    async with hooks.site.hub.open_work() as session:
        await session.execute(text("ALTER TABLE inbound_event RENAME TO away"))
    body, headers = zalo_event("m-5")
    failed = await hooks.client.post(hooks.zalo, content=body, headers=headers)
    async with hooks.site.hub.open_work() as session:
        await session.execute(text("ALTER TABLE away RENAME TO inbound_event"))
    again = await hooks.client.post(hooks.zalo, content=body, headers=headers)
    assert (failed.status_code, again.status_code) == (503, 200)


async def test_the_set_up_call_echoes_only_to_who_knows_the_word(hooks: Hooks) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    right = await hooks.client.get(
        hooks.facebook, params=asked | {"hub.verify_token": "tu-khoa-cua-ta"}
    )
    wrong = await hooks.client.get(hooks.facebook, params=asked | {"hub.verify_token": "x"})
    zalo = await hooks.client.get(hooks.zalo)
    assert (right.status_code, right.text) == (200, "1158201444")
    assert right.headers["content-type"].startswith("text/plain")
    assert (wrong.status_code, zalo.status_code) == (403, 403)


async def test_unknown_hooks_do_not_exist(hooks: Hooks) -> None:
    closed = await zalo_account(hooks.site, hooks.unit, OA_KEY)
    async with hooks.site.hub.open_work() as session:
        await session.execute(
            text("UPDATE account SET stage = 'closed' WHERE id = :id"), {"id": closed}
        )
    portal = await hooks.site.portal(hooks.unit)
    account = hooks.zalo.rsplit("/", 1)[1]
    for address in (
        f"/hooks/zalo_oa/{new_id()}",
        f"/hooks/zalo_oa/{closed}",
        f"/hooks/facebook_page/{account}",
        f"/hooks/portal_rss/{portal}",
        "/hooks/zalo_oa/khong-phai-ma",
        f"/hooks/telegram/{account}",
    ):
        assert (await hooks.client.post(address, content=b"{}")).status_code == 404
