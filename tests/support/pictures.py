"""Pictures for tests, drawn when asked for."""

from io import BytesIO

from PIL import Image


def jpeg(width: int, height: int) -> bytes:
    """A plain picture of this size."""
    kept = BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(kept, "JPEG")
    return kept.getvalue()


def png(width: int, height: int) -> bytes:
    """The same as a screen's picture is copied."""
    kept = BytesIO()
    Image.new("RGB", (width, height), (11, 87, 176)).save(kept, "PNG")
    return kept.getvalue()
