"""The chain: each row sealed over all before it, in bytes that a stranger can recompute."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules import vote_ledger
from server.rules.poll import Poll
from server.rules.vote_export import count
from tests.unit.models import POLL_ID, SEED, START, VOTER_KEY, at, draft, launched, vote


def test_the_seals_are_the_documented_bytes() -> None:
    """Written out by hand: whoever wants to check a ledger needs no more than this."""
    poll = launched(platforms=("twitch",))
    rows = vote_ledger.append(poll, [vote("ana", 2, 1.5, message="m|1", received=2), vote("bob", 1, 3)])
    opened = int(START.timestamp()) * 1_000_000 + START.microsecond
    head = {
        "format": "hubbub.vote_ledger/1",
        "poll_id": str(POLL_ID),
        "question": "Which door?",
        "options": ["Left", "Middle", "Right"],
        "rule": "one_vote",
        "changeable": True,
        "tie": "gm",
        "secret": False,
        "weighting": "sum",
        "cap_percent": 50,
        "simulated": False,
        "channels": [{"platform": "twitch", "login": "login0"}],
        "opened_at_us": opened,
        "commitment": hashlib.sha256(SEED).hexdigest(),
    }
    assert vote_ledger.header(poll) == head
    genesis = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode()).digest()
    assert poll.ledger_head == genesis
    voters = [vote_ledger.voter_digest(VOTER_KEY, "twitch", user).hex() for user in ("ana", "bob")]
    first = f"1|{voters[0]}|0|2|{opened + 1_500_000}|{opened + 2_000_000}|m|1"
    second = f"2|{voters[1]}|0|1|{opened + 3_000_000}|{opened + 3_000_000}|bob@3"
    assert rows[0].hash == hashlib.sha256(genesis + first.encode()).digest()
    assert rows[1].hash == hashlib.sha256(rows[0].hash + second.encode()).digest()


def test_a_voter_is_named_by_nothing_but_the_key() -> None:
    digest = vote_ledger.voter_digest(VOTER_KEY, "twitch", "991")
    assert len(digest) == 16
    assert digest == vote_ledger.voter_digest(VOTER_KEY, "twitch", "991")
    assert digest != vote_ledger.voter_digest(SEED, "twitch", "991")
    assert digest != vote_ledger.voter_digest(VOTER_KEY, "kick", "991")


def test_rows_go_on_from_the_last_one() -> None:
    poll = launched()
    votes = [vote(f"u{n}", 1 + n % 3, n) for n in range(10)]
    whole = vote_ledger.append(poll, votes)
    start = vote_ledger.append(poll, votes[:4])
    rest = vote_ledger.append(replace(poll, ledger_rows=4, ledger_head=start[-1].hash), votes[4:])
    assert (*start, *rest) == whole
    assert [row.n for row in whole] == list(range(1, 11))


def test_a_draft_has_no_ledger() -> None:
    with pytest.raises(ValueError, match="draft"):
        vote_ledger.append(draft(), [vote("ana", 1, 1)])


@pytest.mark.parametrize(
    "field", ["n", "voter", "slot", "choice", "sent_us", "received_us", "message_id", "previous"]
)
def test_every_field_is_sealed(field: str) -> None:
    def seal(changed: str = "") -> bytes:
        by = {field: 1} if changed else {}
        return vote_ledger.seal(
            b"\1" * 32 if changed == "previous" else b"\0" * 32,
            n=7 + by.get("n", 0),
            voter=b"\1" * 16 if changed == "voter" else b"\0" * 16,
            slot=by.get("slot", 0),
            choice=1 + by.get("choice", 0),
            sent_us=10 + by.get("sent_us", 0),
            received_us=20 + by.get("received_us", 0),
            message_id="a" + "b" * by.get("message_id", 0),
        )

    assert seal(field) != seal()


@given(st.integers(-(10**15), 10**15))
def test_microseconds_lose_nothing(value: int) -> None:
    moment = vote_ledger._EPOCH + timedelta(microseconds=value)
    assert vote_ledger.microseconds(moment) == value


def test_replay_counts_by_send_time() -> None:
    poll = launched()
    rows = vote_ledger.append(
        poll, [vote("ana", 3, 9), vote("ana", 1, 1), vote("bob", 1, 2), vote("ana", 2, 5), vote("bob", 1, 4)]
    )
    replay = count(poll, rows)
    assert replay.tally == ((1, 0, 1),)
    assert replay.counted == {1, 5}
    # ana 1, bob 1, bob again without a change, ana 2, ana 3
    assert [(step.choice, step.count) for step in replay.steps] == [(1, 1), (1, 2), (2, 1), (3, 1)]


def test_replay_keeps_the_first_vote_when_minds_may_not_change() -> None:
    poll = with_rules(changeable=False)
    rows = vote_ledger.append(poll, [vote("ana", 3, 9), vote("ana", 1, 1), vote("ana", 2, 5)])
    assert count(poll, rows).tally == ((1, 0, 0), (0, 0, 0))
    assert count(poll, rows).counted == {2}


def test_replay_counts_every_message_once() -> None:
    poll = with_rules(rule="every_message")
    first = vote("ana", 1, 1, message="m1")
    other = vote("ana", 1, 1, message="m2")
    elsewhere = vote("ana", 2, 1, message="m1", platform="kick", slot=1)
    rows = vote_ledger.append(poll, [first, other, first, elsewhere])
    assert count(poll, rows).tally == ((2, 0, 0), (0, 1, 0))
    assert count(poll, rows).counted == {1, 2, 4}


def with_rules(**rules: object) -> Poll:
    written = draft()
    changed = replace(written.rules, **rules)  # type: ignore[arg-type]
    return launched(replace(written, rules=changed), ("twitch", "kick"))


def test_times_of_the_model_are_exact() -> None:
    assert vote_ledger.microseconds(at(1)) - vote_ledger.microseconds(at(0)) == 1_000_000
