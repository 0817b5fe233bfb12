"""Handshake, signature and events of what Facebook calls us with."""

import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest

from adapters.facebook_page.inbound import events, handshake, verify

COMMENT: dict[str, object] = {
    "item": "comment",
    "verb": "add",
    "comment_id": "222_333",
    "post_id": "111_222",
    "parent_id": "111_222",
    "from": {"id": "9001", "name": "A Citizen"},
    "created_time": 1763719195,
    "message": "Café open?",
}


def asked(**changes: str) -> dict[str, str]:
    return {
        "hub.mode": "subscribe",
        "hub.challenge": "1158201444",
        "hub.verify_token": "word",
    } | {f"hub.{name}": value for name, value in changes.items()}


def body(value: dict[str, object], *, field: str = "feed", time: int = 1763719200) -> bytes:
    entry = {"id": "111", "time": time, "changes": [{"field": field, "value": value}]}
    return json.dumps({"object": "page", "entry": [entry]}).encode()


def signed(raw: bytes, secret: str = "s3cret") -> dict[str, str]:
    digest = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}"}


def test_the_handshake_echoes_the_bare_challenge() -> None:
    assert handshake("word", asked()) == "1158201444"


@pytest.mark.parametrize(
    "query",
    [
        asked(verify_token="other"),
        asked(verify_token=""),
        asked(mode="unsubscribe"),
        asked(challenge="<script>"),
        asked(challenge="1" * 33),
        asked(challenge=""),
        asked(challenge="١٢٣"),
        {},
    ],
)
def test_the_handshake_refuses_anything_else(query: dict[str, str]) -> None:
    assert handshake("word", query) is None


def test_the_handshake_refuses_where_no_word_is_set() -> None:
    assert handshake("", asked(verify_token="")) is None


def test_a_signature_over_the_raw_bytes_holds() -> None:
    raw = b'{"a":"Caf\\u00e9 \\/"}'

    assert verify("s3cret", signed(raw), raw) == "ok"
    assert verify("s3cret", {"X-Hub-Signature-256": signed(raw)["x-hub-signature-256"]}, raw) == (
        "ok"
    )


def test_a_signature_over_other_bytes_is_bad() -> None:
    assert verify("s3cret", signed(b"{}"), b"{ }") == "bad"
    assert verify("s3cret", signed(b"{}", secret="other"), b"{}") == "bad"
    assert verify("s3cret", {}, b"{}") == "bad"
    assert verify("s3cret", {"x-hub-signature": "sha1=00"}, b"{}") == "bad"
    assert verify("s3cret", {"x-hub-signature-256": "sha256=é"}, b"{}") == "bad"


def test_without_a_secret_nothing_is_accepted() -> None:
    assert verify("", signed(b"{}", secret=""), b"{}") == "unconfigured"


def test_a_comment_is_read_with_its_time() -> None:
    (event,) = events(body(COMMENT))

    assert event.kind == "comment"
    assert event.sent_at == datetime(2025, 11, 21, 9, 59, 55, tzinfo=UTC)


def test_a_repeated_delivery_has_the_same_key() -> None:
    assert events(body(COMMENT, time=1))[0].key == events(body(COMMENT, time=2))[0].key


def test_numbers_and_text_as_ids_give_the_same_key() -> None:
    old = {**COMMENT, "from": {"id": 9001}}

    assert events(body(COMMENT))[0].key == events(body(old))[0].key


@pytest.mark.parametrize(
    "change",
    [{"verb": "edited"}, {"comment_id": "222_334"}, {"message": "!"}, {"created_time": 1}],
)
def test_another_event_has_another_key(change: dict[str, object]) -> None:
    assert events(body(COMMENT))[0].key != events(body({**COMMENT, **change}))[0].key


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({**COMMENT, "from": {"id": "111"}}, "own_comment"),
        ({"item": "photo", "verb": "add", "from": {"id": "111"}}, "own_post"),
        ({"item": "reaction", "verb": "add", "reaction_type": "love"}, "reaction"),
        ({"item": "something new"}, "unknown"),
    ],
)
def test_the_kind_says_what_happened_and_whether_the_page_did_it(
    value: dict[str, object], kind: str
) -> None:
    assert events(body(value))[0].kind == kind


def test_a_mention_is_a_kind_of_its_own() -> None:
    assert events(body({"item": "post", "verb": "add"}, field="mention"))[0].kind == "mention"


@pytest.mark.parametrize(("echo", "kind"), [(False, "message"), (True, "echo")])
def test_a_message_is_known_by_its_mid_and_timed_in_milliseconds(echo: bool, kind: str) -> None:
    told = {"mid": "m_1", "text": "hi", "is_echo": echo}
    entry = {"id": "111", "messaging": [{"timestamp": 1763719195627, "message": told}]}
    (event,) = events(json.dumps({"entry": [entry]}).encode())

    assert event.kind == kind
    assert event.sent_at == datetime(2025, 11, 21, 9, 59, 55, 627000, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw", [b"", b"no json", b"[]", b"[" * 9_000, b'{"entry":3}', b'{"entry":[{}]}']
)
def test_what_cannot_be_read_is_kept_as_unknown(raw: bytes) -> None:
    (event,) = events(raw)

    assert event.kind == "unknown"
