"""What may be entered when a Page is connected."""

import pytest
from pydantic import ValidationError

from adapters.facebook_page.channel import channel
from adapters.facebook_page.settings import FacebookCredentials, FacebookSettings

SECRETS = {"page_token": "EAAtoken", "app_secret": "s3cret", "verify_token": "word"}


def test_settings_are_trimmed_and_the_version_is_pinned_by_default() -> None:
    settings = FacebookSettings.model_validate({"page_id": " 111 ", "app_id": "555\n"})

    assert (settings.page_id, settings.app_id, settings.graph_version) == ("111", "555", "v25.0")
    assert channel.remote_id_of(settings) == "111"


@pytest.mark.parametrize(
    "change",
    [
        {"page_id": "bonoivu"},
        {"page_id": "1/../2"},
        {"page_id": ""},
        {"app_id": "x"},
        {"graph_version": "25.0"},
        {"graph_version": "v25.1"},
        {"graph_version": "v25.0/me"},
        {"more": "1"},
    ],
)
def test_settings_that_cannot_be_right_are_refused(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        FacebookSettings.model_validate({"page_id": "111", "app_id": "555"} | change)


@pytest.mark.parametrize("bad", ["", "  ", "two words", "line\nbreak", "mã"])
@pytest.mark.parametrize("field", sorted(SECRETS))
def test_a_secret_that_could_not_travel_is_refused(field: str, bad: str) -> None:
    with pytest.raises(ValidationError):
        FacebookCredentials.model_validate(SECRETS | {field: bad})


def test_secrets_do_not_show_when_printed() -> None:
    shown = repr(FacebookCredentials.model_validate(SECRETS))

    assert "EAAtoken" not in shown
    assert "s3cret" not in shown


def test_the_forms_speak_vietnamese() -> None:
    schema = FacebookSettings.model_json_schema()

    assert schema["properties"]["page_id"]["title"] == "Mã trang"
    assert all(field["description"] for field in schema["properties"].values())
