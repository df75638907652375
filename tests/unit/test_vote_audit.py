"""Whoever touches an export is found out, and the first touched row is named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules import outcome, vote_ledger
from server.rules.poll import Close, Lock, Poll, PollRules, Resolve, Reveal, Tie, apply
from server.rules.vote_audit import NotAnExport, audit
from server.rules.vote_export import count, document
from server.rules.votes import Vote
from server.rules.wiretime import from_wire
from tests.unit.models import at, draft, launched, seeded, vote

Document = dict[str, Any]


def some_votes(number: int = 40) -> list[Vote]:
    """Minds change, moments collide, two platforms have the same ids."""
    rng = seeded(8)
    votes = []
    for n in range(number):
        slot = rng.randrange(2)
        platform = ("twitch", "kick")[slot]
        sent = rng.randrange(30)
        votes.append(
            vote(
                f"u{rng.randrange(12)}",
                rng.randint(1, 3),
                sent,
                slot=slot,
                platform=platform,
                message=f"m{n // 2}-{slot}",
                received=sent + 0.25,
            )
        )
    return votes


def two_equal() -> list[Vote]:
    return [vote("a", 1, 1), vote("b", 2, 2), vote("c", 2, 3, slot=1, platform="kick"), vote("d", 1, 4)]


def whole_way(votes: list[Vote], tie: Tie, choose: int | None = None) -> tuple[Poll, list[vote_ledger.Row]]:
    """Launched, voted, closed, counted, revealed, as the engine does it."""
    poll = launched(draft(rules=PollRules(tie=tie)), ("twitch", "kick"))
    rows = list(vote_ledger.append(poll, votes))
    head = rows[-1].hash if rows else poll.ledger_head
    poll = replace(poll, ledger_rows=len(rows), ledger_head=head)
    poll = apply(poll, Close(), at(60))
    replay = count(poll, rows)
    poll = apply(poll, Lock(outcome.decide(poll, replay.tally, replay.steps)), at(80))
    poll = apply(poll, Reveal(), at(90))
    return (apply(poll, Resolve(choose), at(95)) if choose else poll), rows


def export(votes: list[Vote] | None = None, tie: Tie = "gm", choose: int | None = None) -> Document:
    """As it comes out of a file."""
    loaded: Document = json.loads(
        json.dumps(document(*whole_way(some_votes() if votes is None else votes, tie, choose)))
    )
    return loaded


@pytest.mark.parametrize("tie", ["gm", "first", "random", "none"])
@pytest.mark.parametrize("votes", [some_votes(), two_equal(), []])
def test_an_honest_export_is_good(tie: Tie, votes: list[Vote]) -> None:
    verdict = audit(export(votes, tie))
    assert verdict.faults == ()
    assert verdict.good
    assert verdict.rows == len(votes)


def test_an_honest_export_of_a_running_poll_is_good() -> None:
    poll = launched(platforms=("twitch", "kick"))
    rows = vote_ledger.append(poll, some_votes())
    poll = replace(poll, ledger_rows=40, ledger_head=rows[-1].hash, tally=count(poll, rows).tally)
    assert audit(document(poll, rows)).good


@pytest.mark.parametrize("choose", [1, 2])
def test_the_game_masters_choice_among_the_tied_is_good(choose: int) -> None:
    assert audit(export(two_equal(), choose=choose)).good


def flip_hex(text: str) -> str:
    return ("0" if text[0] != "0" else "1") + text[1:]


FLIPS: dict[str, Callable[[Any], Any]] = {
    "n": lambda n: n + 1,
    "voter": flip_hex,
    "slot": lambda slot: 1 - slot,
    "choice": lambda choice: choice % 3 + 1,
    "sent_at": lambda text: text.replace("T20:00", "T20:01"),
    "received_at": lambda text: text[:-2] + ("0" if text[-2] != "0" else "1") + "Z",
    "message_id": lambda text: text + "x",
    "hash": flip_hex,
}


@pytest.mark.parametrize("field", FLIPS)
@given(position=st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_a_changed_field_is_found_in_its_row(field: str, position: int) -> None:
    found = export()
    row = found["rows"][position - 1]
    row[field] = FLIPS[field](row[field])
    verdict = audit(found)
    assert verdict.first_bad_row == position
    assert not verdict.good
    assert f"row {position}" in verdict.faults[0]


@given(position=st.integers(1, 39))
@settings(max_examples=15, deadline=None)
def test_a_dropped_row_is_found_where_it_was(position: int) -> None:
    found = export()
    del found["rows"][position - 1]
    assert audit(found).first_bad_row == position


@given(position=st.integers(1, 39))
@settings(max_examples=15, deadline=None)
def test_a_dropped_row_is_found_although_the_rest_was_numbered_anew(position: int) -> None:
    found = export()
    del found["rows"][position - 1]
    for n, row in enumerate(found["rows"], 1):
        row["n"] = n
    assert audit(found).first_bad_row == position


@given(first=st.integers(1, 40), second=st.integers(1, 40))
@settings(max_examples=20, deadline=None)
def test_swapped_rows_are_found(first: int, second: int) -> None:
    found = export()
    rows = found["rows"]
    rows[first - 1], rows[second - 1] = rows[second - 1], rows[first - 1]
    assert audit(found).first_bad_row == (None if first == second else min(first, second))


@given(position=st.integers(0, 40), source=st.integers(0, 39))
@settings(max_examples=20, deadline=None)
def test_an_inserted_row_is_found(position: int, source: int) -> None:
    found = export()
    found["rows"].insert(position, copy.deepcopy(found["rows"][source]))
    assert audit(found).first_bad_row == (position + 2 if source == position else position + 1)


@pytest.mark.parametrize("kept", [0, 1, 39])
def test_a_cut_end_is_found(kept: int) -> None:
    found = export()
    del found["rows"][kept:]
    verdict = audit(found)
    assert not verdict.good
    assert "missing" in verdict.faults[0]


def test_a_cut_end_is_found_although_the_head_was_changed_with_it() -> None:
    found = export()
    del found["rows"][30:]
    found["head"] = found["rows"][-1]["hash"]
    assert any("count to" in fault for fault in audit(found).faults)


def reseal(found: Document) -> None:
    """What a forger who can compute hashes does after a change."""
    previous = vote_ledger.genesis(found["header"])
    for row in found["rows"]:
        previous = vote_ledger.seal(
            previous,
            n=row["n"],
            voter=bytes.fromhex(row["voter"]),
            slot=row["slot"],
            choice=row["choice"],
            sent_us=_us(row["sent_at"]),
            received_us=_us(row["received_at"]),
            message_id=row["message_id"],
        )
        row["hash"] = previous.hex()
    found["head"] = previous.hex()


def _us(text: str) -> int:
    return vote_ledger.microseconds(from_wire(text))


def test_a_forger_who_seals_anew_must_change_the_result_too() -> None:
    found = export([vote(f"u{n}", 1 + n % 2, n) for n in range(9)])
    found["rows"][4]["choice"] = 3
    reseal(found)
    verdict = audit(found)
    assert verdict.first_bad_row is None
    assert any("count to" in fault for fault in verdict.faults)


HEADER_CHANGES: dict[str, Any] = {
    "poll_id": "01900000-0000-7000-8000-000000000009",
    "question": "Which dour?",
    "options": ["Left", "Right", "Middle"],
    "rule": "every_message",
    "changeable": False,
    "tie": "none",
    "secret": True,
    "weighting": "per_head",
    "cap_percent": 51,
    "simulated": True,
    "channels": [{"platform": "twitch", "login": "login0"}, {"platform": "kick", "login": "somebody"}],
    "opened_at_us": 1,
    "commitment": "0" * 64,
}


@pytest.mark.parametrize("field", HEADER_CHANGES)
@pytest.mark.parametrize("votes", [some_votes(), []])
def test_a_changed_header_is_found(field: str, votes: list[Vote]) -> None:
    found = export(votes)
    assert found["header"][field] != HEADER_CHANGES[field]
    found["header"][field] = HEADER_CHANGES[field]
    verdict = audit(found)
    assert not verdict.good
    assert verdict.first_bad_row == (1 if votes else None)
    assert "header" in verdict.faults[0]


def test_the_header_of_the_test_is_the_whole_header() -> None:
    assert set(export()["header"]) == {*HEADER_CHANGES, "format"}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("tally", [[9, 9, 9], [0, 0, 0]], "count to"),
        ("tally", [], "count to"),
        ("total_votes", 13, "total number"),
        ("tied", [1, 3], "tied options"),
        ("winner", 3, "winner"),
        ("winner", None, "winner"),
        ("seed", "00" * 32, "seed"),
    ],
)
def test_a_changed_result_is_found(field: str, value: object, told: str) -> None:
    found = export()
    assert found["result"][field] != value
    found["result"][field] = value
    assert any(told in fault for fault in audit(found).faults)


@pytest.mark.parametrize(
    ("tie", "winner"),
    [("none", 1), ("gm", 3), ("first", 1), ("first", None), ("random", 3), ("random", None)],
)
def test_a_winner_of_a_tie_that_the_rule_did_not_make_is_found(tie: Tie, winner: int | None) -> None:
    """Two votes each; option 2 has its second first."""
    found = export(two_equal(), tie)
    assert found["result"]["tied"] == [1, 2]
    found["result"]["winner"] = winner
    assert not audit(found).good


def test_the_other_side_of_the_coin_is_found() -> None:
    found = export(two_equal(), "random")
    found["result"]["winner"] = 3 - found["result"]["winner"]
    assert any("chance picked" in fault for fault in audit(found).faults)


@pytest.mark.parametrize("votes", [two_equal(), some_votes(), []])
def test_another_seed_or_none_is_found(votes: list[Vote]) -> None:
    found = export(votes, "random")
    found["result"]["seed"] = flip_hex(found["result"]["seed"])
    assert any("seed is not the one" in fault for fault in audit(found).faults)
    found["result"]["seed"] = None
    assert any("seed" in fault and "missing" in fault for fault in audit(found).faults)


def test_a_tie_under_chance_that_is_not_revealed_yet_can_only_be_checked_for_sense() -> None:
    found = export(two_equal(), "random")
    found["state"], found["result"]["seed"] = "closed", None
    assert audit(found).good
    found["result"]["winner"] = 3
    assert not audit(found).good


@pytest.mark.parametrize("state", ["open", "closing", "cancelled", "draft", "banana", None, 3])
def test_a_state_that_does_not_go_with_the_result_is_found(state: object) -> None:
    found = export()
    found["state"] = state
    assert not audit(found).good


@pytest.mark.parametrize(
    "broken",
    [
        *(None, [], {}, 3, "text", {"format": "hubbub.vote_ledger/2"}, {"format": "hubbub.vote_ledger/1"}),
        {"format": "hubbub.vote_ledger/1", "header": []},
        {"format": "hubbub.vote_ledger/1", "header": {"format": "x"}, "rows": []},
    ],
)
def test_what_is_no_export_is_told_so(broken: object) -> None:
    with pytest.raises(NotAnExport):
        audit(broken)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("n", True), ("n", 1.0), ("n", "1"), ("n", None), ("slot", False), ("slot", -1), ("slot", 9)),
        *(("choice", 0), ("choice", 4), ("choice", 10**30), ("voter", "zz"), ("voter", 5), ("hash", "")),
        *(("sent_at", ""), ("sent_at", "2026-W47-5T20:00:00Z"), ("sent_at", "0001-01-01T00:00:00+23:59")),
        *(("sent_at", 5), ("message_id", None), ("message_id", 7), ("message_id", "\ud800")),
    ],
)
def test_a_misshapen_row_is_named(field: str, value: object) -> None:
    found = export()
    found["rows"][0][field] = value
    assert audit(found).first_bad_row == 1
    del found["rows"][0][field]
    assert audit(found).first_bad_row == 1


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON document."""
    below = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [place for key, inner in below for place in ((*path, key), *places(inner, (*path, key)))]


WHOLE = export(two_equal(), "random")
JSON_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.just([]),
    st.just({}),
    st.sampled_from([10**400, -1, 0, "\ud800", float("inf"), [[1]], {"a": 1}, "zz", "0" * 64]),
)
#: Not sealed, and judged by nobody: says when the vote ended. (The state is judged by the result.)
UNSEALED = ("closes_at",)


@given(st.sampled_from(places(WHOLE)), JSON_VALUES)
@settings(max_examples=600, deadline=None)
def test_no_value_anywhere_breaks_the_check_or_passes_it(place: tuple[Any, ...], value: Any) -> None:
    found = copy.deepcopy(WHOLE)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    before, inner[place[-1]] = inner[place[-1]], value
    try:
        verdict = audit(found)
    except NotAnExport:
        return
    same = before == value or place[0] in UNSEALED or (before, value) in ((None, None),)
    assert same or not verdict.good


@given(st.sampled_from(places(WHOLE)))
def test_nothing_may_be_missing(place: tuple[Any, ...]) -> None:
    found = copy.deepcopy(WHOLE)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    try:
        verdict = audit(found)
    except NotAnExport:
        return
    assert place[0] in UNSEALED or not verdict.good
