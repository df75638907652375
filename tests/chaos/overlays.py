"""Model overlays: clients that do what contract §7 says and nothing else, and note all they ever show."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from server.live.fingerprint import fingerprint
from tests.chaos.record import Record
from tests.chaos.wire import BadWire, Gone, Wire

#: Contract §7 and reliability §3.5.
SILENCE_S = 12.0
_BACK_OFF_S = (0.25, 10.0)
_FIELDS = {
    "snapshot": {"op", "epoch", "seq", "at", "boards", "layout", "skipped", "build"},
    "delta": {"op", "epoch", "from", "to", "at", "set", "unset"},
    "event": {"op", "epoch", "seq", "id", "kind", "data", "ttl_ms"},
    "ping": {"op", "epoch", "seq", "at"},
    "bye": {"op", "code", "reason", "retry_ms"},
}
#: Fields that a frame has when there is a reason only.
_NOW_AND_THEN = {"ping": {"stale"}}
_FINAL = (4401,)
#: Close codes: the cable is cut or the server dead; the server goes in peace; it has no database.
BROKEN, RESTARTING, NO_DATABASE = 1006, 1012, 1013


@dataclass(frozen=True, slots=True)
class Shown:
    """A state on screen: from `at` (seconds since 1970) on, until the next one. `digest` is of its boards."""

    at: float
    epoch: str
    seq: int
    digest: int


@dataclass(slots=True)
class Visit:
    """One connection, from hello to its end. Times are seconds since 1970; 0: it has not happened."""

    epoch: str | None  # where it said that it stood
    seq: int
    opened: float
    gone_since: float  # when the connection before it ended; 0 for a page that was loaded anew
    first_frame: float = 0.0
    skipped: int | None = None  # of its first snapshot
    reached: tuple[str, int] | None = None  # where its first answer brought it
    left: tuple[str, int] | None = None  # where it stood at its end
    closed: float = 0.0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Popup:
    """An event as it came over the wire; `place` is the client's position at that moment."""

    id: str
    seq: int
    visit: int
    place: tuple[str, int] | None


def digest_of(boards: dict[str, Any]) -> int:
    """The same for equal boards, whatever order their members came in."""
    return hash(json.dumps(boards, sort_keys=True))


@dataclass(slots=True)
class Overlay:
    """One browser source. `faults` is what the server did that the contract rules out or that nobody ordered:
    to end a connection, to let nobody in, or to say nothing."""

    name: str
    url: str  # ws://…/live
    key: str
    random: Random
    record: Record | None = None
    epoch: str | None = None
    seq: int = 0
    boards: dict[str, Any] = field(default_factory=dict)
    shown: list[Shown] = field(default_factory=list)
    popups: list[Popup] = field(default_factory=list)
    visits: list[Visit] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    resyncs: int = 0
    remembered: int = 0  # pop-ups that came again because their connection broke before it was past them
    refused: list[int] = field(default_factory=list)
    ended: int = 0  # the close code after which it does not come back
    _wire: Wire | None = None
    ordered: set[int] = field(default_factory=set)  # codes with which connections of now may end
    _ordered: set[int] = field(default_factory=set)  # … and with which the one that is open or dialled may
    _away_until: float = 0.0
    _forget: bool = False
    _resyncing: bool = False
    _had: set[str] = field(default_factory=set)  # ids of pop-ups that this page has shown
    _heard: set[str] = field(default_factory=set)  # ids that came over the present connection
    _ahead: set[str] = field(default_factory=set)  # ids that came since the page's position has moved

    # --- what befalls it -----------------------------------------------------------------------------

    def cut(self, seconds: float = 0.0) -> None:
        """The cable is out for so long."""
        self._away_until = time.time() + seconds
        self.may_end(BROKEN)
        if self._wire is not None:
            self._wire.cut()

    def reload(self) -> None:
        """OBS loads the page anew: nothing is remembered."""
        self._forget = True
        self.cut()

    def may_end(self, code: int) -> None:
        """It is the harness that ends the connection that is open, or being opened."""
        self._ordered.add(code)

    @property
    def is_away(self) -> bool:
        """Its cable is out."""
        return self._away_until > time.time()

    @property
    def is_open(self) -> bool:
        """Connected and brought somewhere."""
        return self._wire is not None and bool(self.visits) and self.visits[-1].reached is not None

    # --- life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected until cancelled, or until told that the key is dead."""
        tries, gone_since = 0, 0.0
        while not self.ended:
            if (wait := self._away_until - time.time()) > 0:
                await asyncio.sleep(wait)
                continue
            if self._forget:
                self._forget = False
                self.epoch, self.seq, self.boards, gone_since = None, 0, {}, 0.0
                self._had.clear()
                self._ahead.clear()
            self._ordered = set(self.ordered)
            try:
                wire = await Wire.dial(self.url)
            except (OSError, TimeoutError, BadWire) as error:
                self._note("no_connection", error=type(error).__name__)
                if not self._ordered:
                    self.faults.append(f"not let in: {type(error).__name__} {error}")
                tries += 1
                await asyncio.sleep(self.random.uniform(0, min(_BACK_OFF_S[0] * 2**tries, _BACK_OFF_S[1])))
                continue
            retry_s = await self._visit(wire, gone_since)
            tries = 0 if self.visits[-1].reached else tries + 1
            gone_since = time.time()
            if retry_s is None:
                retry_s = self.random.uniform(0, min(_BACK_OFF_S[0] * 2**tries, _BACK_OFF_S[1]))
            if not self._forget:
                await asyncio.sleep(retry_s)

    async def _visit(self, wire: Wire, gone_since: float) -> float | None:
        """One connection; answers when to come back as the server asked, if it did."""
        visit = Visit(self.epoch, self.seq, time.time(), gone_since)
        self.visits.append(visit)
        self._wire, self._resyncing = wire, False
        self._heard.clear()
        retry_s: float | None = None
        hello: dict[str, Any] = {"op": "hello", "proto": 1, "key": self.key, "client": {"kind": "overlay"}}
        if self.epoch is not None:
            hello |= {"epoch": self.epoch, "seq": self.seq}
        wire.say(json.dumps(hello).encode())
        try:
            while True:
                async with asyncio.timeout(SILENCE_S):
                    frame = json.loads(await wire.receive())
                if frame.get("op") == "bye":
                    retry_s = frame["retry_ms"] / 1000
                self._take(frame, visit)
        except TimeoutError:
            self._note("silent")
            self.faults.append(f"nothing was heard for {SILENCE_S:g} s")
            wire.cut()
        except Gone as gone:
            visit.code = gone.code
            if gone.code not in self._ordered:
                self.faults.append(f"thrown out with {gone.code} after {time.time() - visit.opened:.2f} s")
            if gone.code in _FINAL:
                self.ended = gone.code
        except BadWire as bad:
            self.faults.append(f"wire: {bad}")
            wire.cut()
        finally:
            visit.closed = time.time()
            visit.left = None if self.epoch is None else (self.epoch, self.seq)
            self._wire = None
            wire.cut()
        self._note("gone", code=visit.code)
        return retry_s

    # --- frames --------------------------------------------------------------------------------------

    def _take(self, frame: dict[str, Any], visit: Visit) -> None:
        op = frame.get("op", "")
        if frame.keys() - _NOW_AND_THEN.get(op, set()) != _FIELDS.get(op):
            self.faults.append(f"no frame of the contract: {sorted(frame)}")
            return
        if op == "bye":
            self.refused.append(frame["code"])
            if frame["code"] not in self._ordered:
                self.faults.append(f"told to go: {frame['code']} {frame['reason']}")
            return
        now = time.time()
        visit.first_frame = visit.first_frame or now
        match op:
            case "snapshot":
                self._snapshot(frame, visit)
            case "delta":
                self._delta(frame, visit)
            case "event":
                self._event(frame)
                return
            case "ping":
                self._ping(frame, visit)
                return
        self._ahead.clear()
        self._show(now, op)

    def _snapshot(self, frame: dict[str, Any], visit: Visit) -> None:
        self._resyncing = False
        if frame["epoch"] == self.epoch and frame["seq"] < self.seq:
            self.faults.append(f"a snapshot went back from {self.seq} to {frame['seq']}")
        self.epoch, self.seq, self.boards = frame["epoch"], frame["seq"], dict(frame["boards"])
        if visit.reached is None:
            visit.skipped = frame["skipped"]
            visit.reached = (self.epoch or "", self.seq)

    def _delta(self, frame: dict[str, Any], visit: Visit) -> None:
        if frame["epoch"] != self.epoch or not frame["from"] <= self.seq < frame["to"]:
            self.faults.append(f"at {self.seq}: a delta from {frame['from']} to {frame['to']}")
            self._resync("a delta that does not fit")
            return
        self.boards |= frame["set"]
        for board_id in frame["unset"]:
            self.boards.pop(board_id, None)
        self.seq = frame["to"]
        if visit.reached is None:
            visit.reached = (self.epoch or "", self.seq)

    def _event(self, frame: dict[str, Any]) -> None:
        place = (self.epoch, self.seq) if self.epoch is not None else None
        self.popups.append(Popup(frame["id"], frame["seq"], len(self.visits) - 1, place))
        if place is not None and frame["epoch"] == place[0] and frame["seq"] <= place[1]:
            self.faults.append(f"at {self.seq}: event {frame['seq']} again, behind its position")
        if frame["id"] in self._heard:
            self.faults.append(f"event {frame['id']} twice on one connection")
        elif frame["id"] in self._ahead:
            self.remembered += 1
        elif frame["id"] in self._had:
            self.faults.append(f"event {frame['id']} again, on a later connection")
        for known in (self._heard, self._had, self._ahead):
            known.add(frame["id"])
        self._note("event", id=frame["id"], seq=frame["seq"])

    def _ping(self, frame: dict[str, Any], visit: Visit) -> None:
        if visit.reached is None:
            visit.reached = (frame["epoch"], frame["seq"])
        if (frame["epoch"], frame["seq"]) != (self.epoch, self.seq):
            self.faults.append(f"a ping at {frame['seq']} on a line that stands at {self.seq}")
            self._resync("a ping beyond my position")
        self._ack()

    def _ack(self) -> None:
        """What a page says when it is pinged: where it stands, and what it shows there."""
        ack: dict[str, Any] = {"op": "ack", "seq": self.seq}
        if self.epoch is not None:
            ack["hash"] = fingerprint(self.boards)
        if self._wire is not None:
            self._wire.say(json.dumps(ack, separators=(",", ":")).encode())

    def _resync(self, why: str) -> None:
        if self._wire is not None and not self._resyncing:
            self._resyncing = True
            self.resyncs += 1
            self._wire.say(json.dumps({"op": "resync", "why": why}).encode())

    def _show(self, now: float, op: str) -> None:
        shown = Shown(now, self.epoch or "", self.seq, digest_of(self.boards))
        self.shown.append(shown)
        self._note("shown", op=op, seq=self.seq, digest=shown.digest)

    def _note(self, kind: str, **facts: Any) -> None:
        if self.record is not None:
            self.record.note(kind, overlay=self.name, **facts)


def key_of(link: str) -> str:
    """The secret in an overlay's link."""
    return link.partition("#k=")[2]


def live_url(base_url: str) -> str:
    return base_url.replace("http", "ws", 1) + "/live"


@contextmanager
def ending(overlays: Iterable[Overlay], *codes: int) -> Iterator[None]:
    """What is done here ends connections with these codes: those of now, and those of while it lasts."""
    told = tuple(overlays)
    for overlay in told:
        overlay.ordered |= set(codes)
        for code in codes:
            overlay.may_end(code)
    try:
        yield
    finally:
        for overlay in told:
            overlay.ordered -= set(codes)


@asynccontextmanager
async def open_overlays(overlays: Sequence[Overlay], *, within_s: float = 20) -> AsyncIterator[None]:
    """All of them running, and brought to now, until the block ends; a model that dies fails the test."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(overlay.run()) for overlay in overlays]
        await until_open(overlays, within_s)
        yield
        for task in tasks:
            task.cancel()


async def until_open(overlays: Sequence[Overlay], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while waiting := [overlay.name for overlay in overlays if not overlay.is_open]:
        assert time.monotonic() < deadline, f"not open within {within_s:g} s: {waiting[:5]}"
        await asyncio.sleep(0.02)
