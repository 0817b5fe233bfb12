import httpx
import pytest

from tests.services.sandbox.callers import (
    article,
    as_json,
    inner,
    items,
    ledger,
    make_oa,
    visible,
)
from tests.services.sandbox.conftest import Running


async def test_an_article_has_an_id_only_after_being_worked_on(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, verify_polls=2)
    given = await oa.create()

    told = [(await oa.verified(given))["error"] for _ in range(2)]
    done = await oa.verified(given)

    assert told == [-214, -214]
    assert len(str(inner(done, "data")["id"])) == 20
    assert await oa.verified(given) == done


async def test_readers_see_what_was_sent(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    remote_id = await oa.published()

    [seen] = await visible(client, oa.id)

    assert seen["remote_id"] == remote_id
    assert seen["title"] == "Lịch tiêm chủng tháng 12"
    assert seen["text"] == "Trẻ từ 9 tháng tuổi tiêm miễn phí.\nTại trạm y tế.\n• Mang sổ tiêm"
    assert seen["link"] == "http://loa.test/tin/HS-1"
    assert [one["url"] for one in items(seen, "pictures")] == [
        "http://loa.test/a.jpg",
        "http://loa.test/b.jpg",
    ]


async def test_a_hidden_article_is_listed_but_not_seen_until_it_is_shown(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    remote_id = await oa.published(status="hide")
    listed = await oa.get("/v2.0/article/getslice", offset="0", limit="10", type="normal")
    before = await ledger(client, oa.id)

    given = await oa.post("/v2.0/article/update", article(id=remote_id, status="show"))
    await oa.verified(given)
    await oa.verified(given)

    assert [one["status"] for one in items(inner(listed, "data"), "medias")] == ["hide"]
    assert (before["visible"], before["ever"]) == ([], [])
    assert [one["remote_id"] for one in await visible(client, oa.id)] == [remote_id]


async def test_a_correction_is_one_post_with_an_edit(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, verify_polls=0)
    remote_id = await oa.published()

    given = await oa.post("/v2.0/article/update", article(id=remote_id, title="Đính chính"))
    await oa.verified(given)

    [ever] = items(await ledger(client, oa.id), "ever")
    assert len(items(ever, "edits")) == 1
    assert ever["visible_to"] is None
    assert [one["title"] for one in await visible(client, oa.id)] == ["Đính chính"]


async def test_a_removed_article_is_gone_and_the_ledger_remembers(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    remote_id = await oa.published()

    first = await oa.post("/v2.0/article/remove", {"id": remote_id})
    second = await oa.post("/v2.0/article/remove", {"id": remote_id})
    opened = await oa.get("/v2.0/article/getdetail", id=remote_id)

    told = await ledger(client, oa.id)
    assert (first["error"], second["error"], opened["error"]) == (0, -201, -201)
    assert told["visible"] == []
    assert items(told, "ever")[0]["visible_to"] is not None


async def test_a_cover_without_status_fails_only_at_verify(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, verify_polls=0)
    given = await oa.create(cover={"cover_type": "photo", "photo_url": "http://loa.test/a.jpg"})

    told = await oa.verified(given)

    assert told["error"] not in (0, -214)
    assert told["message"] == "create media fail"
    assert await visible(client, oa.id) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"title": "x" * 151}, -210),
        ({"author": "x" * 51}, -210),
        ({"description": "x" * 301}, -210),
        ({"title": ""}, -201),
        ({"type": "news"}, -201),
        ({"body": []}, -201),
        ({"cover": {"cover_type": "photo", "photo_url": "a.jpg", "status": "show"}}, -201),
        ({"body": [{"type": "table"}]}, -201),
    ],
)
async def test_a_wrong_article_is_refused_at_once(
    client: httpx.AsyncClient, change: dict[str, object], code: int
) -> None:
    oa = await make_oa(client)

    told = await oa.create(**change)

    assert told["error"] == code


async def test_lists_want_flat_parameters_a_type_and_at_most_ten(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    path = "/v2.0/article/getslice"

    nested = await oa.get(path, data='{"offset":0,"limit":10,"type":"normal"}')
    untyped = await oa.get(path, offset="0", limit="10")
    too_many = await oa.get(path, offset="0", limit="11", type="normal")

    assert [one["error"] for one in (nested, untyped, too_many)] == [-201, -201, -201]


async def test_lists_are_paged_with_dates_in_milliseconds(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, verify_polls=0)
    ids = [await oa.published(title=f"Tin {number}") for number in range(12)]

    first = inner(
        await oa.get("/v2.0/article/getslice", offset="0", limit="10", type="normal"), "data"
    )
    second = inner(
        await oa.get("/v2.0/article/getslice", offset="10", limit="10", type="normal"), "data"
    )

    listed = items(first, "medias") + items(second, "medias")
    assert [one["id"] for one in listed] == ids[::-1]
    assert first["total"] == 12
    assert all(isinstance(one["create_date"], int) for one in listed)
    assert int(str(listed[0]["create_date"])) > 10**12


async def test_the_public_link_opens_until_the_article_is_removed(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client)
    remote_id = await oa.published()
    told = inner(await oa.get("/v2.0/article/getdetail", id=remote_id), "data")

    before = await client.get(str(told["link_view"]))
    await oa.post("/v2.0/article/remove", {"id": remote_id})
    after = await client.get(str(told["link_view"]))

    assert (before.status_code, after.status_code) == (200, 404)
    assert "Lịch tiêm chủng tháng 12" in before.text


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, -216),
        ({"access_token": "wrong"}, -216),
        ({"Authorization": "Bearer {token}"}, -216),
        ({"access_token": "{token}", "appsecret_proof": "00"}, -242),
        ({"access_token": "{token}"}, 0),
    ],
)
async def test_only_the_bare_header_opens_the_door(
    client: httpx.AsyncClient, headers: dict[str, str], code: int
) -> None:
    oa = await make_oa(client)
    sent = {name: text.format(token=oa.access) for name, text in headers.items()}

    answer = await client.get("/zalo/v2.0/oa/getoa", headers=sent)

    assert answer.status_code == 200
    assert as_json(answer)["error"] == code


@pytest.mark.parametrize(
    ("trait", "code", "words"),
    [
        ({"verified": False}, -221, "verified"),
        ({"granted": False}, -223, "granted"),
        ({"article_quota": 0}, -223, "quota"),
        ({"package_allows": False}, -224, "pricing"),
    ],
)
async def test_one_code_has_two_meanings_and_the_words_tell(
    client: httpx.AsyncClient, trait: dict[str, object], code: int, words: str
) -> None:
    oa = await make_oa(client, **trait)

    told = await oa.create()

    assert told["error"] == code
    assert words in str(told["message"])


async def test_removing_an_article_gives_room_in_the_quota(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, article_quota=1, verify_polls=0)
    remote_id = await oa.published()
    full = await oa.create()

    await oa.post("/v2.0/article/remove", {"id": remote_id})
    room = await oa.create()

    assert (full["error"], room["error"]) == (-223, 0)


async def test_calls_above_the_minutes_limit_are_refused_with_rate_headers(
    client: httpx.AsyncClient,
) -> None:
    oa = await make_oa(client, calls_per_minute=2)
    answers = [await client.get("/zalo/v2.0/oa/getoa", headers=oa.token) for _ in range(4)]

    codes = [as_json(one)["error"] for one in answers]

    assert -32 in codes  # at the turn of a minute, one more passes
    assert answers[0].headers["x-ratelimit-remain"] == "1"


async def test_pictures_are_fetched_and_a_missing_one_fails_the_article(
    client: httpx.AsyncClient, sandbox: Running
) -> None:
    oa = await make_oa(client, media_fetch=True, verify_polls=0)
    picture = f"{sandbox.url}/static/avatar.svg"
    cover = {"cover_type": "photo", "photo_url": picture, "status": "show"}
    missing = {**cover, "photo_url": f"{sandbox.url}/static/none.jpg"}

    good = await oa.published(cover=cover, body=[{"type": "text", "content": "x"}])
    given = await oa.create(cover=missing, body=[{"type": "text", "content": "x"}])
    told = await oa.verified(given)
    while told["error"] == -214:
        told = await oa.verified(given)

    [seen] = await visible(client, oa.id)
    assert seen["remote_id"] == good
    kept = await client.get(f"/pictures/{items(seen, 'pictures')[0]['sha256']}")
    assert kept.status_code == 200
    assert told["message"] == "create media fail"


@pytest.mark.parametrize(("field", "names"), [("both", 2), ("oa_id", 1), ("oaid", 1)])
async def test_the_id_of_an_oa_is_spelt_as_asked(
    client: httpx.AsyncClient, field: str, names: int
) -> None:
    oa = await make_oa(client, id_field=field, oa_type=2)

    told = inner(await oa.get("/v2.0/oa/getoa"), "data")

    assert [told.get("oa_id"), told.get("oaid")].count(oa.id) == names
    assert told["oa_type"] == 2


async def test_a_video_article_waits_for_its_video(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client, video_polls=1, verify_polls=0)
    upload = await client.post(
        "/zalo/v2.0/article/upload_video/preparevideo",
        files={"file": ("a.mp4", b"\x00\x00\x00\x18ftypmp42" + b"x" * 50, "video/mp4")},
        headers=oa.token,
    )
    token = str(inner(as_json(upload), "data")["token"])
    states = [
        inner(await oa.get("/v2.0/article/upload_video/verify", token=token), "data")
        for _ in range(2)
    ]
    remote_id = await oa.published(
        type="video", video_id=states[1]["video_id"], avatar="http://loa.test/t.jpg"
    )

    detail = inner(await oa.get("/v2.0/article/getdetail", id=remote_id), "data")

    assert [one["status"] for one in states] == [3, 1]
    assert (detail["type"], detail["status"]) == ("video", 1)
    assert [one["kind"] for one in await visible(client, oa.id)] == ["video"]
