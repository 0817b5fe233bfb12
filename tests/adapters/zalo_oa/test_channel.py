"""What the hub may count on before it calls anything."""

from adapters.zalo_oa.channel import channel
from adapters.zalo_oa.settings import ZaloCredentials, ZaloSettings
from shared.contract.channel import (
    Channel,
    Checker,
    Configurable,
    Consenter,
    Lister,
    Publisher,
    Receiver,
    Renewer,
    Updater,
    Withdrawer,
    abilities,
)
from tests.adapters.zalo_oa.makers import SETTINGS

# The type checker proves each of these signatures.
AS_CHANNEL: Channel = channel
AS_CONFIGURABLE: Configurable = channel
AS_PUBLISHER: Publisher = channel
AS_UPDATER: Updater = channel
AS_WITHDRAWER: Withdrawer = channel
AS_LISTER: Lister = channel
AS_CHECKER: Checker = channel
AS_RENEWER: Renewer = channel
AS_CONSENTER: Consenter = channel
AS_RECEIVER: Receiver = channel


def test_an_oa_can_do_everything_the_contract_knows() -> None:
    known = {"publish", "update", "withdraw", "look", "check", "renew", "consent", "receive"}
    assert set(abilities(channel)) >= known
    assert isinstance(channel, Configurable)


def test_the_outlet_is_named_by_its_oa() -> None:
    assert (channel.name, channel.pull) == ("zalo_oa", False)
    assert channel.remote_id_of(SETTINGS) == SETTINGS.oa_id
    assert channel.settings_form is ZaloSettings
    assert channel.credentials_form is ZaloCredentials


def test_the_real_hosts_are_the_defaults() -> None:
    assert channel.variables == {
        "LOA_ZALO_API_URL": "https://openapi.zalo.me",
        "LOA_ZALO_OAUTH_URL": "https://oauth.zaloapp.com",
    }
