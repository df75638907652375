"""One campaign at a time: lock, load, apply, commit, publish (design §2.1, reliability §3.3).

Any process may do this for any campaign; the row lock makes the order of `seq` the order of commits.
Between two transactions a room keeps what it knows and trusts it only if `seq` did not move.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog

from server.engine import alerts, ballots, intakes, native_polls, table
from server.engine.bench import Bench
from server.engine.clock import DatabaseClock
from server.engine.heard import Heard
from server.engine.intake import ACCEPTED, Outcome, judge
from server.engine.intakes import Incoming
from server.engine.memory import Room
from server.engine.patience import taken
from server.engine.table_boards import kind_of
from server.engine.turn import Also, Turn
from server.rules import outcome, poll_board, vote_export, vote_ledger
from server.rules.changes import Change
from server.rules.events import UnreadLine
from server.rules.native_poll import NativePoll
from server.rules.platform_events import PlatformEvent
from server.rules.poll import (
    RUNNING,
    Close,
    Command,
    Dismiss,
    Launch,
    Lock,
    Poll,
    Refused,
    Reveal,
    Seat,
    State,
    apply,
    deadline,
)
from server.rules.poll import Outcome as PollOutcome
from sql import channels, consents, deadlines, heads, inbox, polls, transactions, votes
from sql.pool import Connection, Database, UniqueViolation

log = structlog.get_logger(__name__)

#: The simulated channel that a rehearsal makes for itself.
REHEARSAL_LOGIN = "rehearsal"

_KEEP_IDLE_S = 3600.0
#: When the count is looked at again while it waits for a platform's own figures.
_AGAIN = timedelta(seconds=1)

Publish = Callable[[Change], None]


class NoPoll(LookupError):
    """The campaign has no such poll."""


class Rooms:
    """All campaigns of this process."""

    def __init__(
        self,
        database: Database,
        clock: DatabaseClock,
        publish: Publish,
        *,
        chance: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._database = database
        self._clock = clock
        self._publish = publish
        self._chance = chance
        self.heard = Heard(database)
        self._rooms: dict[UUID, Room] = {}
        #: Set when a deadline was armed, so that the deadline loop looks again.
        self.armed = asyncio.Event()
        #: Polls whose running totals differed from the count at close; must stay 0.
        self.miscounted = 0

    @asynccontextmanager
    async def turn(self, campaign_id: UUID, wait_s: float | None = None) -> AsyncIterator[tuple[Room, Turn]]:
        """The campaign is ours inside: all of it is done at the end, or nothing.

        `wait_s`: how long others may hold it. Raises heads.NoCampaign, or one of pool.UNREACHABLE.
        """
        room = self._rooms.setdefault(campaign_id, Room())
        room.used_at = time.monotonic()
        async with taken(room.lock, wait_s):
            try:
                async with self._database.transaction() as connection:
                    if wait_s is not None:
                        await transactions.wait_at_most(connection, wait_s)
                    head = await heads.lock(connection, campaign_id)
                    self._clock.observe(head.now)
                    turn = Turn(connection, campaign_id, head, head.seq)
                    if (room.epoch, room.seq, room.config_version) != (
                        head.epoch,
                        head.seq,
                        head.config_version,
                    ):
                        await self._load(room, turn)
                    yield room, turn
                    if turn.seq != head.seq:
                        await heads.advance(connection, campaign_id, turn.seq)
            except BaseException:
                room.forget()
                raise

            room.epoch, room.seq, room.config_version = head.epoch, turn.seq, head.config_version
        if turn.seq != head.seq:
            self._publish(turn.change())

    def forget_idle(self) -> None:
        """Let go of campaigns of which nothing was heard for a while; the next event loads them again."""
        idle_since = time.monotonic() - _KEEP_IDLE_S
        self._rooms = {
            id_: room for id_, room in self._rooms.items() if room.used_at > idle_since or room.lock.locked()
        }

    async def _load(self, room: Room, turn: Turn) -> None:
        everyone = await channels.list_of_campaign(turn.connection, turn.campaign_id)
        # A line read just before the platform told the channel's id carries the name it had until then.
        room.channels = {
            (channel.platform, channels.unknown_id(channel.login)): channel.id for channel in everyone
        }
        room.channels |= {(channel.platform, channel.channel_id): channel.id for channel in everyone}
        room.hold(await polls.running(turn.connection, turn.campaign_id))
        room.table = None

    async def ingest(
        self, campaign_id: UUID, events: Sequence[Incoming], *, receipts: Sequence[bool]
    ) -> list[Outcome]:
        """Take events in: the votes among them are counted, and all else goes to its intake.

        Answers one outcome per event, after COMMIT.

        `receipts[i]` says that event i is remembered whatever it is (somebody was promised an answer);
        of the others only votes are. Raises heads.NoCampaign, or one of pool.UNREACHABLE.
        """
        if not any(receipts) and await self._is_talk(campaign_id, events):
            return [ACCEPTED] * len(events)
        lines, others = intakes.sort(events)
        if others:
            receipts = intakes.lines_of(events, receipts)
        taken_by: Mapping[intakes.Intake, list[Outcome]] = {}
        async with self.turn(campaign_id) as (room, turn):
            judged = judge(lines, receipts, room.channels, room.reader)
            judged.repeated(await inbox.take_in(turn.connection, campaign_id, judged.wanted, turn.head.now))
            if room.poll is not None and judged.cast:
                await ballots.count(room, turn, room.poll, tuple(judged.cast.values()))
            if others:
                taken_by = await intakes.take(Bench(room, turn, self._chance, self.armed), others)
        self.heard.note(
            (room.channels[event.platform, event.channel_id], event)
            for event, receipt, result in zip(lines, receipts, judged.outcomes, strict=True)
            if receipt and result.kind != "rejected" and not isinstance(event, UnreadLine)
        )
        if not others:
            return judged.outcomes
        outcomes = intakes.in_order(events, judged.outcomes, taken_by)
        self.heard.note(
            (room.channels[event.platform, event.channel_id], event)
            for event, result in zip(events, outcomes, strict=True)
            if isinstance(event, PlatformEvent)
            and result.kind != "rejected"
            and (event.platform, event.channel_id) in room.channels
        )
        return outcomes

    async def _is_talk(self, campaign_id: UUID, arrivals: Sequence[Incoming]) -> bool:
        """Whether there is no vote among these lines, so that nothing has to be stored.

        What the room knows decides, if it still holds when the campaign's row can be had: whoever launches a
        poll after that opens it after these lines were received, and whoever was at it has finished.
        """
        room = self._rooms.get(campaign_id)
        if room is None:
            return False
        async with taken(room.lock, None):
            room.used_at = time.monotonic()
            reader = room.reader
            for line in arrivals:
                if not isinstance(line, UnreadLine) or (reader is not None and reader.chosen(line.text)):
                    return False
            async with self._database.connection() as connection:
                head = await heads.lock(connection, campaign_id)
            self._clock.observe(head.now)
            return (room.epoch, room.seq, room.config_version) == (head.epoch, head.seq, head.config_version)

    async def command(
        self, campaign_id: UUID, poll_id: UUID, command: Command, *, also: Also | None = None
    ) -> None:
        """Do what the game master asks. Raises Refused, NoPoll, heads.NoCampaign, and what `also` raises."""
        try:
            async with self.turn(campaign_id) as (room, turn):
                poll = await self._poll(turn, poll_id)
                if isinstance(command, Reveal):
                    command = self._revealing(room, poll)
                await self._change(room, turn, poll, apply(poll, command, turn.head.now))
                if also:
                    await also(turn.connection, poll_id)
        except UniqueViolation:
            raise already_running() from None

    async def launch(
        self,
        campaign_id: UUID,
        poll_id: UUID,
        *,
        simulated: bool = False,
        keep_draft: bool = False,
        also: Also | None = None,
    ) -> None:
        """Open a poll on every channel of the campaign, or on its simulated crowd alone.

        keep_draft: open a copy of the draft, whose id `also` is told.
        """
        try:
            async with self.turn(campaign_id) as (room, turn):
                poll = await self._poll(turn, poll_id)
                if room.poll is not None and room.poll.state in RUNNING and room.poll.id != poll_id:
                    raise already_running()
                if keep_draft and poll.state == State.DRAFT:  # what is none is refused below
                    poll = await polls.copy(turn.connection, poll)
                seats = await self._seats(turn, simulated)
                # A campaign that has only simulated channels rehearses, whatever it was asked for.
                only_simulated = simulated or not seats
                if only_simulated and not simulated:
                    seats = await self._seats(turn, True, create=False)
                everyone = await channels.list_of_campaign(turn.connection, turn.campaign_id)
                wanted: Sequence[NativePoll] = ()
                if not only_simulated:  # a rehearsal reaches nobody's channel
                    native_polls.check(poll)
                    seats, wanted = native_polls.seated(poll, seats, {one.id: one for one in everyone})
                launch = Launch(seats, self._chance(32), self._chance(32), simulated=only_simulated)
                launched = apply(poll, launch, turn.head.now)
                launched = replace(launched, ledger_head=vote_ledger.genesis(vote_ledger.header(launched)))
                await polls.save_launch(turn.connection, launched)
                await native_polls.order(turn.connection, launched, wanted)
                await self._clear_stage(room, turn, launched.id)
                await self._schedule(turn, launched)
                await turn.show(launched.id, poll_board.board(launched))
                room.hold(launched)
                if also:
                    await also(turn.connection, launched.id)
        except UniqueViolation:
            raise already_running() from None

    async def _clear_stage(self, room: Room, turn: Turn, poll_id: UUID) -> None:
        """Whatever comes onto the stage has it for itself."""
        for old in await polls.on_screen(turn.connection, turn.campaign_id, poll_id):
            await self._change(room, turn, old, apply(old, Dismiss(), turn.head.now))

    @staticmethod
    def _revealing(room: Room, poll: Poll) -> Reveal:
        """An older result does not push a running poll off the stage."""
        other_runs = room.poll is not None and room.poll.state in RUNNING and room.poll.id != poll.id
        return Reveal(on_screen=not other_runs)

    async def _seats(self, turn: Turn, simulated: bool, *, create: bool = True) -> tuple[Seat, ...]:
        everyone = await channels.list_of_campaign(turn.connection, turn.campaign_id)
        chosen = [channel for channel in everyone if (channel.source == "simulated") == simulated]
        if chosen and not simulated:
            chosen = await self._willing(turn, chosen)
        if simulated and not chosen and create:
            chosen = [
                await channels.create(
                    turn.connection,
                    campaign_id=turn.campaign_id,
                    platform="custom",
                    login=REHEARSAL_LOGIN,
                    source="simulated",
                )
            ]
        return tuple(
            Seat(slot, channel.id, channel.platform, channel.login) for slot, channel in enumerate(chosen)
        )

    @staticmethod
    async def _willing(turn: Turn, chosen: Sequence[channels.Channel]) -> list[channels.Channel]:
        """Those whose streamers agree to polls now; a poll that runs is not asked again. Raises Refused when
        there are none: what is asked for viewers must not become a rehearsal."""
        refusals = await consents.refusals(turn.connection, turn.campaign_id, "polls")
        willing = [channel for channel in chosen if channel.id not in refusals]
        if not willing:
            raise Refused("nobody_agreed", f"No channel may be polled now. {refusals[chosen[0].id]}")
        return willing

    async def fire(self, due: deadlines.Due, wait_s: float | None = None) -> deadlines.Fired | None:
        """Let time act on a poll or a table; None when somebody else did, or when the deadline was moved.

        `wait_s`: how long others may hold the campaign; beyond it raises one of pool.UNREACHABLE.
        """
        async with self.turn(due.campaign_id, wait_s) as (room, turn):
            fired = await deadlines.fire(turn.connection, due.campaign_id, due.board_id, due.kind)
            if fired is None:
                return None
            if due.board_id == alerts.board_id(due.campaign_id):
                await alerts.fire(turn, self.armed)
                return fired
            if kind := kind_of(due.campaign_id, due.board_id):
                await table.fire(turn, await room.table_of(turn), kind, self.armed)
                return fired
            row = await polls.get(turn.connection, due.board_id)
            if row is None:
                return fired
            poll = row.poll
            if due.kind == "lock":
                if await native_polls.must_wait(turn, poll):
                    again = turn.head.now + _AGAIN
                    await deadlines.arm(turn.connection, due.campaign_id, poll.id, "lock", again)
                    self.armed.set()
                    return fired
                poll = await native_polls.settle(room, turn, poll)
            try:
                command = await self._due_command(room, turn, poll, due.kind)
                after = apply(poll, command, turn.head.now)
            except Refused as refusal:
                log.info("deadline_without_effect", kind=due.kind, reason=refusal.reason)
                return fired
            await self._change(room, turn, poll, after)
            return fired

    async def _due_command(self, room: Room, turn: Turn, poll: Poll, kind: str) -> Command:
        match kind:
            case "close":
                return Close()
            case "lock":
                return Lock(await self._count_anew(turn.connection, poll))
            case "reveal":
                return self._revealing(room, poll)
            case "leave":
                return Dismiss()
        raise Refused("unknown_deadline", f"No deadline is called {kind}.")

    async def _count_anew(self, connection: Connection, poll: Poll) -> PollOutcome:
        """The result from the stored votes; the running totals must agree with it."""
        tally = await votes.count(connection, poll.id, len(poll.seats), len(poll.options))
        if tally != poll.tally:
            self.miscounted += 1
            log.error("running_totals_differ", poll_id=str(poll.id), counted=tally, running=poll.tally)
        if poll.rules.tie != "first" or len(outcome.top(poll, tally)) <= 1:
            return outcome.decide(poll, tally, ())
        # Rare and long: the whole ledger decides, and the event loop goes on meanwhile.
        rows = await votes.ledger(connection, poll.id)
        counting = asyncio.to_thread(vote_export.count, poll, rows)
        counted = await transactions.while_working(connection, counting)
        return outcome.decide(poll, tally, counted.steps)

    async def _change(self, room: Room, turn: Turn, before: Poll, after: Poll) -> None:
        if after == before:
            return
        await polls.save(turn.connection, after)
        await native_polls.changed(turn.connection, before, after)
        await votes.save_results(turn.connection, after.id, before.tally, after.tally)
        await self._schedule(turn, after)
        # Even off screen a change takes a number, so that no process goes on with what it knew before.
        await turn.show(after.id, poll_board.board(after))
        if (room.poll is not None and room.poll.id == after.id) or after.state in RUNNING:
            room.hold(after)
        if after.on_screen and not before.on_screen:
            await self._clear_stage(room, turn, after.id)

    async def _schedule(self, turn: Turn, poll: Poll) -> None:
        next_up = deadline(poll)
        if next_up is None:
            await deadlines.disarm(turn.connection, poll.id)
        else:
            await deadlines.arm(turn.connection, turn.campaign_id, poll.id, *next_up)
            self.armed.set()

    async def announce(
        self,
        campaign_id: UUID,
        kind: str,
        data: Mapping[str, Any],
        *,
        ttl_ms: int,
        also: Also | None = None,
    ) -> None:
        """Tell every browser of the campaign something that happens once."""
        async with self.turn(campaign_id) as (_, turn):
            await turn.announce(kind, data, ttl_ms)
            if also:
                await also(turn.connection, campaign_id)

    @staticmethod
    async def _poll(turn: Turn, poll_id: UUID) -> Poll:
        row = await polls.get(turn.connection, poll_id)
        if row is None or row.poll.campaign_id != turn.campaign_id:
            raise NoPoll(str(poll_id))
        return row.poll


def already_running() -> Refused:
    """At most one open poll per campaign."""
    return Refused("already_running", "Another poll of this campaign is running: close or cancel it first.")
