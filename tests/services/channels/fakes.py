"""A channel with a memory, for what the real ones cannot be made to do on command."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, SecretStr

from shared.contract.messages import (
    Account,
    Fingerprint,
    Limits,
    Payload,
    Probe,
    Rendition,
    Revision,
)


class FakeSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str
    colour: str = "sen"


class FakeCredentials(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    key: SecretStr
    other: SecretStr = SecretStr("")
    made_on: str | None = None


class FakeChannel:
    """Renders titles; answers a check with `probes` or raises `trouble`."""

    pull = False
    limits = Limits()
    settings_form: type[BaseModel] = FakeSettings
    credentials_form: type[BaseModel] = FakeCredentials

    def __init__(self, name: str = "fake") -> None:
        self.name = name
        self.configured: dict[str, str] = {}
        self.variables: Mapping[str, str] = {"LOA_FAKE_URL": "https://fake.example"}
        self.probes: tuple[Probe, ...] = (Probe(name="token", ok=True, detail="", ms=1),)
        self.trouble: Exception | None = None

    def configure(self, values: Mapping[str, str]) -> None:
        self.configured.update(values)

    def remote_id_of(self, settings: BaseModel) -> str:
        assert isinstance(settings, FakeSettings)
        return settings.page

    def render(self, revision: Revision, settings: BaseModel) -> Rendition:
        return Rendition(payload={"title": revision.title})

    def fingerprint(self, payload: Payload) -> Fingerprint:
        return Fingerprint(link="", text=str(payload["title"]))

    async def check(self, account: Account) -> tuple[Probe, ...]:
        assert isinstance(account.credentials, FakeCredentials)
        if self.trouble is not None:
            raise self.trouble
        return self.probes
