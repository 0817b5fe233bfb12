"""The session cookie, and the code that a browser repeats to show that its own page is asking."""

import base64
import hashlib
import hmac
from typing import Final

# What tells a browser to ask this hub over HTTPS only, for two years (R82).
STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"
_LABEL: Final = b"loa csrf 1"


def is_https(public_url: str) -> bool:
    """Whether browsers reach this hub over HTTPS."""
    return public_url.lower().startswith("https://")


def cookie_name(public_url: str) -> str:
    """The name of the session cookie: bound to this very host wherever there is HTTPS (R78)."""
    return "__Host-loa" if is_https(public_url) else "loa"


def csrf_of(cookie: str) -> str:
    """The code that every unsafe call of this session must repeat (R81).

    It follows from the cookie's value, so the database keeps nothing from which it could be had;
    and from it nobody gets back to the cookie.
    """
    # Like the hash at rest, lenient with what a stranger may send as a cookie.
    key = cookie.encode("utf-8", "replace")
    return base64.urlsafe_b64encode(hmac.digest(key, _LABEL, hashlib.sha256)).decode().rstrip("=")
