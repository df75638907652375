"""Which way each event of a batch takes: chat, the table, or what platforms tell beside both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from server.engine.intake import Outcome
from server.engine.platform_intake import KINDS
from server.rules.events import Arrival, ChatMessage, UnreadLine
from server.rules.platform_events import PlatformEvent
from server.rules.table_events import CharacterUpdated, CombatHappened, DiceRolled, TableEvent

#: All that a batch may hold.
Incoming: TypeAlias = Arrival | TableEvent | PlatformEvent
_Way: TypeAlias = Literal["chat", "table", "platform"]

_AT_TABLE: Final = (DiceRolled, CombatHappened, CharacterUpdated)


def is_of_table(event: Incoming) -> bool:
    """Whether it happened at a table and not in chat."""
    return isinstance(event, _AT_TABLE)


@dataclass(slots=True)
class Sorted:
    """A batch, each kind in the order in which it came."""

    chat: list[Arrival] = field(default_factory=list)
    receipts: list[bool] = field(default_factory=list)  # of those of chat
    table: list[TableEvent] = field(default_factory=list)
    platform: list[PlatformEvent] = field(default_factory=list)
    ways: list[_Way] = field(default_factory=list)

    def outcomes(
        self, of_chat: Iterable[Outcome], of_table: Iterable[Outcome], of_platform: Iterable[Outcome]
    ) -> list[Outcome]:
        """The outcomes of all, in the order of the batch."""
        ways = {"chat": iter(of_chat), "table": iter(of_table), "platform": iter(of_platform)}
        return [next(ways[way]) for way in self.ways]


def sort(events: Iterable[Incoming], receipts: Sequence[bool]) -> Sorted:
    """Each event on its way."""
    batch = Sorted()
    for event, receipt in zip(events, receipts, strict=True):
        # Nearly all is chat, and thousands of lines come at once.
        if isinstance(event, (UnreadLine, ChatMessage)):
            batch.chat.append(event)
            batch.receipts.append(receipt)
            batch.ways.append("chat")
        elif isinstance(event, _AT_TABLE):
            batch.table.append(event)
            batch.ways.append("table")
        elif isinstance(event, KINDS):
            batch.platform.append(event)
            batch.ways.append("platform")
        else:
            batch.chat.append(event)
            batch.receipts.append(receipt)
            batch.ways.append("chat")
    return batch
