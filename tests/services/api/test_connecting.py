from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from pydantic import BaseModel, SecretStr
from sqlalchemy import text

from services.api.app import PREFIX, create_app
from services.channels import accounts
from services.channels.registry import Registry
from services.channels.tables import Account as AccountRow
from shared.clock import utc_now
from shared.contract.errors import ChannelUncertainError
from shared.contract.messages import Account, RenewedCredentials
from tests.services.api.conftest import Team
from tests.services.channels.fakes import FakeChannel, FakeCredentials
from tests.support.site import PUBLIC_URL, Person, Site


class ConsentingChannel(FakeChannel):
    """A channel with a consent page; `code` is the only one it takes."""

    def consent_url(
        self, settings: BaseModel, *, redirect_uri: str, state: str, verifier: str
    ) -> str:
        self.verifier, self.redirect_uri = verifier, redirect_uri
        return f"https://consent.example/?state={state}"

    async def exchange(
        self, account: Account, *, query: Mapping[str, str], redirect_uri: str, verifier: str
    ) -> RenewedCredentials:
        if query.get("code") != "dung":
            raise ChannelUncertainError("no_answer")
        assert (verifier, redirect_uri) == (self.verifier, self.redirect_uri)
        return RenewedCredentials(
            credentials=FakeCredentials(key=SecretStr("khoa moi")), expires_at=self.ends
        )

    ends: datetime = utc_now() + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    site: Site
    team: Team
    channel: ConsentingChannel
    client: httpx.AsyncClient
    account: UUID

    async def begin(self) -> str:
        """Leaves for the consent page; gives the state."""
        answer = await self.client.post(f"/accounts/{self.account}/connect")
        assert answer.status_code == 200, answer.text
        return parse_qs(urlsplit(str(answer.json()["url"])).query)["state"][0]

    async def end(self, state: str, **more: str) -> httpx.Response:
        """Comes back from it."""
        query = {"state": state, "code": "dung", **more}
        return await self.client.get("/connect/fake/callback", params=query)

    async def row(self) -> AccountRow:
        """The account as it stands."""
        async with self.site.hub.open_work() as session:
            found = await session.get(AccountRow, self.account)
        assert found is not None
        return found


@pytest.fixture
async def desk(site: Site, team: Team) -> AsyncIterator[Desk]:
    channel = ConsentingChannel()
    hub = replace(site.hub, registry=Registry.of(channel))
    async with hub.open_work() as session:
        await session.execute(text("UPDATE account SET stage = 'closed' WHERE channel = 'fake'"))
        account = await accounts.add(
            session,
            team.admin.caller,
            hub.registry,
            hub.sealer,
            unit_code=team.admin.caller.unit_code,
            channel="fake",
            name=f"Trang {utc_now().isoformat()}",
            settings={"page": "trang"},
            credentials={"key": "khoa cu"},
        )
    transport = httpx.ASGITransport(app=create_app(hub), root_path=PREFIX)
    async with signed(transport, team.admin) as client:
        yield Desk(
            site=replace(site, hub=hub),
            team=team,
            channel=channel,
            client=client,
            account=account.id,
        )


def signed(transport: httpx.ASGITransport, person: Person) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=transport,
        base_url=PUBLIC_URL + PREFIX,
        headers=person.client.headers,
        cookies=person.client.cookies,
    )


async def test_a_consent_brings_new_credentials(desk: Desk) -> None:
    answer = await desk.end(await desk.begin())
    row = await desk.row()
    opened = accounts.opened(desk.site.hub.registry, desk.site.hub.sealer, row)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"account": str(desk.account)}
    assert isinstance(opened.credentials, FakeCredentials)
    assert opened.credentials.key.get_secret_value() == "khoa moi"
    assert (row.credentials_version, row.token_expires_at) == (2, desk.channel.ends)
    assert desk.channel.redirect_uri == f"{PUBLIC_URL}/api/v1/connect/fake/callback"


async def test_a_browser_goes_on_to_the_accounts_page(desk: Desk) -> None:
    state = await desk.begin()
    desk.client.headers["Accept"] = "text/html,application/xhtml+xml"
    answer = await desk.end(state)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PUBLIC_URL}/channels/{desk.account}"


async def test_a_state_works_once(desk: Desk) -> None:
    state = await desk.begin()
    first, second = await desk.end(state), await desk.end(state)
    assert (first.status_code, second.status_code) == (200, 422)
    assert second.json()["code"] == "consent_unknown"


async def test_a_state_is_spent_even_when_the_channel_fails(desk: Desk) -> None:
    state = await desk.begin()
    failed, again = await desk.end(state, code="sai"), await desk.end(state)
    assert (failed.status_code, again.status_code) == (502, 422)
    assert failed.json()["code"] == "no_answer"
    assert (await desk.row()).credentials_version == 1


async def test_a_state_belongs_to_who_left_with_it(desk: Desk) -> None:
    state = await desk.begin()
    other = await desk.site.person(desk.team.unit, "admin")
    desk.client.cookies = other.client.cookies
    assert (await desk.end(state)).json()["code"] == "consent_unknown"


async def test_an_old_state_and_an_invented_one_are_unknown(desk: Desk) -> None:
    state = await desk.begin()
    async with desk.site.hub.open_work() as session:
        await session.execute(text("UPDATE consent SET expires_at = now()"))
    old, invented = await desk.end(state), await desk.end("tu-nghi-ra")
    assert (old.status_code, invented.status_code) == (422, 422)


async def test_a_portal_has_no_consent_page(team: Team) -> None:
    answer = await team.admin.client.post(f"/accounts/{team.portal}/connect")
    assert answer.status_code == 409
    assert answer.json()["code"] == "no_consent_page"
