import hashlib
import hmac
import json

import httpx
import pytest

from tests.services.sandbox.callers import (
    Json,
    as_json,
    error_of,
    inner,
    items,
    ledger,
    make_page,
    visible,
)
from tests.services.sandbox.conftest import Running

JPEG = b"\xff\xd8\xff" + b"x" * 100
FIELDS = "id,message,created_time,application,permalink_url,attachments,is_published,is_hidden"


async def test_a_post_is_seen_at_once(client: httpx.AsyncClient) -> None:
    page = await make_page(client)

    answer = await page.post(
        f"{page.id}/feed",
        message="Thông báo",
        link="http://loa.test/tin/HS-1",
        fields="id,permalink_url",
    )

    told = as_json(answer)
    [seen] = await visible(client, page.id)
    assert str(told["id"]).startswith(f"{page.id}_")
    assert (await client.get(str(told["permalink_url"]))).status_code == 200
    assert (seen["text"], seen["link"]) == ("Thông báo", "http://loa.test/tin/HS-1")


@pytest.mark.parametrize("way", ["query", "form", "multipart", "json", "bearer", "oauth", "slash"])
async def test_every_way_to_send_is_understood(client: httpx.AsyncClient, way: str) -> None:
    page = await make_page(client)
    url = f"/graph/v25.0/{page.id}/feed"
    told: dict[str, str] = {"message": "Chào bà con", "access_token": page.token}
    words = {"message": "Chào bà con"}

    match way:
        case "query":
            answer = await client.post(url, params=told)
        case "form":
            answer = await client.post(url, data=told)
        case "multipart":
            answer = await client.post(url, data=told, files={"x": b"1"})
        case "json":
            answer = await client.post(url, json=told)
        case "bearer":
            answer = await client.post(url, data=words, headers=page.bearer)
        case "oauth":
            oauth = {"Authorization": f"OAuth {page.token}"}
            answer = await client.post(url, data=words, headers=oauth)
        case _:
            answer = await client.post(f"{url}/", data=told)

    assert answer.status_code == 200, answer.text
    assert [one["text"] for one in await visible(client, page.id)] == ["Chào bà con"]


@pytest.mark.parametrize("indexed", [False, True])
async def test_pictures_are_uploaded_unseen_and_shown_by_one_post(
    client: httpx.AsyncClient, indexed: bool
) -> None:
    page = await make_page(client)
    ids: list[str] = []
    for alt in ("Trạm y tế", "Cầu Ngân Giang"):
        answer = await client.post(
            f"/graph/v25.0/{page.id}/photos",
            data={"published": "false", "alt_text_custom": alt},
            files={"source": ("a.jpg", JPEG, "image/jpeg")},
            headers=page.bearer,
        )
        ids.append(str(as_json(answer)["id"]))
    before = await visible(client, page.id)
    media = [{"media_fbid": one} for one in ids]
    fields = (
        {f"attached_media[{at}]": json.dumps(one) for at, one in enumerate(media)}
        if indexed
        else {"attached_media": json.dumps(media)}
    )

    post_id = await page.feed("Hai ảnh", **fields)

    [seen] = await visible(client, page.id)
    read = as_json(await page.get(post_id, fields="attachments{media_type,subattachments}"))
    [album] = items(inner(read, "attachments"), "data")
    assert before == []
    assert [one["alt"] for one in items(seen, "pictures")] == ["Trạm y tế", "Cầu Ngân Giang"]
    assert (await client.get(str(items(seen, "pictures")[0]["url"]))).content == JPEG
    assert set(album) == {"media_type", "subattachments"}
    again = await page.post(f"{page.id}/feed", message="Lần nữa", **fields)
    assert error_of(again)["error_subcode"] == 1366051


async def test_a_published_photo_answers_with_its_post(client: httpx.AsyncClient) -> None:
    page = await make_page(client)

    answer = await client.post(
        f"/graph/v25.0/{page.id}/photos",
        data={"message": "Ảnh"},
        files={"source": ("a.jpg", JPEG, "image/jpeg")},
        headers=page.bearer,
    )

    told = as_json(answer)
    [seen] = await visible(client, page.id)
    assert seen["remote_id"] == told["post_id"]
    assert told["id"] != told["post_id"]


@pytest.mark.parametrize(
    ("content", "code", "subcode"),
    [(b"text", 100, 1366046), (JPEG + b"x" * 5_000_000, 100, 1366046), (None, 324, None)],
)
async def test_a_wrong_photo_is_refused(
    client: httpx.AsyncClient, content: bytes | None, code: int, subcode: int | None
) -> None:
    page = await make_page(client)
    files = {"source": ("a.jpg", content)} if content is not None else {"other": ("b", b"c")}

    answer = await client.post(f"/graph/v25.0/{page.id}/photos", files=files, headers=page.bearer)

    error = error_of(answer)
    assert answer.status_code == 400
    assert (error["code"], error.get("error_subcode")) == (code, subcode)
    assert error["fbtrace_id"]


async def test_a_video_is_worked_on_before_it_is_ready(client: httpx.AsyncClient) -> None:
    page = await make_page(client, video_polls=1)
    answer = await client.post(
        f"/graph-video/v25.0/{page.id}/videos",
        data={"title": "Phóng sự", "description": "Mùa gặt http://loa.test/tin/HS-4"},
        files={"source": ("a.mp4", b"\x00\x00\x00\x18ftypmp42", "video/mp4")},
        headers=page.bearer,
    )
    video_id = str(as_json(answer)["id"])
    fields = "id,description,created_time,permalink_url,published,status,post_id"

    states = [
        inner(as_json(await page.get(video_id, fields=fields)), "status")["video_status"]
        for _ in range(2)
    ]
    listed = items(as_json(await page.get(f"{page.id}/videos", fields=fields)), "data")
    await page.delete(video_id)

    [ever] = items(await ledger(client, page.id), "ever")
    assert states == ["processing", "ready"]
    assert [one["id"] for one in listed] == [video_id]
    assert ever["link"] == "http://loa.test/tin/HS-4"
    assert ever["visible_to"] is not None


async def test_words_are_edited_and_the_link_stays(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    post_id = await page.feed("Cũ", link="http://loa.test/tin/HS-1")

    answer = await page.post(post_id, message="Mới")

    [seen] = await visible(client, page.id)
    [ever] = items(await ledger(client, page.id), "ever")
    assert as_json(answer) == {"success": True}
    assert (seen["text"], seen["link"]) == ("Mới", "http://loa.test/tin/HS-1")
    assert len(items(ever, "edits")) == 1


async def test_posts_of_others_are_not_edited(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    made = await client.post(
        "/admin/foreign",
        json={"channel": "facebook_page", "account": page.id, "text": "Đăng tay"},
    )
    foreign_id = str(as_json(made)["remote_id"])

    answer = await page.post(foreign_id, message="Mới")

    assert error_of(answer)["code"] == 10
    [listed] = await page.listed(fields=FIELDS)
    assert "application" not in listed


@pytest.mark.parametrize("override", [False, True])
async def test_a_deleted_post_is_missing_afterwards(
    client: httpx.AsyncClient, override: bool
) -> None:
    page = await make_page(client)
    post_id = await page.feed("Sắp gỡ")

    first = await (page.post(post_id, method="delete") if override else page.delete(post_id))
    second = await page.delete(post_id)
    read = await page.get(post_id)

    assert as_json(first) == {"success": True}
    for answer in (second, read):
        error = error_of(answer)
        assert (error["code"], error["error_subcode"]) == (100, 33)
    assert await visible(client, page.id) == []


async def test_only_asked_for_fields_come_back(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    post_id = await page.feed("Tin", link="http://loa.test/tin/HS-1")

    default = as_json(await page.get(post_id))
    asked = as_json(await page.get(post_id, fields=FIELDS))
    unknown = await page.get(post_id, fields="id,colour")
    dropped = await page.get(post_id, fields="id,link")

    [share] = items(inner(asked, "attachments"), "data")
    assert set(default) == {"id", "message", "created_time"}
    assert str(default["created_time"]).endswith("+0000")
    assert share["unshimmed_url"] == "http://loa.test/tin/HS-1"
    assert inner(asked, "application")["id"] == page.app_id
    assert (error_of(unknown)["code"], error_of(dropped)["code"]) == (100, 12)


async def walked(page_listing: list[Json]) -> list[str]:
    return [str(one["id"]) for one in page_listing]


async def test_a_long_list_is_ranked_and_paged_without_loss(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    ids = [await page.feed(f"Tin {number}") for number in range(40)]
    seen: list[str] = []
    after: dict[str, str] = {}

    while True:
        answer = as_json(await page.get(f"{page.id}/published_posts", limit="15", **after))
        data = items(answer, "data")
        seen += await walked(data)
        if "paging" not in answer:
            break
        after = {"after": str(inner(inner(answer, "paging"), "cursors")["after"])}

    assert sorted(seen) == sorted(ids)
    assert seen != ids[::-1]


async def test_a_post_deleted_between_two_pages_hides_no_other(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    ids = [await page.feed(f"Tin {number}") for number in range(6)]
    first = as_json(await page.get(f"{page.id}/published_posts", limit="3"))
    after = str(inner(inner(first, "paging"), "cursors")["after"])

    await page.delete(ids[5])
    second = await page.listed(limit="3", after=after)

    assert await walked(second) == [ids[2], ids[1], ids[0]]


async def test_a_list_takes_times_and_refuses_more_than_a_hundred(
    client: httpx.AsyncClient,
) -> None:
    page = await make_page(client)
    await page.feed("Hôm nay")
    await client.post("/admin/clock", json={"offset_seconds": 86400})
    late = await page.feed("Ngày mai")
    read = as_json(await page.get(late, fields="created_time"))

    listed = await page.listed(since=str(read["created_time"]))
    too_many = await page.get(f"{page.id}/published_posts", limit="101")

    assert [one["message"] for one in listed] == ["Ngày mai"]
    assert error_of(too_many)["code"] == 100


async def test_a_scheduled_post_appears_by_itself(
    client: httpx.AsyncClient, sandbox: Running
) -> None:
    page = await make_page(client)
    when = int(sandbox.world.now().timestamp()) + 3600
    soon = await page.post(
        f"{page.id}/feed",
        message="Quá sớm",
        published="false",
        scheduled_publish_time=str(when - 3500),
    )
    await page.feed("Hẹn giờ", published="false", scheduled_publish_time=str(when))
    before = await visible(client, page.id)
    waiting = items(as_json(await page.get(f"{page.id}/scheduled_posts")), "data")

    await client.post("/admin/clock", json={"offset_seconds": 3700})

    assert error_of(soon)["code"] == 100
    assert (before, len(waiting)) == ([], 1)
    assert [one["text"] for one in await visible(client, page.id)] == ["Hẹn giờ"]


async def test_a_proof_is_checked_and_may_be_compulsory(client: httpx.AsyncClient) -> None:
    page = await make_page(client, require_proof=True)
    right = hmac.new(page.app_secret.encode(), page.token.encode(), hashlib.sha256).hexdigest()

    codes = [
        (await page.get(page.id, **query)).status_code
        for query in ({}, {"appsecret_proof": "0" * 64}, {"appsecret_proof": right})
    ]

    assert codes == [400, 400, 200]


async def test_a_dead_token_and_none_are_told_apart(client: httpx.AsyncClient) -> None:
    page = await make_page(client)

    wrong = await client.get(f"/graph/v25.0/{page.id}", params={"access_token": "EAAwrong"})
    none = await client.get(f"/graph/v25.0/{page.id}")

    assert (error_of(wrong)["code"], error_of(none)["code"]) == (190, 2500)


async def test_a_person_is_told_the_tokens_of_their_pages(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    query = {"access_token": page.user_token}

    accounts = as_json(await client.get("/graph/v25.0/me/accounts", params=query))
    one = as_json(
        await client.get(f"/graph/v25.0/{page.id}", params={**query, "fields": "access_token"})
    )
    posting = await client.post(f"/graph/v25.0/{page.id}/feed", data={**query, "message": "x"})

    assert [told["access_token"] for told in items(accounts, "data")] == [page.token]
    assert one["access_token"] == page.token
    assert error_of(posting)["error_subcode"] == 2069032


async def test_a_token_is_inspected_by_the_app(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    app = {"access_token": f"{page.app_id}|{page.app_secret}"}
    url = "/graph/v25.0/debug_token"

    good = as_json(await client.get(url, params={**app, "input_token": page.token}))
    bad = as_json(await client.get(url, params={**app, "input_token": "EAAgone"}))

    assert inner(good, "data")["type"] == "PAGE"
    assert "pages_manage_posts" in str(inner(good, "data")["scopes"])
    assert inner(bad, "data")["is_valid"] is False


@pytest.mark.parametrize(
    ("asked", "answered"), [("v25.0", "v25.0"), ("v18.0", "v21.0"), ("v99.0", "v21.0")]
)
async def test_a_version_that_does_not_live_is_served_by_the_oldest(
    client: httpx.AsyncClient, asked: str, answered: str
) -> None:
    page = await make_page(client)

    answer = await client.get(f"/graph/{asked}/{page.id}", headers=page.bearer)

    usage = json.loads(answer.headers["x-business-use-case-usage"])
    assert answer.headers["facebook-api-version"] == answered
    assert usage[page.id][0]["estimated_time_to_regain_access"] == 0


async def test_repeated_words_are_refused_where_the_page_is_set_so(
    client: httpx.AsyncClient,
) -> None:
    page = await make_page(client, refuse_duplicates=True)
    await page.feed("Một lần")

    answer = await page.post(f"{page.id}/feed", message="Một lần")

    assert error_of(answer)["code"] == 506
    assert len(await visible(client, page.id)) == 1


async def test_a_page_can_be_made_to_shim_trim_and_skew(client: httpx.AsyncClient) -> None:
    page = await make_page(client, shim_links=True, trim_text=True, skew_seconds=-120)
    post_id = await page.feed("Tin  \nmới ", link="http://loa.test/tin/HS-1")

    read = as_json(await page.get(post_id, fields=FIELDS))

    [share] = items(inner(read, "attachments"), "data")
    assert read["message"] == "Tin\nmới"
    assert str(share["url"]).startswith("https://l.facebook.com/l.php?u=http%3A%2F%2Floa.test")
