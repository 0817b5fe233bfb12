"""The lettering of the sandbox's pages: the console's own, where it was built."""

import re
from pathlib import Path

import httpx
import pytest

from services.sandbox import pages
from services.sandbox.app import create_app


async def test_the_pages_are_set_in_the_hubs_own_lettering() -> None:
    transport = httpx.ASGITransport(create_app())
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox.test") as http:
        page = await http.get("/ledger", headers={"Accept": "text/html"})
        styles = await http.get("/lettering.css")
        named = re.findall(r'url\("([^"]+)"\)', styles.text)
        found = [(await http.get(one)).content[:4] for one in named]

    assert "font-src 'self'" in page.headers["content-security-policy"]
    assert styles.headers["content-type"].startswith("text/css")
    assert found == [b"wOF2"] * 4


def test_without_lettering_no_styles_name_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "FONTS", tmp_path)

    assert pages.lettering() == ""
