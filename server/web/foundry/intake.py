"""What a browser of a table sends, on its way into the engine, and the answers (vtt-wire-protocol §5, §7).

The module drops whatever it could not send, and never sends anything twice. So what has arrived is kept and
tried again while the database is away; meanwhile no more is read from that browser.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog

from integrations.vtt import characters, combat, foundry_roll
from integrations.vtt.characters import Unreadable
from integrations.vtt.foundry_roll import ModuleVerdict
from integrations.vtt.reading import plain
from server.engine.batch import Overloaded
from server.engine.intake import Outcome
from server.rules.criticality import Verdict
from server.rules.table_events import CharacterUpdated, CombatHappened, DiceRolled, TableEvent
from server.web.foundry import told_rolls
from server.web.foundry.browsers import Browser
from server.web.foundry.gate import ANSWERED
from server.web.foundry.told_rolls import ToldRolls
from server.web.services import Services
from sql import vtt_commands
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE

_log = structlog.get_logger(__name__)

#: Events of one browser that wait; then it is not read any more.
MOST_WAITING: Final = 64
#: How long they are kept for a database that is away.
PATIENCE_S: Final = 60.0
_AGAIN_AFTER_S: Final = 0.5
_FAILED: Final = "Something went wrong on the server; this was not stored"
_LOST: Final = "The database does not answer; this was not stored"


class Arrived(NamedTuple):
    """An event, and when it came by the database's clock."""

    name: str
    payload: object
    received_at: datetime


@dataclass(slots=True)
class _Read:
    """An event as the engine takes it; `reason` says why there is nothing to take."""

    arrived: Arrived
    event: TableEvent | None = None
    reason: str = ""


class Intake:
    """The events of one browser, in order. `run` must be alive; after `end` it stops when all are through."""

    def __init__(self, services: Services, browser: Browser, told: ToldRolls) -> None:
        self._services = services
        self._browser = browser
        self._told = told
        self._waiting: asyncio.Queue[Arrived | None] = asyncio.Queue(MOST_WAITING)

    async def put(self, arrived: Arrived) -> None:
        """Take an event; waits while too many wait already."""
        await self._waiting.put(arrived)

    def end(self) -> None:
        """No more will come."""
        try:
            self._waiting.put_nowait(None)
        except asyncio.QueueFull:
            task = asyncio.ensure_future(self._waiting.put(None))
            task.add_done_callback(lambda _: None)

    async def run(self) -> None:
        """Work until the end."""
        is_over = False
        while not is_over:
            batch = [await self._waiting.get()]
            while not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            is_over = None in batch
            await self._take([one for one in batch if one is not None])

    @property
    def _table(self) -> UUID:
        return self._browser.admitted.connection_id

    async def _take(self, batch: Sequence[Arrived]) -> None:
        ends_at = asyncio.get_running_loop().time() + PATIENCE_S
        while True:
            try:
                answers = await self._stored(batch)
                break
            except (*UNREACHABLE, Overloaded) as error:
                if asyncio.get_running_loop().time() > ends_at:
                    _log.error("foundry_events_lost", events=len(batch), reason=type(error).__name__)
                    answers = [(one, {"success": False, "error": _LOST}) for one in batch]
                    break
                await asyncio.sleep(_AGAIN_AFTER_S)
            except Exception:
                _log.exception("foundry_events_failed", connection_id=str(self._table))
                answers = [(one, {"success": False, "error": _FAILED}) for one in batch]
                break
        for arrived, answer in answers:
            if arrived.name in ANSWERED:
                await self._browser.say(f"{arrived.name}:ack", {**answer, **_named(arrived)})

    async def _stored(self, batch: Sequence[Arrived]) -> list[tuple[Arrived, dict[str, Any]]]:
        """Have them taken in; the answers. Raises one of UNREACHABLE, Overloaded: then it may be tried again,
        for whatever was taken is taken for a duplicate."""
        read = await self._read(batch)
        events = [one.event for one in read if one.event is not None]
        try:
            outcomes = iter(await self._services.batches.deliver(self._browser.admitted.campaign_id, events))
        except NoCampaign:
            outcomes = iter([Outcome("rejected", "campaign_gone")] * len(events))
        await self._report(read)
        return [
            (one.arrived, _answer(one.reason if one.event is None else _refusal(next(outcomes))))
            for one in read
        ]

    async def _read(self, batch: Sequence[Arrived]) -> list[_Read]:
        read = [self._reading(arrived) for arrived in batch]
        if any(isinstance(one.event, DiceRolled) for one in read):
            told = list(await self._told.of(self._table))
            for one in read if told else ():
                if isinstance(one.event, DiceRolled):
                    order = told_rolls.recognised(one.event.roll, one.event.received_at, told)
                    if order is not None:
                        one.event = one.event._replace(command_id=order.request_id)
        return read

    def _reading(self, arrived: Arrived) -> _Read:
        name, payload, received_at = arrived
        if isinstance(payload, dict):
            # Whose it is says the connection: a copy of the world keeps its name for itself.
            payload = {**payload, "worldId": self._browser.admitted.world_id}
        if name == "dice:roll":
            reading = foundry_roll.read(payload, received_at)
            if not reading.rolls:
                return _Read(arrived, None, reading.reasons[0])
            told = foundry_roll.verdict(payload)
            event = DiceRolled(
                self._table, reading.rolls[0], received_at, told=_verdict(told), details=_details(told)
            )
            return _Read(arrived, event)
        if name == "character:update":
            character = characters.read(payload)
            if isinstance(character, Unreadable):
                return _Read(arrived, None, character.reason)
            return _Read(arrived, CharacterUpdated(self._table, character, received_at))
        if name in combat.EVENTS:
            happened = combat.read(name, payload)
            if isinstance(happened, Unreadable):
                return _Read(arrived, None, happened.reason)
            return _Read(arrived, CombatHappened(self._table, happened, received_at))
        return _Read(arrived)

    async def _report(self, read: Sequence[_Read]) -> None:
        """What the table says of commands; an id that it was never told is passed over (edge case 6)."""
        reports: list[tuple[UUID, str]] = []
        for one in read:
            if isinstance(one.event, DiceRolled) and one.event.command_id is not None:
                reports.append((one.event.command_id, one.event.roll.source.ref))
            elif one.arrived.name.startswith("spell:effect:") and isinstance(one.arrived.payload, dict):
                request_id = _id(one.arrived.payload.get("requestId"))
                if request_id is not None:
                    reports.append((request_id, one.arrived.name.removeprefix("spell:effect:")))
        if reports:
            async with self._services.database.connection() as connection:
                for request_id, what in reports:
                    await vtt_commands.report(connection, self._table, request_id, what)


def _refusal(outcome: Outcome) -> str:
    return outcome.reason if outcome.kind == "rejected" else ""


def _answer(reason: str) -> dict[str, Any]:
    return {"success": False, "error": reason} if reason else {"success": True}


def _named(arrived: Arrived) -> dict[str, Any]:
    """What an answer repeats, so that whoever reads the module's log knows what it is about."""
    payload = arrived.payload
    name = {"dice:roll": "rollId", "character:update": "characterId"}.get(arrived.name, "combatId")
    value = payload.get(name) if isinstance(payload, dict) else None
    return {name: value} if isinstance(value, str) and len(value) <= 128 else {}


def _verdict(told: ModuleVerdict) -> Verdict | None:
    """What the module's adapter for the game's system makes of a roll; nothing where it only guesses."""
    if told.critical is None or told.is_guess:
        return None
    return Verdict(told.critical, told.severity or "major", told.label, "", "", told.category)


def _details(told: ModuleVerdict) -> Mapping[str, str]:
    details = {
        "skill": told.skill,
        "skill_raw": told.skill_raw,
        "ability": told.ability,
        "ability_raw": told.ability_raw,
    }
    return {name: value for name, value in details.items() if value}


def _id(value: object) -> UUID | None:
    try:
        return UUID(plain(value, 64))
    except ValueError:
        return None
