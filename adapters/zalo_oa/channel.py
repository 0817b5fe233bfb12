"""The Zalo OA channel: what it can do, joined from the files beside this one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from pydantic import BaseModel

from adapters.zalo_oa import addresses, connecting, inbound, publishing, reading
from adapters.zalo_oa.client import API_URL, OAUTH_URL, ZaloClient
from adapters.zalo_oa.render import LIMITS, render, update_problems
from adapters.zalo_oa.settings import ZaloCredentials, ZaloSettings, credentials_of
from shared.clock import utc_now
from shared.contract.errors import ChannelUncertainError
from shared.contract.messages import (
    Account,
    Call,
    Fingerprint,
    InboundEvent,
    Limits,
    Outcome,
    Page,
    Payload,
    Probe,
    Problem,
    RemoteId,
    Rendition,
    RenewedCredentials,
    Revision,
    Seen,
    SignatureVerdict,
    Step,
)

_READ_DEADLINE = timedelta(seconds=30)
_TOKEN_DEADLINE = timedelta(seconds=20)  # R54

_API, _OAUTH = "LOA_ZALO_API_URL", "LOA_ZALO_OAUTH_URL"


class ZaloOa:
    """Publishes articles on an Official Account, reads them back, corrects and removes them."""

    name = "zalo_oa"
    pull = False
    refuses_bad_signature = False  # Zalo cancels subscriptions that keep refusing (R68)
    variables: Mapping[str, str] = {_API: API_URL, _OAUTH: OAUTH_URL}

    def __init__(self) -> None:
        self._client = ZaloClient()
        self._real = True

    def configure(self, values: Mapping[str, str]) -> None:
        """Takes the two hosts; a variable that is not given keeps its default."""
        self._real = values.get(_API, API_URL) == API_URL
        self._client = ZaloClient(
            api_url=values.get(_API, API_URL), oauth_url=values.get(_OAUTH, OAUTH_URL)
        )

    async def aclose(self) -> None:
        """Closes what is idle in the running loop; a later call opens afresh."""
        await self._client.aclose()

    @property
    def limits(self) -> Limits:
        """Lengths with the margin that R102 asks for."""
        return LIMITS

    @property
    def settings_form(self) -> type[BaseModel]:
        """What an admin types to connect an OA."""
        return ZaloSettings

    @property
    def credentials_form(self) -> type[BaseModel]:
        """The OA's secrets."""
        return ZaloCredentials

    def remote_id_of(self, settings: BaseModel) -> str:
        """The OA's id."""
        return _own(settings).oa_id

    def account_url(self, settings: BaseModel) -> str | None:
        """The account's page on Zalo; None while the API is another machine's."""
        return addresses.account_url(_own(settings).oa_id) if self._real else None

    def post_in(self, url: str, settings: BaseModel) -> RemoteId | None:
        """The article of the OA that a link names."""
        return addresses.post_in(url, _own(settings).oa_id)

    # ── Showing ──────────────────────────────────────────────────────────────────────────────────

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        """The revision as an article or a video article. Pure."""
        return render(revision, _own(settings))

    def fingerprint(self, payload: Payload) -> Fingerprint:
        """How the article reads when Zalo gives it back. Pure."""
        return reading.fingerprint(payload)

    def update_problems(self, old: Payload, new: Payload) -> tuple[Problem, ...]:
        """What replacing a live article in place cannot do. Pure."""
        return update_problems(old, new)

    def step(self, call: Call) -> Step:
        """The request that comes next in any of the three operations. Pure."""
        return publishing.step(call)

    async def publish(self, call: Call) -> Outcome:
        """Makes the next request on the way to a shown article."""
        async with _within(call.deadline):
            return await publishing.take(self._client, call)

    async def update(self, call: Call) -> Outcome:
        """Makes the next request of replacing a whole article."""
        async with _within(call.deadline):
            return await publishing.take(self._client, call)

    async def withdraw(self, call: Call) -> Outcome:
        """Makes the next request of removing an article for good."""
        async with _within(call.deadline):
            return await publishing.take(self._client, call)

    # ── Reading ──────────────────────────────────────────────────────────────────────────────────

    async def listing(self, account: Account, *, since: datetime, cursor: str | None) -> Page:
        """One page of articles and videos, hidden ones too; titles only (`read` gives the rest)."""
        async with _within(_READ_DEADLINE):
            return await reading.listing(self._client, account, since=since, cursor=cursor)

    async def newest(self, account: Account) -> Page:
        """The newest articles; an empty page was checked against the OA's own id."""
        async with _within(_READ_DEADLINE):
            return await reading.newest(self._client, account)

    async def read(self, account: Account, remote_id: RemoteId) -> Seen | None:
        """One article whole; None when it is proven to be gone."""
        async with _within(_READ_DEADLINE):
            return await reading.read(self._client, account, remote_id)

    # ── Connecting ───────────────────────────────────────────────────────────────────────────────

    async def check(self, account: Account) -> tuple[Probe, ...]:
        """Right OA, verified, package valid, articles permitted, consent lasting."""
        return await connecting.check(self._client, account)

    def expires_at(self, credentials: BaseModel) -> datetime | None:
        """When the access token ends, where it is known."""
        return connecting.expires_at(credentials)

    async def renew(self, account: Account) -> RenewedCredentials:
        """A new pair of tokens; spends the refresh token."""
        async with _within(_TOKEN_DEADLINE):
            return await connecting.renew(self._client, account)

    def consent_url(
        self, settings: BaseModel, *, redirect_uri: str, state: str, verifier: str
    ) -> str:
        """Where an OA admin grants the rights."""
        return connecting.consent_url(
            self._client,
            _own(settings),
            redirect_uri=redirect_uri,
            state=state,
            verifier=verifier,
        )

    async def exchange(
        self, account: Account, *, query: Mapping[str, str], redirect_uri: str, verifier: str
    ) -> RenewedCredentials:
        """The first pair of tokens; Zalo does not ask for `redirect_uri` again."""
        async with _within(_TOKEN_DEADLINE):
            return await connecting.exchange(self._client, account, query=query, verifier=verifier)

    # ── Being called ─────────────────────────────────────────────────────────────────────────────

    def verify(
        self, account: Account, *, headers: Mapping[str, str], body: bytes
    ) -> SignatureVerdict:
        """Checks Zalo's signature over the raw bytes, and that the event is not a day old."""
        return inbound.verify(credentials_of(account), headers=headers, body=body, now=utc_now())

    def handshake(self, account: Account, query: Mapping[str, str]) -> str | None:
        """Zalo sets a webhook up without a GET: always refused."""
        return None

    def events(self, body: bytes) -> tuple[InboundEvent, ...]:
        """The event in a verified body."""
        return inbound.events(body)


def _own(settings: BaseModel) -> ZaloSettings:
    if not isinstance(settings, ZaloSettings):
        raise TypeError("not the settings of a Zalo OA")
    return settings


@asynccontextmanager
async def _within(deadline: timedelta) -> AsyncIterator[None]:
    """Ends a call that takes too long; a request that was begun has an unknown outcome."""
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            yield
    except TimeoutError as error:
        raise ChannelUncertainError("no_answer", remote_message="deadline") from error


channel = ZaloOa()
