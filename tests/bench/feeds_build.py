"""Rebuilding a feed of fifty items after one has changed: ours, Django's syndication, feedgen.

All three hold the same fifty items in memory and write RSS 2.0 with the whole text of each; one
item gets new words before every turn. Only ours remembers what it wrote before, which is the point.
No database is read, nothing is packed and no tag is reckoned, on any side. What counts is the
thread's own processor time: on a busy machine the clock would stretch what takes long and spare
what does not, which once made a share of 8 look like 25.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl
from zoneinfo import ZoneInfo

import django  # type: ignore[import-untyped]
from django.conf import settings  # type: ignore[import-untyped]
from django.contrib.syndication.views import Feed as DjangoFeed  # type: ignore[import-untyped]
from django.test import RequestFactory  # type: ignore[import-untyped]
from django.utils.feedgenerator import Rss201rev2Feed  # type: ignore[import-untyped]
from feedgen.feed import FeedGenerator  # type: ignore[import-untyped]

from services.delivery.portal import Entry, Shown
from services.storage.columns import new_id
from services.syndication.address import FeedAddress, Form
from services.syndication.documents import joined
from services.syndication.feed import Feed, Writer
from services.syndication.fragments import Fragments
from services.syndication.rss import Rss
from services.syndication.texts import Voice

ITEMS: Final = 50
_EACH: Final = 40
_SITE: Final = "https://hoasen.example"
_DAY: Final = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)
_PARAGRAPH: Final = (
    "<p>Kính gửi <strong>bà con</strong> và doanh nghiệp: hệ thống dịch vụ công trực tuyến tạm "
    'dừng để nâng cấp; xem <a href="https://hoasen.example/lich">lịch</a> &amp; hướng dẫn.</p>'
)
_VOICE: Final = Voice(agency="UBND tỉnh Hoa Sen", zone=ZoneInfo("Asia/Ho_Chi_Minh"), categories={})
_FEED: Final = Feed(
    address=FeedAddress(slug="cong", form=Form.RSS),
    account_id=UUID(int=1),
    first=UUID(int=1),
    base=_SITE,
    title="Tin Hoa Sen",
    description="Tin chính thức của UBND tỉnh Hoa Sen.",
    link="https://cong.example/",
    page=f"{_SITE}/feeds/cong",
    icon=f"{_SITE}/icon.svg",
    logo=None,
    hub=f"{_SITE}/websub",
    voice=_VOICE,
    tombstones=(),
    previous=None,
    following=None,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds of the processor for one rebuild, the median of many."""

    ours: float
    django: float
    feedgen: float


def measure() -> Times:
    """The three by turns, in one process."""
    entries, words = _items()
    writers = (_ours(entries, words), _by_django(entries, words), _by_feedgen(entries, words))
    took: list[list[float]] = [[], [], []]
    for turn in range(_EACH):
        title = _changed(entries, words, turn)
        for place, write in enumerate(writers):
            began = time.thread_time()
            document = write()
            took[place].append(time.thread_time() - began)
            assert document.count(b"<item>") == ITEMS
            assert document.count(title.encode()) == 1
    medians = [sorted(one)[len(one) // 2] for one in took]
    return Times(ours=medians[0], django=medians[1], feedgen=medians[2])


def _items() -> tuple[list[Entry], dict[UUID, Shown]]:
    entries: list[Entry] = []
    words: dict[UUID, Shown] = {}
    for no in range(ITEMS):
        at = _DAY - timedelta(hours=no)
        one = Entry(
            publication_id=new_id(),
            generation=1,
            seen_at=None,
            published_at=at,
            changed_at=at,
            guid=f"tag:loa,2026:HS-2026-{no:06}",
            rendition_id=new_id(),
        )
        entries.append(one)
        words[one.rendition_id] = Shown(
            guid=one.guid,
            title=f"Tạm dừng nộp hồ sơ & trả kết quả lần {no}",
            summary="Từ 22:00 ngày 05/12 đến 06:00 ngày 06/12.",
            html=_PARAGRAPH * 12,
            link=f"{_SITE}/tin/HS-2026-{no:06}",
            category="tin-tuc",
            tags=("hồ sơ", "nâng cấp"),
            author="Sở Thông tin",
        )
    return entries, words


def _changed(entries: list[Entry], words: dict[UUID, Shown], turn: int) -> str:
    """One item gets other words, as a correction gives them; its new title."""
    before = entries[turn % ITEMS]
    title = f"Bản sửa lần {turn:03}"
    at = _DAY + timedelta(seconds=turn)
    one = replace(before, rendition_id=new_id(), generation=2, changed_at=at)
    words[one.rendition_id] = words[before.rendition_id].model_copy(update={"title": title})
    entries[turn % ITEMS] = one
    return title


def _ours(entries: Sequence[Entry], words: Mapping[UUID, Shown]) -> Callable[[], bytes]:
    writer: Writer = Rss()
    fragments = Fragments()

    def rebuild() -> bytes:
        known = fragments.known(writer, entries, _VOICE)
        pieces = fragments.written(writer, entries, _VOICE, known, words)
        return joined(writer, writer.opening(_FEED, _DAY), pieces)

    rebuild()
    return rebuild


class _FullText(Rss201rev2Feed):  # type: ignore[misc]  # Django has no types here
    """Django's RSS with what ours carries beside the summary."""

    def root_attributes(self) -> dict[str, str]:
        """The usual namespaces and that of the whole text."""
        usual: dict[str, str] = super().root_attributes()
        return usual | {"xmlns:content": "http://purl.org/rss/1.0/modules/content/"}

    def add_item_elements(self, handler: XMLGenerator, item: dict[str, str]) -> None:
        """The usual elements and the whole text."""
        super().add_item_elements(handler, item)
        handler.startElement("content:encoded", AttributesImpl({}))
        handler.characters(item["html"])
        handler.endElement("content:encoded")


Item: TypeAlias = tuple[Entry, Shown]


class _News(DjangoFeed):  # type: ignore[misc]  # the same
    """The same items as Django's syndication framework takes them."""

    feed_type = _FullText
    title = _FEED.title
    link = _FEED.link
    description = _FEED.description
    language = "vi"

    def __init__(self, entries: Sequence[Entry], words: Mapping[UUID, Shown]) -> None:
        self.entries = entries
        self.words = words

    def items(self) -> Sequence[Item]:
        return [(one, self.words[one.rendition_id]) for one in self.entries]

    def item_title(self, item: Item) -> str:
        return item[1].title

    def item_description(self, item: Item) -> str:
        return item[1].summary

    def item_link(self, item: Item) -> str:
        return item[1].link

    def item_guid(self, item: Item) -> str:
        return item[1].guid

    def item_author_name(self, item: Item) -> str:
        return item[1].author

    def item_pubdate(self, item: Item) -> datetime:
        return item[0].published_at

    def item_updateddate(self, item: Item) -> datetime:
        return item[0].changed_at

    def item_categories(self, item: Item) -> list[str]:
        return [item[1].category, *item[1].tags]

    def item_extra_kwargs(self, item: Item) -> dict[str, str]:
        return {"html": item[1].html}


def _by_django(entries: Sequence[Entry], words: Mapping[UUID, Shown]) -> Callable[[], bytes]:
    if not settings.configured:
        settings.configure(USE_TZ=True, ALLOWED_HOSTS=["*"], INSTALLED_APPS=[])
        django.setup()
    answer = _News(entries, words)
    request = RequestFactory().get("/feeds/cong/rss.xml")

    def rebuild() -> bytes:
        body: bytes = answer(request).content
        return body

    return rebuild


def _by_feedgen(entries: Sequence[Entry], words: Mapping[UUID, Shown]) -> Callable[[], bytes]:
    def rebuild() -> bytes:
        feed = FeedGenerator()
        feed.title(_FEED.title)
        feed.link(href=_FEED.link)
        feed.description(_FEED.description)
        feed.language("vi")
        for one in entries:
            told = words[one.rendition_id]
            entry = feed.add_entry(order="append")
            entry.guid(told.guid, permalink=False)
            entry.title(told.title)
            entry.link(href=told.link)
            entry.description(told.summary)
            entry.content(told.html, type="CDATA")
            entry.author(name=told.author, email="tin@hoasen.example")
            entry.category([{"term": name} for name in (told.category, *told.tags)])
            entry.pubDate(one.published_at)
            entry.updated(one.changed_at)
        body: bytes = feed.rss_str()
        return body

    return rebuild
