from datetime import timedelta

import pytest

from adapters.zalo_oa.errors import OAUTH_TABLE, TABLE, UNKNOWN, as_error, refusal, row_for
from shared.contract.errors import ChannelRejectedError, ChannelUncertainError, Remedy


@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (-32, "rate_limited", Remedy.SLOW),
        (112, "app_not_linked", Remedy.HUMAN),
        (-201, "invalid_parameter", Remedy.EDIT),
        (-204, "account_blocked", Remedy.HUMAN),
        (-205, "account_missing", Remedy.HUMAN),
        (-209, "app_not_active", Remedy.HUMAN),
        (-210, "above_limit", Remedy.EDIT),
        (-211, "quota_used_up", Remedy.QUOTA),
        (-212, "app_not_registered", Remedy.HUMAN),
        (-216, "token_expired", Remedy.RENEW),
        (-218, "quota_used_up", Remedy.QUOTA),
        (-219, "app_not_active", Remedy.HUMAN),
        (-220, "token_expired", Remedy.RENEW),
        (-221, "account_unverified", Remedy.HUMAN),
        (-223, "not_permitted", Remedy.CONSENT),
        (-224, "package_too_low", Remedy.HUMAN),
        (-242, "app_secret_wrong", Remedy.HUMAN),
    ],
)
def test_a_code_known_to_come_before_any_effect_is_a_rejection(
    error: int, code: str, remedy: Remedy
) -> None:
    told = refusal(error, "words")
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy, told.remote_code) == (code, remedy, str(error))


@pytest.mark.parametrize(
    ("error", "code"),
    [(-200, "refused_by_channel"), (-248, "content_refused"), (-99999, "refused_by_channel")],
)
def test_a_code_without_that_proof_is_uncertain_and_final(error: int, code: str) -> None:
    told = refusal(error, "words")
    assert isinstance(told, ChannelUncertainError)
    assert (told.code, told.final) == (code, True)


def test_every_row_of_the_table_is_tested_above() -> None:
    tested = {-32, 112, -200, -201, -204, -205, -209, -210, -211, -212, -216, -218, -219, -220}
    assert set(TABLE) == tested | {-221, -223, -224, -242, -248}


@pytest.mark.parametrize("message", ["OA has limit quota create article", "LIMIT QUOTA"])
def test_minus_223_with_words_on_a_quota_waits_for_the_next_period(message: str) -> None:
    assert row_for(-223, message).remedy is Remedy.QUOTA


def test_minus_223_with_other_words_needs_a_new_consent() -> None:
    assert row_for(-223, "OA did not authorize this API").remedy is Remedy.CONSENT


@pytest.mark.parametrize("error", [-201, -210, -211, -200, -223, -500])
def test_a_refusal_of_earlier_work_is_no_proof_that_nothing_was_made(error: int) -> None:
    told = refusal(error, "limit quota", asynchronous=True)
    assert isinstance(told, ChannelUncertainError)
    assert told.final


@pytest.mark.parametrize("error", [-32, -216, -220, -204, -209, -224])
def test_a_refusal_at_the_gate_stays_a_rejection_for_earlier_work(error: int) -> None:
    assert isinstance(refusal(error, "", asynchronous=True), ChannelRejectedError)


def test_a_rate_limit_waits_a_minute_or_longer_when_told() -> None:
    assert refusal(-32, "").retry_after == timedelta(seconds=60)
    longer = refusal(-32, "", retry_after=timedelta(seconds=90))
    assert longer.retry_after == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("error", "code", "remedy"),
    [
        (-14002, "app_not_active", Remedy.HUMAN),
        (-14003, "callback_not_registered", Remedy.HUMAN),
        (112, "app_not_linked", Remedy.HUMAN),
        (-14014, "consent_lost", Remedy.CONSENT),
        (-14012, "consent_lost", Remedy.CONSENT),
        (-14024, "consent_lost", Remedy.CONSENT),
        (-118, "consent_lost", Remedy.CONSENT),
    ],
)
def test_an_oauth_code_is_a_rejection_with_its_remedy(
    error: int, code: str, remedy: Remedy
) -> None:
    told = as_error(OAUTH_TABLE[error], str(error), "")
    assert isinstance(told, ChannelRejectedError)
    assert (told.code, told.remedy) == (code, remedy)


def test_every_row_names_its_source() -> None:
    rows = [*TABLE.values(), *OAUTH_TABLE.values(), UNKNOWN]
    assert [row for row in rows if not row.source] == []
