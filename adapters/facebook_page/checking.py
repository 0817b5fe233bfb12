"""The connection test: one probe after another, in words for the admin who set it up."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from adapters.facebook_page.client import Answer, GraphClient
from adapters.facebook_page.readback import entries
from adapters.facebook_page.settings import settings_of
from shared.clock import steady_seconds, utc_now
from shared.contract.errors import ChannelError
from shared.contract.messages import Account, Probe

# What publishing and reading back need (facebook-pages-api.md 2.2).
NEEDED_SCOPES = ("pages_manage_posts", "pages_read_engagement")
_KINDS = ("PAGE", "SYSTEM_USER")
_SOON = timedelta(days=7)

Found = tuple[bool, str]


async def probes(graph: GraphClient, account: Account) -> tuple[Probe, ...]:
    """Five probes: page, posts, version, token, permissions. Changes nothing, raises nothing."""
    settings = settings_of(account)
    seen_version: list[str | None] = []

    async def page() -> Found:
        answer = await graph.page(account)
        seen_version.append(answer.version)
        told = answer.text("name") or "(không tên)"
        if answer.text("id") != settings.page_id:
            return (
                False,
                f"Facebook trả lời bằng trang khác: {answer.text('id')}. Kiểm tra Mã trang.",
            )
        return True, f"Đọc được trang “{told}”."

    async def posts() -> Found:
        answer = await graph.list_edge(account, "published_posts", after="", limit=25)
        count = len(entries(answer.body))
        return True, f"Đọc lại được bài đã đăng ({count} bài ở trang đầu)."

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
        ok, detail = await ask()
    except ChannelError as error:
        remote = f" Facebook báo: {error.remote_code}." if error.remote_code else ""
        ok, detail = False, f"{_WORDS.get(error.code, 'Facebook từ chối.')}{remote}"
    return Probe(name=name, ok=ok, detail=detail, ms=round((steady_seconds() - began) * 1000))


_WORDS: Mapping[str, str] = {
    "unreachable": "Không kết nối được tới Facebook. Kiểm tra mạng và địa chỉ Graph.",
    "no_answer": "Facebook không trả lời kịp. Thử lại sau ít phút.",
    "channel_down": "Facebook đang trục trặc. Thử lại sau ít phút.",
    "unreadable_answer": "Facebook trả lời không đọc được. Thử lại sau ít phút.",
    "token_expired": "Mã truy cập trang không còn hiệu lực. Hãy lấy mã mới rồi nối lại trang.",
    "wrong_token": "Đây không phải mã truy cập trang. Hãy lấy Page token của trang này.",
    "proof_refused": "Khoá bí mật ứng dụng không khớp với mã truy cập. Kiểm tra App Secret.",
    "not_permitted": "Mã truy cập thiếu quyền trên trang. Cấp quyền rồi lấy mã mới.",
    "page_missing": "Không thấy trang. Kiểm tra Mã trang, hoặc mã truy cập thuộc trang khác.",
    "rate_limited": "Facebook yêu cầu gọi chậm lại. Thử lại sau ít phút.",
    "account_blocked": "Trang hoặc tài khoản đang bị Facebook giữ. Đăng nhập Facebook để xử lý.",
}


def _version(answered: str | None, pinned: str) -> Probe:
    # An expired version is answered by another one without any error (section 1).
    if answered is None:
        return Probe(name="version", ok=True, detail="Facebook không cho biết phiên bản.", ms=0)
    if answered != pinned:
        detail = (
            f"Facebook trả lời bằng {answered} thay cho {pinned}: "
            "phiên bản đã hết hạn, hãy đổi ở phần thiết lập."
        )
        return Probe(name="version", ok=False, detail=detail, ms=0)
    return Probe(name="version", ok=True, detail=f"Graph API {pinned}.", ms=0)


def _token(data: Mapping[str, object], *, app_id: str, now: datetime) -> Found:
    if data.get("is_valid") is not True:
        return False, "Mã truy cập trang không còn hiệu lực. Hãy lấy mã mới rồi nối lại trang."
    if data.get("type") not in _KINDS:
        return False, f"Mã truy cập loại {data.get('type')}: cần Page token hoặc System User token."
    if "app_id" in data and str(data.get("app_id")) != app_id:
        return False, f"Mã truy cập thuộc ứng dụng {data.get('app_id')}, không phải {app_id}."
    ends = [at for name in ("expires_at", "data_access_expires_at") if (at := _end(data.get(name)))]
    if not ends:
        return True, "Mã truy cập còn hiệu lực, không có ngày hết hạn."
    end = min(ends)
    day = f"{end:%d/%m/%Y}"
    if end <= now:
        return False, f"Mã truy cập hết hạn từ {day}. Hãy lấy mã mới rồi nối lại trang."
    if end - now < _SOON:
        return False, f"Mã truy cập sắp hết hạn, ngày {day}. Hãy lấy mã mới rồi nối lại trang."
    return True, f"Mã truy cập còn hiệu lực đến {day}."


def _permissions(data: Mapping[str, object]) -> Probe:
    told = data.get("scopes")
    if not isinstance(told, list):
        detail = "Facebook không cho biết mã truy cập có những quyền nào."
        return Probe(name="permissions", ok=False, detail=detail, ms=0)
    missing = [scope for scope in NEEDED_SCOPES if scope not in told]
    if missing:
        detail = f"Thiếu quyền {', '.join(missing)}. Cấp quyền trong ứng dụng rồi lấy mã mới."
        return Probe(name="permissions", ok=False, detail=detail, ms=0)
    return Probe(
        name="permissions", ok=True, detail="Đủ quyền đăng, sửa, xoá và đọc lại bài.", ms=0
    )


def _data(answer: Answer) -> Mapping[str, object]:
    data = answer.body.get("data")
    return data if isinstance(data, Mapping) else {}


def _end(value: object) -> datetime | None:
    # 0 means never (section 2.1).
    if not isinstance(value, int | float) or value <= 0:
        return None
    return datetime.fromtimestamp(value, tz=UTC)
