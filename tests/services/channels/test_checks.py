from collections.abc import Mapping

import pytest

from services.audit.actor import SYSTEM
from services.channels import accounts
from services.channels.checks import check
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.storage.session import Opener
from shared.contract.errors import ChannelRejectedError, Remedy
from shared.contract.messages import Probe
from shared.errors import NotFoundError
from tests.services.channels.fakes import FakeChannel
from tests.support.people import add_unit

SEALER = Sealer(b"key")


@pytest.fixture
def fake() -> FakeChannel:
    return FakeChannel()


async def connected(
    open_work: Opener,
    registry: Registry,
    channel: str,
    *,
    settings: Mapping[str, object],
    credentials: Mapping[str, object],
) -> Account:
    async with open_work() as session:
        await add_unit(session, "BO")
        return await accounts.add(
            session,
            SYSTEM,
            registry,
            SEALER,
            unit_code="BO",
            channel=channel,
            name="Trang",
            settings=settings,
            credentials=credentials,
        )


async def test_the_answer_is_given_and_kept(open_work: Opener, fake: FakeChannel) -> None:
    registry = Registry.of(fake)
    account = await connected(
        open_work, registry, "fake", settings={"page": "p"}, credentials={"key": "k"}
    )
    assert await check(open_work, registry, SEALER, account.id) == fake.probes
    async with open_work() as session:
        seen = await accounts.view(session, account.id)
        assert seen.check_ok is True
        assert seen.checked_at is not None
    fake.probes = (*fake.probes, Probe(name="rights", ok=False, detail="", ms=1))
    await check(open_work, registry, SEALER, account.id)
    async with open_work() as session:
        assert (await accounts.view(session, account.id)).check_ok is False


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (ChannelRejectedError("dead", remedy=Remedy.RENEW, remote_code="-216"), "dead -216"),
        (KeyError("s3cret"), "KeyError"),
    ],
)
async def test_whatever_goes_wrong_is_a_probe_that_fails(
    open_work: Opener, fake: FakeChannel, trouble: Exception, told: str
) -> None:
    registry = Registry.of(fake)
    account = await connected(
        open_work, registry, "fake", settings={"page": "p"}, credentials={"key": "k"}
    )
    fake.trouble = trouble
    (probe,) = await check(open_work, registry, SEALER, account.id)
    assert (probe.ok, probe.detail) == (False, told)


async def test_a_portal_cannot_be_asked_so_its_settings_are(open_work: Opener) -> None:
    registry = Registry.load({})
    account = await connected(
        open_work,
        registry,
        "portal_rss",
        settings={"slug": "cong", "title": "Cổng", "link": "https://cong.example"},
        credentials={},
    )
    (probe,) = await check(open_work, registry, SEALER, account.id)
    assert (probe.name, probe.ok) == ("settings", True)
    (probe,) = await check(open_work, registry, Sealer(b"another key"), account.id)
    assert (probe.ok, probe.detail) == (False, "seal_key_unknown")


async def test_nothing_is_asked_of_an_account_that_is_not_there(open_work: Opener) -> None:
    registry = Registry.of(FakeChannel())
    account = await connected(
        open_work, registry, "fake", settings={"page": "p"}, credentials={"key": "k"}
    )
    async with open_work() as session:
        await accounts.close(session, SYSTEM, account.id, reason="Ngừng")
    with pytest.raises(NotFoundError):
        await check(open_work, registry, SEALER, account.id)
