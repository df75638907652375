"""What becomes of an event that arrives: taken, seen before, or refused for a stated reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

from server.rules.events import Arrival, ChatMessage, Event, UnreadLine
from server.rules.votes import Reader, Vote


class Outcome(NamedTuple):
    kind: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""  # why it was rejected, for programs and people


ACCEPTED, DUPLICATE = Outcome("accepted"), Outcome("duplicate")
NO_CHANNEL = Outcome("rejected", "unknown_channel")

#: What the inbox knows an event by.
Identity: TypeAlias = tuple[str, str]

#: Widths that the tables have; whatever is longer cannot be stored and is refused here.
LONGEST_MESSAGE_ID = 128
_LONGEST_USER_ID = 64


@dataclass(slots=True)
class Judged:
    """What memory can tell of a batch; the inbox still has to say which events were there before."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: The events to be remembered, by what they are known by, with their index.
    wanted: dict[Identity, int] = field(default_factory=dict)
    #: The votes among them by index.
    cast: dict[int, Vote] = field(default_factory=dict)

    def repeated(self, known: Iterable[Identity]) -> None:
        """These were taken in before."""
        for key in known:
            index = self.wanted.pop(key)
            self.outcomes[index] = DUPLICATE
            self.cast.pop(index, None)


def judge(
    arrivals: Sequence[Arrival],
    receipts: Sequence[bool],
    channels: Mapping[tuple[str, str], UUID],
    reader: Reader | None,
) -> Judged:
    """The outcome of every event as far as memory can tell.

    `receipts[i]` says that event i is remembered whatever it is. Of the others only votes are, and nobody
    reads what became of the rest: it passes as accepted, unexamined or even unread. `reader` is that of
    the poll that takes votes now.
    """
    judged = Judged()
    wanted, cast, add = judged.wanted, judged.cast, judged.outcomes.append
    for index, (arrival, receipt) in enumerate(zip(arrivals, receipts, strict=True)):
        event: Event | None
        if isinstance(arrival, UnreadLine):
            matters = receipt or (reader is not None and reader.chosen(arrival.text) is not None)
            event = arrival.read() if matters else None
            if event is None:
                add(ACCEPTED)
                continue
        else:
            event = arrival
        vote = None
        if reader is not None and isinstance(event, ChatMessage):
            found = reader(event)
            vote = found if isinstance(found, Vote) else None
        if vote is None and not receipt:
            add(ACCEPTED)
            continue
        if reason := refusal(event):
            add(Outcome("rejected", reason))
        elif (event.platform, event.channel_id) not in channels:
            add(NO_CHANNEL)
        elif (key := identity(event)) in wanted:
            add(DUPLICATE)
        else:
            wanted[key] = index
            add(ACCEPTED)
            if vote is not None:
                cast[index] = vote
    return judged


def identity(event: Event) -> Identity:
    """What the inbox knows an event by: its platform and message id.

    A shared-chat copy is kept apart: one that arrives first, under the id of its original, must not
    make a duplicate of the original, which alone is counted.
    """
    if isinstance(event, ChatMessage) and event.is_shared_copy:
        return (f"{event.platform} copy", event.message_id)
    return (event.platform, event.message_id)


def refusal(event: Event) -> str:
    """Why an event cannot be stored, or nothing. Adapters and the API check more; this is the last gate."""
    if not storable(event.message_id, LONGEST_MESSAGE_ID):
        return "bad_message_id"
    if isinstance(event, ChatMessage) and not storable(event.user.id, _LONGEST_USER_ID):
        return "bad_user_id"
    return ""


def storable(text: str, longest: int) -> bool:
    """PostgreSQL stores neither NUL nor half a surrogate pair, and no id has a control character."""
    if not 0 < len(text) <= longest:
        return False
    return text.isprintable() or not any(c < " " or "\ud800" <= c <= "\udfff" for c in text)
