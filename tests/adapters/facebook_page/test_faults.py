"""Each fault that the sandbox knows, and what the channel says of it; and lists under strain."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.facebook_page.settings import credentials_of, settings_of
from shared.clock import utc_now
from shared.contract.driving import make, run_to_end, stored
from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Call, Operation, RemoteId
from tests.adapters.facebook_page.bench import PageBench, open_bench
from tests.support.sandbox import Sandbox

# What the one call that makes a post says when it meets the fault; None: it succeeds.
POSTING: dict[str, tuple[type[ChannelError], str] | None] = {
    "commit_then_hang": (ChannelUncertainError, "no_answer"),
    "hang_without_commit": (ChannelUncertainError, "no_answer"),
    "commit_then_reset": (ChannelUncertainError, "no_answer"),
    "reset": (ChannelUncertainError, "no_answer"),
    "http_500": (ChannelUncertainError, "channel_down"),
    "html": (ChannelUncertainError, "channel_down"),
    "throttle": (ChannelRejectedError, "rate_limited"),
    "token_dead": (ChannelRejectedError, "token_expired"),
    "slow": None,
    "late_in_lists": None,
    "empty_body": (ChannelUncertainError, "unreadable_answer"),
    "redirect": (ChannelUncertainError, "unreadable_answer"),
    "no_content_type": (ChannelUncertainError, "unreadable_answer"),
    "commit_then_refuse": (ChannelUncertainError, "duplicate_refused"),
}


def posting(bench: PageBench, no: int = 0) -> Call:
    code = f"A-{no}"
    revision = replace(bench.simulated.revision, code=code, url=f"https://loa.example/tin/{code}")
    payload = stored(bench.channel.render(revision, bench.account.settings).payload)
    return Call(
        operation=Operation.PUBLISH,
        account=bench.account,
        payload=payload,
        deadline=timedelta(seconds=0.8),
    )


async def failure(bench: PageBench, call: Call) -> ChannelError | None:
    try:
        await make(bench.channel, call)
    except ChannelError as error:
        return error
    return None


async def found(bench: PageBench) -> list[RemoteId]:
    ids: list[RemoteId] = []
    cursor: str | None = None
    while True:
        page = await bench.channel.listing(
            bench.account, since=utc_now() - timedelta(hours=1), cursor=cursor
        )
        ids += [one.remote_id for one in page.seen]
        cursor = page.cursor
        if cursor is None:
            return ids


async def test_every_fault_of_the_sandbox_is_tested_here(sandbox: Sandbox) -> None:
    kinds = {kind.get("kind") or kind.get("name") for kind in await sandbox.kinds()}

    assert kinds == set(POSTING)


@pytest.mark.parametrize("kind", POSTING)
async def test_what_is_said_of_a_post_that_meets_a_fault(bench: PageBench, kind: str) -> None:
    wanted = POSTING[kind]
    await bench.sandbox.fault(bench.page_id, operation="feed", kind=kind, seconds=0.2)
    error = await failure(bench, replace(posting(bench), deadline=timedelta(seconds=3)))

    assert (type(error), error.code) == wanted if error else wanted is None


@pytest.mark.parametrize(
    "kind",
    [
        "hang_without_commit",
        "reset",
        "http_500",
        "html",
        "throttle",
        "token_dead",
        "empty_body",
        "redirect",
        "no_content_type",
    ],
)
async def test_a_list_that_meets_a_fault_is_no_proof_of_anything(
    bench: PageBench, kind: str
) -> None:
    await bench.sandbox.fault(bench.page_id, operation="list", kind=kind, seconds=0.2)

    with pytest.raises(ChannelError):
        await found(bench)


@pytest.mark.parametrize("kind", ["http_500", "reset", "empty_body", "token_dead"])
async def test_a_post_that_cannot_be_read_is_not_taken_for_gone(
    bench: PageBench, kind: str
) -> None:
    post = (await run_to_end(bench.channel, posting(bench))).receipt.remote_id
    await bench.sandbox.fault(bench.page_id, operation="read", kind=kind)

    with pytest.raises(ChannelError):
        await bench.channel.read(bench.account, post)


async def test_a_throttled_account_is_told_when_calls_are_welcome_again(bench: PageBench) -> None:
    await bench.sandbox.fault(bench.page_id, operation="feed", kind="throttle", retry_after=180)
    error = await failure(bench, posting(bench))

    assert isinstance(error, ChannelRejectedError)
    assert (error.remedy, error.retry_after) == (Remedy.SLOW, timedelta(minutes=3))


async def test_a_long_ranked_list_is_read_to_its_end(bench: PageBench) -> None:
    made = [
        (await run_to_end(bench.channel, posting(bench, no))).receipt.remote_id for no in range(45)
    ]

    assert sorted(await found(bench)) == sorted(made)


async def test_a_post_that_lists_tell_of_late_is_found_later(bench: PageBench) -> None:
    await bench.sandbox.fault(bench.page_id, operation="feed", kind="late_in_lists", seconds=60)
    post = (await run_to_end(bench.channel, posting(bench))).receipt.remote_id

    assert await found(bench) == []
    assert await bench.channel.read(bench.account, post) is not None


async def test_a_post_of_another_hand_is_seen_as_not_provably_ours(bench: PageBench) -> None:
    await bench.sandbox.post(
        "/admin/foreign",
        {"channel": "facebook_page", "account": bench.page_id, "text": "Bài viết tay"},
    )
    await run_to_end(bench.channel, posting(bench))
    seen = (await bench.channel.newest(bench.account)).seen

    assert sorted(str(one.ours) for one in seen) in (["False", "True"], ["None", "True"])


async def test_a_post_deleted_behind_our_back_is_read_as_gone(bench: PageBench) -> None:
    post = (await run_to_end(bench.channel, posting(bench))).receipt.remote_id
    told = {"channel": "facebook_page", "account": bench.page_id, "remote_id": post}
    await bench.sandbox.post("/admin/delete", told)

    assert await bench.channel.read(bench.account, post) is None


async def test_a_post_hidden_behind_our_back_is_read_as_not_visible(bench: PageBench) -> None:
    post = (await run_to_end(bench.channel, posting(bench))).receipt.remote_id
    told = {"channel": "facebook_page", "account": bench.page_id, "remote_id": post}
    await bench.sandbox.post("/admin/edit", {**told, "status": "hide"})
    seen = await bench.channel.read(bench.account, post)

    assert seen is not None
    assert not seen.visible


async def test_links_in_facebooks_own_wrapping_and_trimmed_words_are_recognised(
    sandbox: Sandbox,
) -> None:
    bench = await open_bench(sandbox, shim_links=True, trim_text=True)
    call = posting(bench)
    post = (await run_to_end(bench.channel, call)).receipt.remote_id
    seen = await bench.channel.read(bench.account, post)
    await bench.channel.aclose()

    assert seen is not None
    assert seen.links == ("https://loa.example/tin/A-0",)


async def test_a_connection_that_lacks_a_permission_says_which(sandbox: Sandbox) -> None:
    bench = await open_bench(sandbox, scopes=["pages_show_list", "pages_read_engagement"])
    probes = {one.name: one for one in await bench.channel.check(bench.account)}
    await bench.channel.aclose()

    assert {name for name, one in probes.items() if not one.ok} == {"permissions"}
    assert "pages_manage_posts" in probes["permissions"].detail


async def test_a_version_that_is_no_more_is_noticed(bench: PageBench) -> None:
    settings = settings_of(bench.account)
    old = replace(bench.account, settings=settings.model_copy(update={"graph_version": "v19.0"}))
    probes = {one.name: one for one in await bench.channel.check(old)}

    assert {name for name, one in probes.items() if not one.ok} == {"version"}


async def test_a_wrong_app_secret_is_a_matter_for_a_person(bench: PageBench) -> None:
    wrong = {
        "page_token": credentials_of(bench.account).page_token,
        "app_secret": "wrong",
        "verify_token": "w",
    }
    account = replace(
        bench.account, credentials=bench.channel.credentials_form.model_validate(wrong)
    )
    error = await failure(bench, replace(posting(bench), account=account))

    assert isinstance(error, ChannelRejectedError)
    assert (error.code, error.remedy) == ("proof_refused", Remedy.HUMAN)
