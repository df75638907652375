"""Checking an exported ledger offline: the chain, the count, the tie. Trusts nothing in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.rules import outcome, persons, vote_ledger
from server.rules.tally import leaders, totals, weights
from server.rules.vote_ledger import FORMAT, FORMAT_OF_PERSONS, Entry, Row
from server.rules.wiretime import from_wire

_DECIDED = ("closed", "revealed")
_UNDECIDED = ("open", "closing", "cancelled")


class NotAnExport(ValueError):
    """The file is no vote ledger, or its shape is broken; the message says where."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check came to. `first_bad_row` is the number of the first row that does not hold, if one.

    `rows` are the votes; `entries` say, in a poll that counts persons, whose do not count.
    """

    rows: int
    faults: tuple[str, ...]
    first_bad_row: int | None
    tally: tuple[tuple[int, ...], ...]
    entries: int = 0

    @property
    def good(self) -> bool:
        return not self.faults


def audit(document: object) -> Verdict:
    """Recompute an export of `vote_export.document`. Raises NotAnExport."""
    try:
        return _audit(_mapping(document))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise NotAnExport(f"the export is incomplete or misshapen ({error})") from error
    except (ValueError, ArithmeticError) as error:
        raise NotAnExport(f"the export is misshapen: {error}") from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.get("format") not in (FORMAT, FORMAT_OF_PERSONS):
        raise NotAnExport(f"this is no export of a poll: it does not say format {FORMAT} or 2")
    return value


def _audit(document: Mapping[str, Any]) -> Verdict:
    head = document["header"]
    is_of_persons = document["format"] == FORMAT_OF_PERSONS
    if head.get("format") != document["format"] or head.get("per_person", False) is not is_of_persons:
        raise NotAnExport("the header is of another format")
    options, slots = len(head["options"]), len(head["channels"])
    ledger, bad = _chain(head, document["rows"], options, slots, is_of_persons)
    rows = [row for row in ledger if isinstance(row, Row)]
    entries = [row for row in ledger if isinstance(row, Entry)]
    counted = _count(head, rows, entries, options, slots)
    if bad:
        before = "the rows before it" if bad > 1 else "the header"
        fault = f"row {bad}: its hash does not follow from {before}"
        return Verdict(len(rows), (fault,), bad, counted.tally, len(entries))
    faults = []
    if document["head"] != (ledger[-1].hash if ledger else vote_ledger.genesis(head)).hex():
        faults.append(
            "the last hash of the export is not that of its last row: rows are missing at the end"
            if ledger
            else "the hash of the export is not that of its header: it was changed, or all rows are missing"
        )
    faults += _person_faults(rows, entries, counted)
    result = document["result"]
    if tuple(tuple(channel) for channel in result["tally"]) != counted.tally:
        faults.append(f"the rows count to {_plain(counted.tally)}, the export says {result['tally']}")
    if sum(sum(channel) for channel in counted.tally) != result["total_votes"]:
        faults.append("the total number of votes is not that of the rows")
    faults += _seed_faults(document, head, result)
    if document["state"] in _DECIDED:
        faults += _tie_faults(document, head, result, counted)
    elif document["state"] not in _UNDECIDED:
        faults.append(f"no poll has the state {document['state']}")
    elif result["winner"] is not None or result["tied"]:
        faults.append(f"the poll is {document['state']}, but the export names a winner or a tie")
    return Verdict(len(rows), tuple(faults), None, counted.tally, len(entries))


def _count(
    head: Mapping[str, Any], rows: Sequence[Row], entries: Sequence[Entry], options: int, slots: int
) -> vote_ledger.Replay:
    return vote_ledger.replay(
        rows,
        options=options,
        slots=slots,
        rule=head["rule"],
        changeable=head["changeable"],
        persons=persons.persons_of(entries),
    )


def _person_faults(rows: Sequence[Row], entries: Sequence[Entry], counted: vote_ledger.Replay) -> list[str]:
    """Whether the votes that the entries set aside are those that the rule sets aside."""
    last = persons.at_last(entries)
    voters = {row.voter for row in rows}
    standing = {row.voter for row in rows if row.n in counted.counted}
    shared = persons.shared(persons.persons_of(entries), voters)
    faults = []
    for voter, entry in sorted(last.items(), key=lambda item: item[1].n):
        if voter not in voters:
            faults.append(f"row {entry.n}: it is about somebody who has not voted")
        elif entry.person is not None and entry.person not in shared:
            faults.append(f"row {entry.n}: nobody else of that person has voted")
        elif entry.counts != (voter in standing):
            says = "counts" if entry.counts else "does not count"
            faults.append(f"row {entry.n}: it says that a vote {says}, the rule says the contrary")
    return faults


def _chain(
    head: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    options: int,
    slots: int,
    is_of_persons: bool,
) -> tuple[list[Row | Entry], int | None]:
    """The rows up to the first one whose hash does not follow from all before it, and its number."""
    rows: list[Row | Entry] = []
    previous = vote_ledger.genesis(head)
    for position, entry in enumerate(found, 1):
        try:
            row = _person_entry(entry) if is_of_persons and "person" in entry else _row(entry)
        except (KeyError, TypeError, AttributeError, ValueError):
            return rows, position
        fits = row.n == position
        if isinstance(row, Entry):
            previous = vote_ledger.seal_entry(
                previous,
                n=row.n,
                voter=row.voter,
                person=row.person,
                counts=row.counts,
                at_us=vote_ledger.microseconds(row.at),
            )
        else:
            previous = vote_ledger.seal(
                previous,
                n=row.n,
                voter=row.voter,
                slot=row.slot,
                choice=row.choice,
                sent_us=vote_ledger.microseconds(row.sent_at),
                received_us=vote_ledger.microseconds(row.received_at),
                message_id=row.message_id,
            )
            fits = fits and 0 <= row.slot < slots and 1 <= row.choice <= options
        if not fits or row.hash != previous:
            return rows, position
        rows.append(row)
    return rows, None


def _person_entry(entry: Mapping[str, Any]) -> Entry:
    """An entry of the export, as strictly as a vote."""
    if type(entry["n"]) is not int or type(entry["counts"]) is not bool:
        raise TypeError("n is no integer, or counts no truth value")
    person = None if entry["person"] is None else bytes.fromhex(entry["person"])
    if person == b"" or (person is None and not entry["counts"]):
        raise ValueError("nobody else of nobody can count")
    found = Entry(
        entry["n"],
        bytes.fromhex(entry["voter"]),
        person,
        entry["counts"],
        from_wire(entry["at"]),
        bytes.fromhex(entry["hash"]),
    )
    if entry["why"] != vote_ledger.why(found):
        raise ValueError("the reason is another")
    return found


def _row(entry: Mapping[str, Any]) -> Row:
    """A row of the export; a number that is true or 1.0 and an id that is a number are not what we wrote."""
    for name in ("n", "slot", "choice"):
        if type(entry[name]) is not int:
            raise TypeError(f"{name} is no integer")
    if not isinstance(entry["message_id"], str):
        raise TypeError("message_id is no text")
    return Row(
        entry["n"],
        bytes.fromhex(entry["voter"]),
        entry["slot"],
        entry["choice"],
        from_wire(entry["sent_at"]),
        from_wire(entry["received_at"]),
        entry["message_id"],
        bytes.fromhex(entry["hash"]),
    )


def _seed_faults(
    document: Mapping[str, Any], head: Mapping[str, Any], result: Mapping[str, Any]
) -> list[str]:
    """Whether the seed is the promised one, there when it has to be and nowhere else."""
    seed = result["seed"]
    if seed is None:
        missing = head["tie"] == "random" and document["state"] == "revealed"
        return ["the seed of a revealed poll with tie rule random is missing"] if missing else []
    if hashlib.sha256(bytes.fromhex(seed)).hexdigest() != head["commitment"]:
        return ["the seed is not the one whose hash was shown before the vote"]
    return []


def _tie_faults(
    document: Mapping[str, Any],
    head: Mapping[str, Any],
    result: Mapping[str, Any],
    counted: vote_ledger.Replay,
) -> list[str]:
    """Whether winner and tie follow from the count and the rule that was declared."""
    weight = weights(counted.tally, len(head["options"]), head["weighting"], head["cap_percent"])
    top = leaders(weight)
    tied = top if len(top) > 1 else ()
    winner, faults = result["winner"], []
    if tuple(result["tied"]) != tied:
        faults.append(f"the tied options are {list(tied)}, the export says {result['tied']}")
    if not tied:
        if winner != (top[0] if top else None):
            faults.append(f"the winner is {top[0] if top else 'nobody'}, the export says {winner}")
        return faults
    match head["tie"]:
        case "none" if winner is not None:
            faults.append("there is a tie and the rule is none, but the export names a winner")
        case "gm" if winner is not None and winner not in tied:
            faults.append("the game master's choice is not among the tied options")
        case "first":
            first = outcome.first_to_reach(tied, totals(counted.tally, len(head["options"])), counted.steps)
            if winner != first:
                faults.append(f"option {first} was first to reach its count, the export says {winner}")
        case "random" if result["seed"] is not None:
            ledger_head = bytes.fromhex(document["head"])
            drawn = outcome.draw(bytes.fromhex(result["seed"]), head["poll_id"], ledger_head, tied)
            if winner != drawn:
                faults.append(f"chance picked option {drawn}, the export says {winner}")
        case "random" if winner not in tied:
            faults.append("the winner is not among the tied options")
    return faults


def _plain(tally: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(channel) for channel in tally]
