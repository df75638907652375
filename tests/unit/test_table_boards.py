"""Party bar, initiative list and cards: what the stream may know, and that programs are told their shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules import card_board, dice_stage, initiative_board, party_board
from server.rules.combat import Combat, Combatant, HitPoints
from server.rules.criticality import Verdict
from server.rules.dice import Actor, DiceRoll, Die, Group, Modifier, Source
from server.rules.dice_view import public_view, secret_notice
from server.rules.fairness import Luck
from server.rules.party_board import Member
from server.rules.sealed import seal
from server.web.asyncapi import BOARDS

NOW = datetime(2026, 11, 20, 18, 30, 0, tzinfo=UTC)


def fits(board: Any) -> dict[str, Any]:
    """The board as it goes over the wire, and as AsyncAPI describes it."""
    sent: dict[str, Any] = json.loads(json.dumps(board))
    BOARDS[sent["kind"]].validate_json(json.dumps(sent))
    return sent


def test_dice_boards_have_the_shape_that_is_told() -> None:
    roll = DiceRoll(
        "r1",
        Source("foundry", "world"),
        Actor("Ana", character_name="Rook"),
        "public",
        "2d20kh1+7",
        (Group(20, 2, (Die(20), Die(4, "dropped"))), Group("F", 1, (Die(-1),))),
        (Modifier(7),),
        27.5,
    )
    hidden = DiceRoll("r2", roll.source, roll.actor, "gm_only", "1d20", roll.groups, total=20)
    view = public_view(roll, Verdict("success", "extreme", "Twenty", "", "rule"))
    notice = secret_notice(hidden, "v2", seal(hidden, b"n" * 32))
    assert view is not None
    assert notice is not None
    stage = dice_stage.add(dice_stage.add(dice_stage.EMPTY, view, NOW), notice, NOW)
    stage = dice_stage.add(stage, {**view, "id": "v3", "seal": "9f3a01bc", "simulated": True}, NOW)
    for n in range(4):
        stage = dice_stage.add(stage, {**view, "id": f"m{n}", "critical": None}, NOW)
    shown = fits(dice_stage.board(stage))
    assert [showing["form"] for showing in shown["showings"]] == ["row", "card", "row", "card"]
    assert shown["more"]["count"] == 3


def test_health_in_words() -> None:
    words = [party_board.health(HitPoints(now, 20)) for now in (20, 25, 19, 11, 10, 1, 0, -3)]
    assert words == ["unhurt", "unhurt", "hurt", "hurt", "bloodied", "bloodied", "down", "down"]
    unknown = (None, HitPoints(3, 0), HitPoints(float("nan"), 9), HitPoints(1, float("inf")))
    assert {party_board.health(points) for points in unknown} == {"unknown"}


def test_a_hero_who_hides_points_shows_a_word_and_no_number() -> None:
    board = fits(party_board.board([Member("c1", "Rook", "ana", HitPoints(7, 31, 5), True, ("Prone",))]))
    assert board["members"] == [
        {
            "id": "c1",
            "name": "Rook",
            "player": "ana",
            "health": "bloodied",
            "hit_points": None,
            "conditions": ["Prone"],
            "news": None,
        }
    ]
    open_ = fits(party_board.board([Member("c1", "Rook", "ana", HitPoints(7, 31, 5))]))
    assert open_["members"][0]["hit_points"] == {"current": 7, "maximum": 31, "temporary": 5}


def test_a_party_has_six_cards_and_says_how_many_more() -> None:
    board = fits(party_board.board([Member(str(n), f"Hero {n}") for n in range(9)]))
    assert (len(board["members"]), board["more"]) == (6, 3)
    assert party_board.board([]) is None


def test_conditions_tell_what_changed_last_and_when() -> None:
    def shown(conditions: tuple[str, ...], at: float, before: Any) -> dict[str, Any]:
        member = Member("c1", "Rook", conditions=conditions)
        return fits(party_board.board([member], NOW + timedelta(seconds=at), before))

    first = shown(("Prone",), 0, None)
    same = shown(("Prone",), 1, first)
    second = shown(("Poisoned", "Poisoned"), 2, same)
    third = shown(("Poisoned",), 3, second)
    news = [board["members"][0]["news"] for board in (first, same, second, third)]
    changed = {"came": ["Poisoned"], "went": ["Prone"], "at": "2026-11-20T18:30:02.000Z"}
    assert news == [None, None, changed, changed]
    assert third["members"][0]["conditions"] == ["Poisoned"]


def fighter(n: int, **more: Any) -> Combatant:
    return Combatant(str(n), more.pop("name", f"Goblin {n}"), initiative=20 - n, **more)


def test_nobody_who_is_concealed_is_told_by_anything_but_the_place() -> None:
    monster = {"character_type": "monster", "hit_points": HitPoints(3, 7)}
    combat = Combat(
        "f1",
        2,
        (fighter(1, **monster), fighter(2, name="Vampire", defeated=True, **monster)),
        "2",
    )
    board = fits(initiative_board.board(combat, NOW, concealed={"2"}))
    assert "Vampire" not in json.dumps(board)
    assert board["rows"][1] == {
        "id": "concealed:1",
        "name": None,
        "character_type": None,
        "initiative": None,
        "current": True,
        "defeated": False,
    }
    assert board["rows"][0] == {
        "id": "1",
        "name": "Goblin 1",
        "character_type": "monster",
        "initiative": 19,
        "current": False,
        "defeated": False,
    }
    assert "hit" not in json.dumps(board)


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 30), st.integers(-1, 30), st.integers(0, 5))
def test_seven_rows_with_the_current_one_and_the_one_before_it(size: int, current: int, round_: int) -> None:
    combat = Combat("f", round_, tuple(fighter(n) for n in range(size)), str(current))
    board = fits(initiative_board.board(combat, concealed=()))
    names = [int(row["id"]) for row in board["rows"]]
    assert names == list(range(names[0], names[0] + min(7, size)))
    assert board["above"] + len(names) + board["below"] == size
    assert board["above"] == names[0]
    if 0 <= current < size:
        assert [int(row["id"]) for row in board["rows"] if row["current"]] == [current]
        assert current == 0 or current - 1 in names


def test_a_turn_is_as_old_as_it_is() -> None:
    combat = Combat("f", 1, (fighter(1), fighter(2)), "1")
    first = initiative_board.board(combat, NOW, concealed=())
    same = initiative_board.board(combat, NOW + timedelta(seconds=5), first, concealed=())
    following = Combat("f", 1, combat.combatants, "2")
    next_ = initiative_board.board(following, NOW + timedelta(seconds=9), same, concealed=())
    assert [fits(board)["turn_at"][17:19] for board in (first, same, next_)] == ["00", "00", "09"]
    assert initiative_board.board(None, concealed=()) is None
    assert initiative_board.board(Combat("f", 0, ()), concealed=()) is None


def test_the_luck_card_stays_for_its_length_and_never_says_all() -> None:
    luck = Luck("id:1", "Ana", 2.1, 140)
    board = fits(card_board.luck_card(luck, NOW))
    assert board["figures"] == {"dice": 140, "luckier_than": 98}
    assert board["ends_at"] == "2026-11-20T18:30:07.260Z"
    assert card_board.luck_card(Luck("id:1", "Ana", 9, 140), NOW)["figures"]["luckier_than"] == 99
    assert card_board.luck_card(Luck("id:1", "Ana", 0, 140), NOW)["figures"]["luckier_than"] == 50
