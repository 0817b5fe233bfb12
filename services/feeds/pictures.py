"""Where a page shows a picture: which of its sizes it offers for the place."""

from typing import Final

from services.content import media_sizes
from services.content.media import fits
from services.content.tables import Media

# How wide each place is (public.css), so that a browser knows before it has the styles.
IN_TEXT: Final = (
    "(min-width: 76em) 43.4rem, (min-width: 69em) calc(100vw - 32.6rem),"
    " (min-width: 48em) calc(100vw - 8.6rem), calc(100vw - 2.5rem)"
)
AT_HEAD: Final = "(min-width: 76em) 32.5rem, (min-width: 48em) 43vw, calc(100vw - 5.1rem)"


def address(media: Media, base: str, size: str | None = None) -> str:
    """Where a file of the library is, or one size of a picture; `base` is the site's path."""
    if size is None:
        return f"{base}/media/{media.sha256}.{media.ext}"
    return f"{base}/media/{media.sha256}-{size}.jpg"


def thumb(media: Media, base: str) -> str:
    """Where the small picture for a list is: of one shape, cut around the focal point."""
    small = fits(media, media_sizes.SIZES[media_sizes.THUMB])
    return address(media, base, None if small else media_sizes.THUMB)


def for_place(media: Media, base: str, place: str) -> dict[str, object]:
    """The attributes of an `img` with a whole picture; `place` says how wide it stands there.

    Where it is offered in one form only, `srcset` and `sizes` are None.
    """
    steps = media_sizes.steps(media)
    offered = [f"{address(media, base, name)} {width}w" for name, width in steps]
    middle = steps[min(1, len(steps) - 1)][0]
    return {
        "src": address(media, base, middle),
        "srcset": ", ".join(offered) if len(steps) > 1 else None,
        "sizes": place if len(steps) > 1 else None,
        "width": media.width,
        "height": media.height,
    }


def has_more(media: Media) -> bool:
    """Whether the picture itself shows more than its largest size, so that a reader may want it."""
    name, width = media_sizes.steps(media)[-1]
    return name is not None and width < (media.width or 0)
