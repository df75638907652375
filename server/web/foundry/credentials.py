"""What the module needs to come in, and how it waits for it: sealed, in the row of its connection.

The module fetches its credentials over HTTP, and an answer can be lost. So they stay until it has come in
with them once, and are given out again to whoever proves the same thing: the code of the pairing, or the key.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID

from server.places import of_parked
from server.vault import CannotOpen, Vault
from server.web.foundry import tokens

API_KEY_PREFIX: Final = "ta_"
Why: TypeAlias = Literal["pairing", "reauthorization"]
#: How long credentials wait for the module.
PARKED_FOR: Final = timedelta(seconds=300)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that the module stores. `api_key` is empty where the module has it already."""

    why: Why
    proof: str  # of a pairing its id: only its own code fetches them
    api_key: str
    session: str
    refresh: str
    fingerprint: str
    made_at: str


def new_api_key() -> str:
    return API_KEY_PREFIX + secrets.token_hex(32)


def new_fingerprint() -> str:
    return secrets.token_hex(16)


def issue(
    vault: Vault,
    connection_id: UUID,
    version: int,
    fingerprint: str,
    now: datetime,
    *,
    parent: UUID | None = None,
) -> tuple[str, str]:
    """A session and a refresh token."""

    def make(kind: tokens.Kind) -> str:
        return tokens.make(
            vault,
            kind,
            connection_id=connection_id,
            version=version,
            fingerprint=fingerprint,
            now=now,
            parent=parent,
        )

    return make("session"), make("refresh")


def seal(vault: Vault, connection_id: UUID, credentials: Credentials) -> bytes:
    """As they wait in the row of this connection."""
    return vault.seal(json.dumps(asdict(credentials)).encode(), of_parked(connection_id))


def unseal(vault: Vault, connection_id: UUID, parked: bytes | None) -> Credentials | None:
    """What waits there; None for nothing, and for what a key sealed that we no longer have."""
    if parked is None:
        return None
    try:
        return Credentials(**json.loads(vault.open(parked, of_parked(connection_id))))
    except (CannotOpen, TypeError, ValueError):
        return None


def on_the_wire(
    vault: Vault, connection_id: UUID, credentials: Credentials, api_key: str, now: datetime
) -> dict[str, Any]:
    """The fields of vtt-wire-protocol §3 H2; `expiresIn` counts from now, whenever they were made."""
    session = tokens.read(vault, "session", credentials.session)
    left = 0 if session is None else int((session.expires_at - now).total_seconds())
    return {
        "connectionId": str(connection_id),
        "apiKey": api_key,
        "sessionToken": credentials.session,
        "refreshToken": credentials.refresh,
        "expiresIn": max(0, left),
        "fingerprint": credentials.fingerprint,
    }
