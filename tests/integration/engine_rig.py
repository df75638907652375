"""What the engine tests stand on: shows, several "processes" on one database, and a wire that can be cut."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from server.engine.clock import DatabaseClock
from server.engine.intake import Outcome
from server.engine.room import Rooms
from server.rules import poll_board
from server.rules.changes import Change
from server.rules.events import ChatMessage, User
from server.rules.poll import Poll, PollRules
from server.rules.vote_ledger import Row
from sql import campaigns, channels, heads, polls, snapshots, users, votes
from sql.channels import Platform
from sql.ids import uuid7
from sql.polls import Draft
from sql.pool import Database

#: Two of one platform, so that copies and moves between channels can happen.
CHANNELS: tuple[tuple[Platform, str], ...] = (("twitch", "100"), ("kick", "200"), ("twitch", "300"))


async def until(condition: Callable[[], bool | Awaitable[bool]], what: str, seconds: float = 10) -> None:
    """Wait for a condition."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                held = condition()
                if held if isinstance(held, bool) else await held:
                    return
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:g} s: {what}") from None


@dataclass
class Process:
    """What one server process has of the engine: its own pool, clock, rooms, and what it published."""

    database: Database
    published: list[Change] = field(default_factory=list)
    rooms: Rooms = field(init=False)

    def __post_init__(self) -> None:
        self.rooms = Rooms(self.database, DatabaseClock(), self.published.append)


@asynccontextmanager
async def processes(url: str, number: int, *, most: int = 4) -> AsyncIterator[list[Process]]:
    """Several processes on one database."""
    pools = [await Database.open(url, most=most) for _ in range(number)]
    try:
        yield [Process(pool) for pool in pools]
    finally:
        for pool in pools:
            await pool.close()


async def make_campaign(
    database: Database, taking_part: Sequence[tuple[Platform, str]] = CHANNELS, name: str = "Show"
) -> UUID:
    """A campaign with channels `(platform, channel id)`, which get their seats in this order."""
    async with database.transaction() as connection:
        owner = await users.ensure_owner(connection)
        campaign = await campaigns.create(connection, owner.id, name)
    for platform, channel_id in taking_part:
        async with database.transaction() as connection:
            await channels.create(
                connection,
                campaign_id=campaign.id,
                platform=platform,
                login=f"login{channel_id}",
                source="api",
                channel_id=channel_id,
            )
    return campaign.id


async def make_poll(
    database: Database,
    campaign_id: UUID,
    rules: PollRules | None = None,
    *,
    options: Sequence[str] = ("Left", "Middle", "Right"),
    duration_s: int = 60,
) -> UUID:
    """A draft."""
    async with database.transaction() as connection:
        return await polls.create(
            connection, campaign_id, Draft("Which door?", options, duration_s, rules or PollRules())
        )


async def poll_of(database: Database, poll_id: UUID) -> Poll:
    """As PostgreSQL holds it."""
    async with database.connection() as connection:
        row = await polls.get(connection, poll_id)
    assert row is not None
    return row.poll


def line(
    poll: Poll,
    text: str,
    user: str = "ana",
    *,
    after: float = 0.0,
    message_id: str = "",
    channel: tuple[str, str] = CHANNELS[0],
    source: str | None = None,
) -> ChatMessage:
    """A line sent and received `after` seconds after the poll opened."""
    assert poll.opens_at is not None
    moment = poll.opens_at + timedelta(seconds=after)
    return ChatMessage(
        channel[0],
        channel[1],
        message_id or str(uuid7()),
        User(user, user, user),
        text,
        moment,
        moment,
        source,
    )


async def ledger_of(database: Database, poll_id: UUID) -> list[Row]:
    """The whole ledger of a poll."""
    async with database.connection() as connection:
        return await votes.ledger(connection, poll_id)


async def open_poll(process: Process, campaign_id: UUID, rules: PollRules | None = None) -> Poll:
    """A poll that takes votes, launched by `process`."""
    poll_id = await make_poll(process.database, campaign_id, rules)
    await process.rooms.launch(campaign_id, poll_id)
    return await poll_of(process.database, poll_id)


async def take_in(process: Process, poll: Poll, lines: Sequence[ChatMessage]) -> list[Outcome]:
    """As from the events API."""
    return await process.rooms.ingest(poll.campaign_id, lines, receipts=[True] * len(lines))


_AGE_POLLS = """
    UPDATE poll_instances
    SET opens_at = opens_at - $2::interval, closes_at = closes_at - $2::interval,
        phase_at = phase_at - $2::interval,
        pauses = ARRAY(SELECT moment - $2::interval FROM unnest(pauses) AS moment)
    WHERE campaign_id = $1"""
_AGE_DEADLINES = """
    UPDATE deadlines SET due_at = due_at - $2::interval WHERE campaign_id = $1 AND state = 'armed'"""


async def age(database: Database, campaign_id: UUID, seconds: float) -> None:
    """Let time pass for a campaign: everything it remembers moves into the past."""
    async with database.transaction() as connection:
        await heads.lock(connection, campaign_id)
        for statement in (_AGE_POLLS, _AGE_DEADLINES):
            await connection.execute(statement, campaign_id, timedelta(seconds=seconds))
        await heads.bump_config(connection, campaign_id)  # nobody may trust what it knows


async def boards_of(database: Database, campaign_id: UUID) -> dict[str, Any]:
    """What a browser that connects now would see."""
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        snapshot = await snapshots.read(connection, campaign_id)
    assert snapshot is not None
    return {board_id: shown.board for board_id, shown in snapshot.boards.items()}


def as_seen(poll: Poll) -> dict[str, Any]:
    """The boards of a campaign of which `poll` is the only one on screen, after a way through JSON."""
    board = poll_board.board(poll)
    return {} if board is None else {str(poll.id): json.loads(json.dumps(board))}


def socket_of(url: str) -> Path:
    """The Unix socket behind an embedded database's URL."""
    query = parse_qs(urlsplit(url).query)
    return Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"


class Wire:
    """A wire to PostgreSQL that can be cut: connections break, new ones are refused, until it is mended."""

    def __init__(self, url: str, folder: Path) -> None:
        """`folder` is new and has a short path."""
        self._behind = socket_of(url)
        self._path = folder / self._behind.name
        self.url = url.replace(f"host={self._behind.parent}", f"host={folder}")
        assert self.url != url
        #: An answer of PostgreSQL that is not heard any more: the connection that brings it breaks, once.
        self.breaks_at = b""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_unix_server(self._through, self._path)

    async def cut(self) -> None:
        """Break what is open and refuse what comes."""
        assert self._server is not None
        self._server.close()
        self._path.unlink(missing_ok=True)
        for writer in self._open:
            writer.transport.abort()
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()
        self._server = None

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._behind)
            self._open |= {writer, far_writer}
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer, self._is_heard))
            self._open -= {writer, far_writer}
        finally:
            self._tasks.discard(task)

    def _is_heard(self, data: bytes) -> bool:
        if not self.breaks_at or self.breaks_at not in data:
            return True
        self.breaks_at = b""
        return False


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    passes: Callable[[bytes], bool] = lambda _: True,
) -> None:
    with suppress(OSError):  # the wire was cut
        while (data := await reader.read(65536)) and passes(data):
            writer.write(data)
            await writer.drain()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
