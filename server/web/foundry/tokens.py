"""Session and refresh tokens of the module: signed facts, opaque to whoever carries them.

What a token says is only a claim about its connection: whether the connection is still there, was not
revoked and has this version, the database says (`sql.vtt_tokens`).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID, uuid4

from server.vault import Vault

Kind = Literal["session", "refresh"]

#: vtt-and-dice §2.
LIVES: Final = {"session": timedelta(seconds=3600), "refresh": timedelta(seconds=604_800)}
_PREFIXES: Final[dict[Kind, str]] = {"session": "vts_", "refresh": "vtr_"}
_PURPOSES: Final[dict[Kind, str]] = {"session": "vtt session token", "refresh": "vtt refresh token"}
#: jti, connection, parent, fingerprint, version, end in milliseconds; then 32 bytes of signature.
_MESSAGE_SIZE: Final = 16 + 16 + 16 + 16 + 4 + 8
_LONGEST: Final = 256
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine token says."""

    kind: Kind
    jti: UUID
    connection_id: UUID
    #: The refresh token that this one was exchanged for; None for those of a pairing. It dies when this one
    #: is used, not before: until then the answer may have been lost.
    parent: UUID | None
    fingerprint: str  # 32 hexadecimal digits
    version: int
    expires_at: datetime

    def is_stale(self, now: datetime) -> bool:
        return now >= self.expires_at


def make(
    vault: Vault,
    kind: Kind,
    *,
    connection_id: UUID,
    version: int,
    fingerprint: str,
    now: datetime,
    parent: UUID | None = None,
) -> str:
    """A fresh token. `fingerprint` has 32 hexadecimal digits."""
    message = (
        uuid4().bytes
        + connection_id.bytes
        + (parent or _NOBODY).bytes
        + bytes.fromhex(fingerprint)
        + version.to_bytes(4)
        + round((now + LIVES[kind]).timestamp() * 1000).to_bytes(8)
    )
    mac = vault.sign(_PURPOSES[kind], message)
    return _PREFIXES[kind] + base64.urlsafe_b64encode(message + mac).rstrip(b"=").decode()


def read(vault: Vault, kind: Kind, text: object) -> Token | None:
    """What a token of this kind says, also when its time is over; None when it is not genuine."""
    if not isinstance(text, str) or len(text) > _LONGEST or not text.startswith(_PREFIXES[kind]):
        return None
    encoded = text.removeprefix(_PREFIXES[kind])
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != encoded:
        return None  # one token has one way to be written
    message, mac = raw[:_MESSAGE_SIZE], raw[_MESSAGE_SIZE:]
    if len(message) != _MESSAGE_SIZE or not vault.is_signed(_PURPOSES[kind], message, mac):
        return None
    parent = UUID(bytes=message[32:48])
    return Token(
        kind=kind,
        jti=UUID(bytes=message[:16]),
        connection_id=UUID(bytes=message[16:32]),
        parent=None if parent == _NOBODY else parent,
        fingerprint=message[48:64].hex(),
        version=int.from_bytes(message[64:68]),
        expires_at=datetime.fromtimestamp(int.from_bytes(message[68:76]) / 1000, UTC),
    )
