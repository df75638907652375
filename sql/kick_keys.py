"""Keys that Kick may sign with: those that its API has shown, and which of them one accepted (T20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sql
from sql.pool import Connection

_Q = sql.load("kick_keys")

#: How long an older key is still believed after another was accepted: deliveries of it are on their way.
OVERLAP_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class ShownKey:
    """`is_settled`: accepted so long ago that those before it are over. `is_over`: one after it was."""

    fingerprint: str
    pem: str
    served_at: datetime
    accepted_at: datetime | None
    is_settled: bool
    is_over: bool

    @property
    def is_good(self) -> bool:
        """Whether signatures by it are believed."""
        return self.accepted_at is not None and not self.is_over


async def shown(connection: Connection, fingerprint: str, pem: str) -> bool:
    """Note that the API shows this key; answers whether it never did before."""
    return bool(await connection.fetchval(_Q["shown"], fingerprint, pem))


async def every(connection: Connection) -> Sequence[ShownKey]:
    """All that are known, those accepted last first."""
    return [ShownKey(**dict(row)) for row in await connection.fetch(_Q["all"], OVERLAP_S)]


async def accept(connection: Connection, fingerprint: str) -> bool:
    """Believe this key from now on; False when it was never shown."""
    return await connection.fetchval(_Q["accept"], fingerprint) is not None


async def drop(connection: Connection, fingerprint: str) -> bool:
    """Believe it no longer; False when it was not accepted."""
    return await connection.fetchval(_Q["drop"], fingerprint) is not None
