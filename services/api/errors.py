"""Refusals that only a door over HTTP can speak; the rest of the tree is in `shared/errors.py`."""

from shared.errors import LoaError


class UnauthenticatedError(LoaError):
    """Nobody is signed in, or the session or token is over."""

    default_code = "unauthenticated"


class PreconditionRequiredError(LoaError):
    """The call changes something that others may change too, and did not say what it had read."""

    default_code = "precondition_required"


class TooLargeError(LoaError):
    """The body is larger than this address takes."""

    default_code = "too_large"


class MediaTypeError(LoaError):
    """The body is of a type that this address does not read."""

    default_code = "content_type"
