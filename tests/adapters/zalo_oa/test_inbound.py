import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.zalo_oa import inbound
from adapters.zalo_oa.channel import channel
from adapters.zalo_oa.settings import ZaloCredentials
from shared.clock import utc_now
from tests.adapters.zalo_oa.makers import CREDENTIALS, account

NOW = datetime(2026, 12, 1, tzinfo=UTC)
KEYS = ZaloCredentials.model_validate(CREDENTIALS)


def event(at: datetime = NOW, **fields: object) -> bytes:
    stamp = str(round(at.timestamp() * 1000))
    whole = {"app_id": "9001", "event_name": "user_send_text", "timestamp": stamp} | fields
    return json.dumps(whole, ensure_ascii=False).encode()


def mac(body: bytes, key: str = "oa-secret") -> str:
    told = json.loads(body)
    text = f"{told['app_id']}{body.decode()}{told['timestamp']}{key}"
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("form", ["mac={}", "{}", " mac= {} ", "mac={}\t"])
@pytest.mark.parametrize("name", ["X-ZEvent-Signature", "x-zevent-signature"])
def test_a_genuine_event_is_accepted_in_every_form_of_the_header(form: str, name: str) -> None:
    body = event(message={"text": "Xin chào"})
    headers = {"Host": "vidu.gov.vn", name: form.format(mac(body))}
    assert inbound.verify(KEYS, headers=headers, body=body, now=NOW) == "ok"


@pytest.mark.parametrize("age", [timedelta(hours=23), -timedelta(minutes=4)])
def test_a_repeated_event_may_be_old(age: timedelta) -> None:
    body = event(NOW - age)
    headers = {"X-ZEvent-Signature": mac(body)}
    assert inbound.verify(KEYS, headers=headers, body=body, now=NOW) == "ok"


@pytest.mark.parametrize("age", [timedelta(hours=25), -timedelta(minutes=6)])
def test_an_event_far_from_now_is_refused(age: timedelta) -> None:
    body = event(NOW - age)
    headers = {"X-ZEvent-Signature": mac(body)}
    assert inbound.verify(KEYS, headers=headers, body=body, now=NOW) == "bad"


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (event(), mac(event(), "app-secret")),
        (event() + b" ", mac(event())),
        (event(), ""),
        (event(), "mac=ế"),
        (b"{}", hashlib.sha256(b"{}oa-secret").hexdigest()),
        (b"[]", "00"),
        (b"\xff", "00"),
        (b"[" * 100_000, "00"),
        (event(timestamp="1e999"), "00"),
    ],
)
def test_anything_else_is_bad(body: bytes, signature: str) -> None:
    headers = {"X-ZEvent-Signature": signature}
    assert inbound.verify(KEYS, headers=headers, body=body, now=NOW) == "bad"


def test_without_a_secret_nothing_is_ever_accepted() -> None:
    keys = ZaloCredentials.model_validate({"app_secret": "s"})
    body = event()
    headers = {"X-ZEvent-Signature": mac(body, "")}
    assert inbound.verify(keys, headers=headers, body=body, now=NOW) == "unconfigured"


def test_the_previous_secret_still_counts_while_it_is_kept() -> None:
    keys = ZaloCredentials.model_validate(
        CREDENTIALS | {"oa_secret_key": "new", "oa_secret_key_previous": "oa-secret"}
    )
    body = event()
    headers = {"X-ZEvent-Signature": mac(body)}
    assert inbound.verify(keys, headers=headers, body=body, now=NOW) == "ok"


def test_the_channel_verifies_with_the_accounts_own_key() -> None:
    body = event(utc_now())
    signed = {"X-ZEvent-Signature": f"mac={mac(body)}"}
    assert channel.verify(account(), headers=signed, body=body) == "ok"
    assert channel.handshake(account(), {"hub.challenge": "1"}) is None


def test_a_message_is_known_by_its_id() -> None:
    one = event(message={"msg_id": "m-1", "text": "a"})
    again = event(message={"msg_id": "m-1", "text": "a"}, num_retry=1)
    (first,), (second,) = channel.events(one), channel.events(again)
    assert first.key == second.key == "user_send_text:m-1"
    assert (first.kind, first.sent_at) == ("user_send_text", NOW)


def test_two_reactions_to_one_message_are_two_events() -> None:
    one = event(event_name="user_reacted_message", message={"msg_id": "m", "react_icon": "a"})
    two = event(event_name="user_reacted_message", message={"msg_id": "m", "react_icon": "b"})
    assert inbound.events(one)[0].key != inbound.events(two)[0].key


def test_an_unknown_event_is_kept_as_unknown_and_a_test_is_no_event() -> None:
    assert inbound.events(event(event_name="moon_phase"))[0].kind == "unknown"
    assert inbound.events(b"{}") == ()
