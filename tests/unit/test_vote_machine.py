"""Votes against a plain model: several processes, any order, any repeats, while the poll lives its life.

What a process reads waits in its buffer until Hypothesis lets it commit; the commits of all processes go to
one shared store, one after the other, as the row lock of a campaign orders them. At the lock the tally, the
ledger and the winner must be those of the plain model, which knows nothing but the set of lines.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from server.rules import outcome, vote_ledger
from server.rules.chat import word_ballot
from server.rules.events import ChatMessage, User
from server.rules.poll import (
    Cancel,
    Close,
    Extend,
    Lock,
    Poll,
    PollRules,
    Rule,
    State,
    Tie,
    UndoCancel,
    apply,
    deadline,
)
from server.rules.tally import Tally, Weighting
from server.rules.vote_export import count
from server.rules.votes import BallotKey, Counted, Vote, ballot_key, read, take
from tests.unit.models import (
    SEED,
    START,
    VOTER_KEY,
    Window,
    draft,
    launched,
    plain_choice,
    plain_count,
    plain_first_to_reach,
    plain_sent,
)

LABELS = ("Left", "Middle", "Right")
CHANNELS = (("twitch", "100"), ("kick", "200"), ("twitch", "300"))
SLOTS = {key: slot for slot, key in enumerate(CHANNELS)}
PROCESSES = 3

#: Few people, so that minds are changed; the same ids on two platforms are two people.
people = st.sampled_from(["ana", "bob", "cat"])
#: Mostly votes; chatter among them, and what looks like a vote.
texts = st.sampled_from(["1", "2", "3", "!1", "#2", "!vote 3", "Left", " 2 ", "4", "lol", "02"])
#: How long ago a line that arrives now was sent, in seconds; below 0: stamped by a clock that is ahead.
ages = st.sampled_from([0.0, 0.0, 0.0, 0.001, 0.25, 1.0, 3.0, 12.0, -0.001, -1.0, -5.0, -5.001, -60.0])
moments = st.sampled_from([0.0, 0.001, 0.25, 1.0, 3.0, 9.0])


class Store:
    """What PostgreSQL is to the rules; `remembers`: with the inbox that keeps repeats away."""

    def __init__(self, poll: Poll, remembers: bool) -> None:
        self.poll = poll
        self.held: dict[BallotKey, Counted] = {}
        self.rows: list[vote_ledger.Row] = []
        self.words = word_ballot(poll.options, poll.rules.words)
        self._inbox: set[tuple[str, str]] | None = set() if remembers else None

    def commit(self, batch: Sequence[ChatMessage]) -> None:
        """One transaction of one process."""
        found = [read(self.poll, line, SLOTS, self.words) for line in batch]
        votes = [vote for vote in found if isinstance(vote, Vote)]
        if self._inbox is not None:
            new = {(v.platform, v.message_id): v for v in reversed(votes)}  # of two the first stays
            votes = [v for key, v in new.items() if key not in self._inbox]
            self._inbox |= new.keys()
        if not votes:
            return
        known = {ballot_key(self.poll, vote) for vote in votes} & self.held.keys()
        taken = take(self.poll, votes, {key: self.held[key] for key in known})
        for key, vote in taken.changed.items():
            self.held[key] = Counted(vote.slot, vote.choice, vote.sent_at, vote.message_id)
        rows = vote_ledger.append(self.poll, taken.votes)
        self.rows += rows
        self.poll = replace(self.poll, tally=taken.tally, ledger_rows=rows[-1].n, ledger_head=rows[-1].hash)

    def recount(self) -> Tally:
        """The tally from the held votes alone, as the engine counts at the lock."""
        counts = [[0] * len(self.poll.options) for _ in self.poll.seats]
        for held in self.held.values():
            counts[held.slot][held.choice - 1] += 1
        return tuple(tuple(channel) for channel in counts)


class VoteMachine(RuleBasedStateMachine):
    """Chat on several processes, and a game master who changes the poll meanwhile."""

    lines: Bundle[ChatMessage] = Bundle("lines")

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.said = {"twitch": 0, "kick": 0}
        self.buffers: list[list[ChatMessage]] = [[] for _ in range(PROCESSES)]
        #: Every line that was committed while the poll could take one: all that the model gets to know.
        self.table: list[ChatMessage] = []
        self.counted: Tally | None = None
        # When lines count, as the model knows it.
        self.closes = START
        self.pauses: list[tuple[datetime, datetime]] = []
        self.cancelled_at: datetime | None = None

    @initialize(
        early=st.lists(st.tuples(people, st.sampled_from(CHANNELS), texts), max_size=8),
        duration=st.sampled_from([10, 12]),
        grace=st.sampled_from([0, 3]),
        rule_=st.sampled_from(["one_vote", "one_vote", "every_message"]),
        changeable=st.booleans(),
        tie=st.sampled_from(["gm", "first", "first", "random", "none"]),
        weighting=st.sampled_from(["sum", "sum", "channel", "per_head"]),
        remembers=st.booleans(),
    )
    def launch(
        self,
        *,
        early: list[tuple[str, tuple[str, str], str]],
        duration: int,
        grace: int,
        rule_: Rule,
        changeable: bool,
        tie: Tie,
        weighting: Weighting,
        remembers: bool,
    ) -> None:
        rules = PollRules(rule=rule_, changeable=changeable, tie=tie, weighting=weighting, grace_s=grace)
        poll = launched(draft(LABELS, duration, rules), [platform for platform, _ in CHANNELS])
        self.store = Store(poll, remembers)
        self.closes = START + timedelta(seconds=duration)
        for n, (who, channel, text) in enumerate(early):
            self.write(who, channel, text, "zam"[n % 3], readers={n % PROCESSES})

    @property
    def poll(self) -> Poll:
        return self.store.poll

    @property
    def takes_votes(self) -> bool:
        """In a word: before the count, cancelled or not."""
        running = (State.OPEN, State.CLOSING)
        return self.poll.state in running or self.poll.cancelled_from in running

    # --- chat ----------------------------------------------------------------------------------------

    @rule(
        target=lines,
        who=people,
        channel=st.sampled_from(CHANNELS),
        text=texts,
        age=ages,
        letter=st.sampled_from("amz"),
        readers=st.sets(st.integers(0, PROCESSES - 1), min_size=1),
    )
    def somebody_writes(
        self, *, who: str, channel: tuple[str, str], text: str, age: float, letter: str, readers: set[int]
    ) -> ChatMessage:
        """A new line arrives at one process or at several. Ids are in no order, so equal times are decided
        by chance; on Kick and Twitch the same ids occur."""
        return self.write(who, channel, text, letter, readers=readers, age=age)

    def write(
        self,
        who: str,
        channel: tuple[str, str],
        text: str,
        letter: str,
        *,
        readers: set[int],
        age: float = 0.0,
    ) -> ChatMessage:
        platform, channel_id = channel
        self.said[platform] += 1
        message_id = f"{letter}{self.said[platform]}"
        sent = self.now - timedelta(seconds=age)
        line = ChatMessage(platform, channel_id, message_id, User(who, who, who), text, sent, self.now)
        self.give(line, readers)
        return line

    def give(self, line: ChatMessage, readers: set[int]) -> None:
        for process in readers:
            self.buffers[process].append(line)

    @rule(target=lines, who=people, channel=st.sampled_from(CHANNELS), texts=st.lists(texts, min_size=2))
    def somebody_cannot_decide(
        self, who: str, channel: tuple[str, str], texts: list[str]
    ) -> MultipleResults[ChatMessage]:
        """Several lines of one person at one moment."""
        return multiple(
            *(
                self.write(who, channel, text, "amz"[n % 3], readers={n % PROCESSES})
                for n, text in enumerate(texts[:4])
            )
        )

    @rule(line=lines, process=st.integers(0, PROCESSES - 1), restamped=st.booleans())
    def it_is_delivered_again(self, line: ChatMessage, process: int, restamped: bool) -> None:
        """To the same or another process, which may have read it later and says so.

        A line from the far future is stamped by its reader (reliability §3.7), which is the one thing that
        two readers may see differently; so it comes again as it was.
        """
        if restamped and plain_sent(line) == line.sent_at:
            line = line._replace(received_at=self.now)
        self.give(line, {process})

    @rule(line=lines, process=st.integers(0, PROCESSES - 1))
    def a_shared_chat_shows_it_elsewhere(self, line: ChatMessage, process: int) -> None:
        """The copy has the id of its original here, which is the worse case."""
        for platform, other in CHANNELS:
            if platform == line.platform and other != line.channel_id:
                self.give(line._replace(channel_id=other, source_channel_id=line.channel_id), {process})

    @rule(line=consumes(lines), process=st.integers(0, PROCESSES - 1))
    def an_old_line_comes_a_last_time(self, line: ChatMessage, process: int) -> None:
        self.give(line, {process})

    @rule(
        process=st.integers(0, PROCESSES - 1),
        size=st.integers(1, 6),
        turned=st.integers(0, 5),
        backwards=st.booleans(),
    )
    def a_process_commits(self, process: int, size: int, turned: int, backwards: bool) -> None:
        """Several deliveries as one batch, in any order."""
        buffer = self.buffers[process]
        start = turned % len(buffer) if buffer else 0
        in_order = buffer[start:] + buffer[:start]
        batch, self.buffers[process] = in_order[:size], in_order[size:]
        self.commit(batch[::-1] if backwards else batch)

    def commit(self, batch: Sequence[ChatMessage]) -> None:
        if self.takes_votes:
            self.table += batch
        self.store.commit(batch)

    @rule(process=st.integers(0, PROCESSES - 1))
    def a_process_dies(self, process: int) -> None:
        """What it had not committed was never acknowledged, and is gone."""
        self.buffers[process].clear()

    # --- time and the game master --------------------------------------------------------------------

    @rule(seconds=moments, order=st.permutations(range(PROCESSES)), behind=st.booleans())
    def time_passes(self, seconds: float, order: Sequence[int], behind: bool) -> None:
        """Deadlines fire on the way. Before the lock the processes commit what they hold, in any order; one
        of them may be `behind` and come too late."""
        self.now += timedelta(seconds=seconds)
        while (due := deadline(self.poll)) is not None and due[1] <= self.now:
            if due[0] == "close":
                assert due[1] == self.closes
                self.act(Close())
            else:
                assert due[0] == "lock", "results are revealed by a person here"
                for process in order[1:] if behind else order:
                    batch, self.buffers[process] = self.buffers[process], []
                    self.commit(batch)
                self.lock()

    @rule(
        edge=st.sampled_from(["close", "end of grace", "end of undo"]),
        beside=st.sampled_from([-0.001, -0.000001, 0.0, 0.000001, 0.001]),
        order=st.permutations(range(PROCESSES)),
    )
    def time_passes_to_an_edge(self, edge: str, beside: float, order: Sequence[int]) -> None:
        """The moments at which one microsecond decides."""
        poll = self.poll
        assert poll.closes_at is not None
        at = {
            "close": poll.closes_at,
            "end of grace": poll.closes_at + poll.grace,
            "end of undo": poll.undo_until or self.now,
        }[edge]
        seconds = (at - self.now).total_seconds() + beside
        if seconds > 0:
            self.time_passes(seconds, order, False)

    def act(self, command: Close | Extend | Cancel | UndoCancel) -> None:
        self.store.poll = apply(self.poll, command, self.now)

    @rule(
        wish=st.sampled_from(
            ["cancel", "bring it back", "cancel", "bring it back", "more time", "close early"]
        )
    )
    def the_gm_acts(self, wish: str) -> None:
        """What does not fit the state is refused, which test_poll_machine shows."""
        state = self.poll.state
        if wish == "close early" and state == State.OPEN:
            self.closes = min(self.now, self.closes)
            self.act(Close())
        elif wish == "more time" and state == State.OPEN:
            self.closes += timedelta(seconds=5)
            self.act(Extend(5))
        elif wish == "cancel" and state in (State.OPEN, State.CLOSING, State.CLOSED):
            self.cancelled_at = self.now if state == State.OPEN else None
            self.act(Cancel())
        elif wish == "bring it back" and self.poll.undo_until and self.now <= self.poll.undo_until:
            if self.cancelled_at is not None:
                self.pauses.append((self.cancelled_at, self.now))
                self.closes += self.now - self.cancelled_at
            self.act(UndoCancel())
            self.counted = None

    @property
    def window(self) -> Window:
        return Window(START, self.closes, self.poll.grace, tuple(self.pauses))

    # --- the count -----------------------------------------------------------------------------------

    def lock(self) -> None:
        """The grace is over: counted as the engine counts, and compared with the plain model."""
        poll = self.poll
        replay = count(poll, self.store.rows)
        decided = outcome.decide(poll, self.store.recount(), replay.steps)
        plain = plain_count(self.table, self.window, slots=SLOTS, labels=poll.options, rules=poll.rules)
        assert poll.tally == plain.tally, "running totals"
        assert decided.tally == plain.tally, "stored votes"
        assert replay.tally == plain.tally, "ledger"
        assert {
            (CHANNELS[row.slot][0], row.message_id) for row in self.store.rows if row.n in replay.counted
        } == plain.standing
        tied, winner = self.plain_winner(poll, plain.tally)
        assert (decided.tied, decided.winner) == (tied, winner)
        self.store.poll = apply(poll, Lock(decided), self.now)
        self.counted = plain.tally

    def plain_winner(self, poll: Poll, tally: Tally) -> tuple[tuple[int, ...], int | None]:
        """Who is tied, and who wins, by the rule that was told before."""
        weight = {option: plain_weight(tally, option, poll.rules.weighting) for option in (1, 2, 3)}
        top = tuple(option for option, own in weight.items() if own == max(weight.values()) > 0)
        if len(top) <= 1:
            return (), top[0] if top else None
        if poll.rules.tie == "first":
            return top, plain_first_to_reach(self.cast(poll), top, changeable=poll.rules.changeable)
        if poll.rules.tie == "random":
            assert poll.ledger_head is not None
            drawn = f"{poll.id}|{poll.ledger_head.hex()}|{','.join(map(str, top))}"
            number = int(hmac.new(SEED, drawn.encode(), hashlib.sha256).hexdigest(), 16)
            return top, top[number % len(top)]
        return top, None

    def cast(self, poll: Poll) -> set[tuple[datetime, str, str, int]]:
        """The lines that are votes, each once, as `plain_first_to_reach` wants them. At one moment under one
        id, which only two platforms can bring about, the voter's digest decides."""
        window, found = self.window, set()
        for line in self.table:
            choice = plain_choice(line.text, poll.options, poll.rules.words)
            if choice is not None and not line.is_shared_copy and window.lets_in(line):
                account = f"{line.platform}:{line.user.id}".encode()
                voter = hmac.new(VOTER_KEY, account, hashlib.sha256).hexdigest()[:32]
                if poll.rules.rule == "every_message":
                    voter += line.message_id
                found.add((plain_sent(line), line.message_id, voter, choice))
        return found

    @invariant()
    def the_running_totals_are_the_stored_votes(self) -> None:
        assert self.poll.tally == self.store.recount()

    @invariant()
    def what_was_counted_stays(self) -> None:
        if self.counted is not None:
            assert self.poll.tally == self.counted

    @invariant()
    def the_ledger_has_no_gap(self) -> None:
        assert [row.n for row in self.store.rows] == list(range(1, self.poll.ledger_rows + 1))

    def teardown(self) -> None:
        """Every walk ends with a count, if the poll can still have one."""
        if not hasattr(self, "store"):
            return
        self.the_gm_acts("bring it back")
        for _ in range(20):
            self.time_passes(9.0, range(PROCESSES), False)
        assert self.poll.state in (State.CLOSED, State.CANCELLED)


def plain_weight(tally: Tally, option: int, weighting: Weighting) -> Fraction:
    """What an option weighs, after widgets.md §9; `capped` has a model of its own in test_tally."""
    weight = Fraction(0)
    for channel in tally:
        votes, heads = channel[option - 1], sum(channel)
        if weighting == "sum":
            weight += votes
        elif weighting == "per_head" and heads:
            weight += Fraction(votes, heads)
        elif weighting == "channel" and heads and votes == max(channel):
            weight += Fraction(1, channel.count(votes))
    return weight


VoteMachine.TestCase.settings = settings(
    max_examples=20_000 if os.environ.get("CHAOS") else 1000,
    stateful_step_count=25,
    derandomize=True,
    deadline=None,
)
TestVoteMachine = VoteMachine.TestCase
