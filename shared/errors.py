"""The root of every error Loa raises on purpose, drawn as one tree.

LoaError
├─ NotFoundError       what was asked for does not exist, or the caller may not know that it does
├─ ConflictError       the world moved on: stale version, changed content, a call already begun
│  └─ FetchFailedError      an address outside gave no usable answer (`shared/fetch.py`)
│     └─ FetchHeldError         it is asked enough already: nothing was sent
├─ ForbiddenError      this person may not do this, for instance approve their own work
├─ InvalidError        what was sent cannot be accepted as it is; `fields` says where
│  └─ FetchRefusedError     an address that may not be asked (`shared/fetch.py`)
└─ ChannelError        an adapter speaks of the world (`shared/contract/errors.py`)
   ├─ ChannelNotSentError     provably nothing left this house: may be tried again
   ├─ ChannelRejectedError    a proven refusal before any effect
   └─ ChannelUncertainError   everything else: read back, never send again blindly

The classes know no HTTP: each door has one table from class to status and page.
"""

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field that cannot be accepted: where it stands, a stable code, and words for people."""

    field: str
    code: str
    detail: str


class LoaError(Exception):
    """Anything Loa raises on purpose.

    `code` is stable and machine-readable; `values` fill the placeholders of the words that a door
    looks up for that code (`services/delivery/words.py`), and never hold a secret.
    """

    default_code: ClassVar[str] = "error"

    def __init__(self, code: str | None = None, /, **values: object) -> None:
        self.code = code or self.default_code
        self.values = values
        super().__init__(self.code, values)

    @override
    def __str__(self) -> str:
        if not self.values:
            return self.code
        told = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.code} ({told})"


class NotFoundError(LoaError):
    """There is no such thing, or not for this caller: the two look the same from outside."""

    default_code = "not_found"


class ConflictError(LoaError):
    """The request was sensible for an earlier state of the world."""

    default_code = "conflict"


class ForbiddenError(LoaError):
    """This caller may never do this, whatever the state."""

    default_code = "forbidden"


class InvalidError(LoaError):
    """The input cannot be accepted; nothing of it was lost or half done."""

    default_code = "invalid"

    def __init__(
        self, code: str | None = None, /, *, fields: tuple[FieldError, ...] = (), **values: object
    ) -> None:
        super().__init__(code, **values)
        self.fields = fields
