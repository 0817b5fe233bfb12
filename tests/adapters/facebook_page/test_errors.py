"""Each row of the error table, as the reference pages state it, and the rules around the table."""

from datetime import timedelta

import pytest

from adapters.facebook_page.errors import TABLE, GraphError, judge, regained_after, usage
from shared.contract.errors import (
    ChannelError,
    ChannelNotSentError,
    ChannelRejectedError,
    ChannelUncertainError,
    Remedy,
)

CONSENT, HUMAN, SLOW, EDIT = Remedy.CONSENT, Remedy.HUMAN, Remedy.SLOW, Remedy.EDIT
FINAL, OPEN = "final", "open"

# code, subcode, our code, and either the remedy (refused) or what proven absence means (uncertain)
ROWS: list[tuple[int, int | None, str, Remedy | str]] = [
    (1, None, "channel_down", OPEN),
    (1, 2853006, "not_permitted", FINAL),
    (2, None, "channel_down", OPEN),
    (3, None, "not_permitted", HUMAN),
    (4, None, "rate_limited", SLOW),
    (10, None, "not_permitted", CONSENT),
    (17, None, "rate_limited", SLOW),
    (32, None, "rate_limited", SLOW),
    (100, None, "invalid_parameter", EDIT),
    (100, 33, "page_missing", HUMAN),
    (100, 1366046, "media_refused", EDIT),
    (102, None, "token_expired", CONSENT),
    (190, None, "token_expired", CONSENT),
    (190, 458, "token_expired", CONSENT),
    (190, 459, "account_blocked", HUMAN),
    (190, 460, "token_expired", CONSENT),
    (190, 463, "token_expired", CONSENT),
    (190, 464, "account_blocked", HUMAN),
    (190, 467, "token_expired", CONSENT),
    (190, 492, "not_permitted", CONSENT),
    (190, 2069032, "wrong_token", CONSENT),
    (200, 2069030, "not_supported", HUMAN),
    (200, 2069031, "not_supported", HUMAN),
    (200, 2069033, "not_supported", HUMAN),
    (324, None, "media_refused", EDIT),
    (341, None, "rate_limited", SLOW),
    (368, None, "account_blocked", FINAL),
    (368, 1390008, "account_blocked", FINAL),
    (368, 1404082, "duplicate_refused", FINAL),
    (368, 4854002, "account_blocked", FINAL),
    (506, None, "duplicate_refused", FINAL),
    (613, None, "rate_limited", SLOW),
    (613, 1996, "rate_limited", SLOW),
    (80001, None, "rate_limited", SLOW),
    (1346003, None, "content_refused", FINAL),
    (1349125, None, "invalid_parameter", FINAL),
    (1363047, None, "channel_down", OPEN),
    (1366046, None, "media_refused", EDIT),
    (1366051, None, "duplicate_refused", FINAL),
    (1404078, None, "account_blocked", FINAL),
    (1404082, None, "duplicate_refused", FINAL),
    (1404102, None, "content_refused", FINAL),
    (1404112, None, "account_blocked", FINAL),
    (1609005, None, "link_refused", EDIT),
    (1609008, None, "link_refused", EDIT),
    (1609010, None, "channel_down", OPEN),
    (2061006, None, "link_refused", EDIT),
    (2069019, None, "media_refused", EDIT),
]


def refusal(
    code: int,
    subcode: int | None = None,
    *,
    status: int = 400,
    message: str = "",
    transient: bool = False,
    headers: dict[str, str] | None = None,
) -> GraphError:
    return GraphError(
        "refused",
        left=True,
        status=status,
        code=code,
        subcode=subcode,
        message=message,
        transient=transient,
        headers=headers,
    )


def told(error: ChannelError) -> Remedy | str:
    if isinstance(error, ChannelRejectedError):
        return error.remedy
    assert isinstance(error, ChannelUncertainError)
    return FINAL if error.final else OPEN


@pytest.mark.parametrize(("code", "subcode", "ours", "meaning"), ROWS)
def test_a_row_of_the_table(
    code: int, subcode: int | None, ours: str, meaning: Remedy | str
) -> None:
    error = judge(refusal(code, subcode))

    assert (error.code, told(error)) == (ours, meaning)
    assert error.remote_code == (f"{code}/{subcode}" if subcode else str(code))


def test_every_row_is_tested() -> None:
    assert {(code, subcode) for code, subcode, _, _ in ROWS} == set(TABLE)


def test_every_row_names_its_source() -> None:
    assert all(row.source.startswith(("fb ", "rel ")) for row in TABLE.values())


@pytest.mark.parametrize("code", [200, 230, 299])
def test_the_permission_range_asks_for_consent(code: int) -> None:
    error = judge(refusal(code))

    assert (error.code, told(error)) == ("not_permitted", CONSENT)


@pytest.mark.parametrize("code", [4, 17, 32, 341, 613, 80001])
def test_a_rate_refusal_of_the_last_step_of_many_is_uncertain(code: int) -> None:
    error = judge(refusal(code), last_of_many=True)

    assert (error.code, told(error)) == ("rate_limited", OPEN)


def test_a_number_that_speaks_for_itself_counts_as_a_subcode_too() -> None:
    error = judge(refusal(100, 1366051))

    assert (error.code, told(error)) == ("duplicate_refused", FINAL)


def test_an_unknown_code_is_uncertain_and_would_be_refused_again() -> None:
    error = judge(refusal(987654))

    assert (error.code, told(error)) == ("unknown_refusal", FINAL)


def test_an_unknown_code_that_calls_itself_transient_may_be_tried_again() -> None:
    error = judge(refusal(987654, transient=True))

    assert (error.code, told(error)) == ("unknown_refusal", OPEN)


@pytest.mark.parametrize("code", [4, 100, 190, 987654])
def test_a_server_error_is_uncertain_whatever_its_code(code: int) -> None:
    error = judge(refusal(code, status=500))

    assert (error.code, told(error)) == ("channel_down", OPEN)


def test_a_bad_parameter_that_calls_itself_transient_is_uncertain() -> None:
    error = judge(refusal(100, transient=True))

    assert (error.code, told(error)) == ("channel_down", OPEN)


def test_a_wrong_proof_is_not_the_items_fault() -> None:
    error = judge(refusal(100, message="Invalid appsecret_proof provided in the API argument"))

    assert (error.code, told(error)) == ("proof_refused", HUMAN)


def test_a_missing_permission_under_code_100_asks_for_consent() -> None:
    error = judge(refusal(100, message="(#100) Missing permission pages_manage_posts"))

    assert (error.code, told(error)) == ("not_permitted", CONSENT)


def test_nothing_left_the_house_when_no_byte_was_handed_over() -> None:
    error = judge(GraphError("ConnectionRefusedError", left=False))

    assert isinstance(error, ChannelNotSentError)
    assert error.code == "unreachable"


def test_silence_after_the_first_byte_is_uncertain() -> None:
    error = judge(GraphError("TimeoutError", left=True))

    assert (error.code, told(error)) == ("no_answer", OPEN)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (200, "unreadable_answer"),
        (302, "unreadable_answer"),
        (404, "unreadable_answer"),
        (500, "channel_down"),
        (502, "channel_down"),
    ],
)
def test_an_answer_without_a_graph_error_is_uncertain(status: int, ours: str) -> None:
    error = judge(GraphError("unusable", left=True, status=status))

    assert (error.code, told(error)) == (ours, OPEN)
    assert error.remote_code == f"HTTP {status}"


def test_usage_is_the_highest_share_that_any_header_tells() -> None:
    headers = {
        "x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":25}',
        "x-business-use-case-usage": '{"111":[{"type":"pages","call_count":97,"total_time":2}]}',
    }

    assert usage(headers) == 0.97


@pytest.mark.parametrize("header", ["", "no json", "[]", "3", '{"call_count":"many"}'])
def test_an_odd_usage_header_tells_nothing(header: str) -> None:
    assert usage({"x-app-usage": header, "x-business-use-case-usage": header}) is None


def test_a_rate_refusal_waits_as_long_as_the_usage_header_says() -> None:
    headers = {
        "x-business-use-case-usage": '{"111":[{"estimated_time_to_regain_access":7}]}',
        "retry-after": "5",
    }

    assert judge(refusal(80001, headers=headers)).retry_after == timedelta(minutes=7)


def test_a_rate_refusal_waits_for_retry_after_where_no_usage_is_told() -> None:
    assert regained_after({"retry-after": "90"}) == timedelta(seconds=90)


def test_no_wait_is_longer_than_six_hours() -> None:
    headers = {"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":1e9}]}'}

    assert regained_after(headers) == timedelta(hours=6)
