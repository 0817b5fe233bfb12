"""`loa unit`, `loa user`, `loa token`: who belongs to the team, and which programs may draft."""

import secrets
from typing import Annotated

import typer

from services.cli import finding
from services.cli.opening import at_hub, at_terminal
from services.cli.telling import AsJson, Data, tell, typed
from services.delivery.hub import Hub
from services.staff import otp, people, tokens, units
from shared.clock import utc_now
from shared.errors import InvalidError

Unit = Annotated[
    str | None, typer.Option("--unit", metavar="CODE", help="Mã đơn vị · The unit's code.")
]


def join(app: typer.Typer) -> None:
    """Adds these commands to the command line."""
    for name, group_help, verb in (
        ("unit", "Đơn vị · Units", unit_add),
        ("user", "Người dùng · People", user_add),
        ("token", "Khoá cho chương trình · Tokens for programs", token_add),
    ):
        group = typer.Typer(help=group_help, no_args_is_help=True)

        @group.callback()
        def _group() -> None:
            pass

        group.command("add")(verb)
        if name == "user":
            group.command("reset-otp")(user_reset_otp)
        app.add_typer(group, name=name)


def unit_add(
    code: Annotated[str, typer.Argument(help="Mã, ví dụ HOASEN-YT · The code.")],
    name: Annotated[str, typer.Argument(help="Tên đơn vị · The unit's name.")],
    parent: Annotated[
        str | None, typer.Option(metavar="CODE", help="Đơn vị cấp trên · The unit above.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Thêm một đơn vị · Add a unit."""

    async def work(hub: Hub) -> dict[str, object]:
        async with hub.open_work() as session:
            unit = await units.add(session, at_terminal(), code=code, name=name, parent_code=parent)
            return {"id": unit.id, "code": unit.code, "name": unit.name, "parent": parent}

    added = at_hub(data, work)
    tell(
        added,
        as_json=as_json,
        line=f"Đã thêm đơn vị {added['code']} · Unit added: {added['name']}",
    )


def user_add(
    email: Annotated[str, typer.Argument(help="Địa chỉ thư để đăng nhập · The e-mail address.")],
    name: Annotated[str, typer.Option(help="Họ tên · The full name.")],
    roles: Annotated[
        str,
        typer.Option(
            metavar="R,R",
            help="editor, approver, responder, admin, leader, auditor",
        ),
    ],
    unit: Unit = None,
    password_stdin: Annotated[
        bool,
        typer.Option(
            "--password-stdin", help="Đọc mật khẩu từ đầu vào · Read the password from stdin."
        ),
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Thêm một người vào nhóm; mật khẩu được đặt, hoặc tạo và in một lần · Add a person."""
    if not _listed(roles):
        raise typer.BadParameter("Cần ít nhất một vai trò · At least one role is needed: --roles")
    given = _one_line() if password_stdin else None
    password = given or secrets.token_urlsafe(12)

    async def work(hub: Hub) -> dict[str, object]:
        async with hub.open_work() as session:
            staff = await people.add(
                session,
                at_terminal(),
                email=email,
                name=name,
                roles=_listed(roles),
                unit_code=unit or await finding.root_unit(session),
                password=password,
            )
            return {
                "id": staff.id,
                "email": staff.email,
                "name": staff.name,
                "roles": sorted(_listed(roles)),
                **({} if given else {"password": password}),
            }

    added = at_hub(data, work)
    once = "" if given else f"; mật khẩu (chỉ hiện lần này) · password, shown once: {password}"
    tell(added, as_json=as_json, line=f"Đã thêm {added['name']} · Added {added['email']}{once}")


def user_reset_otp(
    email: Annotated[str, typer.Argument(help="Địa chỉ thư · The e-mail address.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Bỏ mã một lần của người mất điện thoại, kết thúc mọi phiên của họ · Reset a lost phone."""

    async def work(hub: Hub) -> dict[str, object]:
        async with hub.open_work() as session:
            staff = await people.by_email(session, email)
            was_on = staff.otp_secret is not None
            await otp.reset_otp(session, at_terminal(), staff.id)
            return {"id": staff.id, "email": staff.email, "was_on": was_on}

    done = at_hub(data, work)
    off = "Đã bỏ mã một lần, đã kết thúc mọi phiên · One-time code reset, sessions ended"
    none = "Người này chưa bật mã một lần · No one-time code was on"
    tell(done, as_json=as_json, line=f"{off if done['was_on'] else none}: {done['email']}")


def token_add(
    email: Annotated[str, typer.Argument(help="Người giữ khoá · The owner's e-mail address.")],
    name: Annotated[str, typer.Option(help="Khoá dùng để làm gì · What it is for.")],
    scopes: Annotated[
        str,
        typer.Option(
            metavar="S,S", help="draft:write, media:write, status:read, metrics:read, inbox:read"
        ),
    ],
    days: Annotated[int, typer.Option(metavar="N", help="Số ngày · Days.")] = tokens.LONGEST_DAYS,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Tạo khoá cho chương trình, in một lần; không khoá nào duyệt hay đăng được · Add a token."""

    async def work(hub: Hub) -> dict[str, object]:
        async with hub.open_work() as session:
            owner = await people.by_email(session, email)
            made = await tokens.add(
                session,
                at_terminal(),
                owner.id,
                name=name,
                scopes=_listed(scopes),
                now=utc_now(),
                days=days,
            )
            return {
                "id": made.id,
                "token": made.secret,
                "expires_at": made.expires_at,
                "scopes": sorted(_listed(scopes)),
            }

    made = at_hub(data, work)
    tell(made, as_json=as_json, line=str(made["token"]))


def _listed(words: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in words.split(",") if word.strip()))


def _one_line() -> str:
    line = typed(line=True).rstrip("\r\n")
    if not line:
        raise InvalidError("password_missing")
    return line
