"""Which figures a process has, and where each of them is read. Histograms and HTTP are in `telemetry`.

Every name here and there is used by an alarm of deploy/alarms.yml or a panel of the dashboard, or explains
one; a test holds the three together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from integrations.kick.key_watch import KeyWatch
from integrations.twitch.eventsub import EventSub
from integrations.twitch.irc import TwitchIrc
from server.database_watch import DatabaseWatch
from server.engine.batch import Batches
from server.engine.deadlines import Deadlines
from server.engine.room import Rooms
from server.live.bus_port import Bus
from server.live.hub import Hub
from server.metrics import Figure
from server.probe import Probe, Stage
from sql.pool import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The objects that have the figures."""

    version: str
    build: str
    roles: str  # such as "web,worker"
    database: Database
    watch: DatabaseWatch
    rooms: Rooms
    batches: Batches
    deadlines: Deadlines
    twitch: TwitchIrc | None
    eventsub: EventSub | None
    kick_keys: KeyWatch | None
    hub: Hub
    bus: Bus
    probe: Probe | None


def of_process(sources: Sources) -> Iterator[Figure]:
    """All figures of a process that are read when they are asked for."""
    build = (sources.version, sources.build, sources.roles)
    yield Figure("build_info", "1", lambda: [(build, 1)], labels=("version", "assets", "roles"))
    yield Figure("tasks", "Tasks of the event loop", lambda: len(asyncio.all_tasks()))
    yield from _engine(sources)
    if sources.twitch:
        yield _ignored(sources.twitch)
    if sources.eventsub:
        yield _eventsub(sources.eventsub)
    if sources.kick_keys:
        yield _kick(sources.kick_keys)
    yield from _live(sources.hub)
    yield from _bus(sources.bus)
    yield from _database(sources.database, sources.watch)
    if sources.probe:
        yield from _probe(sources.probe)


def _engine(sources: Sources) -> Iterator[Figure]:
    batches, deadlines, rooms = sources.batches, sources.deadlines, sources.rooms
    yield Figure("events_taken", "Events and chat lines committed", lambda: batches.taken, counts=True)
    yield Figure("events_waiting", "Events and chat lines that wait for a batch", lambda: batches.waiting)
    yield Figure(
        "lines_dropped",
        "Chat lines given up because the database was away or too slow",
        lambda: sum(batches.dropped.values()),
        counts=True,
    )
    yield Figure("deadlines_fired", "Deadlines fired", lambda: deadlines.fired, counts=True)
    yield Figure(
        "deadline_worst_lateness_seconds",
        "How late the latest deadline fired since the start",
        lambda: deadlines.worst_lateness_s,
    )
    yield Figure(
        "polls_miscounted",
        "Polls whose running totals differed from the count at close; must stay 0",
        lambda: rooms.miscounted,
        counts=True,
    )


def _ignored(twitch: TwitchIrc) -> Figure:
    return Figure(
        "chat_lines_ignored",
        "Lines read from Twitch that are no chat of ours, by reason; too_long and no_… were not understood",
        lambda: [((reason,), lines) for reason, lines in twitch.counts.items() if reason != "chat"],
        counts=True,
        labels=("reason",),
    )


def _eventsub(eventsub: EventSub) -> Figure:
    return Figure(
        "eventsub_messages",
        "What came over EventSub's sockets, by what it was and what became of it; repaired are gaps",
        lambda: [((what,), messages) for what, messages in eventsub.counts.items()],
        counts=True,
        labels=("what",),
    )


def _kick(keys: KeyWatch) -> Figure:
    return Figure(
        "kick_key_doubtful",
        "1 while Kick's API shows a key that no operator has accepted",
        lambda: keys.is_doubtful,
    )


def _live(hub: Hub) -> Iterator[Figure]:
    seen = hub.figures
    yield Figure("live_rooms", "Campaigns kept up to date here", lambda: hub.sizes()["rooms"])
    yield Figure("live_clients", "Open live connections", lambda: hub.sizes()["clients"])
    yield Figure("live_overlays", "Open overlay connections", lambda: hub.sizes()["overlays"])
    yield Figure("live_frames", "Frames written to clients", lambda: seen.frames, counts=True)
    yield Figure("live_bytes", "Bytes of those frames", lambda: seen.bytes, counts=True)
    yield Figure("live_snapshots", "Snapshots among those frames", lambda: seen.snapshots, counts=True)
    yield Figure("live_loads", "Campaigns read from the database", lambda: seen.loads, counts=True)
    yield Figure(
        "live_catch_ups", "Times a campaign was behind and was read", lambda: seen.catch_ups, counts=True
    )
    yield Figure(
        "live_resyncs",
        "Snapshots that clients asked for because they had noticed a gap, or got because they showed it",
        lambda: seen.resyncs,
        counts=True,
    )
    yield Figure(
        "live_skipped",
        "Snapshots that told a client of steps which it will never see one by one",
        lambda: seen.skipped,
        counts=True,
    )
    yield Figure(
        "live_revoked",
        "Clients closed because what had let them in was revoked or deleted",
        lambda: seen.revoked,
        counts=True,
    )
    yield Figure(
        "live_epochs",
        "Times a campaign that is shown started over, because the database was restored",
        lambda: seen.epochs,
        counts=True,
    )
    yield Figure(
        "live_cut",
        "Clients cut because they took or said nothing for too long",
        lambda: seen.cut,
        counts=True,
    )
    yield Figure(
        "snapshots_cropped",
        "Snapshots that left boards out because they were too large",
        lambda: seen.cropped,
        counts=True,
    )
    yield Figure(
        "overlay_divergence",
        "Overlays that showed something else than the server and were brought back; should stay 0",
        lambda: seen.diverged,
        counts=True,
    )


def _bus(bus: Bus) -> Iterator[Figure]:
    yield Figure("redis_up", "1 while frames get through Redis", lambda: bus.state == "ok")
    yield Figure("bus_published", "Frames sent to Redis", lambda: bus.figures.published, counts=True)
    yield Figure("bus_received", "Frames heard from Redis", lambda: bus.figures.received, counts=True)
    yield Figure("bus_dropped", "Frames not sent to Redis", lambda: bus.figures.dropped, counts=True)
    yield Figure("bus_forged", "Bus messages refused", lambda: bus.figures.forged, counts=True)


def _database(database: Database, watch: DatabaseWatch) -> Iterator[Figure]:
    yield Figure("database_up", "1 while PostgreSQL answers", lambda: watch.is_up)
    yield Figure("database_connections", "Open connections of this process", lambda: database.size)
    yield Figure("database_connections_in_use", "Those in use", lambda: database.in_use)
    yield Figure("database_connections_most", "How many there may be", lambda: database.most)
    yield Figure(
        "outbox_oldest_seconds",
        "How long the oldest thing that must leave has been waiting",
        lambda: watch.health.outbox_oldest_s,
    )
    yield Figure("outbox_waiting", "Things that wait to leave", lambda: watch.health.outbox_waiting)
    yield Figure("outbox_stuck", "Things that wait for a person", lambda: watch.health.outbox_stuck)
    yield Figure(
        "deadline_overdue_seconds",
        "How long the oldest deadline that is due has been waiting",
        lambda: watch.health.overdue_s,
    )
    yield Figure("connectors", "Living processes that read chats", lambda: watch.health.connectors)
    yield Figure("polls_running", "Polls that take votes", lambda: watch.health.polls_running)
    yield Figure(
        "table_rows",
        "Rows of the tables that could grow, as PostgreSQL estimates them",
        lambda: [((table,), rows) for table, rows in watch.health.rows.items()],
        labels=("table",),
    )
    yield Figure(
        "channels",
        "Chats that Hubbub reads itself, by platform and state",
        lambda: [((chats.platform, chats.state), chats.number) for chats in watch.health.chats],
        labels=("platform", "state"),
    )
    yield Figure(
        "chat_lag_seconds",
        "The greatest age of a chat line of the last minute when it arrived",
        lambda: [((chats.platform, chats.state), chats.lag_s) for chats in watch.health.chats],
        labels=("platform", "state"),
    )


def _probe(probe: Probe) -> Iterator[Figure]:
    seen = probe.figures
    yield Figure(
        "probe_lag_seconds",
        "From a probe's vote to the overlay that shows it; while probes fail, for how long",
        seen.shown_lag_s,
    )
    yield Figure("probe_rounds", "Probes begun", lambda: seen.rounds, counts=True)
    yield Figure(
        "probe_failures",
        "Probes that failed, by how far they came",
        lambda: [((stage,), seen.failures[stage]) for stage in get_args(Stage)],
        counts=True,
        labels=("stage",),
    )
    yield Figure(
        "probe_divergence",
        "Probes whose overlay showed something else than the database holds; must stay 0",
        lambda: seen.diverged,
        counts=True,
    )
