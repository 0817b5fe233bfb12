"""The notice board as a channel: every operation is one request."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel

from loa_board import render
from loa_board.client import BOARD_URL, GONE, BoardClient
from loa_board.settings import BoardCredentials, BoardSettings
from shared.clock import steady_seconds
from shared.contract.errors import (
    ChannelError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)
from shared.contract.messages import (
    Account,
    Call,
    Done,
    Fingerprint,
    Limits,
    Outcome,
    Page,
    Payload,
    Probe,
    Receipt,
    RemoteId,
    Rendition,
    Revision,
    Seen,
    Step,
)

_VARIABLE = "LOA_BOARD_URL"


class Board:
    """Publishes, corrects and takes down notices, and reads them back."""

    name = "board"
    pull = False
    limits: Limits = render.LIMITS
    settings_form: type[BaseModel] = BoardSettings
    credentials_form: type[BaseModel] = BoardCredentials
    variables: Mapping[str, str] = {_VARIABLE: BOARD_URL}

    def __init__(self) -> None:
        self._client = BoardClient()

    def configure(self, values: Mapping[str, str]) -> None:
        """Takes the address of the board's server."""
        self._client = BoardClient(values.get(_VARIABLE, BOARD_URL))

    async def aclose(self) -> None:
        """Closes what is idle in the running loop."""
        await self._client.aclose()

    def remote_id_of(self, settings: BaseModel) -> str:
        """The board's name."""
        return BoardSettings.model_validate(settings).board

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        """One notice. Pure."""
        return render.render(revision)

    def fingerprint(self, payload: Payload) -> Fingerprint:
        """The notice as it is read back. Pure."""
        return render.fingerprint(payload)

    def step(self, call: Call) -> Step:
        """Putting a notice up is done once; whatever names a notice may be repeated."""
        return Step(name=call.operation.value, repeatable=call.remote_id is not None)

    async def publish(self, call: Call) -> Outcome:
        """Puts the notice up, or (its id being known by now) sets it right."""
        if call.remote_id is not None:
            return await self.update(call)
        answer = await self._client.ask(
            call.account, "POST", "/notices", body=call.payload, deadline=call.deadline
        )
        if answer.status == GONE:
            raise ChannelRejectedError("account_missing", remedy=Remedy.HUMAN, remote_code="404")
        receipt = Receipt(remote_id=RemoteId(answer.text("id")), remote_url=answer.text("url"))
        return Done(receipt=receipt)

    async def update(self, call: Call) -> Outcome:
        """Replaces the notice."""
        remote_id = _id(call)
        answer = await self._client.ask(
            call.account, "PUT", f"/notices/{remote_id}", body=call.payload, deadline=call.deadline
        )
        if answer.status == GONE:
            raise ChannelRejectedError("post_missing", remedy=Remedy.EDIT, remote_code="404")
        return Done(receipt=Receipt(remote_id=remote_id, remote_url=answer.text("url")))

    async def withdraw(self, call: Call) -> Outcome:
        """Takes the notice down; one that is said to be gone is looked for."""
        if call.remote_id is None:
            # Nothing that we know of was put up: the hub's own look has the last word.
            raise ChannelUncertainError("nothing_to_remove", final=True)
        answer = await self._client.ask(
            call.account, "DELETE", f"/notices/{call.remote_id}", deadline=call.deadline
        )
        if answer.status == GONE and await self.read(call.account, call.remote_id) is not None:
            raise ChannelUncertainError("post_unreadable")
        return Done(receipt=Receipt(remote_id=call.remote_id))

    async def listing(self, account: Account, *, since: datetime, cursor: str | None) -> Page:
        """One page of notices, newest first."""
        query = {"since": since.isoformat()} | ({"cursor": cursor} if cursor else {})
        answer = await self._client.ask(account, "GET", "/notices", query=query)
        notices, following = answer.body.get("notices"), answer.body.get("next")
        if not isinstance(notices, list):
            raise ChannelUncertainError("unreadable_answer", remote_message="no notices")
        return Page(
            seen=tuple(_seen(one) for one in notices),
            cursor=following if isinstance(following, str) else None,
        )

    async def newest(self, account: Account) -> Page:
        """The newest notices; only a board that exists can be empty."""
        answer = await self._client.ask(account, "GET", "/notices")
        notices = answer.body.get("notices")
        if answer.status == GONE or not isinstance(notices, list):
            raise ChannelUncertainError("unreadable_answer", remote_message="no notices")
        return Page(seen=tuple(_seen(one) for one in notices))

    async def read(self, account: Account, remote_id: RemoteId) -> Seen | None:
        """One notice. The board tells a notice that is gone from a board that is not there."""
        answer = await self._client.ask(account, "GET", f"/notices/{remote_id}")
        if answer.status != GONE:
            return _seen(answer.body)
        if answer.body.get("error") != "no such notice":
            raise ChannelUncertainError("post_unreadable")
        return None

    async def check(self, account: Account) -> tuple[Probe, ...]:
        """Whether the board is there and its key fits."""
        begun = steady_seconds()
        try:
            answer = await self._client.ask(account, "GET")
            ok, detail = answer.status != GONE, "Đã mở được bảng tin."
        except ChannelError as error:
            ok, detail = False, f"Không mở được bảng tin: {error.code}."
        ms = round((steady_seconds() - begun) * 1000)
        return (Probe(name="board", ok=ok, detail=detail, ms=ms),)


def _id(call: Call) -> RemoteId:
    if call.remote_id is None:
        raise ValueError("this needs the id of a notice")
    return call.remote_id


def _seen(told: object) -> Seen:
    notice = told if isinstance(told, dict) else {}
    title, text, link = (str(notice.get(name) or "") for name in ("title", "text", "link"))
    try:
        at = datetime.fromisoformat(str(notice.get("at")))
    except ValueError as error:
        raise ChannelUncertainError("unreadable_answer", remote_message="no time") from error
    return Seen(
        remote_id=RemoteId(str(notice.get("id"))),
        text=render.words_of(title, text, link),
        at=at,
        remote_url=str(notice.get("url")),
        links=(link,),
    )


channel = Board()
