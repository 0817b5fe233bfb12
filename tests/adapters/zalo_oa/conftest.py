"""The channel, pointed at a host of the test's own."""

from collections.abc import AsyncIterator

import pytest

from adapters.zalo_oa.channel import ZaloOa
from tests.adapters.zalo_oa.host import ScriptedHost, scripted_host


@pytest.fixture
async def host() -> AsyncIterator[ScriptedHost]:
    """A host whose answers the test writes."""
    async with scripted_host() as running:
        yield running


@pytest.fixture
async def oa(host: ScriptedHost) -> AsyncIterator[ZaloOa]:
    """The channel, calling that host."""
    channel = ZaloOa()
    channel.configure({"LOA_ZALO_API_URL": host.url, "LOA_ZALO_OAUTH_URL": host.url})
    yield channel
    await channel.aclose()
