"""What a channel promises: small abilities, not one fat base class.

An adapter tries once and tells the truth: no sleeping, no retry, no redirect, no swallowed error,
no database. Every method that touches the network makes at most ONE changing request, ends within
`Call.deadline`, and answers an outcome or raises a `ChannelError`. A channel that cannot take a
post down simply is no `Withdrawer`, and the console shows no button.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, runtime_checkable

from pydantic import BaseModel

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


class Channel(Protocol):
    """Every channel: its name, its limits, its forms, and a pure rendering of a revision.

    `pull` is True for an outlet that fetches from us (a portal): it is live when the hub says so,
    and none of the abilities below is called to publish.
    `remote_id_of(settings)` names the outlet on the channel (OA id, Page id, feed slug): the hub
    keeps it unique over all connected accounts.
    """

    @property
    def name(self) -> str: ...
    @property
    def pull(self) -> bool: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def settings_form(self) -> type[BaseModel]: ...
    @property
    def credentials_form(self) -> type[BaseModel]: ...

    def remote_id_of(self, settings: BaseModel) -> str: ...

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        """What the account will show. Pure: same input, same payload, on every machine."""
        ...

    def fingerprint(self, payload: Payload) -> Fingerprint:
        """How the post made from this payload is recognised when it is read back. Pure."""
        ...


@runtime_checkable
class Addressed(Protocol):
    """Knows the public addresses of its outlets, so that people can tell them from imitations."""

    def account_url(self, settings: BaseModel) -> str | None:
        """Where the account's own page stands; None while the channel is only simulated."""
        ...

    def post_in(self, url: str, settings: BaseModel) -> RemoteId | None:
        """Which post of this account a copied link names; None when it names none for certain."""
        ...


@runtime_checkable
class Configurable(Protocol):
    """Takes where to call from the process's environment, once, at start.

    `variables` names each LOA_ variable with its default; the hub refuses to start on an unknown
    name, so a variable that is not declared here cannot be set.
    """

    @property
    def variables(self) -> Mapping[str, str]: ...
    def configure(self, values: Mapping[str, str]) -> None: ...


@runtime_checkable
class Publisher(Protocol):
    """Makes a post appear. `step` is pure and tells what `publish` would do next."""

    def step(self, call: Call) -> Step: ...
    async def publish(self, call: Call) -> Outcome: ...


@runtime_checkable
class Updater(Protocol):
    """Replaces the content of a post whose `remote_id` is known."""

    async def update(self, call: Call) -> Outcome: ...


@runtime_checkable
class Amender(Protocol):
    """Knows what an update cannot change on a post that is up, so that preview can say it."""

    def update_problems(self, old: Payload, new: Payload) -> tuple[Problem, ...]: ...


@runtime_checkable
class Withdrawer(Protocol):
    """Takes a post down. "Already gone" is `Done` only after a read proved it."""

    async def withdraw(self, call: Call) -> Outcome: ...


@runtime_checkable
class Lister(Protocol):
    """Reads back what the account shows; reading changes nothing and may be repeated."""

    async def listing(self, account: Account, *, since: datetime, cursor: str | None) -> Page:
        """One page of posts, hidden ones too, made at or after `since`.

        Start with `cursor` None and go on until the answer's cursor is None: only then has the list
        been read completely. Raises ChannelError when a page cannot be read.
        """
        ...

    async def newest(self, account: Account) -> Page:
        """The first page of the newest posts, as a baseline: proof of the right account.

        An empty page means that the account provably holds no post at all.
        """
        ...

    async def read(self, account: Account, remote_id: RemoteId) -> Seen | None:
        """The post as it stands now; None when it is proven to be gone."""
        ...


@runtime_checkable
class Checker(Protocol):
    """Tells an admin whether the connection works, step by step, without changing anything."""

    async def check(self, account: Account) -> tuple[Probe, ...]: ...


@runtime_checkable
class Renewer(Protocol):
    """Trades a refresh token for a new pair. Called by the token service alone.

    Raises ChannelNotSentError (nothing left), ChannelRejectedError (the chain is dead or the call
    was refused; remedy CONSENT when only a new consent helps) or ChannelUncertainError.
    """

    def expires_at(self, credentials: BaseModel) -> datetime | None: ...
    async def renew(self, account: Account) -> RenewedCredentials: ...


@runtime_checkable
class Consenter(Protocol):
    """Connects an account by the channel's own consent page."""

    def consent_url(
        self, settings: BaseModel, *, redirect_uri: str, state: str, verifier: str
    ) -> str: ...
    async def exchange(
        self,
        account: Account,
        *,
        query: Mapping[str, str],
        redirect_uri: str,
        verifier: str,
    ) -> RenewedCredentials: ...


@runtime_checkable
class Receiver(Protocol):
    """Takes what the channel calls us with.

    `refuses_bad_signature`: whether a wrong signature is answered as such; False for a channel that
    cancels its subscription when it is refused, then the delivery is only quarantined.
    """

    @property
    def refuses_bad_signature(self) -> bool: ...

    def verify(
        self, account: Account, *, headers: Mapping[str, str], body: bytes
    ) -> SignatureVerdict:
        """Checks the signature over the raw bytes in constant time."""
        ...

    def handshake(self, account: Account, query: Mapping[str, str]) -> str | None:
        """The body that answers a set-up GET, or None to refuse it."""
        ...

    def events(self, body: bytes) -> tuple[InboundEvent, ...]:
        """What a verified body holds; an unknown event is kept under kind `unknown`."""
        ...


ABILITIES: Mapping[str, type] = {
    "publish": Publisher,
    "update": Updater,
    "withdraw": Withdrawer,
    "look": Lister,
    "check": Checker,
    "renew": Renewer,
    "consent": Consenter,
    "receive": Receiver,
}


def abilities(channel: Channel) -> tuple[str, ...]:
    """The names of what a channel can do, in the order above; a pull channel does it all itself."""
    if channel.pull:
        return ("publish", "update", "withdraw")
    return tuple(name for name, ability in ABILITIES.items() if isinstance(channel, ability))
