"""Seals secrets at rest: AES-256-GCM with keys derived from LOA_SECRET_KEY (R92).

A sealed text is `version (1 byte) | key id (4) | nonce (12) | ciphertext and tag`. What it belongs
to is bound into it, so a ciphertext that is moved to another row does not open.
"""

import hashlib
import os
from typing import Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import override

from shared.errors import LoaError

_log = structlog.get_logger(__name__)

_VERSION: Final = b"\x01"
_ID_BYTES: Final = 4
_NONCE_BYTES: Final = 12  # 96 random bits (R92)
_HEAD_BYTES: Final = len(_VERSION) + _ID_BYTES


class SealError(LoaError):
    """What was sealed cannot be opened: another key, another owner, or damaged bytes."""

    default_code = "seal_broken"


class Sealer:
    """Seals with the present key; opens what the present or the previous one has sealed.

    `key` and `previous` are the bytes of LOA_SECRET_KEY and LOA_SECRET_KEY_PREVIOUS; the working
    keys are derived from them, so the same secret may serve other purposes too.
    """

    __slots__ = ("_ciphers", "_current")

    def __init__(self, key: bytes, previous: bytes | None = None) -> None:
        self._current, cipher = _derived(key)
        self._ciphers = {self._current: cipher}
        if previous is not None:
            old, cipher = _derived(previous)
            self._ciphers.setdefault(old, cipher)

    @override
    def __repr__(self) -> str:
        return f"Sealer(key id {self._current.hex()})"

    def seal(self, plain: bytes, context: str) -> bytes:
        """The sealed bytes; `context` says whose they are (`account|<id>|credentials`)."""
        head = _VERSION + self._current
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, plain, _bound(head, context))
        return head + nonce + sealed

    def open(self, sealed: bytes, context: str) -> bytes:
        """What was sealed for this context.

        Raises SealError: `seal_key_unknown`, or `seal_broken` for damaged or moved bytes.
        """
        head, rest = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES:]
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        if head[:1] != _VERSION or len(nonce) < _NONCE_BYTES:
            raise SealError
        cipher = self._ciphers.get(head[1:])
        if cipher is None:
            raise SealError("seal_key_unknown", key_id=head[1:].hex())
        try:
            return cipher.decrypt(nonce, ciphertext, _bound(head, context))
        except InvalidTag as error:
            raise SealError from error

    def resealed(self, sealed: bytes, context: str) -> bytes | None:
        """The same sealed with the present key; None, and a line in the log, where it cannot be.

        So that one secret that nobody can open keeps no other from being sealed anew.
        """
        try:
            return self.seal(self.open(sealed, context), context)
        except SealError as error:
            _log.error("seal.unreadable", of=context, code=error.code)
            return None

    def needs_reseal(self, sealed: bytes) -> bool:
        """Whether another key than the present one has sealed it."""
        return sealed[:_HEAD_BYTES] != _VERSION + self._current


def _derived(secret: bytes) -> tuple[bytes, AESGCM]:
    """The id (public) and the cipher of one secret."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"loa|seal|1")
    key = derive.derive(secret)
    return hashlib.sha256(b"loa|key-id|" + key).digest()[:_ID_BYTES], AESGCM(key)


def _bound(head: bytes, context: str) -> bytes:
    return head + context.encode()
