"""The vote ledger: every vote taken, each row sealed by a hash over all rows before it.

Who changes, drops or reorders a row afterwards breaks the chain from that row on, and `hubbub verify`
names it. The ledger names nobody: a voter is a keyed digest whose key stays on the server.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from server.rules.poll import Poll, PollRules, Seat
from server.rules.tally import Tally
from server.rules.votes import Vote

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FORMAT = "hubbub.vote_ledger/1"
#: Bytes that SHA-256 takes in at a time.
_BLOCK = 64


class Row(NamedTuple):
    """One vote in the ledger. `n` counts from 1 without a gap."""

    n: int
    voter: bytes  # 16 bytes
    slot: int
    choice: int
    sent_at: datetime
    received_at: datetime
    message_id: str
    hash: bytes  # 32 bytes


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970, the resolution of a PostgreSQL timestamp."""
    return (moment - _EPOCH) // _MICROSECOND


def voter_digest(voter_key: bytes, platform: str, user_id: str) -> bytes:
    """16 bytes that stand for an account in one poll's ledger and say nothing without the key."""
    return hmac.digest(voter_key, f"{platform}:{user_id}".encode(), "sha256")[:16]


class _Voters:
    """`voter_digest` for many voters under one key: HMAC (RFC 2104) with the key's two blocks hashed once."""

    def __init__(self, voter_key: bytes) -> None:
        block = voter_key if len(voter_key) <= _BLOCK else hashlib.sha256(voter_key).digest()
        block = block.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, platform: str, user_id: str) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(f"{platform}:{user_id}".encode())
        outer.update(inner.digest())
        return outer.digest()[:16]


def commitment(seed: bytes) -> str:
    """What is shown of the seed before the poll is decided."""
    return hashlib.sha256(seed).hexdigest()


def header(poll: Poll) -> dict[str, object]:
    """What the first link of the chain seals: everything that was fixed at the launch."""
    rules: PollRules = poll.rules
    return {
        "format": FORMAT,
        "poll_id": str(poll.id),
        "question": poll.question,
        "options": list(poll.options),
        "rule": rules.rule,
        "changeable": rules.changeable,
        "tie": rules.tie,
        "secret": rules.secret,
        "weighting": rules.weighting,
        "cap_percent": rules.cap_percent,
        "simulated": poll.simulated,
        "channels": [_channel(seat, rules) for seat in poll.seats],
        "opened_at_us": microseconds(poll.opens_at) if poll.opens_at else None,
        "commitment": commitment(poll.seed) if poll.seed else None,
    }


def _channel(seat: Seat, rules: PollRules) -> dict[str, object]:
    """A seat of votes for channel points says so, and what one costs; one of chat is as it always was."""
    channel: dict[str, object] = {"platform": seat.platform, "login": seat.login}
    if seat.counts == "points":
        channel |= {"counts": seat.counts, "points_per_vote": rules.points_per_vote}
    return channel


def genesis(head: Mapping[str, object]) -> bytes:
    """The hash before the first row."""
    text = json.dumps(head, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def seal(
    previous: bytes,
    *,
    n: int,
    voter: bytes,
    slot: int,
    choice: int,
    sent_us: int,
    received_us: int,
    message_id: str,
) -> bytes:
    """The hash of a row. The message id comes last, so no separator inside it can pass for another."""
    text = f"{n}|{voter.hex()}|{slot}|{choice}|{sent_us}|{received_us}|{message_id}"
    return hashlib.sha256(previous + text.encode("utf-8", "surrogatepass")).digest()


def append(poll: Poll, votes: Sequence[Vote]) -> tuple[Row, ...]:
    """The rows that a batch adds after the poll's last one."""
    if poll.ledger_head is None or poll.voter_key is None:
        raise ValueError("a draft has no ledger")
    rows = []
    voters = _Voters(poll.voter_key)
    previous = poll.ledger_head
    # The votes of a batch were received at few moments and sent at not many more.
    known_us: dict[datetime, int] = {}
    for n, (platform, user_id, slot, choice, sent_at, received_at, message_id) in enumerate(
        votes, poll.ledger_rows + 1
    ):
        voter = voters.digest(platform, user_id)
        if (sent_us := known_us.get(sent_at)) is None:
            sent_us = known_us[sent_at] = microseconds(sent_at)
        if (received_us := known_us.get(received_at)) is None:
            received_us = known_us[received_at] = microseconds(received_at)
        previous = seal(
            previous,
            n=n,
            voter=voter,
            slot=slot,
            choice=choice,
            sent_us=sent_us,
            received_us=received_us,
            message_id=message_id,
        )
        rows.append(Row(n, voter, slot, choice, sent_at, received_at, message_id, previous))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the running count at one send time; what "first to reach" is decided by."""

    choice: int
    count: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What a ledger comes to."""

    tally: Tally
    steps: tuple[Step, ...]
    counted: frozenset[int]  # numbers of the rows whose vote stands


def replay(rows: Iterable[Row], *, options: int, slots: int, rule: str, changeable: bool) -> Replay:
    """Count a ledger in the order of send times, as if every line had arrived when it was sent.

    The answer does not depend on the order in which rows came in.
    """
    tally = [[0] * options for _ in range(slots)]
    held: dict[object, Row] = {}
    steps = []
    seen: set[tuple[bytes, str]] = set()
    running = [0] * options
    # Not by `n`: two platforms may give the same message id at the same moment, and `n` is arrival order.
    for row in sorted(rows, key=lambda r: (r.sent_at, r.message_id, r.voter)):
        if (row.voter, row.message_id) in seen:
            continue
        seen.add((row.voter, row.message_id))
        # A message id is unique on its platform only; the voter digest tells platforms apart.
        key: object = row.voter if rule == "one_vote" else (row.voter, row.message_id)
        old = held.get(key)
        if old is not None:
            if not changeable:
                continue
            tally[old.slot][old.choice - 1] -= 1
            running[old.choice - 1] -= 1
        held[key] = row
        tally[row.slot][row.choice - 1] += 1
        running[row.choice - 1] += 1
        if old is None or old.choice != row.choice:
            steps.append(Step(row.choice, running[row.choice - 1]))
    return Replay(
        tuple(tuple(channel) for channel in tally),
        tuple(steps),
        frozenset(row.n for row in held.values()),
    )
