"""A poll that Twitch runs beside ours, on its own channel (platforms/twitch.md §4.3 and §5, domain/polls.md).

Whoever watches there sees Twitch's own poll, and may vote in it once for free, and again for channel points.
What that means to ours is written down before the launch:

| native | free votes on Twitch | votes for channel points |
|---|---|---|
| off | there is no such poll | |
| beside | are shown, and do not count | cannot be given |
| points | are shown, and do not count | each counts as one, on a seat of its own |

A vote for channel points costs `points_per_vote`, so the votes are the points that were spent, divided by it:
that is the number which Twitch tells. Free votes do not count because the same viewer votes in chat.

Pure. Figures of Twitch are absolute and only grow, so that news may come twice and in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias
from uuid import UUID

from server.rules.platform_events import NativeChoice, NativePollTold
from server.rules.poll import Poll, State
from server.rules.votes import Vote

NativeState: TypeAlias = Literal["wanted", "running", "completed", "terminated", "archived", "refused"]

PLATFORM: Final = "twitch"
LONGEST_TITLE, LONGEST_CHOICE = 60, 25
MOST_CHOICES: Final = 5
SHORTEST_S, LONGEST_S = 15, 1800
#: Votes for channel points that one choice of one channel can have: each is a row of the ledger.
MOST_PAID: Final = 100_000
#: How long the count waits for the final figures of a poll whose points count, after everything else.
FINAL_WITHIN: Final = timedelta(seconds=20)

_OVER: Final = ("completed", "terminated", "archived")
_ORDER: Final = {"wanted": 0, "refused": 0, "running": 1, "completed": 2, "terminated": 2, "archived": 3}


@dataclass(frozen=True, slots=True)
class NativePoll:
    """One channel's."""

    poll_id: UUID  # ours
    broadcaster_id: str
    channel_id: UUID | None
    login: str
    slot: int | None = None  # the seat of its votes for channel points; None: they do not count
    native_id: str | None = None  # Twitch's
    choice_ids: tuple[str, ...] = ()  # Twitch's, in the order of our options
    state: NativeState = "wanted"
    detail: str = ""  # why it is refused
    votes: tuple[int, ...] = ()  # by choice, however they were given
    points: tuple[int, ...] = ()  # those among them that were paid with channel points

    @property
    def is_over(self) -> bool:
        """Whether its figures are final."""
        return self.state in _OVER

    @property
    def is_awaited(self) -> bool:
        """Whether figures that count may still come."""
        return self.slot is not None and self.state in ("wanted", "running")


def unfit(question: str, options: Sequence[str], duration_s: int) -> tuple[str, ...]:
    """Why Twitch would not take such a poll, a sentence each, for whoever writes it."""
    found = []
    if len(question) > LONGEST_TITLE:
        found.append(
            f"A Twitch poll's question has {LONGEST_TITLE} characters at most; this has {len(question)}."
        )
    if len(options) > MOST_CHOICES:
        found.append(f"A Twitch poll has {MOST_CHOICES} options at most; this has {len(options)}.")
    found += [
        f"Option {number} of a Twitch poll has {LONGEST_CHOICE} characters at most; this has {len(option)}."
        for number, option in enumerate(options, 1)
        if len(option) > LONGEST_CHOICE
    ]
    if not SHORTEST_S <= duration_s <= LONGEST_S:
        found.append(
            f"A Twitch poll runs for {SHORTEST_S} s to {LONGEST_S // 60} minutes; this for {duration_s} s."
        )
    return tuple(found)


def duration_s(poll: Poll, now: datetime) -> int:
    """For how long Twitch is to run it: as long as ours still runs. Ours ends it, if that is sooner."""
    left = (poll.closes_at - now) if poll.closes_at else timedelta(seconds=poll.duration_s)
    seconds = -(-left // timedelta(seconds=1))
    return min(max(seconds, SHORTEST_S), LONGEST_S)


def begun(native: NativePoll, native_id: str, choices: Sequence[NativeChoice]) -> NativePoll:
    """Twitch runs it: which one it is."""
    return replace(
        native,
        native_id=native_id,
        choice_ids=tuple(choice.id for choice in choices),
        state="running",
        detail="",
        votes=tuple(choice.votes for choice in choices),
        points=tuple(choice.channel_points_votes for choice in choices),
    )


def refused(native: NativePoll, why: str) -> NativePoll:
    """Twitch does not run it. One that it runs stays as it is."""
    return native if native.native_id is not None else replace(native, state="refused", detail=why[:300])


def told(native: NativePoll, event: NativePollTold) -> NativePoll:
    """After news of it. What was told once more, or is older than what is known, changes nothing."""
    if native.native_id is None or event.poll_id != native.native_id:
        return native
    by_id = {choice.id: choice for choice in event.choices}
    state = event.state if _ORDER[event.state] > _ORDER[native.state] else native.state
    votes, points = list(native.votes), list(native.points)
    for place, choice_id in enumerate(native.choice_ids):
        if (choice := by_id.get(choice_id)) is not None:
            votes[place] = max(votes[place], choice.votes)
            points[place] = max(points[place], choice.channel_points_votes)
    return replace(native, state=state, votes=tuple(votes), points=tuple(points))


def uncounted(native: NativePoll, poll: Poll, told_at: datetime, now: datetime) -> Iterator[Vote]:
    """The votes for channel points that our poll has not counted yet, told at `told_at`, as votes of its own.

    Each has a number of its own, so that it can be counted once only: the ledger and `hubbub verify` treat it
    like any other. They fall into the poll's time; nobody knows more exactly when they were given.
    """
    if native.slot is None or native.native_id is None or not poll.tally:
        return
    if poll.opens_at is None or poll.closes_at is None:
        return
    moment = min(max(told_at, poll.opens_at), poll.closes_at)
    for choice, (paid, counted) in enumerate(zip(native.points, poll.tally[native.slot], strict=False), 1):
        for number in range(counted + 1, min(paid, MOST_PAID) + 1):
            mark = f"{native.native_id}:{choice}:{number}"
            yield Vote(PLATFORM, f"points:{mark}", native.slot, choice, moment, now, mark)


def in_words(native: NativePoll, poll: Poll) -> str:
    """How far it is, for whoever runs the show."""
    is_open = poll.state == State.OPEN
    match native.state:
        case "wanted":
            return "The Twitch poll is being started."
        case "refused":
            return native.detail
        case "running":
            return "The Twitch poll is running." if is_open else "The Twitch poll is being ended."
        case "completed" if is_open:
            return "The Twitch poll's time is over; it cannot be extended there. Chat votes on."
        case _ if is_open:
            return "The Twitch poll was ended on the channel. Chat votes on."
        case _ if any(paid > MOST_PAID for paid in native.points):
            return f"The Twitch poll is over. Of the votes for points {MOST_PAID} an option count."
    return "The Twitch poll is over."
