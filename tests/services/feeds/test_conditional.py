import gzip
from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.feeds.conditional import answer, entity_tag

BODY = b"Tin " * 400
CHANGED = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)
NOW = CHANGED + timedelta(hours=1)
HTTP_DATE = "Fri, 04 Dec 2026 03:00:00 GMT"
TAG = entity_tag(BODY)


def asked(headers: dict[str, str]) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw})


def answered(headers: dict[str, str] | None = None, *, now: datetime = NOW) -> Response:
    return answer(
        asked(headers or {}),
        BODY,
        media_type="text/plain",
        changed_at=CHANGED,
        now=now,
        headers={"Cache-Control": "max-age=60"},
    )


def test_the_first_answer_carries_both_validators() -> None:
    response = answered()

    assert (response.status_code, response.body) == (200, BODY)
    assert response.headers["etag"] == TAG
    assert TAG.startswith('W/"')
    assert response.headers["last-modified"] == HTTP_DATE
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": TAG},
        {"if-none-match": TAG.removeprefix("W/")},
        {"if-none-match": f'"other", {TAG}'},
        {"if-none-match": "*"},
        {"if-modified-since": HTTP_DATE},
        {"if-modified-since": "Fri, 04 Dec 2026 04:00:00 GMT"},
        {"if-none-match": TAG, "if-modified-since": "Thu, 03 Dec 2026 03:00:00 GMT"},
    ],
)
def test_either_validator_is_answered_with_304_and_the_same_headers(
    headers: dict[str, str],
) -> None:
    response = answered(headers)

    assert (response.status_code, response.body) == (304, b"")
    assert response.headers["etag"] == TAG
    assert response.headers["cache-control"] == "max-age=60"
    assert response.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    "headers",
    [
        {"if-none-match": '"other"'},
        {"if-none-match": '"other"', "if-modified-since": HTTP_DATE},
        {"if-modified-since": "Fri, 04 Dec 2026 02:59:59 GMT"},
        {"if-modified-since": "hôm qua"},
        {"if-modified-since": "1"},
        {"if-none-match": ""},
    ],
)
def test_whoever_holds_something_else_gets_the_whole(headers: dict[str, str]) -> None:
    assert answered(headers).status_code == 200


def test_the_date_is_never_in_the_future_and_then_not_enough() -> None:
    early = CHANGED - timedelta(seconds=1)
    shown = answered(now=early).headers["last-modified"]

    assert shown == "Fri, 04 Dec 2026 02:59:59 GMT"
    assert answered({"if-modified-since": shown}, now=early).status_code == 200


@pytest.mark.parametrize("asks", ["gzip", "br, gzip;q=0.5", "GZIP", "x-gzip"])
def test_gzip_is_given_to_who_asks(asks: str) -> None:
    response = answered({"accept-encoding": asks})

    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["etag"] == TAG
    assert gzip.decompress(bytes(response.body)) == BODY


@pytest.mark.parametrize("asks", ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"])
def test_nobody_else_gets_gzip(asks: str) -> None:
    response = answered({"accept-encoding": asks})

    assert "content-encoding" not in response.headers
    assert response.body == BODY
