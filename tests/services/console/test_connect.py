"""Nối kênh over HTTP: each step keeps what it is given, says what is wrong, and can be left."""

import re
from uuid import UUID

import pytest

from services.channels import accounts, connecting
from services.storage.columns import new_id
from shared.errors import InvalidError
from tests.services.console.outlets import portal
from tests.support.console import Console, Visitor
from tests.support.hub import Team


def _slug() -> str:
    return f"cong-{new_id().hex[-10:]}"


async def _begin(admin: Visitor, **fields: str) -> str:
    given = {
        "name": f"Cổng {new_id().hex[-8:]}",
        "settings.title": "Tin Hoa Sen",
        "settings.slug": _slug(),
        "settings.link": "https://cong.example/",
        **fields,
    }
    answer = await admin.post("/channels/connect/portal_rss", **given)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_portal_is_open_in_two_forms_and_a_test(console: Console, admin: Visitor) -> None:
    path = await _begin(admin)
    step = await admin.client.get(path)
    assert "Bước 2. Cách ghi" in step.text
    assert re.search(r"/feeds/cong-\w+/rss\.xml", step.text)
    skipped = await admin.post(f"{path}/steps/cach-ghi", **{"credentials.fetch_key": ""})
    assert skipped.headers["location"] == f"{path}?step=thu"
    done = await admin.post(f"{path}/finish")
    account = UUID(path.rpartition("/")[2])
    assert done.headers["location"] == f"/channels/{account}"
    async with console.hub.open_work() as session:
        view = await accounts.view(session, account)
    assert (view.stage, view.check_ok) == ("official", True)
    assert (await admin.client.get(path)).headers["location"] == f"/channels/{account}"


async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_begun(
    console: Console, admin: Visitor
) -> None:
    answer = await admin.post(
        "/channels/connect/portal_rss",
        **{
            "name": "Cổng sai",
            "settings.title": "Tin Hoa Sen",
            "settings.slug": "Có Dấu",
            "settings.link": "https://cong.example/",
        },
    )
    assert answer.status_code == 422
    assert 'href="#settings.slug"' in answer.text
    assert 'value="Có Dấu"' in answer.text
    assert 'value="Cổng sai"' in answer.text
    async with console.hub.open_work() as session:
        found = await accounts.views(session, unit_ids=admin.caller.unit_ids, trial=True)
    assert "Cổng sai" not in {one.name for one in found}


async def test_an_outlet_of_others_is_refused_with_what_was_typed(
    console: Console, team: Team, admin: Visitor
) -> None:
    taken = await portal(console.bench, team)
    async with console.hub.open_work() as session:
        slug = (await accounts.view(session, taken)).remote_id
    answer = await admin.post(
        "/channels/connect/portal_rss",
        **{
            "name": "Cổng hai",
            "settings.title": "Tin Hoa Sen",
            "settings.slug": slug,
            "settings.link": "https://cong.example/",
        },
    )
    assert answer.status_code == 409
    assert "đã được nối trong Loa" in answer.text
    assert f'value="{slug}"' in answer.text


async def test_it_can_be_left_taken_up_and_given_up(console: Console, admin: Visitor) -> None:
    begun = await admin.post("/channels/connect/zalo_oa", name="OA đang nối")
    path = begun.headers["location"]
    account = UUID(path.rpartition("/")[2])
    page = (await admin.client.get("/channels")).text
    assert "Đang nối dở" in page
    assert "Nối tiếp" in page
    assert "Làm tiếp OA đang nối" in (await admin.client.get("/channels/connect/zalo_oa")).text
    # Its page is the guide while it is being connected.
    assert (await admin.client.get(f"/channels/{account}")).headers["location"] == path
    early = await admin.post(f"{path}/finish")
    assert early.status_code == 422
    assert "Còn bước chưa xong" in early.text
    assert (await admin.post(f"{path}/abandon")).status_code == 303
    assert (await admin.client.get(path)).headers["location"] == f"/channels/{account}"
    async with console.hub.open_work() as session:
        assert (await accounts.row(session, account)).sealed_credentials == b""


async def test_a_step_that_was_done_elsewhere_gets_its_tick(
    console: Console, admin: Visitor
) -> None:
    begun = await admin.post("/channels/connect/zalo_oa", name=f"OA {new_id().hex[-8:]}")
    path = begun.headers["location"]
    headers = {"HX-Request": "true", "HX-Request-Type": "partial"}
    before = await admin.client.get(f"{path}/ticks?step=uy-quyen", headers=headers)
    assert before.text.lstrip().startswith("<nav")
    assert "Xong 1 trong 6 bước" in before.text
    caller = await console.bench.caller(admin.caller.staff_id)
    async with console.hub.open_work() as session:
        await connecting.fill(
            session,
            caller,
            console.hub.registry,
            console.hub.sealer,
            UUID(path.rpartition("/")[2]),
            credentials={"app_secret": "x", "access_token": "a", "refresh_token": "r"},
        )
    after = await admin.client.get(f"{path}/ticks?step=webhook", headers=headers)
    assert "Xong 3 trong 6 bước" in after.text


async def test_a_word_of_our_own_is_offered_until_one_is_kept(admin: Visitor) -> None:
    begun = await admin.post(
        "/channels/connect/facebook_page",
        **{
            "name": f"Trang {new_id().hex[-6:]}",
            "settings.app_id": "555",
            "credentials.app_secret": "khoa-bi-mat",
        },
    )
    path = begun.headers["location"]
    page = (await admin.client.get(f"{path}?step=webhook")).text
    found = re.search(r'name="credentials.verify_token" type="text" value="([\w-]{20,})"', page)
    assert found is not None
    assert "/hooks/facebook_page/" in page
    await admin.post(f"{path}/steps/webhook", **{"credentials.verify_token": found[1]})
    page = (await admin.client.get(f"{path}?step=webhook")).text
    assert found[1] not in page
    assert f"bởi {admin.caller.name}" in page
    assert "khoa-bi-mat" not in (await admin.client.get(f"{path}?step=ung-dung")).text


async def test_only_an_admin_connects_and_only_in_their_own_units(
    console: Console, team: Team, editor: Visitor
) -> None:
    assert (await editor.client.get("/channels/connect/zalo_oa")).status_code == 403
    other = await console.bench.team()
    stranger = await console.visitor(other.admin)
    async with console.hub.open_work() as session:
        account = await connecting.begin(
            session,
            await console.bench.caller(team.admin),
            console.hub.registry,
            console.hub.sealer,
            channel="zalo_oa",
            unit_code=team.unit_code,
            name=f"OA {new_id().hex[-8:]}",
        )
    path = f"/channels/connect/zalo_oa/{account.id}"
    assert (await stranger.client.get(path)).status_code == 404
    for act in ("finish", "abandon", "steps/khoa"):
        assert (await stranger.post(f"{path}/{act}")).status_code == 404
    taken = await stranger.post("/channels/connect/zalo_oa", name="X", unit=team.unit_code)
    assert taken.status_code == 404


async def test_a_kind_that_does_not_exist_is_not_found(admin: Visitor) -> None:
    assert (await admin.client.get("/channels/connect/telegram")).status_code == 404
    assert (await admin.client.get("/channels/connect/..%2f..%2fetc")).status_code == 404


async def test_an_account_that_is_being_connected_takes_no_item(
    console: Console, team: Team, admin: Visitor
) -> None:
    path = await _begin(admin)
    account = UUID(path.rpartition("/")[2])
    item = await console.bench.draft(team)
    editor = await console.visitor(team.editor)
    assert str(account) not in (await editor.client.get("/posts/new")).text
    with pytest.raises(InvalidError, match="submission_incomplete"):
        await console.bench.submitted(team, item.id, [account])
