"""The connection test: one probe after another, in words for the admin who set it up."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from adapters.facebook_page.client import Answer, GraphClient
from adapters.facebook_page.readback import entries
from adapters.facebook_page.settings import settings_of
from shared.clock import steady_seconds, utc_now
from shared.contract.errors import ChannelError
from shared.contract.messages import Account, Probe
from shared.text import two_languages

# What publishing and reading back need (facebook-pages-api.md 2.2).
NEEDED_SCOPES = ("pages_manage_posts", "pages_read_engagement")
_KINDS = ("PAGE", "SYSTEM_USER")
_SOON = timedelta(days=7)

Found = tuple[bool, str, str]  # whether it holds; the words, Vietnamese and English


async def probes(graph: GraphClient, account: Account) -> tuple[Probe, ...]:
    """Five probes: page, posts, version, token, permissions. Changes nothing, raises nothing."""
    settings = settings_of(account)
    seen_version: list[str | None] = []

    async def page() -> Found:
        answer = await graph.page(account)
        seen_version.append(answer.version)
        told = answer.text("name")
        if answer.text("id") != settings.page_id:
            return (
                False,
                f"Facebook trả lời bằng trang khác: {answer.text('id')}. Kiểm tra Mã trang.",
                f"Facebook answers with another page: {answer.text('id')}. Check the page's id.",
            )
        return (
            True,
            f"Đọc được trang “{told or '(không tên)'}”.",
            f"The page “{told or '(no name)'}” can be read.",
        )

    async def posts() -> Found:
        answer = await graph.list_edge(account, "published_posts", after="", limit=25)
        count = len(entries(answer.body))
        return (
            True,
            f"Đọc lại được bài đã đăng ({count} bài ở trang đầu).",
            f"Posts can be read back ({count} on the first page).",
        )

    probed = [await _timed("page", page), await _timed("posts", posts)]
    probed.append(_version(seen_version[0] if seen_version else None, settings.graph_version))
    inspected: list[Answer] = []

    async def token() -> Found:
        inspected.append(await graph.inspect(account))
        return _token(_data(inspected[0]), app_id=settings.app_id, now=utc_now())

    probed.append(await _timed("token", token))
    probed.append(_permissions(_data(inspected[0]) if inspected else {}))
    return tuple(probed)


async def _timed(name: str, ask: Callable[[], Awaitable[Found]]) -> Probe:
    began = steady_seconds()
    try:
        ok, vi, en = await ask()
    except ChannelError as error:
        vi, en = _WORDS.get(error.code, ("Facebook từ chối.", "Facebook refuses."))
        if error.remote_code:
            vi = f"{vi} Facebook báo: {error.remote_code}."
            en = f"{en} Facebook says: {error.remote_code}."
        ok = False
    return _told(name, vi, en, ok=ok, ms=round((steady_seconds() - began) * 1000))


def _told(name: str, vi: str, en: str, *, ok: bool = True, ms: int = 0) -> Probe:
    return Probe(name=name, ok=ok, detail=two_languages(vi, en), ms=ms)


_WORDS: Mapping[str, tuple[str, str]] = {
    "unreachable": (
        "Không kết nối được tới Facebook. Kiểm tra mạng và địa chỉ Graph.",
        "Facebook cannot be reached. Check the network and Graph's address.",
    ),
    "no_answer": (
        "Facebook không trả lời kịp. Thử lại sau ít phút.",
        "Facebook did not answer in time. Try again in a few minutes.",
    ),
    "channel_down": (
        "Facebook đang trục trặc. Thử lại sau ít phút.",
        "Facebook has a fault. Try again in a few minutes.",
    ),
    "unreadable_answer": (
        "Facebook trả lời không đọc được. Thử lại sau ít phút.",
        "Facebook's answer cannot be read. Try again in a few minutes.",
    ),
    "token_expired": (
        "Mã truy cập trang không còn hiệu lực. Hãy lấy mã mới rồi nối lại trang.",
        "The page's token has ended. Get a new one and connect again.",
    ),
    "wrong_token": (
        "Đây không phải mã truy cập trang. Hãy lấy Page token của trang này.",
        "This is not a page token. Get the Page token of this page.",
    ),
    "proof_refused": (
        "Khoá bí mật ứng dụng không khớp với mã truy cập. Kiểm tra App Secret.",
        "The app's secret does not match the token. Check the App Secret.",
    ),
    "not_permitted": (
        "Mã truy cập thiếu quyền trên trang. Cấp quyền rồi lấy mã mới.",
        "The token lacks a right on the page. Grant it and get a new token.",
    ),
    "page_missing": (
        "Không thấy trang. Kiểm tra Mã trang, hoặc mã truy cập thuộc trang khác.",
        "No such page. Check its id, or the token is another page's.",
    ),
    "rate_limited": (
        "Facebook yêu cầu gọi chậm lại. Thử lại sau ít phút.",
        "Facebook asks for fewer calls. Try again in a few minutes.",
    ),
    "account_blocked": (
        "Trang hoặc tài khoản đang bị Facebook giữ. Đăng nhập Facebook để xử lý.",
        "Facebook holds the page or the account. Sign in there to see why.",
    ),
}


def _version(answered: str | None, pinned: str) -> Probe:
    # An expired version is answered by another one without any error (section 1).
    if answered is None:
        return _told(
            "version",
            "Facebook không cho biết phiên bản.",
            "Facebook does not tell its version.",
        )
    if answered != pinned:
        return _told(
            "version",
            f"Facebook trả lời bằng {answered} thay cho {pinned}: "
            "phiên bản đã hết hạn, hãy đổi ở phần thiết lập.",
            f"Facebook answers with {answered} instead of {pinned}: "
            "that version has ended, change it in the settings.",
            ok=False,
        )
    return _told("version", f"Graph API {pinned}.", f"Graph API {pinned}.")


def _token(data: Mapping[str, object], *, app_id: str, now: datetime) -> Found:
    if data.get("is_valid") is not True:
        return False, *_WORDS["token_expired"]
    if data.get("type") not in _KINDS:
        return (
            False,
            f"Mã truy cập loại {data.get('type')}: cần Page token hoặc System User token.",
            f"A token of type {data.get('type')}: a Page or System User token is needed.",
        )
    if "app_id" in data and str(data.get("app_id")) != app_id:
        return (
            False,
            f"Mã truy cập thuộc ứng dụng {data.get('app_id')}, không phải {app_id}.",
            f"The token belongs to app {data.get('app_id')}, not {app_id}.",
        )
    ends = [at for name in ("expires_at", "data_access_expires_at") if (at := _end(data.get(name)))]
    if not ends:
        return (
            True,
            "Mã truy cập còn hiệu lực, không có ngày hết hạn.",
            "The token holds and has no last day.",
        )
    end = min(ends)
    day = f"{end:%d/%m/%Y}"
    if end <= now:
        return (
            False,
            f"Mã truy cập hết hạn từ {day}. Hãy lấy mã mới rồi nối lại trang.",
            f"The token ended on {day}. Get a new one and connect again.",
        )
    if end - now < _SOON:
        return (
            False,
            f"Mã truy cập sắp hết hạn, ngày {day}. Hãy lấy mã mới rồi nối lại trang.",
            f"The token ends soon, on {day}. Get a new one and connect again.",
        )
    return True, f"Mã truy cập còn hiệu lực đến {day}.", f"The token holds until {day}."


def _permissions(data: Mapping[str, object]) -> Probe:
    told = data.get("scopes")
    if not isinstance(told, list):
        return _told(
            "permissions",
            "Facebook không cho biết mã truy cập có những quyền nào.",
            "Facebook does not tell what rights the token has.",
            ok=False,
        )
    missing = ", ".join(scope for scope in NEEDED_SCOPES if scope not in told)
    if missing:
        return _told(
            "permissions",
            f"Thiếu quyền {missing}. Cấp quyền trong ứng dụng rồi lấy mã mới.",
            f"{missing} missing. Grant it in the app and get a new token.",
            ok=False,
        )
    return _told(
        "permissions",
        "Đủ quyền đăng, sửa, xoá và đọc lại bài.",
        "Posts may be made, changed, deleted and read back.",
    )


def _data(answer: Answer) -> Mapping[str, object]:
    data = answer.body.get("data")
    return data if isinstance(data, Mapping) else {}


def _end(value: object) -> datetime | None:
    # 0 means never (section 2.1).
    if not isinstance(value, int | float) or value <= 0:
        return None
    return datetime.fromtimestamp(value, tz=UTC)
