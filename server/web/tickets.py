"""Tickets for the desk's WebSocket: made by a logged-in POST, good for 30 seconds (reliability T4).

A WebSocket cannot carry a CSRF header, so the session cookie opens nothing there: the ticket does. It
is not stored: it names the login it was made by, and is worth nothing once that has ended.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from server.live.doorman import DeskPass, OverlayDoor
from server.vault import Vault
from server.web.auth import Actor, ActorKind, actor_of_key
from server.web.services import Owner
from sql import api_keys, members, sessions
from sql.pool import Connection, Database

PREFIX = "tkt_"
LIFE = timedelta(seconds=30)
_PURPOSE = "live ticket"
_KINDS: tuple[ActorKind, ...] = ("session", "key", "root")
#: kind, credential, campaign, end in milliseconds, 8 random bytes; then 32 bytes of signature.
_MESSAGE_SIZE = 1 + 16 + 16 + 8 + 8


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket says once its signature and its time have been checked."""

    kind: ActorKind
    credential: UUID
    campaign_id: UUID


def issue(vault: Vault, actor: Actor, campaign_id: UUID, now: datetime) -> tuple[str, datetime]:
    """A ticket for this actor and campaign, and the moment it ends."""
    ends = now + LIFE
    message = (
        bytes([_KINDS.index(actor.kind)])
        + actor.credential.bytes
        + campaign_id.bytes
        + round(ends.timestamp() * 1000).to_bytes(8)
        + secrets.token_bytes(8)
    )
    text = base64.urlsafe_b64encode(message + vault.sign(_PURPOSE, message)).rstrip(b"=").decode()
    return PREFIX + text, ends


def read(vault: Vault, text: str, now: datetime) -> Ticket | None:
    """What a genuine ticket says; None for any other text and after its end."""
    if not text.startswith(PREFIX) or len(text) > 256:
        return None
    encoded = text.removeprefix(PREFIX)
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    message, mac = raw[:_MESSAGE_SIZE], raw[_MESSAGE_SIZE:]
    if not vault.is_signed(_PURPOSE, message, mac) or message[0] >= len(_KINDS):
        return None
    if now > datetime.fromtimestamp(int.from_bytes(message[33:41]) / 1000, UTC):
        return None
    return Ticket(_KINDS[message[0]], UUID(bytes=message[1:17]), UUID(bytes=message[17:33]))


class FrontDoor(OverlayDoor):
    """The whole Doorman of `/live`, and the register of desks that may stay."""

    def __init__(
        self, database: Database, vault: Vault, owner: Owner, *, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(database)
        self._vault = vault
        self._owner = owner
        self._clock = clock

    async def ticket(self, key: str) -> DeskPass | None:
        """The pass for a `tkt_` ticket whose login is alive and still has a role in the campaign."""
        found = read(self._vault, key, self._clock())
        if found is None:
            return None
        desk = DeskPass(found.campaign_id, _subject(found.kind, found.credential))
        return desk if await self.living([desk]) else None

    async def api_key(self, key: str, campaign: UUID) -> DeskPass | None:
        """The pass for an `hb_` key whose holder has a role in the campaign.

        A desk is told what overlays are told, so that every role may listen (T33).
        """
        async with self._database.connection() as connection:
            actor = await actor_of_key(self._owner, connection, key)
            if actor is None or campaign not in await members.roles_of(connection, actor.user_id):
                return None
        return DeskPass(campaign, _subject(actor.kind, actor.credential))

    async def living(self, passes: Collection[DeskPass]) -> Collection[DeskPass]:
        """Those whose session or key is still good for their campaign."""
        good = []
        scopes: dict[str, Collection[UUID]] = {}
        async with self._database.connection() as connection:
            for desk in passes:
                if desk.subject not in scopes:
                    user_id = await self._user_of(connection, desk.subject)
                    scopes[desk.subject] = (
                        () if user_id is None else await members.roles_of(connection, user_id)
                    )
                if desk.campaign_id in scopes[desk.subject]:
                    good.append(desk)
        return good

    async def _user_of(self, connection: Connection, subject: str) -> UUID | None:
        kind, _, credential = subject.partition(":")
        match kind:
            case "session":
                return await sessions.alive(connection, UUID(credential))
            case "key":
                return await api_keys.alive(connection, UUID(credential))
            case "root" if self._owner.key_hash is not None:
                return self._owner.id
        return None


def _subject(kind: ActorKind, credential: UUID) -> str:
    return f"{kind}:{credential}"
