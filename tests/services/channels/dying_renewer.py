"""A process that renews one account's tokens, for tests that kill it in the middle.

Run as `python -m tests.services.channels.dying_renewer DATABASE_URL SERVER_URL ACCOUNT_ID WHERE`;
WHERE is `whole`, `before_call` or `after_answer`: where it stops, and says so, to be killed.
"""

import asyncio
import sys
import time
from uuid import UUID

from typing_extensions import override

from adapters.zalo_oa.channel import ZaloOa
from services.channels import tokens
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.storage.session import make_engine, opener
from shared.contract.messages import Account, RenewedCredentials


class Stopping(ZaloOa):
    """The real channel, which stops where it is told."""

    where = "whole"

    @override
    async def renew(self, account: Account) -> RenewedCredentials:
        if self.where == "before_call":
            self._stop()
        renewed = await super().renew(account)
        if self.where == "after_answer":
            self._stop()
        return renewed

    def _stop(self) -> None:
        print("stopped", flush=True)
        time.sleep(600)


async def main(database_url: str, server_url: str, account_id: str, where: str) -> None:
    channel = Stopping()
    channel.where = where
    channel.configure({"LOA_ZALO_API_URL": server_url, "LOA_ZALO_OAUTH_URL": server_url})
    engine = make_engine(database_url, size=4)
    outcome = await tokens.renew(
        opener(engine),
        Registry.of(channel),
        Sealer(b"key"),
        UUID(account_id),
        seen_version=1,
        not_again_within=tokens.DEADLINE * 0,
    )
    print(outcome, flush=True)
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
