import time

import httpx
import pytest

from services.sandbox.faults import KINDS
from tests.services.sandbox.callers import (
    Oa,
    Page,
    article,
    as_json,
    error_of,
    fault,
    inner,
    items,
    ledger,
    make_oa,
    make_page,
    visible,
)

CHANNELS = ("zalo_oa", "facebook_page")
COMMITTING = ("commit_then_hang", "commit_then_reset", "commit_then_refuse")
HANGING = ("commit_then_hang", "hang_without_commit")


async def publish(client: httpx.AsyncClient, channel: str) -> tuple[str, httpx.Response | None]:
    """One try to publish, as raw as it is; the account's id, and the answer if there was one."""
    if channel == "zalo_oa":
        oa = await make_oa(client, verify_polls=0)
        account, url, headers = oa.id, "/zalo/v2.0/article/create", oa.token
        sent = client.build_request("POST", url, json=article(), headers=headers)
    else:
        page = await make_page(client)
        account, url, headers = page.id, f"/graph/v25.0/{page.id}/feed", page.bearer
        sent = client.build_request("POST", url, data={"message": "Tin"}, headers=headers)
    try:
        return account, await client.send(sent)
    except httpx.TransportError:
        return account, None


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", ["commit_then_hang", "hang_without_commit"])
async def test_a_hang_answers_nothing_and_closes(
    client: httpx.AsyncClient, kind: str, channel: str
) -> None:
    await fault(client, kind=kind, seconds=0.2)
    began = time.monotonic()

    account, answer = await publish(client, channel)

    assert answer is None
    assert 0.2 <= time.monotonic() - began < 30
    assert len(await visible(client, account)) == (kind in COMMITTING)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("kind", ["commit_then_reset", "reset"])
async def test_a_reset_is_a_real_one(client: httpx.AsyncClient, kind: str, channel: str) -> None:
    await fault(client, kind=kind)

    account, answer = await publish(client, channel)

    assert answer is None
    assert len(await visible(client, account)) == (kind in COMMITTING)


async def test_a_reset_arrives_as_rst(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await fault(client, kind="reset", operation="read")

    with pytest.raises(httpx.ReadError):
        await page.get(page.id)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("commit", [True, False])
@pytest.mark.parametrize(
    ("kind", "status"), [("http_500", 500), ("html", 502), ("redirect", 302), ("empty_body", 200)]
)
async def test_an_unusable_answer_may_hide_a_success(
    client: httpx.AsyncClient, kind: str, status: int, commit: bool, channel: str
) -> None:
    await fault(client, kind=kind, commit=commit)

    account, answer = await publish(client, channel)

    assert answer is not None
    assert answer.status_code == status
    assert len(await visible(client, account)) == commit


@pytest.mark.parametrize(
    ("kind", "commits"),
    [("http_500", 0), ("html", 0), ("redirect", 0), ("empty_body", 1), ("no_content_type", 1)],
)
async def test_what_an_unusable_answer_does_unless_told(
    client: httpx.AsyncClient, kind: str, commits: int
) -> None:
    await fault(client, kind=kind)

    account, _ = await publish(client, "facebook_page")

    assert len(await visible(client, account)) == commits


async def test_code_2_stands_in_a_500_of_facebook(client: httpx.AsyncClient) -> None:
    await fault(client, kind="http_500", commit=True)

    _, answer = await publish(client, "facebook_page")

    assert answer is not None
    assert (error_of(answer)["code"], error_of(answer)["is_transient"]) == (2, True)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_the_right_answer_may_lack_its_type(client: httpx.AsyncClient, channel: str) -> None:
    await fault(client, kind="no_content_type")

    account, answer = await publish(client, channel)

    assert answer is not None
    assert "content-type" not in answer.headers
    assert answer.json()
    assert len(await visible(client, account)) == 1


@pytest.mark.parametrize(("channel", "code"), [("zalo_oa", -32), ("facebook_page", 80001)])
async def test_throttling_refuses_with_the_channels_own_number(
    client: httpx.AsyncClient, channel: str, code: int
) -> None:
    await fault(client, kind="throttle", retry_after=120)

    account, answer = await publish(client, channel)

    assert answer is not None
    told = as_json(answer)
    assert (error_of(answer)["code"] if "message" not in told else told["error"]) == code
    assert answer.headers["retry-after"] == "120"
    assert await visible(client, account) == []
    usage = answer.headers.get("x-business-use-case-usage", '"estimated_time_to_regain_access":2')
    assert '"estimated_time_to_regain_access":2' in usage


async def test_throttling_may_tell_no_time(client: httpx.AsyncClient) -> None:
    await fault(client, kind="throttle", code=4)

    _, answer = await publish(client, "facebook_page")

    assert answer is not None
    assert "retry-after" not in answer.headers
    assert error_of(answer)["code"] == 4


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_refusal_may_hide_a_success(client: httpx.AsyncClient, channel: str) -> None:
    await fault(client, kind="commit_then_refuse")

    account, answer = await publish(client, channel)

    assert answer is not None
    assert as_json(answer)["error"]
    assert len(await visible(client, account)) == 1


async def test_a_dead_zalo_token_stays_dead_until_it_is_renewed(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    await fault(client, kind="token_dead", account=oa.id)

    told = [(await oa.get("/v2.0/oa/getoa"))["error"] for _ in range(2)]
    await oa.renew()

    assert told == [-216, -216]
    assert (await oa.get("/v2.0/oa/getoa"))["error"] == 0


async def test_a_dead_refresh_token_needs_a_consent(client: httpx.AsyncClient) -> None:
    oa = await make_oa(client)
    await fault(client, kind="token_dead", operation="refresh")

    told = [await oa.trade(grant_type="refresh_token", refresh_token=oa.refresh) for _ in range(2)]

    counted = inner(await ledger(client, oa.id), "counters")
    assert [one["error"] for one in told] == [-14014, -14014]
    assert (counted["consents_needed"], counted["refresh_spent_twice"]) == (1, 0)


async def test_a_page_token_is_dead_with_the_asked_for_subcode(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await fault(client, kind="token_dead", subcode=460, count=1)

    dead = await page.get(page.id)
    living = await page.get(page.id)

    assert (error_of(dead)["code"], error_of(dead)["error_subcode"]) == (190, 460)
    assert living.status_code == 200


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_slow_answer_is_the_right_one(client: httpx.AsyncClient, channel: str) -> None:
    await fault(client, kind="slow", seconds=0.2)
    began = time.monotonic()

    account, answer = await publish(client, channel)

    assert answer is not None
    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.2
    assert len(await visible(client, account)) == 1


async def test_a_new_post_may_be_late_in_lists(client: httpx.AsyncClient) -> None:
    page, oa = await make_page(client), await make_oa(client, verify_polls=0)
    await fault(client, kind="late_in_lists", seconds=600, count=2)
    post_id, article_id = await page.feed("Tin"), await oa.published()

    before = await listed(page, oa)
    seen = len(await visible(client, page.id)) + len(await visible(client, oa.id))
    opened = (await page.get(post_id)).status_code
    await client.post("/admin/clock", json={"offset_seconds": 601})

    assert (before, seen, opened) == ([], 2, 200)
    assert await listed(page, oa) == [post_id, article_id]


async def listed(page: Page, oa: Oa) -> list[object]:
    """The ids that the lists of both tell."""
    slices = await oa.get("/v2.0/article/getslice", offset="0", limit="10", type="normal")
    return [one["id"] for one in [*await page.listed(), *items(inner(slices, "data"), "medias")]]


async def test_kinds_are_listed_with_what_they_do(client: httpx.AsyncClient) -> None:
    told = items(as_json(await client.get("/faults/kinds")), "kinds")

    assert {str(one["kind"]) for one in told} == set(KINDS)
    assert len(told) == 14
    assert all(one["description"] and one["description_en"] for one in told)


async def test_a_fault_meets_only_its_calls_and_so_often(client: httpx.AsyncClient) -> None:
    page, other = await make_page(client), await make_page(client)
    await fault(client, kind="throttle", account=page.id, operation="feed", count=2)

    codes = [
        (await one.post(f"{one.id}/feed", message="x")).status_code
        for one in (other, page, page, page)
    ]
    reading = await page.get(page.id)

    assert codes == [200, 400, 400, 200]
    assert reading.status_code == 200
    assert as_json(await client.get("/faults")) == {"faults": [], "applied": 2}


async def test_a_fault_that_commits_waits_for_a_call_that_changes_something(
    client: httpx.AsyncClient,
) -> None:
    page = await make_page(client)
    await fault(client, kind="commit_then_reset")

    await page.listed()
    with pytest.raises(httpx.TransportError):
        await page.feed("Tin")

    assert len(await visible(client, page.id)) == 1


async def test_a_rate_is_drawn_from_its_seed(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    rounds: list[list[int]] = []
    for _ in range(2):
        await client.delete("/faults")
        await fault(client, kind="throttle", rate=0.5, seed=3)
        rounds.append([(await page.get(page.id)).status_code for _ in range(20)])

    assert rounds[0] == rounds[1]
    assert 3 < rounds[0].count(400) < 17


async def test_each_application_stands_in_the_log(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await fault(client, kind="commit_then_reset", account=page.id)
    with pytest.raises(httpx.TransportError):
        await page.feed("Tin")

    [event] = items(as_json(await client.get("/events.json", params={"since": "0"})), "events")

    assert (event["operation"], event["account"]) == ("feed", page.id)
    assert (event["fault"], event["status"]) == ("commit_then_reset", None)
    assert "access_token" not in str(event)


@pytest.mark.parametrize(
    "wrong", [{"kind": "nonsense"}, {"kind": "reset", "when": 1}, {"kind": "reset", "rate": 2}]
)
async def test_an_unknown_fault_is_refused(
    client: httpx.AsyncClient, wrong: dict[str, object]
) -> None:
    answer = await client.post("/faults", json=wrong)

    assert answer.status_code == 422


@pytest.mark.parametrize("seconds", ["NaN", "Infinity"])
async def test_a_number_that_json_cannot_tell_again_is_refused(
    client: httpx.AsyncClient, seconds: str
) -> None:
    answer = await client.post("/faults", content=f'{{"kind": "slow", "seconds": {seconds}}}')

    assert answer.status_code == 422
    assert as_json(await client.get("/faults"))["faults"] == []


async def test_people_script_faults_with_a_form(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    form = {"kind": "throttle", "account": page.id, "count": "", "operation": ""}

    answer = await client.post("/faults", data=form)
    shown = await client.get("/faults", headers={"Accept": "text/html"})
    refused = await client.post("/faults", data={**form, "rate": "7"})
    cleared = await client.post("/faults/clear")

    assert (answer.status_code, cleared.status_code) == (303, 303)
    assert "Gọi quá nhiều" in shown.text
    assert refused.status_code == 422
    assert as_json(await client.get("/faults"))["faults"] == []


async def test_a_kind_may_be_written_as_people_say_it(client: httpx.AsyncClient) -> None:
    for said, kind in (("commit then hang", KINDS["commit_then_hang"]), ("5xx", KINDS["http_500"])):
        answer = await client.post("/faults", json={"kind": said})
        assert (answer.status_code, answer.json()["fault"]["kind"]) == (201, kind.name)
    waiting = (await client.get("/faults.json")).json()["faults"]
    assert [one["kind"] for one in waiting] == ["commit_then_hang", "http_500"]
    left = await client.delete(f"/faults/{waiting[0]['id']}")
    assert [one["kind"] for one in left.json()["faults"]] == ["http_500"]


async def test_an_operation_that_no_channel_has_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/faults", json={"kind": "reset", "operation": "publsh"})
    assert answer.status_code == 422
    assert "publish" in answer.text


async def test_a_fault_of_publishing_spares_the_upload_before_it(client: httpx.AsyncClient) -> None:
    page = await make_page(client, name="Trang tỉnh")
    await fault(client, kind="html", operation="publish", account="Trang tỉnh")
    upload = await client.post(
        f"/graph/v25.0/{page.id}/photos",
        data={"published": "false"},
        files={"source": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")},
        headers=page.bearer,
    )
    posted = await client.post(
        f"/graph/v25.0/{page.id}/feed", data={"message": "Tin"}, headers=page.bearer
    )
    assert (upload.status_code, posted.status_code) == (200, 502)
    assert not await visible(client, page.id)


async def test_the_hubs_own_operations_are_groups(client: httpx.AsyncClient) -> None:
    page = await make_page(client)
    await fault(client, kind="html", operation="withdraw", account=page.id)
    posted = await client.post(
        f"/graph/v25.0/{page.id}/feed", data={"message": "Tin"}, headers=page.bearer
    )
    gone = await client.delete(f"/graph/v25.0/{posted.json()['id']}", headers=page.bearer)
    assert gone.status_code == 502
    assert len(await visible(client, page.id)) == 1
