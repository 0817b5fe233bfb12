"""What keeps Loa from starting, said in one line that names the variable."""

from datetime import timedelta

import pytest

from services.cli import settings, words
from services.cli.settings import SettingsError

_KEY = "k3yThatNobodyElseHas-q8Zr2Lm0Vt5Xw1Bn7Hs4"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.environment():
        monkeypatch.delenv(name)


def test_without_variables_the_defaults_of_the_contract_hold() -> None:
    found = settings.read()
    assert str(found.data_dir) == "loa-data"
    assert found.embedded
    rules = found.rules()
    assert rules.hold == timedelta(seconds=10)
    assert rules.lane == timedelta(seconds=60)
    assert rules.runaway_per_hour == 60
    assert [one.total_seconds() for one in rules.look_schedule] == [5, 20, 60, 180, 600, 1800]
    assert rules.absence_of("zalo_oa") == timedelta(seconds=300)
    assert rules.absence_of("facebook_page") == timedelta(seconds=600)
    assert rules.concurrency == 50
    assert found.timezone == "Asia/Ho_Chi_Minh"


def test_fractions_of_seconds_are_taken_where_a_rehearsal_needs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOA_LOOK_SCHEDULE", "0.1, 0.5,2")
    monkeypatch.setenv("LOA_ABSENCE_SECONDS", "zalo_oa=0.5,facebook_page=1.25")
    monkeypatch.setenv("LOA_LANE_SECONDS", "2.5")
    rules = settings.read().rules()
    assert [one.total_seconds() for one in rules.look_schedule] == [0.1, 0.5, 2]
    assert rules.absence_of("facebook_page") == timedelta(seconds=1.25)
    assert rules.lane == timedelta(seconds=2.5)


def test_other_hubs_are_a_list_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.read().websub_hubs == ()
    monkeypatch.setenv("LOA_WEBSUB_HUBS", "https://a.example/, https://b.example/x,")
    assert settings.read().websub_hubs == ("https://a.example/", "https://b.example/x")


def test_inner_addresses_that_may_be_fetched_are_named_with_their_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.read().fetch_inside == frozenset()
    monkeypatch.setenv("LOA_FETCH_INSIDE", "127.0.0.1:8081, Tin.NoiBo.vn:443,[::1]:80,")
    assert settings.read().fetch_inside == {"127.0.0.1:8081", "tin.noibo.vn:443", "::1:80"}
    monkeypatch.setenv("LOA_FETCH_INSIDE", "https://tin.noibo.vn")
    with pytest.raises(SettingsError):
        settings.read()


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_SECRET_KEY", "")
    assert settings.read().secret_key is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOA_SECRET_KEY", "changeme"),
        ("LOA_SECRET_KEY", "change-me-change-me-change-me-change-me"),
        ("LOA_SECRET_KEY", "your-secret-key-goes-here-0123456789abcdef"),
        ("LOA_SECRET_KEY", "a-secret-key-that-nobody-knows-x"),
        ("LOA_SECRET_KEY", "x" * 64),
        ("LOA_SECRET_KEY", "k3yTooShort-q8Zr2"),
        ("LOA_SECRET_KEY_PREVIOUS", "placeholder-placeholder-placeholder-1"),
        ("LOA_DATABASE_URL", "mysql://root@127.0.0.1/loa"),
        ("LOA_DATABASE_URL", "postgresql://127.0.0.1"),
        ("LOA_REDIS_URL", "http://127.0.0.1:6379"),
        ("LOA_PUBLIC_URL", "loa.example.gov.vn"),
        ("LOA_PUBLIC_URL", "https://loa.example.gov.vn/?a=1"),
        ("LOA_TIMEZONE", "Asia/Ha_Noi"),
        ("LOA_LOOK_SCHEDULE", "5,five"),
        ("LOA_LOOK_SCHEDULE", "20,5"),
        ("LOA_LOOK_SCHEDULE", "0,5"),
        ("LOA_ABSENCE_SECONDS", "300"),
        ("LOA_ABSENCE_SECONDS", "zalo_oa=soon"),
        ("LOA_PUBLISH_HOLD_SECONDS", "-1"),
        ("LOA_LANE_SECONDS", "0"),
        ("LOA_RUNAWAY_PER_HOUR", "many"),
        ("LOA_WORKER_CONCURRENCY", "0"),
        ("LOA_LOG_FORMAT", "xml"),
        ("LOA_WEBSUB_HUBS", "https://hub.example/,hub.example"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name_and_never_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as refused:
        settings.read()
    assert refused.value.variable == variable
    line = words.of_error(refused.value)
    assert line.startswith(f"{variable}: ")
    assert "\n" not in line
    if "SECRET" in variable or "DATABASE" in variable:
        assert value not in line


def test_a_real_key_is_taken_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_SECRET_KEY", _KEY)
    found = settings.read()
    assert found.secret_key is not None
    assert found.secret_key.get_secret_value() == _KEY
    assert _KEY not in repr(found)


def test_a_channel_that_is_not_named_keeps_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_ABSENCE_SECONDS", "facebook_page=5")
    absence = settings.read().rules().absence
    assert {name: one.total_seconds() for name, one in absence.items()} == {
        "zalo_oa": 300,
        "facebook_page": 5,
    }


def test_a_real_key_may_say_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_SECRET_KEY", "staging-secret-key-7f3a91c05be84d26a90e17d4c3b8f652")
    assert settings.read().secret_key is not None


def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_PUBLISH_HOLD_SECOND", "10")
    with pytest.raises(SettingsError) as refused:
        settings.check_names({})
    assert refused.value.variable == "LOA_PUBLISH_HOLD_SECOND"


def test_the_variables_of_adapters_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_TELEGRAM_URL", "http://127.0.0.1:1")
    settings.check_names({"LOA_TELEGRAM_URL": "https://default"})
