"""The doors for programs as one site in this process, over a real database."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from services.api import health
from services.api.app import PREFIX, create_app
from services.channels.accounts import sealed_credentials
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.content.media_store import MediaStore
from services.delivery.hub import Hub
from services.staff import tokens
from services.staff.caller import Caller
from services.staff.cookies import csrf_of
from services.staff.tables import SCOPES, Session
from services.storage.columns import new_id
from services.storage.session import make_engine, opener
from services.webhooks import door
from shared.clock import utc_now
from tests.support.people import add_person, add_unit

PUBLIC_URL = "http://loa.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a client that is signed in (and repeats the session's code)."""

    caller: Caller
    client: httpx.AsyncClient

    @property
    def id(self) -> str:
        """Their id as JSON has it."""
        return str(self.caller.staff_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A hub and its doors."""

    hub: Hub
    api: FastAPI
    app: Starlette

    def client(self, **headers: str) -> httpx.AsyncClient:
        """A client of the API without a session."""
        # An error of ours is answered with 500, as a server would, instead of ending the test. The
        # API is asked as if mounted: the site around it may answer odd addresses by itself.
        transport = httpx.ASGITransport(app=self.api, raise_app_exceptions=False, root_path=PREFIX)
        return httpx.AsyncClient(
            transport=transport, base_url=PUBLIC_URL + PREFIX, headers=headers, timeout=60
        )

    async def person(self, unit_id: UUID, *roles: str) -> Person:
        """A person with a session; its row is what a sign-in leaves."""
        cookie = secrets.token_urlsafe(32)
        now = utc_now()
        async with self.hub.open_work() as session:
            caller = await add_person(session, unit_id, *roles)
            session.add(
                Session(
                    staff_id=caller.staff_id,
                    token_hash=hashlib.sha256(cookie.encode()).digest(),
                    expires_at=now + timedelta(hours=8),
                )
            )
        client = self.client(**{"X-CSRF-Token": csrf_of(cookie)})
        client.cookies.set("loa", cookie)
        return Person(caller=caller, client=client)

    async def program(self, unit_id: UUID, *scopes: str) -> Person:
        """A program with a token of a person without any role."""
        async with self.hub.open_work() as session:
            caller = await add_person(session, unit_id)
            made = await tokens.add(
                session,
                caller.actor,
                caller.staff_id,
                name="Máy quét",
                scopes=scopes or SCOPES,
                now=utc_now(),
            )
        client = self.client(Authorization=f"Bearer {made.secret}")
        return Person(caller=caller, client=client)

    async def unit(self, parent: UUID | None = None) -> UUID:
        """A new unit."""
        async with self.hub.open_work() as session:
            return await add_unit(session, f"U{new_id().hex[-10:].upper()}", parent)

    async def account(
        self,
        unit_id: UUID,
        channel: str,
        settings: Mapping[str, object],
        credentials: Mapping[str, object],
    ) -> UUID:
        """A connected account."""
        adapter = self.hub.registry.get(channel)
        account = Account(
            unit_id=unit_id,
            channel=channel,
            name=f"Kênh {new_id().hex}",
            remote_id=new_id().hex,
            settings=dict(settings),
            sealed_credentials=b"",
        )
        account.sealed_credentials = sealed_credentials(
            self.hub.sealer, account.id, adapter.credentials_form.model_validate(credentials)
        )
        async with self.hub.open_work() as session:
            session.add(account)
        return account.id

    async def portal(self, unit_id: UUID) -> UUID:
        """A portal feed of the unit."""
        slug = f"cong-{new_id().hex[-12:]}"
        settings = {"slug": slug, "title": "Cổng", "link": "https://cong.example/"}
        return await self.account(unit_id, "portal_rss", settings, {})


@asynccontextmanager
async def open_site(database_url: str, media_root: Path) -> AsyncIterator[Site]:
    """A site over a migrated database, with the built-in adapters."""
    engine = make_engine(database_url, size=20)
    hub = Hub(
        open_work=opener(engine),
        registry=Registry.load({}),
        sealer=Sealer(b"k" * 32),
        media=MediaStore(media_root),
        public_url=PUBLIC_URL,
        agency="Sở Thông tin Hoa Sen",
    )
    api = create_app(hub)
    app = Starlette(routes=[Mount(PREFIX, api), *door.routes(hub), *health.routes(hub)])
    yield Site(hub=hub, api=api, app=app)
    await engine.dispose()
