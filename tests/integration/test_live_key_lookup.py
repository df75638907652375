"""Overlay keys looked up together: each gets its own answer, in few queries, or hears that nobody knows."""

from __future__ import annotations

import asyncio
import hashlib
from unittest.mock import patch

import pytest

from server.live.key_lookup import KeyLookup
from sql import overlay_keys
from sql.pool import UNREACHABLE, Database
from tests.integration.live_rig import make_campaign, make_overlay


async def test_a_storm_of_keys_is_a_few_queries(database: Database) -> None:
    engine = await make_campaign(database)
    links = [await make_overlay(database, engine.campaign_id) for _ in range(20)]
    lookup = KeyLookup(database)
    hashes = [hashlib.sha256(link.key.encode()).digest() for link in links]
    with patch.object(overlay_keys, "by_hash", wraps=overlay_keys.by_hash) as query:
        found = await asyncio.gather(*(lookup.find(one) for one in hashes * 60), lookup.find(b"unknown"))
    assert [one and one.id for one in found] == [link.id for link in links] * 60 + [None]
    assert query.call_count <= 2


async def test_every_key_is_looked_up_after_it_came(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    lookup = KeyLookup(database)
    key_hash = hashlib.sha256(link.key.encode()).digest()
    assert await lookup.find(key_hash) is not None
    async with database.connection() as connection:
        await connection.execute("DELETE FROM overlay_configs")
    assert await lookup.find(key_hash) is None


async def test_one_that_gives_up_takes_nobody_with_it(database: Database) -> None:
    engine = await make_campaign(database)
    link = await make_overlay(database, engine.campaign_id)
    lookup = KeyLookup(database)
    key_hash = hashlib.sha256(link.key.encode()).digest()
    first, second = (asyncio.create_task(lookup.find(key_hash)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    found = await second
    assert found is not None
    assert found.id == link.id


async def test_without_a_database_all_are_told(database: Database, database_url: str) -> None:
    away = await Database.open(database_url)
    await away.close()
    lookup = KeyLookup(away)
    answers = await asyncio.gather(*(lookup.find(bytes([n])) for n in range(5)), return_exceptions=True)
    assert all(isinstance(answer, UNREACHABLE) for answer in answers)
    with pytest.raises(UNREACHABLE):
        await lookup.find(b"later")
