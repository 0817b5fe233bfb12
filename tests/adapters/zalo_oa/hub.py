"""A hub in a few lines: it drives the channel by the rules of delivery, without a database.

A repeatable step is run again; a step that is not is looked for, adopted when found, made again
only when the whole list does not hold it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from adapters.zalo_oa.channel import ZaloOa
from shared.clock import utc_now
from shared.contract.driving import following, make
from shared.contract.errors import ChannelError, ChannelNotSentError, ChannelRejectedError, Remedy
from shared.contract.messages import Call, Done, Receipt, RemoteId, Seen
from shared.text import similarity

PATIENCE = 60


async def carry_out(oa: ZaloOa, this: Call) -> tuple[Receipt, list[ChannelError]]:
    """Runs an operation to its end; what went wrong on the way is told beside the receipt."""
    begun, troubles = utc_now(), list[ChannelError]()
    for _ in range(PATIENCE):
        repeatable = oa.step(this).repeatable
        try:
            outcome = await make(oa, this)
        except ChannelError as error:
            troubles.append(error)
            if isinstance(error, ChannelRejectedError) and error.remedy is not Remedy.SLOW:
                raise
            sent_nothing = isinstance(error, ChannelNotSentError | ChannelRejectedError)
            if not repeatable and not sent_nothing:
                found = await look(oa, this, since=begun - timedelta(minutes=5))
                this = replace(this, remote_id=found)
            continue
        if isinstance(outcome, Done):
            return outcome.receipt, troubles
        this = following(this, outcome)
    raise AssertionError(f"no end: {troubles[-1:]}")


async def listed(oa: ZaloOa, this: Call, *, since: datetime) -> list[Seen]:
    """The whole list, without repeats."""
    found: dict[RemoteId, Seen] = {}
    cursor: str | None = None
    while True:
        page = await oa.listing(this.account, since=since, cursor=cursor)
        found |= {one.remote_id: one for one in page.seen}
        cursor = page.cursor
        if cursor is None:
            return list(found.values())


async def look(oa: ZaloOa, this: Call, *, since: datetime) -> RemoteId | None:
    """The id of the article made from the call's payload, if the OA holds it."""
    assert this.payload is not None
    wanted = oa.fingerprint(this.payload)
    for candidate in await listed(oa, this, since=since):
        seen = await oa.read(this.account, candidate.remote_id)
        if seen is None:
            continue
        if wanted.link in seen.links and similarity(seen.text, wanted.text) == 1:
            return seen.remote_id
    return None
