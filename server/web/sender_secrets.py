"""What proves a sender that is no platform: a secret that signs, for servers, and a token, for browsers.

Both are told once. The secret is stored sealed, the token as its hash; while they are changed, two of each
are good (T7, T17).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from server.places import place
from server.vault import CannotOpen, Vault
from server.web.vtt.standard_webhooks import PREFIX, key_of

Column: TypeAlias = Literal["signing_secret", "older_signing_secret"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """New secrets of a sender: as they are told, and as they are stored."""

    signing_secret: str
    token: str
    sealed: bytes
    token_hash: bytes


@dataclass(frozen=True, slots=True)
class SenderSecrets:
    """Those of the rows of one table; `token_prefix` says to people what a token is for."""

    table: str
    token_prefix: str

    def fresh(self, vault: Vault, row_id: UUID) -> Fresh:
        """256 random bits each."""
        signing = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
        token = self.token_prefix + secrets.token_urlsafe(32)
        sealed = vault.seal(signing.encode(), self._place("signing_secret", row_id))
        return Fresh(signing, token, sealed, token_hash(token))

    def reseal_as_older(self, vault: Vault, row_id: UUID, sealed: bytes | None) -> bytes | None:
        """The signing secret of now, for the place of the one before. None when there is none, and when its
        key has left the ring: nothing signed with it is believed anyway."""
        if sealed is None:
            return None
        try:
            secret = vault.open(sealed, self._place("signing_secret", row_id))
        except CannotOpen:
            return None
        return vault.seal(secret, self._place("older_signing_secret", row_id))

    def open_key(self, vault: Vault, row_id: UUID, column: Column, sealed: bytes) -> bytes:
        """The key of a stored signing secret. Raises CannotOpen."""
        return key_of(vault.open(sealed, self._place(column, row_id)).decode())

    def keys(self, vault: Vault, row_id: UUID, now: bytes | None, older: bytes | None) -> list[bytes]:
        """The keys that deliveries may be signed with, of the sealed secrets of a row."""
        stored: tuple[tuple[Column, bytes | None], ...] = (
            ("signing_secret", now),
            ("older_signing_secret", older),
        )
        found = []
        for column, sealed in stored:
            if sealed is not None:
                # One whose key has left the ring opens no more: nothing signed with it is believed.
                with suppress(CannotOpen):
                    found.append(self.open_key(vault, row_id, column, sealed))
        return found

    def _place(self, column: Column, row_id: UUID) -> bytes:
        """In another row or column a secret does not open (T7)."""
        return place(self.table, column, row_id)


def token_hash(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def is_one_of(token: str, hashes: tuple[bytes | None, ...]) -> bool:
    """Whether one of these is the hash of the token; it takes as long whichever it is."""
    digest, found = token_hash(token), False
    for stored in hashes:
        if stored is not None:
            found |= hmac.compare_digest(digest, stored)
    return found
