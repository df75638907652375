"""Who may come in by a socket, and what others are told (vtt-wire-protocol §4).

The module looks for words in the refusal and acts on them, so the words are chosen by what it shall do:

* `expired` makes it fetch a new session, and if that fails forget everything and ask to be paired anew;
* `CAMPAIGN_DELETED:` makes it forget everything;
* anything else makes it come back later with what it has, which is right for whatever may pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from server.vault import Vault
from server.web.foundry import tokens
from server.web.foundry.tokens import Token
from sql import vtt_tokens
from sql.pool import Connection
from sql.vtt_tokens import Paired

STALE: Final = "token expired"
CAMPAIGN_DELETED: Final = "CAMPAIGN_DELETED:The campaign was deleted on Hubbub"
TABLE_DELETED: Final = "CAMPAIGN_DELETED:The table was removed on Hubbub"
NOT_GENUINE: Final = "Authentication failed"
REVOKED: Final = "Token has been revoked"
LATER: Final = "The server cannot check this now, try again later"

#: A refresh token stays good for so long after what it was exchanged for has been used: the browsers of a
#: table share it, and refresh it within seconds of each other.
GRACE: Final = timedelta(seconds=60)


class Refused(Exception):
    """The text that the module gets."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A browser of a table, as it came in."""

    connection_id: UUID
    campaign_id: UUID
    campaign_name: str
    world_id: str
    game_system: str
    token_version: int


def genuine(vault: Vault, token: object) -> Token:
    """The session token that was shown. Raises Refused."""
    found = tokens.read(vault, "session", token)
    if found is None:
        raise Refused(NOT_GENUINE)
    return found


def judge(token: Token, held: Paired, now: datetime) -> Admitted:
    """What becomes of a genuine token of a table that is there. Raises Refused.

    A revoked table is told so before anything else: it must not be sent for a new session, which it does
    not get, for then it would forget the key with which it asks to be let in again.
    """
    if not held.is_active:
        raise Refused(REVOKED)
    if held.campaign_id is None:
        raise Refused(CAMPAIGN_DELETED)
    if token.version != held.token_version:
        # Reauthorized, and its new tokens wait for it (H4 says so); or paired anew by another browser, whose
        # tokens this one finds in their shared setting.
        raise Refused(REVOKED)
    if held.is_dead or token.is_stale(now):
        raise Refused(STALE)
    return Admitted(
        held.id, held.campaign_id, held.campaign_name, held.world_id, held.game_system, held.token_version
    )


async def arrived(connection: Connection, token: Token, held: Paired) -> None:
    """The credentials have reached the module, and what they replace may go."""
    if held.parked is not None:
        await vtt_tokens.unpark(connection, held.id)
    if token.parent is not None:
        await retire(connection, token.parent, held.id, token.expires_at)


async def retire(connection: Connection, parent: UUID, connection_id: UUID, child_ends: datetime) -> None:
    """A refresh token was exchanged, and what it was exchanged for is in use."""
    await vtt_tokens.retire(
        connection,
        parent,
        "refresh",
        connection_id,
        after=GRACE,
        reason="exchanged",
        expires_at=child_ends + tokens.LIVES["refresh"],
    )
