"""A Page of the sandbox, and a channel of its own that is pointed at it."""

from dataclasses import dataclass, replace

from adapters.facebook_page.channel import FacebookPage
from shared.contract.messages import Account, Revision
from shared.contract.samples import sample_revision
from tests.adapters.simulated import SandboxBench, connected
from tests.support.sandbox import Sandbox


@dataclass(frozen=True, slots=True, kw_only=True)
class PageBench:
    """The channel and its Page; `simulated` is what the conformance checks take."""

    channel: FacebookPage
    simulated: SandboxBench

    @property
    def sandbox(self) -> Sandbox:
        return self.simulated.sandbox

    @property
    def account(self) -> Account:
        return self.simulated.account

    @property
    def page_id(self) -> str:
        return self.simulated.account.remote_id


async def open_bench(
    sandbox: Sandbox, *, revision: Revision | None = None, **traits: object
) -> PageBench:
    """A new Page of the sandbox; without a revision the ordinary item, words only."""
    channel = FacebookPage()

    async def call_at(url: str) -> None:
        await channel.aclose()
        channel.configure({"LOA_FACEBOOK_GRAPH_URL": f"{url}/graph"})

    words = replace(sample_revision(), cover=None)
    simulated = await connected(sandbox, channel, call_at, revision=revision or words, **traits)
    return PageBench(channel=channel, simulated=simulated)
