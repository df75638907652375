"""Which keys of Kick are believed: pinned, or accepted by an operator; never because they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from integrations.kick import key_watch
from integrations.kick.key_watch import KeyWatch
from integrations.kick.signature import DOCUMENTED, fingerprint, key_from, pem_of
from sql import kick_keys
from sql.pool import Database
from tests.fakes.kick import Fault
from tests.integration.engine_rig import until
from tests.integration.kick_rig import KickRig, kick_rig

OTHER = generate_private_key(65537, 2048).public_key()
PINNED = fingerprint(key_from(DOCUMENTED))


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[KickRig]:
    async with kick_rig(database) as rig:
        await rig.channel(await rig.campaign())
        rig.kick.shown_key = DOCUMENTED
        yield rig


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_watch, "_READ_EVERY_S", 0.05)
    monkeypatch.setattr(key_watch, "_READ_AGAIN_S", 0.01)


@asynccontextmanager
async def running(watch: KeyWatch) -> AsyncIterator[KeyWatch]:
    task = asyncio.create_task(watch.run())
    try:
        yield watch
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def believed(watch: KeyWatch) -> list[str]:
    return [fingerprint(key) for key in watch.keys]


async def shown(rig: KickRig) -> list[str]:
    async with rig.database.connection() as connection:
        return [one.fingerprint for one in await kick_keys.every(connection)]


async def accept(rig: KickRig, key: str, *, hours_ago: float = 0) -> None:
    async with rig.database.connection() as connection:
        assert await kick_keys.accept(connection, key)
        await connection.execute(
            "UPDATE kick_keys SET accepted_at = accepted_at - make_interval(secs => $1)"
            " WHERE fingerprint = $2",
            hours_ago * 3600,
            key,
        )


async def test_the_documented_key_is_believed_from_the_start(rig: KickRig) -> None:
    assert believed(KeyWatch(rig.database, rig.api)) == [PINNED]


async def test_the_configured_key_is_believed_in_its_place(rig: KickRig) -> None:
    watch = KeyWatch(rig.database, rig.api, OTHER)
    await watch.read()
    assert believed(watch) == [fingerprint(OTHER)]


async def test_what_the_api_shows_is_looked_up_once_by_all(rig: KickRig) -> None:
    async with running(KeyWatch(rig.database, rig.api)) as one, running(KeyWatch(rig.database, rig.api)):
        await until(lambda: rig.kick.calls["GET public-key"] > 0, "looked up")
        await asyncio.sleep(0.3)
    assert rig.kick.calls["GET public-key"] == 1
    assert await shown(rig) == [PINNED]
    assert not one.is_doubtful


async def test_another_key_is_reported_and_not_believed(rig: KickRig) -> None:
    rig.kick.shown_key = pem_of(OTHER)
    async with running(KeyWatch(rig.database, rig.api)) as watch:
        await until(lambda: watch.is_doubtful, "an operator is asked")
        assert believed(watch) == [PINNED]
        assert await shown(rig) == [fingerprint(OTHER)]
        # The operator says yes; the older one is believed for another hour.
        await accept(rig, fingerprint(OTHER))
        await until(lambda: not watch.is_doubtful, "every process follows")
        assert believed(watch) == [PINNED, fingerprint(OTHER)]
        await accept(rig, fingerprint(OTHER), hours_ago=1.1)
        await until(lambda: len(watch.keys) == 1, "the older one is over")
        assert believed(watch) == [fingerprint(OTHER)]
        async with rig.database.connection() as connection:
            assert await kick_keys.drop(connection, fingerprint(OTHER))
        await until(lambda: believed(watch) == [PINNED], "the operator took it back")


async def test_of_two_accepted_keys_the_older_one_is_over_after_an_hour(rig: KickRig) -> None:
    third = generate_private_key(65537, 2048).public_key()
    async with rig.database.connection() as connection:
        for key in (OTHER, third):
            await kick_keys.shown(connection, fingerprint(key), pem_of(key))
    await accept(rig, fingerprint(OTHER), hours_ago=5)
    await accept(rig, fingerprint(third), hours_ago=0.9)
    watch = KeyWatch(rig.database, rig.api)
    await watch.read()
    assert set(believed(watch)) == {fingerprint(OTHER), fingerprint(third)}
    await accept(rig, fingerprint(third), hours_ago=0.2)
    await watch.read()
    assert believed(watch) == [fingerprint(third)]


async def test_a_flood_of_forgeries_asks_kick_once_a_minute(rig: KickRig) -> None:
    async with running(KeyWatch(rig.database, rig.api)) as watch:
        await until(lambda: watch.looks == 1, "the daily look")
        for _ in range(300):
            watch.failed()
            await asyncio.sleep(0.001)
        assert watch.looks == 1
        async with rig.database.connection() as connection:
            await connection.execute("UPDATE kick_rounds SET began_at = began_at - interval '61 s'")
        watch.failed()
        await until(lambda: watch.looks == 2, "a minute later it is asked again")
        await asyncio.sleep(0.2)
        assert rig.kick.calls["GET public-key"] == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, times=99),
        Fault(200, body={"data": {"public_key": "none"}}, times=99),
        Fault(200, body={}, times=99),
    ],
)
async def test_the_keys_survive_an_api_that_is_down(rig: KickRig, fault: Fault) -> None:
    rig.kick.faults["GET public-key"] = fault
    async with running(KeyWatch(rig.database, rig.api)) as watch:
        await until(lambda: watch.looks == 1, "tried")
        await asyncio.sleep(0.1)
        assert believed(watch) == [PINNED]
        assert await shown(rig) == []


async def test_without_a_kick_channel_nobody_is_asked(database: Database) -> None:
    async with kick_rig(database) as rig, running(KeyWatch(rig.database, rig.api)) as watch:
        for _ in range(20):
            watch.failed()
            await asyncio.sleep(0.01)
        assert watch.looks == 0
