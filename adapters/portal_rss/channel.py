"""The web portal as a channel: it pulls, so shaping an entry is all there is to do.

The feeds door (`services/feeds`) serves what was shaped here; the hub itself makes an entry live,
changes it or withdraws it in one transaction, without a call (architecture.md section 4).
"""

from pydantic import BaseModel

from adapters.portal_rss.render import fingerprint, render
from adapters.portal_rss.settings import PortalCredentials, PortalSettings
from shared.contract.messages import (
    Fingerprint,
    Limits,
    Payload,
    PictureLimit,
    RemoteId,
    Rendition,
    Revision,
)


class PortalRss:
    """One feed per portal. Texts have no limit; pictures are made small enough for a web page."""

    name = "portal_rss"
    pull = True
    limits = Limits(
        picture=PictureLimit(max_bytes=2_000_000, max_side=1920, mimes=("image/jpeg", "image/png"))
    )
    settings_form: type[BaseModel] = PortalSettings
    credentials_form: type[BaseModel] = PortalCredentials

    def remote_id_of(self, settings: BaseModel) -> str:
        """The feed's slug, unique over all portals: it is the feed's address."""
        return _own(settings).slug

    def account_url(self, settings: BaseModel) -> str | None:
        """The portal's own front page."""
        return _own(settings).link

    def post_in(self, url: str, settings: BaseModel) -> RemoteId | None:
        """Never one: under which address a portal shows an entry is the portal's own affair."""
        return None

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        """One entry of the feed. Pure."""
        return render(revision, _own(settings))

    def fingerprint(self, payload: Payload) -> Fingerprint:
        """How the entry is recognised on the portal's own page, should somebody look there."""
        return fingerprint(payload)


def _own(settings: BaseModel) -> PortalSettings:
    if not isinstance(settings, PortalSettings):
        raise TypeError(f"settings of a portal expected, not {type(settings).__name__}")
    return settings


channel = PortalRss()
