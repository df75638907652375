"""The model overlays of tests/chaos: what they call a fault of the server, and what they say to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from server.live.fingerprint import fingerprint
from tests.chaos import overlays
from tests.chaos.overlays import BROKEN, RESTARTING, Overlay, ending
from tests.chaos.wire import BadWire, Gone
from tests.chaos.world import tracebacks

AT = "2026-01-01T00:00:00Z"
BOARDS = {"b": {"votes": 1}}


def snapshot(seq: int, skipped: int = 0) -> dict[str, Any]:
    more = {"boards": BOARDS, "layout": {}, "skipped": skipped, "build": ""}
    return {"op": "snapshot", "epoch": "e", "seq": seq, "at": AT} | more


def delta(first: int, last: int) -> dict[str, Any]:
    return {"op": "delta", "epoch": "e", "from": first, "to": last, "at": AT, "set": {}, "unset": []}


def event(seq: int) -> dict[str, Any]:
    return {"op": "event", "epoch": "e", "seq": seq, "id": f"pop{seq}", "kind": "x", "data": {}, "ttl_ms": 1}


def ping(seq: int) -> dict[str, Any]:
    return {"op": "ping", "epoch": "e", "seq": seq, "at": AT}


class Script:
    """In place of the wire: each connection says its frames and ends with its code; then nobody is there.

    A code of None: it says nothing more.
    """

    def __init__(self, *connections: tuple[list[dict[str, Any]], int | None]) -> None:
        self._connections = iter(connections)
        self._frames: list[dict[str, Any]] = []
        self._code: int | None = None
        self.said: list[dict[str, Any]] = []
        self.over = asyncio.Event()

    async def dial(self, _url: str) -> Script:
        try:
            frames, self._code = next(self._connections)
        except StopIteration:
            self.over.set()
            await asyncio.Event().wait()
        self._frames = list(frames)
        return self

    async def receive(self) -> bytes:
        if self._frames:
            return json.dumps(self._frames.pop(0)).encode()
        if self._code is None:
            await asyncio.Event().wait()
        raise Gone(self._code or 0)

    def say(self, text: bytes) -> None:
        self.said.append(json.loads(text))

    def cut(self) -> None:
        pass


Play = Callable[..., Awaitable[Overlay]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Play:
    """Run an overlay through a script."""

    async def run(script: Script, overlay: Overlay | None = None) -> Overlay:
        overlay = overlay or Overlay("o", "", "", Random(1))  # noqa: S311
        monkeypatch.setattr(overlays, "Wire", script)
        monkeypatch.setattr(overlays, "_BACK_OFF_S", (0.0, 0.0))
        running = asyncio.create_task(overlay.run())
        async with asyncio.timeout(5):
            await script.over.wait()
        running.cancel()
        await asyncio.wait([running])
        return overlay

    return run


async def test_who_is_thrown_out_tells(play: Play) -> None:
    bye = {"op": "bye", "code": 1011, "reason": "server error", "retry_ms": 0}
    overlay = await play(Script(([snapshot(1), bye], 1011), ([ping(1)], BROKEN)))
    assert [fault.partition(" after")[0] for fault in overlay.faults] == [
        "told to go: 1011 server error",
        "thrown out with 1011",
        "thrown out with 1006",
    ]


async def test_an_end_that_was_ordered_is_none(play: Play) -> None:
    overlay = Overlay("o", "", "", Random(1))  # noqa: S311
    with ending([overlay], RESTARTING):
        await play(Script(([snapshot(1)], RESTARTING), ([ping(1)], RESTARTING)), overlay)
    assert overlay.faults == []
    await play(Script(([ping(1)], RESTARTING)), overlay)
    assert len(overlay.faults) == 1, "it is over"


async def test_the_harness_orders_what_it_cuts(play: Play) -> None:
    overlay = Overlay("o", "", "", Random(1))  # noqa: S311

    class Cutting(Script):
        async def receive(self) -> bytes:
            if not self._frames:
                overlay.cut()
            return await super().receive()

    await play(Cutting(([snapshot(1)], BROKEN)), overlay)
    assert overlay.faults == []


async def test_silence_is_a_fault(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlays, "SILENCE_S", 0.05)
    overlay = await play(Script(([snapshot(1)], None)))
    assert overlay.faults == ["nothing was heard for 0.05 s"]


async def test_a_server_that_lets_nobody_in_is_a_fault(play: Play) -> None:
    class Refusing(Script):
        async def dial(self, url: str) -> Script:
            await super().dial(url)
            raise BadWire("HTTP/1.1 503 Service Unavailable")

    overlay = await play(Refusing(([], None)))
    assert overlay.faults == ["not let in: BadWire HTTP/1.1 503 Service Unavailable"]


async def test_acks_say_what_is_shown(play: Play) -> None:
    script = Script(([snapshot(1), delta(1, 3), ping(3)], BROKEN))
    await play(script)
    assert script.said[1:] == [{"op": "ack", "seq": 3, "hash": fingerprint(BOARDS)}]


async def test_pop_ups_come_once_over_all_connections_of_a_page(play: Play) -> None:
    first = [snapshot(1), event(2), delta(1, 2)]
    overlay = await play(Script((first, BROKEN), ([event(2), delta(2, 3)], BROKEN)))
    assert "at 2: event 2 again, behind its position" in overlay.faults
    assert "event pop2 again, on a later connection" in overlay.faults
    again = await play(Script((first, BROKEN), ([{**snapshot(2), "epoch": "f"}, event(2)], BROKEN)))
    assert "event pop2 again, on a later connection" in again.faults, "whatever its epoch is called"


async def test_a_pop_up_whose_step_was_torn_off_may_come_again(play: Play) -> None:
    overlay = await play(Script(([snapshot(1), event(2)], BROKEN), ([event(2), delta(1, 2)], BROKEN)))
    assert not any("again" in fault for fault in overlay.faults)
    assert overlay.remembered == 1


def test_tracebacks_are_found_in_logs() -> None:
    plain = 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1\nready'
    line = '{"event": "failed", "exception": "Traceback (most recent call last):\\n  …\\nOSError: 2"}'
    assert tracebacks(f"fine\n{plain}\n{line}\n") == [plain.removesuffix("\nready"), line]
    assert tracebacks(f"{plain}\n{line}\n", {"KeyError"}) == [line]
    assert tracebacks(f"{plain}\n{line}\n", {"KeyError", "OSError: 2"}) == []
