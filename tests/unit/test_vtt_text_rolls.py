"""Rolls that are lines of text (platforms/vtt.md §2.3, §8)."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from integrations.vtt.text_roll import LONGEST_LINE, Line, parse, read_discord, read_line
from server.rules.dice import Actor, DiceRoll, Source, inconsistencies

NOW = datetime(2026, 11, 20, 18, 30, 30, tzinfo=UTC)
WEBHOOK = json.loads((Path(__file__).parents[1] / "data/vtt/discord-webhook.json").read_text())
#: The pattern of §8 as it is written there; without its ReDoS guard only for short texts.
PATTERN = re.compile(
    r"(?P<who>.+?): (?P<notation>[0-9dDkKhHlLrRxX!+\-* ]+) = (?P<total>-?\d+)", re.ASCII | re.DOTALL
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Rook: 2d20kh + 7 = 24", Line("Rook", "", "2d20kh + 7", 24)),
        ("Rook: 2d20kh + 7 = **24**", Line("Rook", "", "2d20kh + 7", 24)),
        ("Rook the 2nd: of Moss: 1d6 = -3", Line("Rook the 2nd: of Moss", "", "1d6", -3)),
        ("a = b: 1d6 = 3", Line("a = b", "", "1d6", 3)),
        ("2d20kh + 7 = **24**", Line("", "", "2d20kh + 7", 24)),
        ("  Rook: d20 = 7\r", Line("Rook", "", "d20", 7)),
        ("[ATTACK (R)] Longbow [d20+7 = 24]", Line("", "[ATTACK (R)] Longbow", "d20+7", 24)),
        ("Rook: [ATTACK (R)] Longbow [d20+7 = 24]", Line("Rook", "[ATTACK (R)] Longbow", "d20+7", 24)),
        ("[SAVE: DEX] [1d20-1 = 0]", Line("", "[SAVE: DEX]", "1d20-1", 0)),
        ("Rook: [d20 = 24]", Line("Rook", "", "d20", 24)),
        ("[d20 = 24]", Line("", "", "d20", 24)),
    ],
)
def test_lines_that_are_rolls(text: str, line: Line) -> None:
    assert parse(text) == line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Rook: hello",
        "Rook: = 24",
        "Rook: 1d20 = ",
        "Rook: 1d20 = 24!",
        "Rook: 1d20 = 2.5",
        "Rook: 1d20 = ٣",
        "Rook: ١d20 = 3",
        "Rook: 1d20 = 99999999999999999",
        "Rook: 1d20 = 9007199254740992",
        "Rook: 1d20 = ****",
        "Rook: 1d20=24",
        "Rook: d + d = 24",
        ": 1d20 = 24",
        "Rook: 1d20\n+ 7 = 24",
        "Rook: (1d20) = 24",
        "d20+7 = 24]",
        "Longbow [d20+7 = 24] hits",
        "x" * LONGEST_LINE + ": 1d20 = 3",
    ],
)
def test_lines_that_are_none(text: str) -> None:
    assert parse(text) is None
    found = read_line(text, NOW)
    assert found.rolls == ()
    assert len(found.reasons) == 1


@settings(max_examples=200)
@given(st.text(st.sampled_from("aR:[]=* d201khx!+-\n(٣"), max_size=40))
@example("a: : 1 = 2")
@example("a:  = 2: 1 = 2")
@example("a: 1 = 2: 1 = 2")
def test_the_pattern_of_the_reference_means_the_same(text: str) -> None:
    # We ask for a digit in the notation and more than blanks for a name, and take more forms than it does.
    said = PATTERN.fullmatch(text)
    if said and "\n" not in text and said["who"].strip() and re.search("[0-9]", said["notation"]):
        assert parse(text) == Line(said["who"].strip(), "", said["notation"].strip(), int(said["total"]))


@pytest.mark.parametrize(
    "text", [": " * 256, " = " * 170, "[" * 511 + "]", "1d6 " * 100 + "= x", "a: " + "1" * 500]
)
def test_no_line_is_slow(text: str) -> None:
    begun = time.process_time()
    for _ in range(100):
        parse(text)
    assert time.process_time() - begun < 1


def test_a_roll_of_a_line() -> None:
    found = read_line("Rook: [ATTACK (R)] Longbow [d20+7 = 24]", NOW, instance_id="mossy", line_id="17")
    roll = found.rolls[0]
    assert roll == DiceRoll(
        roll_id="mossy:17",
        source=Source("fantasygrounds", "mossy", ref="17"),
        actor=Actor("Rook"),
        visibility="gm_only",
        notation="1d20+7",
        total=24,
        label="[ATTACK (R)] Longbow",
        notation_native="d20+7",
    )
    assert (roll.groups, roll.kind, inconsistencies(roll)) == ((), "custom", [])


def test_who_may_see_a_line_is_said_by_who_set_it_up() -> None:
    line = "Rook: 3d6! = 9"
    found = read_line(line, NOW, system="manual", visibility="public").rolls[0]
    assert (found.visibility, found.source.system, found.notation) == ("public", "manual", "3d6!")
    assert read_line(line, NOW).rolls[0].is_secret


def test_a_line_without_an_id_is_a_roll_each_time() -> None:
    line = "Rook: 1d6 = 3"
    first, again = read_line(line, NOW).rolls[0], read_line(line, NOW + timedelta(seconds=1)).rolls[0]
    assert first.roll_id != again.roll_id
    assert read_line(line, NOW).rolls[0] == first
    assert read_line("d6 = 3", NOW).rolls[0].actor.player_name == "Fantasy Grounds"


@pytest.mark.parametrize("instance_id", ["", "x" * 129])
def test_a_line_needs_a_place(instance_id: str) -> None:
    assert read_line("Rook: 1d6 = 3", NOW, instance_id=instance_id).rolls == ()


def test_the_sample_of_a_webhook() -> None:
    found = read_discord(WEBHOOK, NOW, visibility="public")
    assert found.reasons == ()
    roll = found.rolls[0]
    assert roll == DiceRoll(
        roll_id=roll.roll_id,
        source=Source("discord", "discord"),
        actor=Actor("Rook Feather", avatar_url="https://img.example/rook.webp"),
        visibility="public",
        notation="2d20kh1+7",
        total=24,
        label="Longbow - Attack Roll",
        notation_native="2d20kh + 7",
    )
    assert len(found.rolls) == 1
    assert read_discord(WEBHOOK, NOW).rolls[0].is_secret


def test_a_message_of_discord() -> None:
    message = {
        "id": "112233",
        "channel_id": "445566",
        "author": {"id": "778899", "username": "dice-bot"},
        "content": "Hello\nRook: 1d6 = 3",
        "embeds": [
            {"title": "<b>Bow</b>", "description": "to hit:\n1d20 + 5 = **25**\n1d8 = 2"},
            {"title": "x"},
        ],
    }
    rolls = read_discord(message, NOW).rolls
    assert [(roll.roll_id, roll.label, roll.total) for roll in rolls] == [
        ("445566:112233:0", "", 3),
        ("445566:112233:1", "Bow", 25),
    ]
    assert rolls[0].actor == Actor("dice-bot", "778899")
    assert rolls[0].source == Source("discord", "445566", ref="112233")


@pytest.mark.parametrize(
    "message",
    [
        *(None, 7, "1d6 = 3", [], {}, {"embeds": 7}, {"embeds": [7]}, {"embeds": [{}] * 11}),
        {"content": "1d6 = 3" + " " * 4_096},
        {"content": "1d6 = 3", "id": "x" * 129},
        {"content": "\n" * 60 + "1d6 = 3"},
    ],
)
def test_messages_without_a_roll(message: object) -> None:
    found = read_discord(message, NOW)
    assert found.rolls == ()
    assert len(found.reasons) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100)
@given(st.sampled_from(["username", "avatar_url", "content", "embeds", "id", "channel_id", "author"]), JSON)
def test_nothing_a_stranger_sends_is_a_fault(key: str, value: object) -> None:
    message: dict[str, Any] = WEBHOOK | {key: value}
    for found in (read_discord(message, NOW), read_discord(value, NOW), read_line(value, NOW)):
        assert found.rolls or found.reasons
        assert all(roll.is_secret and roll.groups == () for roll in found.rolls)


@settings(max_examples=100)
@given(st.text())
def test_any_line(text: str) -> None:
    line = parse(text)
    assert line is None or abs(line.total) < 2**53
