"""The guides as data: complete in both languages, true to the forms, and made where none exists."""

from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel

import services.console
from services.channels.registry import Registry
from services.console.catalogue import Language
from services.console.form_fields import fields_of, shown, typed
from services.console.guide_book import _stored, fields_for, filled, gaps_of, guide_of
from shared.contract.channel import Channel
from tests.services.channels.fakes import FakeChannel

REGISTRY = Registry.load({})
LANGUAGES: tuple[Language, ...] = ("vi", "en")


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guide_asks_for_all_that_the_forms_require(name: str, language: Language) -> None:
    channel = REGISTRY.get(name)
    guide = guide_of(channel, language)
    asked = {one.key for step in guide.steps for one in step.fields}
    needed = {
        one.key
        for part in ("settings", "credentials")
        for one in fields_for(channel, part, language)
        if one.required
    }
    assert needed <= asked
    assert guide.steps[-1].kind == "check"
    assert guide.steps[0].kind in ("read", "fill")


@pytest.mark.parametrize("name", REGISTRY.names())
def test_a_guide_names_no_field_that_does_not_exist(name: str) -> None:
    channel, data = REGISTRY.get(name), _stored(name)
    assert data is not None
    known: dict[str, type[BaseModel]] = {
        "settings": channel.settings_form,
        "credentials": channel.credentials_form,
    }
    for part, form in known.items():
        told = {field for step in data.step for field in getattr(step, part)}
        if part == "credentials":
            told |= {field for step in data.step for field in (*step.gives, *step.suggest)}
        assert told | set(data.fields.get(part, {})) <= set(form.model_fields)


@pytest.mark.parametrize("name", REGISTRY.names())
def test_every_field_has_its_english_title(name: str) -> None:
    for part in ("settings", "credentials"):
        own = {one.name: one for one in fields_for(REGISTRY.get(name), part, "vi")}
        for one in fields_for(REGISTRY.get(name), part, "en"):
            same = ("Access token", "Refresh token", "OA Secret Key", "App Secret")
            assert one.title != own[one.name].title or one.title in same, one.key


def test_every_guide_belongs_to_a_channel() -> None:
    folder = Path(services.console.__file__).parent / "guides"
    assert {file.stem for file in folder.glob("*.toml")} <= set(REGISTRY.names())


def test_a_channel_without_a_guide_gets_one_from_its_forms() -> None:
    guide = guide_of(cast(Channel, FakeChannel()), "vi")
    assert [step.kind for step in guide.steps] == ["fill", "fill", "check"]
    assert [one.key for step in guide.steps for one in step.fields] == [
        "settings.page",
        "settings.colour",
        "credentials.key",
        "credentials.other",
        "credentials.made_on",
    ]
    for name in ("../../../etc/passwd", "zalo_oa/..", ""):
        assert _stored(name) is None


def test_an_address_is_shown_only_once_its_gaps_are_known() -> None:
    address = "{public}/feeds/{settings.slug}/rss.xml"
    gaps = gaps_of("https://loa.example", "portal_rss", "", {})
    assert filled(address, gaps) is None
    gaps = gaps_of("https://loa.example", "portal_rss", "", {"slug": "hoa-sen"})
    assert filled(address, gaps) == "https://loa.example/feeds/hoa-sen/rss.xml"


def test_what_is_typed_comes_back_in_the_shape_of_the_form() -> None:
    zalo = REGISTRY.get("zalo_oa")
    fields = fields_of(zalo.settings_form, "settings", "vi")
    told = typed(
        fields,
        {
            "settings.oa_id": [" 123 "],
            "settings.app_id": ["9"],
            "settings.author": [""],
            "settings.comments": ["hide"],
            "settings.pkce": [""],
            "settings.poll_seconds": ["2.5"],
        },
    )
    assert told == {
        "oa_id": "123",
        "app_id": "9",
        "author": "",
        "comments": "hide",
        "pkce": "per_request",
        "appsecret_proof": False,
        "poll_seconds": "2.5",
    }
    zalo.settings_form.model_validate(told)
    portal = REGISTRY.get("portal_rss")
    fields = fields_of(portal.settings_form, "settings", "vi")
    told = typed(
        fields,
        {
            "settings.categories": ["tin-tuc\r\n\r\nvan-ban\n"],
            "settings.kinds": ["news", "warning"],
        },
    )
    assert told["categories"] == ["tin-tuc", "van-ban"]
    assert told["kinds"] == ["news", "warning"]
    (secret,) = fields_of(portal.credentials_form, "credentials", "vi")
    assert typed([secret], {secret.key: ["  "]}) == {}
    assert shown(secret, {"fetch_key": "khong-bao-gio"}) == ""
