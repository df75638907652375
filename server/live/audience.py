"""A room and those who watch it: which bytes each of them needs now, made once for all who need the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
import structlog

from server.live.client import Client
from server.live.doorman import OverlayPass, Position
from server.live.frames import MOST_DELTA, MOST_SNAPSHOT, Delta, Event, Ping, Snapshot, encode
from server.live.room import Missed, PastEvent, Room
from server.live.wire import PING_FRAME, text_frame

_log = structlog.get_logger(__name__)

#: More than this for a client that is connected but lags is a heap of stale pop-ups: a snapshot is better.
MOST_LATE_EVENTS: Final = 50
#: What has not been compared with the database for so long may be old (reliability §3.10).
STALE_S: Final = 5.0
#: An event this fresh keeps its full time to live.
_PROMPT: Final = timedelta(seconds=1)


@dataclass(slots=True)
class Figures:
    """Counted since the start, for the metrics."""

    frames: int = 0
    bytes: int = 0
    snapshots: int = 0
    cut: int = 0  # did not take their frames, or did not answer
    catch_ups: int = 0
    loads: int = 0
    diverged: int = 0  # clients that showed something else than the room at the same position
    cropped: int = 0  # snapshots that could not hold every board
    resyncs: int = 0  # clients that noticed a gap and asked
    skipped: int = 0  # clients that were told of steps which they will never see one by one
    revoked: int = 0  # sockets closed because a key, session or campaign had ended
    epochs: int = 0  # rooms that started over under a new epoch


@dataclass(slots=True)
class _Steps:
    """What clients at one position have missed, as frames; `delta` None: a snapshot has to do it."""

    events: bytes
    delta: bytes | None


@dataclass(slots=True, eq=False)
class Audience:
    """Clients of one campaign in this process. Times are loop times."""

    room: Room
    build: str
    figures: Figures
    clients: set[Client] = field(default_factory=set)
    overlays: int = 0
    next_frame: float = 0.0
    next_ping: float = 0.0
    behind_since: float | None = None
    empty_since: float | None = None
    confirmed: float = float("-inf")  # when the database last said where it stands
    right_at: float = 0.0  # when it was last known to stand where the database does
    #: The latest position at which a snapshot left boards out: who was brought there is not led on by deltas.
    cropped_at: Position | None = None
    #: Overlays of the same link share one pass.
    _passes: dict[UUID, OverlayPass] = field(default_factory=dict)
    _here: Position | None = None
    _left_out: tuple[str, ...] = ()
    _steps: dict[Position, _Steps | None] = field(default_factory=dict)
    _steps_to: Position | None = None

    def add(self, client: Client) -> None:
        self.clients.add(client)
        self.overlays += client.is_overlay
        self.empty_since = None

    def remove(self, client: Client, now: float) -> None:
        if client in self.clients:
            self.clients.remove(client)
            self.overlays -= client.is_overlay
            if not self.overlays:
                self._passes.clear()
            if not self.clients:
                self.empty_since = now

    def share(self, admission: OverlayPass) -> OverlayPass:
        """A pass that says the same, as small as can be: the one that another connection of that overlay
        holds, or one made of what this room has anyway."""
        held = self._passes.get(admission.overlay_id)
        if held is None or not held.says_the_same(admission):
            held = replace(admission, campaign_id=self.room.campaign_id, stands=self.position)
            self._passes[admission.overlay_id] = held
        return held

    @property
    def position(self) -> Position:
        """Where the room is; the same object for all who are there."""
        here, room = self._here, self.room
        if here is None or here.seq != room.seq or here.epoch != room.epoch:
            here = self._here = Position(room.epoch, room.seq)
        return here

    def is_beyond(self, position: Position) -> bool:
        """Whether the room has not been there, as far as it knows."""
        return position.epoch != self.room.epoch or position.seq > self.room.seq

    def differs(self, client: Client, seq: int, fingerprint: int | None) -> bool:
        """Whether a client that shows step `seq` says that it shows something else than the room has.

        Only what can be told: both are at the same step, and no board was left out.
        """
        here = self.position
        if fingerprint is None or seq != here.seq or client.position != here or self._may_lack(here):
            return False
        return fingerprint != self.room.fingerprint

    def feed(self, client: Client, at: datetime) -> None:
        """Write what brings a client to the room's position, if anything does. The line is not full."""
        self.feed_all((client,), at)

    def feed_all(self, clients: Iterable[Client], at: datetime) -> None:
        """The same for many of them. Most are at the same position and get the same bytes."""
        here = self.position
        start: Position | None = None  # what leads on from there is `data`
        data = b""
        frames = size = 0
        for client in clients:
            position = client.position
            if position is not start or position is None or client.resuming:
                if position == here and not client.resuming:
                    continue
                steps = self._steps_from(client, at)
                data = self._bytes(client, steps, at)
                start = None if steps is None or steps.delta is None or client.resuming else position
                client.resuming = False
            client.position = here
            client.line.write(data)
            frames += 1
            size += len(data)
        self.figures.frames += frames
        self.figures.bytes += size

    def _bytes(self, client: Client, steps: _Steps | None, at: datetime) -> bytes:
        if steps is None:
            self.figures.skipped += client.position is not None
            return self._snapshot(client, at, self._skipped(client))
        if steps.delta is None or (client.resuming and client.is_overlay):
            return steps.events + self._snapshot(client, at, 0)
        return steps.events + steps.delta or self._ping(self.position, at)  # resumed where it stopped: say so

    def ping(self, position: Position, at: datetime, *, is_stale: bool) -> bytes:
        """The sign of life for clients that were brought to `position`, and a ping that they answer."""
        return self._ping(position, at, is_stale=is_stale) + PING_FRAME

    def _ping(self, position: Position, at: datetime, *, is_stale: bool = False) -> bytes:
        return text_frame(encode(Ping(position.epoch, position.seq, at, is_stale)))

    def is_stale(self, now: float) -> bool:
        """Whether nobody can tell any more that this is what the database holds."""
        return now - self.right_at > STALE_S

    def _steps_from(self, client: Client, at: datetime) -> _Steps | None:
        if client.position is None:
            return None
        here = self.position
        if self._steps_to != here:
            self._steps_to = here
            self._steps.clear()
        start = client.position
        if client.resuming:  # rare, and owed more events than one who merely lags
            missed = self.room.since(start.epoch, start.seq)
            return None if missed is None else self._encode(start, missed, at)
        if start not in self._steps:
            missed = self.room.since(start.epoch, start.seq)
            too_late = missed is None or len(missed.events) > MOST_LATE_EVENTS
            self._steps[start] = None if missed is None or too_late else self._encode(start, missed, at)
        return self._steps[start]

    def _encode(self, start: Position, missed: Missed, at: datetime) -> _Steps:
        here = self.position
        events = b"".join(self._event(past, at) for past in missed.events)
        if start == here:
            return _Steps(events, b"")
        if self._may_lack(start):
            return _Steps(events, None)
        delta = encode(Delta(here.epoch, start.seq, here.seq, at, missed.boards, missed.unset))
        return _Steps(events, text_frame(delta) if len(delta) <= MOST_DELTA else None)

    def _event(self, past: PastEvent, at: datetime) -> bytes:
        event = past.event
        age = at - past.at
        left = event.ttl_ms if age < _PROMPT else max(0, event.ttl_ms - age // timedelta(milliseconds=1))
        data: Any = past.data
        return text_frame(encode(Event(self.room.epoch, past.seq, event.id, event.kind, data, left)))

    def _snapshot(self, client: Client, at: datetime, skipped: int) -> bytes:
        room = self.room
        layout: Any = {}
        if isinstance(client.admission, OverlayPass):
            layout = orjson.Fragment(client.admission.layout)
        boards: Any = room.boards_text
        text = encode(Snapshot(room.epoch, room.seq, at, boards, layout, skipped, self.build))
        if len(text) > MOST_SNAPSHOT:
            frame = encode(Snapshot(room.epoch, room.seq, at, {}, layout, skipped, self.build))
            boards, left_out = room.boards_within(MOST_SNAPSHOT - len(frame) + len(b"{}"))
            text = encode(Snapshot(room.epoch, room.seq, at, boards, layout, skipped, self.build))
            self._crop(left_out)
        else:
            self._left_out = ()
        self.figures.snapshots += 1
        return text_frame(text)

    def _crop(self, left_out: tuple[str, ...]) -> None:
        """Remember that a snapshot of now is not whole; the log is told once, not ten times a second.

        The rest of the show goes on: a board that does not fit is missing until it, or what is beside it,
        is smaller.
        """
        self.cropped_at = self.position
        self.figures.cropped += 1
        if left_out != self._left_out:
            self._left_out = left_out
            _log.error("snapshot_over_limit", campaign_id=str(self.room.campaign_id), left_out=left_out)

    def _may_lack(self, start: Position) -> bool:
        """Whether a client at `start` may lack boards that no delta would bring; it needs a snapshot."""
        crop = self.cropped_at
        return crop is not None and crop.epoch == start.epoch and start.seq <= crop.seq

    def _skipped(self, client: Client) -> int:
        """0 for a client without a position; where steps cannot be counted (another epoch) at least 1."""
        if client.position is None:
            return 0
        return max(1, self.room.seq - client.position.seq)
