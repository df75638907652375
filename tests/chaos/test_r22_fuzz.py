"""R22: no line of chat, however made, raises, takes long, or is another vote than the plain reading says."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from integrations.twitch.irc_events import REASONS, Chat, Ignored, read_line
from integrations.twitch.irc_parser import split_frame
from server.engine.intake import Judged, judge
from server.rules import vote_ledger
from server.rules.chat import LONGEST_VOTE, word_ballot
from server.rules.events import ChatMessage, Event, OtherEvent
from server.rules.platform_events import PlatformEvent
from server.rules.poll import PollRules
from server.rules.votes import Reader, Vote, take
from server.web.api.events import Lines, Rejected, event_of
from server.web.strict_json import NotStrictJson, parse
from tests.chaos import hostile_chat
from tests.chaos.trial import Trial, bound
from tests.unit.models import at, draft, launched, plain_choice

#: R22: p99 and the worst, in seconds of this thread's own time: what others take on the machine is not ours.
P99_S, WORST_S = 0.0005, 0.005
CHANNELS = {(platform, "100"): UUID(int=n) for n, platform in enumerate(("twitch", "kick", "custom"), 1)}
NOW = at(2)
T = TypeVar("T")


class Crowd:
    """Polls under every word rule, and what the lines of a crowd came to in them."""

    def __init__(self) -> None:
        self.polls = [
            launched(draft(rules=PollRules(words=words, rule=rule)), ("twitch", "kick", "custom"))
            for words in ("off", "exact", "any_case")
            for rule in ("one_vote", "every_message")
        ]
        seats = {key: slot for slot, key in enumerate(CHANNELS)}
        self.readers = [
            Reader(poll, seats, word_ballot(poll.options, poll.rules.words)) for poll in self.polls
        ]
        self.spent: list[float] = []
        self.fates: Counter[str] = Counter()

    def timed(self, work: Callable[[], T]) -> T:
        """Do it and note how long it took. What is over the bound once, but not again, was the machine."""
        tries: list[float] = []
        while not tries or (tries[-1] > WORST_S and len(tries) < 3):
            began = time.thread_time()
            try:
                done = work()
            finally:
                tries.append(time.thread_time() - began)
        self.spent.append(min(tries))
        return done

    def hear(self, number: int, events: Sequence[Event]) -> None:
        """What the engine does to lines between the lock and the database, in one of the polls."""
        which = number % len(self.polls)
        poll = self.polls[which]

        def take_in() -> Judged:
            judged = judge(events, [number % 2 == 0] * len(events), CHANNELS, self.readers[which])
            votes = tuple(judged.cast.values())
            if votes:
                vote_ledger.append(poll, take(poll, votes, {}).votes)
            return judged

        judged = self.timed(take_in)
        self.fates.update(outcome.kind for outcome in judged.outcomes)
        self.fates["vote"] += len(judged.cast)
        for event in events:
            self.check(which, event)

    def check(self, which: int, event: Event) -> None:
        """The plain reading of the words; times and seats are as they should be here."""
        poll = self.polls[which]
        if isinstance(event, ChatMessage) and not event.is_shared_copy and len(event.text) <= LONGEST_VOTE:
            found = self.readers[which](event)
            expected = plain_choice(event.text, poll.options, poll.rules.words)
            seated = (event.platform, event.channel_id) in CHANNELS
            if expected is None or not seated:
                assert not isinstance(found, Vote), ascii(event)
            elif poll.opens_at and poll.opens_at <= event.sent_at <= event.received_at:
                assert isinstance(found, Vote), ascii(event)
                assert found.choice == expected, ascii(event)

    def tell(self, trial: Trial, name: str) -> None:
        self.spent.sort()
        p99, worst = self.spent[int(len(self.spent) * 0.99)], self.spent[-1]
        trial.figure(name, f"{len(self.spent)} steps, p99 {p99 * 1e6:.0f} µs, worst {worst * 1000:.2f} ms")
        trial.record.note("fates", of=name, **self.fates)
        assert p99 <= P99_S, f"p99 {p99 * 1000:.3f} ms"
        assert worst <= WORST_S, f"worst {worst * 1000:.2f} ms"


@contextmanager
def no_collections() -> Iterator[None]:
    """The collector looks through all that the test run holds, which has nothing to do with a line."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def read_frame(frame: str) -> list[Event]:
    """The lines of chat in a frame, as said in a channel that takes part."""
    events: list[Event] = []
    for line in split_frame(frame)[0]:
        what = read_line(line, NOW)
        if isinstance(what, Chat):
            events.append(what.event._replace(channel_id="100"))
        elif isinstance(what, Ignored):
            assert what.reason in REASONS
    return events


def read_item(item: Any) -> Event | PlatformEvent:
    """As the events API reads it. Raises Rejected."""
    return Lines(NOW).read(item) or event_of(item, NOW)


@bound(60, 1800)
async def test_r22_lines_of_twitch_irc(trial: Trial) -> None:
    crowd = Crowd()
    with no_collections():
        for number in range(trial.scale.count(10_000, 500_000)):
            frame = hostile_chat.line(trial.random)
            events = crowd.timed(partial(read_frame, frame))
            for event in events:
                assert isinstance(event, ChatMessage)
                assert 1 <= len(event.user.id) <= 64
                assert 1 <= len(event.message_id) <= 128
                assert 1 <= len(event.user.name) <= 64
                assert event.sent_at.tzinfo is UTC
            crowd.hear(number, events)
            trial.progress(f"{number} lines of Twitch IRC")
            await asyncio.sleep(0)
    crowd.tell(trial, "lines")
    assert crowd.fates["vote"] > 0


@bound(60, 1800)
async def test_r22_events_of_the_api(trial: Trial) -> None:
    crowd = Crowd()
    refused = rejected = 0
    with no_collections():
        for number in range(trial.scale.count(10_000, 500_000)):
            item = hostile_chat.event(trial.random, number)
            # Half a surrogate pair becomes an escape, or bytes that are no UTF-8.
            text = json.dumps([item], ensure_ascii=number % 2 == 0)
            raw = text.encode("utf-8", "surrogatepass")
            try:
                value = crowd.timed(partial(parse, raw))
            except NotStrictJson:
                refused += 1
                continue
            try:
                event = crowd.timed(partial(read_item, value[0]))
            except Rejected:
                rejected += 1
                continue
            if isinstance(event, ChatMessage | OtherEvent):  # the others have rules of their own
                crowd.hear(number, [event])
            trial.progress(f"{number} events")
            await asyncio.sleep(0)
    crowd.tell(trial, "events")
    trial.figure("refused", refused + rejected)
    assert min(refused, rejected, crowd.fates["vote"]) > 0
