"""Rolls on stream: one card, three rows, criticals wait for the card, and everything by the clock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.dice_stage import (
    EMPTY,
    HOLD,
    MOST_ROWS,
    MOST_SEALS,
    MOST_WAITING,
    Stage,
    add,
    board,
    deadline,
    from_board,
    is_critical,
    tidy,
    without,
)
from tests.unit.dice_stages import NOW, after, instants, is_on, seen

TWENTY = {"type": "success", "severity": "major", "label": "Natural 20", "category": "nat20"}


def roll(id_: str, revision: int = 1, *, critical: bool = False, seal: str | None = None) -> dict[str, Any]:
    view = {"type": "dice.roll", "id": id_, "revision": revision, "total": 7}
    view["critical"] = TWENTY if critical else None
    return view | ({} if seal is None else {"seal": seal})


def secret(id_: str) -> dict[str, Any]:
    return {"type": "dice.secret", "id": id_, "seal": "9f3a01bc"}


def test_a_roll_tumbles_is_held_and_goes() -> None:
    stage = add(EMPTY, roll("a"), NOW)
    [showing] = stage.showings
    assert (showing.form, showing.starts_at, showing.settles_at) == ("card", NOW, after(0.9))
    assert showing.ends_at == after(0.9 + 0.18) + HOLD
    assert deadline(stage) == ("tidy", showing.ends_at)
    assert tidy(stage, after(5.07)) == stage
    assert tidy(stage, after(5.08)) == EMPTY
    assert (deadline(EMPTY), board(EMPTY)) == (None, None)


def test_the_next_roll_is_a_row_until_the_card_has_dwelt() -> None:
    stage = add(add(EMPTY, roll("a"), NOW), roll("b"), after(2.079))
    assert seen(stage, after(2.1)) == (["a"], {1: "b"})
    stage = add(add(EMPTY, roll("a"), NOW), roll("b"), after(2.08))
    assert seen(stage, after(2.1)) == (["b"], {1: "a"})
    # The old card goes when it would have gone.
    assert seen(stage, after(5.07)) == (["b"], {1: "a"})
    assert seen(stage, after(5.08)) == (["b"], {})


def test_a_critical_waits_for_the_card_and_dwells_longer() -> None:
    stage = add(add(EMPTY, roll("a"), NOW), roll("b", critical=True), after(0.5))
    assert seen(stage, after(2.07)) == (["a"], {})
    assert seen(stage, after(2.08)) == (["b"], {1: "a"})
    # b settles at 2.98 and is left alone for 3 s after its total.
    assert seen(add(stage, roll("c"), after(6.15)), after(6.15)) == (["b"], {1: "c"})
    assert seen(add(stage, roll("c"), after(6.16)), after(6.16)) == (["c"], {1: "b"})


def test_a_burst_of_ten_is_a_card_three_rows_and_six_more() -> None:
    stage = EMPTY
    for n in range(10):
        stage = add(stage, roll(f"r{n}"), after(n * 0.02))
    assert seen(stage, after(0.2)) == (["r0"], {1: "r1", 2: "r2", 3: "r3"})
    shown = board(stage)
    assert shown is not None
    assert shown["more"] == {"count": 6, "criticals": 0, "until": "2026-11-20T18:30:04.180Z", "seals": []}
    # Counting begins anew once the old count has gone.
    later = add(stage, roll("next"), after(60))
    assert (len(later.showings), later.more) == (1, None)


def test_dice_tumble_shortly_while_more_than_two_others_do() -> None:
    stage = EMPTY
    for n in range(5):
        stage = add(stage, roll(f"c{n}", critical=True), NOW)
    tumbles = [showing.settles_at - showing.starts_at for showing in stage.cards]
    assert tumbles == [timedelta(milliseconds=ms) for ms in (900, 900, 900, 300, 300)]


def test_a_revision_changes_the_picture_in_place_and_an_old_one_nothing() -> None:
    stage = add(EMPTY, roll("a", 2), NOW)
    assert add(stage, roll("a", 1), after(1)) == add(stage, roll("a", 2), after(1)) == stage
    revised = add(stage, roll("a", 3, critical=True), after(1))
    assert replace(revised.showings[0], roll=stage.showings[0].roll) == stage.showings[0]
    assert revised.showings[0].roll["revision"] == 3


def test_a_row_that_turns_out_to_be_critical_comes_onto_the_card() -> None:
    stage = add(add(EMPTY, roll("a"), NOW), roll("b"), after(0.5))
    stage = add(stage, roll("b", 2, critical=True), after(1))
    assert seen(stage, after(1)) == (["a"], {1: "b"})
    assert seen(stage, after(2.08)) == (["b"], {1: "a"})


def test_a_seal_is_opened_where_it_is_and_later_like_a_critical() -> None:
    at_once = add(add(EMPTY, secret("s"), NOW), roll("s", seal="9f3a01bc"), after(1.5))
    [showing] = at_once.showings
    assert (showing.roll["type"], showing.starts_at) == ("dice.roll", after(1.5))
    assert add(at_once, secret("s"), after(1.6)) == at_once

    stage = add(add(EMPTY, roll("a"), NOW), secret("s"), after(0.5))
    stage = add(stage, roll("s", seal="9f3a01bc"), after(1))
    # Until it has the card, the notice tells nothing, whatever revision comes.
    stage = add(stage, roll("s", 2, seal="9f3a01bc"), after(1.2))
    row = next(showing for showing in stage.showings if is_on(showing, after(1.5)) and showing.is_row)
    assert row.roll["type"] == "dice.secret"
    assert seen(stage, after(2.08)) == (["s"], {1: "a"})
    assert seen(add(EMPTY, roll("s", seal="9f3a01bc"), after(90)), after(90)) == (["s"], {})


def test_more_criticals_than_can_wait_are_counted_as_such() -> None:
    stage = EMPTY
    for n in range(MOST_WAITING + 10):
        stage = add(stage, roll(f"c{n}", critical=True), NOW)
    assert len(stage.cards) == 1 + MOST_WAITING
    assert stage.more is not None
    # Two are rows at once; the third row is kept for the card that makes room first.
    assert (len(stage.showings), stage.more.criticals, stage.more.count) == (MOST_WAITING + 3, 7, 7)


def test_a_seal_that_is_counted_stands_beside_the_count() -> None:
    """Who has not seen it could not be shown later that the value was not exchanged."""
    stage = EMPTY
    for n in range(4 + 5):
        stage = add(stage, {**secret(f"s{n}"), "seal": f"9f3a01b{n}"}, NOW)
    assert stage.more is not None
    assert [(one.seal, one.starts_at, one.ends_at) for one in stage.more.seals] == [
        ("9f3a01b4", NOW, after(2)),
        ("9f3a01b5", NOW, after(2)),
        ("9f3a01b6", NOW, after(2)),
        ("9f3a01b7", after(2), after(4)),
        ("9f3a01b8", after(2), after(4)),
    ]
    assert stage.more.until == after(4)
    # Another value under another seal: the one before proves nothing.
    assert [one.id for one in without(stage, "s5").more.seals] == ["s4", "s6", "s7", "s8"]  # type: ignore[union-attr]
    assert from_board(json.loads(json.dumps(board(stage)))) == stage


def test_counted_seals_have_an_end() -> None:
    stage = EMPTY
    for n in range(4 + MOST_SEALS + 5):
        stage = add(stage, secret(f"s{n}"), NOW)
    assert stage.more is not None
    assert (stage.more.count, len(stage.more.seals)) == (MOST_SEALS + 5, MOST_SEALS)
    assert stage.more.until == after(2 * MOST_SEALS / 3)


# --- whatever comes, whenever it comes ---------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    after_ms: int
    view: dict[str, Any] = field(hash=False)


def steps() -> st.SearchStrategy[list[Step]]:
    ids = st.integers(0, 30).map(str)
    views = st.one_of(
        st.builds(roll, ids, st.integers(1, 4), critical=st.booleans()),
        st.builds(roll, ids, st.integers(1, 4), critical=st.booleans(), seal=st.just("9f3a01bc")),
        st.builds(secret, ids),
    )
    pauses = st.one_of(st.integers(0, 60), st.integers(0, 1500), st.integers(0, 9000))
    return st.lists(st.builds(Step, pauses, views), min_size=1, max_size=25)


def stages(played: list[Step]) -> Iterator[tuple[Stage, datetime, datetime]]:
    """Every stage with the time from which and until which it is the one that pages have."""
    now, stage = NOW, EMPTY
    for i, step in enumerate(played):
        now += timedelta(milliseconds=step.after_ms)
        stage = add(stage, step.view, now)
        rest = timedelta(milliseconds=played[i + 1].after_ms) if i + 1 < len(played) else timedelta(60)
        yield stage, now, now + rest


@settings(deadline=None, max_examples=60)
@given(steps())
def test_never_two_cards_nor_four_rows_nor_one_roll_twice(played: list[Step]) -> None:
    for stage, since, until in stages(played):
        for at in instants(stage, since, until):
            cards, rows = seen(stage, at)
            ids = [*cards, *rows.values()]
            assert len(cards) <= 1
            assert rows.keys() <= set(range(1, MOST_ROWS + 1))
            assert len(set(ids)) == len(ids)


@settings(deadline=None, max_examples=60)
@given(steps())
def test_no_critical_is_lost(played: list[Step]) -> None:
    """Each is seen, as the newest of it that was told, or waits and is seen later, or is counted."""
    on_screen: set[str] = set()
    came: set[str] = set()
    counted = 0
    for (stage, since, until), step in zip(stages(played), played, strict=True):
        if is_critical(step.view) and step.view["id"] not in came:
            held = [showing for showing in stage.showings if showing.id == step.view["id"]]
            newest = any(is_critical(showing.roll) or showing.roll.get("revision", 0) >= step.view["revision"]
                         for showing in held)  # fmt: skip
            if not newest:
                assert stage.more is not None
                assert stage.more.criticals > 0
                counted += 1
            else:
                came.add(step.view["id"])
        for at in instants(stage, since, until):
            cards, rows = seen(stage, at)
            on_screen |= {*cards, *rows.values()}
    assert came <= on_screen


@settings(deadline=None, max_examples=60)
@given(steps())
def test_what_waits_for_the_card_gets_it_when_it_was_told_to(played: list[Step]) -> None:
    promised: dict[str, datetime] = {}
    for stage, since, _ in stages(played):
        waiting = {showing.id: showing.starts_at for showing in stage.cards if showing.starts_at > since}
        for id_, at in promised.items():
            assert at <= since or waiting.get(id_) == at
        promised = waiting
        assert len(waiting) <= MOST_WAITING


@settings(deadline=None, max_examples=60)
@given(steps())
def test_a_stage_comes_back_from_its_board(played: list[Step]) -> None:
    for stage, now, _ in stages(played):
        shown = board(stage)
        assert from_board(None if shown is None else json.loads(json.dumps(shown))) == stage
        assert tidy(tidy(stage, now), now) == tidy(stage, now)
        assert tidy(stage, deadline(stage)[1] if deadline(stage) else now) == EMPTY  # type: ignore[index]


@settings(deadline=None, max_examples=60)
@given(steps())
def test_no_seal_is_lost(played: list[Step]) -> None:
    """Each stands on the card, in a row or beside the count for as long as it is to be read."""
    seen_for: dict[str, timedelta] = {}
    sealed: set[str] = set()
    told: set[str] = set()
    for (stage, since, until), step in zip(stages(played), played, strict=True):
        if step.view["type"] == "dice.secret" and step.view["id"] not in told:
            sealed.add(step.view["id"])
        told.add(step.view["id"])
        spans = [(one.id, one.starts_at, one.ends_at) for one in stage.showings]
        spans += [(one.id, one.starts_at, one.ends_at) for one in (stage.more.seals if stage.more else ())]
        for id_, starts, ends in spans:
            lasts = min(ends, until) - max(starts, since)
            seen_for[id_] = seen_for.get(id_, timedelta(0)) + max(timedelta(0), lasts)
    assert all(seen_for.get(id_, timedelta(0)) >= timedelta(seconds=1) for id_ in sealed)
