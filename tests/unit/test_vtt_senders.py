"""Which adapter reads what: by the sender, unless a message says that it is in our own form."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.vtt.senders import Sender, Told, read
from tests.vtt_mutations import sample

NOW = datetime(2026, 11, 20, 18, 30, 10, tzinfo=UTC)
PROVIDERS = ("neutral", "foundry", "foundry_messages", "beyond20", "dddice", "dndbeyond", "roll20", "owlbear",
             "event_hooker", "discord", "a provider of another version")  # fmt: skip


def told(provider: str, message: Any, visibility: Any = "gm_only") -> Told:
    return read(message, NOW, Sender(provider, "room-1", visibility))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_our_own_form_is_taken_from_all(provider: str) -> None:
    roll = sample("neutral-attack")
    for message in (roll, {"rolls": [roll]}, {"rolls": [roll, 5]}, {"rolls": [{}, roll]}):
        found = told(provider, message)
        assert [one.roll_id for one in found.rolls] == [roll["roll_id"]]
    assert told(provider, {"rolls": [{}, roll, 5]}).places == (1,)
    assert [one.index for one in told(provider, {"rolls": [{}, roll, 5]}).wrong] == [0, 2]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "message", [None, 5, "x", [], {}, {"rolls": []}, {"rolls": 5}, {"line": 5}, [[]], [{}]]
)
def test_with_no_roll_there_is_a_reason(provider: str, message: Any) -> None:
    found = told(provider, message)
    assert found.rolls == ()
    assert found.wrong
    assert all(one.reason for one in found.wrong)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("foundry", "foundry-message"),
        ("foundry_messages", "foundry-message"),
        ("beyond20", "beyond20-rendered-roll"),
        ("dddice", "dddice-roll"),
        ("dndbeyond", "dndbeyond-fulfilled"),
        ("roll20", "roll20-rollresult"),
        ("owlbear", "owlbear-roll-result"),
        ("event_hooker", "event-hooker"),
        ("discord", "discord-webhook"),
    ],
)
def test_its_own_form_and_nobody_elses(provider: str, name: str) -> None:
    message = sample(name)
    found = told(provider, message)
    assert found.rolls
    assert found.places == tuple(range(len(found.rolls)))
    for other in PROVIDERS:
        if {provider, other} != {"foundry", "foundry_messages"} and provider != other:
            assert told(other, message).rolls == (), f"{other} takes what {provider} sends"


def test_where_it_fell_and_who_may_see_it() -> None:
    (roll,) = told("foundry_messages", sample("foundry-message")).rolls
    assert roll.source.instance_id == "room-1"
    for visibility in ("public", "gm_only"):
        for provider, name in (("event_hooker", "event-hooker"), ("discord", "discord-webhook")):
            assert {one.visibility for one in told(provider, sample(name), visibility).rolls} == {visibility}


def test_a_reason_says_where() -> None:
    good = sample("event-hooker")
    event = good["events"][0] if "events" in good else good
    found = told("event_hooker", {"events": [event, 5, {}]})
    assert [one.index for one in found.wrong] == [1, 2]
    assert not any(one.reason[0].isdigit() for one in found.wrong)


def test_lines_of_a_log() -> None:
    line = {"line": "Rook: 2d20kh1+7 = 24", "id": "17"}
    (roll,) = told("neutral", line, "public").rolls
    assert (roll.actor.player_name, roll.total, roll.visibility) == ("Rook", 24, "public")
    assert told("neutral", line).rolls[0].roll_id == roll.roll_id
    other = {"line": line["line"], "id": 18}
    assert told("neutral", other).rolls[0].roll_id != roll.roll_id
    for bad in ({"line": "Rook says hello"}, {"line": ""}, {**line, "id": []}, {**line, "id": "x" * 200}):
        assert told("neutral", bad).wrong
