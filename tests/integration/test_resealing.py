"""A new key seals anew what is kept, and what nothing opens is left alone."""

from __future__ import annotations

import pytest

from server.engine import resealing
from server.engine.resealing import reseal
from server.places import place
from server.vault import CannotOpen, Vault
from sql.pool import Database

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32


async def kept(database: Database, vault: Vault, names: list[str]) -> None:
    async with database.transaction() as connection:
        for name in names:
            await connection.execute(
                "INSERT INTO app_tokens (provider, access_token, expires_at) VALUES ($1, $2, now())",
                name,
                vault.seal(f"secret {name}".encode(), place("app_tokens", "access_token", name)),
            )


async def stored(database: Database) -> dict[str, bytes]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT provider, access_token FROM app_tokens")
    return {row["provider"]: row["access_token"] for row in rows}


async def test_everything_is_sealed_by_the_newest_key(database: Database) -> None:
    await kept(database, Vault([OLD]), ["twitch"])
    await kept(database, Vault([OTHER]), ["kick"])
    before = await stored(database)
    both, new = Vault([NEW, OLD]), Vault([NEW])
    assert await reseal(database, both) == (1, 1)
    after = await stored(database)
    assert new.open(after["twitch"], place("app_tokens", "access_token", "twitch")) == b"secret twitch"
    assert after["kick"] == before["kick"], "its key may come back"
    with pytest.raises(CannotOpen):
        new.open(after["twitch"], place("app_tokens", "access_token", "kick"))
    assert await reseal(database, both) == (0, 1), "nothing is left to do"


async def test_a_column_is_gone_through_in_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "BATCH", 1)
    await kept(database, Vault([OLD]), ["google", "kick", "twitch"])
    assert await resealing.reseal(database, Vault([NEW, OLD])) == (3, 0)
    assert all(value.startswith(Vault([NEW]).mark) for value in (await stored(database)).values())
