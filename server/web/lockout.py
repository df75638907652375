"""How long somebody who guesses passwords has to wait (domain/operations.md §6).

Kept in PostgreSQL: when that is away nobody gets in at all, so no process and no outage forgets a failure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from server.vault import Vault
from server.web.problems import Problem
from sql import login_failures
from sql.pool import Connection


@dataclass(frozen=True, slots=True)
class Keys:
    """Under which a try is counted: keyed digests, so that the table names neither addresses nor people."""

    address: bytes
    pair: bytes


def keys_of(vault: Vault, address: str, email: str) -> Keys:
    """The keys of a try. Whoever has IPv6 has a whole /64 of addresses, which count as one."""
    place = _network(address)
    return Keys(
        vault.sign("login address", place.encode()),
        vault.sign("login address and e-mail", f"{place}\0{email}".encode()),
    )


def _network(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))


async def take(connection: Connection, keys: Keys) -> login_failures.Try:
    """Count a try before the password is looked at. Call inside a transaction."""
    return await login_failures.take(connection, [keys.address, keys.pair])


async def was_right(connection: Connection, keys: Keys) -> None:
    """The try was none: it is given back, and what the person had failed at before is forgotten.

    Failures of the address at other accounts stay: otherwise a thief's own account would reset them.
    """
    await login_failures.give_back(connection, keys.address)
    await login_failures.forgive(connection, keys.pair)


def locked(found: login_failures.Try) -> Problem:
    """The answer while it is locked."""
    seconds = max(1, math.ceil(found.wait.total_seconds()))
    return Problem(
        429,
        "locked",
        f"Too many wrong passwords. Try again in {seconds} s; a right one is not taken before, either.",
        headers={"retry-after": str(seconds)},
    )
