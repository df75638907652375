"""R26: a backup is restored while overlays are open: they show the old state soon, the newer one never again.

Hubbub is stopped, PostgreSQL restored, Hubbub started: it notices by itself. Browser sources stay open all
the time and come back by themselves. What was on its way out when the backup was made waits for a person.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from server import postgres_child
from tests.acceptance.show import Json, chat, now_ms
from tests.chaos.checker import Truth, lasting
from tests.chaos.overlays import RESTARTING, Overlay, ending, open_overlays
from tests.chaos.settling import settled
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch

SHOWN_S = 5.0


async def tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs."""
    program = postgres_child.find_programs(Path(os.devnull)) / name
    done = await asyncio.to_thread(
        subprocess.run, [str(program), *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def votes(first: int, number: int) -> list[Json]:
    """Of as many people, all for the second option."""
    return [chat(f"v{n}", f"p{n}", "2", now_ms()) for n in range(first, first + number)]


def total(overlay: Overlay) -> int:
    """What it shows of its only poll."""
    boards: list[Any] = list(overlay.boards.values())
    return int(boards[0]["total_votes"]) if boards else -1


@bound(90, 300)
async def test_r26_a_restored_backup_is_shown_and_nothing_newer(
    trial: Trial, world: World, short_dir: Path
) -> None:
    backup = str(short_dir / "backup")
    rounds = trial.scale.count(1, 5)
    (web,) = await world.start("web")
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, "Backup")
        poll = await launch(api, show)
        overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(trial.scale.size(4, 50))]
        sent, took = 0, []
        async with open_overlays(overlays):
            for number in range(rounds):
                await api.post(f"/campaigns/{show}/events", votes(sent, 30))
                sent += 30
                await promise_something(world, show, number)
                await tool("pg_dump", "--format=custom", f"--file={backup}", world.database_url)
                old_total = int((await api.get(f"/polls/{poll['id']}"))["total_votes"])
                for _ in range(10):  # more steps than the restored campaign will have taken
                    await api.post(f"/campaigns/{show}/events", votes(sent, 20))
                    sent += 20
                await settled(world, show, overlays, 2)
                newer = {total(overlay) for overlay in overlays}
                assert newer == {old_total + 200}

                with ending(overlays, RESTARTING):
                    await asyncio.to_thread(web.stop)
                    restore = ("--clean", "--if-exists", f"--dbname={world.database_url}", backup)
                    await tool("pg_restore", *restore)
                    await asyncio.to_thread(web.start)
                began = time.time()
                assert await waits_for_a_person(world)
                took.append(await until_restored(trial, world, show, overlays, began))
                assert {total(overlay) for overlay in overlays} == {old_total}
                # The stream goes on past the numbers it had before.
                for _ in range(15):
                    await api.post(f"/campaigns/{show}/events", votes(sent, 1))
                    sent += 1
                await settled(world, show, overlays, 2)
                assert {total(overlay) for overlay in overlays} == {old_total + 15}
                trial.progress(f"restore {number + 1} of {rounds}", 0)
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    for overlay in overlays:
        epochs = [shown.epoch for shown in overlay.shown]
        assert len(set(epochs)) == rounds + 1
        assert epochs == sorted(epochs, key=epochs.index), "an epoch that is over never comes back"
    trial.figure("restores", rounds)
    trial.figure("overlays", len(overlays))
    trial.figure("restored state shown after", f"{max(took):.2f} s")


async def promise_something(world: World, show: str, number: int) -> None:
    """A thing that must leave, and may have left after the backup was made."""
    async with world.database() as connection:
        await connection.execute(
            "INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload) "
            "VALUES (gen_random_uuid(), $1, 'redemption.cancel', $2, '{}')",
            show,
            f"refund:{number}",
        )


async def waits_for_a_person(world: World) -> bool:
    """Nothing of it leaves by itself."""
    async with world.database() as connection:
        return [row["state"] for row in await connection.fetch("SELECT DISTINCT state FROM outbox")] == [
            "needs_person"
        ]


async def until_restored(
    trial: Trial, world: World, show: str, overlays: list[Overlay], began: float
) -> float:
    """Wait until every overlay shows what the restored database holds; answers how long that took."""
    async with world.database() as connection:
        truth = await Truth.read(connection, show)
    while lasting(overlays, truth):
        assert time.time() - began <= trial.within(SHOWN_S, began), lasting(overlays, truth)[:3]
        await asyncio.sleep(0.02)
    return time.time() - began
