"""A feed written without a database: one entry, told in any format."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from services.delivery.portal import Entry, EntryFile, EntryPicture, Shown
from services.storage.columns import new_id
from services.syndication.address import FeedAddress, Form
from services.syndication.atom import Atom
from services.syndication.documents import joined
from services.syndication.feed import Feed, Writer
from services.syndication.json_feed import JsonFeed
from services.syndication.rss import Rss
from services.syndication.texts import Voice, told

CHANGED = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)
VOICE = Voice(
    agency="UBND tỉnh Hoa Sen",
    zone=ZoneInfo("Asia/Ho_Chi_Minh"),
    categories={"tin-tuc": "Tin tức"},
)
FEED = Feed(
    address=FeedAddress(slug="cong", form=Form.RSS),
    account_id=UUID("0192f0c0-0000-7000-8000-000000000001"),
    first=UUID("0192f0c0-0000-7000-8000-000000000001"),
    base="https://hoasen.example",
    title="Tin Hoa Sen",
    description="Tin chính thức.",
    link="https://cong.example/",
    page="https://hoasen.example/feeds/cong",
    icon="https://hoasen.example/static/public/icon.svg",
    logo=None,
    hub="https://hoasen.example/websub",
    voice=VOICE,
    tombstones=(),
    previous=None,
    following=None,
)
SHOWN = Shown(
    guid="tag:loa,2026:HS-2026-000123",
    title="Tạm dừng nộp hồ sơ & trả kết quả",
    summary="Từ 22:00 < 06:00.",
    html="<p>Kính gửi <strong>bà con</strong> &amp; doanh nghiệp.</p>",
    link="https://hoasen.example/tin/HS-2026-000123",
    category="tin-tuc",
    tags=("hồ sơ", "nâng cấp"),
    author="Sở Thông tin",
)
ENTRY = Entry(
    publication_id=new_id(),
    generation=1,
    seen_at=None,
    published_at=datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
    changed_at=datetime(2026, 11, 20, 5, 0, tzinfo=UTC),
    guid=SHOWN.guid,
    rendition_id=new_id(),
)
PICTURE = EntryPicture(
    url="https://hoasen.example/media/a.jpg?x=1&y=2",
    mime="image/jpeg",
    width=1600,
    height=900,
    size_bytes=123_456,
    alt="Ao sen",
    caption="Ao sen buổi sáng",
    credit="Lê Thu Hà",
)
FILE = EntryFile(url="https://hoasen.example/media/v.mp4", mime="video/mp4", size_bytes=9)
WRITERS: dict[str, Writer] = {"rss.xml": Rss(), "atom.xml": Atom(), "feed.json": JsonFeed()}


def written(
    form: str,
    *shown: Shown,
    entry: Entry = ENTRY,
    feed: Feed = FEED,
    changed_at: datetime = CHANGED,
) -> bytes:
    """A whole document of these entries."""
    writer = WRITERS[form]
    own = replace(feed, address=replace(feed.address, form=Form(form)))
    pieces = [writer.entry(told(entry, one, feed.voice)) for one in shown]
    return joined(writer, writer.opening(own, changed_at), pieces)
