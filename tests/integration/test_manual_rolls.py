"""Rolls by hand: what the server throws, and that it throws once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.web.api import manual_rolls
from sql.pool import Database
from tests.integration.web_rig import Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def thrown(rig: Rig, campaign: str, key: str = "", **body: Any) -> dict[str, Any]:
    headers = {"idempotency-key": key} if key else {}
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/rolls", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_dice_are_honest() -> None:
    """Each face of a d6 about as often as it should be; a die that never shows its highest would be seen."""
    fell = Counter(manual_rolls.draw(6) for _ in range(6000))
    assert sorted(fell) == [1, 2, 3, 4, 5, 6]
    assert all(800 < times < 1200 for times in fell.values()), fell
    assert {manual_rolls.draw(1) for _ in range(50)} == {1}


async def test_what_is_written_is_thrown(rig: Rig) -> None:
    campaign = await rig.campaign()
    told = await thrown(
        rig, campaign, notation="2D20 kh + 7", label="Longbow", player_name="Ana", kind="attack"
    )
    dice = [die["value"] for group in told["groups"] for die in group["dice"]]
    assert told["total"] == max(dice) + 7
    assert (told["notation"], told["mode"], told["kind"]) == ("2d20kh1+7", "advantage", "attack")
    assert (told["system"], told["verified"], told["connection_id"]) == ("manual", True, None)
    assert (told["player_name"], told["label"]) == ("Ana", "Longbow")
    assert told["inconsistencies"] == []
    listed = (await rig.root.get(f"/api/v1/campaigns/{campaign}/rolls")).json()["items"]
    assert listed == [told]
    assert "Longbow" in repr(rig.changes), "it is on stream"


async def test_a_secret_roll_by_hand(rig: Rig) -> None:
    campaign = await rig.campaign()
    told = await thrown(rig, campaign, notation="1d20+30000", visibility="gm_only", label="Hush")
    assert told["total"] > 30000
    assert "Hush" not in repr(rig.changes)
    assert str(told["total"]) not in repr(rig.changes)


async def test_what_is_no_notation(rig: Rig) -> None:
    campaign = await rig.campaign()
    path = f"/api/v1/campaigns/{campaign}/rolls"
    for notation in ("", "2d", "1d20+", "1001d6", "1d10001", "(" * 17 + "1" + ")" * 17, "1/0", "x" * 257):
        problem = wrong(await rig.root.post(path, json={"notation": notation}), 422, "invalid")
        assert problem["errors"][0]["path"] == "/notation", notation
    longest = "1d6" + "+1d6" * 63
    assert len(longest) == 255
    assert (await rig.root.post(path, json={"notation": longest + " "})).status_code == 201
    wrong(
        await rig.root.post(
            path, json={"notation": "1d6", "character_id": "01933b3e-0000-7000-8000-000000000000"}
        ),
        422,
        "invalid",
    )


async def test_the_same_request_again_throws_nothing(rig: Rig) -> None:
    campaign = await rig.campaign()
    first = await thrown(rig, campaign, "k1", notation="8d10000")
    assert await thrown(rig, campaign, "k1", notation="8d10000") == first
    # As after a crash before the answer was kept: the stored roll is answered, the dice thrown anew are not.
    async with rig.services.database.connection() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    assert await thrown(rig, campaign, "k1", notation="8d10000") == first
    assert (await thrown(rig, campaign, "k2", notation="8d10000"))["id"] != first["id"]
