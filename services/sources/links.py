"""When two addresses are one: the canonical form by which entries and items are compared."""

import re
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes, urljoin, urlsplit

import httpx

from shared.text import clean

_CHARS: Final = 2048
# Marks that others hang on links to count visitors. Source: feeds.md section 12.5; `zarsrc` and
# `gidzl` are Zalo's, the rest are those of advertisers and mailing programs.
_COUNTERS: Final = re.compile(
    r"(?i)utm_.*|mc_.*|_ga|_gl|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|igshid|zarsrc|gidzl"
    r"|phpsessid|jsessionid|aspsessionid.*|sessionid|session_id"
)
_SESSION_IN_PATH: Final = re.compile(r"(?i);jsessionid=[^/?#;]*")
_ESCAPE: Final = re.compile(r"%[0-9a-fA-F]{2}")
_PLAIN: Final = "!$&'()*+,;=:@-._~"
# White space at the ends, and line ends and tabs inside: newsrooms wrap links in them.
_WRAPPED: Final = re.compile(r"[ \t]*[\t\r\n][ \t\r\n]*")


def canonical(url: str, *, bare_host: bool = False) -> str | None:
    """The one form of an address by which it is compared, never the one to open; None for no such.

    http counts as https, counters, sessions, the fragment and the default port go, other
    parameters are sorted. `bare_host` drops `www.`: only for a site that is known to redirect.
    A slash at the end stays, as it may lead elsewhere. Source: feeds.md section 12.5.
    """
    try:
        known = httpx.URL(tidy(url))
        host = known.raw_host.decode("ascii").rstrip(".")
        port = known.port
    except (httpx.InvalidURL, ValueError):
        return None
    if known.scheme not in ("http", "https") or not host:
        return None
    if bare_host:
        host = host.removeprefix("www.")
    place = f"[{host}]" if ":" in host else host
    if port is not None and port not in (80, 443):
        place = f"{place}:{port}"
    path, _, query = known.raw_path.decode("ascii").partition("?")
    path = _SESSION_IN_PATH.sub("", path)
    kept = sorted(
        _even(part)
        for part in query.split("&")
        if part and not _COUNTERS.fullmatch(unquote(part.partition("=")[0]))
    )
    asked = f"?{'&'.join(kept)}" if kept else ""
    return f"https://{place}{_even(path) or '/'}{asked}"


def absolute(url: str | None, base: str) -> str | None:
    """The address a feed means, on the base it stands on; None unless it is of the web."""
    if not url:
        return None
    text = tidy(url)
    if not text or len(text) > _CHARS:
        return None
    try:
        whole = urljoin(base, text)
        parts = urlsplit(whole)
        known = httpx.URL(whole)
    except (httpx.InvalidURL, ValueError):
        return None
    if parts.scheme not in ("http", "https") or not known.raw_host or "@" in parts.netloc:
        return None
    address = str(known)
    return address if len(address) <= _CHARS else None


def tidy(url: str) -> str:
    """The text of an address without the line ends and blanks that feeds wrap it in."""
    return _WRAPPED.sub("", clean(url).strip()).strip().replace(" ", "%20")


def _even(part: str) -> str:
    """Percent-encoding written one way: only where it is needed, with capital letters."""

    def again(match: re.Match[str]) -> str:
        byte = unquote_to_bytes(match[0])
        plain = byte.isalnum() or byte in (b"-", b".", b"_", b"~")
        return byte.decode("ascii") if plain else match[0].upper()

    return quote(_ESCAPE.sub(again, part), safe="/%?" + _PLAIN)
