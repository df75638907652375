"""What the secret key is used for: sealing, signing and deriving, each with a key of its own.

The ring is newest first: the newest key writes, all of them read, so that a key can be changed without
a failed request (reliability R21).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class CannotOpen(ValueError):
    """The sealed text was changed, belongs elsewhere, or its key is no longer in the ring."""


class Vault:
    """The key ring."""

    def __init__(self, ring: Sequence[bytes]) -> None:
        if not ring:
            raise ValueError("the key ring is empty")
        self._ring = tuple(ring)
        self._fernet = MultiFernet(
            [Fernet(base64.urlsafe_b64encode(self._subkey(key, "seal"))) for key in self._ring]
        )

    @staticmethod
    def _subkey(key: bytes, purpose: str) -> bytes:
        """A key for one purpose only, so that what is signed for one is worth nothing for another."""
        return hmac.digest(key, f"hubbub:{purpose}".encode(), "sha256")

    def seal(self, text: bytes, place: bytes) -> bytes:
        """Encrypt. `place` says where it is stored; moved elsewhere it does not open (T7)."""
        return self._fernet.encrypt(hashlib.sha256(place).digest() + text)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """Decrypt what was sealed for this place. Raises CannotOpen."""
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
