"""What becomes of an event that arrives: taken, seen before, or refused for a stated reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from server.rules.events import ChatMessage, Event
from server.rules.votes import Vote


class Outcome(NamedTuple):
    kind: Literal["accepted", "duplicate", "rejected"]
    reason: str = ""  # why it was rejected, for programs and people


#: Widths that the tables have; whatever is longer cannot be stored and is refused here.
_LONGEST_MESSAGE_ID = 128
_LONGEST_USER_ID = 64


def judge(
    events: Sequence[Event],
    channels: Mapping[tuple[str, str], UUID],
    read: Callable[[ChatMessage], Vote | None],
) -> tuple[list[Outcome], dict[int, Vote]]:
    """The outcome of every event as far as memory can tell, and the votes among them by index."""
    outcomes: list[Outcome] = []
    cast: dict[int, Vote] = {}
    seen: set[tuple[str, str]] = set()
    for index, event in enumerate(events):
        key = identity(event)
        if reason := refusal(event):
            outcomes.append(Outcome("rejected", reason))
        elif (event.platform, event.channel_id) not in channels:
            outcomes.append(Outcome("rejected", "unknown_channel"))
        elif key in seen:
            outcomes.append(Outcome("duplicate"))
        else:
            seen.add(key)
            outcomes.append(Outcome("accepted"))
            if isinstance(event, ChatMessage) and (vote := read(event)) is not None:
                cast[index] = vote
    return outcomes, cast


def identity(event: Event) -> tuple[str, str]:
    """What the inbox knows an event by: its platform and message id.

    A shared-chat copy is kept apart: one that arrives first, under the id of its original, must not
    make a duplicate of the original, which alone is counted.
    """
    copied = isinstance(event, ChatMessage) and event.is_shared_copy
    return (f"{event.platform} copy" if copied else event.platform, event.message_id)


def refusal(event: Event) -> str:
    """Why an event cannot be stored, or nothing. Adapters and the API check more; this is the last gate."""
    if not 1 <= len(event.message_id) <= _LONGEST_MESSAGE_ID or not _storable(event.message_id):
        return "bad_message_id"
    if isinstance(event, ChatMessage) and (
        not 1 <= len(event.user.id) <= _LONGEST_USER_ID or not _storable(event.user.id)
    ):
        return "bad_user_id"
    return ""


def _storable(text: str) -> bool:
    """PostgreSQL stores neither NUL nor half a surrogate pair."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)
