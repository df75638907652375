"""The built-in probe (reliability R30): every 10 s a simulated vote goes the whole way to an overlay.

A voter's line is handed to the same buffer that chat goes through and committed; the vote is put on a
board, committed, published, and has to arrive on the real `/live` socket of this process, where an overlay
like any other shows it. Then what that overlay shows is compared with what PostgreSQL holds. All of it
happens in a show of its own that is in no list (sql/probe.py) and keeps its traces for ten minutes.

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
from typing import Final, Literal, TypeAlias
from uuid import UUID

import structlog

from server.engine.batch import Batches, Overloaded
from server.engine.room import Rooms
from server.probe_overlay import NotServed, ProbeOverlay
from server.rules.events import ChatMessage, User
from server.web.condition import ProbeState
from server.web.overlay_links import derive_overlay_key, key_hash
from server.web.vault import Vault
from sql import probe, snapshots
from sql.heads import NoCampaign
from sql.ids import uuid7
from sql.pool import UNREACHABLE, Database

log = structlog.get_logger(__name__)

EVERY_S: Final = 10.0
#: A round that takes longer has failed.
WITHIN_S: Final = 10.0
KEEP_S: Final = 600.0
_TIDY_EVERY: Final = 60  # rounds
_FIRST_AFTER_S: Final = (1.0, 3.0)

#: Where on its way the vote was lost: making the show, opening the overlay, storing the vote, showing it,
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
        """One vote; never raises for anything that can be away."""
        figures, began = self.figures, time.monotonic()
        figures.rounds += 1
        try:
            async with asyncio.timeout(self._within_s):
                await self._round()
        except (_Failed, TimeoutError) as error:
            self._is_prepared = False  # the database may be another one now
            figures.failures[self._stage] += 1
            figures.failed_at = self._stage
            if figures.failing_since is None:
                figures.failing_since = began
                log.warning("probe_failed", stage=self._stage, reason=str(error) or "took too long")
            return
        if figures.failing_since is not None:
            log.info("probe_well_again", failed_for_s=round(time.monotonic() - figures.failing_since, 1))
        figures.failing_since = figures.failed_at = None

    async def _round(self) -> None:
        with self._in("prepare"):
            await self._prepare()
        with self._in("connect"):
            opened = await ProbeOverlay.open(self._origin, self._at, self._key)
        async with aclosing(opened) as overlay:
            began = time.monotonic()
            with self._in("store"):
                seq = await self._vote()
            with self._in("show"):
                await overlay.until(seq)
            self.figures.lag_s = time.monotonic() - began
            with self._in("compare"):
                await self._compare(overlay)

    @contextmanager
    def _in(self, stage: Stage) -> Iterator[None]:
        """Notes how far the round came, and gives all that can be away, full or not as promised one name."""
        self._stage = stage
        try:
            yield
        except (NotServed, Overloaded, NoCampaign, *UNREACHABLE) as error:
            raise _Failed(str(error) or type(error).__name__) from error

    async def _prepare(self) -> None:
        if not self._is_prepared:
            async with self._database.transaction() as connection:
                await probe.ensure(connection, self._owner_id, key_hash(self._key))
            self._is_prepared = True
        if self.figures.rounds % _TIDY_EVERY == 1:
            async with self._database.connection() as connection:
                await probe.forget(connection, KEEP_S)

    async def _vote(self) -> int:
        """A line through the buffer, then the board it changes; answers the step to wait for."""
        now = self._clock()
        platform, channel_id = probe.CHANNEL_AT
        line = ChatMessage(
            platform, channel_id, str(uuid7()), User("probe", "probe", "Probe"), "1", now, now, None
        )
        (outcome,) = await self._batches.deliver(probe.CAMPAIGN, [line])
        if outcome.kind != "accepted":
            raise _Failed(f"the vote was {outcome.kind} {outcome.reason}".strip())
        board = {"kind": "probe", "phase": "open", "message_id": line.message_id, "at": now.isoformat()}
        return await self._rooms.show(probe.CAMPAIGN, probe.BOARD, board)

    async def _compare(self, overlay: ProbeOverlay) -> None:
        """What the overlay shows against the database, if both stand at the same step: other processes
        probe the same show."""
        async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
            truth = await snapshots.read(connection, probe.CAMPAIGN)
        if truth is None:
            raise _Failed("the probe's show is gone")
        if overlay.position != (truth.epoch, truth.seq):
            return
        if overlay.boards != {board_id: shown.board for board_id, shown in truth.boards.items()}:
            self.figures.diverged += 1
            raise _Failed("the overlay shows something else than the database holds")
