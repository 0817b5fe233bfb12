"""Keeps subscribers up to date: asks callbacks whether they mean it, pushes documents, pings hubs.

Turned by every worker process beside the delivery loop, with the same bell and the same habits:
rows say what is owed (`websub_rows.py`), a call is made outside of any transaction, and what came
of it is kept for itself. Source: W3C Recommendation WebSub, sections 5.3, 7, 8; feeds.md section 8.
"""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Collection, Coroutine, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, TypeAlias
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from services.channels.sealing import SealError
from services.delivery import news, portal
from services.delivery.hub import Hub
from services.delivery.news import Moved as PublicationMoved
from services.storage.session import AWAY
from services.syndication import websub_rows as rows
from services.syndication.documents import Document, Gone, Moved, addresses_of, document
from services.syndication.turnstile import Turnstile
from services.syndication.websub import address_of, context, guard_of, hub_address
from services.syndication.websub_rows import Check, Due, Ping, Push, Topic
from shared.clock import steady_seconds, utc_now
from shared.fetch import (
    Fetched,
    FetchFailedError,
    FetchHeldError,
    FetchRefusedError,
    Guard,
    fetch,
)

Found: TypeAlias = Document | Moved | Gone | None

_log = structlog.get_logger(__name__)

_TICK = 1.0
_SWEEP = 30.0
# A bell that rings all the time, on a busy hub, must not make this look all the time.
_GATHER = 0.05
_GATHER_UNWATCHED = 0.25
_CLOSED = "Nguồn tin này không còn. This feed is no more."
_MOVED = "Nguồn tin đã chuyển tới {to}. This feed has moved to {to}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How calls are made: how many at once, for how long they are held, when they come again.

    A push is tried again after each of `waits`, the last one over and over, until the subscription
    has failed for `patience`. A callback that cannot be reached at all is asked `checks` times,
    a hub that was not told `pings` times. Behind many host names may stand one network address:
    it is called `per_address` times side by side, `burst` times in a row, then `each_second`.
    """

    at_once: int = 64
    per_host: int = 4
    per_address: int = 8
    burst: int = 60
    each_second: float = 2.0
    lease: timedelta = timedelta(seconds=30)
    waits: tuple[timedelta, ...] = tuple(
        timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 6 * 3600)
    )
    patience: timedelta = timedelta(days=3)
    checks: int = 3
    pings: int = 8

    def wait(self, tries: int) -> timedelta:
        """How long to wait after so many failures."""
        return self.waits[min(tries, len(self.waits) - 1)]


PACE: Final = Pace()


class Pusher:
    """One process's share of the pushing. `run` works until `stop`, then lets calls end."""

    def __init__(self, hub: Hub, *, pace: Pace = PACE) -> None:
        self.hub = hub
        self._pace = pace
        self._guard = replace(
            guard_of(hub),
            turnstile=Turnstile(
                at_once=pace.per_address, burst=pace.burst, each_second=pace.each_second
            ).through,
        )
        self._hubs = {one: urlsplit(one).netloc for one in hub.websub_hubs}
        # The operator named these hubs: they may stand where no stranger may send us.
        self._hub_guard = replace(
            guard_of(hub), inside=self._guard.inside | {_host_and_port(one) for one in self._hubs}
        )
        self._stopping = asyncio.Event()
        self._bell = asyncio.Event()
        self._working: dict[asyncio.Task[None], str] = {}
        self._tail: news.Tail | None = None
        self._swept = float("-inf")
        # Accounts with a new subscriber: what has changed while it was asked is noticed again.
        self._joined: set[UUID] = set()

    def ring(self) -> None:
        """Something may have changed, or be due, now."""
        self._bell.set()

    def stop(self) -> None:
        """Begins nothing more; `run` ends when the running calls have ended."""
        self._stopping.set()
        self._bell.set()

    async def run(self) -> None:
        """Turns until stopped. Whatever breaks here is logged: publishing must not stop for it."""
        try:
            while not self._stopping.is_set():
                self._bell.clear()
                try:
                    full = await self._turn()
                except AWAY as error:
                    _log.warning("websub.database_away", reason=type(error).__name__)
                    full = await self._begin_anew()
                except Exception:  # noqa: BLE001  # the outermost turn
                    _log.exception("websub.turn_failed")
                    full = await self._begin_anew()
                if not full:
                    await self._wait()
        finally:
            if self._working:
                await asyncio.wait(self._working, timeout=self._pace.lease.total_seconds())
            for task in list(self._working):
                task.cancel()

    async def _begin_anew(self) -> bool:
        # What was read of the news may not have been acted upon: the next turn looks at everything.
        self._tail = None
        await asyncio.sleep(_TICK)
        return False

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), _TICK)
        if not self._stopping.is_set():
            await asyncio.sleep(_GATHER if self._tail is not None else _GATHER_UNWATCHED)

    async def _turn(self) -> bool:
        """Notices changes and begins what is due; True when more may be due than there was room."""
        async with self.hub.open_work() as session:
            work = await rows.work(session)
            moved = await self._moved(session) if work.watched or self._hubs else None
        known: dict[str, Found] = {}
        if not (work.watched or self._hubs):
            self._tail = None
        elif moved is None or steady_seconds() - self._swept > _SWEEP:
            self._swept = steady_seconds()
            await self._notice(None, known)
            work = replace(work, due=True)
        elif moved:
            await self._notice(moved, known)
            work = replace(work, due=True)
        return await self._begin(known) if work.due else False

    async def _moved(self, session: AsyncSession) -> set[UUID] | None:
        """The accounts whose publications have moved since the last look; None at the first one."""
        if self._tail is None:
            self._tail = await news.newest(session)
            return None
        found = await news.since(session, self._tail)
        joined, self._joined = self._joined, set()
        return joined | {one.account_id for one in found if isinstance(one, PublicationMoved)}

    async def _notice(self, accounts: Collection[UUID] | None, known: dict[str, Found]) -> None:
        """Looks at the documents of these accounts (None: of all), and notes who is owed one."""
        async with self.hub.open_work() as session:
            subscribed = await rows.topics(session, accounts)
            pinged = await self._own_topics(session, accounts) if self._hubs else []
        found = {one: await self._read(one.topic, known) for one in (*subscribed, *pinged)}
        current = {
            one: replace(one, changed_at=shown.changed_at)
            for one, shown in found.items()
            if isinstance(shown, Document)
        }
        async with self.hub.open_work() as session:
            await rows.owe(session, [current[one] for one in subscribed if one in current])
            await rows.owe_pings(
                session, self._hubs, [current[one] for one in pinged if one in current]
            )
            for one in subscribed:
                shown = found[one]
                if isinstance(shown, Gone | Moved):
                    await rows.refuse_topic(session, one, _why(shown))
            if accounts is None:
                await rows.tidy(session, self._hubs)

    async def _own_topics(
        self, session: AsyncSession, accounts: Collection[UUID] | None
    ) -> list[Topic]:
        if accounts is None:
            accounts = [one.account.id for one in await portal.every(session)]
        return [
            Topic(account_id=account_id, topic=self.hub.public_url + address.path)
            for account_id in accounts
            for address in await addresses_of(session, account_id)
        ]

    async def _read(self, topic: str, known: dict[str, Found]) -> Found:
        """The document of a topic, read at most once in a turn; None when it cannot be told."""
        if topic not in known:
            address = address_of(self.hub, topic)
            try:
                # Another public address than it was: what they subscribed to is ours no more.
                known[topic] = (
                    Gone() if address is None else await document(self.hub, address, utc_now())
                )
            except AWAY:
                raise
            except Exception:  # noqa: BLE001  # logged, and tried again
                # One feed that cannot be drawn must not silence the others.
                _log.exception("websub.document_failed", topic=topic)
                known[topic] = None
        return known[topic]

    async def _begin(self, known: dict[str, Found]) -> bool:
        free = self._pace.at_once - len(self._working)
        if free <= 0 or self._stopping.is_set():
            return False
        hosts = Counter(self._working.values())
        async with self.hub.open_work() as session:
            claimed = await rows.claim(
                session,
                most=free,
                each=self._pace.per_host,
                busy=[host for host, count in hosts.items() if count >= self._pace.per_host],
                fresh_only=free <= self._pace.at_once // 2,
                lease=self._pace.lease,
            )
        for due in claimed:
            shown = await self._current(due, known)
            task = asyncio.create_task(self._call(due, shown))
            self._working[task] = due.host
            task.add_done_callback(self._ended)
        return len(claimed) == free

    async def _current(self, due: Due, known: dict[str, Found]) -> Found:
        """The document for a call; read again if somebody else has seen a newer one."""
        if isinstance(due, Ping):
            return None
        shown = known.get(due.topic)
        if (
            isinstance(due, Push)
            and isinstance(shown, Document)
            and shown.changed_at < due.wanted_at
        ):
            del known[due.topic]
        return await self._read(due.topic, known)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._working.pop(task, None)
        self._bell.set()

    async def _call(self, due: Due, shown: Found) -> None:
        try:
            match due:
                case Push():
                    await self._unless_held(due, self._push(due, shown))
                case Check():
                    await self._unless_held(due, self._check(due, shown))
                case Ping():
                    await self._ping(due)
        except AWAY as error:
            # The lease lapses, and the same is done once more by whoever claims it then.
            _log.warning("websub.outcome_lost", id=str(due.id), reason=type(error).__name__)
        except Exception:  # noqa: BLE001  # the outermost turn of a call
            _log.exception("websub.call_failed", id=str(due.id))
            await self._broke(due)

    async def _broke(self, due: Due) -> None:
        """Counts what nobody foresaw as a failure of the call, or it would come back for ever."""
        try:
            async with self.hub.open_work() as session:
                match due:
                    case Push():
                        await rows.push_failed(
                            session,
                            due,
                            None,
                            wait=self._pace.wait(due.tries),
                            patience=self._pace.patience,
                        )
                    case Check():
                        await self._not_asked(session, due, "failed")
                    case Ping():
                        await self._not_told(session, due, None)
        except AWAY as error:
            _log.warning("websub.outcome_lost", id=str(due.id), reason=type(error).__name__)

    async def _unless_held(self, due: Push | Check, call: Coroutine[object, object, None]) -> None:
        try:
            await call
        except FetchHeldError as error:
            async with self.hub.open_work() as session:
                await rows.held(session, due, error.wait)
            _log.info("websub.held", id=str(due.id), seconds=error.wait.total_seconds())

    # ── Pushing ──────────────────────────────────────────────────────────────────────────────────

    async def _push(self, push: Push, shown: Found) -> None:
        """One delivery of the document as it is now."""
        if isinstance(shown, Gone | Moved):
            async with self.hub.open_work() as session:
                await rows.refuse(session, push, _why(shown))
            return
        answer = await self._delivered(push, shown) if shown is not None else None
        status = answer.status if answer else None
        async with self.hub.open_work() as session:
            if shown is not None and status is not None and 200 <= status < 300:
                await rows.pushed(session, push, shown.changed_at, status)
            elif status == 410:
                await rows.end(session, push, "gone", status)
            else:
                hopeless = await rows.push_failed(
                    session,
                    push,
                    status,
                    wait=self._pace.wait(push.tries),
                    patience=self._pace.patience,
                )
                _log.info("websub.push_failed", id=str(push.id), status=status, ended=hopeless)

    async def _delivered(self, push: Push, shown: Document) -> Fetched | None:
        try:
            headers = self._headers(push, shown)
        except SealError as error:
            # Never without the signature that was asked for.
            _log.exception("websub.secret_unreadable", id=str(push.id), code=error.code)
            return None
        return await _asked("POST", push.callback, self._guard, headers=headers, content=shown.body)

    def _headers(self, push: Push, shown: Document) -> Mapping[str, str]:
        headers = {
            "content-type": shown.media_type,
            # `self` first: a common subscriber reads only the first link (feeds.md section 8).
            "link": f'<{push.topic}>; rel="self", <{hub_address(self.hub)}>; rel="hub"',
        }
        if push.sealed_secret is not None:
            secret = self.hub.sealer.open(push.sealed_secret, context(push.id))
            signed = hmac.new(secret, shown.body, hashlib.sha256).hexdigest()
            headers["x-hub-signature"] = f"sha256={signed}"
        return headers

    # ── Checking ─────────────────────────────────────────────────────────────────────────────────

    async def _check(self, check: Check, shown: Found) -> None:
        """Asks a callback whether it means what was asked in its name; only its word counts."""
        if not self._readable(check):
            async with self.hub.open_work() as session:
                await rows.not_meant(session, check, "secret_unreadable")
            return
        if check.mode == "subscribe" and isinstance(shown, Gone | Moved):
            check = replace(check, mode="denied", reason=_why(shown))
        if check.mode == "denied":
            asked = {"hub.reason": check.reason or ""}
        else:
            asked = {"hub.challenge": secrets.token_urlsafe(32)}
        if check.mode == "subscribe":
            asked["hub.lease_seconds"] = str(check.lease_seconds)
        asked = {"hub.mode": check.mode, "hub.topic": check.topic} | asked
        answer = await _asked("GET", _appended(check.callback, asked), self._guard)
        async with self.hub.open_work() as session:
            if answer is None:
                await self._not_asked(session, check, "unreachable")
            elif check.mode == "denied":
                await rows.not_meant(session, check, "told")
            elif _repeats(answer, asked["hub.challenge"]):
                version = shown.changed_at if isinstance(shown, Document) else None
                await rows.meant(session, self.hub.sealer, check, version)
                self._joined.add(check.account_id)
            else:
                await rows.not_meant(session, check, "refused")

    def _readable(self, check: Check) -> bool:
        """Whether the secret that came with the wish opens: the callback is not asked in vain."""
        if check.sealed_secret is None:
            return True
        try:
            self.hub.sealer.open(check.sealed_secret, context(check.id))
        except SealError as error:
            _log.error("websub.secret_unreadable", id=str(check.id), code=error.code)
            return False
        return True

    async def _not_asked(self, session: AsyncSession, check: Check, why: str) -> None:
        """The callback could not be asked: later again, or given up."""
        if check.tries + 1 < self._pace.checks:
            await rows.check_later(session, check, self._pace.wait(check.tries))
        else:
            await rows.not_meant(session, check, why)

    # ── Pinging ──────────────────────────────────────────────────────────────────────────────────

    async def _ping(self, ping: Ping) -> None:
        """Tells another hub of a change, by both names that hubs read."""
        form = {"hub.mode": "publish", "hub.url": ping.topic, "hub.topic": ping.topic}
        answer = await _asked(
            "POST",
            ping.hub,
            self._hub_guard,
            headers={"content-type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
        )
        status = answer.status if answer else None
        async with self.hub.open_work() as session:
            if status is not None and 200 <= status < 300:
                await rows.pinged(session, ping, status)
                return
            await self._not_told(session, ping, status)

    async def _not_told(self, session: AsyncSession, ping: Ping, status: int | None) -> None:
        """The other hub was not told: later again, or with the next change."""
        last = ping.tries + 1 >= self._pace.pings
        wait = None if last else self._pace.wait(ping.tries)
        await rows.ping_failed(session, ping, status, wait)
        _log.info("websub.ping_failed", host=ping.host, status=status, again=not last)


async def _asked(
    method: str,
    url: str,
    guard: Guard,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
) -> Fetched | None:
    """The answer, whatever its status; None when none came or the address may not be asked.

    Raises FetchHeldError when the address was asked too much already: nothing was sent.
    """
    try:
        return await fetch(method, url, guard=guard, headers=headers or {}, content=content)
    except FetchHeldError:
        raise
    except (FetchFailedError, FetchRefusedError) as error:
        _log.info("websub.unanswered", code=error.code)
        return None


def _repeats(answer: Fetched, challenge: str) -> bool:
    return 200 <= answer.status < 300 and hmac.compare_digest(answer.body, challenge.encode())


def _appended(callback: str, asked: Mapping[str, str]) -> str:
    """The callback with these parameters behind those that it has, which stay as they are."""
    sign = "&" if "?" in callback else "?"
    if callback.endswith(("?", "&")):
        sign = ""
    return f"{callback}{sign}{urlencode(asked)}"


def _why(shown: Gone | Moved) -> str:
    return _MOVED.format(to=shown.to) if isinstance(shown, Moved) else _CLOSED


def _host_and_port(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
