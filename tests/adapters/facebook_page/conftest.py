"""A raw loopback server and the sandbox, a channel that calls them, accounts to call with."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from adapters.facebook_page.channel import FacebookPage
from adapters.facebook_page.settings import FacebookCredentials, FacebookSettings
from shared.contract.messages import Account
from tests.adapters.facebook_page.bench import PageBench, open_bench
from tests.adapters.facebook_page.loopback import Loopback, loopback
from tests.support.sandbox import Sandbox, running

TOKEN = "EAAsecretpagetoken"


@pytest.fixture
def raw() -> Iterator[Loopback]:
    with loopback() as server:
        yield server


@pytest.fixture
async def page(raw: Loopback) -> AsyncIterator[FacebookPage]:
    channel = FacebookPage()
    channel.configure({"LOA_FACEBOOK_GRAPH_URL": raw.base})
    yield channel
    await channel.aclose()


@pytest.fixture
def account() -> Account:
    return Account(
        id=UUID(int=1),
        name="Trang thử",
        remote_id="111",
        settings=FacebookSettings(page_id="111", app_id="555"),
        credentials=FacebookCredentials.model_validate(
            {"page_token": TOKEN, "app_secret": "s3cret", "verify_token": "word"}
        ),
    )


@pytest.fixture(scope="package")
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running() as one:
        yield one


@pytest.fixture
async def bench(sandbox: Sandbox) -> AsyncIterator[PageBench]:
    one = await open_bench(sandbox, require_proof=True, ranked_from=5, page_limit=20, video_polls=1)
    yield one
    await one.simulated.mend()
    await one.channel.aclose()
