"""Votes a second into PostgreSQL, through the events API and Twitch chat, and how late frames show them.

The real program with its embedded PostgreSQL and Valkey, on all cores of the machine together with the
program that sends: nothing is pinned.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx2

from benchmarks import ingest_api, ingest_irc
from benchmarks.ingest_api import summary
from benchmarks.results import Aim, Section, aims, percentile, table
from tests.fakes.twitch_irc import FakeTwitch
from tests.servers import Hubbub

SECONDS = 10.0
API_AIM, IRC_AIM = 40_000, 20_000
_FRAME_AIM_MS, _TALK_AIM_US = 250, 8.0
_TALK_RATE = 10_000
_PART_S = 120.0


Api = httpx2.AsyncClient
Result = TypeVar("Result")


@contextmanager
def _program(**settings: str) -> Iterator[Hubbub]:
    """A server with an empty database."""
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-") as folder:
        server = Hubbub(Path(folder), settings)
        try:
            server.start()
            yield server
        finally:
            server.stop()


async def _through_api(work: Callable[[Api, Hubbub], Awaitable[Result]]) -> Result:
    with _program() as server:
        async with Api(base_url=server.base_url, headers=server.headers, timeout=30) as api:
            return await work(api, server)


async def _through_irc(work: Callable[[Api, Hubbub, FakeTwitch], Awaitable[Result]]) -> Result:
    async with FakeTwitch.serving() as twitch:
        # The start waits without giving the stand-in its turn; nobody calls it before there is a channel.
        with _program(TWITCH_IRC_URL=twitch.url) as server:
            async with Api(base_url=server.base_url, headers=server.headers, timeout=30) as api:
                return await work(api, server, twitch)


class Parts:
    """One after the other; one that fails is noted and does not stop the others."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    async def try_(self, what: str, work: Awaitable[Result]) -> Result | None:
        print(f"  {what}", flush=True)
        try:
            async with asyncio.timeout(_PART_S):
                return await work
        except (AssertionError, OSError, TimeoutError, httpx2.HTTPError) as error:
            self.notes.append(f"Failed: {what}: {type(error).__name__} {error}"[:600])
            return None


def _half(reached: float, aim: int) -> float:
    """The load at which delays are measured: half of the aim, or of what there is when that is less."""
    return min(aim, reached) / 2


def _delay(rate: float, frame: Sequence[float], missing: int, aim: int) -> Aim:
    late = percentile(frame, 99) if frame else float("inf")
    full = rate >= aim / 2
    what = f"{'' if full else 'only '}{rate:,.0f} votes/s: vote → frame p99"
    figure = f"{late:.0f} ms" + (f", {missing:,} missing" if missing else "")
    return Aim(what, figure, f"≤ {_FRAME_AIM_MS} ms", full and not missing and late <= _FRAME_AIM_MS)


async def measure() -> Section:
    """Sustained first, delays at half of it afterwards; each on a server of its own."""
    parts = Parts()
    rows: list[Sequence[str]] = []
    judged: list[Aim] = []
    api = await parts.try_(
        "events API, sustained",
        _through_api(
            lambda api, server: ingest_api.sustained(api, server, SECONDS, round(API_AIM * 1.6 * SECONDS))
        ),
    )
    if api:
        kept = f"{api.sent:,} sent, {api.refused:,} refused, {api.counted:,} counted"
        rows.append(("events API", "sustained", f"{api.per_second:,.0f} votes/s", kept))
        good = api.per_second >= API_AIM and api.counted == api.sent - api.refused
        judged.append(Aim("votes/s, events API", f"{api.per_second:,.0f}", f"≥ {API_AIM:,}", good))
    rate = _half(api.per_second if api else API_AIM, API_AIM)
    late = await parts.try_(
        "events API, delays", _through_api(lambda api, server: ingest_api.delays(api, server, rate, SECONDS))
    )
    if late:
        rows.append(
            (
                "events API",
                f"{late.rate:,.0f} votes/s",
                f"vote → commit p50 / p99: {summary(late.commit)}; vote → frame: {summary(late.frame)}",
                f"{late.missing:,} missing",
            )
        )
        judged.append(_delay(late.rate, late.frame, late.missing, API_AIM))
    irc = await parts.try_(
        "Twitch chat, sustained",
        _through_irc(
            lambda api, server, twitch: ingest_irc.sustained(
                api, server, twitch, SECONDS, round(IRC_AIM * 2 * SECONDS)
            )
        ),
    )
    if irc:
        kept = f"{irc.sent:,} sent, {irc.counted:,} counted"
        rows.append(("Twitch chat", "sustained", f"{irc.per_second:,.0f} votes/s", kept))
        good = irc.per_second >= IRC_AIM and irc.counted == irc.sent
        judged.append(Aim("votes/s, Twitch chat", f"{irc.per_second:,.0f}", f"≥ {IRC_AIM:,}", good))
    irc_rate = _half(irc.per_second if irc else IRC_AIM, IRC_AIM)
    irc_late = await parts.try_(
        "Twitch chat, delays",
        _through_irc(lambda api, server, twitch: ingest_irc.delays(api, server, twitch, irc_rate, SECONDS)),
    )
    if irc_late:
        shown = (
            f"vote → frame p50 / p99: {summary(irc_late.frame)}; of it on average "
            f"{irc_late.transaction_ms:.0f} ms from a batch's turn to its COMMIT"
        )
        rows.append(("Twitch chat", f"{irc_late.rate:,.0f} votes/s", shown, f"{irc_late.missing:,} missing"))
        judged.append(_delay(irc_late.rate, irc_late.frame, irc_late.missing, IRC_AIM))
    talk = await parts.try_(
        "Twitch chat, lines that are no votes",
        _through_irc(
            lambda api, server, twitch: ingest_irc.talk(api, server, twitch, _TALK_RATE, SECONDS / 2)
        ),
    )
    if talk:
        figure = f"{talk.cpu_us:.1f} µs of CPU a line"
        idle = f"idle: {talk.idle_share:.1%} of a core, not counted"
        rows.append(("Twitch chat", f"{talk.rate:,.0f} lines/s that are no votes", figure, idle))
        least = (
            f"{talk.least.pattern_us:.2f} µs of CPU a line by a compiled pattern, "
            f"{talk.least.split_us:.2f} µs by splitting all tags"
        )
        rows.append(("reference", "the same lines, read in a loop", least, ""))
        patterns = talk.cpu_us / talk.least.pattern_us
        judged.append(
            Aim(
                "CPU for a line that is no vote",
                f"{talk.cpu_us:.1f} µs, {patterns:.0f} × the pattern",
                f"≤ {_TALK_AIM_US:.0f} µs",
                talk.cpu_us <= _TALK_AIM_US,
            )
        )
    head = ("way", "load", "figure", "kept")
    said = (
        f"The sender and both servers share the machine; {SECONDS:.0f} s each, a poll of four options open."
    )
    met = all(aim.met for aim in judged) and not parts.notes
    return Section("\n\n".join([table(head, rows), aims(judged), said, *parts.notes]), met)
