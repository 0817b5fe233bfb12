"""`loa account`: connects accounts, lists them, and asks the channels whether all is well."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from services.channels import accounts, checks
from services.channels.accounts import AccountView
from services.cli.opening import at_hub, at_terminal
from services.cli.telling import AsJson, Data, say, table, tell, tell_json, typed
from services.cli.words import of_fault, of_probe
from services.delivery.hub import Hub
from shared.contract.messages import Probe
from shared.errors import InvalidError


class _Given(BaseModel):
    """What `loa account add` reads."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    settings: dict[str, JsonValue]
    credentials: dict[str, JsonValue] = {}


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    group = typer.Typer(help="Kênh đã kết nối · Connected accounts", no_args_is_help=True)
    group.command("add")(add)
    group.command("list")(listed)
    group.command("check")(check)
    app.add_typer(group, name="account")


def add(
    channel: Annotated[str, typer.Argument(help="zalo_oa, facebook_page, portal_rss …")],
    name: Annotated[str, typer.Argument(help="Tên để gọi · What people call it.")],
    unit: Annotated[str, typer.Option(metavar="CODE", help="Mã đơn vị · The unit's code.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Kết nối một kênh; {"settings": {…}, "credentials": {…}} ở đầu vào · Connect an account."""
    given = _given(typed())

    async def work(hub: Hub) -> AccountView:
        async with hub.open_work() as session:
            row = await accounts.add(
                session,
                at_terminal(),
                hub.registry,
                hub.sealer,
                unit_code=unit,
                channel=channel,
                name=name,
                settings=given.settings,
                credentials=given.credentials,
            )
            return await accounts.view(session, row.id)

    added = at_hub(data, work)
    tell(
        _facts(added),
        as_json=as_json,
        line=f"Đã kết nối {added.name} ({added.id}) · Account connected;"
        f" kiểm tra · check: loa account check '{added.name}'",
    )


def listed(data: Data = None, as_json: AsJson = False) -> None:
    """Các kênh đã kết nối và tình trạng · The connected accounts and how they are."""

    async def work(hub: Hub) -> list[AccountView]:
        async with hub.open_work() as session:
            return await accounts.views(session, trial=True)

    found = at_hub(data, work)
    if as_json:
        tell_json([_facts(one) for one in found])
        return
    table(
        "Kênh · Accounts",
        (
            "Tên · Name",
            "Loại · Channel",
            "Đơn vị · Unit",
            "Nơi đăng · Outlet",
            "Tình trạng · State",
        ),
        [(one.name, one.channel, one.unit_code, one.remote_id, _state(one)) for one in found],
    )


def check(
    name: Annotated[str, typer.Argument(help="Tên kênh · The account's name.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Hỏi kênh xem kết nối có ổn không · Ask the channel whether the connection works."""

    async def work(hub: Hub) -> tuple[Probe, ...]:
        async with hub.open_work() as session:
            account = await accounts.by_name(session, name)
        found = await checks.check(hub.open_work, hub.registry, hub.sealer, account.id)
        return tuple(replace(probe, detail=of_probe(probe)) for probe in found)

    probes = at_hub(data, work)
    good = all(probe.ok for probe in probes)
    if as_json:
        tell_json({"ok": good, "probes": list(probes)})
    else:
        for probe in probes:
            say(f"{'✓' if probe.ok else '✕'} {probe.name}: {probe.detail} ({probe.ms} ms)")
    if not good:
        raise typer.Exit(1)


def _given(text: str) -> _Given:
    try:
        return _Given.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        where = f"{error.lineno}:{error.colno}"
        reason = f"chưa đúng JSON ở {where} · {error.msg} at {where}"
        raise InvalidError("input_unreadable", reason=reason) from error
    except ValidationError as error:
        raise InvalidError("input_unreadable", reason=of_fault(error)) from None


def _state(view: AccountView) -> str:
    if view.state == "paused":
        return f"Tạm dừng · Paused: {view.pause_reason or view.pause_code or ''}"
    if view.check_ok is False:
        return "Có lỗi khi kiểm tra · The last check failed"
    return "Tốt · Good"


def _facts(view: AccountView) -> Mapping[str, object]:
    facts = {name: getattr(view, name) for name in AccountView.__slots__}
    return {**facts, "unit": view.unit_code}  # as the API calls it
