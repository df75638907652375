"""Plain models of what the rules must come to, and the makers of polls, lines and crowds for the tests.

A model says the same as the rules in the plainest way: no batches, no order, no regular expressions.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from server.rules import vote_ledger
from server.rules.events import ChatMessage, User
from server.rules.poll import Launch, Poll, PollRules, Seat, apply
from server.rules.votes import Vote

START = datetime(2026, 11, 20, 20, 0, 0, 123456, UTC)
POLL_ID = UUID("01900000-0000-7000-8000-000000000001")
CAMPAIGN_ID = UUID("01900000-0000-7000-8000-000000000002")
SEED = bytes(range(32))
VOTER_KEY = bytes(range(32, 64))
PLATFORMS = ("twitch", "kick", "custom")


def at(seconds: float) -> datetime:
    """`seconds` after START, which is when polls of these tests open."""
    return START + timedelta(seconds=seconds)


def seeded(seed: int) -> random.Random:
    """The same choices every time."""
    return random.Random(seed)  # noqa: S311  repeatable, not secret


def draft(
    options: Sequence[str] = ("Left", "Middle", "Right"), duration_s: int = 60, rules: PollRules | None = None
) -> Poll:
    """A poll before its launch."""
    return Poll(POLL_ID, CAMPAIGN_ID, "Which door?", tuple(options), duration_s, rules or PollRules())


def seats_of(platforms: Sequence[str]) -> tuple[Seat, ...]:
    """One seat a platform named; the same platform twice means two channels on it."""
    return tuple(
        Seat(slot, UUID(int=slot + 1), platform, f"login{slot}") for slot, platform in enumerate(platforms)
    )


def launched(
    poll: Poll | None = None, platforms: Sequence[str] = ("twitch",), *, now: datetime = START
) -> Poll:
    """A poll that takes votes, with its ledger begun, as the engine launches it."""
    poll = apply(poll or draft(), Launch(seats_of(platforms), SEED, VOTER_KEY), now)
    return replace(poll, ledger_head=vote_ledger.genesis(vote_ledger.header(poll)))


def vote(
    user: str,
    choice: int,
    sent: float,
    *,
    slot: int = 0,
    message: str = "",
    platform: str = "twitch",
    received: float | None = None,
) -> Vote:
    """A vote `sent` seconds after START."""
    received = sent if received is None else received
    return Vote(platform, user, slot, choice, at(sent), at(received), message or f"{user}@{sent}")


def plain_choice(text: str, labels: Sequence[str], words: str) -> int | None:
    """The option that a line votes for, after contract §5, written without regular expressions."""
    text = plain_clean(text)
    number = _plain_number(text)
    if number is not None:
        return number if number <= len(labels) else None
    cleaned = [plain_clean(label) for label in labels]
    if words == "any_case":
        text, cleaned = text.casefold(), [label.casefold() for label in cleaned]
    if words == "off" or len(set(cleaned)) != len(cleaned) or "" in cleaned:
        return None
    if any(_plain_number(label) is not None for label in cleaned):
        return None  # a label that looks like a number vote: nobody could tell what was meant
    return cleaned.index(text) + 1 if text in cleaned else None


def plain_clean(text: str) -> str:
    """NFKC, then no format characters and nothing of U+E0000…U+E007F, then trimmed."""
    kept = ""
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character) != "Cf" and not 0xE0000 <= ord(character) <= 0xE007F:
            kept += character
    return kept.strip()


def _plain_number(text: str) -> int | None:
    """1…99 in one of the accepted spellings."""
    lowered = text.lower() if text.isascii() else text
    if lowered[:1] in ("!", "+", "#") and lowered[1:2].isdigit():
        lowered = lowered[1:]
    elif lowered.startswith(("!vote", "vote ")):
        lowered = lowered[5:].lstrip(" ")
    all_digits = lowered != "" and all(character in "0123456789" for character in lowered)
    return int(lowered) if all_digits and lowered[0] != "0" and len(lowered) <= 2 else None


@dataclass(frozen=True, slots=True)
class Window:
    """When lines count: the facts of a poll that the model needs."""

    opens: datetime
    closes: datetime
    grace: timedelta
    pauses: tuple[tuple[datetime, datetime], ...] = ()

    @classmethod
    def of(cls, poll: Poll) -> Window:
        assert poll.opens_at is not None
        assert poll.closes_at is not None
        return cls(poll.opens_at, poll.closes_at, poll.grace, poll.pauses)

    def lets_in(self, line: ChatMessage) -> bool:
        """Sent (at the latest when it arrived) while it ran, and not too late in arriving."""
        sent = min(plain_sent(line), line.received_at)
        return (
            self.opens - timedelta(milliseconds=1) <= sent <= self.closes
            and line.received_at <= self.closes + self.grace
            and not any(start < sent <= end for start, end in self.pauses)
        )


def plain_sent(line: ChatMessage) -> datetime:
    """The send time, unless it is more than 5 s after the arrival."""
    return line.received_at if line.sent_at - line.received_at > timedelta(seconds=5) else line.sent_at


@dataclass(frozen=True, slots=True)
class PlainCount:
    """What a set of lines comes to."""

    tally: tuple[tuple[int, ...], ...]
    standing: frozenset[tuple[str, str]]  # (platform, message id) of the votes that stand


def plain_count(
    lines: Iterable[ChatMessage],
    window: Window,
    *,
    slots: dict[tuple[str, str], int],
    labels: Sequence[str],
    rules: PollRules,
) -> PlainCount:
    """Put all lines on the table, sort each voter's, keep one."""
    cast: dict[tuple[str, str], dict[str, tuple[datetime, str, int, int]]] = {}
    for line in lines:
        choice = plain_choice(line.text, labels, rules.words)
        is_copy = line.source_channel_id not in (None, line.channel_id)
        slot = slots.get((line.platform, line.channel_id))
        if choice is None or is_copy or slot is None or not window.lets_in(line):
            continue
        who = line.user.id if rules.rule == "one_vote" else line.message_id
        mine = cast.setdefault((line.platform, who), {})
        mine[line.message_id] = (plain_sent(line), line.message_id, slot, choice)
    tally = [[0] * len(labels) for _ in slots]
    standing = set()
    for (platform, _), messages in cast.items():
        in_order = sorted(messages.values())
        _, message_id, slot, choice = in_order[-1 if rules.changeable else 0]
        tally[slot][choice - 1] += 1
        standing.add((platform, message_id))
    return PlainCount(tuple(tuple(channel) for channel in tally), frozenset(standing))


def crowd(
    rng: random.Random, window: Window, channels: Sequence[tuple[str, str]], labels: Sequence[str], size: int
) -> list[ChatMessage]:
    """Votes in time, early, late, in a pause, stamped by wrong clocks; chatter; shared-chat copies.

    Few voters and few moments, so that minds are changed and moments collide. Ids repeat over platforms:
    identity is `(platform, id)`, never the id alone.
    """
    open_for = (window.closes - window.opens).total_seconds()
    moments = [window.opens + timedelta(seconds=open_for * rng.randrange(8) / 7) for _ in range(6)]
    moments += [start + (end - start) / 2 for start, end in window.pauses]
    lines: list[ChatMessage] = []
    for _ in range(size):
        platform, channel_id = rng.choice(channels)
        sent = rng.choice(moments)
        received = sent + timedelta(
            seconds=rng.choice((0.0, 0.0, 0.2, 2.5, window.grace.total_seconds() + 0.1))
        )
        fault = rng.random()
        if fault < 0.04:
            sent = window.opens - timedelta(seconds=10)
        elif fault < 0.08:
            sent = received = window.closes + timedelta(milliseconds=1)
        elif fault < 0.12:
            sent = received + timedelta(seconds=rng.choice((3, 60)))
        user = f"u{rng.randrange(max(2, size // 3))}"
        message_id = f"m{sum(line.platform == platform for line in lines)}"
        lines.append(
            ChatMessage(
                platform, channel_id, message_id, User(user, user, user), _text(rng, labels), sent, received
            )
        )
    copies = [
        line._replace(channel_id=other, source_channel_id=line.channel_id)
        for line in rng.sample(lines, size // 10)
        for platform, other in channels
        if platform == line.platform and other != line.channel_id
    ]
    return lines + copies


def _text(rng: random.Random, labels: Sequence[str]) -> str:
    spellings = ("{}", "!{}", "+{}", "#{}", "!vote {}", "!vote{}", "vote {}", " {} ", "{}\U000e0000")
    chance = rng.random()
    if chance < 0.8:
        return rng.choice(spellings).format(rng.randint(1, len(labels)))
    if chance < 0.9:
        return rng.choice(labels)
    return rng.choice(("lol", "02", "1 2", str(len(labels) + 1), "-1", "!vote", "٣", "1.0"))


def plain_first_to_reach(
    lines: Iterable[tuple[datetime, str, str, int]], tied: Sequence[int], *, changeable: bool = True
) -> int:
    """Play `(sent, message id, voter, choice)` in the order of sending; who reaches its final count first?"""
    in_order = sorted(lines)
    final = _held(in_order, changeable)
    goals = {option: list(final.values()).count(option) for option in tied}
    for upto in range(1, len(in_order) + 1):
        now = list(_held(in_order[:upto], changeable).values())
        for option, goal in goals.items():
            if now.count(option) == goal:
                return option
    raise AssertionError("nobody reached the own count")


def _held(lines: Sequence[tuple[datetime, str, str, int]], changeable: bool) -> dict[str, int]:
    held: dict[str, int] = {}
    for _, _, voter, choice in lines:
        if changeable or voter not in held:
            held[voter] = choice
    return held
