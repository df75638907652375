"""Polls: definitions, drafts, and launches with their result."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import sql
from server.rules import poll as machine
from server.rules.native_poll import NativePoll
from server.rules.poll import UNDO_WINDOW, Poll, PollRules, Seat, State
from sql import gaps, native_polls, probe
from sql.gaps import Gap
from sql.ids import uuid7
from sql.pool import Connection, Row
from sql.votes import tally_of

_Q = sql.load("polls")

DRAFTS: tuple[State, ...] = (State.DRAFT,)
RUNNING: tuple[State, ...] = machine.RUNNING
DONE: tuple[State, ...] = (State.CLOSED, State.REVEALED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class PollRow:
    """A launch (or a draft of one) with its place in a rundown."""

    poll: Poll
    definition_id: UUID | None
    rundown_id: UUID | None
    order_index: int
    created_at: datetime
    natives: tuple[NativePoll, ...] = ()  # what Twitch runs beside it
    gaps: tuple[Gap, ...] = ()  # when chats that it counts were not heard

    @property
    def id(self) -> UUID:
        return self.poll.id


@dataclass(frozen=True, slots=True)
class Draft:
    """What a game master writes down before a launch."""

    question: str
    options: Sequence[str]
    duration_s: int
    rules: PollRules
    rundown_id: UUID | None = None
    order_index: int | None = None  # None: behind all others


async def create(connection: Connection, campaign_id: UUID, draft: Draft) -> UUID:
    """A definition and its first draft; answers the poll's id."""
    order = draft.order_index
    if order is None:
        order = await connection.fetchval(_Q["next_order"], campaign_id, draft.rundown_id)
    definition_id = uuid7()
    await connection.execute(
        _Q["create_definition"],
        definition_id,
        campaign_id,
        draft.rundown_id,
        order,
        draft.question,
        list(draft.options),
        draft.duration_s,
        asdict(draft.rules),
    )
    poll_id = uuid7()
    await connection.execute(
        _Q["create_instance"], poll_id, campaign_id, definition_id, *_draft_values(draft)
    )
    return poll_id


async def again(connection: Connection, row: PollRow) -> UUID:
    """A new draft with the same words and rules, at the end of the same rundown.

    It has a definition of its own: two drafts are ordered and edited apart. The rules are those that were
    written down, so that a default which the launch filled in is open again.
    """
    poll = row.poll
    rules = poll.rules
    if row.definition_id is not None:
        rules = PollRules(**await connection.fetchval(_Q["rules_of_definition"], row.definition_id))
    draft = Draft(poll.question, poll.options, poll.duration_s, rules, row.rundown_id)
    return await create(connection, poll.campaign_id, draft)


async def copy(connection: Connection, draft: Poll) -> Poll:
    """Another draft with the same words and rules, in no rundown."""
    copy_id = await create(
        connection, draft.campaign_id, Draft(draft.question, draft.options, draft.duration_s, draft.rules)
    )
    return replace(draft, id=copy_id)


def _draft_values(draft: Draft) -> tuple[object, ...]:
    rules = draft.rules
    return (
        draft.question,
        list(draft.options),
        draft.duration_s,
        rules.rule,
        rules.changeable,
        rules.tie,
        rules.secret,
        rules.words,
        rules.weighting,
        rules.cap_percent,
        rules.grace_s,
        rules.hold_s,
        rules.auto_reveal_s,
        rules.native,
        rules.points_per_vote,
        rules.per_person,
    )


async def move_to_end(connection: Connection, campaign_id: UUID, poll_id: UUID) -> None:
    """Put the definition of a poll behind all others of its rundown."""
    await connection.execute(_Q["move_to_end"], poll_id, campaign_id)


async def update_draft(connection: Connection, campaign_id: UUID, poll_id: UUID, draft: Draft) -> bool:
    """Edit a draft and its definition; False when it is no draft (any more)."""
    row = await connection.fetchrow(_Q["update_draft"], poll_id, campaign_id, *_draft_values(draft))
    if row is None:
        return False
    if row["poll_id"] is not None:
        await connection.execute(
            _Q["update_definition"],
            row["poll_id"],
            campaign_id,
            draft.rundown_id,
            draft.order_index or 0,
            draft.question,
            list(draft.options),
            draft.duration_s,
            asdict(draft.rules),
        )
    return True


async def delete_draft(connection: Connection, campaign_id: UUID, poll_id: UUID) -> bool:
    """Remove a draft, and its definition when nothing else was launched from it."""
    row = await connection.fetchrow(_Q["delete_draft"], poll_id, campaign_id)
    if row is None:
        return False
    if row["poll_id"] is not None and not await connection.fetchval(_Q["other_launches"], row["poll_id"]):
        await connection.execute(_Q["delete_definition"], row["poll_id"], campaign_id)
    return True


async def get(connection: Connection, poll_id: UUID) -> PollRow | None:
    """One poll with its seats and totals."""
    row = await connection.fetchrow(_Q["get"], poll_id)
    return (await _with_gaps(connection, [row]))[0] if row else None


async def page(
    connection: Connection,
    campaign_id: UUID,
    *,
    states: Collection[State] = tuple(State),
    rundown_id: UUID | None = None,
    before: UUID | None = None,
    most: int = 50,
) -> list[PollRow]:
    """Polls of a campaign, newest first."""
    rows = await connection.fetch(_Q["page"], campaign_id, list(states), rundown_id, before, most)
    return await _with_gaps(connection, rows)


async def drafts(connection: Connection, campaign_id: UUID, rundown_id: UUID | None = None) -> list[PollRow]:
    """Drafts in the order in which they are to be launched."""
    return await _with_counts(connection, await connection.fetch(_Q["drafts"], campaign_id, rundown_id))


async def of_rundown(connection: Connection, campaign_id: UUID, rundown_id: UUID) -> list[PollRow]:
    """What stands in a rundown, in order: drafts, what runs, and the latest 50 launches of the last 24 h."""
    return await _with_gaps(connection, await connection.fetch(_Q["of_rundown"], campaign_id, rundown_id))


async def running(connection: Connection, campaign_id: UUID) -> Poll | None:
    """The poll that votes may still change: open, closing, or cancelled and within reach of an undo."""
    row = await connection.fetchrow(_Q["running"], campaign_id, UNDO_WINDOW.total_seconds())
    return (await _with_counts(connection, [row]))[0].poll if row else None


async def on_screen(connection: Connection, campaign_id: UUID, besides: UUID) -> list[Poll]:
    """Polls other than `besides` that are still on stream."""
    rows = await connection.fetch(_Q["on_screen"], campaign_id, besides)
    return [row.poll for row in await _with_counts(connection, rows)]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A simulated poll that takes votes now, and the channel its crowd speaks in."""

    poll_id: UUID
    campaign_id: UUID
    channel: UUID
    options: tuple[str, ...]
    words: str
    opens_at: datetime
    closes_at: datetime


async def rehearsals(connection: Connection) -> list[Rehearsal]:
    """Every open simulated poll, but for the built-in probe's."""
    return [
        Rehearsal(
            row["id"],
            row["campaign_id"],
            row["channel_id"],
            tuple(row["options"]),
            row["words"],
            row["opens_at"],
            row["closes_at"],
        )
        for row in await connection.fetch(_Q["simulated"], probe.CAMPAIGN)
    ]


async def save(connection: Connection, poll: Poll) -> None:
    """Write a poll that a command or a deadline changed; the caller holds the campaign's lock."""
    await connection.execute(
        _Q["save"],
        poll.id,
        poll.campaign_id,
        poll.state,
        poll.rules.grace_s,
        poll.simulated,
        poll.opens_at,
        poll.closes_at,
        poll.phase_at,
        [moment for pause in poll.pauses for moment in pause],
        poll.on_screen,
        poll.cancelled_from,
        list(poll.tied),
        poll.winner,
        poll.seed,
        poll.voter_key,
        poll.ledger_rows,
        poll.ledger_head,
    )


async def save_launch(connection: Connection, poll: Poll) -> None:
    """Write a poll that was just launched, with its seats."""
    await save(connection, poll)
    await connection.executemany(
        _Q["seat"], [(poll.id, s.slot, s.channel_id, s.platform, s.login, s.counts) for s in poll.seats]
    )
    await connection.execute(_Q["mark_launched"], poll.id, poll.opens_at)


async def save_ledger_position(connection: Connection, poll: Poll) -> None:
    """Write how far the ledger of a poll has come."""
    await connection.execute(_Q["save_ledger_position"], poll.id, poll.ledger_rows, poll.ledger_head)


async def _with_counts(connection: Connection, rows: Iterable[Row]) -> list[PollRow]:
    rows = list(rows)
    ids = [row["id"] for row in rows]
    seats: dict[UUID, list[Seat]] = {poll_id: [] for poll_id in ids}
    for row in await connection.fetch(_Q["seats"], ids) if ids else ():
        seat = Seat(row["slot"], row["channel_id"], row["platform"], row["login"], row["counts"])
        seats[row["poll_instance_id"]].append(seat)
    results: dict[UUID, list[Any]] = {poll_id: [] for poll_id in ids}
    for row in await connection.fetch(_Q["results_of"], ids) if ids else ():
        results[row["poll_instance_id"]].append(row)
    with_native = [row["id"] for row in rows if row["native"] != "off"]
    natives = await native_polls.of_polls(connection, with_native) if with_native else {}
    return [_poll_row(row, seats[row["id"]], results[row["id"]], natives.get(row["id"], ())) for row in rows]


async def _with_gaps(connection: Connection, rows: Iterable[Row]) -> list[PollRow]:
    """For people; what the engine holds needs no gaps."""
    found = await _with_counts(connection, rows)
    opened = [one.id for one in found if one.poll.opens_at]
    missed = await gaps.of_polls(connection, opened) if opened else {}
    return [replace(one, gaps=tuple(missed[one.id])) if one.id in missed else one for one in found]


def _poll_row(
    row: Row, seats: Sequence[Seat], results: Sequence[Row], natives: Sequence[NativePoll]
) -> PollRow:
    options = tuple(row["options"])
    moments = row["pauses"]
    poll = Poll(
        id=row["id"],
        campaign_id=row["campaign_id"],
        question=row["question"],
        options=options,
        duration_s=row["duration_s"],
        rules=PollRules(
            rule=row["rule"],
            changeable=row["changeable"],
            tie=row["tie"],
            secret=row["secret"],
            words=row["words"],
            weighting=row["weighting"],
            cap_percent=row["cap_percent"],
            grace_s=row["grace_s"],
            hold_s=row["hold_s"],
            auto_reveal_s=row["auto_reveal_s"],
            native=row["native"],
            points_per_vote=row["points_per_vote"],
            per_person=row["per_person"],
        ),
        state=State(row["state"]),
        simulated=row["simulated"],
        seats=tuple(seats),
        opens_at=row["opens_at"],
        closes_at=row["closes_at"],
        phase_at=row["phase_at"],
        pauses=tuple(list(pairwise(moments))[::2]),
        cancelled_from=State(row["cancelled_from"]) if row["cancelled_from"] else None,
        on_screen=row["on_screen"],
        tally=tally_of(results, len(seats), len(options)),
        tied=tuple(row["tied"]),
        winner=row["winner"],
        seed=row["seed"],
        voter_key=row["voter_key"],
        ledger_rows=row["ledger_rows"],
        ledger_head=row["ledger_head"],
    )
    return PollRow(
        poll, row["poll_id"], row["session_id"], row["order_index"] or 0, row["created_at"], tuple(natives)
    )
