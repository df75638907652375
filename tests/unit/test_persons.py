"""One vote per person: any votes, links and unlinks, in any order, come to what a count from scratch does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules import outcome, persons, vote_ledger
from server.rules.persons import Stance
from server.rules.poll import Close, Lock, Poll, PollRules, Reveal, apply
from server.rules.tally import Tally
from server.rules.vote_audit import audit
from server.rules.vote_export import count, document, spreadsheet
from server.rules.votes import BallotKey, Counted, Vote, take
from tests.unit.models import VOTER_KEY, at, draft, launched, vote

ACCOUNTS: tuple[BallotKey, ...] = tuple(
    (platform, name) for name in "abcd" for platform in ("twitch", "kick")
)
PEOPLE = tuple(UUID(int=n) for n in range(1, 5))


def poll_of_persons(*, changeable: bool = True, tie: Any = "gm") -> Poll:
    rules = PollRules(changeable=changeable, tie=tie, per_person=True)
    return launched(draft(rules=rules), ("twitch", "kick"))


def cast(account: BallotKey, choice: int, sent: float, message: str = "") -> Vote:
    platform, user = account
    return vote(
        user, choice, sent, platform=platform, slot=("twitch", "kick").index(platform), message=message
    )


@dataclass
class Store:
    """What the engine and its tables are to the rules: one poll, kept up to date step by step."""

    poll: Poll
    links: dict[BallotKey, UUID] = field(default_factory=dict)
    held: dict[BallotKey, Counted] = field(default_factory=dict)
    stances: dict[BallotKey, Stance] = field(default_factory=dict)
    rows: list[vote_ledger.Row] = field(default_factory=list)
    entries: list[vote_ledger.Entry] = field(default_factory=list)

    def vote(self, votes: list[Vote]) -> None:
        known = {(v.platform, v.user_id) for v in votes}
        replaced = {key: self.held[key] for key in known & self.held.keys()}
        taken = take(self.poll, votes, replaced)
        for key, v in taken.changed.items():
            self.held[key] = Counted(v.slot, v.choice, v.sent_at, v.message_id)
        rows = vote_ledger.append(self.poll, taken.votes)
        self.rows += rows
        self.poll = replace(self.poll, tally=taken.tally, ledger_rows=rows[-1].n, ledger_head=rows[-1].hash)
        self.settle(set(taken.changed), replaced)

    def link(self, accounts: tuple[BallotKey, ...], person: UUID | None) -> None:
        for account in accounts:
            if person is None:
                self.links.pop(account, None)
            else:
                self.links[account] = person
        self.settle(set(accounts), {})

    def settle(self, accounts: set[BallotKey], replaced: dict[BallotKey, Counted]) -> None:
        """As `engine.persons.settle`: only whoever is concerned is looked at."""
        known: set[BallotKey] = set()
        while asked := accounts - known:
            known |= asked
            for one in asked:
                accounts = accounts | {k for k in self.links if self.links[k] == self.links.get(one)}
                if one in self.stances:
                    person = self.stances[one].person
                    accounts = accounts | {k for k, s in self.stances.items() if s.person == person}
        before = {k: self.stances[k] for k in known & self.stances.keys()}
        standing = {k: self.held[k] for k in known & self.held.keys()}
        now = persons.stances(self.poll, standing, {k: self.links[k] for k in known & self.links.keys()})
        entries = persons.entries(self.poll, before, now, at(30))
        tally = persons.corrected(
            self.poll.tally,
            aside_before=[replaced.get(one) or standing[one] for one in persons.aside(before)],
            aside_now=[standing[one] for one in persons.aside(now)],
        )
        self.poll = replace(self.poll, tally=tally)
        for account in before:
            del self.stances[account]
        self.stances |= now
        if entries:
            self.entries += entries
            self.poll = replace(self.poll, ledger_rows=entries[-1].n, ledger_head=entries[-1].hash)


def from_scratch(poll: Poll, votes: list[Vote], links: dict[BallotKey, UUID]) -> Tally:
    """The plainest way: of every voter, who is a person or an account, the latest or the earliest."""
    best: dict[object, Vote] = {}
    for v in votes:
        account = (v.platform, v.user_id)
        who = links.get(account, account)
        other = best.get(who)
        if other is None or (_rank(v) > _rank(other)) == poll.rules.changeable:
            best[who] = v
    counts = [[0] * len(poll.options) for _ in poll.seats]
    for v in best.values():
        counts[v.slot][v.choice - 1] += 1
    return tuple(tuple(channel) for channel in counts)


def _rank(v: Vote) -> tuple[object, ...]:
    return v.sent_at, v.message_id, vote_ledger.voter_digest(VOTER_KEY, v.platform, v.user_id)


VOTES = st.builds(
    cast,
    st.sampled_from(ACCOUNTS),
    st.integers(1, 3),
    st.integers(0, 5),
    st.sampled_from(("", "m1", "m2", "m3")),
)
STEPS = st.lists(
    st.one_of(
        st.lists(VOTES, min_size=1, max_size=4),
        st.tuples(
            st.sets(st.sampled_from(ACCOUNTS), min_size=1, max_size=3).map(lambda one: tuple(sorted(one))),
            st.one_of(st.none(), st.sampled_from(PEOPLE)),
        ),
    ),
    max_size=25,
)


def distinct(steps: list[Any]) -> list[Any]:
    """The inbox lets every message of a platform in once."""
    seen: set[tuple[str, str]] = set()
    kept: list[Any] = []
    for step in steps:
        if isinstance(step, tuple):
            kept.append(step)
            continue
        fresh = []
        for v in step:
            if (v.platform, v.message_id) not in seen:
                seen.add((v.platform, v.message_id))
                fresh.append(v)
        if fresh:
            kept.append(fresh)
    return kept


@settings(max_examples=600, deadline=None)
@given(
    STEPS,
    st.booleans(),
    st.sampled_from(("gm", "first", "random", "none")),
    st.randoms(use_true_random=False),
)
def test_random_votes_links_and_unlinks_equal_a_recount_from_scratch(
    steps: list[Any], changeable: bool, tie: str, rng: Any
) -> None:
    """After every step, in another order of arrival, offline from the export: the same."""
    steps = distinct(steps)
    store = Store(poll_of_persons(changeable=changeable, tie=tie))
    votes: list[Vote] = []
    for step in steps:
        if isinstance(step, tuple):
            store.link(*step)
        else:
            votes += step
            store.vote(step)
        plain = from_scratch(store.poll, votes, store.links)
        assert store.poll.tally == plain
        assert count(store.poll, store.rows, store.entries).tally == plain
    # Any order of arrival, with the links of the end known from the start, comes to the same.
    rng.shuffle(votes)
    other = Store(poll_of_persons(changeable=changeable, tie=tie), dict(store.links))
    for one in votes:
        other.vote([one])
    assert other.poll.tally == store.poll.tally
    assert {k: s.counts for k, s in other.stances.items()} == {k: s.counts for k, s in store.stances.items()}
    # Closed, counted, exported, checked by a stranger.
    poll = apply(store.poll, Close(), at(60))
    replay = count(poll, store.rows, store.entries)
    poll = apply(poll, Lock(outcome.decide(poll, replay.tally, replay.steps)), at(80))
    export = json.loads(json.dumps(document(apply(poll, Reveal(), at(90)), store.rows, store.entries)))
    verdict = audit(export)
    assert verdict.faults == ()
    assert verdict.tally == store.poll.tally
    assert (verdict.rows, verdict.entries) == (len(store.rows), len(store.entries))


def two_of_one() -> Store:
    store = Store(poll_of_persons())
    store.vote([cast(("twitch", "a"), 1, 1), cast(("kick", "a"), 2, 2), cast(("twitch", "b"), 1, 3)])
    return store


def test_the_latest_vote_of_a_person_counts_whatever_the_account() -> None:
    store = two_of_one()
    assert store.poll.tally == ((2, 0, 0), (0, 1, 0))
    store.link((("twitch", "a"), ("kick", "a")), PEOPLE[0])
    assert store.poll.tally == ((1, 0, 0), (0, 1, 0))
    store.vote([cast(("twitch", "a"), 3, 5)])
    assert store.poll.tally == ((1, 0, 1), (0, 0, 0))
    store.vote([cast(("kick", "a"), 1, 4)])  # sent before, arrives after
    assert store.poll.tally == ((1, 0, 1), (0, 0, 0))
    store.link((("kick", "a"),), None)
    assert store.poll.tally == ((1, 0, 1), (1, 0, 0))


def test_where_votes_stand_the_first_of_a_person_counts() -> None:
    store = Store(poll_of_persons(changeable=False), {("twitch", "a"): PEOPLE[0], ("kick", "a"): PEOPLE[0]})
    store.vote([cast(("kick", "a"), 2, 2)])
    store.vote([cast(("twitch", "a"), 1, 1)])
    assert store.poll.tally == ((1, 0, 0), (0, 0, 0))


def test_the_ledger_says_whose_vote_does_not_count_and_why() -> None:
    store = two_of_one()
    store.link((("twitch", "a"), ("kick", "a")), PEOPLE[0])
    store.link((("twitch", "a"), ("kick", "a")), None)
    told = document(store.poll, store.rows, store.entries)["rows"]
    assert [row["n"] for row in told] == [1, 2, 3, 4, 5, 6, 7]
    twitch, kick = (vote_ledger.voter_digest(VOTER_KEY, p, "a").hex() for p in ("twitch", "kick"))
    said = [(row["voter"], row["why"], row["counts"]) for row in told[3:]]
    assert set(said[:2]) == {(twitch, "same_person", False), (kick, "of_person", True)}
    assert set(said[2:]) == {(twitch, "alone", True), (kick, "alone", True)}


def test_a_spreadsheet_names_the_person_by_a_digest_and_says_why_not() -> None:
    store = two_of_one()
    store.link((("twitch", "a"), ("kick", "a")), PEOPLE[0])
    head, *lines = spreadsheet(store.poll, store.rows, store.entries).splitlines()
    assert head.endswith("hash,person,why_not")
    person = vote_ledger.person_digest(VOTER_KEY, PEOPLE[0]).hex()
    assert lines[0].endswith(f",{person},same person")
    assert lines[1].endswith(f",{person},")
    assert lines[2].endswith(",,")
    assert str(PEOPLE[0]) not in "".join(lines)


def tampered(export: dict[str, Any], index: int, name: str, value: object) -> dict[str, Any]:
    altered: dict[str, Any] = json.loads(json.dumps(export))
    altered["rows"][index][name] = value
    return altered


@pytest.mark.parametrize(
    ("name", "value"),
    [("counts", True), ("person", None), ("person", "00" * 16), ("voter", "00" * 16), ("why", "alone"),
     ("n", 9), ("counts", 0), ("at", "2026-11-20T20:00:00.000000Z"), ("hash", "00" * 32), ("person", "")],
)  # fmt: skip
def test_whoever_touches_an_entry_is_found_out(name: str, value: object) -> None:
    store = two_of_one()
    store.link((("twitch", "a"), ("kick", "a")), PEOPLE[0])
    export = document(store.poll, store.rows, store.entries)
    assert audit(json.loads(json.dumps(export))).good
    index = next(n for n, row in enumerate(export["rows"]) if row.get("counts") is False)
    verdict = audit(tampered(export, index, name, value))
    assert verdict.first_bad_row == index + 1


def test_an_entry_that_is_sealed_but_wrong_is_found_out() -> None:
    """A server that sets the wrong vote aside cannot pass."""
    store = two_of_one()
    store.link((("twitch", "a"), ("kick", "a")), PEOPLE[0])
    rows, poll = store.rows, store.poll
    previous, entries = rows[-1].hash, []
    for entry in store.entries:
        previous = vote_ledger.seal_entry(
            previous, n=entry.n, voter=entry.voter, person=entry.person, counts=not entry.counts,
            at_us=vote_ledger.microseconds(entry.at),
        )  # fmt: skip
        entries.append(entry._replace(counts=not entry.counts, hash=previous))
    verdict = audit(json.loads(json.dumps(document(poll, rows, entries))))
    assert len(verdict.faults) == 2
    assert "the rule says the contrary" in verdict.faults[0]


def test_a_poll_that_counts_accounts_has_the_format_it_always_had() -> None:
    poll = launched()
    assert vote_ledger.header(poll)["format"] == "hubbub.vote_ledger/1"
    assert "per_person" not in vote_ledger.header(poll)
    head = document(poll_of_persons(), [])["header"]
    assert (head["format"], head["per_person"]) == ("hubbub.vote_ledger/2", True)
    assert audit(document(poll_of_persons(), [])).good


def test_an_export_cannot_hide_that_it_counts_persons() -> None:
    export = document(poll_of_persons(), [])
    for changed in (
        {"format": "hubbub.vote_ledger/1"},
        {"header": {**export["header"], "per_person": False}},
    ):
        with pytest.raises(ValueError, match="another format"):
            audit({**export, **changed})


def test_a_crowd_of_a_rehearsal_has_no_persons() -> None:
    poll = poll_of_persons()
    assert persons.counts_persons(poll)
    assert not persons.counts_persons(replace(poll, simulated=True))
