"""What a test or a rehearsal tells the simulated world: accounts, clock, drift, webhooks."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Annotated, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.sandbox import naming
from services.sandbox.graph_posting import make_post
from services.sandbox.ledger import instant
from services.sandbox.official_account import OfficialAccount
from services.sandbox.page import Page
from services.sandbox.portal import open_portal
from services.sandbox.posts import Face, Post, first_address
from services.sandbox.traits import FacebookTraits, ZaloTraits
from services.sandbox.wire import as_json
from services.sandbox.world import FACEBOOK, ZALO, World
from services.sandbox.zalo_articles import face_of

_T = TypeVar("_T")
_STRICT = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class _Wanted(BaseModel):
    id: str | None = Field(default=None, pattern=r"^[0-9A-Za-z_-]{1,40}$")
    name: str = ""
    app_id: str = ""
    app_secret: str = ""
    count: int = Field(default=0, ge=0, le=10_000)


class ZaloForm(ZaloTraits, _Wanted):
    """An OA to make or change: its own facts, and any trait beside them."""

    channel: Literal["zalo_oa"]
    access_token: str = ""
    refresh_token: str = ""
    oa_secret_key: str = ""


class FacebookForm(FacebookTraits, _Wanted):
    """A Page to make or change: its own facts, and any trait beside them."""

    channel: Literal["facebook_page"]
    page_token: str = ""
    verify_token: str = ""


AccountForm = Annotated[ZaloForm | FacebookForm, Field(discriminator="channel")]


class ClockForm(BaseModel):
    """How far this world's clock is ahead of the real one."""

    model_config = _STRICT
    offset_seconds: float


class PostForm(BaseModel):
    """A post by somebody else, or what to do behind the hub's back with one that is there."""

    model_config = _STRICT
    channel: Literal["zalo_oa", "facebook_page"]
    account: str
    remote_id: str = ""
    title: str = ""
    text: str = ""
    link: str = ""
    status: Literal["show", "hide"] | None = None


class PortalForm(BaseModel):
    """A portal that reads a feed every so many seconds."""

    model_config = _STRICT
    feed_url: str = Field(pattern=r"^https?://")
    every: float = Field(default=5.0, ge=0.05)
    name: str = ""


class WebhookForm(BaseModel):
    """An event to send, signed as the channel signs; `broken` spoils the signature.

    `probe`: Zalo's empty, unsigned call on saving an address instead (zalo-oa-api.md 8.1).
    """

    model_config = _STRICT
    channel: Literal["zalo_oa", "facebook_page"]
    account: str
    url: str = Field(pattern=r"^https?://")
    event: dict[str, object] = {}
    broken: bool = False
    probe: bool = False
    num_retry: int = 0


class AdminDoor:
    """The addresses below /admin. None of them belongs to any channel."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def accounts(self, request: Request) -> Response:
        """Makes accounts, or changes one; answers what Loa needs to connect each."""
        form = await _read(request, TypeAdapter[ZaloForm | FacebookForm](AccountForm))
        made: list[dict[str, object]] = []
        for number in range(form.count or 1):
            account_id = form.id or free_id(self._world, form.channel)
            if form.count:
                account_id = f"{account_id}{number:05d}"
            if isinstance(form, ZaloForm):
                made.append(_zalo_told(self._open_zalo(account_id, form)))
            else:
                made.append(_facebook_told(self._open_facebook(account_id, form)))
        return JSONResponse({"accounts": made}, status_code=201)

    async def known(self, request: Request) -> Response:
        """Every account with what Loa needs to connect it."""
        return JSONResponse({"accounts": accounts_told(self._world)})

    async def reset(self, request: Request) -> Response:
        """Forgets everything but the seed; safe to repeat."""
        self._world.clear()
        return JSONResponse({"ok": True})

    async def clock(self, request: Request) -> Response:
        """Sets this world's clock off the real one."""
        form = await _read(request, TypeAdapter(ClockForm))
        self._world.offset = timedelta(seconds=form.offset_seconds)
        return JSONResponse({"now": instant(self._world.now())})

    async def foreign(self, request: Request) -> Response:
        """A post that somebody made by hand, or through another app."""
        form = await _read(request, TypeAdapter(PostForm))
        account = self._account(form.channel, form.account)
        now = self._world.now()
        link = form.link or first_address(form.text)
        if isinstance(account, Page):
            face = Face(text=form.text, link=link)
            post = make_post(
                account,
                face,
                post_id=f"{account.id}_{account.new_id(self._world.seed)}",
                now=now,
                lag=timedelta(0),
                link=form.link,
                foreign=True,
            )
        else:
            post = self._foreign_article(account, form, base=str(request.base_url).rstrip("/"))
        if form.status != "hide":
            post.show(now)
        return JSONResponse({"remote_id": post.remote_id}, status_code=201)

    async def edit(self, request: Request) -> Response:
        """Changes a post behind the hub's back: what is given replaces, what is not stays."""
        form = await _read(request, TypeAdapter(PostForm))
        post = self._post(form)
        now = self._world.now()
        face = Face(
            title=form.title or post.face.title,
            text=form.text or post.face.text,
            pictures=post.face.pictures,
            link=form.link or post.face.link,
            kind=post.face.kind,
        )
        if form.channel == ZALO:
            if form.title:
                post.raw["title"] = form.title
            if form.text:
                post.raw["description"] = ""
                post.raw["body"] = [{"type": "text", "content": f"<p>{form.text}</p>"}]
            if form.status:
                post.raw["status"] = form.status
        elif form.status:
            post.raw["hidden"] = form.status == "hide"
        post.change(face, now)
        if form.status == "hide":
            post.hide(now)
        elif form.status == "show":
            post.show(now)
        return JSONResponse({"remote_id": post.remote_id})

    async def delete(self, request: Request) -> Response:
        """Deletes a post behind the hub's back."""
        post = self._post(await _read(request, TypeAdapter(PostForm)))
        post.remove(self._world.now())
        return JSONResponse({"remote_id": post.remote_id})

    async def portal(self, request: Request) -> Response:
        """A portal that reads a feed from now on."""
        form = await _read(request, TypeAdapter(PortalForm))
        site = open_portal(self._world, feed_url=form.feed_url, every=form.every, name=form.name)
        told = {"number": site.id, "page": f"/portal/{site.id}"}
        return JSONResponse(told, status_code=201)

    async def webhook(self, request: Request) -> Response:
        """Sends one signed event and answers with the status that came back, 0 for none."""
        form = await _read(request, TypeAdapter(WebhookForm))
        account = self._account(form.channel, form.account)
        if isinstance(account, Page):
            body, headers = _facebook_event(account, form)
        else:
            body, headers = self._zalo_event(account, form)
        if form.probe:
            body, headers = b"{}", {"Content-Type": "application/json"}
        if form.num_retry:
            headers["num_retry"] = str(form.num_retry)
        try:
            answer = await self._world.client.post(form.url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return JSONResponse({"status": 0, "problem": type(error).__name__})
        return JSONResponse({"status": answer.status_code, "body": answer.text[:2000]})

    # ── Parts ────────────────────────────────────────────────────────────────────────────────────

    def _open_zalo(self, oa_id: str, form: ZaloForm) -> OfficialAccount:
        return self._world.open_oa(
            oa_id,
            name=form.name,
            traits=ZaloTraits.model_validate(form.model_dump(include=set(ZaloTraits.model_fields))),
            app_id=form.app_id,
            app_secret=form.app_secret,
            oa_secret_key=form.oa_secret_key,
            access_token=form.access_token,
            refresh_token=form.refresh_token,
        )

    def _open_facebook(self, page_id: str, form: FacebookForm) -> Page:
        traits = form.model_dump(include=set(FacebookTraits.model_fields))
        return self._world.open_page(
            page_id,
            name=form.name,
            traits=FacebookTraits.model_validate(traits),
            app_id=form.app_id,
            app_secret=form.app_secret,
            page_token=form.page_token,
            verify_token=form.verify_token,
        )

    def _account(self, channel: str, account_id: str) -> OfficialAccount | Page:
        account = self._world.account(channel, account_id)
        if not isinstance(account, OfficialAccount | Page):
            raise HTTPException(404, f"no account {channel} {account_id}")
        return account

    def _post(self, form: PostForm) -> Post:
        post = self._account(form.channel, form.account).posts.get(form.remote_id)
        if post is None or post.gone_at is not None:
            raise HTTPException(404, f"no post {form.remote_id}")
        return post

    def _foreign_article(self, oa: OfficialAccount, form: PostForm, *, base: str) -> Post:
        now = self._world.now()
        number = oa.next_number()
        article_id = naming.mark(self._world.seed, "article", oa.id, number)[:20]
        article: dict[str, object] = {
            "type": "normal",
            "title": form.title or "Bài viết tay",
            "author": oa.name,
            "description": "",
            "cover": {"cover_type": "photo", "photo_url": "", "status": "hide"},
            "body": [{"type": "text", "content": f"<p>{form.text}</p>"}],
            "related_medias": [],
            "tracking_link": form.link,
            "status": form.status or "show",
            "comment": "show",
        }
        post = Post(
            remote_id=article_id,
            face=face_of(article, {}),
            at=now,
            updated_at=now,
            listed_from=now,
            url=f"{base}/zalo/view/{article_id}",
            foreign=True,
            number=number,
            raw=article,
        )
        oa.posts[article_id] = post
        return post

    def _zalo_event(self, oa: OfficialAccount, form: WebhookForm) -> tuple[bytes, dict[str, str]]:
        """`mac` is a plain SHA-256 over app id, body, timestamp, key (zalo-oa-api.md 8.2)."""
        now = self._world.now()
        event = {"app_id": oa.app_id, "timestamp": str(int(now.timestamp() * 1000))} | form.event
        sender = event.get("sender")
        if isinstance(sender, dict) and str(event.get("event_name", "")).startswith("user_"):
            oa.chats[str(sender.get("id"))] = now
            self._keep_words(oa, event, str(sender.get("id")))
        body = as_json(event)
        key = "sai khoá" if form.broken else oa.oa_secret_key
        signed = str(event["app_id"]).encode() + body + str(event["timestamp"]).encode()
        mac = hashlib.sha256(signed + key.encode()).hexdigest()
        return body, {
            "Content-Type": "application/json",
            "User-Agent": "ZaloWebhook",
            "X-ZEvent-Signature": f"mac={mac}",
        }

    def _keep_words(self, oa: OfficialAccount, event: dict[str, object], user: str) -> None:
        message = event.get("message")
        if isinstance(message, dict):
            oa.sent.append(
                {
                    "with": user,
                    "src": 1,
                    "time": int(self._world.now().timestamp() * 1000),
                    "type": "text",
                    "message": message.get("text", ""),
                    "message_id": message.get("msg_id", ""),
                    "from_id": user,
                    "to_id": oa.id,
                    "from_display_name": "Công dân",
                    "to_display_name": oa.name,
                    "from_avatar": "",
                }
            )


def open_samples(world: World) -> None:
    """One OA and one Page, for a sandbox in which nobody has made any account yet."""
    world.open_oa(free_id(world, ZALO), name="OA mẫu")
    world.open_page(free_id(world, FACEBOOK), name="Trang mẫu")


def accounts_told(world: World) -> list[dict[str, object]]:
    """Every OA and Page with what Loa needs to connect it."""
    zalo = [_zalo_told(oa) for oa in world.zalo.values()]
    return zalo + [_facebook_told(page) for page in world.pages.values()]


def free_id(world: World, channel: str) -> str:
    """An id that no account of the channel has."""
    taken = world.zalo if channel == ZALO else world.pages
    number = len(taken)
    while True:
        account_id = naming.number(world.seed, channel, number, digits=15)
        if account_id not in taken:
            return account_id
        number += 1


def _facebook_event(page: Page, form: WebhookForm) -> tuple[bytes, dict[str, str]]:
    """Signed over the bytes on the wire, where Meta escapes (facebook-pages-api.md 7.2)."""
    body = json.dumps(form.event, separators=(",", ":")).replace("/", "\\/").encode()
    key = "sai khoá" if form.broken else page.app_secret
    mac = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": f"sha256={mac}",
    }


def _zalo_told(oa: OfficialAccount) -> dict[str, object]:
    return {
        "channel": ZALO,
        "id": oa.id,
        "name": oa.name,
        "settings": {"oa_id": oa.id, "app_id": oa.app_id},
        "credentials": {
            "app_secret": oa.app_secret,
            "access_token": oa.pair.access,
            "refresh_token": oa.pair.refresh,
            "oa_secret_key": oa.oa_secret_key,
        },
    }


def _facebook_told(page: Page) -> dict[str, object]:
    return {
        "channel": FACEBOOK,
        "id": page.id,
        "name": page.name,
        "user_token": page.user_token,
        "settings": {"page_id": page.id, "app_id": page.app_id, "graph_version": "v25.0"},
        "credentials": {
            "page_token": page.page_token,
            "app_secret": page.app_secret,
            "verify_token": page.verify_token,
        },
    }


async def _read(request: Request, form: TypeAdapter[_T]) -> _T:
    try:
        return form.validate_json(await request.body())
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        raise HTTPException(422, json.dumps(told)) from error
