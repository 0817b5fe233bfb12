import httpx
import pytest

from tests.services.sandbox.callers import (
    as_json,
    inner,
    items,
    ledger,
    make_oa,
    make_page,
    visible,
)

HTML = {"Accept": "text/html,*/*"}


async def test_json_and_page_live_at_one_address(client: httpx.AsyncClient) -> None:
    page = await make_page(client, name="Tỉnh Hoa Sen")
    await page.feed("Thông báo mới")

    as_page = await client.get("/ledger", headers=HTML)
    told = await client.get("/ledger", headers={"Accept": "application/json"})

    assert "Thông báo mới" in as_page.text
    assert "Tỉnh Hoa Sen" in as_page.text
    assert len(items(as_json(told), "accounts")) == 1


async def test_json_may_be_asked_for_in_the_address(client: httpx.AsyncClient) -> None:
    answer = await client.get("/ledger?format=json", headers={"accept": "text/html"})
    assert answer.json()["accounts"] == []


async def test_pages_need_no_script_and_no_inline_style(client: httpx.AsyncClient) -> None:
    page, oa = await make_page(client), await make_oa(client)
    await page.feed("Tin")
    await oa.published()

    for path in ("/ledger", "/faults", "/portal"):
        answer = await client.get(path, headers=HTML)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "style=" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_words_of_a_post_cannot_become_markup(client: httpx.AsyncClient) -> None:
    page = await make_page(client, name="<b>Trang</b>")
    await page.feed("<script>alert(1)</script>")

    shown = (await client.get("/ledger", headers=HTML)).text

    assert "<script>" not in shown
    assert "<b>Trang</b>" not in shown


async def test_every_time_a_post_was_seen_is_an_interval(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    post_id = await page.feed("Tin")
    await page.post(post_id, is_hidden="true")
    await page.post(post_id, is_hidden="false")

    told = await ledger(client, page.id)

    ever = items(told, "ever")
    assert [one["visible_to"] is None for one in ever] == [False, True]
    assert inner(told, "counters")["ever_visible"] == 1


async def test_equal_words_have_equal_hashes(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await page.feed("Thông báo")
    await page.feed("Thông báo")  # the same, decomposed

    one, other = await visible(client, page.id)

    assert one["text_hash"] == other["text_hash"]


async def test_the_log_is_read_from_where_one_stopped(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await page.feed("Một")
    first = as_json(await client.get("/events.json"))
    await page.feed("Hai")

    second = as_json(await client.get("/events.json", params={"since": str(first["last"])}))

    assert [one["operation"] for one in items(second, "events")] == ["feed"]


@pytest.mark.parametrize("change", ["edit", "delete", "hide"])
async def test_a_post_is_changed_behind_the_hubs_back(
    client: httpx.AsyncClient, change: str
) -> None:
    page, oa = await make_page(client), await make_oa(client)
    post_id, article_id = await page.feed("Tin"), await oa.published()
    path = "delete" if change == "delete" else "edit"
    told = {"edit": {"text": "Đã sửa"}, "hide": {"status": "hide"}, "delete": {}}[change]

    for channel, account, remote_id in (
        ("facebook_page", page.id, post_id),
        ("zalo_oa", oa.id, article_id),
    ):
        answer = await client.post(
            f"/admin/{path}",
            json={"channel": channel, "account": account, "remote_id": remote_id, **told},
        )
        assert answer.status_code == 200

    seen = [*await visible(client, page.id), *await visible(client, oa.id)]
    assert [one["text"] for one in seen] == (["Đã sửa", "Đã sửa"] if change == "edit" else [])
    detail = await oa.get("/v2.0/article/getdetail", id=article_id)
    assert (detail["error"] == 0) == (change != "delete")
    if change == "edit":
        assert "Đã sửa" in str(detail["data"])
