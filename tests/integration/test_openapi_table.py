"""Every endpoint of the table answers with the status and the exact model that the document promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.web import openapi
from server.web.problems import ProblemBody
from sql.pool import Database
from tests.integration.table_rig import d20, fell
from tests.integration.test_api_isolation import ITEM_RULE, RULE
from tests.integration.test_openapi import BY_NAME, TABLE_TAGS, check
from tests.integration.web_rig import Rig, rig_on

#: They need a paired module and are called beside it (test_foundry_pairing and its neighbours).
WITH_A_MODULE = {"confirm_vtt_pairing", "create_vtt_command", "list_vtt_commands", "retry_vtt_command"}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def test_every_endpoint_of_the_table_answers_as_described(rig: Rig) -> None:
    ids = {"campaign_id": await rig.campaign()}
    seen: set[str] = set()

    async def call(name: str, body: Any = None, query: str = "") -> Any:
        endpoint = BY_NAME[name]
        answer = await rig.root.request(endpoint.method, endpoint.path.format(**ids) + query, json=body)
        check(endpoint, answer)
        seen.add(name)
        return answer.json() if endpoint.answer else None

    async def refused(name: str, status: int, body: Any = None) -> None:
        endpoint = BY_NAME[name]
        assert status in openapi.statuses(endpoint), name
        answer = await rig.root.request(endpoint.method, endpoint.path.format(**ids), json=body)
        assert answer.status_code == status, answer.text
        ProblemBody.model_validate_json(answer.content, strict=True)

    await call("read_table")
    await call("update_table", {"shows_secret": True, "seals_secret": True})
    await _table(call, refused, ids)
    await _rules(call, refused, ids)
    await _characters(call, refused, ids)
    await _rolls(rig, call, refused, ids)
    await call("read_combat")
    await refused("conceal_combatant", 404, {"combatant_id": "nobody", "concealed": True})
    seen.add("conceal_combatant")  # answered in test_api_table, where there is a fight
    await call("delete_vtt_connection")
    expected = {name for name, endpoint in BY_NAME.items() if endpoint.tag in TABLE_TAGS}
    assert seen == expected - WITH_A_MODULE


async def _table(call: Any, refused: Any, ids: dict[str, str]) -> None:
    ids["connection_id"] = (await call("create_vtt_connection", {"system": "other", "name": "Table"}))["id"]
    await call("list_vtt_connections")
    await call("get_vtt_connection")
    await call("update_vtt_connection", {"visibility": "public"})
    await call("rotate_vtt_connection", {})
    await call("test_roll", {})
    await call("offer_vtt_pairing", {})
    await call("revoke_vtt_connection", {})
    await refused("test_roll", 409, {})
    await call("reauthorize_vtt_connection", {})


async def _rules(call: Any, refused: Any, ids: dict[str, str]) -> None:
    ids["criticality_rule_id"] = (await call("create_criticality_rule", RULE))["id"]
    await call("update_criticality_rule", {"priority": 3})
    await call("apply_criticality_presets", {"game_system": "dnd5e"})
    rules = await call("list_criticality_rules")
    tried = await call("try_criticality_rules", {"notation": "4d6!+1d20+2", "faces": [6]})
    assert tried["notation"] == "4d6!+1d20+2"
    await call("delete_criticality_rule")
    ids["criticality_rule_id"] = rules["items"][-1]["id"]
    await refused("delete_criticality_rule", 409)
    ids["item_category_rule_id"] = (await call("create_item_category_rule", ITEM_RULE))["id"]
    await call("update_item_category_rule", {"weight": 3})
    await call("apply_item_category_presets", {"game_system": "dnd5e"})
    await call("list_item_category_rules")
    await call("list_item_types")
    await call("delete_item_category_rule")


async def _characters(call: Any, refused: Any, ids: dict[str, str]) -> None:
    rook = {"name": "Rook", "hit_points": {"current": 3.5, "maximum": 20}, "conditions": ["Prone"]}
    ids["character_id"] = (await call("create_character", rook))["id"]
    await refused("create_character", 409, rook)
    await call("update_character", {"hides_points": True, "hit_points": None})
    await call("assign_character", {"channel_id": "game_master"})
    double = (await call("create_character", {"name": "Rook Feather"}))["id"]
    await refused("merge_character", 409, {"into": ids["character_id"]})
    stays, ids["character_id"] = ids["character_id"], double
    await call("merge_character", {"into": stays})
    ids["character_id"] = stays
    await call("list_characters")


async def _rolls(rig: Rig, call: Any, refused: Any, ids: dict[str, str]) -> None:
    by_hand = await call("roll_by_hand", {"notation": "4dF+2d20kh1", "character_id": ids["character_id"]})
    ids["roll_id"] = by_hand["id"]
    await call("read_roll")
    await call("show_roll", {})
    await refused("reveal_roll", 409, {})
    await refused("prove_roll", 409)
    table = UUID(ids["connection_id"])
    lucky = [fell(table, d20(15 + n % 6, f"r{n}", verified=True)) for n in range(30)]
    secret = fell(table, d20(13, "secret", visibility="blind"), details={"skill": "Stealth"})
    await rig.services.batches.deliver(UUID(ids["campaign_id"]), [*lucky, secret])
    first, second, *_ = (await call("list_rolls", query="?pending=true&limit=5"))["items"]
    ids["roll_id"] = first["id"]
    assert first["seal"]
    await call("attribute_roll", {"character_id": ids["character_id"], "effects": False})
    await refused("attribute_roll", 409, {"character_id": ids["character_id"]})
    await call("reveal_roll", {})
    await call("prove_roll")
    ids["roll_id"] = second["id"]
    await call("dismiss_roll", {})
    await call("read_dice_stats", query="?hidden=true")
    await call("show_luckiest", {})
    await call("delete_character")
