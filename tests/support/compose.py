"""What a composer's page holds and what its form sends, for tests without a browser."""

import html
import re
from collections.abc import Mapping
from uuid import UUID

import httpx

from tests.support.console import Visitor


def held(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    for tag in re.findall(r"<input [^>]*>", page):
        if 'type="hidden"' in tag and f'name="{name}"' in tag:
            found = re.search(r'value="([^"]*)"', tag)
            assert found is not None
            return html.unescape(found[1])
    raise AssertionError(name)


async def send(
    visitor: Visitor, path: str, page: str, fields: Mapping[str, object], *, do: str = "save"
) -> httpx.Response:
    """Sends the composer's form as the page would, with these fields filled in."""
    kept = {name: held(page, name) for name in ("fresh_id", "version", "base")}
    return await visitor.post(path, **{**kept, "do": do, **fields})


def item_of(path: str) -> UUID:
    """The item that an address is about."""
    found = re.search(r"/posts/([0-9a-f-]{36})", path)
    assert found is not None, path
    return UUID(found[1])
