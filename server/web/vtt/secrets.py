"""What proves a sender: a secret that signs, for servers, and a token, for browsers. Both are told once."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from server.places import place
from server.vault import Vault
from server.web.vtt.standard_webhooks import PREFIX, key_of

TOKEN_PREFIX = "ing_"  # noqa: S105  a prefix is no secret
Column = Literal["signing_secret", "older_signing_secret"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """New secrets of a table: as they are told, and as they are stored."""

    signing_secret: str
    ingest_token: str
    sealed: bytes
    ingest_hash: bytes


def fresh(vault: Vault, connection_id: UUID) -> Fresh:
    """256 random bits each."""
    signing = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    return Fresh(signing, token, seal(vault, connection_id, "signing_secret", signing), token_hash(token))


def token_hash(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def seal(vault: Vault, connection_id: UUID, column: Column, secret: str) -> bytes:
    """A signing secret for one place; in another row or column it does not open (T7)."""
    return vault.seal(secret.encode(), place("vtt_connections", column, connection_id))


def reseal_as_older(vault: Vault, connection_id: UUID, sealed: bytes) -> bytes:
    """The signing secret of now, for the place of the one before. Raises CannotOpen."""
    secret = vault.open(sealed, place("vtt_connections", "signing_secret", connection_id))
    return vault.seal(secret, place("vtt_connections", "older_signing_secret", connection_id))


def open_key(vault: Vault, connection_id: UUID, column: Column, sealed: bytes) -> bytes:
    """The key of a stored signing secret. Raises CannotOpen."""
    return key_of(vault.open(sealed, place("vtt_connections", column, connection_id)).decode())
