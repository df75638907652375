"""Who takes what in: a batch is sorted by the kind of its events, and each kind has one intake.

Chat has none here: its lines are by far the most, and `Rooms.ingest` counts the votes among them itself. An
event that nobody takes in goes the same way: it is remembered and kept out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from server.engine import native_polls, redemption_intake, stream_intake, support_intake, table
from server.engine.bench import Bench
from server.engine.intake import Outcome
from server.rules.events import Arrival
from server.rules.platform_events import NativePollTold, PlatformEvent, Redeemed, StreamChanged, Supported
from server.rules.table_events import CharacterUpdated, CombatHappened, DiceRolled, TableEvent

#: All that a batch may hold.
Incoming: TypeAlias = Arrival | TableEvent | PlatformEvent

#: Takes events of its types in; one outcome an event, in their order.
Take: TypeAlias = Callable[[Bench, Sequence[Any]], Awaitable[list[Outcome]]]


class Intake(NamedTuple):
    """What takes events of some types in."""

    types: tuple[type, ...]
    take: Take
    at_once: bool = False  # everybody looks: the batch gathers for 2 ms instead of 20


#: In the order in which they work, after the lines of chat.
INTAKES = (
    Intake((DiceRolled, CombatHappened, CharacterUpdated), table.take, at_once=True),
    Intake((Redeemed,), redemption_intake.take),
    Intake((StreamChanged,), stream_intake.take),
    Intake((Supported,), support_intake.take),
    Intake((NativePollTold,), native_polls.take),
)

_BY_TYPE = {kind: intake for intake in INTAKES for kind in intake.types}


def is_urgent(event: Incoming) -> bool:
    """Whether somebody has just let go of a die, and everybody looks."""
    intake = _BY_TYPE.get(type(event))
    return intake is not None and intake.at_once


def sort(events: Sequence[Incoming]) -> tuple[list[Arrival], Mapping[Intake, list[Any]]]:
    """The lines of chat, and what each intake is given; most batches have lines only."""
    lines: list[Arrival] = []
    others: dict[Intake, list[Any]] = {}
    for event in events:
        intake = _BY_TYPE.get(type(event))
        if intake is None:
            lines.append(cast(Arrival, event))
        else:
            others.setdefault(intake, []).append(event)
    return lines, others


def lines_of(events: Iterable[Incoming], marks: Iterable[bool]) -> list[bool]:
    """Of one mark an event, those of the lines that `sort` answers."""
    return [mark for event, mark in zip(events, marks, strict=True) if type(event) not in _BY_TYPE]


async def take(bench: Bench, others: Mapping[Intake, Sequence[Any]]) -> dict[Intake, list[Outcome]]:
    """Everything beside chat, one intake after the other."""
    return {intake: await intake.take(bench, others[intake]) for intake in INTAKES if intake in others}


def in_order(
    events: Iterable[Incoming], of_chat: Iterable[Outcome], of_others: Mapping[Intake, Iterable[Outcome]]
) -> list[Outcome]:
    """All outcomes, in the order of the events that were sorted."""
    chat = iter(of_chat)
    others = {intake: iter(outcomes) for intake, outcomes in of_others.items()}
    answers = []
    for event in events:
        intake = _BY_TYPE.get(type(event))
        answers.append(next(chat if intake is None else others[intake]))
    return answers
