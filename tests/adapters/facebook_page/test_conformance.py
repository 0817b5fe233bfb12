"""The promises of every channel, asked of this one, against the sandbox over loopback."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.facebook_page.channel import FacebookPage
from shared.contract.conformance import pure_checks
from shared.contract.conformance_live import live_checks
from tests.adapters.simulated import connected, illustrated
from tests.support.sandbox import Sandbox, running

# A picture is fetched and sent within it, on a busy machine too.
_DEADLINE = timedelta(seconds=1)


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as started:
        yield started


def test_the_channel_keeps_its_promises() -> None:
    settings = {"page_id": "111", "app_id": "555"}
    credentials = {
        "page_token": "page-secret",
        "app_secret": "app-secret",
        "verify_token": "word-secret",
    }
    assert pure_checks(FacebookPage(), settings=settings, credentials=credentials) == []


async def test_the_channel_tells_the_truth_about_its_calls(sandbox: Sandbox) -> None:
    channel = FacebookPage()

    async def call_at(url: str) -> None:
        await channel._graph.aclose()
        channel.configure({"LOA_FACEBOOK_GRAPH_URL": f"{url}/graph"})

    async with illustrated() as revision:
        bench = await connected(sandbox, channel, call_at, revision=revision)
        try:
            assert await live_checks(channel, bench, deadline=_DEADLINE) == []
        finally:
            await channel._graph.aclose()
