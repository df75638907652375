"""The crowd itself: who writes what and when, as a pure function of a seed.

Every second of a poll has a random generator of its own, so a crowd can be taken up in the middle, and
making a poll longer does not change what came before.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Literal, TypeAlias

from integrations.simulator import speech
from integrations.simulator.people import person
from integrations.simulator.speech import Words
from server.rules.events import ChatMessage, User

Kind: TypeAlias = Literal["vote", "near_miss", "chatter", "duplicate", "shared_copy", "late", "too_late"]

#: Stands for a channel that takes no part.
PARTNER = "sim-partner"
#: The longest a line is under way, in seconds.
LONGEST_DELAY_S = 9
_BURST_CHANCE = 1 / 25  # per second
_BURST_S = 3
_BURST_FACTOR = 5
_RUSH_S = 8  # everybody votes when a poll opens


@dataclass(frozen=True, slots=True)
class CrowdLine:
    """One delivery of one line of chat; times are milliseconds since the poll opened."""

    sent_ms: int
    arrives_ms: int
    number: int  # breaks ties in the order of arrival
    channel: int  # index of the channel it is read in
    message_id: str
    user: User
    text: str
    kind: Kind
    counts_as: int | None  # the option (1…) this delivery is a vote for; None when it must not count
    written_in: int | None = None  # shared chat: index of the channel it was written in

    def event(
        self, platform: str, channel_ids: Sequence[str], opens_at: datetime, received_at: datetime
    ) -> ChatMessage:
        """The line as an adapter would hand it on."""
        return ChatMessage(
            platform=platform,
            channel_id=channel_ids[self.channel],
            message_id=self.message_id,
            user=self.user,
            text=self.text,
            sent_at=opens_at + timedelta(milliseconds=self.sent_ms),
            received_at=received_at,
            source_channel_id=None if self.written_in is None else _source_id(channel_ids, self.written_in),
        )


def _source_id(channel_ids: Sequence[str], index: int) -> str:
    """A channel of the poll, or a partner's that takes no part."""
    return channel_ids[index] if 0 <= index < len(channel_ids) else PARTNER


def crowd(
    seed: int | str,
    options: Sequence[str],
    *,
    size: int = 400,
    rate: float = 12.0,
    duration_s: float | None = None,
    grace_s: float = 3.0,
    words: Words = "exact",
    channels: int = 1,
    start_s: float = 0.0,
    ids: str | None = None,
) -> Iterator[CrowdLine]:
    """Lines of chat round a poll, in order of arrival.

    `size` people write about `rate` lines a second over `channels` channels, more at the start and in
    bursts. With `duration_s` the poll closes then: late lines straddle the close, and the crowd falls
    silent a little later; without it the crowd never ends and every vote counts. Lines that would have
    arrived before `start_s` are left out. `ids` begins the message ids (by default the seed does): a
    crowd that comes a second time with the same ids is a crowd of duplicates.
    """
    spec = _Spec(
        str(seed),
        tuple(options),
        size,
        rate,
        duration_s,
        grace_s,
        words,
        channels,
        str(seed if ids is None else ids),
    )
    waiting: list[tuple[int, int, CrowdLine]] = []
    last = math.inf if duration_s is None else math.ceil(duration_s) + 1
    second = max(0, int(start_s) - LONGEST_DELAY_S)
    while second <= last or waiting:
        if second <= last:
            for line in _second(spec, second):
                heapq.heappush(waiting, (line.arrives_ms, line.number, line))
        second += 1
        # Whatever is written later arrives later than this.
        while waiting and waiting[0][0] < second * 1000:
            line = heapq.heappop(waiting)[2]
            if line.arrives_ms >= start_s * 1000:
                yield line


def expected_votes(
    lines: Iterable[CrowdLine],
    options: int,
    *,
    rule: Literal["one_vote", "every_message"] = "one_vote",
    changeable: bool = True,
) -> list[int]:
    """The votes of each option by the rules of the contract: the model that an engine is compared with."""
    ballots: dict[str, tuple[int, str, int]] = {}
    for line in lines:
        if line.counts_as is None:
            continue
        key = line.user.id if rule == "one_vote" else line.message_id
        vote = (line.sent_ms, line.message_id, line.counts_as)
        held = ballots.get(key)
        if held is None or ((vote[:2] > held[:2]) if changeable else (vote[:2] < held[:2])):
            ballots[key] = vote
    votes = Counter(choice for _, _, choice in ballots.values())
    return [votes[index] for index in range(1, options + 1)]


@dataclass(frozen=True, slots=True)
class _Spec:
    seed: str
    options: tuple[str, ...]
    size: int
    rate: float
    duration_s: float | None
    grace_s: float
    words: Words
    channels: int
    ids: str

    def random(self, *what: object) -> Random:
        """A generator for one purpose. Seeding with text is the same on every machine and version."""
        return Random("/".join(map(str, (self.seed, *what))))  # noqa: S311

    @property
    def close_ms(self) -> float:
        return math.inf if self.duration_s is None else self.duration_s * 1000

    def counts(self, choice: int, sent_ms: int, arrives_ms: int) -> int | None:
        in_time = sent_ms <= self.close_ms and arrives_ms <= self.close_ms + self.grace_s * 1000
        return choice if in_time else None


def _second(spec: _Spec, second: int) -> Iterator[CrowdLine]:
    """Everything that is written within one second, copies and repeats included."""
    random = spec.random("second", second)
    burst = _is_burst(spec, second)
    lively = spec.rate * (1 + 1.2 * max(0.0, 1 - second / _RUSH_S)) * (_BURST_FACTOR if burst else 1)
    count = int(lively) + (random.random() < lively % 1)
    if spec.duration_s is not None and second > spec.duration_s:
        count //= 4
    weights = _mood(spec, second)
    for index in range(count):
        number = second * 1_000_000 + index * 10
        line = _line(spec, random, second, number, weights, raid=burst and random.random() < 0.4)
        yield line
        yield from _echoes(spec, random, line)
    if spec.duration_s is not None and second == int(spec.duration_s):
        yield from _stragglers(spec, random, second, weights)


def _is_burst(spec: _Spec, second: int) -> bool:
    starts = range(max(2, second - _BURST_S + 1), second + 1)
    return any(spec.random("burst", start).random() < _BURST_CHANCE for start in starts)


def _mood(spec: _Spec, second: int) -> list[float]:
    """How much the crowd likes each option now: it leans one way, and the lead may change."""
    random = spec.random("mood")
    return [
        random.uniform(0.4, 1.6) * (1 + 0.6 * math.sin(second / random.uniform(7, 30) + random.uniform(0, 6)))
        for _ in spec.options
    ]


def _line(
    spec: _Spec, random: Random, second: int, number: int, weights: list[float], *, raid: bool
) -> CrowdLine:
    # Raiders are people of their own, who come on top of the crowd.
    who = (
        spec.size + random.randrange(max(1, spec.size // 4))
        if raid
        else int(spec.size * random.random() ** 1.6)
    )
    sent = second * 1000 + random.randrange(1000)
    arrives = sent + _delay_ms(random)
    choice = random.choices(range(1, len(spec.options) + 1), weights)[0]
    counts: int | None = None
    kind: Kind
    fate = random.random()
    if fate < (0.35 if raid else 0.72):
        text = speech.vote(random, choice, spec.options, spec.words)
        counts, kind = spec.counts(choice, sent, arrives), "vote"
        if sent > spec.close_ms or (counts is None):
            kind = "too_late"
        elif arrives > spec.close_ms:
            kind = "late"
    elif fate < 0.8:
        text, kind = speech.near_miss(random, choice, spec.options, spec.words), "near_miss"
    else:
        text, kind = speech.chatter(random, spec.options, spec.words, raid=raid), "chatter"
    return CrowdLine(
        sent_ms=sent,
        arrives_ms=arrives,
        number=number,
        channel=random.randrange(spec.channels),
        message_id=f"sim-{spec.ids}-{number}",
        user=person(spec.seed, who),
        text=text,
        kind=kind,
        counts_as=counts,
    )


def _delay_ms(random: Random) -> int:
    fate = random.random()
    if fate < 0.93:
        return random.randint(30, 350)
    if fate < 0.98:
        return random.randint(350, 1500)
    if fate < 0.997:
        return random.randint(1500, 2600)
    return random.randint(5000, LONGEST_DELAY_S * 1000)


def _echoes(spec: _Spec, random: Random, line: CrowdLine) -> Iterator[CrowdLine]:
    """What a platform makes of one line: the same delivery twice, or a copy in a partner's chat."""
    fate = random.random()
    if fate < 0.03:
        arrives = line.arrives_ms + random.randrange(2000)
        counts = None if line.counts_as is None else spec.counts(line.counts_as, line.sent_ms, arrives)
        yield replace(line, arrives_ms=arrives, number=line.number + 1, kind="duplicate", counts_as=counts)
    elif fate < 0.05:
        # Read here, written elsewhere: in another channel of the poll, or in one that takes no part.
        here = random.randrange(spec.channels)
        there = line.channel if here != line.channel else spec.channels
        yield replace(
            line,
            number=line.number + 2,
            message_id=f"{line.message_id}-copy",
            channel=here,
            written_in=there,
            kind="shared_copy",
            counts_as=None,
        )


def _stragglers(spec: _Spec, random: Random, second: int, weights: list[float]) -> Iterator[CrowdLine]:
    """At every close: votes in time that arrive late, votes that arrive too late, votes sent too late."""
    close, grace = round(spec.close_ms), round(spec.grace_s * 1000)
    moments: list[tuple[Kind, int, int]] = [("too_late", close - 100, close + grace + 1000)] * 2
    moments += [("too_late", close + 1, close + 60), ("too_late", close + 400, close + 500)]
    if grace:
        moments += [("late", close, close + grace // 2), ("late", close - 300, close + grace // 3)] * 2
    for index, (kind, sent, arrives) in enumerate(moments):
        # People of their own again: what they say must not hide behind an earlier vote.
        who = spec.size * 2 + index
        choice = random.choices(range(1, len(spec.options) + 1), weights)[0]
        number = second * 1_000_000 + 900_000 + index * 10
        yield CrowdLine(
            sent_ms=max(0, sent),
            arrives_ms=arrives,
            number=number,
            channel=random.randrange(spec.channels),
            message_id=f"sim-{spec.ids}-{number}",
            user=person(spec.seed, who),
            text=speech.vote(random, choice, spec.options, spec.words),
            kind=kind,
            counts_as=spec.counts(choice, max(0, sent), arrives),
        )
