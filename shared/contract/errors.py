"""What an adapter may say of a call that did not end well; the lower half of the error tree.

Any other exception out of an adapter counts as uncertain too (reliability-security.md R16).
"""

from datetime import timedelta
from enum import StrEnum

from shared.errors import LoaError


class Remedy(StrEnum):
    """What would make a refused call succeed; decides who acts next."""

    EDIT = "edit"  # the item itself is at fault: its people must change it
    SLOW = "slow"  # the channel asks for fewer calls: the account waits, then the same call again
    QUOTA = "quota"  # an allowance is used up: only new posts wait, until the next period
    RENEW = "renew"  # the access token is dead: one pass through the token service, then again
    CONSENT = "consent"  # rights are gone for good: pause the account, an admin connects it again
    HUMAN = "human"  # the account is blocked, unverified or misconfigured: pause, somebody looks


class ChannelError(LoaError):
    """An adapter speaks of the world.

    `code` is ours and stable (it selects the words a person reads); `remote_code` and
    `remote_message` are the channel's own, trimmed and free of tokens. `may_be_visible` is what
    delivery assumes when nobody looks.
    """

    default_code = "channel_error"

    def __init__(
        self,
        code: str | None = None,
        /,
        *,
        remote_code: str | None = None,
        remote_message: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(code)
        self.remote_code = remote_code
        self.remote_message = (remote_message or "")[:500] or None
        self.retry_after = retry_after


class ChannelNotSentError(ChannelError):
    """Provably nothing left this house: DNS, refused connection, TLS, a check of our own."""

    default_code = "not_sent"


class ChannelRejectedError(ChannelError):
    """A well-formed refusal that is known to come before any effect."""

    default_code = "rejected"

    def __init__(
        self,
        code: str | None = None,
        /,
        *,
        remedy: Remedy,
        remote_code: str | None = None,
        remote_message: str | None = None,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(
            code,
            remote_code=remote_code,
            remote_message=remote_message,
            retry_after=retry_after,
        )
        self.remedy = remedy


class ChannelUncertainError(ChannelError):
    """The outcome is not known; the channel will be read back.

    `final` says what proven absence means: True, the channel refused in a way that would repeat,
    so the publication fails; False, the call may be made again.
    """

    default_code = "uncertain"

    def __init__(
        self,
        code: str | None = None,
        /,
        *,
        remote_code: str | None = None,
        remote_message: str | None = None,
        retry_after: timedelta | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(
            code,
            remote_code=remote_code,
            remote_message=remote_message,
            retry_after=retry_after,
        )
        self.final = final
