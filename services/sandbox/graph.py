"""The Graph API as a dialect: addresses, tokens and proofs, refusals, usage headers.

Wire facts: facebook-pages-api.md sections 1, 2, 8 and the last paragraph of 10. Which HTTP status
belongs to which code is not documented: 400 for refusals here, 500 for codes 1 and 2.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable

from services.sandbox import graph_objects, graph_posting, graph_reading
from services.sandbox.faults import Fault
from services.sandbox.forms import read_form
from services.sandbox.graph_words import GraphRefused, Parameters
from services.sandbox.page import Page
from services.sandbox.wire import Answer, Call, Request, as_json
from services.sandbox.world import FACEBOOK, World

_VERSION = re.compile(r"v([0-9]+)\.([0-9])")
_OLDEST, _NEWEST = 21, 26  # alive in November 2026 [section 1]
_UNVERSIONED = "v25.0"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")

Handler = Callable[[Call, Page, Parameters], Awaitable[dict[str, object]]]

_EDGES: dict[tuple[str, str], tuple[str, Handler]] = {
    ("POST", "feed"): ("feed", graph_posting.feed),
    ("POST", "photos"): ("photo", graph_posting.photo),
    ("POST", "videos"): ("video", graph_posting.video),
    ("POST", "messages"): ("message", graph_posting.message),
    ("POST", "subscribed_apps"): ("subscribe", graph_reading.subscribe),
    ("GET", "subscribed_apps"): ("subscribe", graph_reading.subscriptions),
    ("GET", "feed"): ("list", graph_reading.whole_feed),
    ("GET", "posts"): ("list", graph_reading.published_posts),
    ("GET", "published_posts"): ("list", graph_reading.published_posts),
    ("GET", "scheduled_posts"): ("list", graph_reading.scheduled_posts),
    ("GET", "videos"): ("list", graph_reading.videos),
}
_ON_OBJECT: dict[str, tuple[str, Handler]] = {
    "GET": ("read", graph_objects.read),
    "POST": ("edit", graph_objects.edit),
    "DELETE": ("delete", graph_objects.delete),
}


class Graph:
    """The dialect of graph.facebook.com and graph-video.facebook.com."""

    channel = FACEBOOK

    def understand(self, world: World, request: Request) -> Call:
        """The Page is whose token it is; the target is read from the path."""
        version, parts = _split(request.path)
        parameters = Parameters(given=_given(request), version=version)
        token = _token(request, parameters)
        method = request.method
        if parameters.text("method").upper() in ("DELETE", "POST", "GET"):
            method = parameters.text("method").upper()
        operation, work = _route(method, parts)
        page = world.page_by_token(token) if token else None

        async def act(call: Call) -> Answer:
            if request.content_type == "multipart/form-data":
                fields, files = await read_form(request)
                parameters.given.update(fields)
                parameters.files.update(files)
            try:
                body = await work(call, parameters, token or parameters.text("access_token"))
            except GraphRefused as refused:
                return _refusal(call, refused, version)
            return Answer(body=as_json(body), headers=_headers(page, version))

        return Call(world=world, request=request, operation=operation, account=page, act=act)

    def throttled(self, call: Call, fault: Fault) -> Answer:
        """80001 and the header that says in how many minutes calls are welcome (section 8.3)."""
        code = fault.form.code or 80001
        refused = GraphRefused(
            code,
            f"(#{code}) There have been too many calls to this Page account. "
            "Wait a bit and try again.",
            subcode=fault.form.subcode,
        )
        answer = _refusal(call, refused, _version_of(call))
        seconds = fault.form.retry_after
        answer.headers += _usage(call.account, 100, minutes=round((seconds or 0) / 60 + 0.49))
        if seconds is not None:
            answer.headers += ((b"retry-after", str(round(seconds)).encode()),)
        return answer

    def dead_token(self, call: Call, fault: Fault) -> Answer:
        """190 with a subcode, 463 unless another is asked for (section 2.3)."""
        refused = GraphRefused(
            fault.form.code or 190,
            "Error validating access token: Session has expired.",
            subcode=fault.form.subcode or 463,
        )
        return _refusal(call, refused, _version_of(call))

    def broken(self, call: Call) -> Answer:
        """HTTP 500 with code 2: seen while the post was live (section 4)."""
        refused = GraphRefused(
            2, "An unexpected error has occurred. Please retry your request later.", transient=True
        )
        return _refusal(call, refused, _version_of(call), status=500)

    def refused(self, call: Call, fault: Fault) -> Answer:
        """506, as if the post that has just been made had been there before."""
        code = fault.form.code or 506
        refused = GraphRefused(
            code, f"(#{code}) Duplicate status message", subcode=fault.form.subcode
        )
        return _refusal(call, refused, _version_of(call))


Work = Callable[[Call, Parameters, str], Awaitable[dict[str, object]]]


def _route(method: str, parts: list[str]) -> tuple[str, Work]:
    """Operation and work of an address such as `{page}/feed`, `{post}` or `debug_token`."""
    match parts:
        case ["debug_token"]:
            return "inspect", graph_reading.inspect
        case ["me", "accounts"]:
            return "accounts", graph_reading.accounts
        case [target]:
            operation, handler = _ON_OBJECT.get(method, ("unknown", _nothing_there))
        case [target, edge]:
            operation, handler = _EDGES.get((method, edge), ("unknown", _nothing_there))
        case _:
            target, operation, handler = "", "unknown", _nothing_there

    async def work(call: Call, parameters: Parameters, token: str) -> dict[str, object]:
        page = _let_in(call, parameters, token)
        parameters.target = page.id if target == "me" else target
        if len(parts) > 1 and parameters.target != page.id:
            raise graph_objects.missing(parameters.target)
        return await handler(call, page, parameters)

    return operation, work


async def _nothing_there(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    raise GraphRefused(2500, f"Unknown path components: {call.request.path}")


def _let_in(call: Call, parameters: Parameters, token: str) -> Page:
    """The Page of a living token, with the right proof where one is given or asked for."""
    if not token:
        raise GraphRefused(2500, "An active access token must be used to query information.")
    page = call.world.page_by_token(token)
    if page is None:
        user = call.world.users.get(token)
        if user is not None:
            return _page_of_user(parameters, user, call)
        raise GraphRefused(190, "Invalid OAuth access token - Cannot parse access token")
    proof = parameters.text("appsecret_proof")
    if proof:
        if not page.proof:
            key = page.app_secret.encode()
            page.proof = hmac.new(key, token.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(proof.encode(), page.proof.encode()):
            raise GraphRefused(100, "Invalid appsecret_proof provided in the API argument")
    elif page.traits.require_proof:
        raise GraphRefused(100, "API calls from the server require an appsecret_proof argument")
    return page


def _page_of_user(parameters: Parameters, pages: list[Page], call: Call) -> Page:
    """A user token may read a Page of its own, to be told the Page's token (section 2.1)."""
    wanted = _split(call.request.path)[1][:1]
    page = next((page for page in pages if [page.id] == wanted), None)
    if page is None or call.request.method != "GET":
        raise GraphRefused(190, "A Page access token is required.", subcode=2069032)
    parameters.by_user = True
    return page


def _split(path: str) -> tuple[str, list[str]]:
    """The version that will answer, and the parts of the address behind it.

    A version that is gone, or not yet there, is served by the oldest that lives (section 1).
    """
    parts = [part for part in path.split("/") if part]
    found = _VERSION.fullmatch(parts[0]) if parts else None
    if found is None:
        return _UNVERSIONED, parts
    alive = _OLDEST <= int(found[1]) <= _NEWEST and found[2] == "0"
    return (parts[0] if alive else f"v{_OLDEST}.0"), parts[1:]


def _version_of(call: Call) -> str:
    return _split(call.request.path)[0]


def _given(request: Request) -> dict[str, object]:
    """Query and body together; a multipart body is read later, when the call acts."""
    given: dict[str, object] = dict(request.query)
    if request.content_type == "application/x-www-form-urlencoded":
        given.update(graph_posting.form_fields(request.body))
    elif request.body and request.content_type not in _FORMS:
        try:
            body: object = json.loads(request.body)
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            given.update(body)
    elif request.content_type == "multipart/form-data" and "access_token" not in given:
        token = _token_in_parts(request.body)
        if token:
            given["access_token"] = token
    return given


_TOKEN_PART = re.compile(rb'name="access_token"\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]+)\r\n')


def _token_in_parts(body: bytes) -> str:
    # Only the token is needed before the call acts: whose call it is decides on faults.
    found = _TOKEN_PART.search(body)
    return found[1].decode("latin-1") if found else ""


def _token(request: Request, parameters: Parameters) -> str:
    scheme, _, told = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "oauth") and told:
        return told.strip()
    return parameters.text("access_token")


def _refusal(call: Call, refused: GraphRefused, version: str, *, status: int = 400) -> Answer:
    page = call.account if isinstance(call.account, Page) else None
    error: dict[str, object] = {
        "message": refused.message,
        "type": "OAuthException",
        "code": refused.code,
    }
    if refused.subcode:
        error["error_subcode"] = refused.subcode
    error |= {"is_transient": refused.transient, "fbtrace_id": f"A{call.world.event_no:013d}"}
    return Answer(
        status=status,
        body=as_json({"error": error}),
        headers=_headers(page, version),
        code=refused.code,
    )


def _headers(page: Page | None, version: str) -> tuple[tuple[bytes, bytes], ...]:
    told = ((b"facebook-api-version", version.encode()),)
    if page is None or not page.traits.usage_percent:
        return told
    return told + _usage(page, page.traits.usage_percent)


def _usage(account: object, percent: int, *, minutes: int = 0) -> tuple[tuple[bytes, bytes], ...]:
    page_id = account.id if isinstance(account, Page) else "0"
    spent = f'"call_count":{percent},"total_cputime":{percent},"total_time":{percent}'
    business = (
        f'{{"{page_id}":[{{"type":"pages",{spent},"estimated_time_to_regain_access":{minutes}}}]}}'
    )
    return (
        (b"x-page-usage", f"{{{spent}}}".encode()),
        (b"x-business-use-case-usage", business.encode()),
    )
