"""The only file that knows the board's addresses, and what its answers mean."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

from loa_board.settings import key_of, settings_of
from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import Account
from shared.http import Clients, classify, retry_after

BOARD_URL = "https://board.example"

GONE = 404

# The board answers these before it touches anything, always with `{"error": "…"}`.
REFUSALS: Mapping[int, tuple[str, Remedy]] = {
    401: ("token_expired", Remedy.CONSENT),
    403: ("not_permitted", Remedy.HUMAN),
    422: ("invalid_parameter", Remedy.EDIT),
    429: ("rate_limited", Remedy.SLOW),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A readable answer: 2xx, or 404 for a notice (or board) that is not there."""

    status: int
    body: Mapping[str, object]

    def text(self, name: str) -> str:
        """A text of the body. Raises ChannelUncertainError when it is not there."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise ChannelUncertainError("unreadable_answer", remote_message=f"no {name}")
        return value


class BoardClient:
    """Asks once, and tells what is known about the answer."""

    def __init__(self, url: str = BOARD_URL) -> None:
        self._url = url.rstrip("/")
        self._clients = Clients()

    async def ask(
        self,
        account: Account,
        method: str,
        path: str = "",
        *,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
        deadline: timedelta = timedelta(seconds=30),
    ) -> Answer:
        """One request below the account's board. Raises ChannelError for all but an Answer."""
        try:
            async with asyncio.timeout(deadline.total_seconds()), self._clients.one() as client:
                answer = await client.request(
                    method,
                    f"{self._url}/boards/{settings_of(account).board}{path}",
                    json=body,
                    params=query,
                    headers={"X-Board-Key": key_of(account)},
                )
        except TimeoutError as error:
            raise ChannelUncertainError("no_answer", remote_message="deadline") from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise classify(error) from error
        return _read(answer)

    async def aclose(self) -> None:
        """Closes what is idle in the running loop."""
        await self._clients.aclose()


def _read(answer: httpx.Response) -> Answer:
    status = answer.status_code
    body = _body(answer)
    if body is None or (status >= 300 and "error" not in body):
        raise ChannelUncertainError("unreadable_answer", remote_code=str(status))
    if status in REFUSALS:
        raise _refusal(answer, str(body["error"]))
    if status >= 300 and status != GONE:
        raise ChannelUncertainError("channel_down", remote_code=str(status))
    return Answer(status=status, body=body)


def _refusal(answer: httpx.Response, message: str) -> ChannelError:
    code, remedy = REFUSALS[answer.status_code]
    return ChannelRejectedError(
        code,
        remedy=remedy,
        remote_code=str(answer.status_code),
        remote_message=message,
        retry_after=retry_after(answer.headers.get("retry-after")),
    )


def _body(answer: httpx.Response) -> Mapping[str, object] | None:
    try:
        told: object = answer.json()
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
