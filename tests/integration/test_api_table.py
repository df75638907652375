"""The API of the table: rolls, characters, rules, settings and statistics, as the desk uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from server.rules.combat import Combatant, Started
from server.rules.dice import Actor
from server.rules.table_events import CombatHappened, TableEvent
from sql.pool import Database
from tests.integration.table_rig import board, d20, fell, make_table, on_stage
from tests.integration.web_rig import Rig, rig_on, wrong

RULE = {
    "result_field": "total",
    "result_condition": ">= 15",
    "critical_type": "success",
    "label": "Good enough",
}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


class Show:
    """A campaign with a table, and its desk."""

    def __init__(self, rig: Rig, campaign: str, table: UUID) -> None:
        self.rig, self.campaign, self.table = rig, campaign, table
        self.base = f"/api/v1/campaigns/{campaign}"

    async def rolled(self, *events: TableEvent) -> list[dict[str, Any]]:
        """Deliver, and answer the log, oldest first."""
        outcomes = await self.rig.services.batches.deliver(UUID(self.campaign), events)
        assert all(outcome.kind == "accepted" for outcome in outcomes), outcomes
        log: list[dict[str, Any]] = (await self.get("/rolls"))["items"]
        return log[::-1]

    async def get(self, path: str) -> Any:
        answer = await self.rig.root.get(self.base + path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        path = path if path.startswith("/api/") else self.base + path
        return await self.rig.root.post(path, json=body if body is not None else {}, headers=headers)

    async def made(self, path: str, body: Any) -> dict[str, Any]:
        answer = await self.post(path, body)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made


@pytest.fixture
async def show(rig: Rig, database: Database) -> Show:
    campaign = await rig.campaign()
    return Show(rig, campaign, await make_table(database, UUID(campaign)))


async def test_the_log_newest_first_and_in_parts(show: Show) -> None:
    await show.rolled(*(fell(show.table, d20(1 + n, f"r{n}")) for n in range(5)))
    first = await show.get("/rolls?limit=2")
    assert [roll["total"] for roll in first["items"]] == [5, 4]
    second = await show.get(f"/rolls?limit=2&cursor={first['next']}")
    third = await show.get(f"/rolls?limit=2&cursor={second['next']}")
    assert [roll["total"] for roll in second["items"] + third["items"]] == [3, 2, 1]
    assert third["next"] is None


async def test_the_log_without_secrets_and_what_waits(show: Show) -> None:
    await show.rolled(
        fell(show.table, d20(1, "open")),
        fell(show.table, d20(2, "secret", visibility="gm_only")),
        fell(None, d20(3, "by-hand")),
    )
    assert [roll["total"] for roll in (await show.get("/rolls"))["items"]] == [3, 2, 1]
    assert [roll["total"] for roll in (await show.get("/rolls?hidden=false"))["items"]] == [3, 1]
    assert [roll["total"] for roll in (await show.get("/rolls?pending=true"))["items"]] == [2, 1]
    assert (await show.rig.root.get(show.base + "/rolls?pending=maybe")).status_code == 422


async def test_attribute_and_dismiss(show: Show) -> None:
    first, second = await show.rolled(fell(show.table, d20(20, "a")), fell(show.table, d20(3, "b")))
    character = (await show.get("/characters"))["items"][0]
    answer = await show.post(
        f"/api/v1/rolls/{first['id']}/attribute",
        {"character_id": character["id"]},
        **{"idempotency-key": "k1"},
    )
    assert answer.status_code == 200, answer.text
    attributed = answer.json()
    assert attributed["attribution"] == "attributed"
    assert attributed["effects_at"] is not None
    again = await show.post(
        f"/api/v1/rolls/{first['id']}/attribute",
        {"character_id": character["id"]},
        **{"idempotency-key": "k1"},
    )
    assert again.json() == attributed
    wrong(
        await show.post(f"/api/v1/rolls/{first['id']}/attribute", {"character_id": character["id"]}),
        409,
        "settled",
    )
    dismissed = await show.made(f"/api/v1/rolls/{second['id']}/dismiss", {})
    assert dismissed["attribution"] == "dismissed"
    wrong(
        await show.post(f"/api/v1/rolls/{second['id']}/attribute", {"character_id": second["id"]}),
        422,
        "invalid",
    )


async def test_reveal_and_prove(show: Show, database: Database) -> None:
    settings = await show.rig.root.patch(show.base + "/table", json={"seals_secret": True})
    assert settings.json()["shows_secret"] is True
    (secret,) = await show.rolled(fell(show.table, d20(17, visibility="blind")))
    assert secret["seal"]
    proof = f"/api/v1/rolls/{secret['id']}/proof"
    wrong(await show.rig.root.get(proof), 409, "secret")
    wrong(await show.post(f"/api/v1/rolls/{secret['id']}/show"), 409, "secret")
    revealed = await show.made(f"/api/v1/rolls/{secret['id']}/reveal", {})
    assert revealed["revealed_at"] is not None
    told = (await show.rig.root.get(proof)).json()
    assert (told["commitment"], told["roll"]["total"]) == (secret["seal"], 17)
    wrong(await show.post(f"/api/v1/rolls/{secret['id']}/reveal"), 409, "revealed")
    assert await show.made(f"/api/v1/rolls/{secret['id']}/show", {}) == revealed
    assert [seen["total"] for seen in await on_stage(database, UUID(show.campaign))] == [17]
    _, public = await show.rolled(fell(show.table, d20(4, "r2")))
    wrong(await show.post(f"/api/v1/rolls/{public['id']}/reveal"), 409, "not_secret")
    wrong(await show.rig.root.get(f"/api/v1/rolls/{public['id']}/proof"), 409, "not_sealed")


async def test_settings(show: Show) -> None:
    assert (await show.get("/table")) == {
        "game_system": "",
        "shows_dice": True,
        "shows_secret": False,
        "seals_secret": False,
        "shows_party": True,
        "shows_initiative": True,
        "holds_pending": False,
        "rewards_unverified": True,
        "conceals_monsters": True,
    }
    patch = show.rig.root.patch
    both = {"seals_secret": True, "shows_secret": False}
    wrong(await patch(show.base + "/table", json=both), 422, "invalid")
    assert (await patch(show.base + "/table", json={"seals_secret": True})).json()["shows_secret"]
    off = (await patch(show.base + "/table", json={"shows_secret": False})).json()
    assert (off["shows_secret"], off["seals_secret"]) == (False, False)
    await patch(show.base + "/table", json={"game_system": "dnd5e"})
    assert len((await show.get("/criticality-rules"))["items"]) == 2
    assert len((await show.get("/item-category-rules"))["items"]) > 10


async def test_characters(show: Show, rig: Rig) -> None:
    made = await show.made("/characters", {"name": "Rook", "hit_points": {"current": 9, "maximum": 20}})
    path = f"/api/v1/characters/{made['id']}"
    assert (made["kind"], made["hit_points"]["temporary"]) == ("pc", 0)
    wrong(await show.post("/characters", {"name": "rook"}), 409, "name_taken")
    changed = await rig.root.patch(path, json={"conditions": ["Prone"], "hides_points": True})
    assert changed.json()["conditions"] == ["Prone"]
    wrong(await rig.root.patch(path, json={"kind_override": "npc"}), 422, "invalid")
    channel = await show.made("/channels", {"platform": "custom", "login": "ana", "source": "api"})
    given = await show.made(f"{path}/assign", {"channel_id": channel["id"]})
    assert given["assigned_to"] == channel["id"]
    other = await show.made("/characters", {"name": "Goblin", "kind": "npc", "in_party": False})
    for one in (other, made):
        played = await show.made(f"/api/v1/characters/{one['id']}/assign", {"channel_id": "game_master"})
        assert played["assigned_to"] == "game_master"
    listed = (await show.get("/characters"))["items"]
    assert [(one["name"], one["assigned_to"]) for one in listed] == [
        ("Goblin", None),
        ("Rook", "game_master"),
    ]
    freed = await show.made(f"{path}/assign", {"channel_id": None})
    assert freed["assigned_to"] is None
    wrong(await show.post(f"{path}/assign", {"channel_id": made["id"]}), 422, "invalid")
    assert (await rig.root.delete(path)).status_code == 204
    wrong(await rig.root.delete(path), 404, "not_found")


async def test_criticality_rules(show: Show, rig: Rig) -> None:
    mine = await show.made("/criticality-rules", RULE)
    path = f"/api/v1/criticality-rules/{mine['id']}"
    for bad in ({"result_condition": "20"}, {"result_field": "luck"}, {"priority": 1001}, {"label": ""}):
        wrong(await show.post("/criticality-rules", RULE | bad), 422, "invalid")
    needs_symbol = RULE | {"result_field": "count_symbol"}
    wrong(await show.post("/criticality-rules", needs_symbol), 422, "invalid")
    applied = await show.made("/criticality-rules/presets", {"game_system": "dnd5e"})
    assert [rule["is_system_preset"] for rule in applied["rules"]] == [False, True, True]
    preset = applied["rules"][1]
    preset_path = f"/api/v1/criticality-rules/{preset['id']}"
    assert (await rig.root.patch(preset_path, json={"is_enabled": False})).json()["edited"] is False
    edited = (await rig.root.patch(preset_path, json={"severity": "extreme"})).json()
    assert (edited["edited"], edited["severity"], edited["is_enabled"]) == (True, "extreme", False)
    again = await show.made("/criticality-rules/presets", {"game_system": "dnd5e"})
    assert edited in again["rules"]
    wrong(await rig.root.delete(preset_path), 409, "preset")
    assert (await rig.root.patch(path, json={"priority": 9})).json()["priority"] == 9
    assert (await rig.root.delete(path)).status_code == 204
    wrong(await rig.root.patch(path, json={"priority": 9}), 404, "not_found")


async def test_what_would_this_roll_be(show: Show) -> None:
    await show.made("/criticality-rules/presets", {"game_system": "dnd5e"})

    async def tried(**body: Any) -> Any:
        return await show.made("/criticality-rules/try", body)

    twenty = await tried(notation="2d20kh1+5", faces=[20, 3])
    assert (twenty["total"], twenty["critical"]["category"]) == (25, "nat20")
    assert [rule["preset_key"] for rule in twenty["matching"]] == ["dnd5e.natural_20"]
    assert (await tried(notation="1d20", faces=[20], kind="damage"))["critical"] is None
    # What the campaign switched off is nothing special here either.
    rules = (await show.get("/criticality-rules"))["items"]
    (natural,) = [rule for rule in rules if rule["preset_key"] == "dnd5e.natural_20"]
    rule_path = f"/api/v1/criticality-rules/{natural['id']}"
    assert (await show.rig.root.patch(rule_path, json={"is_enabled": False})).status_code == 200
    assert (await tried(notation="1d20", faces=[20]))["critical"] is None
    assert (await show.rig.root.patch(rule_path, json={"is_enabled": True})).status_code == 200
    assert (await tried(notation="4dF", faces=[1, 1, 0, -1]))["total"] == 1
    neutral = {
        "schema": "hubbub.dice_roll/1",
        "roll_id": "r",
        "source": {"system": "manual", "instance_id": "panel"},
        "actor": {"player_name": "Lou"},
        "visibility": "public",
        "notation": "1d20",
        "kind": "check",
        "groups": [{"sides": 20, "count": 1, "dice": [{"value": 1, "state": "kept"}]}],
        "total": 1,
    }
    assert (await tried(roll=neutral))["critical"]["type"] == "failure"
    for bad in (
        {},
        {"notation": "1d20", "roll": neutral},
        {"notation": "d"},
        {"notation": "1d6", "faces": [7]},
        {"roll": {"schema": "hubbub.dice_roll/1"}},
    ):
        wrong(await show.post("/criticality-rules/try", bad), 422, "invalid")
    assert (await show.get("/rolls"))["items"] == []


async def test_item_rules(show: Show, rig: Rig) -> None:
    rule = {"category": "spell", "subcategory": "fire", "item_type": "spell", "label": "Fire"}
    mine = await show.made("/item-category-rules", rule)
    path = f"/api/v1/item-category-rules/{mine['id']}"
    assert (await rig.root.patch(path, json={"weight": 7})).json()["weight"] == 7
    wrong(await rig.root.patch(path, json={"weight": 101}), 422, "invalid")
    wrong(await show.post("/item-category-rules", rule | {"color": "red"}), 422, "invalid")
    applied = await show.made("/item-category-rules/presets", {"game_system": "dnd5e"})
    preset = next(one for one in applied["rules"] if one["preset_key"])
    wrong(await rig.root.delete(f"/api/v1/item-category-rules/{preset['id']}"), 409, "preset")
    assert (await rig.root.delete(path)).status_code == 204
    assert (await show.get("/item-category-rules/types")) == {"items": [], "next": None}


async def test_no_fight(show: Show) -> None:
    assert (await show.get("/combat"))["combat_id"] is None
    nobody = {"combatant_id": "c1", "concealed": True}
    wrong(await show.post("/combat/conceal", nobody), 404, "not_found")


async def test_whom_of_a_fight_viewers_know(show: Show, database: Database) -> None:
    goblin = Combatant("c1", "Goblin", initiative=12, character_type="monster")
    await show.rig.services.batches.deliver(
        UUID(show.campaign), [CombatHappened(show.table, Started("fight", (goblin,)), datetime.now(UTC))]
    )
    assert [one["concealed"] for one in (await show.get("/combat"))["combatants"]] == [True]
    shown = await show.made("/combat/conceal", {"combatant_id": "c1", "concealed": False})
    assert shown["combatants"][0]["concealed"] is False
    seen = await board(database, UUID(show.campaign), "initiative")
    assert seen is not None
    assert [row["name"] for row in seen["rows"]] == ["Goblin"]


async def test_statistics_keep_secrets_apart(show: Show, database: Database) -> None:
    wrong(await show.post("/dice-stats/show"), 409, "too_few")
    lucky, secret = Actor("Ana", "u1"), Actor("Ben", "u2")
    await show.rolled(
        *(fell(show.table, d20(15 + n % 5, f"a{n}", actor=lucky)) for n in range(40)),
        *(fell(show.table, d20(20, f"b{n}", actor=secret, visibility="gm_only")) for n in range(40)),
        fell(show.table, d20(20, "test", actor=lucky), simulated=True),
    )
    stats = await show.get("/dice-stats")
    (ana,) = stats["players"]
    assert (ana["name"], ana["count"], stats["rolls"]) == ("Ana", 40, 80)
    assert ana["dice"][0]["distribution"] == [0] * 14 + [8] * 5 + [0]
    assert ana["dice"][0]["is_enough"] is False
    assert [one["name"] for one in (await show.get("/dice-stats?hidden=true"))["players"]] == ["Ben"]
    shown = await show.made("/dice-stats/show", {})
    assert shown["luckiest"]["name"] == "Ana"
    async with database.connection() as connection:
        card = await connection.fetchval("SELECT data FROM boards WHERE kind = 'card'")
    assert (card["name"], card["style"]) == ("Ana", "luck")


async def test_everything_is_noted(show: Show, database: Database) -> None:
    (roll,) = await show.rolled(fell(show.table, d20(20)))
    await show.made(f"/api/v1/rolls/{roll['id']}/dismiss", {})
    await show.made("/criticality-rules", RULE)
    await show.rig.root.patch(show.base + "/table", json={"shows_party": False})
    async with database.connection() as connection:
        found = await connection.fetch("SELECT action, subject FROM admin_log ORDER BY at, id")
    actions = [row["action"] for row in found]
    assert actions[-3:] == ["roll.dismiss", "criticality_rule.create", "table.update"]
    assert found[-3]["subject"] == roll["id"]
