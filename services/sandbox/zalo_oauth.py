"""The OAuth host of Zalo: the consent page, codes, and refresh tokens that work once.

Wire facts: zalo-oa-api.md section 1. Refusals have `error_name` instead of `message`, and come with
HTTP 200 as well.
"""

import base64
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode

from services.sandbox import naming
from services.sandbox.faults import Fault
from services.sandbox.official_account import REFRESH_LIFE, Consent, OfficialAccount, Pair
from services.sandbox.pages import Pages
from services.sandbox.wire import HTML, Answer, Call, Request, as_json
from services.sandbox.world import ZALO, World

_CODE_LIFE = timedelta(minutes=10)
_WORDS = {
    -14002: "Invalid app id",
    -14003: "Invalid redirect uri",
    -14004: "Invalid secret key",
    -14005: "Invalid grant type",
    -14010: "Invalid code",
    -14011: "Invalid code verifier",
}


class _OAuthError(Exception):
    def __init__(self, code: int | None, name: str) -> None:
        super().__init__(name)
        self.code = code
        self.name = name


class OAuth:
    """The dialect of oauth.zaloapp.com."""

    channel = ZALO

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def understand(self, world: World, request: Request) -> Call:
        """Token calls belong to the OA of their code or refresh token; pages to nobody."""
        where = (request.method, request.path)
        form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        account: OfficialAccount | None = None
        operation = "consent"
        if where == ("POST", "/v4/oa/access_token"):
            operation = "exchange"
            if form.get("grant_type") == "refresh_token":
                operation = "refresh"
                found = world.oa_by_refresh(form.get("refresh_token", ""))
                account = found[0] if found else None
            else:
                account = _oa_of_code(world, form.get("code", ""))

        async def act(call: Call) -> Answer:
            try:
                match where:
                    case ("POST", "/v4/oa/access_token"):
                        return _traded(call, account, form)
                    case ("GET", "/v4/oa/permission"):
                        return self._asked(call, request.query)
                    case ("POST", "/v4/oa/permission"):
                        return _consented(call, form)
                    case _:
                        return _refusal(-404, "Not found")
            except _OAuthError as error:
                return _refusal(error.code, error.name)

        return Call(world=world, request=request, operation=operation, account=account, act=act)

    def throttled(self, call: Call, fault: Fault) -> Answer:
        """-32 in the OAuth form."""
        answer = _refusal(fault.form.code or -32, "Too many requests")
        if fault.form.retry_after is not None:
            answer.headers = ((b"retry-after", str(round(fault.form.retry_after)).encode()),)
        return answer

    def dead_token(self, call: Call, fault: Fault) -> Answer:
        """The refresh token is dead for good: only a new consent helps."""
        account = call.account
        if isinstance(account, OfficialAccount):
            for pair in account.pairs:
                pair.revoked = True
            _needs_consent(account)
            code = fault.form.code or account.traits.spent_refresh_code
            return _refusal(code, "Invalid refresh token")
        return _refusal(fault.form.code or -14014, "Invalid refresh token")

    def broken(self, call: Call) -> Answer:
        """A gateway's plain 500."""
        return Answer(status=500, body=b"Internal Server Error", content_type=b"text/plain")

    def refused(self, call: Call, fault: Fault) -> Answer:
        """A rate refusal although the token is spent."""
        return self.throttled(call, fault)

    def _asked(self, call: Call, query: dict[str, str]) -> Answer:
        """The page on which an OA admin chooses and agrees (section 1.1)."""
        oas = _oas_of_app(call.world, query.get("app_id", ""))
        _callback_fits(oas, query.get("redirect_uri", ""))
        body = self._pages.draw("consent.html", oas=oas, query=query, app_id=query["app_id"])
        return Answer(body=body.encode(), content_type=HTML)


def _consented(call: Call, form: dict[str, str]) -> Answer:
    """Back to the caller's address, with a code or with the admin's no."""
    redirect_uri = form.get("redirect_uri", "")
    oas = _oas_of_app(call.world, form.get("app_id", ""))
    _callback_fits(oas, redirect_uri)
    told = {"state": form["state"]} if form.get("state") else {}
    if form.get("decision") == "deny":
        told |= {"error": "-14009", "error_name": "User denied"}
    else:
        oa = next((oa for oa in oas if oa.id == form.get("oa_id", oas[0].id)), None)
        if oa is None:
            raise _OAuthError(112, "App is not linked with this OA")
        code = naming.mark(call.world.seed, "code", oa.id, oa.next_number())
        oa.consents[code] = Consent(at=call.world.now(), challenge=form.get("code_challenge", ""))
        told |= {"code": code, "oa_id": oa.id}
    location = f"{redirect_uri}?{urlencode(told)}".encode()
    return Answer(status=302, headers=((b"location", location),), content_type=None)


def _traded(call: Call, oa: OfficialAccount | None, form: dict[str, str]) -> Answer:
    """A new pair for a code or a refresh token."""
    known = oa or next(iter(_oas_of_app(call.world, form.get("app_id", ""))))
    if form.get("app_id") != known.app_id:
        raise _OAuthError(-14002, _WORDS[-14002])
    secret = call.request.headers.get("secret_key", "")
    if not hmac.compare_digest(secret.encode(), known.app_secret.encode()):
        raise _OAuthError(-14004, _WORDS[-14004])
    match form.get("grant_type"):
        case "authorization_code":
            pair = _exchanged(call, oa, form)
        case "refresh_token":
            pair = _refreshed(call, oa, form)
        case _:
            raise _OAuthError(-14005, _WORDS[-14005])
    expires: object = known.traits.expires_in
    if known.traits.expires_in_as == "string":
        expires = str(expires)
    body = {"access_token": pair.access, "refresh_token": pair.refresh, "expires_in": expires}

    def delivered() -> None:
        pair.delivered = True

    return Answer(body=as_json(body), delivered=delivered)


def _exchanged(call: Call, oa: OfficialAccount | None, form: dict[str, str]) -> Pair:
    now = call.world.now()
    consent = oa.consents.get(form.get("code", "")) if oa else None
    if oa is None or consent is None or consent.used or now - consent.at > _CODE_LIFE:
        raise _OAuthError(-14010, _WORDS[-14010])
    consent.used = True
    verifier = form.get("code_verifier", "")
    if consent.challenge or oa.traits.pkce == "required":
        digest = hashlib.sha256(verifier.encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != consent.challenge:
            raise _OAuthError(-14011, _WORDS[-14011])
    oa.counts["consents"] += 1
    oa.awaiting_consent = False
    return _new_pair(call, oa)


def _refreshed(call: Call, oa: OfficialAccount | None, form: dict[str, str]) -> Pair:
    """Spends the refresh token; who presents it again is refused, and counted (section 1.4)."""
    found = call.world.oa_by_refresh(form.get("refresh_token", ""))
    if oa is None or found is None:
        raise _OAuthError(-14014, "Invalid refresh token")
    used = found[1]
    if used.refresh_spent:
        successor = used.successor
        had_answer = successor is not None and successor.delivered
        oa.counts["refresh_spent_twice" if had_answer else "refresh_lost_answer"] += 1
        if oa.traits.reuse_revokes_family:
            for pair in oa.pairs:
                pair.revoked = True
        if not oa.pair.delivered or oa.pair.revoked:
            _needs_consent(oa)
        raise _OAuthError(oa.traits.spent_refresh_code, "Invalid refresh token")
    if used.revoked or call.world.now() - used.issued_at > REFRESH_LIFE:
        _needs_consent(oa)
        raise _OAuthError(oa.traits.spent_refresh_code, "Refresh token has expired")
    used.refresh_spent = True
    oa.counts["refreshes"] += 1
    used.successor = _new_pair(call, oa)
    return used.successor


def _new_pair(call: Call, oa: OfficialAccount) -> Pair:
    if oa.traits.refresh_kills_access:
        for pair in oa.pairs:
            pair.access_dead = True
    return call.world.issue_pair(oa)


def _needs_consent(oa: OfficialAccount) -> None:
    if not oa.awaiting_consent:
        oa.awaiting_consent = True
        oa.counts["consents_needed"] += 1


def _oas_of_app(world: World, app_id: str) -> list[OfficialAccount]:
    oas = [oa for oa in world.zalo.values() if oa.app_id == app_id]
    if not oas:
        raise _OAuthError(-14002, _WORDS[-14002])
    return oas


def _callback_fits(oas: list[OfficialAccount], redirect_uri: str) -> None:
    registered = {oa.traits.callback_url for oa in oas if oa.traits.callback_url}
    sound = redirect_uri.startswith(("http://", "https://")) and "?" not in redirect_uri
    if not sound or (registered and redirect_uri not in registered):
        raise _OAuthError(-14003, _WORDS[-14003])


def _oa_of_code(world: World, code: str) -> OfficialAccount | None:
    return next((oa for oa in world.zalo.values() if code in oa.consents), None)


def _refusal(code: int | None, name: str) -> Answer:
    body = {
        "error_name": name,
        "error_reason": name,
        "error_description": name,
        "ref_doc": "https://developers.zalo.me/docs",
    }
    numbered = body if code is None else {"error": code, **body}
    return Answer(body=as_json(numbered), code=-1 if code is None else code)
