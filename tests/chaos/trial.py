"""One promise being tried: its seed, its record, its figures, and the time it may take."""

from __future__ import annotations

import asyncio
import functools
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.chaos.record import Record
from tests.chaos.scale import Scale
from tests.chaos.stalls import Sample, Stalls

#: Where a short form stops whatever happens; a long form says its own bound.
SHORT_BOUND_S = 60.0
#: A harness that did not look for longer than this cannot say what a server did meanwhile.
BLIND_S = 0.5
#: A short form shares the machine with other tests: it tries that things work, and how fast they are only in
#: the rough. The long one is alone, and holds every promise to the letter.
SHARED = 3.0
#: Of the rate that a trial asks for, so much must come about; a short form may have to share the machine.
FULL_FLOOR, SHORT_FLOOR = 0.9, 0.5

Test = Callable[..., Awaitable[None]]


class Trial:
    """What a chaos test is given. All chance comes from `random`, whose seed CHAOS_SEED repeats."""

    def __init__(self, name: str, folder: Path, scale: Scale, stalls: Stalls) -> None:
        found = re.findall(r"(?<![a-z])r\d+", name)
        self.promise = " ".join(part.upper() for part in found) or name
        self.scale = scale
        self.folder = folder
        self.seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(2**31))
        self.random = Random(self.seed)  # noqa: S311
        self.record = Record(folder / "record.jsonl")
        self.figures: dict[str, str] = {}
        #: Loads that did not come about.
        self.short_of: list[str] = []
        self.stalls = stalls
        self.began = time.monotonic()
        self._told = self.began

    def figure(self, name: str, value: object) -> None:
        """One figure for the table at the end."""
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        self.figures[name] = text
        self.record.note("figure", name=name, value=text)

    def lags(self, name: str, seconds: Sequence[float]) -> None:
        """How late things were: median, 99th in a hundred, and the latest."""
        found = sorted(seconds)
        if not found:
            self.figure(name, "none")
            return
        middle, late = found[len(found) // 2], found[min(len(found) - 1, int(len(found) * 0.99))]
        self.figure(name, f"p50 {middle * 1000:.0f} p99 {late * 1000:.0f} max {found[-1] * 1000:.0f} ms")

    def allowed(self, seconds: float) -> float:
        """A promised time, as this form of the trial holds it."""
        return seconds if self.scale.is_long else seconds * SHARED

    def within(self, seconds: float, since: float | None = None) -> float:
        """A promised time for what has been going on `since` then (seconds since 1970), and what this machine
        has taken from the harness meanwhile; without `since`, the worst that it took at once. A long form
        adds BLIND_S at most."""
        taken = self.stalls.worst_s if since is None else self.stalls.taken(since, time.time())
        return self.allowed(seconds) + (min(taken, BLIND_S) if self.scale.is_long else taken)

    def at_most(self, what: str, samples: Iterable[float], seconds: float, share: float = 1.0) -> None:
        """Raises AssertionError unless so large a share of the samples kept to a promised time.

        While the harness does not look nothing is seen, so that what it missed of a Sample is taken off, for
        the slowest only: a median is not made by a stall. More than BLIND_S of it proves nothing either
        way: "inconclusive" stands in the table then, and a long form fails.
        """
        found = list(samples)
        seconds = self.allowed(seconds)
        slow = share > 0.5

        def measured(blind_s: float) -> float:
            seen = sorted(self._seen(one, blind_s if slow else 0.0) for one in found)
            return seen[min(len(seen) - 1, int(len(seen) * share))] if seen else 0.0

        if measured(0.0) <= seconds or measured(BLIND_S) <= seconds:
            return
        told = f"{what}: {measured(0.0):.3f} s, promised are {seconds:g} s for {share:.0%} of {len(found)}"
        assert measured(float("inf")) <= seconds, told
        self.figure(f"{what} inconclusive", f"{measured(0.0):.2f} s, over {BLIND_S:g} s of it not seen")
        assert not self.scale.is_long, f"inconclusive: {told}"

    def _seen(self, sample: float, blind_s: float) -> float:
        """What was measured without what the harness missed of it, at most `blind_s`."""
        if blind_s <= 0 or not isinstance(sample, Sample):
            return sample
        return sample - min(blind_s, self.stalls.taken(sample.began, sample.began + sample))

    def rate(self, what: str, done: int, seconds: float, asked: float) -> None:
        """So much was done in so many seconds. Where that is much less than was asked for a second the trial
        has failed, at its end: a promise that was tried under half of the load is not tried, but what it did
        keep under that load is told first."""
        self.figure(f"{what} a second", f"{done / seconds:.0f} of {asked:.0f}")
        floor = FULL_FLOOR if self.scale.is_long else SHORT_FLOOR
        if done < floor * asked * seconds:
            self.short_of.append(f"{what}: {done / seconds:.0f} of {asked:.0f} a second")

    def progress(self, text: str, every_s: float = 30) -> None:
        """A line for who waits for a long form."""
        if self.scale.is_long and time.monotonic() - self._told >= every_s:
            self._told = time.monotonic()
            print(f"  {self.promise} {time.monotonic() - self.began:5.0f} s: {text}", flush=True)

    @property
    def summary(self) -> str:
        """The line of the table."""
        figures = "; ".join(f"{name} {value}" for name, value in self.figures.items())
        return f"{time.monotonic() - self.began:.0f} s | {figures} | seed {self.seed}"


def bound(short: float = SHORT_BOUND_S, full: float = 0) -> Callable[[Test], Test]:
    """A test with an end: after so many seconds it has failed, whatever it waits for. `full`: in the long
    form, on top of what is short."""

    def limit(test: Test) -> Test:
        @functools.wraps(test)
        async def limited(*arguments: Any, **named: Any) -> None:
            scale = Scale.of()
            async with asyncio.timeout(short * (1 if scale.is_long else SHARED) + full * scale.share):
                await test(*arguments, **named)
            short_of = named["trial"].short_of
            assert not short_of, f"all was kept, but not under the load that is asked for: {short_of}"

        limited.__dict__["short_bound_s"] = short
        return limited

    return limit


@asynccontextmanager
async def trying(name: str, folder: Path) -> AsyncIterator[Trial]:
    """A trial from its seed to its figures."""
    async with Stalls.watched() as stalls:
        trial = Trial(name, folder, Scale.of(), stalls)
        print(f"{trial.promise}: seed {trial.seed} (CHAOS_SEED={trial.seed} repeats it)", flush=True)
        print(f"  record: {trial.record.path}", flush=True)
        yield trial
        trial.figure("harness stall", f"{stalls.worst_s * 1000:.0f} ms")
        trial.record.close()
