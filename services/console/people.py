"""Người dùng & vai trò: who works here, what they may do, and who can approve whose work.

Source: console-ux.md section 4 (S17).
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from services.console.ask import Ask, Said
from services.console.guard import Page, get, post
from services.content.approvers import approval_matrix
from services.staff import invitations, people, units
from services.staff.otp import reset_otp
from services.staff.queries import Person, list_people
from services.staff.sessions import end_session, sessions_of
from services.staff.tables import ROLES
from shared.errors import ConflictError, InvalidError, LoaError, NotFoundError
from shared.text import fold

_ADMIN: Final = ("admin",)
# Above this many the table of who approves whom is no table any more.
_MATRIX: Final = 40


async def show(ask: Ask) -> Response:
    """Everybody within reach, by unit; and who can approve whose work."""
    return await _page(ask)


async def invite(ask: Ask) -> Response:
    """Adds a person and shows the one-time link that lets them in."""
    try:
        async with ask.work() as session:
            secret = await invitations.invite(
                session,
                ask.caller,
                name=ask.text("name"),
                email=ask.text("email"),
                roles=ask.texts("role"),
                unit_code=ask.text("unit"),
                now=ask.now,
            )
    except InvalidError as error:
        return await _page(ask, faults=ask.faults(error))
    except (ConflictError, NotFoundError) as error:
        return await _page(ask, faults={"email": ask.refusal(error)})
    return await _page(ask, link=_link(ask, secret), invited=ask.text("name"))


async def one(ask: Ask) -> Response:
    """One person: roles, sessions, the ways to let them in or out."""
    return await _one(ask)


async def reinvite(ask: Ask) -> Response:
    """A new one-time link, for who never came or forgot the password."""
    person = await _person(ask)
    async with ask.work() as session:
        secret = await invitations.reinvite(session, ask.caller, person.id, now=ask.now)
    return await _one(ask, link=_link(ask, secret))


async def set_roles(ask: Ask) -> Response:
    """Replaces what a person may do."""
    person = await _person(ask)
    try:
        async with ask.work() as session:
            await people.set_roles(session, ask.caller, person.id, ask.texts("role"))
    except (InvalidError, ConflictError) as error:
        return await _one(ask, fault=ask.refusal(error))
    return ask.to(
        f"/admin/users/{person.id}",
        said=ask.t("Đã đổi vai trò. %(name)s cần đăng nhập lại.", name=person.name),
    )


async def suspend(ask: Ask) -> Response:
    """Lets a person go for now: sessions, tokens and invitations end."""
    person = await _person(ask)
    try:
        async with ask.work() as session:
            await people.deactivate(
                session, ask.caller, person.id, reason=ask.text("reason").strip() or None
            )
    except LoaError as error:
        return await _one(ask, fault=ask.refusal(error))
    told = ask.t("Đã khoá tài khoản của %(name)s.", name=person.name)
    undo = f"/admin/users/{person.id}/reactivate"
    return ask.to("/admin/users", said=Said(text=told, undo=undo))


async def reactivate(ask: Ask) -> Response:
    """Lets a person in again."""
    person = await _person(ask)
    async with ask.work() as session:
        await people.reactivate(session, ask.caller, person.id)
    told = ask.t("Đã mở lại tài khoản của %(name)s.", name=person.name)
    return ask.to("/admin/users", said=told)


async def forget_phone(ask: Ask) -> Response:
    """Takes the second step away from somebody who has lost phone and codes."""
    person = await _person(ask)
    async with ask.work() as session:
        await reset_otp(session, ask.caller, person.id)
    told = ask.t("Đã tắt mã một lần của %(name)s. Hãy nhắc họ bật lại.", name=person.name)
    return ask.to(f"/admin/users/{person.id}", said=told)


async def end(ask: Ask) -> Response:
    """Ends one session of somebody's."""
    person = await _person(ask)
    async with ask.work() as session:
        await end_session(session, ask.caller, ask.id("session_id"))
    return ask.to(f"/admin/users/{person.id}", said=ask.t("Đã kết thúc phiên đó."))


async def _page(
    ask: Ask,
    *,
    faults: Mapping[str, str] | None = None,
    link: str | None = None,
    invited: str = "",
) -> Response:
    async with ask.work() as session:
        everybody = await list_people(session, ask.caller.unit_ids)
        known_units = await units.of(session, ask.caller.unit_ids)
        matrix = await approval_matrix(session, ask.caller.unit_ids)
    asked, role = fold(ask.query("q")), ask.query("role")
    shown = [
        one
        for one in everybody
        if asked in fold(f"{one.name} {one.email} {one.unit_name}")
        and (not role or role in one.roles)
    ]
    return await ask.page(
        "people.html",
        block="list",
        status=422 if faults else 200,
        people=shown,
        count=len(everybody),
        looked_for={"q": ask.query("q"), "role": role},
        roles=ROLES,
        units=known_units,
        matrix=matrix if len(matrix.approvers) <= _MATRIX and len(matrix.rows) <= _MATRIX else None,
        uncovered=[row.author.name for row in matrix.rows if not row.covered],
        faults=faults or {},
        typed=ask.form,
        typed_roles=ask.texts("role"),
        link=link,
        invited=invited,
    )


async def _one(ask: Ask, *, link: str | None = None, fault: str | None = None) -> Response:
    person = await _person(ask)
    async with ask.work() as session:
        open_sessions = await sessions_of(session, person.id, now=ask.now)
    return await ask.page(
        "person.html",
        status=409 if fault else 200,
        person=person,
        roles=ROLES,
        open_sessions=open_sessions,
        link=link,
        fault=fault,
        own=person.id == ask.caller.staff_id,
    )


async def _person(ask: Ask) -> Person:
    wanted = ask.id("staff_id")
    async with ask.work() as session:
        found = await list_people(session, ask.caller.unit_ids)
    for one in found:
        if one.id == wanted:
            return one
    raise NotFoundError("staff_not_found")


def _link(ask: Ask, secret: str) -> str:
    return f"{ask.hub.public_url}/start/{secret}"


PAGES: Final[tuple[Page, ...]] = (
    get("/admin/users", show, roles=_ADMIN),
    post("/admin/users", invite, roles=_ADMIN),
    get("/admin/users/{staff_id}", one, roles=_ADMIN),
    post("/admin/users/{staff_id}/invite", reinvite, roles=_ADMIN),
    post("/admin/users/{staff_id}/roles", set_roles, roles=_ADMIN),
    post("/admin/users/{staff_id}/suspend", suspend, roles=_ADMIN),
    post("/admin/users/{staff_id}/reactivate", reactivate, roles=_ADMIN),
    post("/admin/users/{staff_id}/otp", forget_phone, roles=_ADMIN),
    post("/admin/users/{staff_id}/sessions/{session_id}/end", end, roles=_ADMIN),
)
