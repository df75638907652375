"""Sign-ins that are confirmed on another device (RFC 8628), for installations without a public address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import sql
from sql.auth_providers import ProviderName
from sql.oauth_states import Purpose, Wants
from sql.pool import Connection

_Q = sql.load("device_sign_ins")


@dataclass(frozen=True, slots=True)
class DeviceSignIn:
    """One that is under way. `device_code` is sealed for the row's id."""

    id: UUID
    provider: ProviderName
    purpose: Purpose
    session_id: UUID | None
    wants: Wants
    browser_hash: bytes
    device_code: bytes


async def begin(
    connection: Connection, sign_in: DeviceSignIn, *, interval: timedelta, expires_in: timedelta
) -> None:
    """Note a code that the provider has given out."""
    await connection.execute(
        _Q["begin"],
        sign_in.id,
        sign_in.provider,
        sign_in.purpose,
        sign_in.session_id,
        sign_in.wants,
        sign_in.browser_hash,
        sign_in.device_code,
        min(60, max(1, round(interval.total_seconds()))),
        expires_in.total_seconds(),
    )


async def get(connection: Connection, sign_in_id: UUID, browser_hash: bytes) -> DeviceSignIn | None:
    """One of this browser that has not ended."""
    row = await connection.fetchrow(_Q["get"], sign_in_id, browser_hash)
    return None if row is None else DeviceSignIn(*row)


async def may_ask(connection: Connection, sign_in_id: UUID) -> bool:
    """Whether the provider may be asked now; whoever hears yes is alone until the interval is over."""
    return await connection.fetchval(_Q["may_ask"], sign_in_id) is not None


async def slow_down(connection: Connection, sign_in_id: UUID) -> None:
    """The provider wants to be asked less often (RFC 8628 §3.5: five seconds more)."""
    await connection.execute(_Q["slow_down"], sign_in_id)


async def end(connection: Connection, sign_in_id: UUID) -> bool:
    """It is over; False when somebody else has ended it."""
    return await connection.fetchval(_Q["end"], sign_in_id) is not None


async def sweep(connection: Connection) -> None:
    """Remove those that nobody confirmed (housekeeping)."""
    await connection.execute(_Q["sweep"])
