"""Where secrets might end up, and how they are looked for there: bare, in part, and encoded."""

import base64
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

_PART_CHARS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """A secret that must be found nowhere but in `told_in`: sinks, by how their names begin.

    `whole`: only the whole of it is looked for, as its beginning is no secret (sandbox tokens carry
    the account's id).
    """

    name: str
    value: str
    told_in: Collection[str] = ()
    whole: bool = False


def canary(name: str, *, prefix: str = "", told_in: Collection[str] = ()) -> Canary:
    """A new secret that nothing else can resemble."""
    return Canary(name=name, value=prefix + secrets.token_hex(24), told_in=told_in)


def hits(canaries: Collection[Canary], sinks: Mapping[str, bytes]) -> list[str]:
    """`canary in sink`, for each secret that stands where it must not."""
    return sorted(
        f"{one.name} in {sink}"
        for one in canaries
        for forms in (_forms(one),)
        for sink, content in sinks.items()
        if not sink.startswith(tuple(one.told_in)) and any(form in content for form in forms)
    )


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path there."""
    return {
        f"file {path.relative_to(folder)}": path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _forms(one: Canary) -> set[bytes]:
    bare = one.value.encode()
    found = {bare, bare.hex().encode()}
    for shift in range(3):
        # Inside a longer text the base64 of a part depends on where it begins.
        told = base64.b64encode(b"\0" * shift + bare)
        found.add(told[4:-4] if shift else told[:-4])
    if not one.whole:
        found = found - {bare} | {bare[:_PART_CHARS], bare[-_PART_CHARS:]}
    return found
