"""The built-in probe (reliability R30): every 10 s a simulated vote goes the whole way to an overlay.

A new voter's line is handed to the same buffer that chat goes through. It is read as a vote, counted,
written into the ledger and committed like any other, and the total with it has to arrive on the real
`/live` socket of this process, where an overlay like any other shows it. Then what that overlay shows is
compared with what PostgreSQL holds, and the total with the rows.

All of it happens in a show of its own that is in no list (sql/probe.py): a simulated poll that is open for
ten minutes, is closed and counted by its deadlines, and is followed by the next. All processes vote in the
same one. Its traces, the ledger among them, are removed ten minutes after its end.

The probe fails while the database is away, and is slow when it is: that is what it is for.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import structlog

from server.engine.batch import Batches, Overloaded
from server.engine.room import Rooms
from server.probe_overlay import NotServed, ProbeOverlay
from server.rules.events import ChatMessage, User
from server.rules.poll import Poll, PollRules, Refused, State
from server.vault import Vault
from server.web.condition import ProbeState
from server.web.overlay_links import derive_overlay_key, key_hash
from sql import polls, probe, snapshots
from sql.heads import NoCampaign
from sql.ids import uuid7
from sql.pool import UNREACHABLE, Database, StatementRefused

log = structlog.get_logger(__name__)

EVERY_S: Final = 10.0
#: A round that takes longer has failed.
WITHIN_S: Final = 10.0
KEEP_S: Final = 600.0
_TIDY_EVERY: Final = 60  # rounds
_FIRST_AFTER_S: Final = (1.0, 3.0)
_LOOK_AGAIN_S: Final = 0.1
#: What it votes in. Nobody reveals it: the next launch takes it off the screen.
_POLL: Final = polls.Draft(
    "Does a vote arrive?", ("Yes", "No"), duration_s=600, rules=PollRules(tie="none", grace_s=0)
)

#: Where on its way the vote was lost: opening the poll, opening the overlay, storing the vote, showing it,
#: or it was shown otherwise than it is stored.
Stage: TypeAlias = Literal["prepare", "connect", "store", "show", "compare"]


@dataclass(slots=True)
class ProbeFigures:
    """What the rounds of this process found. Times are seconds of `time.monotonic`."""

    rounds: int = 0
    failures: Counter[Stage] = field(default_factory=Counter)
    diverged: int = 0
    #: From handing in the vote to the overlay that shows it, in the last round that got there.
    lag_s: float | None = None
    #: When the first of the rounds that have failed since then began; None: the last round was fine.
    failing_since: float | None = None
    failed_at: Stage | None = None

    def shown_lag_s(self) -> float:
        """The last lag; while rounds fail, how long they have been failing. 0 before the first round."""
        if self.failing_since is not None:
            return max(time.monotonic() - self.failing_since, self.lag_s or 0.0)
        return self.lag_s or 0.0


class _Failed(Exception):
    """The round got as far as its stage; the message says what was wrong there."""


class _Vote(NamedTuple):
    """A vote that counts."""

    poll_id: UUID
    number: int  # 1…: as many votes has the poll with it
    began: float  # when it was handed in, `time.monotonic`


class Probe:
    """Runs the rounds of one process that has the `web` role."""

    def __init__(
        self,
        database: Database,
        rooms: Rooms,
        batches: Batches,
        *,
        vault: Vault,
        owner_id: UUID,
        clock: Callable[[], datetime],
        origin: str,
        listens_at: tuple[str, int],
        every_s: float = EVERY_S,
        within_s: float = WITHIN_S,
    ) -> None:
        """`origin` is the address that overlays use; `listens_at` is where this process is reached itself."""
        self.figures = ProbeFigures()
        self._database, self._rooms, self._batches = database, rooms, batches
        self._owner_id, self._clock = owner_id, clock
        self._origin, self._at = origin, listens_at
        self._key = derive_overlay_key(vault, probe.OVERLAY, probe.KEY_VERSION)
        self._every_s, self._within_s = every_s, within_s
        self._is_prepared = False
        self._stage: Stage = "prepare"

    def state(self) -> ProbeState:
        """As the desk is told."""
        figures = self.figures
        if figures.failing_since is None:
            return ProbeState("ok", figures.lag_s)
        return ProbeState("failing", figures.lag_s, time.monotonic() - figures.failing_since)

    async def run(self) -> None:
        """Probe until cancelled. Processes that start together do not probe together."""
        await asyncio.sleep(min(random.uniform(*_FIRST_AFTER_S), self._every_s))  # noqa: S311  spreads load
        while True:
            began = time.monotonic()
            await self.round()
            await asyncio.sleep(max(0.0, began + self._every_s - time.monotonic()))

    async def round(self) -> None:
        """One vote; never raises: whatever the probe meets, the program it watches goes on."""
        figures, began = self.figures, time.monotonic()
        figures.rounds += 1
        try:
            async with asyncio.timeout(self._within_s):
                await self._round()
        except (_Failed, TimeoutError) as error:
            self._has_failed(began, str(error) or "took too long")
            return
        except Exception as error:
            log.exception("probe_broke", stage=self._stage)
            self._has_failed(began, type(error).__name__)
            return
        if figures.failing_since is not None:
            log.info("probe_well_again", failed_for_s=round(time.monotonic() - figures.failing_since, 1))
        figures.failing_since = figures.failed_at = None

    def _has_failed(self, began: float, reason: str) -> None:
        figures = self.figures
        self._is_prepared = False  # the database may be another one now
        figures.failures[self._stage] += 1
        figures.failed_at = self._stage
        if figures.failing_since is None:
            figures.failing_since = began
            log.warning("probe_failed", stage=self._stage, reason=reason)

    async def _round(self) -> None:
        with self._in("prepare"):
            await self._prepare()
            poll_id = await self._open_poll()
        with self._in("connect"):
            opened = await ProbeOverlay.open(self._origin, self._at, self._key)
        async with aclosing(opened) as overlay:
            with self._in("store"):
                vote = await self._vote(poll_id)
            with self._in("show"):
                await overlay.until_counted(vote.poll_id, vote.number)
            self.figures.lag_s = time.monotonic() - vote.began
            with self._in("compare"):
                await self._compare(overlay, vote.poll_id)

    @contextmanager
    def _in(self, stage: Stage) -> Iterator[None]:
        """Notes how far the round came, and gives all that can be away, full or not as promised one name."""
        self._stage = stage
        try:
            yield
        except (NotServed, Overloaded, NoCampaign, *UNREACHABLE, StatementRefused) as error:
            raise _Failed(str(error) or type(error).__name__) from error

    async def _prepare(self) -> None:
        if not self._is_prepared:
            async with self._database.transaction() as connection:
                await probe.ensure(connection, self._owner_id, key_hash(self._key))
            self._is_prepared = True
        if self.figures.rounds % _TIDY_EVERY == 1:
            async with self._database.transaction() as connection:
                await probe.forget(connection, KEEP_S)

    async def _open_poll(self) -> UUID:
        """The poll that takes votes now, opened when there is none. One that ends now is waited for."""
        while True:
            async with self._database.connection() as connection:
                running = await polls.page(connection, probe.CAMPAIGN, states=polls.RUNNING, most=1)
            if not running:
                await self._launch()
            elif _takes_votes(running[0].poll, self._clock()):
                return running[0].id
            else:  # its deadlines are due, here or in another process
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def _launch(self) -> None:
        """Open the next poll, unless another process was faster."""
        async with self._database.transaction() as connection:
            drafts = await polls.drafts(connection, probe.CAMPAIGN)  # of somebody who was not
            poll_id = drafts[0].id if drafts else await polls.create(connection, probe.CAMPAIGN, _POLL)
        try:
            await self._rooms.launch(probe.CAMPAIGN, poll_id, simulated=True)
        except Refused as refused:
            if refused.reason not in ("already_running", "wrong_state"):
                raise _Failed(refused.detail) from refused

    async def _vote(self, poll_id: UUID) -> _Vote:
        """One vote that counts; in the next poll when this one ended before it came."""
        while True:
            began = time.monotonic()
            number = await self._cast(poll_id)
            if number is not None:
                return _Vote(poll_id, number, began)
            ended, poll_id = poll_id, await self._open_poll()
            if ended == poll_id:
                raise _Failed("the vote was taken in and did not count")

    async def _cast(self, poll_id: UUID) -> int | None:
        """A line of a voter who has never voted, through the buffer; answers which vote of the poll it is."""
        now = self._clock()
        platform, channel_id = probe.CHANNEL_AT
        voter = User(str(uuid7()), "probe", "Probe")
        line = ChatMessage(platform, channel_id, str(uuid7()), voter, "1", now, now, None)
        (outcome,) = await self._batches.deliver(probe.CAMPAIGN, [line])
        if outcome.kind != "accepted":
            raise _Failed(f"the vote was {outcome.kind} {outcome.reason}".strip())
        async with self._database.connection() as connection:
            return await probe.number_of(connection, poll_id, line.message_id)

    async def _compare(self, overlay: ProbeOverlay, poll_id: UUID) -> None:
        """The total against the rows; and what the overlay shows against the database, if both stand at the
        same step: other processes vote in the same poll."""
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            truth = await snapshots.read(connection, probe.CAMPAIGN)
            stored = await probe.stored(connection, poll_id)
        if truth is None:
            raise _Failed("the probe's show is gone")
        shown = truth.boards.get(str(poll_id))  # none: the next poll has just taken its place
        if shown is not None and not shown.board["total_votes"] == stored.votes == stored.ledger_rows:
            self.figures.diverged += 1
            raise _Failed("the total on the board is not the number of stored votes")
        if overlay.position != (truth.epoch, truth.seq):
            return
        if overlay.boards != {board_id: shown.board for board_id, shown in truth.boards.items()}:
            self.figures.diverged += 1
            raise _Failed("the overlay shows something else than the database holds")


def _takes_votes(poll: Poll, now: datetime) -> bool:
    return poll.state == State.OPEN and poll.closes_at is not None and now < poll.closes_at
