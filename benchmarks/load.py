"""Thousands of clients: what clients/load.c is told, and what it answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import pinned
from benchmarks.native import compiled
from benchmarks.programs import Broken, Program

_SOURCES = Path(__file__).with_name("clients")
_CONNECT_S = 60.0


@dataclass(frozen=True, slots=True)
class Speech:
    """How a server wants to be spoken to."""

    path: str = "/"
    hellos: Path | None = None  # a line for each client
    greeting: int = 0  # frames that the server sends before a client is in
    socket_io: bool = False
    acks: bool = False  # it is the protocol of /live

    def options(self) -> Sequence[str]:
        found = ["--path", self.path, "--greeting", str(self.greeting)]
        if self.hellos:
            found += ["--hellos", str(self.hellos)]
        if self.socket_io:
            found.append("--socket-io")
        if self.acks:
            found.append("--acks")
        return found


@dataclass(frozen=True, slots=True)
class Delivered:
    """What reached the clients since `measure`. Times in ms since each message was due."""

    asked: int
    deliveries: int
    frames: int
    bytes: int
    disorder: int  # deliveries older than the one before them
    lost: int  # connections that ended
    first_ns: int
    last_ns: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float
    cpu_s: float  # of the clients, since they were started

    @property
    def complete(self) -> bool:
        return self.deliveries >= self.asked


@dataclass(frozen=True, slots=True)
class Storm:
    """How clients that were cut came back. Times in ms since the first was cut; -1: not so many did."""

    right: int  # have had a snapshot that says what it must
    wrong: int  # snapshots that did not
    lost: int
    failed: int  # tries that failed
    cut_ns: int
    p50_ms: float
    p95_ms: float
    all_ms: float


class Load(Program):
    """The clients of the server at `port`; none is connected yet."""

    def __init__(self, port: int, speech: Speech, *more: str) -> None:
        super().__init__(
            [*pinned("clients"), str(compiled(_SOURCES)), "--port", str(port), *speech.options(), *more]
        )

    def connect(self, number: int, seconds: float = _CONNECT_S) -> float:
        """Have so many; answers how many seconds it took. Raises Broken when not all got in."""
        self.order(f"connect {number}")
        said = json.loads(self.answer('{"ready"', seconds + 5))
        if said["ready"] != number:
            raise Broken(
                f"{said['ready']} of {number} clients got in, {said['failed']} tries failed: "
                f"{self.last_words()}"
            )
        return float(said["seconds"])

    def measure(self, deliveries: int, seconds: float) -> None:
        """Count from now on, until there are so many, or for so long."""
        self._asked = deliveries
        self._limit = seconds
        self.order(f"measure {deliveries} {seconds:.3f}")
        self.answer('{"measuring"', 10)

    def measured(self) -> Delivered:
        """Wait for the end of `measure`."""
        said: dict[str, Any] = json.loads(self.answer('{"deliveries"', self._limit + 30))
        return Delivered(asked=self._asked, **said)

    def watch(self, seconds: float) -> None:
        """All are about to be cut: note when each is right again, for so long at most."""
        self._limit = seconds
        self.order(f"watch {seconds:.3f}")
        self.answer('{"watching"', 10)

    def watched(self) -> Storm:
        """Wait for the end of `watch`."""
        return Storm(**json.loads(self.answer('{"right"', self._limit + 10)))
