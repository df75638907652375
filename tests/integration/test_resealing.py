"""After a key ring has changed, secrets at rest go over to the newest key, and none is lost (R21, T7)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server.engine.resealing import Resealing
from server.places import place
from server.vault import Vault
from tests.fakes.identity_server import IdentityServer, identity_server
from tests.integration.tokens_rig import RING, issue, link, processes, row_of

NEW = b"a newer key of this ring, with more than 32 bytes"


@pytest.fixture
async def server() -> AsyncIterator[IdentityServer]:
    async with identity_server() as made:
        yield made


async def test_everything_goes_over_to_the_newest_key_in_batches(
    database_url: str, server: IdentityServer
) -> None:
    async with processes(database_url, server) as (process,):
        issued = [issue(server, "twitch", f"9{number:04d}") for number in range(120)]
        rows = [await link(process, one) for one in issued]
        await process.tokens.app("twitch")
        both = Vault([NEW, *RING])
        resealing = Resealing(process.database, both)
        assert await resealing.round() == (121, 0)
        assert await resealing.round() == (0, 0)
        alone = Vault([NEW])
        for one, id_ in zip(issued, rows, strict=True):
            row = await row_of(process, id_)
            assert row["version"] == 1
            for column, value in (("access_token", one.access), ("refresh_token", one.refresh)):
                where = place("oauth_tokens", column, id_)
                assert alone.open(row[column], where) == value.encode()


async def test_what_no_key_opens_is_left_and_counted(database_url: str, server: IdentityServer) -> None:
    async with processes(database_url, server) as (process,):
        id_ = await link(process, issue(server))
        before = await row_of(process, id_)
        assert await Resealing(process.database, Vault([NEW])).round() == (0, 1)
        assert await row_of(process, id_) == before
