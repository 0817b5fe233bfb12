import pytest
from pydantic import ValidationError

from adapters.zalo_oa.settings import ZaloCredentials, ZaloSettings, credentials_of, settings_of
from tests.adapters.zalo_oa.makers import CREDENTIALS, account


def test_ids_pasted_as_numbers_and_with_blanks_are_read() -> None:
    settings = ZaloSettings.model_validate({"oa_id": 1234567890123456789, "app_id": " 9001 "})
    assert (settings.oa_id, settings.app_id) == ("1234567890123456789", "9001")


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError):
        ZaloSettings.model_validate({"oa_id": "1", "app_id": "2", "token": "x"})


def test_the_author_is_composed_letters_on_one_line_of_fifty() -> None:
    settings = ZaloSettings(oa_id="1", app_id="2", author="Uy\u0309 ban\n nhân dân")
    assert settings.author == "U\u1ef7 ban nhân dân"
    with pytest.raises(ValidationError):
        ZaloSettings(oa_id="1", app_id="2", author="A" * 51)


def test_the_two_tokens_may_wait_for_the_consent() -> None:
    given = ZaloCredentials.model_validate({"app_secret": "s"})
    assert given.access_token.get_secret_value() == ""


def test_a_secret_loses_its_blanks_and_never_prints() -> None:
    given = ZaloCredentials.model_validate(CREDENTIALS | {"access_token": " AT-9\n"})
    assert given.access_token.get_secret_value() == "AT-9"
    assert "AT-9" not in repr(given) + str(given.model_dump(mode="json"))


@pytest.mark.parametrize("value", ["AT\r\nX-Evil: 1", "mã bí mật", ""])
def test_a_secret_that_no_header_can_carry_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ZaloCredentials.model_validate(CREDENTIALS | {"app_secret": value})
    assert value == "" or value not in str(caught.value)


def test_the_forms_have_vietnamese_titles_for_every_field() -> None:
    forms = (ZaloSettings.model_json_schema(), ZaloCredentials.model_json_schema())
    fields = [field for form in forms for field in form["properties"].items()]
    assert [name for name, form in fields if not form.get("title")] == []
    required = [name for form in forms for name in form["required"]]
    assert required == ["oa_id", "app_id", "app_secret"]


def test_another_channels_forms_are_a_mistake() -> None:
    wrong = account()
    object.__setattr__(wrong, "settings", wrong.credentials)
    object.__setattr__(wrong, "credentials", account().settings)
    with pytest.raises(TypeError):
        settings_of(wrong)
    with pytest.raises(TypeError):
        credentials_of(wrong)
