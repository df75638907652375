"""Memory for each connection that is open and idle: the slope of the server's resident memory.

Two sizes are measured and divided by the connections between them, so that what a program needs for itself
does not count. All of them have had time for their keepalive, and for throwing away what connecting left.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks import contenders, ground, processes
from benchmarks.contenders import Contender, Running
from benchmarks.ground import Ground
from benchmarks.load import Load
from benchmarks.programs import Broken
from benchmarks.results import Aim, Section, aims, table

SIZES = (5_000, 15_000)
SIZES_OF_PYTHON_AND_SOCKET_IO = (1_000, 5_000)
ROOM = 20
#: One ping and one presence note at least.
REST_S = 6.0
IN_ROOMS, IN_ONE = f"Hubbub, rooms of {ROOM}", "Hubbub, one room"
NCHAN = "nchan (nginx)"
JUDGED = (IN_ROOMS, NCHAN)
ROUNDS = 3
THE_SAME_PROGRAM = "C, one send() a message"
_MOST_KIB = 4.0


@dataclass(frozen=True, slots=True)
class Slope:
    sizes: tuple[int, int]
    bytes_before: int
    bytes_after: int
    connect_s: float  # the larger part of the clients
    idle_share: float  # of a core, with all of them connected

    @property
    def kib(self) -> float:
        return (self.bytes_after - self.bytes_before) / (self.sizes[1] - self.sizes[0]) / 1024


def _slope(server: Running, load: Load, sizes: tuple[int, int]) -> Slope:
    load.connect(sizes[0])
    time.sleep(REST_S)
    before = processes.resident_bytes(server.family())
    connect_s = load.connect(sizes[1])
    time.sleep(1)
    family, began = server.family(), time.monotonic()
    used = processes.cpu_seconds(family)
    time.sleep(REST_S)
    share = (processes.cpu_seconds(family) - used) / (time.monotonic() - began)
    return Slope(sizes, before, processes.resident_bytes(family), connect_s, share)


def _measure(contender: Contender, stands: Ground, notes: list[str]) -> Slope | None:
    print(f"  {contender.name}", flush=True)
    try:
        with contenders.running(contender, stands) as (server, load):
            return _slope(server, load, SIZES_OF_PYTHON_AND_SOCKET_IO if contender.is_heavy else SIZES)
    except Broken as error:
        notes.append(f"Failed: {contender.name}: {error}")
        return None


def _medians(rounds: Mapping[str, Sequence[Slope]]) -> Mapping[str, Slope]:
    """The round in the middle of each."""
    return {
        name: sorted(slopes, key=lambda slope: slope.kib)[len(slopes) // 2]
        for name, slopes in rounds.items()
        if slopes
    }


def measure() -> Section:
    """Everybody who can be here; those on whom an aim depends in several rounds."""
    notes: list[str] = []
    with ground.standing() as stands:
        most = SIZES[1]
        us = [
            contenders.ours(IN_ROOMS, stands.show("rooms", most // ROOM, ROOM), most_overlays=ROOM),
            contenders.ours(IN_ONE, stands.show("room", 1, most), most_overlays=most),
        ]
        others, missing = contenders.available(stands)
        others = [other for other in others if other.name != THE_SAME_PROGRAM]
        everybody = [*us, *others]
        rounds: dict[str, list[Slope]] = {contender.name: [] for contender in everybody}
        for number in range(ROUNDS):
            for contender in everybody:
                if number == 0 or contender.name in JUDGED:
                    slope = _measure(contender, stands, notes)
                    rounds[contender.name] += [slope] if slope else []
    notes += [f"Missing: {name}: {reason}" for name, reason in missing.items()]
    notes.append(f"{' and '.join(JUDGED)}: the middle one of {ROUNDS} rounds.")
    slopes = _medians(rounds)
    base = slopes.get(IN_ROOMS)
    judged = _aims(base, slopes.get(NCHAN))
    head = ("idle connections", "from → to", "KiB each", "beside Hubbub", "connected in", "idle CPU")
    rows: list[Sequence[str]] = [
        (
            name,
            f"{slope.sizes[0]:,} → {slope.sizes[1]:,}",
            f"{slope.kib:.1f}",
            f"{slope.kib / base.kib:.1f} ×" if base and base.kib > 0 else "–",
            f"{slope.connect_s:.1f} s",
            f"{slope.idle_share:.1%}",
        )
        for name, slope in slopes.items()
    ]
    text = [table(head, rows), aims(judged), *notes]
    return Section("\n\n".join(text), all(aim.met for aim in judged))


def _aims(ours: Slope | None, nchan: Slope | None) -> list[Aim]:
    """Those of issue 3."""
    if ours is None:
        return [
            Aim(f"memory of an idle overlay, rooms of {ROOM}", "not measured", f"≤ {_MOST_KIB} KiB", False)
        ]
    what = f"memory of an idle overlay, rooms of {ROOM}"
    judged = [Aim(what, f"{ours.kib:.1f} KiB", f"≤ {_MOST_KIB:.0f} KiB", ours.kib <= _MOST_KIB)]
    if nchan:
        ratio = ours.kib / nchan.kib
        judged.append(Aim("the same / that of nchan", f"{ratio:.2f}", "≤ 0.5", ratio <= 0.5))
    return judged
