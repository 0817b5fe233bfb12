import json
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.proof import wording
from services.proof.canonical import Plain, canonical, parsed
from services.proof.keys import PublicKey, Signer, key_id
from services.proof.records import (
    Record,
    Shown,
    body_of,
    history,
    instant,
    keys_of,
    sign,
    verify,
)
from tests.support.missing import missing

DAY = datetime(2026, 12, 4, 1, 0, tzinfo=UTC)
WORDS = "Tạm dừng nộp hồ sơ từ 22:00"


def key(private: Ed25519PrivateKey, **changes: object) -> PublicKey:
    raw = private.public_key().public_bytes_raw()
    facts = {"id": key_id(raw), "raw": raw, "since": DAY - timedelta(days=1), "until": None}
    return PublicKey(**{**facts, **changes})  # type: ignore[arg-type]  # facts of a test


PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = key(PRIVATE)
SIGNER = Signer(id=KEY.id, private=PRIVATE)
KEYS = {KEY.id: KEY}


def record(**changes: object) -> Record:
    facts: dict[str, object] = {
        "agency": "UBND tỉnh Hoa Sen",
        "unit": "Sở Thông tin",
        "code": "HS-2026-000001",
        "url": "https://hoasen.example/tin/HS-2026-000001",
        "no": 1,
        "previous": None,
        "event": "published",
        "revision": 1,
        "title": "Tạm dừng “một cửa”\u2028<b>",
        "content_sha256": "a" * 64,
        "text_sha256": wording.digest(WORDS),
        "shown": [
            Shown(
                channel="zalo_oa",
                account="Zalo Hoa Sen",
                rendition_sha256="b" * 64,
                text_sha256=wording.digest("Bản trên Zalo"),
            )
        ],
        "ai_made": False,
        "note": "",
        "published_at": instant(DAY),
        "at": instant(DAY),
        "signed_at": instant(DAY),
        "key": KEY.id,
    }
    return Record.model_validate({**facts, **changes})


def two() -> bytes:
    first = record()
    second = record(
        no=2,
        previous=sha256(body_of(first)).hexdigest(),
        event="corrected",
        revision=2,
        note="Giờ đúng là 22:00.",
    )
    return history([(body_of(one).decode(), sign(one, SIGNER)) for one in (first, second)])


def test_a_history_is_verified_with_the_public_key_alone() -> None:
    verdict = verify(two() + b"\n", KEYS)

    assert verdict.ok
    assert [one.event for one in verdict.records] == ["published", "corrected"]


def test_words_are_held_against_the_newest_record() -> None:
    assert verify(two(), KEYS, text="tạm dừng  nộp hồ sơ, từ 22:00!").ok
    assert verify(two(), KEYS, text="Bản trên Zalo").ok
    assert not verify(two(), KEYS, text="Tạm dừng nộp hồ sơ từ 23:00").ok


def test_a_thousand_random_alterations_are_all_found() -> None:
    dice = random.Random(2026)
    sound = two()
    found = 0
    for _ in range(1_000):
        altered = _altered(sound, dice)
        assert altered != sound
        found += not verify(altered, KEYS).ok
    assert found == 1_000


def _altered(sound: bytes, dice: random.Random) -> bytes:
    """One change: a byte, a field, a signature, the key's name, an order."""
    told = json.loads(sound)
    row = dice.choice(told["records"])
    match dice.randrange(8):
        case 0:  # one bit somewhere
            at = dice.randrange(len(sound))
            return sound[:at] + bytes([sound[at] ^ (1 << dice.randrange(8))]) + sound[at + 1 :]
        case 1:  # one byte lost
            at = dice.randrange(len(sound))
            return sound[:at] + sound[at + 1 :]
        case 2:  # one byte more
            at = dice.randrange(len(sound))
            return sound[:at] + bytes([dice.choice(b' "0a')]) + sound[at:]
        case 3:  # a field says something else
            name = dice.choice(sorted(row["record"]))
            value = row["record"][name]
            other = {str: f"{value}x", int: 7, bool: True, list: [], type(None): "c" * 64}
            row["record"][name] = other[type(value)]
        case 4:  # a signature with one digit changed
            at = dice.randrange(128)
            digit = row["signature"][at]
            new = dice.choice([one for one in "0123456789abcdef" if one != digit])
            row["signature"] = row["signature"][:at] + new + row["signature"][at + 1 :]
        case 5:  # another key is named
            row["record"]["key"] = f"{dice.getrandbits(64):016x}"
        case 6:  # the signatures change places, or one is written in capitals
            rows = told["records"]
            rows[0]["signature"], rows[1]["signature"] = (
                rows[1]["signature"],
                rows[0]["signature"],
            )
        case _:  # a record is repeated, left out at the front, or put last
            rows = told["records"]
            told["records"] = dice.choice(
                [rows[::-1], [rows[0], *rows], [rows[1], rows[1]], [rows[1]]]
            )
    return canonical(told)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"until": DAY - timedelta(hours=1)}, "key_period"),
        ({"since": DAY + timedelta(hours=1)}, "key_period"),
    ],
)
def test_a_key_signs_only_in_its_time(changed: dict[str, object], fault: str) -> None:
    assert verify(two(), {KEY.id: key(PRIVATE, **changed)}).fault == fault


def test_a_stranger_who_signs_under_our_keys_name_is_found() -> None:
    stranger = Ed25519PrivateKey.generate()
    forged = record(title="Nộp tiền ngay")
    data = history([(body_of(forged).decode(), stranger.sign(body_of(forged)))])

    assert verify(data, KEYS).fault == "signature"
    assert verify(data, {}).fault == "key_unknown"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"records":[]}', b"\xff", b'{"a":1,"a":1}', b"[" * 5_000, b"NaN"]
)
def test_what_is_no_record_is_refused_without_an_exception(data: bytes) -> None:
    assert not verify(data, KEYS).ok


def test_saved_keys_are_read_and_one_under_a_false_name_is_refused() -> None:
    row = {"kid": KEY.id, "public_hex": KEY.raw.hex(), "valid_from": instant(KEY.since)}

    read = keys_of(json.dumps({"keys": [{**row, "valid_until": None, "x": "y"}]}).encode())

    assert read == KEYS
    with pytest.raises(ValueError, match="not what it is called"):
        keys_of(json.dumps({"keys": [{**row, "kid": "0" * 16}]}).encode())


def test_canonical_json_is_that_of_the_rfc() -> None:
    value: Plain = {"b": [1, None, True], "a": 'ế"\\\n\x01€', "A": {}}

    assert canonical(value) == '{"A":{},"a":"ế\\"\\\\\\n\\u0001€","b":[1,null,true]}'.encode()
    assert parsed(canonical(value)) == value


def test_openssl_alone_verifies_a_record(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        missing("không có openssl · no openssl here")
    one = record()
    spki = bytes.fromhex("302a300506032b6570032100") + KEY.raw
    (tmp_path / "key.der").write_bytes(spki)
    (tmp_path / "record.bin").write_bytes(body_of(one))
    (tmp_path / "record.sig").write_bytes(sign(one, SIGNER))

    command = [openssl, "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key.der"]
    command += ["-rawin", "-in", "record.bin", "-sigfile", "record.sig"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)

    assert said.returncode == 0, said.stderr
