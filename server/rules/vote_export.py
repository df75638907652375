"""A poll's ledger for people outside: JSON that `hubbub verify` reads, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from server.rules.persons import persons_of
from server.rules.poll import Poll
from server.rules.vote_ledger import Entry, Replay, Row, format_of, genesis, header, replay, why

#: Where a cell may begin that is a formula to a spreadsheet (reliability T38; OWASP, CSV injection). What
#: separates cells is the reader's choice, in many countries `;`, and quotes inside a cell keep nothing
#: together then. So a cell may begin after any separator, too, and blanks or quotes before it may be dropped.
_FORMULA_START = re.compile(r"""(?:^|(?<=[;,|\t\r\n]))(?=[\s"]*[=+\-@＝＋－＠])|^(?=[\t\r\n])""")

COLUMNS = (
    "n",
    "voter",
    "platform",
    "channel",
    "way",
    "choice",
    "label",
    "counted",
    "sent_at",
    "received_at",
    "message_id",
    "hash",
)
#: What the spreadsheet of a poll that counts persons has besides: the person, and why a vote does not count.
PERSON_COLUMNS = ("person", "why_not")


def exact_time(moment: datetime) -> str:
    """RFC 3339 with microseconds: the ledger's own resolution, which the hashes cover."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def count(poll: Poll, rows: Iterable[Row], entries: Iterable[Entry] = ()) -> Replay:
    """The ledger of `poll` counted anew. `entries` are those of a poll that counts persons."""
    return replay(
        rows,
        options=len(poll.options),
        slots=len(poll.seats),
        rule=poll.rules.rule,
        changeable=poll.rules.changeable,
        persons=persons_of(entries),
    )


def document(poll: Poll, rows: Sequence[Row], entries: Sequence[Entry] = ()) -> dict[str, Any]:
    """The export that `vote_audit.audit` checks. Must not leave the server while `poll.hides_votes`."""
    head = header(poll)
    decided = poll.rules.tie == "random" and poll.state == "revealed" and poll.seed is not None
    ledger: list[Row | Entry] = [*rows, *entries]
    ledger.sort(key=lambda row: row.n)
    return {
        "format": format_of(poll),
        "header": head,
        "state": poll.state.value,
        "closes_at": exact_time(poll.closes_at) if poll.closes_at else None,
        "rows": [_vote(row) if isinstance(row, Row) else _entry(row) for row in ledger],
        "head": (ledger[-1].hash if ledger else genesis(head)).hex(),
        "result": {
            "tally": [list(channel) for channel in poll.tally],
            "total_votes": sum(sum(channel) for channel in poll.tally),
            "tied": list(poll.tied),
            "winner": poll.winner,
            "seed": poll.seed.hex() if decided and poll.seed else None,
        },
    }


def _vote(row: Row) -> dict[str, Any]:
    return {
        "n": row.n,
        "voter": row.voter.hex(),
        "slot": row.slot,
        "choice": row.choice,
        "sent_at": exact_time(row.sent_at),
        "received_at": exact_time(row.received_at),
        "message_id": row.message_id,
        "hash": row.hash.hex(),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "n": entry.n,
        "voter": entry.voter.hex(),
        "person": entry.person.hex() if entry.person else None,
        "counts": entry.counts,
        "why": why(entry),
        "at": exact_time(entry.at),
        "hash": entry.hash.hex(),
    }


def spreadsheet(poll: Poll, rows: Sequence[Row], entries: Sequence[Entry] = ()) -> str:
    """The ledger as CSV (RFC 4180). `counted` is 1 on the rows whose vote stands."""
    standing = count(poll, rows, entries).counted
    persons = persons_of(entries)
    is_of_persons = poll.rules.per_person
    alone = count(poll, rows).counted if persons else standing
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow((*COLUMNS, *PERSON_COLUMNS) if is_of_persons else COLUMNS)
    for row in rows:
        seat = poll.seats[row.slot]
        cells = [
            row.n,
            row.voter.hex(),
            seat.platform,
            harmless(seat.login),
            seat.counts,
            row.choice,
            harmless(poll.options[row.choice - 1]),
            int(row.n in standing),
            exact_time(row.sent_at),
            exact_time(row.received_at),
            harmless(row.message_id),
            row.hash.hex(),
        ]
        if is_of_persons:
            person = persons.get(row.voter)
            replaced = "same person" if row.n in alone else "other vote of the account"
            why_not = "" if row.n in standing else replaced
            cells += [person.hex() if person else "", why_not]
        writer.writerow(cells)
    return out.getvalue()


def harmless(cell: str) -> str:
    """`cell` such that no spreadsheet takes it, or what it makes of a part of it, for a formula."""
    return _FORMULA_START.sub("'", cell)
