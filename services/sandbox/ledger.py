"""The ledger: what readers see on each account now, and everything that was ever visible.

As JSON it is the oracle of tests: whatever the hub believes, this is what the public saw.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from services.sandbox.pages import SAFETY, Pages
from services.sandbox.posts import Account, Picture, Post
from services.sandbox.world import Event, World

_MOST_CARDS = 24
_MOST_POSTS = 12
_COUNTERS = (
    "calls", "creates", "updates", "edits", "removes", "deletes", "uploads", "messages",
    "broadcasts", "refreshes", "refresh_spent_twice", "refresh_lost_answer", "consents",
    "consents_needed", "faults_applied", "polls",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One account as the page shows it; `older` counts visible posts that found no place."""

    account: Account
    visible: list[Post]
    older: int
    withdrawn: list[Post]
    ever: int


class LedgerDoor:
    """The ledger's addresses, the log's, and the public pages of single posts."""

    def __init__(self, world: World, pages: Pages) -> None:
        self._world = world
        self._pages = pages

    async def ledger(self, request: Request) -> Response:
        """The page for people; JSON for programs, and for whoever asks with `format=json`."""
        asked = request.query_params.get("format")
        if asked == "json" or "text/html" not in request.headers.get("accept", ""):
            return await self.as_json(request)
        now = self._world.now()
        accounts = self._asked(request)
        if len(accounts) > _MOST_CARDS:
            latest = sorted(accounts, key=_last_change, reverse=True)[:_MOST_CARDS]
            kept = {id(account) for account in latest}
            shown = [account for account in accounts if id(account) in kept]
        else:
            shown = accounts
        posts = [post for account in accounts for post in account.posts.values()]
        page = self._pages.draw(
            "ledger.html",
            cards=[_card(account, now) for account in shown],
            hidden=len(accounts) - len(shown),
            asked=request.query_params.get("account", ""),
            total=sum(1 for post in posts if post.visible(now)),
            ever=sum(1 for post in posts if post.intervals),
            now=now,
            live=request.query_params.get("live") != "0",
        )
        return HTMLResponse(page, headers=SAFETY)

    async def as_json(self, request: Request) -> Response:
        """Every account, or the one named by `account` (and `channel`)."""
        now = self._world.now()
        told = [account_told(account, now) for account in self._asked(request)]
        return JSONResponse({"at": instant(now), "seed": self._world.seed, "accounts": told})

    async def events(self, request: Request) -> Response:
        """The log behind the number `since`, oldest first; at most 100,000 entries are kept."""
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise HTTPException(400, "since")
        first = int(since)
        found = [_event(event) for event in self._world.events if event.no > first]
        return JSONResponse({"last": self._world.event_no, "events": found})

    async def zalo_view(self, request: Request) -> Response:
        """An article as a reader's phone opens it."""
        return self._view(request, list(self._world.zalo.values()))

    async def graph_view(self, request: Request) -> Response:
        """A post of a Page, opened by its address."""
        return self._view(request, list(self._world.pages.values()))

    async def picture(self, request: Request) -> Response:
        """A kept copy of a picture, by its SHA-256."""
        found = self._world.pictures.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        mime, content = found
        safe = {"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"}
        return Response(content, media_type=mime, headers=safe)

    def _asked(self, request: Request) -> list[Account]:
        wanted = request.query_params.get("account", "").strip()
        channel = request.query_params.get("channel", "")
        return [
            account
            for account in self._world.accounts()
            if (not wanted or account.id == wanted) and (not channel or account.channel == channel)
        ]

    def _view(self, request: Request, accounts: list[Account]) -> Response:
        remote_id = request.path_params["remote_id"]
        now = self._world.now()
        for account in accounts:
            post = account.posts.get(remote_id)
            if post is not None and post.visible(now):
                page = self._pages.draw("view.html", account=account, post=post)
                return HTMLResponse(page, headers=SAFETY)
        return HTMLResponse(self._pages.draw("gone.html"), status_code=404, headers=SAFETY)


# ── As JSON ──────────────────────────────────────────────────────────────────────────────────────


def account_told(account: Account, now: datetime) -> dict[str, object]:
    """One account: `visible`, newest first; `ever`, oldest first; `counters`."""
    visible = [post for post in account.posts.values() if post.visible(now)]
    visible.sort(key=lambda post: post.at, reverse=True)
    ever = [
        {
            "remote_id": post.remote_id,
            "foreign": post.foreign,
            "title": shown.face.title,
            "text_hash": shown.face.text_hash,
            "link": shown.face.link,
            "visible_from": instant(shown.visible_from),
            "visible_to": None if shown.visible_to is None else instant(shown.visible_to),
            "edits": [
                {"at": instant(edit.at), "text_hash": edit.text_hash} for edit in shown.edits
            ],
        }
        for post in account.posts.values()
        for shown in post.intervals
        if shown.visible_from <= now
    ]
    return {
        "channel": account.channel,
        "account": account.id,
        "name": account.name,
        "visible": [_post(post, now) for post in visible],
        "hidden": sum(1 for post in account.living() if not post.visible(now)),
        "ever": ever,
        "counters": {name: account.counts[name] for name in _COUNTERS}
        | {"ever_visible": len({str(one["remote_id"]) for one in ever})},
    }


def _post(post: Post, now: datetime) -> dict[str, object]:
    face = post.face
    return {
        "remote_id": post.remote_id,
        "kind": face.kind,
        "title": face.title,
        "text": face.text,
        "text_hash": face.text_hash,
        "pictures": [_picture(picture) for picture in face.pictures],
        "link": face.link,
        "url": post.url,
        "at": instant(post.at),
        "updated_at": instant(post.updated_at),
        "status": "show",
        "foreign": post.foreign,
        "listed": post.listed_from <= now,
    }


def _picture(picture: Picture) -> dict[str, object]:
    return {"url": picture.url, "sha256": picture.sha256, "alt": picture.alt}


def _event(event: Event) -> dict[str, object]:
    return {
        "no": event.no,
        "at": instant(event.at),
        "method": event.method,
        "path": event.path,
        "channel": event.channel,
        "account": event.account,
        "operation": event.operation,
        "fault": event.fault or None,
        "status": event.status or None,
        "code": event.code or None,
    }


def instant(at: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# ── As cards ─────────────────────────────────────────────────────────────────────────────────────


def _card(account: Account, now: datetime) -> Card:
    visible = [post for post in account.posts.values() if post.visible(now)]
    visible.sort(key=lambda post: post.at, reverse=True)
    withdrawn = [
        post for post in account.posts.values() if post.intervals and not post.visible(now)
    ]
    withdrawn.sort(key=lambda post: post.updated_at, reverse=True)
    ever = sum(1 for post in account.posts.values() if post.intervals)
    return Card(
        account=account,
        visible=visible[:_MOST_POSTS],
        older=max(0, len(visible) - _MOST_POSTS),
        withdrawn=withdrawn[:_MOST_POSTS],
        ever=ever,
    )


def _last_change(account: Account) -> float:
    return max((post.updated_at.timestamp() for post in account.posts.values()), default=0.0)
