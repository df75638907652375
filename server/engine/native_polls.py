"""Polls of Twitch beside ours, inside the campaign's turn: ordered, followed, counted, ended.

What is to be done on Twitch goes through the outbox (integrations/twitch/polls.py does it); what Twitch tells
comes in as `NativePollTold`, or is written down by the courier, which has read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from server.engine import ballots
from server.engine.admission import admit
from server.engine.bench import Bench
from server.engine.departures import Gone
from server.engine.intake import Outcome
from server.engine.memory import Room
from server.engine.turn import Turn
from server.rules.native_poll import FINAL_WITHIN, PLATFORM, NativePoll, told, uncounted, unfit
from server.rules.platform_events import NativePollTold
from server.rules.poll import RUNNING, Poll, Refused, Seat, State
from server.rules.votes import believed_time
from sql import native_polls, outbox
from sql.channels import Channel
from sql.pool import Connection

CREATE: Final = "twitch.poll.create"
END: Final = "twitch.poll.end"
#: How long it is tried to end one whose own time may be over: it ends by itself then.
_END_LIFE_S: Final = 2400.0


def check(poll: Poll) -> None:
    """Raises Refused when Twitch would not take such a poll, before anything is launched."""
    if poll.rules.native == "off":
        return
    if wrong := unfit(poll.question, poll.options, poll.duration_s):
        raise Refused("native_unfit", " ".join((*wrong, "Change it, or launch it without a Twitch poll.")))


def seated(
    poll: Poll, seats: Sequence[Seat], channels: Mapping[UUID, Channel]
) -> tuple[tuple[Seat, ...], list[NativePoll]]:
    """The seats of a launch with those of votes for channel points behind them, and the polls that Twitch is
    to run: on every Twitch channel that takes part and is known by its id."""
    every, wanted = list(seats), list[NativePoll]()
    if poll.rules.native == "off":
        return tuple(every), wanted
    for seat in seats:
        channel = channels.get(seat.channel_id) if seat.channel_id else None
        if channel is None or seat.platform != PLATFORM or not _is_id(channel.channel_id):
            continue
        native = NativePoll(poll.id, channel.channel_id, channel.id, channel.login)
        if poll.rules.native == "points":
            native = replace(native, slot=len(every))
            every.append(Seat(len(every), channel.id, seat.platform, seat.login, "points"))
        wanted.append(native)
    return tuple(every), wanted


def _is_id(channel_id: str | None) -> bool:
    return channel_id is not None and channel_id.isascii() and channel_id.isdigit()


async def order(connection: Connection, poll: Poll, wanted: Sequence[NativePoll]) -> None:
    """Let Twitch run these; the poll has been launched."""
    for native in wanted:
        await native_polls.want(connection, native)
        await outbox.add(
            connection,
            poll.campaign_id,
            CREATE,
            key=f"{CREATE}:{poll.id}:{native.broadcaster_id}",
            payload=_payload(poll.id, native, title=poll.question),
            order_key=_order_key(native),
            expires_in_s=float(poll.duration_s),
        )


async def changed(connection: Connection, before: Poll, after: Poll) -> None:
    """A poll has gone from one state to another: Twitch's end with it."""
    if before.state != State.OPEN or after.state == State.OPEN or after.rules.native == "off":
        return
    for native in await native_polls.of_poll(connection, after.id):
        await _order_end(connection, after.campaign_id, native, str(after.phase_at))


async def _order_end(connection: Connection, campaign_id: UUID, native: NativePoll, occasion: str) -> None:
    if native.is_over or native.state == "refused":
        return
    await outbox.add(
        connection,
        campaign_id,
        END,
        key=f"{END}:{native.poll_id}:{native.broadcaster_id}:{occasion}",
        payload=_payload(native.poll_id, native) | ({"leaves": True} if occasion == "leaves" else {}),
        order_key=_order_key(native),
        expires_in_s=_END_LIFE_S,
    )


def _payload(poll_id: UUID, native: NativePoll, **more: str) -> dict[str, object]:
    return {"poll": str(poll_id), "channel_id": native.broadcaster_id, "login": native.login, **more}


def _order_key(native: NativePoll) -> str:
    return f"twitch.poll:{native.broadcaster_id}"


async def take(bench: Bench, events: Sequence[NativePollTold]) -> list[Outcome]:
    """Take news of Twitch's polls in; one outcome an event. The streamers' own polls change nothing here."""
    outcomes, fresh = await admit(bench, events)
    turn = bench.turn
    for place in fresh:
        event = events[place]
        known = await native_polls.by_native(
            turn.connection, turn.campaign_id, event.channel_id, event.poll_id
        )
        if known is None or event.platform != PLATFORM:
            continue
        after = told(known, event)
        if after != known:
            await native_polls.save(turn.connection, after)
        running = bench.room.poll
        if running is not None and running.id == after.poll_id and running.state in RUNNING:
            told_at = believed_time(event.sent_at, event.received_at)
            await _count(bench.room, turn, running, [after], told_at)
    return outcomes


async def settle(room: Room, turn: Turn, poll: Poll) -> Poll:
    """Count what Twitch has told and nobody has counted: before the lock, and after a cancel was undone."""
    if poll.rules.native != "points" or poll.closes_at is None:
        return poll
    return await _count(
        room, turn, poll, await native_polls.of_poll(turn.connection, poll.id), poll.closes_at
    )


async def _count(
    room: Room, turn: Turn, poll: Poll, natives: Sequence[NativePoll], told_at: datetime
) -> Poll:
    cast = [vote for native in natives for vote in uncounted(native, poll, told_at, turn.head.now)]
    return await ballots.count(room, turn, poll, cast) if cast else poll


async def must_wait(turn: Turn, poll: Poll) -> bool:
    """Whether the count waits for figures of Twitch that count and are not final; never for long."""
    if poll.rules.native != "points" or poll.closes_at is None:
        return False
    if turn.head.now >= poll.closes_at + poll.grace + FINAL_WITHIN:
        return False
    return any(native.is_awaited for native in await native_polls.of_poll(turn.connection, poll.id))


async def on_gone(connection: Connection, gone: Gone) -> None:
    """An `engine.departures.OnGone`: the streamer's Twitch poll ends, unless a consent ran out on its own."""
    if "polls" not in gone.capabilities or gone.why == "expired":
        return
    for channel in gone.channels:
        if channel.platform != PLATFORM or channel.channel_id is None:
            continue
        campaign_id = gone.member.campaign_id
        for native in await native_polls.running_on(connection, campaign_id, channel.channel_id):
            await _order_end(connection, campaign_id, native, "leaves")
