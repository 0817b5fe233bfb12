"""The promises of every channel, asked of this one, against the sandbox over loopback."""

from collections.abc import AsyncIterator

import pytest

from adapters.zalo_oa.channel import ZaloOa
from shared.contract.conformance import pure_checks
from shared.contract.conformance_live import live_checks
from tests.adapters.simulated import connected
from tests.support.sandbox import Sandbox, running


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as started:
        yield started


def test_the_channel_keeps_its_promises() -> None:
    settings = {"oa_id": "1234567890123456789", "app_id": "9001"}
    credentials = {
        "app_secret": "app-secret",
        "access_token": "access-secret",
        "refresh_token": "refresh-secret",
        "oa_secret_key": "oa-secret",
        "oa_secret_key_previous": "oa-secret-before",
    }
    assert pure_checks(ZaloOa(), settings=settings, credentials=credentials) == []


async def test_the_channel_tells_the_truth_about_its_calls(sandbox: Sandbox) -> None:
    channel = ZaloOa()

    async def call_at(url: str) -> None:
        await channel.aclose()
        channel.configure(
            {"LOA_ZALO_API_URL": f"{url}/zalo", "LOA_ZALO_OAUTH_URL": f"{url}/zalo-oauth"}
        )

    bench = await connected(sandbox, channel, call_at, verify_polls=1)
    try:
        assert await live_checks(channel, bench) == []
    finally:
        await channel.aclose()
