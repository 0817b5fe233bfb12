"""My account: password, one-time code, open sessions, and how the console looks to me.

Source: console-ux.md section 4 (S1, S26); reliability-security.md R75 to R78.
"""

from collections.abc import Mapping
from typing import Final

import segno
from markupsafe import Markup
from pydantic import JsonValue
from starlette.responses import Response

from services.console.ask import Ask, whole_number
from services.console.guard import Page, get, post
from services.staff import otp, own_account, recovery
from services.staff.caller import session_of
from services.staff.preferences import prefer
from services.staff.queries import list_people
from services.staff.sessions import end_session, sessions_of
from shared.errors import ForbiddenError, InvalidError

_QR_SCALE: Final = 5


async def show(ask: Ask) -> Response:
    """The page."""
    return await _page(ask)


async def change_password(ask: Ask) -> Response:
    """Changes the own password, against the present one."""
    try:
        if ask.text("new") != ask.text("again"):
            told = ask.t("Hai lần nhập mật khẩu mới không giống nhau.")
            return await _page(ask, faults={"again": told})
        await own_account.change_own_password(
            ask.hub.open_work, ask.caller, old=ask.text("old"), new=ask.text("new"), now=ask.now
        )
    except InvalidError as error:
        faults = ask.faults(error)
        return await _page(
            ask, faults={_FIELDS.get(name, name): told for name, told in faults.items()}
        )
    except ForbiddenError as error:
        return await _page(ask, faults={"old": ask.refusal(error)})
    return ask.to("/account", said=ask.t("Đã đổi mật khẩu. Các phiên khác đã được kết thúc."))


async def begin_otp(ask: Ask) -> Response:
    """Shows the secret for a phone, as a picture to scan and as letters to type."""
    async with ask.work() as session:
        enrolment = await otp.begin_enrolment(session, ask.hub.sealer, ask.caller, now=ask.now)
    return await _page(ask, enrolment=enrolment)


async def finish_otp(ask: Ask) -> Response:
    """Takes the first code of the phone; shows the recovery codes once."""
    try:
        async with ask.work() as session:
            codes = await otp.finish_enrolment(
                session, ask.hub.sealer, ask.caller, code=ask.text("code").strip(), now=ask.now
            )
    except InvalidError as error:
        async with ask.work() as session:
            again = await otp.begin_enrolment(session, ask.hub.sealer, ask.caller, now=ask.now)
        return await _page(ask, enrolment=again, faults={"code": ask.refusal(error)})
    return await _page(ask, codes=codes)


async def remove_otp(ask: Ask) -> Response:
    """Switches the second step off, for a code of it."""
    try:
        await otp.remove_own_otp(
            ask.hub.open_work, ask.hub.sealer, ask.caller, code=ask.text("off").strip(), now=ask.now
        )
    except (InvalidError, ForbiddenError) as error:
        return await _page(ask, faults={"off": ask.refusal(error)})
    return ask.to("/account", said=ask.t("Đã tắt mã một lần."))


async def renew_codes(ask: Ask) -> Response:
    """Makes new recovery codes; the old ones are worth nothing any more."""
    try:
        codes = await otp.renew_recovery_codes(
            ask.hub.open_work,
            ask.hub.sealer,
            ask.caller,
            code=ask.text("renew").strip(),
            now=ask.now,
        )
    except (InvalidError, ForbiddenError) as error:
        return await _page(ask, faults={"renew": ask.refusal(error)})
    return await _page(ask, codes=codes)


async def leave_elsewhere(ask: Ask) -> Response:
    """Ends another session of one's own."""
    async with ask.work() as session:
        await end_session(session, ask.caller, ask.id("session_id"))
    return ask.to("/account", said=ask.t("Đã kết thúc phiên đó."))


async def display(ask: Ask) -> Response:
    """Keeps how the console should look; from the help page too."""
    chosen: dict[str, JsonValue] = {
        "text_size": whole_number(ask.text("text_size")) or 100,
        "contrast": ask.text("contrast", "normal"),
        "motion": ask.text("motion", "system"),
        "shortcuts": ask.text("shortcuts", "on"),
    }
    async with ask.work() as session:
        for name, value in chosen.items():
            await prefer(session, ask.caller.staff_id, name, value)
    after = "/help" if ask.text("from") == "help" else "/account"
    return ask.to(after, said=ask.t("Đã lưu cách hiển thị."))


async def _page(
    ask: Ask,
    *,
    faults: Mapping[str, str] | None = None,
    enrolment: otp.Enrolment | None = None,
    codes: tuple[str, ...] = (),
) -> Response:
    async with ask.work() as session:
        own = next(
            one
            for one in await list_people(session, [ask.caller.unit_id])
            if one.id == ask.caller.staff_id
        )
        left = await recovery.recovery_codes_left(session, ask.caller.staff_id)
        open_sessions = await sessions_of(session, ask.caller.staff_id, now=ask.now)
    return await ask.page(
        "account.html",
        status=422 if faults else 200,
        own=own,
        codes=codes,
        codes_left=left,
        enrolment=enrolment,
        faults=faults or {},
        here_session=session_of(ask.caller),
        open_sessions=open_sessions,
        picture=_qr(enrolment.address) if enrolment else None,
    )


def _qr(address: str) -> Markup:
    """The address as a picture for a phone's camera."""
    drawn = segno.make(address, error="m").svg_inline(
        scale=_QR_SCALE, svgclass="qr", lineclass=None, omitsize=True
    )
    return Markup(drawn)  # noqa: S704  # drawn by the library from letters of base32


_FIELDS: Final = {"password": "new"}

PAGES: Final[tuple[Page, ...]] = (
    get("/account", show),
    post("/account/password", change_password),
    post("/account/otp/begin", begin_otp),
    post("/account/otp/finish", finish_otp),
    post("/account/otp/remove", remove_otp),
    post("/account/otp/codes", renew_codes),
    post("/account/sessions/{session_id}/end", leave_elsewhere),
    post("/account/display", display),
)
