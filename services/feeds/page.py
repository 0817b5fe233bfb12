"""Draws the public pages: one item, a withdrawn one, the list of feeds, and what went wrong."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.content import brand
from services.content.tables import Media
from services.delivery.hub import Hub
from services.delivery.public_item import PublicItem, WithdrawnItem
from services.feeds import card as cards
from services.feeds import pictures, words
from services.feeds.dress import PIECES
from services.staff.agency import Agency
from services.syndication.address import OPML
from services.syndication.catalogue import Shelf, Written
from services.syndication.websub import LIMITS
from shared.contract.blocks import Figure, figures, html_attributes, to_html
from shared.contract.messages import AI_LABEL


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why there is no page: a heading, what it means, and the same in English."""

    heading: str
    detail: str
    english: str


NO_ITEM = Problem(
    heading="Không có tin ở địa chỉ này",
    detail="Có thể địa chỉ bị gõ thiếu, hoặc tin chưa được công bố. Vui lòng kiểm tra liên kết.",
    english="There is no item at this address, or it has not been published yet.",
)
NO_FEED = Problem(
    heading="Không có nguồn tin này",
    detail="Vui lòng xem danh sách các nguồn tin đang hoạt động.",
    english="There is no such feed.",
)
CLOSED_FEED = Problem(
    heading="Nguồn tin này đã đóng",
    detail="Nguồn này không còn được cập nhật. Vui lòng xem danh sách nguồn tin đang hoạt động.",
    english="This feed has been closed and will not come back.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A picture for whoever shares a link: its absolute address, size and description."""

    address: str
    width: int | None
    height: int | None
    alt: str


class Pages:
    """The templates of this door, ready for one hub: its agency, its public address, its zone."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.zone = ZoneInfo(hub.timezone)
        # Media and styles are addressed on this host, below the path of the public address, so that
        # the page's own policy ('self') allows them whatever name it was asked by.
        self.base = urlsplit(hub.public_url).path.rstrip("/")
        self.environment = Environment(
            loader=PackageLoader("services.feeds"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(
            static={
                name: f"{self.base}/static/public/{name}?v={piece.version}"
                for name, piece in PIECES.items()
            },
            base=self.base,
            feeds_page=f"{self.base}/feeds",
        )
        self.environment.filters.update(
            long_time=lambda at: words.long_time(at, self.zone),
            day=lambda at: f"{at.astimezone(self.zone):%d/%m/%Y}",
            short_time=lambda at: f"{at.astimezone(self.zone):%d/%m/%Y, %H:%M}",
            local_mark=lambda logo: f"{self.base}/media/{brand.name(logo)}",
            thumb=lambda media: pictures.thumb(media, self.base),
            at_head=self._at_head,
            iso=lambda at: at.astimezone(self.zone).isoformat(timespec="seconds"),
            issued=words.issued,
        )

    def item(self, item: PublicItem, house: Agency, *, offered: Sequence[Written] = ()) -> str:
        """The page of one item; `offered` are the feeds that its head names."""
        cover = item.media.get(item.cover) if item.cover else None
        shown = cover if cover and cover.kind == "image" else None
        in_body = {figure.media_id for figure in figures(item.blocks)}
        return self.draw(
            "item.html",
            house,
            item=item,
            offered=offered,
            section=self.section(item.kind, item.category, house),
            canonical=self.hub.item_url(item.code),
            card=self.card(item, shown),
            cover_html=(
                Markup(self._picture(shown, shown.alt, shown.caption, first=True))  # noqa: S704  # built from escaped parts
                if shown and shown.id not in in_body
                else None
            ),
            body=Markup(to_html(item.blocks, self._figure(item.media))),  # noqa: S704  # the same
            ai_label=AI_LABEL,
            posts=[
                (post, words.CHANNELS.get(post.channel, post.channel), urlsplit(post.url).hostname)
                for post in item.posts
                if not post.url.startswith(self.hub.public_url)
            ],
        )

    def card(self, item: PublicItem, cover: Media | None) -> Card | None:
        """The picture that stands for the item where its link is shared: its cover, or drawn."""
        if cover is not None:
            address = self._absolute(cover)
            return Card(address=address, width=cover.width, height=cover.height, alt=cover.alt)
        if not cards.can_draw():
            return None
        address = f"{self.hub.item_url(item.code)}/the.png?v={item.revision}"
        return Card(address=address, width=cards.WIDTH, height=cards.HEIGHT, alt=item.title)

    def section(self, kind: str, category: str, house: Agency) -> tuple[str, ...]:
        """What stands over a title: kind and category by their names."""
        return words.section(kind, category, {one.slug: one.name for one in house.categories})

    def withdrawn(self, item: WithdrawnItem, house: Agency) -> str:
        """The page that stands where an item was."""
        return self.draw("withdrawn.html", house, item=item)

    def feeds(self, shelves: tuple[Shelf, ...], house: Agency) -> str:
        """The list of feeds, for people."""
        return self.draw(
            "feeds.html",
            house,
            canonical=f"{self.hub.public_url}/feeds",
            opml=f"{self.hub.public_url}{OPML.path}",
            shelves=shelves,
            offered=[written for one in shelves for written in one.whole.written],
        )

    def feed(self, shelf: Shelf, archive: str | None, house: Agency) -> str:
        """One portal's feeds with their newest entries; `archive` is where older ones begin."""
        every = (shelf.whole, *shelf.narrowed)
        return self.draw(
            "feed.html",
            house,
            canonical=shelf.page,
            shelf=shelf,
            archive=archive,
            offered=[written for one in every for written in one.written],
        )

    def websub(self, house: Agency) -> str:
        """What the hub for subscribers is, for people who open its address."""
        address = f"{self.hub.public_url}/websub"
        return self.draw("websub.html", house, canonical=address, limits=LIMITS)

    def problem(self, problem: Problem, house: Agency) -> str:
        """A short page that says what happened and where to go on."""
        return self.draw("problem.html", house, problem=problem)

    def draw(self, template: str, house: Agency, **values: object) -> str:
        """A page of this door. `here` names the place of the menu that it belongs to."""
        shown = {"here": "", "offered": (), **values}
        return self.environment.get_template(template).render(
            agency=self.name(house), logo=house.logo, imprint=house.imprint, **shown
        )

    def name(self, house: Agency) -> str:
        """How the agency is called before the public."""
        return house.name or self.hub.agency

    def _absolute(self, media: Media) -> str:
        return self.hub.media_url(media.sha256, media.ext)

    def _local(self, media: Media) -> str:
        return pictures.address(media, self.base)

    def _figure(self, media: dict[UUID, Media]) -> Callable[[Figure], str]:
        def draw(figure: Figure) -> str:
            if figure.url:
                return _elsewhere(figure)
            shown = media.get(figure.media_id) if figure.media_id else None
            if shown is None:
                return ""
            own = "" if shown.decorative else shown.alt
            alt, caption = figure.alt or own, figure.caption or shown.caption
            match shown.kind:
                case "image":
                    return self._picture(shown, alt, caption)
                case "video":
                    return self._video(shown, alt, caption)
                case _:
                    return self._file(shown, alt, caption)

        return draw

    def _at_head(self, media: Media) -> Markup:
        """The picture of the newest item, large; the title beside it says what it is about."""
        shown = pictures.for_place(media, self.base, pictures.AT_HEAD)
        return Markup(_image({**shown, "alt": "", "fetchpriority": "high"}))  # noqa: S704  # built from escaped parts

    def _picture(self, media: Media, alt: str, caption: str, *, first: bool = False) -> str:
        shown = _image(
            {
                **pictures.for_place(media, self.base, pictures.IN_TEXT),
                "alt": alt,
                "fetchpriority": "high" if first else None,
                "loading": None if first else "lazy",
                "decoding": None if first else "async",
            }
        )
        if alt and pictures.has_more(media):
            # A map or a scanned page: whoever needs to look closer gets every point of it.
            href = html_attributes({"href": self._local(media)})
            shown = f'<a class="closer"{href}>{shown}</a>'
        return f"<figure>{shown}{_caption(caption, 'Ảnh', media.credit)}</figure>"

    def _video(self, media: Media, alt: str, caption: str) -> str:
        attributes = html_attributes(
            {"src": self._local(media), "aria-label": alt, "preload": "metadata"}
        )
        below = _caption(caption or alt, "Video", media.credit)
        return f"<figure><video controls{attributes}></video>{below}</figure>"

    def _file(self, media: Media, alt: str, caption: str) -> str:
        words_shown = escape(alt or caption or "Tệp đính kèm", quote=False)
        facts = f"{media.ext.upper()}, {words.size(media.size_bytes)}"
        href = html_attributes({"href": self._local(media)})
        return f'<p class="file"><a{href}>{words_shown}</a> <span>({facts})</span></p>'


def _image(values: Mapping[str, object]) -> str:
    return f"<img{html_attributes(values)}>"


def _elsewhere(figure: Figure) -> str:
    """A video on another site is a link: no reader of ours is followed before choosing to go."""
    host = urlsplit(figure.url or "").hostname or ""
    href = html_attributes({"href": figure.url, "rel": "noopener noreferrer external"})
    name = escape(figure.alt or "Xem video", quote=False)
    below = _caption(figure.caption, "", "")
    return (
        f'<figure class="elsewhere"><a{href}><strong>{name}</strong> '
        f"<span>Xem video trên {escape(host, quote=False)}</span></a>{below}</figure>"
    )


def _caption(caption: str, noun: str, credit: str) -> str:
    parts = [escape(caption, quote=False)] if caption else []
    if credit:
        parts.append(f"<cite>{noun}: {escape(credit, quote=False)}</cite>")
    return f"<figcaption>{' '.join(parts)}</figcaption>" if parts else ""
