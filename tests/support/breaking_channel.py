"""A stranger's channel that breaks at every call, and puts its key wherever a careless one would.

Its errors quote the key in their message, in a cause, in a group and in an address; its frames hold
it in variables of harmless names. Joins a hub by an entry point of its own (see `installed`).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr
from typing_extensions import override

from shared.contract.messages import Account, Call, InboundEvent, Outcome, Probe, SignatureVerdict
from tests.support.one_call import OneCall

CRASH = "crash-"
"""A key that begins so is not even accepted: its form breaks."""


def _broken_form(key: SecretStr) -> SecretStr:
    bare = key.get_secret_value()
    if bare.startswith(CRASH):
        raise RuntimeError(f"cannot use {bare}")
    return key


class BreakingCredentials(BaseModel):
    """The key of the wall, whose form may break."""

    model_config = ConfigDict(extra="forbid")
    key: Annotated[SecretStr, AfterValidator(_broken_form)]


class Breaking(OneCall):
    """Every call of it raises what no adapter should."""

    name: ClassVar[str] = "breaking"
    credentials_form: ClassVar[type[BaseModel]] = BreakingCredentials
    refuses_bad_signature = True

    @override
    async def publish(self, call: Call) -> Outcome:
        bare = _bare(call.account)
        headers = {"X-Wall": bare}
        try:
            int(f"POST https://wall.example/posts?key={bare} failed: {headers}")
        except ValueError as error:
            parts = [RuntimeError(f"Bearer {bare}"), OSError(111, f"refused for {bare}")]
            raise ExceptionGroup(f"both ways broke for {bare}", parts) from error
        return await super().publish(call)

    async def check(self, account: Account) -> tuple[Probe, ...]:
        """Breaks."""
        bare = _bare(account)
        raise LookupError(bare)

    def verify(
        self, account: Account, *, headers: Mapping[str, str], body: bytes
    ) -> SignatureVerdict:
        """Breaks."""
        bare = _bare(account)
        raise ArithmeticError(f"{headers} do not fit {bare}")

    def handshake(self, account: Account, query: Mapping[str, str]) -> str | None:
        """Breaks."""
        bare = _bare(account)
        raise ArithmeticError(f"{query} do not fit {bare}")

    def events(self, body: bytes) -> tuple[InboundEvent, ...]:
        """Has none."""
        return ()


def installed(folder: Path) -> Path:
    """A folder for PYTHONPATH whose entry point brings this channel into a hub."""
    about = folder / "loa_breaking-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: loa-breaking\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[loa.channels]\nbreaking = tests.support.breaking_channel:channel\n"
    )
    return folder


def _bare(account: Account) -> str:
    credentials = account.credentials
    assert isinstance(credentials, BreakingCredentials)
    return credentials.key.get_secret_value()


channel = Breaking()
