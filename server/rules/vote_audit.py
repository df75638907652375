"""Checking an exported ledger offline: the chain, the count, the tie. Trusts nothing in the file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.rules import outcome, vote_ledger
from server.rules.tally import leaders, totals, weights
from server.rules.vote_ledger import FORMAT, Row
from server.rules.wiretime import from_wire

_DECIDED = ("closed", "revealed")


class NotAnExport(ValueError):
    """The file is no vote ledger, or its shape is broken; the message says where."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check came to. `first_bad_row` is the number of the first row that does not hold, if one."""

    rows: int
    faults: tuple[str, ...]
    first_bad_row: int | None
    tally: tuple[tuple[int, ...], ...]

    @property
    def good(self) -> bool:
        return not self.faults


def audit(document: object) -> Verdict:
    """Recompute an export of `vote_export.document`. Raises NotAnExport."""
    try:
        return _audit(_mapping(document))
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise NotAnExport(f"the export is incomplete or misshapen ({error})") from error
    except ValueError as error:
        raise NotAnExport(f"the export is misshapen: {error}") from error


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise NotAnExport(f"this is no export of a poll: it does not say format {FORMAT}")
    return value


def _audit(document: Mapping[str, Any]) -> Verdict:
    head = document["header"]
    if head.get("format") != FORMAT:
        raise NotAnExport("the header is of another format")
    options, slots = len(head["options"]), len(head["channels"])
    rows, faults, bad = _chain(head, document["rows"], options, slots)
    if not bad and document["head"] != (rows[-1].hash if rows else vote_ledger.genesis(head)).hex():
        faults.append("the last hash of the export is not that of its last row: rows are missing at the end")
    counted = vote_ledger.replay(
        rows, options=options, slots=slots, rule=head["rule"], changeable=head["changeable"]
    )
    result = document["result"]
    if tuple(tuple(channel) for channel in result["tally"]) != counted.tally:
        faults.append(f"the rows count to {_plain(counted.tally)}, the export says {result['tally']}")
    if sum(sum(channel) for channel in counted.tally) != result["total_votes"]:
        faults.append("the total number of votes is not that of the rows")
    if document["state"] in _DECIDED:
        faults += _tie_faults(document, head, result, counted)
    return Verdict(len(rows), tuple(faults), bad, counted.tally)


def _chain(
    head: Mapping[str, Any], found: Sequence[Mapping[str, Any]], options: int, slots: int
) -> tuple[list[Row], list[str], int | None]:
    """The rows, and the first one whose hash does not follow from all before it."""
    rows: list[Row] = []
    previous = vote_ledger.genesis(head)
    for position, entry in enumerate(found, 1):
        row = Row(
            entry["n"],
            bytes.fromhex(entry["voter"]),
            entry["slot"],
            entry["choice"],
            from_wire(entry["sent_at"]),
            from_wire(entry["received_at"]),
            entry["message_id"],
            bytes.fromhex(entry["hash"]),
        )
        if not (0 <= row.slot < slots and 1 <= row.choice <= options):
            return rows, [f"row {position}: no such channel or option"], position
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
        if row.n != position or row.hash != previous:
            return rows, [f"row {position}: its hash does not follow from the rows before it"], position
        rows.append(row)
    return rows, [], None


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
            seed = bytes.fromhex(result["seed"])
            if hashlib.sha256(seed).hexdigest() != head["commitment"]:
                faults.append("the seed is not the one whose hash was shown before the vote")
            elif winner != (
                drawn := outcome.draw(seed, head["poll_id"], bytes.fromhex(document["head"]), tied)
            ):
                faults.append(f"chance picked option {drawn}, the export says {winner}")
    return faults


def _plain(tally: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(channel) for channel in tally]
