"""Whose a roll is (domain/vtt-and-dice.md §4), and under which name it goes."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple
from uuid import UUID, uuid4

from server.rules.attribution import kind_of, named, names_of, whose
from server.rules.dice import Actor, DiceRoll, Source


class Someone(NamedTuple):
    id: UUID
    name: str
    channel_id: UUID | None = None
    is_game_masters: bool = False


HERO = Someone(uuid4(), "Rook", uuid4())
NOBODYS = Someone(uuid4(), "Tess")
PLAYED = Someone(uuid4(), "Goblin king", None, True)
PLAYER, MASTER = Actor("Ana", character_name="Rook"), Actor("Master", is_gm=True)


def test_an_assigned_character_is_its_streamer_s_whoever_rolled() -> None:
    for actor in (PLAYER, MASTER):
        assert whose(actor, HERO, PLAYED, is_settled=False) == ("attributed", HERO)


def test_the_game_master_s_character_takes_his_rolls_and_its_own() -> None:
    assert whose(MASTER, NOBODYS, PLAYED, is_settled=False) == ("attributed", PLAYED)
    assert whose(MASTER, None, PLAYED, is_settled=False) == ("attributed", PLAYED)
    assert whose(PLAYER, PLAYED, PLAYED, is_settled=False) == ("attributed", PLAYED)


def test_it_takes_no_roll_of_anybody_else() -> None:
    assert whose(PLAYER, NOBODYS, PLAYED, is_settled=False) == ("pending", NOBODYS)
    assert whose(PLAYER, None, PLAYED, is_settled=False) == ("pending", None)
    assert whose(MASTER, NOBODYS, None, is_settled=False) == ("pending", NOBODYS)


def test_what_is_rolled_by_hand_is_settled() -> None:
    assert whose(MASTER, None, PLAYED, is_settled=True) == ("attributed", None)
    assert whose(MASTER, NOBODYS, None, is_settled=True) == ("attributed", NOBODYS)


def test_nobody_is_no_character() -> None:
    assert names_of(Actor("Ana")) is None
    assert names_of(Actor("Ana", character_id="unknown", character_name="Unknown")) is None
    assert names_of(Actor("Ana", character_name="  Rook  Feather ")) == ("", "Rook Feather")
    assert names_of(Actor("Ana", character_id="a1")) == ("a1", "Ana")
    assert (kind_of(PLAYER), kind_of(MASTER)) == ("pc", "npc")


def test_a_roll_goes_by_the_character_s_name_unless_that_is_hidden() -> None:
    roll = DiceRoll("r", Source("other", "w"), replace(MASTER, character_name="Orc"), "public", "1d20")
    assert named(roll, "Goblin king").actor.character_name == "Goblin king"
    assert named(roll, "") is roll
    hidden = replace(roll, redact=frozenset({"character_name"}))
    assert named(hidden, "Goblin king") is hidden
