import pytest

from services.channels.sealing import Sealer, SealError

KEY, OTHER = b"the secret of this installation.", b"the secret that follows it......"
CONTEXT = "account|1|credentials"


def test_what_was_sealed_opens_for_the_same_owner() -> None:
    sealed = Sealer(KEY).seal(b"token", CONTEXT)
    assert Sealer(KEY).open(sealed, CONTEXT) == b"token"
    assert b"token" not in sealed


def test_the_same_secret_never_looks_the_same_twice() -> None:
    sealer = Sealer(KEY)
    assert sealer.seal(b"token", CONTEXT) != sealer.seal(b"token", CONTEXT)


def test_a_ciphertext_moved_to_another_owner_does_not_open() -> None:
    sealed = Sealer(KEY).seal(b"token", CONTEXT)
    with pytest.raises(SealError) as refused:
        Sealer(KEY).open(sealed, "account|2|credentials")
    assert refused.value.code == "seal_broken"


@pytest.mark.parametrize("at", [0, 1, 5, 17, -1])
def test_a_changed_byte_is_noticed(at: int) -> None:
    sealed = bytearray(Sealer(KEY).seal(b"token", CONTEXT))
    sealed[at] ^= 1
    with pytest.raises(SealError):
        Sealer(KEY).open(bytes(sealed), CONTEXT)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" * 40, b"\x01" + b"x" * 10])
def test_what_is_no_seal_of_ours_is_refused(sealed: bytes) -> None:
    with pytest.raises(SealError):
        Sealer(KEY).open(sealed, CONTEXT)


def test_keys_rotate_without_a_pause() -> None:
    old = Sealer(KEY).seal(b"token", CONTEXT)
    both, after = Sealer(OTHER, KEY), Sealer(OTHER)
    assert both.open(old, CONTEXT) == b"token"
    assert both.needs_reseal(old)
    fresh = both.seal(b"token", CONTEXT)
    assert not both.needs_reseal(fresh)
    assert after.open(fresh, CONTEXT) == b"token"
    with pytest.raises(SealError) as refused:
        after.open(old, CONTEXT)
    assert refused.value.code == "seal_key_unknown"


def test_a_sealer_shows_no_key() -> None:
    assert KEY.decode() not in repr(Sealer(KEY))
    assert KEY.hex() not in repr(Sealer(KEY))
