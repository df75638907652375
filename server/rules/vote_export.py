"""A poll's ledger for people outside: JSON that `hubbub verify` reads, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from server.rules.poll import Poll
from server.rules.vote_ledger import FORMAT, Replay, Row, genesis, header, replay

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


def exact_time(moment: datetime) -> str:
    """RFC 3339 with microseconds: the ledger's own resolution, which the hashes cover."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def count(poll: Poll, rows: Iterable[Row]) -> Replay:
    """The ledger of `poll` counted anew."""
    return replay(
        rows,
        options=len(poll.options),
        slots=len(poll.seats),
        rule=poll.rules.rule,
        changeable=poll.rules.changeable,
    )


def document(poll: Poll, rows: Sequence[Row]) -> dict[str, Any]:
    """The export that `vote_audit.audit` checks. Must not leave the server while `poll.hides_votes`."""
    head = header(poll)
    decided = poll.rules.tie == "random" and poll.state == "revealed" and poll.seed is not None
    return {
        "format": FORMAT,
        "header": head,
        "state": poll.state.value,
        "closes_at": exact_time(poll.closes_at) if poll.closes_at else None,
        "rows": [
            {
                "n": row.n,
                "voter": row.voter.hex(),
                "slot": row.slot,
                "choice": row.choice,
                "sent_at": exact_time(row.sent_at),
                "received_at": exact_time(row.received_at),
                "message_id": row.message_id,
                "hash": row.hash.hex(),
            }
            for row in rows
        ],
        "head": (rows[-1].hash if rows else genesis(head)).hex(),
        "result": {
            "tally": [list(channel) for channel in poll.tally],
            "total_votes": sum(sum(channel) for channel in poll.tally),
            "tied": list(poll.tied),
            "winner": poll.winner,
            "seed": poll.seed.hex() if decided and poll.seed else None,
        },
    }


def spreadsheet(poll: Poll, rows: Sequence[Row]) -> str:
    """The ledger as CSV (RFC 4180). `counted` is 1 on the rows whose vote stands."""
    standing = count(poll, rows).counted
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for row in rows:
        seat = poll.seats[row.slot]
        writer.writerow(
            [
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
        )
    return out.getvalue()


def harmless(cell: str) -> str:
    """`cell` such that no spreadsheet takes it, or what it makes of a part of it, for a formula."""
    return _FORMULA_START.sub("'", cell)
