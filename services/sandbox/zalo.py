"""The Open API of Zalo as a dialect: routes, tokens, the envelope, and how it words failure.

Wire facts: zalo-oa-api.md sections 0.2, 2, 10 and 12. Failures are HTTP 200 with `error` in it.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from services.sandbox import zalo_articles, zalo_messages, zalo_uploads
from services.sandbox.faults import Fault
from services.sandbox.official_account import OfficialAccount, Pair
from services.sandbox.wire import Answer, Call, Request, as_json
from services.sandbox.world import ZALO, World
from services.sandbox.zalo_envelope import Refused

Handler = Callable[[Call, OfficialAccount], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Route:
    """What one address does. `articles`: needs the permission and the package for articles."""

    operation: str
    handler: Handler
    articles: bool = False


async def profile(call: Call, oa: OfficialAccount) -> object:
    """The OA itself (section 2); the name of the id field is one of the disagreements."""
    traits = oa.traits
    ids = {"oa_id": oa.id, "oaid": oa.id}
    if traits.id_field != "both":
        ids = {traits.id_field: oa.id}
    return {
        **ids,
        "name": oa.name,
        "description": "Kênh thông tin chính thức (mô phỏng)",
        "oa_alias": f"oa{oa.id[-6:]}",
        "is_verified": traits.verified,
        "oa_type": traits.oa_type,
        "cate_name": "Cơ quan nhà nước" if traits.oa_type == 4 else "Doanh nghiệp",
        "num_follower": traits.num_follower,
        "avatar": f"{call.request.base}/static/avatar.svg",
        "cover": "",
        "package_name": traits.package_name,
        "package_valid_through_date": traits.package_valid_through_date,
        "package_auto_renew_date": "",
        traits.zca_field: "",
    }


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v2.0/oa/getoa"): Route("profile", profile),
    ("POST", "/v2.0/article/create"): Route("create", zalo_articles.create, articles=True),
    ("POST", "/v2.0/article/verify"): Route("verify", zalo_articles.verify, articles=True),
    ("POST", "/v2.0/article/update"): Route("update", zalo_articles.update, articles=True),
    ("POST", "/v2.0/article/remove"): Route("remove", zalo_articles.remove, articles=True),
    ("GET", "/v2.0/article/getdetail"): Route("detail", zalo_articles.detail, articles=True),
    ("GET", "/v2.0/article/getslice"): Route("list", zalo_articles.listing, articles=True),
    ("POST", "/v2.0/article/upload_video/preparevideo"): Route(
        "video", zalo_uploads.prepare_video, articles=True
    ),
    ("GET", "/v2.0/article/upload_video/verify"): Route(
        "video_state", zalo_uploads.video_state, articles=True
    ),
    ("POST", "/v2.0/oa/upload/image"): Route("upload", zalo_uploads.image),
    ("POST", "/v2.0/oa/upload/gif"): Route("upload", zalo_uploads.gif),
    ("POST", "/v2.0/oa/upload/file"): Route("upload", zalo_uploads.file),
    ("POST", "/v2.0/oa/message"): Route("message", zalo_messages.second_version),
    ("POST", "/v3.0/oa/message/cs"): Route("message", zalo_messages.customer_care),
    ("POST", "/v3.0/oa/message/promotion"): Route("message", zalo_messages.promotion),
    ("GET", "/v2.0/oa/listrecentchat"): Route("chats", zalo_messages.recent_chats),
    ("GET", "/v2.0/oa/conversation"): Route("chats", zalo_messages.conversation),
}


class OpenApi:
    """The dialect of openapi.zalo.me."""

    channel = ZALO

    def understand(self, world: World, request: Request) -> Call:
        """The account is whose `access_token` header it is, dead or alive."""
        route = ROUTES.get((request.method, request.path))
        found = world.oa_by_access(request.headers.get("access_token", ""))
        operation = route.operation if route else "unknown"
        if operation == "message" and b'"target"' in request.body:
            operation = "broadcast"

        async def act(call: Call) -> Answer:
            return await _answered(call, route, found)

        account = found[0] if found else None
        return Call(world=world, request=request, operation=operation, account=account, act=act)

    def throttled(self, call: Call, fault: Fault) -> Answer:
        """-32 with the rate headers, whose spelling is Zalo's (section 10.2)."""
        answer = _refusal(
            fault.form.code or -32, "Your app or OA has exceeded the number of requests per minute"
        )
        answer.headers = _rate_headers(limit=4000, left=0) + _retry_after(fault)
        return answer

    def dead_token(self, call: Call, fault: Fault) -> Answer:
        """-216; the token is really dead from now on, so only a renewal helps."""
        found = call.world.oa_by_access(call.request.headers.get("access_token", ""))
        if found is not None:
            found[1].access_dead = True
        return _refusal(fault.form.code or -216, "Access token is invalid")

    def broken(self, call: Call) -> Answer:
        """A gateway's plain 500."""
        return Answer(status=500, body=b"Internal Server Error", content_type=b"text/plain")

    def refused(self, call: Call, fault: Fault) -> Answer:
        """Zalo has no code for duplicates; a rate refusal is what may stand before a success."""
        return self.throttled(call, fault)


async def _answered(
    call: Call, route: Route | None, found: tuple[OfficialAccount, Pair] | None
) -> Answer:
    if route is None:
        return _refusal(-404, "Empty API", status=404)
    try:
        oa = _let_in(call, found)
        if route.articles:
            _may_write_articles(oa)
        data = await route.handler(call, oa)
    except Refused as refused:
        return _refusal(refused.code, refused.message, status=refused.status)
    answer = Answer(body=as_json({"error": 0, "message": "Success", "data": data}))
    if oa.traits.calls_per_minute:
        left = oa.traits.calls_per_minute - oa.calls_this_minute
        answer.headers = _rate_headers(limit=oa.traits.calls_per_minute, left=max(0, left))
    return answer


def _let_in(call: Call, found: tuple[OfficialAccount, Pair] | None) -> OfficialAccount:
    """The OA of a living token in the bare header; nothing else opens this door (section 0.2)."""
    if found is None:
        raise Refused(-216, "Access token is invalid")
    oa, pair = found
    now = call.world.now()
    if pair.access_dead or pair.revoked:
        raise Refused(-216, "Access token is invalid")
    if pair.expires_at <= now:
        raise Refused(-220, "Access token has expired")
    proof = call.request.headers.get("appsecret_proof")
    if proof is not None or oa.traits.require_proof:
        right = hmac.new(oa.app_secret.encode(), pair.access.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(right, proof or ""):
            raise Refused(-242, "appsecret_proof is invalid")
    if oa.traits.calls_per_minute:
        minute = int(now.timestamp() // 60)
        if oa.minute != minute:
            oa.minute, oa.calls_this_minute = minute, 0
        oa.calls_this_minute += 1
        if oa.calls_this_minute > oa.traits.calls_per_minute:
            raise Refused(-32, "Your app or OA has exceeded the number of requests per minute")
    return oa


def _may_write_articles(oa: OfficialAccount) -> None:
    if not oa.traits.verified:
        raise Refused(-221, "OA is not verified")
    if not oa.traits.granted:
        raise Refused(-223, "OA has not granted this API permission to your app")
    if not oa.traits.package_allows:
        raise Refused(-224, "OA package is too low, see https://zalo.cloud/oa/pricing")


def _refusal(code: int, message: str, *, status: int = 200) -> Answer:
    return Answer(status=status, body=as_json({"error": code, "message": message}), code=code)


def _rate_headers(*, limit: int, left: int) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-ratelimit-limit", str(limit).encode()),
        (b"x-ratelimit-remain", str(left).encode()),
    )


def _retry_after(fault: Fault) -> tuple[tuple[bytes, bytes], ...]:
    seconds = fault.form.retry_after
    return () if seconds is None else ((b"retry-after", str(round(seconds)).encode()),)
