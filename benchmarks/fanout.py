"""One message to thousands of browsers, beside other systems: how late, at what cost, how many a second.

Every contender lives on one core, its clients (benchmarks/clients) on another. In each round each of them
is started anew, takes 100 and then 5,000 clients, and is asked the same; tables hold medians of rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks import contenders, ground, processes
from benchmarks.contenders import Contender, Running
from benchmarks.ground import Ground
from benchmarks.load import Load
from benchmarks.programs import Broken
from benchmarks.results import Aim, Section, aims, table

ROUNDS = 3
CLIENTS, FEW = 5_000, 100
SIZE = 400
#: What "Hubbub" is set to, besides what it is in production.
FRAME_EVERY_S = 0.005
#: Of the messages at an easy pace, that may share a frame with the next one before a figure is not believed.
_MOST_MERGED = 0.005
BOARDS, EVENTS = "Hubbub, boards", "Hubbub, events"
JOINED, NCHAN = "C, joined writes", "nchan (nginx)"


@dataclass(frozen=True, slots=True)
class Phase:
    """`count` messages, `per_second` of them (0: all at once), and how long to wait for the last ones."""

    clients: int
    count: int
    per_second: float
    grace_s: float

    @property
    def seconds(self) -> float:
        return self.count / self.per_second if self.per_second else 0.0


PHASES = {
    "few": Phase(FEW, 80, 20, 2),
    "paced": Phase(CLIENTS, 80, 20, 8),
    "burst": Phase(CLIENTS, 40, 0, 8),
    "overload": Phase(CLIENTS, 500, 100, 5),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """One phase of one contender in one round."""

    p50_ms: float
    p99_ms: float
    per_second: float  # deliveries, from when the first message was due
    missing: float  # share of the deliveries asked for that had not come when it was cut short
    cpu_us: float  # of the server's processes, for each delivery; the same as seconds for a million
    beside_us: float  # of the database and the bus
    client_share: float  # of its core, that the load program used
    disorder: float


Round = Mapping[str, Figures]


def _phase(server: Running, load: Load, ground: Ground, phase: Phase) -> Figures:
    load.connect(phase.clients)
    family = server.family()
    entries = processes.table()
    beside = {pid for root in ground.pids.values() for pid in processes.family(entries, root)}
    beside |= server.beside()
    load.measure(phase.count * phase.clients, phase.seconds + phase.grace_s)
    before = [processes.cpu_seconds(pids) for pids in (family, beside, {load.pid})]
    began = server.publish(phase.count, phase.per_second, SIZE)
    found = load.measured()
    used = [
        processes.cpu_seconds(pids) - was
        for pids, was in zip((family, beside, {load.pid}), before, strict=True)
    ]
    if found.deliveries == 0:
        raise Broken("nothing was delivered")
    if found.lost:
        raise Broken(f"{found.lost} clients were cut")
    took_s = (found.last_ns - began) / 1e9
    return Figures(
        found.p50_ms,
        found.p99_ms,
        found.deliveries / took_s,
        1 - found.deliveries / found.asked,
        used[0] / found.deliveries * 1e6,
        used[1] / found.deliveries * 1e6,
        used[2] / took_s,
        float(found.disorder),
    )


def _round(contender: Contender, ground: Ground, notes: list[str]) -> Round:
    """All phases, as far as they go: who cannot keep the pace is not asked for more."""
    found: dict[str, Figures] = {}
    try:
        with contenders.running(contender, ground) as (server, load):
            for name, phase in PHASES.items():
                if name == "burst" and contender.name == BOARDS:
                    continue  # one board cannot be shown in forty states at once: they are one frame
                found[name] = _phase(server, load, ground, phase)
                if name == "paced" and found[name].missing > 0.05 and contender.name != BOARDS:
                    break
    except Broken as error:
        notes.append(f"{contender.name}: {error}")
    return found


def _medians(rounds: Sequence[Round]) -> Round:
    """Figure by figure."""
    result = {}
    for name in PHASES:
        these = [found[name] for found in rounds if name in found]
        if these:
            fields = {field: median(getattr(one, field) for one in these) for field in Figures.__slots__}
            result[name] = Figures(**fields)
    return result


def _cell(found: Round, phase: str, show: Callable[[Figures], str]) -> str:
    figures = found.get(phase)
    return "–" if figures is None else show(figures)


def _late(figures: Figures) -> str:
    """A p99 of what had come when it was cut short says little: it would have grown."""
    return f"> {figures.p99_ms:,.0f} ms" if figures.missing > 0 else _as_it_is(figures)


def _as_it_is(figures: Figures) -> str:
    """What was merged did come, in a later frame."""
    return f"{figures.p99_ms:,.1f} ms"


def _rate(figures: Figures) -> str:
    lacks = f" ({figures.missing:.0%} not delivered)" if figures.missing > 0.005 else ""
    return f"{figures.per_second:,.0f}{lacks}"


def _merged(figures: Figures) -> str:
    return f"{figures.per_second:,.0f} ({figures.missing:.0%} merged into later frames)"


def _rows(medians: Mapping[str, Round]) -> list[Sequence[str]]:
    rows: list[Sequence[str]] = []
    for name, found in medians.items():
        rate = _merged if name == BOARDS else _rate
        late = _as_it_is if name == BOARDS else _late
        rows.append(
            (
                name,
                _cell(found, "paced", lambda figures: f"{figures.p50_ms:,.1f} ms"),
                _cell(found, "paced", late),
                _cell(found, "paced", lambda figures: f"{figures.cpu_us:.2f}"),
                _cell(found, "paced", lambda figures: f"{figures.beside_us:.2f}"),
                _cell(found, "few", late),
                _cell(found, "few", lambda figures: f"{figures.cpu_us:.2f}"),
                _cell(found, "overload", rate),
                _cell(found, "overload", late),
                _cell(found, "overload", lambda figures: f"{figures.client_share:.0%}"),
                "merged" if name == BOARDS else _cell(found, "burst", lambda f: f"{f.per_second:,.0f}"),
            )
        )
    return rows


def _ratio(value: Figures | None, base: Figures | None, field: str) -> float | None:
    if value is None or base is None or getattr(base, field) == 0:
        return None
    return float(getattr(value, field) / getattr(base, field))


def _ratios(medians: Mapping[str, Round]) -> list[Sequence[str]]:
    paced, burst = medians.get(BOARDS, {}), medians.get(EVENTS, {})
    asked = (
        ("paced", "p99_ms", paced),
        ("paced", "cpu_us", paced),
        ("few", "cpu_us", paced),
        ("overload", "per_second", burst),
    )
    rows: list[Sequence[str]] = []
    for name, found in medians.items():
        if name not in (BOARDS, EVENTS):
            ratios = [_ratio(found.get(phase), base.get(phase), field) for phase, field, base in asked]
            rows.append((name, *("–" if ratio is None else f"{ratio:.2f} ×" for ratio in ratios)))
    return rows


def _aims(medians: Mapping[str, Round]) -> list[Aim]:
    """Those of issue 3."""
    boards, events = medians.get(BOARDS, {}), medians.get(EVENTS, {})
    joined, nchan = medians.get(JOINED, {}), medians.get(NCHAN, {})
    found = []
    flood = events.get("overload")
    wanted = PHASES["overload"].per_second * CLIENTS
    if flood:
        reached = flood.missing == 0 and flood.per_second >= 0.98 * wanted
        found += [
            Aim(f"overload of {wanted:,.0f}/s reached (events)", _rate(flood), "fully", reached),
            Aim("overload p99 (events)", _late(flood), "≤ 100 ms", flood.p99_ms <= 100 and not flood.missing),
        ]
    for what, phase, field, other, name, most in (
        ("paced p99 / that of C with joined writes", "paced", "p99_ms", joined, JOINED, 1.15),
        ("paced CPU / that of nchan", "paced", "cpu_us", nchan, NCHAN, 0.85),
        (f"CPU with {FEW} clients / that of nchan", "few", "cpu_us", nchan, NCHAN, 1.0),
    ):
        mine = boards.get(phase)
        ratio = _ratio(mine, other.get(phase), field)
        figure = f"{name} was not measured" if ratio is None else f"{ratio:.2f}"
        # A message that was merged into a later frame is in no percentile: there must be none.
        whole = mine is not None and mine.missing <= _MOST_MERGED
        if not whole and mine is not None:
            figure += f", {mine.missing:.1%} merged"
        found.append(Aim(what, figure, f"≤ {most}", whole and ratio is not None and ratio <= most))
    return found


def measure() -> Section:
    """Everybody who can be here."""
    with ground.standing() as stands:
        show = stands.show("fanout", 1, CLIENTS)
        us = [
            contenders.ours(name, show, kind=kind, most_overlays=CLIENTS, frame_every_s=FRAME_EVERY_S)
            for name, kind in ((BOARDS, "boards"), (EVENTS, "events"))
        ]
        others, missing = contenders.available(stands)
        everybody = [*us, *others]
        rounds: dict[str, list[Round]] = {contender.name: [] for contender in everybody}
        notes: list[str] = []
        for number in range(ROUNDS):
            for contender in everybody:
                if number == 0 or not contender.is_aside:
                    print(f"  round {number + 1}: {contender.name}", flush=True)
                    rounds[contender.name].append(_round(contender, stands, notes))
    medians = {name: _medians(found) for name, found in rounds.items()}
    return _section(medians, missing, notes)


def _section(medians: Mapping[str, Round], missing: Mapping[str, str], notes: Sequence[str]) -> Section:
    paced, flood, burst = PHASES["paced"], PHASES["overload"], PHASES["burst"]
    head = (
        f"{CLIENTS:,} clients, {SIZE} bytes",
        f"paced {paced.per_second:.0f}/s: p50",
        "p99",
        "CPU s / million",
        "database and bus beside it",
        f"{FEW} clients, {paced.per_second:.0f}/s: p99",
        "CPU s / million",
        f"overload {flood.per_second:.0f}/s for {flood.seconds:.0f} s: deliveries/s",
        "p99",
        "load program's core",
        f"burst of {burst.count}: deliveries/s",
    )
    judged = _aims(medians)
    text = [
        table(head, _rows(medians)),
        "Beside Hubbub (paced and few: boards; overload: events):",
        table(
            ("system", "paced p99", "paced CPU", f"CPU, {FEW} clients", "overload reached"), _ratios(medians)
        ),
        aims(judged),
        f"Hubbub: limit of overlays in a room {CLIENTS:,} instead of 20, a frame each "
        f"{FRAME_EVERY_S * 1000:.0f} ms at most instead of 100; a key each, sequence numbers, pings, "
        "acknowledgements and position checks on. A burst is memory copying where writes are joined: "
        "not a figure to quote.",
        f"Beside it: {contenders.versions()}. Medians of {ROUNDS} rounds; one where no aim depends on it.",
        *(f"Missing: {name}: {reason}" for name, reason in missing.items()),
        *(f"Failed once: {note}" for note in notes),
        *(
            f"{name}: {figures.disorder:.0f} messages out of order in {phase}"
            for name, found in medians.items()
            for phase, figures in found.items()
            if figures.disorder
        ),
    ]
    return Section("\n\n".join(text), all(aim.met for aim in judged))
