"""The async face: whoever waits for a call waits until its thread has ended."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from adapters.facebook_page.client import GraphClient, left_of
from shared.clock import steady_seconds
from shared.contract.errors import (
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Account
from tests.adapters.facebook_page.conftest import TOKEN
from tests.adapters.facebook_page.loopback import Loopback, Script, drip, reply, silence


@pytest.fixture
async def client(raw: Loopback) -> AsyncIterator[GraphClient]:
    one = GraphClient(raw.base)
    yield one
    await one.aclose()


async def post(client: GraphClient, account: Account, *, seconds: float = 5) -> str:
    answer = await client.feed(account, message="Tin", link=None, photo_ids=(), seconds=seconds)
    return answer.name("id")


async def test_a_post_gives_its_id_and_the_share_of_the_allowance(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(reply(headers=("Content-Type: application/json", 'X-App-Usage: {"call_count":61}')))
    answer = await client.feed(account, message="Tin", link=None, photo_ids=(), seconds=5)

    assert (answer.name("id"), answer.usage) == ("111_222", 0.61)


async def test_fifty_calls_at_once_each_get_their_own_answer(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    ids = await asyncio.gather(*(post(client, account) for _ in range(50)))

    assert ids == ["111_222"] * 50
    assert len(raw.requests) == 50


async def test_silence_until_the_deadline_is_uncertain(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(silence)

    with pytest.raises(ChannelUncertainError) as caught:
        await post(client, account, seconds=0.3)

    assert caught.value.code == "no_answer"


async def test_an_answer_that_drips_is_cut_at_the_deadline(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(drip)
    began = time.monotonic()

    with pytest.raises(ChannelUncertainError):
        await post(client, account, seconds=0.4)

    assert 0.3 < time.monotonic() - began < 2


async def test_a_cancelled_call_is_cut_and_its_thread_has_ended(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(drip)
    task = asyncio.create_task(post(client, account, seconds=30))
    await asyncio.sleep(0.2)
    began = time.monotonic()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task

    assert time.monotonic() - began < 1
    assert len(raw.requests) == 1
    assert len(client._idle) == 1


async def test_a_call_that_found_no_thread_never_left(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(silence)
    with ThreadPoolExecutor(1) as one_thread:
        client._threads = one_thread
        first = asyncio.create_task(post(client, account, seconds=0.8))
        await asyncio.sleep(0.1)

        with pytest.raises(ChannelNotSentError):
            await post(client, account, seconds=0.2)
        with pytest.raises(ChannelUncertainError):
            await first

    assert len(raw.requests) == 1


async def test_a_cancelled_call_that_found_no_thread_never_leaves(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(silence)
    with ThreadPoolExecutor(1) as one_thread:
        client._threads = one_thread
        first = asyncio.create_task(post(client, account, seconds=0.5))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(post(client, account))
        await asyncio.sleep(0.1)
        second.cancel()

        with pytest.raises(asyncio.CancelledError):
            await second
        with pytest.raises(ChannelUncertainError):
            await first

    assert len(raw.requests) == 1


async def test_after_a_failure_the_next_call_opens_a_new_connection(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(silence, reply())
    with pytest.raises(ChannelUncertainError):
        await post(client, account, seconds=0.2)

    assert await post(client, account) == "111_222"
    assert raw.connections == 2


async def test_an_id_less_success_is_uncertain(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(reply('{"success":true}'))

    with pytest.raises(ChannelUncertainError) as caught:
        await post(client, account)

    assert caught.value.code == "unreadable_answer"


async def test_a_refusal_of_the_page_itself_needs_a_person(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(reply('{"error":{"message":"x","code":100,"error_subcode":33}}'))

    with pytest.raises(ChannelRejectedError) as caught:
        await post(client, account)

    assert (caught.value.code, caught.value.remedy) == ("page_missing", Remedy.HUMAN)


async def test_the_token_is_inspected_in_the_name_of_the_app(
    raw: Loopback, client: GraphClient, account: Account
) -> None:
    raw.answers(reply('{"data":{"is_valid":true}}'))
    await client.inspect(account)
    head = raw.requests[0].decode()

    assert f"input_token={TOKEN}" in head
    assert "Authorization: Bearer 555|s3cret" in head


async def test_a_file_of_ours_is_fetched_and_compared(raw: Loopback, client: GraphClient) -> None:
    content = b"\xff\xd8picture"
    raw.answers(reply(content, headers=("Content-Type: image/jpeg",)))

    async with client.media(
        raw.base,
        name="a.jpg",
        mime="image/jpeg",
        sha256=hashlib.sha256(content).hexdigest(),
        most_bytes=100,
        seconds=5,
    ) as part:
        part.file.seek(0)

        assert (part.file.read(), part.size_bytes) == (content, len(content))


@pytest.mark.parametrize(
    ("answer", "most", "code"),
    [
        (reply("other bytes"), 100, "media_changed"),
        (reply("x" * 200), 100, "media_changed"),
        (reply("", status="404 Not Found"), 100, "media_unreachable"),
        (reply("", status="302 Found", headers=("Location: /x",)), 100, "media_unreachable"),
        (silence, 100, "media_unreachable"),
    ],
)
async def test_a_file_that_is_not_the_approved_one_stops_the_call_before_facebook(
    raw: Loopback, client: GraphClient, answer: Script, most: int, code: str
) -> None:
    raw.answers(answer)

    with pytest.raises(ChannelNotSentError) as caught:
        async with client.media(
            raw.base, name="a", mime="m", sha256="ab" * 32, most_bytes=most, seconds=0.5
        ):
            pass

    assert caught.value.code == code


def test_what_is_left_of_a_deadline_never_reaches_zero() -> None:
    assert left_of(timedelta(seconds=1), steady_seconds() - 5) == 0.001
