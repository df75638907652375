"""Between processes: the port of the bus, the form of its messages, and the bus without a server.

A bus only makes things faster. It may lose, double, delay or reorder; rooms notice and ask PostgreSQL.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, Protocol, TypeAlias
from uuid import UUID

import orjson

from server.rules.changes import Change, OnceEvent

State: TypeAlias = Literal["ok", "away"]
OnChange: TypeAlias = Callable[[Change], None]
#: Messages may have been lost: for one campaign, or (None) for all.
OnUnknown: TypeAlias = Callable[[UUID | None], None]

_MAC_SIZE: Final = 16


def channel_of(campaign_id: UUID) -> str:
    """Name of a campaign's channel; the braces keep it on one slot of a cluster."""
    return f"hubbub:{{{campaign_id}}}"


@dataclass(slots=True)
class BusFigures:
    """Counted since the start, for the metrics."""

    published: int = 0
    dropped: int = 0  # not sent: bus away or too far behind
    received: int = 0
    forged: int = 0  # the seal did not fit


class Bus(Protocol):
    """Carries changes to the other processes, best effort."""

    figures: BusFigures

    @property
    def state(self) -> State:
        """`ok` only while messages are known to get through."""

    def publish(self, change: Change) -> None:
        """Tell the others. Never waits and never raises; what cannot be sent is counted and dropped."""

    def follow(self, campaign_id: UUID) -> None:
        """Hear of a campaign from now on; `on_unknown` tells when that has begun."""

    def leave(self, campaign_id: UUID) -> None:
        """Hear of it no more."""

    async def run(self, on_change: OnChange, on_unknown: OnUnknown) -> None:
        """Work until cancelled."""


class Seal:
    """A keyed digest on every message, so that whoever can write to Redis still cannot draw on a stream.

    `keys` is the secret ring, newest first: the first seals, all open. The channel is part of what is
    sealed, so a message of one campaign is nothing in another.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys:
            raise ValueError("a seal needs at least one key")
        self._keys = tuple(hmac.digest(key, b"hubbub bus 1", "sha256") for key in keys)

    def _mac(self, key: bytes, channel: str, payload: bytes) -> bytes:
        mac = hashlib.blake2b(key=key, digest_size=_MAC_SIZE)
        mac.update(channel.encode() + b"\0")
        mac.update(payload)
        return mac.digest()

    def close(self, channel: str, payload: bytes) -> bytes:
        """The message to send."""
        return self._mac(self._keys[0], channel, payload) + payload

    def open(self, channel: str, message: bytes) -> bytes | None:
        """The payload of a message; None when it was not sealed by one of us for this channel."""
        mac, payload = message[:_MAC_SIZE], message[_MAC_SIZE:]
        for key in self._keys:
            if hmac.compare_digest(mac, self._mac(key, channel, payload)):
                return payload
        return None


def to_message(change: Change) -> bytes:
    """A change as bytes."""
    return orjson.dumps(
        {
            "campaign": str(change.campaign_id),
            "epoch": str(change.epoch),
            "from": change.from_seq,
            "to": change.to_seq,
            "at": change.at.isoformat(),
            "set": change.set,
            "unset": change.unset,
            "events": [[e.seq, e.id, e.kind, e.data, e.ttl_ms] for e in change.events],
        }
    )


def from_message(payload: bytes) -> Change:
    """The change in a message that we sealed. Raises ValueError, KeyError or TypeError for another form,
    which can only come from another version of this program."""
    body: dict[str, Any] = orjson.loads(payload)
    return Change(
        UUID(body["campaign"]),
        UUID(body["epoch"]),
        int(body["from"]),
        int(body["to"]),
        datetime.fromisoformat(body["at"]),
        dict(body["set"]),
        tuple(body["unset"]),
        tuple(OnceEvent(*event) for event in body["events"]),
    )
