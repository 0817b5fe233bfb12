"""Pictures of an entry as Media RSS, which picture-aware readers take first (feeds.md 2)."""

from services.syndication.markup import element
from services.syndication.texts import Told


def pictures(told: Told) -> str:
    """Every picture with its alternative text, caption and credit, and the first as thumbnail."""
    parts: list[str] = []
    for one in told.pictures:
        facts = {
            "url": one.url,
            "medium": "image",
            "type": one.mime,
            "fileSize": one.size_bytes or None,
            "width": one.width,
            "height": one.height,
        }
        about = ""
        if one.caption:
            about += element("media:title", one.caption, {"type": "plain"})
        if one.alt:
            about += element("media:description", one.alt, {"type": "plain"})
        if one.credit:
            about += element("media:credit", one.credit)
        bare = element("media:content", "", facts)
        parts.append(f"{bare[:-2]}>{about}</media:content>" if about else bare)
    if told.pictures:
        first = told.pictures[0]
        size = {"url": first.url, "width": first.width, "height": first.height}
        parts.append(element("media:thumbnail", "", size))
    return "".join(parts)
