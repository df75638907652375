"""Commands to tables: what may be ordered, that each is told once at most, and how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.database_watch import DatabaseWatch
from server.engine import table_commands
from server.engine.table_commands import NoTable
from server.rules import table_commands as wire
from server.web.foundry.browsers import Browsers
from server.web.foundry.courier import Courier
from sql import vtt_commands
from sql.pool import Database
from tests.integration.foundry_rig import Browser, Paired, Served, ask, pair, served
from tests.integration.live_rig import until
from tests.integration.test_openapi import BY_NAME, check
from tests.integration.web_rig import Rig, rig_on, wrong

#: One of each kind, with all that it may have.
EVERY: tuple[dict[str, Any], ...] = (
    {"kind": "roll_dice", "formula": "1d20+5", "forced_result": 1, "flavor": "Fate", "actor_id": "a1"},
    {"kind": "chat_message", "content": "Hi", "alias": "Crowd", "actor_id": "a1"},
    {"kind": "delete_message", "message_id": "m1"},
    {"kind": "modify_actor", "actor_id": "a1", "updates": {"system.attributes.hp.value": 3}},
    {
        "kind": "apply_spell_effect", "actor_id": "a1", "spell_id": "s1", "spell_name": "Bane",
        "effect": {
            "type": "buff", "duration_s": 60, "bonus_type": "bonus", "bonus": 2, "penalty_type": "penalty",
            "penalty": 2, "highlight_color": "#10B981", "triggered_by": "Ana",
        },
    },
    {"kind": "remove_spell_effect", "actor_id": "a1", "spell_id": "s1"},
    {
        "kind": "apply_monster_effect", "actor_id": "a1", "monster_name": "Orc",
        "effect": {
            "type": "buff", "armor_class": 2, "hit_points": 10, "highlight_color": "#ef4444",
            "triggered_by": "Ana",
        },
    },
    {"kind": "remove_monster_effect", "actor_id": "a1"},
    {"kind": "cleanup_all_effects", "clean_chat": True},
    {"kind": "request_sync", "actor_id": "a1"},
)  # fmt: skip


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def order(rig: Rig, paired: Paired, key: str = "k") -> UUID:
    """As something in a game does."""
    async with rig.services.database.transaction() as connection:
        return await table_commands.order(
            connection, UUID(paired.campaign), paired.id, wire.chat_message(key), key=key
        )


async def execute(rig: Rig, statement: str, *arguments: Any) -> None:
    async with rig.services.database.connection() as connection:
        await connection.execute(statement, *arguments)


async def listed(rig: Rig, paired: Paired) -> list[dict[str, Any]]:
    answer = await rig.root.get(f"/api/v1/campaigns/{paired.campaign}/vtt-commands")
    check(BY_NAME["list_vtt_commands"], answer)
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_every_command(rig: Rig) -> None:
    campaign = await rig.campaign()
    code = (await ask(rig))["code"]
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/vtt-pairings", json={"code": code})
    check(BY_NAME["confirm_vtt_pairing"], answer)
    table = answer.json()["id"]
    path = f"/api/v1/campaigns/{campaign}/vtt-commands"
    for command in EVERY:
        answer = await rig.root.post(path, json={"connection_id": table, "command": command})
        check(BY_NAME["create_vtt_command"], answer)
        assert (answer.json()["kind"], answer.json()["state"]) == (command["kind"], "waiting")
    async with rig.services.database.connection() as connection:
        payloads = [
            row["payload"] for row in await connection.fetch("SELECT payload FROM outbox ORDER BY id")
        ]
    assert [payload["command"] for payload in payloads] == [command["kind"] for command in EVERY]
    first = (await rig.root.get(f"{path}?limit=4")).json()
    second = (await rig.root.get(f"{path}?limit=100&cursor={first['next']}")).json()
    assert [one["kind"] for one in first["items"] + second["items"]] == [
        command["kind"] for command in reversed(EVERY)
    ]
    assert second["next"] is None


async def test_what_cannot_be_ordered(rig: Rig) -> None:
    paired = await pair(rig)
    path = f"/api/v1/campaigns/{paired.campaign}/vtt-commands"

    async def post(command: Any, **more: Any) -> Any:
        body = {"connection_id": str(paired.id), "command": command} | more
        return await rig.root.post(path, json=body)

    good = {"kind": "request_sync"}
    for command in (
        {}, {"kind": "eval"}, {"kind": "sync_item_categories"}, {**good, "more": 1},
        {"kind": "roll_dice", "formula": ""}, {"kind": "roll_dice", "formula": "x" * 257},
        {"kind": "roll_dice", "formula": "1d20", "forced_result": 10**9},
        {"kind": "roll_dice", "formula": "1d20", "forced_result": "20"},
        {"kind": "chat_message", "content": "x" * 2001}, {"kind": "chat_message", "content": "\u200b"},
        {"kind": "modify_actor", "actor_id": "a", "updates": {}},
        {"kind": "modify_actor", "actor_id": "a", "updates": {"x": "y" * 8200}},
        {"kind": "modify_actor", "actor_id": "a\n", "updates": {"x": 1}},
        {**EVERY[4], "effect": {"type": "kill"}}, {**EVERY[4], "effect": {"type": "buff", "bonus": 0}},
        {**EVERY[6], "effect": {"type": "buff", "highlight_color": "red;x"}},
    ):  # fmt: skip
        wrong(await post(command), 422, "invalid")
    for seconds in (9, 86_401):
        wrong(await post(good, expires_in_s=seconds), 422, "invalid")
    wrong(await post({"kind": "modify_actor", "actor_id": "a", "updates": [1]}), 422, "invalid")
    # Not to a table that has no way back, nor to one of another campaign, nor to one that is revoked.
    for system in ("foundry", "dddice"):
        answer = await rig.root.post(
            f"/api/v1/campaigns/{paired.campaign}/vtt-connections", json={"system": system, "name": system}
        )
        wrong(await post(good, connection_id=answer.json()["id"]), 409, "no_table")
    other = await pair(rig)
    wrong(await post(good, connection_id=str(other.id)), 409, "no_table")
    await rig.root.post(f"{paired.api}/revoke", json={})
    wrong(await post(good), 409, "no_table")
    assert await listed(rig, paired) == []


async def test_the_same_cause_orders_once(rig: Rig) -> None:
    paired, other = await pair(rig), await pair(rig)
    first = await order(rig, paired, "gauge:7")
    assert await order(rig, paired, "gauge:7") == first
    assert await order(rig, paired, "gauge:8") != first
    assert await order(rig, other, "gauge:7") != first, "keys are those of a campaign"
    assert len(await listed(rig, paired)) == 2
    await rig.root.delete(paired.api)
    with pytest.raises(NoTable):
        await order(rig, paired, "gauge:9")
    # The same request twice is one, as everywhere in the API.
    body = {"connection_id": str(other.id), "command": {"kind": "request_sync"}}
    path = f"/api/v1/campaigns/{other.campaign}/vtt-commands"
    answers = [await rig.root.post(path, json=body, headers={"idempotency-key": "once"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await listed(rig, other)) == 2


async def test_two_processes_claim_each_command_once(rig: Rig) -> None:
    paired = await pair(rig)
    for number in range(40):
        await order(rig, paired, f"k{number}")

    async def claim_all() -> list[str]:
        claimed: list[str] = []
        while True:
            async with rig.services.database.transaction() as connection:
                found = await vtt_commands.claim(connection, paired.id)
            if found is None:
                return claimed
            claimed.append(found.data["content"])
            async with rig.services.database.connection() as connection:
                await vtt_commands.finish(connection, found.id)

    claimed = await asyncio.gather(*(claim_all() for _ in range(4)))
    everyone = [one for some in claimed for one in some]
    assert sorted(everyone) == sorted({f"k{number}" for number in range(40)})
    for some in claimed:
        assert [int(one[1:]) for one in some] == sorted(int(one[1:]) for one in some), "in order"
    assert {one["state"] for one in await listed(rig, paired)} == {"told"}


async def test_a_death_in_between_waits_for_a_person(rig: Rig) -> None:
    paired = await pair(rig)
    ordered = await order(rig, paired)
    async with rig.services.database.transaction() as connection:
        claimed = await vtt_commands.claim(connection, paired.id)
    assert claimed is not None
    # Here the process dies. Nobody tells it again by himself.
    async with rig.services.database.transaction() as connection:
        assert await vtt_commands.claim(connection, paired.id) is None
        await vtt_commands.settle(connection)
    assert [one["state"] for one in await listed(rig, paired)] == ["waiting"], "it may still be on its way"
    await execute(rig, "UPDATE outbox SET lease_until = now() - interval '1 s'")
    async with rig.services.database.connection() as connection:
        await vtt_commands.settle(connection)
        await vtt_commands.finish(connection, ordered)
    (held,) = await listed(rig, paired)
    assert (held["state"], bool(held["told_at"])) == ("needs_person", True)
    assert "look at the table" in held["reason"]
    answer = await rig.root.post(f"/api/v1/vtt-commands/{ordered}/retry")
    check(BY_NAME["retry_vtt_command"], answer)
    assert answer.json()["state"] == "waiting"
    async with rig.services.database.transaction() as connection:
        again = await vtt_commands.claim(connection, paired.id)
    assert again is not None
    assert again.request_id == claimed.request_id
    wrong(await rig.root.post(f"/api/v1/vtt-commands/{ordered}/retry"), 409, "not_over")


async def test_nobody_comes_in_time(rig: Rig) -> None:
    paired = await pair(rig)
    ordered = await order(rig, paired)
    await execute(rig, "UPDATE vtt_commands SET expires_at = now()")
    async with rig.services.database.transaction() as connection:
        assert await vtt_commands.claim(connection, paired.id) is None, "late is never"
        await vtt_commands.settle(connection)
    (dead,) = await listed(rig, paired)
    assert (dead["state"], dead["reason"], dead["told_at"]) == (
        "dead",
        "The table was not there in time.",
        None,
    )
    assert (await rig.root.post(f"/api/v1/vtt-commands/{ordered}/retry")).json()["state"] == "waiting"
    await execute(rig, "UPDATE vtt_commands SET expires_at = now() - interval '31 days'")
    async with rig.services.database.connection() as connection:
        await vtt_commands.settle(connection)
        await vtt_commands.forget(connection, 30 * 24 * 3600.0)
    assert await listed(rig, paired) == []


async def test_a_table_that_goes_takes_its_commands_along(rig: Rig) -> None:
    """Nothing waits for it for ever, and no alarm is raised for what nobody can do any more."""
    paired = await pair(rig)
    await order(rig, paired)
    watch = DatabaseWatch(rig.services.database)
    await watch.look()
    assert (watch.health.outbox_oldest_s, watch.health.outbox_stuck) == (0, 0), "it may wait for its table"
    assert (await rig.root.delete(f"/api/v1/vtt-connections/{paired.id}")).status_code == 204
    async with rig.services.database.connection() as connection:
        (left,) = await connection.fetch("SELECT state, last_error FROM outbox")
    assert tuple(left) == ("dead", "The table was deleted.")
    await watch.look()
    assert watch.health.outbox_stuck == 0


async def test_a_browser_that_does_not_answer_gets_none(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network may have cut it without a word; nobody would ever know that the command was lost."""
    monkeypatch.setattr("server.web.foundry.courier._FRESH_S", 0.0)
    monkeypatch.setattr("server.web.foundry.courier._ANSWERS_WITHIN_S", 0.5)
    async with served(rig) as house:
        paired = await pair(rig)
        silent, alive = await _two(house, paired)
        heard: asyncio.Queue[str] = asyncio.Queue()
        answering = asyncio.create_task(_answer_pings(alive, heard))
        await order(rig, paired, "one")
        await order(rig, paired, "two")
        told = [await asyncio.wait_for(heard.get(), 10) for _ in range(2)]
        answering.cancel()
        assert sorted(told) == ["one", "two"]
        await silent.line.close()
        said = await silent.ended()
        assert not any("command:chat_message" in text for text in said)
        assert any('"ping"' in text for text in said)


async def _two(house: Served, paired: Paired) -> tuple[Browser, Browser]:
    alive = await house.browser(paired.token)
    silent = await house.browser(paired.token)
    await until(lambda: len(house.foundry.browsers) == 2, "both are there")
    return silent, alive


async def _answer_pings(browser: Browser, heard: asyncio.Queue[str]) -> None:
    while True:
        text = await browser.hear(30)
        if text == "2":
            await browser.say("3")
        elif text.startswith('42/vtt,["ping"'):
            await browser.emit("pong", {"timestamp": 0})
        elif '"command:chat_message"' in text:
            await heard.put(text.partition('"content":"')[2].partition('"')[0])


async def test_nobody_there_leaves_it_waiting(rig: Rig) -> None:
    paired = await pair(rig)
    await order(rig, paired)
    courier = Courier(rig.services.database, Browsers(), rig.services.clock)
    courier.go(paired.id)
    await courier.close()
    assert [one["state"] for one in await listed(rig, paired)] == ["waiting"]
