"""Secret rolls: nothing of one leaves but that it happened; sealed ones are proved later."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from server.__main__ import verify
from server.engine import roll_acts, table_setup
from server.rules import sealed
from server.rules.criticality import Verdict
from server.rules.dice import (
    Actor,
    DiceRoll,
    Die,
    Group,
    Modifier,
    Outcome,
    Redaction,
    Source,
    Visibility,
)
from server.rules.poll import Refused
from sql.pool import Database
from tests.integration.engine_rig import Process, boards_of, make_campaign
from tests.integration.table_rig import (
    announced,
    d20,
    fell,
    kinds,
    make_table,
    on_stage,
    only_roll,
    send,
    set_table,
)

#: A word and a number that stand nowhere else.
WORD, NUMBER = "qxzqxz", 7_654_321


@pytest.fixture
def process(database: Database) -> Process:
    return Process(database)


@pytest.fixture
async def campaign(database: Database) -> UUID:
    return await make_campaign(database)


@pytest.fixture
async def table(database: Database, campaign: UUID) -> UUID:
    return await make_table(database, campaign)


def planted(visibility: Any, roll_id: str = "r1", revision: int = 1, **more: Any) -> DiceRoll:
    """A roll with secrets in every field that has room for one."""
    die = Die(NUMBER, counts_as=float(NUMBER), symbol=WORD, success=True)
    return DiceRoll(
        f"{WORD}-{roll_id}",
        Source("foundry", f"{WORD}-world", f"{WORD}-adapter", f"{WORD}-ref"),
        Actor(f"{WORD}-player", f"{WORD}-id", f"{WORD}-name", f"{WORD}-actor", f"https://{WORD}.example"),
        visibility,
        f"{WORD}-notation",
        (Group(20, NUMBER, (die,), label=WORD), Group("custom", 1, (die,), sign=-1, label=WORD)),
        (Modifier(float(NUMBER), WORD),),
        float(NUMBER),
        revision=revision,
        label=WORD,
        kind="attack",
        damage_type=WORD,
        parent_roll_id=WORD,
        mode="advantage",
        whisper_to=(WORD,),
        notation_native=WORD,
        successes=NUMBER,
        outcome=Outcome(True, False, True, float(NUMBER)),
        **more,
    )


async def everything_that_left(process: Process, database: Database, campaign: UUID) -> str:
    """Every board, event and frame as text."""
    async with database.connection() as connection:
        steps = await connection.fetch(
            "SELECT kind, payload FROM board_events WHERE campaign_id = $1 ORDER BY seq", campaign
        )
        marks = await connection.fetch("SELECT kind, payload FROM outbox WHERE campaign_id = $1", campaign)
    return json.dumps(
        [
            await boards_of(database, campaign),
            [dict(row) for row in (*steps, *marks)],
            [str(change) for change in process.published],
        ]
    )


def is_clean(text: str) -> bool:
    return WORD not in text and str(NUMBER) not in text


@pytest.mark.parametrize("visibility", ["gm_only", "blind", "self", "whisper"])
@pytest.mark.parametrize(
    "settings", [{}, {"shows_secret": True}, {"shows_secret": True, "seals_secret": True}]
)
async def test_no_word_of_a_secret_roll_leaves(
    process: Process,
    database: Database,
    campaign: UUID,
    table: UUID,
    *,
    visibility: Visibility,
    settings: dict[str, bool],
) -> None:
    """With secrets in all fields, through storing, revising, attributing, refusing and dismissing."""
    await set_table(database, campaign, **settings)
    told = Verdict("success", "extreme", WORD, WORD, "", WORD)
    with capture_logs() as logs:
        for n in range(3):
            event = fell(table, planted(visibility, f"r{n}"), told=told, details={"skill": WORD})
            assert await kinds(process, campaign, event, event) == ["accepted", "duplicate"]
        await send(process, campaign, fell(table, planted(visibility, "r0", 2), told=told))
        await send(process, campaign, fell(None, planted(visibility, "by-hand"), told=told))
        await send(process, campaign, fell(table, replace(planted(visibility), label=f"{WORD}\0")))
        rows = await _rows(database, campaign)
        character = rows[0]["character_id"]
        await roll_acts.attribute(process.rooms, campaign, rows[0]["id"], character, effects=True)
        await roll_acts.dismiss(process.rooms, campaign, rows[1]["id"])
        with pytest.raises(Refused) as refused:
            await roll_acts.show_again(process.rooms, campaign, rows[0]["id"])
        await table_setup.change_settings(process.rooms, campaign, {"shows_dice": False})
        await table_setup.change_settings(process.rooms, campaign, {"shows_dice": True})
    left = await everything_that_left(process, database, campaign)
    assert is_clean(left), left
    assert is_clean(str(logs))
    assert is_clean(str(refused.value))
    assert announced([process], "dice.critical") == []
    notices = left.count('"dice.secret"')
    assert (notices > 0) == bool(settings), "the stream knows that something happened only where it may"


async def _rows(database: Database, campaign: UUID) -> list[Any]:
    async with database.connection() as connection:
        return list(
            await connection.fetch("SELECT * FROM dice_rolls WHERE campaign_id = $1 ORDER BY id", campaign)
        )


async def test_a_secret_roll_gives_nobody_a_name(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    """Under which name a character of the party rolls in secret is for the game master alone."""
    known = Actor("Ana", character_id="actRook", character_name="Rook")
    await send(process, campaign, fell(table, d20(7, "open", actor=known)))
    masked = replace(known, character_name="Rook (the traitor)")
    await send(process, campaign, fell(table, d20(8, "secret", actor=masked, visibility="gm_only")))
    redacted = d20(9, "redacted", actor=masked, redact=frozenset({"character_name"}))
    await send(process, campaign, fell(table, redacted))
    async with database.connection() as connection:
        names = await connection.fetch("SELECT name FROM characters WHERE campaign_id = $1", campaign)
    assert [row["name"] for row in names] == ["Rook"]


async def test_an_unheard_of_visibility_is_stored_by_nobody(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    with capture_logs() as logs:
        outcomes = await send(process, campaign, fell(table, planted("unheard-of")))
    assert [outcome.kind for outcome in outcomes] == ["rejected"]
    assert is_clean(str((outcomes, logs)))
    assert is_clean(await everything_that_left(process, database, campaign))


async def test_a_public_roll_that_becomes_secret_leaves_the_stream(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(17)))
    await send(process, campaign, fell(table, d20(17, revision=2, visibility="gm_only")))
    assert await on_stage(database, campaign) == []


async def test_a_secret_roll_that_the_table_opens_comes_on_stream(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await set_table(database, campaign, shows_secret=True)
    await send(process, campaign, fell(table, d20(17, visibility="gm_only")))
    (notice,) = await on_stage(database, campaign)
    assert notice.keys() == {"type", "id"}
    await send(process, campaign, fell(table, d20(17, revision=2)))
    (seen,) = await on_stage(database, campaign)
    assert (seen["id"], seen["total"]) == (notice["id"], 17)


async def test_a_sealed_roll_is_proved(
    process: Process,
    database: Database,
    campaign: UUID,
    table: UUID,
    *,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await set_table(database, campaign, shows_secret=True, seals_secret=True)
    await send(process, campaign, fell(table, d20(17, visibility="blind")))
    (notice,) = await on_stage(database, campaign)
    row = await only_roll(database, campaign)
    assert row.seal is not None
    assert notice["seal"] == row.seal.commitment[:8]
    await roll_acts.reveal(process.rooms, campaign, row.id)
    seen = (await on_stage(database, campaign))[-1]
    assert (seen["total"], seen["seal"]) == (17, notice["seal"])
    (told,) = announced([process], "dice.proof")
    assert sealed.check(told["proof"], notice["seal"])
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(told["proof"]))
    assert verify(file, notice["seal"]) == 0
    assert "total 17" in capsys.readouterr().out
    assert verify(file, "00000000") == 1
    file.write_text(json.dumps(told["proof"]).replace('"total": 17', '"total": 18'))
    assert verify(file, notice["seal"]) == 1
    with pytest.raises(Refused, match="already"):
        await roll_acts.reveal(process.rooms, campaign, row.id)
    assert len(announced([process], "dice.critical")) == 0


async def test_another_revision_has_another_seal_and_the_stream_sees_it(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await set_table(database, campaign, shows_secret=True, seals_secret=True)
    await send(process, campaign, fell(table, d20(17, visibility="blind")))
    (first,) = await on_stage(database, campaign)
    await send(process, campaign, fell(table, d20(18, revision=2, visibility="blind")))
    (second,) = await on_stage(database, campaign)
    assert first["seal"] != second["seal"]
    row = await only_roll(database, campaign)
    await roll_acts.reveal(process.rooms, campaign, row.id)
    (told,) = announced([process], "dice.proof")
    assert sealed.check(told["proof"], second["seal"])


async def test_a_revision_of_what_was_revealed_is_secret_again(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await send(process, campaign, fell(table, d20(17, visibility="gm_only")))
    row = await only_roll(database, campaign)
    await roll_acts.reveal(process.rooms, campaign, row.id)
    await send(process, campaign, fell(table, d20(3, revision=2, visibility="gm_only")))
    assert [seen["total"] for seen in await on_stage(database, campaign)] in ([], [17])
    assert (await only_roll(database, campaign)).revealed_at is None


async def test_what_nobody_told_cannot_be_revealed(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    await set_table(database, campaign, shows_secret=True, seals_secret=True)
    careful = replace(d20(1, visibility="blind"), groups=(), total=None)
    await send(process, campaign, fell(table, careful))
    row = await only_roll(database, campaign)
    assert row.seal is None
    with pytest.raises(Refused, match="nothing to reveal"):
        await roll_acts.reveal(process.rooms, campaign, row.id)


async def test_redacted_parts_stay_hidden_on_stream(
    process: Process, database: Database, campaign: UUID, table: UUID
) -> None:
    everything: frozenset[Redaction] = frozenset(get_args(Redaction))
    roll = replace(planted("public"), redact=everything, actor=Actor("Ana", character_name=WORD))
    roll = replace(roll, notation=str(NUMBER), successes=NUMBER, groups=(Group(20, 1, (Die(NUMBER),)),))
    await send(process, campaign, fell(None, roll, told=Verdict("success", "major", WORD, WORD, WORD, WORD)))
    left = await everything_that_left(process, database, campaign)
    assert is_clean(left), left
    assert len(await on_stage(database, campaign)) == 1
