"""Public addresses on Facebook: where a Page stands, and which of its posts a copied link names."""

import re
from urllib.parse import parse_qs, urlsplit

from shared.contract.messages import RemoteId

_DIGITS = re.compile(r"[0-9]{1,32}")
_KEYS = ("story_fbid", "fbid", "v", "video_id")


def page_url(page_id: str) -> str:
    """Facebook leads from the id to the Page's own name (facebook-pages-api.md section 3.1)."""
    return f"https://www.facebook.com/{page_id}"


def post_in(url: str, page_id: str) -> RemoteId | None:
    """The id of the Page's post that a link names; None where it cannot be told.

    Short links (`/share/…`, `pfbid…`) hold no id that anybody but Facebook can read.
    """
    try:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    if host != "facebook.com" and not host.endswith(".facebook.com"):
        return None
    steps = [step for step in parts.path.split("/") if step]
    whole = f"{page_id}_"
    for step in steps:
        if step.startswith(whole) and _DIGITS.fullmatch(step.removeprefix(whole)):
            return RemoteId(step)
    if page_id not in (*steps, *query.get("id", ())):
        return None
    told = [one for key in _KEYS for one in query.get(key, ())] + steps[::-1]
    post = next((one for one in told if _DIGITS.fullmatch(one) and one != page_id), None)
    return RemoteId(whole + post) if post else None
