"""facebook-sdk, which was written for the real service, agrees with the sandbox."""

import asyncio
import json
import warnings

import httpx
import pytest

from tests.services.sandbox.callers import as_json, inner, make_page, visible
from tests.services.sandbox.conftest import Running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its source holds an invalid escape
    import facebook


def graph_of(url: str, token: str, monkeypatch: pytest.MonkeyPatch) -> facebook.GraphAPI:
    """The package as it is, aimed at the sandbox."""
    monkeypatch.setattr(facebook, "FACEBOOK_GRAPH_URL", f"{url}/graph/")
    graph = facebook.GraphAPI(token, timeout=60)
    graph.version = "v25.0"
    return graph


async def test_facebook_sdk_posts_edits_lists_and_deletes(
    client: httpx.AsyncClient, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await make_page(client)
    graph = graph_of(sandbox.url, page.token, monkeypatch)

    def work() -> tuple[str, list[str]]:
        photo = ("a.jpg", b"\xff\xd8\xff" + b"x" * 50, "image/jpeg")
        uploaded = graph.put_photo(photo, f"{page.id}/photos", published="false")
        media = json.dumps([{"media_fbid": uploaded["id"]}])
        post = graph.put_object(page.id, "feed", message="Chào bà con", attached_media=media)
        extra = graph.put_object(page.id, "feed", message="Sắp gỡ")
        graph.request(f"v25.0/{post['id']}", post_args={"message": "Đã sửa"})
        graph.delete_object(extra["id"])
        listed = list(graph.get_all_connections(page.id, "published_posts", limit=1))
        return post["id"], [one["id"] for one in listed]

    post_id, listed = await asyncio.to_thread(work)

    [seen] = await visible(client, page.id)
    assert listed == [post_id]
    assert (seen["remote_id"], seen["text"]) == (post_id, "Đã sửa")


async def test_facebook_sdk_understands_a_refusal(
    client: httpx.AsyncClient, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await make_page(client)
    graph = graph_of(sandbox.url, page.token, monkeypatch)

    with pytest.raises(facebook.GraphAPIError) as caught:
        await asyncio.to_thread(graph.get_object, f"{page.id}_1")

    assert caught.value.code == 100
    assert inner(caught.value.result, "error")["error_subcode"] == 33
    assert as_json(await page.get(page.id))["id"] == page.id
