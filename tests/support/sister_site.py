"""Another agency's site on a port of this machine: answers by a script, and notes who asked how."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit

from shared.fetch import Guard

_HANOI = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the site says to it."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Says = Answer | Callable[[Asked], Answer]


@dataclass(slots=True, kw_only=True)
class SisterSite:
    """The site. `pages` is path → what it says; anything else is 404."""

    url: str
    pages: dict[str, Says] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    @property
    def guard(self) -> Guard:
        """A guard that may ask this site although it is so near."""
        return Guard(
            inside=frozenset({urlsplit(self.url).netloc}),
            connect=timedelta(seconds=20),
            deadline=timedelta(seconds=60),
        )

    def feed(self, *items: str, path: str = "/rss.xml", **headers: str) -> None:
        """Puts a feed of these items up, with an ETag that is a function of them."""
        body = rss(items, link=self.url)
        tag = f'"{abs(hash(body))}"'

        def says(asked: Asked) -> Answer:
            same = asked.headers.get("if-none-match") == tag
            told = {"ETag": tag, "Content-Type": "application/rss+xml", **headers}
            return Answer(status=304, headers=told) if same else Answer(body=body, headers=told)

        self.pages[path] = says

    def asked_for(self, path: str) -> list[Asked]:
        """The requests for one path, in order."""
        return [one for one in self.asked if one.path == path]


def item(
    name: str,
    *,
    title: str = "",
    text: str = "<p>Nội dung tin.</p>",
    link: str | None = None,
    guid: str | None = None,
    at: datetime | None = None,
    site: str = "https://soyte.example.vn",
) -> str:
    """One item of RSS 2.0; its guid and link are made of `name` unless they are given."""
    link = f"{site}/tin/{name}.html" if link is None else link
    date = f"<pubDate>{format_datetime(at.astimezone(_HANOI))}</pubDate>" if at else ""
    return (
        f"<item><title>{escape(title or f'Tin {name}')}</title><link>{escape(link)}</link>"
        f'<guid isPermaLink="false">{escape(guid or f"tin-{name}")}</guid>{date}'
        f"<description>{escape(text)}</description></item>"
    )


def rss(items: Sequence[str], *, link: str, channel: str = "") -> bytes:
    """A feed of these items."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<rss version="2.0" xmlns:at="http://purl.org/atompub/tombstones/1.0"><channel>'
        f"<title>Sở Y tế tỉnh bạn</title><link>{escape(link)}</link>"
        f"<description>Tin mới</description>{channel}{''.join(items)}</channel></rss>"
    ).encode()


@asynccontextmanager
async def sister_site() -> AsyncIterator[SisterSite]:
    """The site while the block lasts."""
    site = SisterSite(url="")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ", 2)
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (one.partition(":") for one in head[1:] if one)
            }
            asked = Asked(method=method, path=path, headers=headers)
            site.asked.append(asked)
            says = site.pages.get(path, Answer(status=404, body=b"khong co"))
            answer = says if isinstance(says, Answer) else says(asked)
            lines = [f"HTTP/1.1 {answer.status} X", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            lines.append(f"Content-Length: {len(answer.body)}")
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
            if method != "HEAD" and answer.status != 304:
                writer.write(answer.body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        site.url = f"http://127.0.0.1:{port}"
        yield site
