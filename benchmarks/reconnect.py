"""5,000 overlays lose their server at the same moment: until when each shows again what the database holds.

The server is killed and started anew. The clients come back as the overlay page does (full jitter under a
ceiling that grows with the time away; its limits are read from the page's source) with the position they
had, and are right when their first frame is a snapshot with the mark that stands in their own room's board in
PostgreSQL. Other servers have no state to show: their clients have only to be connected again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks import contenders, ground
from benchmarks.contenders import Contender, Running, Start
from benchmarks.ground import Ground
from benchmarks.load import Load, Storm
from benchmarks.programs import ROOT, Broken, Program
from benchmarks.results import Aim, Section, aims, table
from benchmarks.show import Show

ROUNDS = 3
ROOMS, ROOM = 250, 20
#: Whose clients may come back without Hubbub's; the others are not quicker than these.
BESIDE = ("C, joined writes", "nchan (nginx)", "Node ws, prepared frames")
_WITHIN_S = 30.0
_AIM_S = 5.0
PAGE = ROOT / "overlay/static/overlay/live.js"
_CONSTANT = re.compile(r"^const (FIRST|LAST)_RETRY_MS = ([0-9_]+);", re.MULTILINE)
_OURS = "Hubbub"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A contender, and how its second process is started on the port of the first."""

    contender: Contender
    again: Callable[[int], Start]


@dataclass(frozen=True, slots=True)
class Return:
    """Seconds since the cut, and the work of the new server."""

    storm: Storm
    up_s: float
    snapshot_queries: int
    catch_ups: int

    def since_cut_s(self, percent: int) -> float:
        """Until so many percent were right; infinite when so many never were."""
        found = self.storm.p95_ms if percent == 95 else self.storm.all_ms
        return found / 1000 if found >= 0 else float("inf")


def _page_retries() -> tuple[str, ...]:
    """How the overlay page of this version comes back."""
    text = PAGE.read_text("utf-8")
    found = {name: int(value.replace("_", "")) for name, value in _CONSTANT.findall(text)}
    return ("--retry-first", str(found["FIRST"]), "--retry-last", str(found["LAST"]))


def _ours(show: Show, stands: Ground) -> Entrant:
    def again(port: int) -> Start:
        return contenders.ours(_OURS, show, most_overlays=ROOM, port=port).start(stands)

    return Entrant(contenders.ours(_OURS, show, most_overlays=ROOM), again)


def _peer(contender: Contender, stands: Ground) -> Entrant:
    def again(port: int) -> Start:
        start = contender.start(stands)
        return replace(start, environment={**start.environment, "PEER_PORT": str(port)})

    return Entrant(contender, again)


def _round(entrant: Entrant, stands: Ground) -> Return:
    contender = entrant.contender
    start = contender.start(stands)
    with Program(start.command, start.environment) as old:
        server = Running(contender, old)
        with Load(server.port, contender.speech, *_page_retries()) as load:
            load.connect(ROOMS * ROOM)
            load.watch(_WITHIN_S)
            server.kill()
            again = entrant.again(server.port)
            with Program(again.command, again.environment) as new:
                anew = Running(contender, new)
                up_ns = time.monotonic_ns()
                storm = load.watched()
                figures = anew.figures() if contender.name == _OURS else {}
    up_s = (up_ns - storm.cut_ns) / 1e9
    return Return(storm, up_s, figures.get("snapshot_queries", 0), figures.get("catch_ups", 0))


def measure() -> Section:
    """Some rounds, each on fresh processes."""
    notes: list[str] = []
    with ground.standing() as stands:
        show = stands.show("reconnect", ROOMS, ROOM)
        others, missing = contenders.available(stands)
        entrants = [_ours(show, stands), *(_peer(one, stands) for one in others if one.name in BESIDE)]
        notes += [f"Missing: {name}: {reason}" for name, reason in missing.items() if name in BESIDE]
        found: dict[str, list[Return]] = {entrant.contender.name: [] for entrant in entrants}
        for number in range(ROUNDS):
            for entrant in entrants:
                name = entrant.contender.name
                print(f"  round {number + 1}: {name}", flush=True)
                try:
                    found[name].append(_round(entrant, stands))
                except Broken as error:
                    notes.append(f"Failed in round {number + 1}: {name}: {error}")
    head = (
        f"{ROOMS * ROOM:,} clients lose their server",
        "it listens again after",
        "95 % are back",
        "all are back",
        "slowest round",
        "since it listens",
    )
    rows = [_row(name, rounds) for name, rounds in found.items() if rounds]
    ours = found[_OURS]
    judged = _aims(ours)
    about = (
        f"Hubbub's are {ROOM} overlays in each of {ROOMS} rooms, and back with the snapshot that says what "
        f"PostgreSQL holds; the others' are back when they are connected. Medians of {ROUNDS} rounds, since "
        "the first connection was cut."
    )
    if ours:
        about += (
            f" Hubbub: tries that failed: {median(one.storm.failed for one in ours):.0f}; catch-ups of rooms "
            f"that were open, at most: {max(one.catch_ups for one in ours)}."
        )
    text = [table(head, rows), aims(judged), about, *notes]
    return Section("\n\n".join(text), all(aim.met for aim in judged))


def _row(name: str, rounds: Sequence[Return]) -> Sequence[str]:
    up = median(one.up_s for one in rounds)
    back = median(one.since_cut_s(100) for one in rounds)
    return (
        name,
        f"{up:.2f} s",
        f"{median(one.since_cut_s(95) for one in rounds):.2f} s",
        f"{back:.2f} s",
        f"{max(one.since_cut_s(100) for one in rounds):.2f} s",
        f"{max(0.0, back - up):.2f} s",
    )


def _aims(ours: Sequence[Return]) -> list[Aim]:
    """Those of issue 3, judged by the slowest round: one that did not end counts."""
    slowest = max((one.since_cut_s(100) for one in ours), default=float("inf"))
    wrong = sum(one.storm.wrong for one in ours)
    queries = max((one.snapshot_queries for one in ours), default=0)
    whole = len(ours) == ROUNDS
    return [
        Aim(
            "all right, since the cut, slowest round",
            f"{slowest:.2f} s{'' if whole else f', {ROUNDS - len(ours)} rounds failed'}",
            f"≤ {_AIM_S:.0f} s",
            whole and slowest <= _AIM_S,
        ),
        Aim("wrong snapshots", str(wrong), "0", whole and wrong == 0),
        Aim(f"snapshot queries for {ROOMS} rooms, at most", str(queries), f"≤ {ROOMS}", 0 < queries <= ROOMS),
    ]
