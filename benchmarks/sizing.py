"""What a crowd needs, calculated from measured costs: machines, bandwidth, connections, database writes.

    python -m benchmarks.sizing --overlays 1000000 --votes 50000

The costs are in costs.json, each with where it was measured. The formulas are explained in
docs/operations.md, which quotes what this prints. A calculation is no load test: it says which part is
reached first and by how much, and leaves half of every machine idle.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Final

from benchmarks.results import table

COSTS_FILE: Final = Path(__file__).with_name("costs.json")
#: A frame leaves at most every 100 ms, a show commits at most every 50 ms, a ping comes every 5 s.
MOST_FRAMES_S: Final = 10.0
MOST_BATCHES_S: Final = 20.0
PINGS_S: Final = 0.2
#: Every chat is read by two processes (reliability R2).
READERS: Final = 2
#: A connector asks so often what it reads; an overlay is noted as there once in so many seconds.
ROUNDS_S: Final = 2.0
PRESENCE_EVERY_S: Final = 6.0
#: One proxy address reaches one listening address by so many local ports.
CONNECTIONS_PER_PROCESS: Final = 25_000
#: What one PostgreSQL is given: cores, of which half stay idle, and log it writes in a second.
DATABASE_CORES: Final = 32
DATABASE_WAL_MIB: Final = 200.0


@dataclass(frozen=True, slots=True)
class Costs:
    """Measured, per unit; what each means and where it comes from stands in costs.json."""

    delivery_us: float
    overlay_kib: float
    process_mib: float
    frame_bytes: float
    ping_bytes: float
    wire_bytes: float
    batch_app_ms: float
    batch_db_ms: float
    vote_app_us: float
    vote_db_us: float
    batch_wal_kib: float
    vote_wal_bytes: float
    vote_disk_bytes: float
    line_us: float
    check_db_us: float
    presence_db_us: float
    presence_wal_bytes: float
    assign_db_ms: float
    message_us: float
    proxy_us: float
    redis_messages: float

    @classmethod
    def read(cls, file: Path = COSTS_FILE) -> Costs:
        """From a file like costs.json. Raises ValueError for one that is missing, unknown or not positive."""
        found = {name: float(entry[0]) for name, entry in json.loads(file.read_text("utf-8")).items()}
        wanted = {field.name for field in fields(cls)}
        if found.keys() != wanted or not all(value > 0 for value in found.values()):
            raise ValueError(f"{file} must have a positive figure for each of {', '.join(sorted(wanted))}")
        return cls(**found)


@dataclass(frozen=True, slots=True)
class Load:
    """What there is at the busiest moment. `active` is the part of the shows with a poll running."""

    overlays: int
    votes_s: float
    overlays_per_show: float = 4.0
    active: float = 0.1
    lines_per_vote: float = 10.0

    @property
    def shows(self) -> float:
        return max(1.0, self.overlays / self.overlays_per_show)

    @property
    def active_shows(self) -> float:
        return max(1.0, self.shows * self.active)

    @property
    def batches_s(self) -> float:
        """Transactions of all shows: one a vote where votes are few, one for many where they are many."""
        return self.active_shows * min(self.votes_s / self.active_shows, MOST_BATCHES_S)

    @property
    def deliveries_s(self) -> float:
        """Frames to browsers, pings among them."""
        frames_s = min(self.batches_s / self.active_shows, MOST_FRAMES_S)
        return self.overlays * (self.active_shows / self.shows * frames_s + PINGS_S)


@dataclass(frozen=True, slots=True)
class Need:
    """One part: how much of it is needed, how much one has, and so how many."""

    part: str
    amount: float
    unit: str
    one_has: float
    grows_by: str  # what to do when one is not enough

    @property
    def number(self) -> int:
        return max(1, math.ceil(self.amount / self.one_has))


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a load needs."""

    load: Load
    costs: Costs
    cores: int = 16
    idle: float = 0.5

    @property
    def core(self) -> float:
        """How much of a core is planned with."""
        return 1 - self.idle

    def spread(self) -> float:
        """How many processes show the same show: its overlays come in at any of them."""
        return min(self.load.overlays_per_show, self.web_processes())

    def web_cores(self) -> float:
        """Of the processes that browsers are connected to: frames out, and changes in from the others."""
        heard = self.load.batches_s * min(self.load.overlays_per_show, self.by_sockets())
        return (self.load.deliveries_s * self.costs.delivery_us + heard * self.costs.message_us) / 1e6

    def by_sockets(self) -> int:
        """Processes that the connections need."""
        return max(1, math.ceil(self.load.overlays / CONNECTIONS_PER_PROCESS))

    def web_processes(self) -> int:
        return max(self.by_sockets(), math.ceil(self.web_cores() / self.core))

    def engine_cores(self) -> float:
        """Of the processes that read chat and commit votes."""
        load, costs = self.load, self.costs
        reading = load.votes_s * load.lines_per_vote * costs.line_us / 1e6
        storing = load.batches_s * costs.batch_app_ms / 1e3 + load.votes_s * costs.vote_app_us / 1e6
        return READERS * (reading + storing)

    def database_cores(self) -> float:
        """Two readers hand in the same votes; the second finds them taken, at the price of the first."""
        load, costs = self.load, self.costs
        storing = load.batches_s * costs.batch_db_ms / 1e3 + load.votes_s * costs.vote_db_us / 1e6
        checking = load.shows * self.spread() * costs.check_db_us / 1e6
        presence = load.overlays / PRESENCE_EVERY_S * costs.presence_db_us / 1e6
        connectors = math.ceil(self.engine_cores() / self.core)
        return READERS * storing + checking + presence + connectors * ROUNDS_S * costs.assign_db_ms / 1e3

    def wal_mib_s(self) -> float:
        load, costs = self.load, self.costs
        presence = load.overlays / PRESENCE_EVERY_S * costs.presence_wal_bytes / 2**20
        storing = load.batches_s * costs.batch_wal_kib / 1024 + load.votes_s * costs.vote_wal_bytes / 2**20
        return storing + presence

    def bandwidth_gbit_s(self) -> float:
        load, costs = self.load, self.costs
        pings = load.overlays * PINGS_S
        data = (load.deliveries_s - pings) * costs.frame_bytes + pings * costs.ping_bytes
        return (data + load.deliveries_s * costs.wire_bytes) * 8 / 1e9

    def needs(self) -> list[Need]:
        """Every part, in the order of the way from chat to browser."""
        load, costs = self.load, self.costs
        web = self.web_processes()
        memory_gib = (load.overlays * costs.overlay_kib / 1024 + web * costs.process_mib) / 1024
        messages_s = READERS * load.batches_s * (1 + self.spread())
        proxy_cores = load.deliveries_s * costs.proxy_us / 1e6
        return [
            Need("connectors", self.engine_cores(), "cores", self.core, "another process"),
            Need(
                "PostgreSQL, CPU",
                self.database_cores(),
                "cores",
                DATABASE_CORES * self.core,
                "more cores, then cells",
            ),
            Need("PostgreSQL, log", self.wal_mib_s(), "MiB/s", DATABASE_WAL_MIB, "a faster disk, then cells"),
            Need("Redis", messages_s, "messages/s", costs.redis_messages * self.core, "nodes of a cluster"),
            Need(
                "web, CPU",
                self.web_cores(),
                "cores",
                self.core,
                "another process",
            ),
            Need("web, connections", load.overlays, "sockets", CONNECTIONS_PER_PROCESS, "another process"),
            Need("web, memory", memory_gib, "GiB", self.cores * 2.0, "another machine"),
            Need("nginx, CPU", proxy_cores, "cores", self.cores * self.core, "another machine"),
            Need("network, out", self.bandwidth_gbit_s(), "Gbit/s", 10 * self.core, "another machine"),
        ]

    def cells(self) -> int:
        """Databases, each with the shows that are its own."""
        return max(need.number for need in self.needs() if need.part.startswith("PostgreSQL"))

    def machines(self) -> int:
        """Of `cores` cores: Hubbub's processes and nginx on all, or what the network asks for; plus one
        PostgreSQL and its standby a cell."""
        parts = {need.part: need for need in self.needs()}
        processes = self.web_processes() + parts["connectors"].number
        hubbub = math.ceil((processes + parts["nginx, CPU"].amount / self.core) / self.cores)
        return max(hubbub, parts["network, out"].number, 2) + 2 * self.cells()

    def short(self) -> list[Need]:
        """Parts of which one is not enough."""
        return [need for need in self.needs() if need.number > 1]


def report(sizing: Sizing) -> Iterator[str]:
    """For people."""
    load = sizing.load
    yield (
        f"{load.overlays:,} overlays of {load.shows:,.0f} shows, {load.active_shows:,.0f} with a poll; "
        f"{load.votes_s:,.0f} votes/s in {load.batches_s:,.0f} transactions/s; "
        f"{load.deliveries_s:,.0f} frames/s to browsers\n"
    )
    rows = [
        (
            need.part,
            f"{need.amount:,.1f} {need.unit}",
            f"{need.one_has:,g}",
            f"{need.number:,}",
            need.grows_by,
        )
        for need in sizing.needs()
    ]
    yield table(("part", "needed", "one has", "number", "when it is not enough"), rows)
    gib_a_day = load.votes_s * 86_400 * sizing.costs.vote_disk_bytes / 2**30
    yield (
        f"\n{sizing.cells():,} cells (a PostgreSQL with its standby, a Redis, its shows), "
        f"{sizing.machines():,} machines of {sizing.cores} cores.\n"
        f"A whole day at this rate leaves {gib_a_day:,.0f} GiB of votes."
    )


def growth(sizing: Sizing) -> str:
    """The same shows 1, 10, 100 and 1,000 times, and what is not enough any more each time."""
    rows = []
    known: set[str] = set()
    for times in (1, 10, 100, 1000):
        load = replace(
            sizing.load, overlays=sizing.load.overlays * times, votes_s=sizing.load.votes_s * times
        )
        grown = replace(sizing, load=load)
        short = [need for need in grown.short() if need.part not in known]
        known |= {need.part for need in short}
        rows.append(
            (
                f"{times:,} ×",
                f"{load.overlays:,}",
                f"{load.votes_s:,.0f}",
                f"{grown.web_processes():,}",
                f"{grown.bandwidth_gbit_s():,.2f} Gbit/s",
                f"{grown.cells():,}",
                f"{grown.machines():,}",
                "; ".join(f"{need.part} ({need.grows_by})" for need in short) or "nothing",
            )
        )
    head = ("", "overlays", "votes/s", "web processes", "out", "cells", "machines", "what is short now")
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the needs of a load; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description="What a crowd needs.")
    parser.add_argument("--overlays", type=int, required=True, help="browser sources connected")
    parser.add_argument("--votes", type=float, required=True, help="votes a second, all shows together")
    parser.add_argument("--per-show", type=float, default=4.0, help="overlays of one show (4)")
    parser.add_argument("--active", type=float, default=0.1, help="part of the shows with a poll (0.1)")
    parser.add_argument("--lines", type=float, default=10.0, help="chat lines for one vote (10)")
    parser.add_argument("--cores", type=int, default=16, help="cores of a machine (16)")
    parser.add_argument("--idle", type=float, default=0.5, help="part of every machine kept idle (0.5)")
    parser.add_argument("--costs", type=Path, default=COSTS_FILE, help="measured elsewhere")
    parser.add_argument("--growth", action="store_true", help="also 10, 100 and 1,000 times as much")
    given = parser.parse_args(arguments)
    if min(given.overlays, given.votes, given.per_show, given.active, given.lines, given.cores) <= 0:
        parser.error("every figure must be greater than 0")
    if given.active > 1 or not 0 <= given.idle < 1:
        parser.error("--active is at most 1, --idle less than 1")
    load = Load(given.overlays, given.votes, given.per_show, given.active, given.lines)
    sizing = Sizing(load, Costs.read(given.costs), given.cores, given.idle)
    print("\n".join(report(sizing)))
    if given.growth:
        print(f"\n{growth(sizing)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
