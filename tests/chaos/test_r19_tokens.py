"""R19: however many processes are refused with a token at once, it is refreshed once; and what a crash has
lost is told as "link again", without a storm of tries.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack
from uuid import UUID

from integrations.tokens import relink_words
from tests.acceptance.show import eventually
from tests.chaos.token_asker import AT_ONCE, Asker, asker, fingerprint
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World
from tests.fakes.identity_server import Fault, IdentityServer, identity_server
from tests.integration.tokens_rig import RING, Process, issue, link, processes, row_of

PROCESSES = 3
#: While the lease of a process that died still holds, nobody asks in its place (`integrations.tokens`).
LEASE_S = 20.0


def refreshes(server: IdentityServer) -> int:
    return server.calls.count("twitch token")


async def all_refused(askers: list[Asker], account: str, version: int) -> Counter[str]:
    """Everybody in every process at once; answers what they were given."""
    await asyncio.gather(*(one.begin(account, version) for one in askers))
    found: Counter[str] = Counter()
    for told in await asyncio.gather(*(one.answers() for one in askers)):
        found += told
    return found


async def lease_is_over(home: Process, provider_id: UUID, *, waits: bool) -> None:
    """Wait for the end of a dead process's lease, or bring it about."""
    if waits:
        await asyncio.sleep(LEASE_S)
        return
    async with home.database.connection() as connection:
        await connection.execute(
            "UPDATE oauth_tokens SET rotating_until = now() - interval '1 s' WHERE auth_provider_id = $1",
            provider_id,
        )


@bound(40, 240)
async def test_r19_one_refresh_however_many_are_refused(trial: Trial, world: World) -> None:
    await world.start("worker")  # makes the tables
    rounds, took = trial.scale.count(3, 100), []
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(identity_server())
        (home,) = await stack.enter_async_context(processes(world.database_url, server))
        askers = [
            await stack.enter_async_context(asker(world.database_url, server, RING[0]))
            for _ in range(PROCESSES)
        ]
        for number in range(rounds):
            account = f"70010{number:04d}"
            await link(home, issue(server, "twitch", account))
            before = refreshes(server)
            began = time.monotonic()
            found = await all_refused(askers, account, 1)
            took.append(time.monotonic() - began)
            assert refreshes(server) == before + 1
            assert found == {fingerprint(server.issued[-1].access): PROCESSES * AT_ONCE}
        # Who comes late with the old one gets what there is, and the platform hears nothing of it.
        before = refreshes(server)
        assert (await all_refused(askers, account, 1)).keys() == {fingerprint(server.issued[-1].access)}
        assert refreshes(server) == before
        assert server.complaints == []
    trial.figure("refused at once", PROCESSES * AT_ONCE)
    trial.figure("refreshes", f"{rounds} of {rounds} tokens")
    trial.lags("given the next one", took)


@bound(40, 400)
async def test_r19_a_lost_rotation_is_told_and_not_tried_again(trial: Trial, world: World) -> None:
    await world.start("worker")
    rounds = trial.scale.count(2, 10)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(identity_server())
        (home,) = await stack.enter_async_context(processes(world.database_url, server))
        askers = [
            await stack.enter_async_context(asker(world.database_url, server, RING[0]))
            for _ in range(PROCESSES - 1)
        ]
        for number in range(rounds):
            account = f"70020{number:04d}"
            provider_id = await link(home, issue(server, "twitch", account))
            before, given = refreshes(server), len(server.issued)
            async with asker(world.database_url, server, RING[0]) as doomed:
                # The platform has changed the token; its answer never comes.
                server.faults["twitch token"] = Fault(status=200, delay_s=30, after_work=True)
                await doomed.begin(account, 1)

                async def rotated(given: int = given) -> bool:
                    return len(server.issued) > given

                await eventually(rotated, "the platform gives out the next one")
                await doomed.kill9()
            trial.record.note("killed between answer and save", account=account)
            await lease_is_over(home, provider_id, waits=trial.scale.is_long)
            found = await all_refused(askers, account, 1)
            words = f"NeedsRelink: {relink_words('twitch', 'lost_rotation')}"
            assert found == {words: len(askers) * AT_ONCE}
            assert refreshes(server) == before + 2, "that of the crash, and one more"
            for _ in range(5):
                assert (await all_refused(askers, account, 1)).keys() == {words}
            assert refreshes(server) == before + 2, "no storm"
            row = await row_of(home, provider_id)
            assert (row["state"], row["reason"]) == ("needs_relink", "lost_rotation")
            assert (row["access_token"], row["refresh_token"]) == (None, None)
            trial.progress(f"{number + 1} of {rounds} crashes")
        assert server.complaints == []
    trial.figure("crashes between answer and save", rounds)
    trial.figure("tries after one", 1)
