"""Votes, and talk that is no vote, through the reader of Twitch chat: a stand-in server writes the lines.

Twitch puts several lines into a frame when a chat is busy; here it is always LINES of them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from benchmarks import processes, references
from benchmarks.crowd import OPTIONS, counted, prepare, watching
from tests.fakes.twitch_irc import FakeTwitch, privmsg
from tests.servers import Hubbub

LINES = 50
LOGIN = "thebigshow"
CHANNEL = {"platform": "twitch", "login": LOGIN, "source": "irc"}
#: Chat as it is; none of it means an option of the poll.
TALK = (
    "that was so close PogChamp",
    "LUL",
    "what build are you running for this fight?",
    "@rookfeather no, the left one is a trap, I have been there yesterday",
    "GG everyone, see you tomorrow",
    "the dragon is at 40% and you still have two potions left, just go for it already",
)
_HEARD_S = 30.0


@dataclass(frozen=True, slots=True)
class Sustained:
    """Lines as fast as the reader takes them."""

    sent: int
    shown: int  # the highest total that a frame showed
    counted: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Delays:
    """At a fixed rate, milliseconds since each frame of chat was due."""

    rate: float
    missing: int
    frame: Sequence[float]
    transaction_ms: float  # on average: from a batch's turn to its COMMIT


@dataclass(frozen=True, slots=True)
class Talk:
    """The cost of lines that are no votes."""

    rate: float
    lines: int
    cpu_us: float  # of the server's process for each line, without what it uses when nobody talks
    idle_share: float  # of a core, when nobody talks
    least: references.Reading  # what the same lines cost at their least, right before and after


def _votes(frames: int, room: str) -> list[str]:
    """Frames of chat in which everybody votes once."""
    now = time.time_ns() // 1_000_000
    return [
        "".join(
            privmsg(LOGIN, str(number % len(OPTIONS) + 1), user_id=str(number), room_id=room, sent_ms=now)
            + "\r\n"
            for number in range(frame * LINES, (frame + 1) * LINES)
        )
        for frame in range(frames)
    ]


async def _listens(twitch: FakeTwitch) -> str:
    """Wait until the chat is heard; the id of its room."""
    await twitch.joined(LOGIN, seconds=_HEARD_S)
    return twitch.room_id(LOGIN)


async def _write(twitch: FakeTwitch, text: str) -> None:
    """Waits while the reader does not read."""
    for client in twitch.hearing(LOGIN):
        await client.socket.send(text)


async def sustained(
    api: httpx2.AsyncClient, server: Hubbub, twitch: FakeTwitch, seconds: float, most: int
) -> Sustained:
    """A poll, for `seconds` or until `most` votes are sent."""
    stage = await prepare(api, CHANNEL, round(seconds) + 120)
    frames = _votes(most // LINES, await _listens(twitch))
    async with watching(server, stage) as watcher:
        began, sent = time.monotonic(), 0
        for frame in frames:
            if time.monotonic() - began >= seconds:
                break
            await _write(twitch, frame)
            sent += LINES
        end = await watcher.until(sent, 5) or watcher.times[-1]
        shown = watcher.totals[-1]
    total = await counted(api, stage)
    return Sustained(sent, shown, total, shown / (end - began))


async def delays(
    api: httpx2.AsyncClient, server: Hubbub, twitch: FakeTwitch, rate: float, seconds: float
) -> Delays:
    """A poll at `rate` votes a second on a fixed timetable, with an overlay open."""
    stage = await prepare(api, CHANNEL, round(seconds) + 120)
    frames = _votes(round(rate * seconds) // LINES, await _listens(twitch))
    due: list[tuple[float, int]] = []
    before = await _transactions(api)
    async with watching(server, stage) as watcher:
        began = time.monotonic() + 0.1
        for number, frame in enumerate(frames):
            moment = began + number * LINES / rate
            await asyncio.sleep(max(0.0, moment - time.monotonic()))
            due.append((moment, (number + 1) * LINES))
            await _write(twitch, frame)
        await watcher.until(len(frames) * LINES, 5)
        found = watcher.delays_ms(due)
    total = await counted(api, stage)
    batches, in_all_s = (now - was for now, was in zip(await _transactions(api), before, strict=True))
    return Delays(rate, len(frames) * LINES - total, found, in_all_s / max(batches, 1) * 1000)


async def _transactions(api: httpx2.AsyncClient) -> tuple[float, float]:
    """How many batches were committed, and the seconds they took."""
    text = (await api.get("/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines["hubbub_batch_seconds_count"]), float(lines["hubbub_batch_seconds_sum"])


async def talk(
    api: httpx2.AsyncClient, server: Hubbub, twitch: FakeTwitch, rate: float, seconds: float
) -> Talk:
    """Lines that are no votes, while a poll is open."""
    await prepare(api, CHANNEL, round(seconds) + 120)
    room = await _listens(twitch)
    now = time.time_ns() // 1_000_000
    frames = [
        "".join(
            privmsg(LOGIN, TALK[number % len(TALK)], user_id=str(number), room_id=room, sent_ms=now) + "\r\n"
            for number in range(frame * LINES, (frame + 1) * LINES)
        )
        for frame in range(round(rate * seconds) // LINES)
    ]
    known = "".join(frames[:100]).split("\r\n")[:-1]
    first = references.of_lines(known)
    before = processes.cpu_seconds({server.pid})
    await asyncio.sleep(seconds / 2)
    idle_share = (processes.cpu_seconds({server.pid}) - before) / (seconds / 2)
    before, began = processes.cpu_seconds({server.pid}), time.monotonic()
    for number, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, began + number * LINES / rate - time.monotonic()))
        await _write(twitch, frame)
    await asyncio.sleep(0.5)  # the last lines have been read by then
    took = time.monotonic() - began
    used = processes.cpu_seconds({server.pid}) - before - idle_share * took
    lines = len(frames) * LINES
    last = references.of_lines(known)
    least = references.Reading((first.pattern_us + last.pattern_us) / 2, (first.split_us + last.split_us) / 2)
    return Talk(lines / took, lines, used / lines * 1e6, idle_share, least)
