import asyncio
import sys
from contextlib import suppress
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest

from services.channels.registry import GROUP, Registry
from services.storage.columns import new_id
from shared.contract.channel import Lister
from shared.contract.errors import ChannelError
from shared.contract.messages import Account
from shared.errors import LoaError, NotFoundError
from tests.services.channels.fakes import FakeChannel


def point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=GROUP)


@pytest.fixture
def strangers(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Somebody else's package with channels in it."""
    module = ModuleType("loa_strangers")
    module.__dict__.update(one=FakeChannel("one"), two=FakeChannel("two"), nothing=object())
    monkeypatch.setitem(sys.modules, "loa_strangers", module)
    return module


def test_the_built_in_channels_come_by_entry_point() -> None:
    registry = Registry.load({"LOA_ZALO_API_URL": "http://127.0.0.1:1"})
    assert registry.names() == ("facebook_page", "portal_rss", "zalo_oa")
    assert registry.broken == {}
    assert {"LOA_ZALO_API_URL", "LOA_ZALO_OAUTH_URL", "LOA_FACEBOOK_GRAPH_URL"} <= set(
        registry.variables
    )


@pytest.mark.usefixtures("strangers")
def test_one_that_fails_to_load_is_named_and_the_others_go_on() -> None:
    registry = Registry._loaded(
        (
            point("one", "loa_strangers:one"),
            point("gone", "loa_no_such_package:channel"),
            point("nothing", "loa_strangers:nothing"),
            point("two_by_another_name", "loa_strangers:two"),
        ),
        {},
    )
    assert registry.names() == ("one",)
    assert set(registry.broken) == {"gone", "nothing", "two_by_another_name"}
    assert "loa_no_such_package" in registry.broken["gone"]
    with pytest.raises(NotFoundError) as refused:
        registry.get("gone")
    assert refused.value.code == "channel_broken"
    with pytest.raises(NotFoundError) as refused:
        registry.get("unheard_of")
    assert refused.value.code == "channel_not_found"


@pytest.mark.usefixtures("strangers")
def test_two_that_claim_one_name_stop_the_start() -> None:
    with pytest.raises(LoaError) as refused:
        Registry._loaded((point("one", "loa_strangers:one"), point("one", "loa_strangers:two")), {})
    assert refused.value.code == "channel_claimed_twice"


def test_one_that_is_declared_twice_in_the_same_words_is_one(strangers: ModuleType) -> None:
    registry = Registry._loaded((point("one", "loa_strangers:one"),) * 2, {})
    assert registry.get("one") is strangers.one


def test_a_channel_is_told_where_to_call(strangers: ModuleType) -> None:
    given = {"LOA_FAKE_URL": "http://127.0.0.1:8", "LOA_OTHER": "not its business"}
    registry = Registry._loaded((point("one", "loa_strangers:one"),), given)
    assert strangers.one.configured == {"LOA_FAKE_URL": "http://127.0.0.1:8"}
    assert registry.variables == {"LOA_FAKE_URL": "https://fake.example"}
    Registry._loaded((point("one", "loa_strangers:one"),), {"LOA_FAKE_URL": ""})
    assert strangers.one.configured == {"LOA_FAKE_URL": "https://fake.example"}


async def test_what_adapters_keep_open_ends_with_the_hub() -> None:
    closed = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        await reader.read()
        closed.set()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        registry = Registry.load({"LOA_ZALO_API_URL": f"http://127.0.0.1:{port}"})
        zalo = registry.get("zalo_oa")
        assert isinstance(zalo, Lister)
        account = Account(
            id=new_id(),
            name="OA",
            remote_id="1",
            settings=zalo.settings_form.model_validate({"oa_id": "1", "app_id": "1"}),
            credentials=zalo.credentials_form.model_validate(
                {"app_secret": "s", "access_token": "t", "refresh_token": "r"}
            ),
        )
        with suppress(ChannelError):
            await zalo.newest(account)
        assert not closed.is_set()
        await registry.aclose()
        await asyncio.wait_for(closed.wait(), 20)
