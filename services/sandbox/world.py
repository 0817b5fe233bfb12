"""The simulated world: its clock, its accounts, its log; everything is in memory, in one process.

All state is touched by one event loop only, and never across an await in a half-changed form.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from services.sandbox import naming
from services.sandbox.faults import Faults
from services.sandbox.official_account import OfficialAccount, Pair
from services.sandbox.page import Page
from services.sandbox.portals import PortalSite
from services.sandbox.posts import Account
from services.sandbox.traits import FacebookTraits, ZaloTraits
from shared.clock import utc_now

ZALO, FACEBOOK, PORTAL = "zalo_oa", "facebook_page", "portal_rss"
MOST_EVENTS = 100_000
_MOST_PICTURE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """One call that arrived: where, what for, and what became of it. `status` 0 is no answer."""

    no: int
    at: datetime
    method: str
    path: str
    channel: str
    account: str
    operation: str
    fault: str
    status: int
    code: int


class World:
    """Everything that the sandbox knows. `seed` names ids and tokens; see `naming`.

    Posts are numbered from `first_number` on: a world that begins anew before a hub that remembers
    the last one must not give the same ids again, which no real channel does.
    """

    def __init__(
        self, *, seed: int = 0, public_media_fetch: bool = True, first_number: int = 0
    ) -> None:
        self.seed = seed
        self.first_number = first_number
        self.public_media_fetch = public_media_fetch
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: httpx.AsyncClient | None = None
        self.clear()

    def clear(self) -> None:
        """Forgets every account, post, fault, portal and event; ends what was under way."""
        for task in self._tasks:
            task.cancel()
        self.offset = timedelta(0)
        self.zalo: dict[str, OfficialAccount] = {}
        self.pages: dict[str, Page] = {}
        self.portals: dict[str, PortalSite] = {}
        self.sister_since = utc_now().replace(minute=0, second=0, microsecond=0)
        self.sister_reads = 0
        self.pairs_by_access: dict[str, tuple[OfficialAccount, Pair]] = {}
        self.pairs_by_refresh: dict[str, tuple[OfficialAccount, Pair]] = {}
        self.pages_by_token: dict[str, Page] = {}
        self.users: dict[str, list[Page]] = {}
        self.faults = Faults()
        self.events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self.event_no = 0
        self.pictures: dict[str, tuple[str, bytes]] = {}
        self._picture_bytes = 0

    # ── Time and chance ──────────────────────────────────────────────────────────────────────────

    def now(self) -> datetime:
        """The present of this world: real time and the offset an admin gave it."""
        return utc_now() + self.offset

    # ── Accounts ─────────────────────────────────────────────────────────────────────────────────

    def accounts(self) -> list[Account]:
        """Every account, oldest first within its channel."""
        return [*self.zalo.values(), *self.pages.values(), *self.portals.values()]

    def account(self, channel: str, account_id: str) -> Account | None:
        """One account, or None."""
        rooms: dict[str, dict[str, OfficialAccount] | dict[str, Page] | dict[str, PortalSite]] = {
            ZALO: self.zalo,
            FACEBOOK: self.pages,
            PORTAL: self.portals,
        }
        return rooms.get(channel, {}).get(account_id)

    def app_of(self, channel: str) -> tuple[str, str]:
        """Id and secret of the app that accounts of a channel belong to unless told otherwise."""
        app_id = naming.number(self.seed, "app", channel, digits=16)
        return app_id, naming.mark(self.seed, "app secret", channel)[:32]

    def open_oa(
        self,
        oa_id: str,
        *,
        name: str = "",
        traits: ZaloTraits | None = None,
        app_id: str = "",
        app_secret: str = "",
        oa_secret_key: str = "",
        access_token: str = "",
        refresh_token: str = "",
        generation: int = 0,
    ) -> OfficialAccount:
        """A new OA with its first pair of tokens, or the known one with what is given changed."""
        oa = self.zalo.get(oa_id)
        if oa is None:
            own_app, own_secret = self.app_of(ZALO)
            oa = OfficialAccount(
                channel=ZALO,
                id=oa_id,
                name=name or f"OA {oa_id[-4:]}",
                traits=traits or ZaloTraits(),
                app_id=app_id or own_app,
                app_secret=app_secret or own_secret,
                oa_secret_key=oa_secret_key or naming.mark(self.seed, "oa secret", oa_id)[:32],
                made=self.first_number,
            )
            self.zalo[oa_id] = oa
            self.issue_pair(oa, generation=generation, access=access_token, refresh=refresh_token)
            oa.pair.delivered = True
            return oa
        oa.name, oa.traits = name or oa.name, traits or oa.traits
        oa.app_id, oa.app_secret = app_id or oa.app_id, app_secret or oa.app_secret
        oa.oa_secret_key = oa_secret_key or oa.oa_secret_key
        if access_token or refresh_token:
            self.issue_pair(oa, access=access_token, refresh=refresh_token)
        return oa

    def issue_pair(
        self,
        oa: OfficialAccount,
        *,
        generation: int | None = None,
        access: str = "",
        refresh: str = "",
    ) -> Pair:
        """A new pair of tokens, known from now on; `access` and `refresh` replace its names."""
        pair = oa.issue(self.seed, self.now(), generation=generation)
        pair.access, pair.refresh = access or pair.access, refresh or pair.refresh
        self.pairs_by_access[pair.access] = (oa, pair)
        self.pairs_by_refresh[pair.refresh] = (oa, pair)
        return pair

    def open_page(
        self,
        page_id: str,
        *,
        name: str = "",
        traits: FacebookTraits | None = None,
        app_id: str = "",
        app_secret: str = "",
        page_token: str = "",
        verify_token: str = "",
    ) -> Page:
        """A new Page, or the known one with what is given changed."""
        page = self.pages.get(page_id)
        if page is None:
            own_app, own_secret = self.app_of(FACEBOOK)
            page = Page(
                channel=FACEBOOK,
                id=page_id,
                name=name or f"Trang {page_id[-4:]}",
                traits=traits or FacebookTraits(),
                app_id=app_id or own_app,
                app_secret=app_secret or own_secret,
                page_token=page_token or naming.token(self.seed, naming.PAGE, page_id, 0),
                user_token=naming.token(self.seed, naming.USER, app_id or own_app, 0),
                verify_token=verify_token or naming.mark(self.seed, "verify", page_id)[:24],
                made=self.first_number,
            )
            self.pages[page_id] = page
            self.users.setdefault(page.user_token, []).append(page)
        else:
            page.name, page.traits = name or page.name, traits or page.traits
            page.app_id, page.app_secret = app_id or page.app_id, app_secret or page.app_secret
            page.verify_token = verify_token or page.verify_token
            self.pages_by_token.pop(page.page_token, None)
            page.page_token = page_token or page.page_token
            page.proof = ""
        self.pages_by_token[page.page_token] = page
        return page

    def oa_by_access(self, token: str) -> tuple[OfficialAccount, Pair] | None:
        """Whose access token this is; an OA of an earlier sandbox with this seed comes back."""
        found = self.pairs_by_access.get(token)
        if found is None and self._revive(token, naming.ACCESS):
            found = self.pairs_by_access.get(token)
        return found

    def oa_by_refresh(self, token: str) -> tuple[OfficialAccount, Pair] | None:
        """Whose refresh token this is, as `oa_by_access`."""
        found = self.pairs_by_refresh.get(token)
        if found is None and self._revive(token, naming.REFRESH):
            found = self.pairs_by_refresh.get(token)
        return found

    def page_by_token(self, token: str) -> Page | None:
        """Whose page token this is, as `oa_by_access`."""
        found = self.pages_by_token.get(token)
        if found is None and self._revive(token, naming.PAGE):
            found = self.pages_by_token.get(token)
        return found

    def _revive(self, token: str, kind: str) -> bool:
        told = naming.read_token(self.seed, token)
        if told is None or told[0] != kind:
            return False
        _, account_id, generation = told
        if kind == naming.PAGE:
            if account_id not in self.pages:
                self.open_page(account_id)
        elif account_id not in self.zalo:
            self.open_oa(account_id, generation=generation)
        return True

    # ── The log ──────────────────────────────────────────────────────────────────────────────────

    def record(
        self,
        method: str,
        path: str,
        *,
        channel: str = "",
        account: str = "",
        operation: str = "",
        fault: str = "",
        status: int = 0,
        code: int = 0,
    ) -> None:
        """Keeps one call; `code` is the channel's own error number, 0 for none."""
        self.event_no += 1
        self.events.append(
            Event(
                self.event_no,
                self.now(),
                method,
                path,
                channel,
                account,
                operation,
                fault,
                status,
                code,
            )
        )

    # ── Pictures and background work ─────────────────────────────────────────────────────────────

    def keep_picture(self, mime: str, content: bytes) -> str:
        """Keeps a copy under its SHA-256, which is given; the oldest go when it gets too much."""
        name = hashlib.sha256(content).hexdigest()
        if name not in self.pictures:
            self.pictures[name] = (mime, content)
            self._picture_bytes += len(content)
            while self._picture_bytes > _MOST_PICTURE_BYTES and len(self.pictures) > 1:
                oldest = next(iter(self.pictures))
                self._picture_bytes -= len(self.pictures.pop(oldest)[1])
        return name

    def fetches(self, choice: bool | None) -> bool:
        """Whether pictures are really fetched, by an account's choice or the sandbox's."""
        return self.public_media_fetch if choice is None else choice

    @property
    def client(self) -> httpx.AsyncClient:
        """The client with which the simulated channels fetch; made when first asked for."""
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=5.0,
                follow_redirects=True,
                trust_env=False,
                limits=httpx.Limits(max_connections=20),
            )
        return self._client

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Runs work in the background; it ends with this world at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def aclose(self) -> None:
        """Ends all background work and closes the client."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None
