"""Another agency's site with a feed of its own, odd in the ways that real ones are.

Dates end in `GMT+7`, names are wrapped in line ends, summaries begin with a picture, one item has
no date and one is written in TCVN3. Source: feeds.md section 13.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from html import escape
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.sandbox.demo import pictures
from services.sandbox.pages import SAFETY, Pages
from services.sandbox.world import World

NAME: Final = "Sở Y tế tỉnh Sen Trắng (mẫu)"
_HANOI: Final = timezone(timedelta(hours=7))
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
# What a first reading finds is older than this; the rest comes after it, as news.
_NEWS: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One item of the site; `dated` is how its date is written: `newsroom`, `plain`, `none`."""

    number: int
    age: timedelta
    title: str
    text: str
    section: str = "Tin hoạt động"
    dated: str = "newsroom"


def _story(
    number: int,
    hours: float,
    title: str,
    text: str,
    section: str = "Tin hoạt động",
    dated: str = "newsroom",
) -> Story:
    return Story(
        number=number,
        age=timedelta(hours=hours),
        title=title,
        text=text,
        section=section,
        dated=dated,
    )


STORIES: Final = (
    _story(
        412, 2,
        "Mở thêm 6 điểm tiêm vắc xin cúm cho người từ 65 tuổi",
        "<p>Từ thứ Hai tuần tới, 6 trạm y tế phường mở thêm bàn tiêm vắc xin cúm mùa cho người "
        "từ 65 tuổi. Bà con mang theo <b>căn cước</b> và sổ tiêm (nếu có).</p><p>Giờ tiêm: 7 giờ "
        "30 đến 11 giờ, 13 giờ 30 đến 16 giờ 30.</p>",
        "Phòng, chống dịch",
    ),
    _story(
        411, 5,
        "Công bố số điện thoại đường dây nóng y tế của 12 xã, phường",
        "<p>Danh sách đường dây nóng được cập nhật sau khi sắp xếp đơn vị hành "
        "chính:</p><ul><li>Phường Sen Hồng: 0200 3000 111</li><li>Phường Sen Trắng: 0200 3000 "
        "112</li><li>Xã Đầm Sen: 0200 3000 113</li></ul><p>Đường dây nóng trực 24/24 giờ.</p>",
    ),
    _story(
        410, 20,
        "Cảnh báo website giả mạo Sở Y tế bán thuốc",
        "<p>Sở Y tế không bán thuốc qua mạng. Trang web dùng tên gần giống Sở đang rao bán thuốc "
        "không rõ nguồn gốc; bà con không chuyển tiền, không cung cấp số tài khoản.</p>",
        "Cảnh báo",
    ),
    _story(
        409, 30,
        "Bệnh viện Đa khoa tỉnh khám sức khỏe học đường cho 4.200 học sinh",
        "<p>Đợt khám kéo dài ba tuần tại 9 trường, gồm đo thị lực, răng miệng và cột "
        "sống.</p></br>",
    ),
    _story(
        408, 46,
        "Lịch trực khám bệnh dịp Tết Dương lịch 2027",
        "<p>Các bệnh viện công trực cấp cứu 24/24 giờ từ ngày 31/12/2026 đến hết ngày "
        "03/01/2027.</p>",
        dated="plain",
    ),
    _story(
        407, 52,
        "Tập huấn sơ cứu đuối nước cho 300 giáo viên mầm non",
        "<p>Nội dung: hô hấp nhân tạo, ép tim, gọi hỗ trợ. Mỗi trường cử ít nhất hai giáo "
        "viên.</p>",
    ),
    _story(
        406, 70,
        "Th«ng b¸o lÞch phun thuèc phßng dÞch sèt xuÊt huyÕt",
        "<p>Trung t©m KiÓm so¸t bÖnh tËt phun thuèc t¹i 5 khu phè tõ ngµy mai. §Ò nghÞ bµ con "
        "che ®Ëy thùc phÈm vµ n\u00adíc uèng.</p>",
        "Phòng, chống dịch",
    ),
    _story(
        405, 90,
        "Kết quả kiểm tra an toàn thực phẩm 42 bếp ăn tập thể",
        "<p>39 bếp đạt yêu cầu. 3 bếp bị nhắc nhở về lưu mẫu thức ăn và sẽ được kiểm tra lại.</p>",
    ),
    _story(
        404, 100,
        "Hội nghị triển khai hồ sơ sức khỏe điện tử",
        "<p>Đến hết quý I năm 2027, mọi trạm y tế lập hồ sơ sức khỏe điện tử cho người dân.</p>",
        dated="none",
    ),
    _story(
        403, 120,
        "Tuyển dụng 25 bác sĩ, điều dưỡng cho tuyến xã",
        "<p>Hồ sơ nhận tại Phòng Tổ chức, tầng 2, từ ngày 25/11/2026 đến hết ngày 25/12/2026.</p>",
        "Tuyển dụng",
    ),
    _story(
        402, 140,
        "Khai trương phòng khám bác sĩ gia đình tại phường Sen Trắng",
        "<p>Phòng khám mở cửa cả sáng thứ Bảy, nhận thẻ bảo hiểm y tế.</p>",
    ),
    _story(
        401, 160,
        "Hướng dẫn bảo quản thuốc tại nhà mùa nồm ẩm",
        "<p>Để thuốc nơi khô, dưới 30 độ C, ngoài tầm tay trẻ em. Không dùng thuốc đã đổi "
        "màu.</p>",
        "Sức khỏe cộng đồng",
    ),
)  # fmt: skip


_PICTURES: Final = (
    (412, "tiem-chung.jpg"),
    (410, "canh-bao-lua-dao.jpg"),
    (404, "bieu-do.jpg"),
    (402, "tram-y-te.jpg"),
)


class SisterDoor:
    """The site's pages and its feed."""

    def __init__(self, world: World, pages: Pages) -> None:
        self._world = world
        self._pages = pages

    async def index(self, request: Request) -> Response:
        """The front page, which names the feed."""
        return self._drawn(request, None)

    async def story(self, request: Request) -> Response:
        """One story."""
        found = [one for one in STORIES if str(one.number) == request.path_params["number"]]
        if not found:
            raise HTTPException(404)
        return self._drawn(request, found[0])

    async def picture(self, request: Request) -> Response:
        """The picture of one story, drawn when it is asked for."""
        found = [name for number, name in _PICTURES if str(number) == request.path_params["number"]]
        if not found:
            raise HTTPException(404)
        drawn = await asyncio.to_thread(pictures.draw, found[0])
        return Response(drawn, media_type="image/jpeg")

    async def feed(self, request: Request) -> Response:
        """The feed; a first reader finds what is a day old, every later one the news too."""
        shown = [one for one in STORIES if one.age > _NEWS or self._world.sister_reads > 0]
        document = _document(shown, self._world.sister_since, _base(request)).encode()
        tag = f'"{sha256(document).hexdigest()[:16]}"'
        headers = {"ETag": tag, "Cache-Control": "max-age=300"}
        if request.headers.get("if-none-match") == tag and self._world.sister_reads > 1:
            return Response(status_code=304, headers=headers)
        self._world.sister_reads += 1
        return Response(document, media_type="text/xml; charset=utf-8", headers=headers)

    def _drawn(self, request: Request, story: Story | None) -> Response:
        page = self._pages.draw(
            "sister.html", name=NAME, stories=STORIES, story=story, feed=f"{_base(request)}/rss.xml"
        )
        return HTMLResponse(page, headers=SAFETY)


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/sister"


def _document(stories: list[Story], since: datetime, base: str) -> str:
    items = "".join(_item(one, since, base) for one in stories)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<rss version="2.0"><channel><title>{escape(NAME)}</title><link>{base}</link>'
        "<description><![CDATA[ Tin mới nhất ]]></description><generator>NukeViet "
        "v4.5</generator>"
        f"<ttl>10</ttl>{items}</channel></rss>"
    )


def _item(story: Story, since: datetime, base: str) -> str:
    link = f"{base}/tin/{story.number}"
    has = any(story.number == number for number, _ in _PICTURES)
    source = f"{base}/anh/{story.number}.jpg"
    picture = f'<img src="{source}" width="100" align="left" border="0">' if has else ""
    return (
        f"\n<item>\n  <title><![CDATA[{story.title}]]></title>\n  <link>\n    {link}\n  </link>\n"
        f'  <guid isPermaLink="false">\n    <![CDATA[news_{story.number}]]>\n  </guid>\n'
        f"  <category>{escape(story.section)}</category>\n"
        f"  <description><![CDATA[{picture}{story.text}]]></description>\n"
        f"{_date(story, since)}</item>"
    )


def _date(story: Story, since: datetime) -> str:
    at = (since - story.age).astimezone(_HANOI)
    if story.dated == "none":
        return ""
    if story.dated == "plain":
        return f"  <pubDate>{at:%d/%m/%Y %H:%M}</pubDate>\n"
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return f"  <pubDate>{day}, {at:%d} {month} {at:%Y %H:%M:%S} GMT+7</pubDate>\n"
