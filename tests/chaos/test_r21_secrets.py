"""R21: no secret stands in a dump, in Redis, in logs or figures; a key changes with no failed request."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack

import httpx2
import redis.asyncio as redis

from server.places import place
from server.vault import CannotOpen, Vault
from tests.acceptance.show import eventually
from tests.chaos.test_r26_restore import tool
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign
from tests.fakes.identity_server import identity_server
from tests.integration.tokens_rig import Process, issue, link, processes, row_of


@bound(60, 120)
async def test_r21_no_secret_is_readable_and_a_key_changes_under_load(trial: Trial, world: World) -> None:
    old, new = world._secret, secrets.token_hex(32)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(identity_server())
        ways = server.settings | {"HUBBUB_LOG_LEVEL": "debug"}
        (first,) = await world.start("web", HUBBUB_SECRET_KEY=f"{old},{new}", **ways)  # reads both
        (home,) = await stack.enter_async_context(processes(world.database_url, server))
        vault = Vault([old.encode()])
        home.tokens._vault = vault
        issued = [issue(server, "twitch", f"70030{number:04d}") for number in range(10)]
        rows = [await link(Process(home.database, home.tokens, vault), one) for one in issued]
        planted = [value for one in issued for value in (one.access, one.refresh)]
        async with world.api(first.base_url) as api:
            show, _ = await campaign(api, "Sealed")
            answers: list[int] = []

            async def load(base_url: str) -> None:
                async with httpx2.AsyncClient(base_url=base_url, timeout=10) as http:
                    headers = {"Authorization": f"Bearer {world.api_key}"}
                    while True:
                        answer = await http.get(f"/api/v1/campaigns/{show}", headers=headers)
                        answers.append(answer.status_code)
                        await asyncio.sleep(0.05)

            loads = [asyncio.create_task(load(first.base_url))]
            second, worker = await world.start("web", "worker", HUBBUB_SECRET_KEY=f"{new},{old}", **ways)
            loads.append(asyncio.create_task(load(second.base_url)))

            async def are_sealed_anew() -> bool:
                return '"event": "resealed"' in worker.log and len(answers) >= 40

            await eventually(are_sealed_anew, "the worker seals anew", 30)
            for task in loads:
                task.cancel()
            assert set(answers) == {200}
        alone, first_row, other_row = Vault([new.encode()]), *[await row_of(home, id_) for id_ in rows[:2]]
        where = place("oauth_tokens", "access_token", rows[0])
        assert alone.open(first_row["access_token"], where) == issued[0].access.encode()
        try:
            alone.open(other_row["access_token"], where)
        except CannotOpen:
            pass
        else:
            raise AssertionError("a token opens in another row")
        dump = trial.folder / "dump.sql"
        await tool("pg_dump", "--inserts", f"--file={dump}", world.database_url)
        places = {"dump": dump.read_bytes(), "logs": world.logs.encode()}
        async with httpx2.AsyncClient() as http:
            places["figures"] = (await http.get(f"{second.base_url}/metrics")).content
        async with redis.from_url(world.redis_url) as client:
            places["Redis"] = b"".join([await client.dump(key) or b"" async for key in client.scan_iter()])
    for secret in (*planted, world.api_key, old, new):
        text = secret.encode()
        for name, found in places.items():
            assert text not in found and text.hex().encode() not in found, f"a secret stands in {name}"  # noqa: PT018
    trial.figure("secrets searched for", len(planted) + 3)
    trial.figure("requests meanwhile", len(answers))
