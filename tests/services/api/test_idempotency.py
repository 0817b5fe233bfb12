import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.services.api.conftest import Team
from tests.support.site import Site

BODY = {"kind": "news", "title": "Chỉ một lần"}


async def count(site: Site, title: str) -> int:
    async with site.hub.open_work() as session:
        found = await session.scalar(
            text("SELECT count(*) FROM revision WHERE title = :title"), {"title": title}
        )
    return int(found or 0)


async def set_started(site: Site, key: str, ago: str, *, open_again: bool) -> None:
    ended = ", ended_at = NULL, status = NULL, body = NULL" if open_again else ""
    async with site.hub.open_work() as session:
        await session.execute(
            text(
                f"UPDATE idempotent_answer SET started_at = now() - interval '{ago}'{ended}"
                " WHERE key = :key"
            ),
            {"key": key},
        )


async def test_the_same_key_and_body_get_the_same_answer(site: Site, team: Team) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = BODY | {"title": "Một hiệu lực"}
    first = await team.editor.client.post("/items", json=body, headers=headers)
    second = await team.editor.client.post("/items", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert second.headers["idempotency-replayed"] == "true"
    assert await count(site, "Một hiệu lực") == 1


async def test_a_parameter_of_the_type_makes_no_other_request(team: Team) -> None:
    key = uuid4().hex
    first, second = [
        await team.editor.client.post(
            "/items",
            content=b'{"kind": "news", "title": "x"}',
            headers={"Idempotency-Key": key, "Content-Type": kind},
        )
        for kind in ("application/json", "application/json; charset=utf-8")
    ]
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content


async def test_another_body_under_the_key_is_refused(team: Team) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    await team.editor.client.post("/items", json=BODY, headers=headers)
    other = await team.editor.client.post("/items", json=BODY | {"title": "x"}, headers=headers)
    assert other.status_code == 422
    assert other.json()["code"] == "idempotency_mismatch"


async def test_a_key_belongs_to_one_caller_and_one_address(team: Team) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    mine = await team.editor.client.post("/items", json=BODY, headers=headers)
    theirs = await team.program.client.post("/items", json=BODY, headers=headers)
    elsewhere = await team.editor.client.post(f"/items/{mine.json()['id']}/stop", headers=headers)
    assert mine.json()["id"] != theirs.json()["id"]
    assert elsewhere.status_code == 409
    assert elsewhere.json()["code"] == "nothing_to_stop"


async def test_twenty_at_once_have_one_effect(site: Site, team: Team) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = BODY | {"title": "Hai mươi lần bấm"}
    answers = await asyncio.gather(
        *(team.editor.client.post("/items", json=body, headers=headers) for _ in range(20))
    )
    assert {one.status_code for one in answers} <= {201, 409}
    made = {one.json()["id"] for one in answers if one.status_code == 201}
    running = {one.json()["code"] for one in answers if one.status_code == 409}
    assert len(made) == 1
    assert running <= {"idempotency_running"}
    assert await count(site, "Hai mươi lần bấm") == 1


async def test_a_refusal_is_repeated_too(site: Site, team: Team) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first = await team.auditor.client.post("/items", json=BODY, headers=headers)
    second = await team.auditor.client.post("/items", json=BODY, headers=headers)
    assert (first.status_code, second.status_code) == (403, 403)
    assert first.content == second.content
    assert second.headers["content-type"] == "application/problem+json"


async def test_a_request_that_died_may_be_taken_over_after_a_minute(site: Site, team: Team) -> None:
    key = uuid4().hex
    headers = {"Idempotency-Key": key}
    await team.editor.client.post("/items", json=BODY, headers=headers)
    await set_started(site, key, "59 seconds", open_again=True)
    early = await team.editor.client.post("/items", json=BODY, headers=headers)
    await set_started(site, key, "61 seconds", open_again=True)
    late = await team.editor.client.post("/items", json=BODY, headers=headers)
    assert (early.status_code, late.status_code) == (409, 201)


async def test_a_key_is_free_again_after_seven_days(site: Site, team: Team) -> None:
    key = uuid4().hex
    headers = {"Idempotency-Key": key}
    first = await team.editor.client.post("/items", json=BODY, headers=headers)
    await set_started(site, key, "8 days", open_again=False)
    later = await team.editor.client.post("/items", json=BODY | {"title": "y"}, headers=headers)
    assert later.status_code == 201
    assert later.json()["id"] != first.json()["id"]


async def test_a_request_that_was_overtaken_leaves_nothing(site: Site, team: Team) -> None:
    """The claim moves on while the effect waits for a lock, as if it had slept a minute."""
    key = uuid4().hex
    body = BODY | {"title": "Ngủ quên"}
    unit = team.editor.caller.unit_id
    await team.editor.client.post("/items", json=BODY)  # so that the number's row exists
    async with site.hub.open_work() as blocker:
        await blocker.execute(
            text("SELECT last FROM item_code WHERE unit_id = :unit FOR UPDATE"), {"unit": unit}
        )
        sleeping = asyncio.create_task(
            team.editor.client.post("/items", json=body, headers={"Idempotency-Key": key})
        )
        for _ in range(1200):
            await asyncio.sleep(0.05)
            async with site.hub.open_work() as session:
                moved = await session.scalar(
                    text(
                        "UPDATE idempotent_answer SET started_at = clock_timestamp()"
                        " WHERE key = :key RETURNING key"
                    ),
                    {"key": key},
                )
            if moved:
                break
    answer = await sleeping
    assert answer.status_code == 409
    assert await count(site, "Ngủ quên") == 0


async def test_a_failure_of_ours_gives_the_key_back(site: Site, team: Team) -> None:
    key = uuid4().hex
    headers = {"Idempotency-Key": key}
    async with site.hub.open_work() as session:
        await session.execute(text("ALTER TABLE revision RENAME TO revision_away"))
    failed = await team.editor.client.post("/items", json=BODY, headers=headers)
    async with site.hub.open_work() as session:
        await session.execute(text("ALTER TABLE revision_away RENAME TO revision"))
    again = await team.editor.client.post("/items", json=BODY, headers=headers)
    assert (failed.status_code, again.status_code) == (500, 201)
    assert failed.headers["content-type"] == "application/problem+json"
    assert "revision" not in failed.text


@pytest.mark.parametrize("key", ["", "x" * 201, "có dấu"])
async def test_a_key_has_a_plain_form(team: Team, key: str) -> None:
    answer = await team.editor.client.post(
        "/items", json=BODY, headers={b"Idempotency-Key": key.encode()}
    )
    assert answer.status_code == 422


async def test_a_form_built_anew_is_the_same_request(team: Team) -> None:
    from tests.support.pictures import jpeg

    headers = {"Idempotency-Key": uuid4().hex}
    picture = jpeg(640, 360)
    answers = [
        await team.editor.client.post(
            "/media",
            files={"file": ("anh.jpg", picture, "image/jpeg")},
            data={"alt": "Hoa sen"},
            headers=headers,
        )
        for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json()["id"] == answers[1].json()["id"]
