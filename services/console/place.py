"""What drawing a text needs to know of a request, whether or not anybody is signed in."""

from typing import Protocol

from services.console.moments import Moments
from services.delivery.hub import Hub


class Place(Protocol):
    """Where something is drawn: for which hub, under which addresses, in whose words."""

    @property
    def hub(self) -> Hub: ...

    @property
    def moments(self) -> Moments: ...

    def url(self, path: str, **query: object) -> str: ...

    def file(self, name: str) -> str:
        """Where whoever reads here gets the bytes of a picture, video or document, whole."""

    def t(self, text: str, **values: object) -> str: ...
