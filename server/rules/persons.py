"""One vote per person: accounts that are one person share a place in the count (reliability §3.2, §3.3).

The rule is that of a single account, with the person in the account's place: where votes may be changed the
latest by `(sent_at, message_id)` counts, of whichever account, and the earliest where they may not. Should
two platforms name the same message at the same moment, the voter digest decides. So the result is a function
of the votes and of who is one person, not of the order in which either became known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from server.rules.poll import Poll
from server.rules.tally import Tally
from server.rules.vote_ledger import Entry, microseconds, person_digest, seal_entry, voter_digest
from server.rules.votes import BallotKey, Counted


class Stance(NamedTuple):
    """An account that votes and is one person with others that vote, too."""

    person: bytes  # keyed digest, 16 bytes
    counts: bool  # its vote is the one that counts


def counts_persons(poll: Poll) -> bool:
    """Whether persons are looked for at all: a simulated crowd has none, whatever its accounts are called."""
    return poll.rules.per_person and not poll.simulated


def stances(
    poll: Poll, standing: Mapping[BallotKey, Counted], persons: Mapping[BallotKey, UUID]
) -> dict[BallotKey, Stance]:
    """Who counts among these accounts. Those that are alone, or whose others do not vote, are absent.

    `standing` is what accounts hold, `persons` who is whom; both have all accounts of each person in them.
    """
    key = _key(poll)
    groups: dict[UUID, list[BallotKey]] = {}
    for account in standing:
        if account in persons:
            groups.setdefault(persons[account], []).append(account)
    found: dict[BallotKey, Stance] = {}
    choose = max if poll.rules.changeable else min
    for person, accounts in groups.items():
        if len(accounts) > 1:
            counting = choose(accounts, key=lambda account: _order(key, account, standing[account]))
            digest = person_digest(key, person)
            found |= {account: Stance(digest, account == counting) for account in accounts}
    return found


def _order(key: bytes, account: BallotKey, vote: Counted) -> tuple[datetime, str, bytes]:
    return vote.sent_at, vote.message_id, voter_digest(key, *account)


def corrected(
    tally: Tally,
    *,
    aside_before: Iterable[Counted],
    aside_now: Iterable[Counted],
) -> Tally:
    """A tally that was kept as if votes were set aside as before, when these are set aside now."""
    counts = [list(channel) for channel in tally]
    for vote in aside_before:
        counts[vote.slot][vote.choice - 1] += 1
    for vote in aside_now:
        counts[vote.slot][vote.choice - 1] -= 1
    return tuple(tuple(channel) for channel in counts)


def aside(stances: Mapping[BallotKey, Stance]) -> list[BallotKey]:
    """Accounts whose votes do not count."""
    return [account for account, stance in stances.items() if not stance.counts]


def entries(
    poll: Poll, before: Mapping[BallotKey, Stance], now: Mapping[BallotKey, Stance], at: datetime
) -> tuple[Entry, ...]:
    """What the ledger is told behind its last row: each account whose stance has changed, in fixed order."""
    key, previous = _key(poll), poll.ledger_head
    if previous is None:
        raise ValueError("a draft has no ledger")
    changed = sorted(
        (voter_digest(key, *account), now.get(account))
        for account in before.keys() | now.keys()
        if before.get(account) != now.get(account)
    )
    made = []
    for n, (voter, stance) in enumerate(changed, poll.ledger_rows + 1):
        person, counts = stance or (None, True)
        previous = seal_entry(
            previous, n=n, voter=voter, person=person, counts=counts, at_us=microseconds(at)
        )
        made.append(Entry(n, voter, person, counts, at, previous))
    return tuple(made)


def at_last(entries: Iterable[Entry]) -> dict[bytes, Entry]:
    """The last word of a ledger about each voter."""
    return {entry.voter: entry for entry in sorted(entries, key=lambda entry: entry.n)}


def persons_of(entries: Iterable[Entry]) -> dict[bytes, bytes]:
    """Which voters of a ledger are one person at its end: voter → person."""
    return {voter: entry.person for voter, entry in at_last(entries).items() if entry.person is not None}


def shared(persons: Mapping[bytes, bytes], voters: Collection[bytes]) -> frozenset[bytes]:
    """Persons of whom at least two of these voters are."""
    seen: set[bytes] = set()
    twice: set[bytes] = set()
    for voter in set(voters):
        if (person := persons.get(voter)) is not None:
            (twice if person in seen else seen).add(person)
    return frozenset(twice)


def _key(poll: Poll) -> bytes:
    if poll.voter_key is None:
        raise ValueError("a draft has no voters")
    return poll.voter_key
