"""What the secret key is used for: sealing, signing and deriving, each with a key of its own.

The ring is newest first: the newest key writes, all of them read, so that a key can be changed without
a failed request (reliability R21).

A sealed text is AES-256-GCM: format and key id (`mark`), nonce, ciphertext with its tag. Mark and place are
authenticated with it, so that it opens where it was sealed for and nowhere else. Until version 0.1 texts were
Fernet tokens; those still open, and are sealed anew by `server.engine.resealing`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

#: No Fernet token begins like this: those begin with the letters of a zero timestamp, gAAAA.
_FORMAT: Final = b"\x02"
_KEY_ID_BYTES: Final = 7
MARK_BYTES: Final = len(_FORMAT) + _KEY_ID_BYTES
_NONCE_BYTES: Final = 12


class CannotOpen(ValueError):
    """The sealed text was changed, belongs elsewhere, or its key is no longer in the ring."""


class Vault:
    """The key ring."""

    def __init__(self, ring: Sequence[bytes]) -> None:
        if not ring:
            raise ValueError("the key ring is empty")
        self._ring = tuple(ring)
        self._ciphers = {self._mark(key): AESGCM(self._subkey(key, "seal-aes-256-gcm")) for key in self._ring}
        #: How texts begin that the newest key has sealed; all others wait to be sealed anew.
        self.mark = self._mark(self._ring[0])
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(self._subkey(key, "seal"))) for key in self._ring]
        )

    @staticmethod
    def _subkey(key: bytes, purpose: str) -> bytes:
        """A key for one purpose only, so that what is signed for one is worth nothing for another."""
        return hmac.digest(key, f"hubbub:{purpose}".encode(), "sha256")

    @classmethod
    def _mark(cls, key: bytes) -> bytes:
        return _FORMAT + cls._subkey(key, "key-id")[:_KEY_ID_BYTES]

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Encrypt. `place` says where it is stored; moved elsewhere it does not open (T7)."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return self.mark + nonce + self._ciphers[self.mark].encrypt(nonce, text, self.mark + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt what was sealed for this place. Raises CannotOpen."""
        if not sealed.startswith(_FORMAT):
            return self._open_fernet(sealed, place)
        mark, nonce = sealed[:MARK_BYTES], sealed[MARK_BYTES : MARK_BYTES + _NONCE_BYTES]
        cipher = self._ciphers.get(mark)
        if cipher is None:
            raise CannotOpen("not sealed by a key of this ring")
        try:
            return cipher.decrypt(nonce, sealed[MARK_BYTES + _NONCE_BYTES :], mark + place)
        except (InvalidTag, ValueError):
            raise CannotOpen("changed, or sealed for another place") from None

    def _open_fernet(self, sealed: bytes, place: bytes) -> bytes:
        try:
            text = self._fernet.decrypt(sealed)
        except InvalidToken:
            raise CannotOpen("not sealed by a key of this ring") from None
        if not hmac.compare_digest(text[:32], hashlib.sha256(place).digest()):
            raise CannotOpen("sealed for another place")
        return text[32:]

    def sign(self, purpose: str, message: bytes) -> bytes:
        """32 bytes that prove the message came from us."""
        return hmac.digest(self._subkey(self._ring[0], purpose), message, "sha256")

    def is_signed(self, purpose: str, message: bytes, mac: bytes) -> bool:
        """Whether any key of the ring signed it; in constant time."""
        genuine = [
            hmac.compare_digest(hmac.digest(self._subkey(key, purpose), message, "sha256"), mac)
            for key in self._ring
        ]
        return any(genuine)

    def derive(self, message: str) -> tuple[str, ...]:
        """256-bit secrets for a message, one a key of the ring, newest first: URL-safe base64.

        Keyed by the ring itself, as the overlay links are specified; `seal` and `sign` use subkeys.
        """
        return tuple(
            base64.urlsafe_b64encode(hmac.digest(key, message.encode(), "sha256")).rstrip(b"=").decode()
            for key in self._ring
        )
