"""A pairing of the published module: asked for there, confirmed on the desk, fetched by the module (H1, H2).

Whoever guesses the name of a world gets nothing: credentials are given out for the code alone, which only
the table that asked has seen, and the person who typed it on the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.web.foundry import credentials
from server.web.foundry.credentials import Credentials
from server.web.services import Services
from server.web.vtt import codes
from sql import vtt_connections, vtt_pairings, vtt_tokens
from sql.ids import uuid7
from sql.pool import Connection
from sql.vtt_connections import World
from sql.vtt_pairings import Pairing

#: A fresh code is another one's with a chance of one in millions.
_TRIES: Final = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A code to be shown at the table, good until then."""

    code: str
    expires_at: datetime


async def ask(services: Services, connection: Connection, world: World) -> Asked:
    """A table asks to be paired."""
    for _ in range(_TRIES):
        code = codes.new_code()
        digest = codes.code_hash(services.vault, code)
        assert digest is not None  # noqa: S101  of a code of ours
        expires_at = await vtt_pairings.create(
            connection, code_hash=digest, asked_by="table", provider="foundry", world=world
        )
        if expires_at is not None:
            return Asked(code, expires_at)
    raise LookupError("every code that was drawn is taken")


async def complete(services: Services, connection: Connection, pairing: Pairing, campaign_id: UUID) -> UUID:
    """The table of this pairing, in the transaction that uses the code up; answers its id.

    A world that was paired with this campaign before is the same table again, with its rolls and
    characters; whatever credentials it had are over.
    """
    api_key, fingerprint = credentials.new_api_key(), credentials.new_fingerprint()
    found = await vtt_tokens.same_world(connection, campaign_id, pairing.world_id)
    if found is not None:
        connection_id = found
        version = await vtt_tokens.renew(
            connection, connection_id, api_key=api_key, fingerprint=fingerprint, world=pairing.world
        )
    else:
        connection_id = uuid7()
        await vtt_connections.create(
            connection,
            campaign_id,
            connection_id=connection_id,
            provider="foundry",
            name=(pairing.world_name or pairing.world_id or "Foundry")[:64],
            world=pairing.world,
        )
        version = await vtt_tokens.arm(connection, connection_id, api_key=api_key, fingerprint=fingerprint)
    await _park(
        services,
        connection,
        connection_id,
        version,
        fingerprint,
        why="pairing",
        proof=str(pairing.id),
        api_key=api_key,
    )
    return connection_id


async def reauthorized(services: Services, connection: Connection, connection_id: UUID) -> Credentials:
    """A revoked table of the module may come back: it finds its new tokens when it asks with its key (H5)."""
    fingerprint = credentials.new_fingerprint()
    version = await vtt_tokens.set_fingerprint(connection, connection_id, fingerprint)
    return await _park(services, connection, connection_id, version, fingerprint, why="reauthorization")


async def _park(
    services: Services,
    connection: Connection,
    connection_id: UUID,
    version: int,
    fingerprint: str,
    *,
    why: credentials.Why,
    proof: str = "",
    api_key: str = "",
) -> Credentials:
    now = services.clock()
    session, refresh = credentials.issue(services.vault, connection_id, version, fingerprint, now)
    waiting = Credentials(why, proof, api_key, session, refresh, fingerprint, now.isoformat())
    sealed = credentials.seal(services.vault, connection_id, waiting)
    await vtt_tokens.park(connection, connection_id, sealed, credentials.PARKED_FOR)
    return waiting


async def status(services: Services, connection: Connection, world_id: str, code: str) -> dict[str, Any]:
    """What the table is told that asks how its code fares: the fields of H2 but for `serverUrl`."""
    digest = codes.code_hash(services.vault, code)
    found = None if digest is None else await vtt_pairings.by_code(connection, digest)
    # The code is what proves; the world is compared so that a mix-up does not pair the wrong one.
    if found is None or found.asked_by != "table" or found.world_id != world_id:
        return {"status": "not_found", "message": "No pairing has this code."}
    now = services.clock()
    if found.completed_at is not None:
        return await _collected(services, connection, found, now)
    left_s = (found.expires_at - now).total_seconds()
    if left_s <= 0:
        return {"status": "expired", "message": "The code is older than five minutes: start anew."}
    return {
        "status": "pending",
        "code": code,
        "expiresAt": round(found.expires_at.timestamp() * 1000),
        "remainingSeconds": int(left_s),
    }


async def _collected(
    services: Services, connection: Connection, pairing: Pairing, now: datetime
) -> dict[str, Any]:
    """Its credentials, as often as it asks: until a socket has come in with them, or five minutes."""
    assert pairing.connection_id is not None  # noqa: S101  the table's own check
    held = await vtt_tokens.by_id(connection, pairing.connection_id)
    waiting = None
    if held is not None and held.is_active and held.is_parked:
        waiting = credentials.unseal(services.vault, held.id, held.parked)
    if held is None or waiting is None or waiting.proof != str(pairing.id):
        return {"status": "expired", "message": "The code was used already: start anew."}
    return {
        "status": "completed",
        **credentials.on_the_wire(services.vault, held.id, waiting, waiting.api_key, now),
    }
