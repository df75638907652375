"""5,000 overlays lose their server at the same moment: until when each shows again what the database holds.

The server is killed and started anew. The clients come back as the overlay page does (full jitter under a
ceiling that grows with the time away; its limits are read from the page's source) with the position they
had, and are right when their first frame is a snapshot with the mark that stands in their own room's board in
PostgreSQL.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from statistics import median

from benchmarks import contenders, ground
from benchmarks.contenders import Running
from benchmarks.ground import Ground
from benchmarks.load import Load, Storm
from benchmarks.programs import ROOT, Broken, Program
from benchmarks.results import Aim, Section, aims, table
from benchmarks.show import Show

ROUNDS = 3
ROOMS, ROOM = 250, 20
_WITHIN_S = 30.0
_AIM_S = 5.0
PAGE = ROOT / "overlay/static/overlay/live.js"
_CONSTANT = re.compile(r"^const (FIRST|LAST)_RETRY_MS = ([0-9_]+);", re.MULTILINE)


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


def _round(show: Show, stands: Ground) -> Return:
    first = contenders.ours("Hubbub", show, most_overlays=ROOM)
    start = first.start(stands)
    with Program(start.command, start.environment) as old:
        server = Running(first, old)
        with Load(server.port, first.speech, *_page_retries()) as load:
            load.connect(ROOMS * ROOM)
            load.watch(_WITHIN_S)
            server.kill()
            again = contenders.ours("Hubbub", show, most_overlays=ROOM, port=server.port).start(stands)
            with Program(again.command, again.environment) as new:
                anew = Running(first, new)
                up_ns = time.monotonic_ns()
                storm = load.watched()
                figures = anew.figures()
    up_s = (up_ns - storm.cut_ns) / 1e9
    return Return(storm, up_s, figures["snapshot_queries"], figures["catch_ups"])


def measure() -> Section:
    """Some rounds, each on fresh processes."""
    found: list[Return] = []
    notes: list[str] = []
    with ground.standing() as stands:
        show = stands.show("reconnect", ROOMS, ROOM)
        for number in range(ROUNDS):
            print(f"  round {number + 1}", flush=True)
            try:
                found.append(_round(show, stands))
            except Broken as error:
                notes.append(f"Failed once: {error}")
    if not found:
        return Section("\n\n".join(["Not measured.", *notes]), met=False)
    up = median(one.up_s for one in found)
    cut = {percent: median(one.since_cut_s(percent) for one in found) for percent in (95, 100)}
    since_up = {percent: max(0.0, value - up) for percent, value in cut.items()}
    queries = max(one.snapshot_queries for one in found)
    wrong = sum(one.storm.wrong for one in found)
    rows = [
        ("the server listens again", f"{up:.2f} s", ""),
        ("95 % right", f"{cut[95]:.2f} s", f"{since_up[95]:.2f} s"),
        ("all right", f"{cut[100]:.2f} s", f"{since_up[100]:.2f} s"),
    ]
    judged = [
        Aim("all right, since the cut", f"{cut[100]:.2f} s", f"≤ {_AIM_S:.0f} s", cut[100] <= _AIM_S),
        Aim("wrong snapshots", str(wrong), "0", wrong == 0),
        Aim(f"snapshot queries for {ROOMS} rooms, at most", str(queries), f"≤ {ROOMS}", queries <= ROOMS),
    ]
    tries = (
        f"Tries that failed: {median(one.storm.failed for one in found):.0f}; catch-ups of rooms that were "
        f"open, at most: {max(one.catch_ups for one in found)}. Medians of {len(found)} rounds."
    )
    head = (f"{ROOMS * ROOM:,} overlays in {ROOMS} rooms", "since the cut", "since the server listens")
    text = [table(head, rows), aims(judged), tries, *notes]
    return Section("\n\n".join(text), all(aim.met for aim in judged))
