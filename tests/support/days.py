"""Days as pages name them: a test that reads "today" must not see it end."""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from shared.clock import utc_now

HERE: Final = ZoneInfo("Asia/Ho_Chi_Minh")


async def within_a_day(most: timedelta = timedelta(minutes=2)) -> datetime:
    """Now, in Viet Nam's zone, with at least `most` of the day left: near midnight it waits."""
    now = utc_now().astimezone(HERE)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    if midnight - now < most:
        await asyncio.sleep((midnight - now).total_seconds() + 1)
    return utc_now().astimezone(HERE)
