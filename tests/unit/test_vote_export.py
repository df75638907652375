"""Exports: JSON that can be checked, CSV that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules import vote_ledger
from server.rules.poll import Poll, PollRules, Seat, State
from server.rules.vote_export import COLUMNS, count, document, exact_time, harmless, spreadsheet
from server.rules.wiretime import from_wire
from tests.unit.models import SEED, VOTER_KEY, at, draft, launched, vote


def exported(poll: Poll, *votes: tuple[str, int, float]) -> tuple[Poll, tuple[vote_ledger.Row, ...]]:
    rows = vote_ledger.append(poll, [vote(user, choice, sent) for user, choice, sent in votes])
    poll = replace(poll, ledger_rows=len(rows), ledger_head=rows[-1].hash, tally=count(poll, rows).tally)
    return poll, rows


def test_the_document_is_json_and_complete() -> None:
    poll, rows = exported(launched(), ("ana", 1, 1), ("bob", 2, 2), ("ana", 2, 3))
    found = json.loads(json.dumps(document(poll, rows)))
    assert found["header"] == vote_ledger.header(poll)
    assert [row["choice"] for row in found["rows"]] == [1, 2, 2]
    assert found["head"] == rows[-1].hash.hex()
    assert found["result"] == {
        "tally": [[0, 2, 0]],
        "total_votes": 2,
        "tied": [],
        "winner": None,
        "seed": None,
    }
    assert from_wire(found["rows"][0]["sent_at"]) == at(1)  # to the microsecond


def test_a_document_without_rows_ends_in_its_header() -> None:
    poll = launched()
    found = document(poll, [])
    assert found["head"] == vote_ledger.genesis(found["header"]).hex()


def test_nobody_is_named() -> None:
    poll, rows = exported(launched(), ("user-id-991", 1, 1))
    rows = (rows[0]._replace(message_id="m1"),)
    for text in (json.dumps(document(poll, rows)), spreadsheet(poll, rows)):
        assert "991" not in text
        assert VOTER_KEY.hex() not in text


@pytest.mark.parametrize(
    ("tie", "state", "shown"),
    [("random", State.REVEALED, True), ("random", State.CLOSED, False), ("gm", State.REVEALED, False)],
)
def test_the_seed_is_told_once_the_poll_is_revealed(tie: str, state: State, shown: bool) -> None:
    poll = launched(draft(rules=PollRules(tie=tie)))  # type: ignore[arg-type]
    found = document(replace(poll, state=state), [])
    assert (SEED.hex() in json.dumps(found)) == shown


def test_the_spreadsheet_marks_the_votes_that_stand() -> None:
    poll, rows = exported(launched(), ("ana", 1, 1), ("bob", 2, 2), ("ana", 2, 3))
    text = spreadsheet(poll, rows)
    table = list(csv.DictReader(io.StringIO(text)))
    assert tuple(table[0]) == COLUMNS
    assert [row["counted"] for row in table] == ["0", "1", "1"]
    assert [row["label"] for row in table] == ["Left", "Middle", "Middle"]
    assert [row["hash"] for row in table] == [row.hash.hex() for row in rows]
    assert text.count("\r\n") == 4  # RFC 4180


#: Text → the cell that is exported.
CELLS = {
    '=HYPERLINK("https://evil.example";"win")': '\'=HYPERLINK("https://evil.example";"win")',
    "+1+cmd|' /C calc'!A0": "'+1+cmd|' /C calc'!A0",
    "-2+3": "'-2+3",
    "@SUM(1,1)": "'@SUM(1,1)",
    "\tx": "'\tx",
    "\rx": "'\rx",
    "\nx": "'\nx",
    "＝1+1": "'＝1+1",
    "＋1": "'＋1",
    "－1": "'－1",
    "＠x": "'＠x",
    # A spreadsheet that separates cells by something else sees the formula begin further on.
    'Left;=HYPERLINK("https://evil.example")': 'Left;\'=HYPERLINK("https://evil.example")',
    "Left;=1;+1": "Left;'=1;'+1",
    "Left,=1": "Left,'=1",
    "Left|@x": "Left|'@x",
    "Left\t-1": "Left\t'-1",
    "Left\n=1": "Left\n'=1",
    "Left\r\n=1": "Left\r'\n'=1",
    "\t=1": "'\t'=1",
    ";=1": ";'=1",
    "Left;＝1": "Left;'＝1",
    # Blanks are dropped by some, and so are quotes.
    "Left; =1": "Left;' =1",
    'Left;"=1"': 'Left;\'"=1"',
    'Left;"" =1': 'Left;\'"" =1',
    " =1": "' =1",
    # What is none stays as it is.
    "Left; right - or back=home": "Left; right - or back=home",
    "a+b, c@d|e": "a+b, c@d|e",
    "'=1": "'=1",
    "x": "x",
}


def cells_of(text: str) -> dict[str, str]:
    """What a program reads from the spreadsheet's row of one vote, with `text` wherever people write."""
    seat = Seat(0, None, "custom", text)
    poll = replace(launched(draft(options=(text, "ok"))), seats=(seat,))
    row = vote_ledger.append(poll, [vote("ana", 1, 1, message=text)])[0]
    written = spreadsheet(poll, [row])
    for separator in ",;|\t":
        for found in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not any(map(is_formula, found)), separator
    # Also without any rule for quotes: wherever a cell might begin.
    assert not any(map(is_formula, re.split(r"[;,|\t\r\n]", written)))
    return next(csv.DictReader(io.StringIO(written, newline="")))


def is_formula(cell: str) -> bool:
    return re.match(r"""[\s"]*[=+\-@＝＋－＠]""", cell) is not None


@pytest.mark.parametrize(("text", "cell"), CELLS.items())
def test_no_cell_starts_a_formula_whatever_separates_cells(text: str, cell: str) -> None:
    cells = cells_of(text)
    assert cells["channel"] == cells["label"] == cells["message_id"] == cell


@given(st.text("=+-@＝;,|\t\r\n\"' a1", max_size=12))
def test_no_text_starts_a_formula(text: str) -> None:
    cells_of(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_any_text_survives_the_spreadsheet(text: str) -> None:
    cells = cells_of(text)
    assert cells["label"] == harmless(text)
    assert cells["label"].replace("'", "") == text.replace("'", "")


def test_what_is_verified_is_not_altered() -> None:
    poll, rows = exported(launched(draft(options=("=1", "Left;=1"))), ("ana", 1, 1))
    rows = (rows[0]._replace(message_id="m;=1"),)
    found = document(poll, rows)
    assert found["header"]["options"] == ["=1", "Left;=1"]
    assert found["rows"][0]["message_id"] == "m;=1"


def test_exact_times_have_microseconds() -> None:
    assert exact_time(at(0)) == "2026-11-20T20:00:00.123456Z"
    assert exact_time(at(0).replace(microsecond=0)) == "2026-11-20T20:00:00.000000Z"
