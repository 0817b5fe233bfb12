"""Who acts: a person at a screen, a program with a token, someone at a terminal, or Loa itself."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["staff", "token", "system", "cli"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and from where as far as that is known.

    `id` is a staff or token id, or a short word (`delivery`, an account name of the operating
    system). `session`, `request` and `address` are ids and an IP address, never secrets.
    """

    kind: Kind
    id: str
    session: str | None = None
    request: str | None = None
    address: str | None = None

    @property
    def name(self) -> str:
        """The actor as it stands in the record: `staff:<id>`."""
        return f"{self.kind}:{self.id}"


SYSTEM = Actor(kind="system", id="loa")
