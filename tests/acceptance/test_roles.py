"""The lines of the Procfile as an operator runs them: two web processes, connectors and a worker, apart from
each other, on one external PostgreSQL and Redis."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import connect

from tests.acceptance.show import PROJECT, Api, eventually, ms_of
from tests.servers import spawn, wait_until

_READY = re.compile(r"Hubbub is ready on (http://\S+)|\"event\": \"ready\"")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")


def procfile() -> dict[str, list[str]]:
    """Role → command, with this Python."""
    lines = (PROJECT / "Procfile").read_text("utf-8").splitlines()
    commands = {role: shlex.split(command) for role, _, command in (line.partition(":") for line in lines)}
    assert all(command[:3] == ["python", "-m", "server"] for command in commands.values())
    return {role: [sys.executable, *command[1:]] for role, command in commands.items()}


class Role:
    """One process of the installation."""

    def __init__(self, name: str, folder: Path, settings: dict[str, str]) -> None:
        folder.mkdir()
        self.name = name
        self._log = folder / "log"
        environment = {key: os.environ[key] for key in _PASSED_ON if key in os.environ}
        with self._log.open("wb") as output:
            self.process = spawn(
                procfile()[name],
                cwd=folder,  # not the project: a developer's .env must not change the tests
                env=environment | settings | {"HUBBUB_DATA_DIR": str(folder / "data")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        return self._log.read_text("utf-8", "replace")

    @property
    def base_url(self) -> str:
        """Where a web process listens."""
        found = _READY.search(self.log)
        assert found is not None
        return found[1]

    def until_ready(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, f"{self.name} ended:\n{self.log}"
            return _READY.search(self.log) is not None

        wait_until(is_ready, f"{self.name} is ready", 30)

    def end(self) -> None:
        """Whatever became of it."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class House:
    """The whole installation."""

    def __init__(self, folder: Path, database_url: str, redis_url: str) -> None:
        self.api_key = "hb_" + secrets.token_urlsafe(32)
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "HUBBUB_SECRET_KEY": secrets.token_hex(32),
            "HUBBUB_API_KEY": self.api_key,
            "HUBBUB_PORT": "0",
            "PYTHONUNBUFFERED": "1",
        }
        names = ("web", "web", "connectors", "worker")
        self.roles = [Role(name, folder / f"{n}{name}", settings) for n, name in enumerate(names)]
        self.web, self.other_web, self.connectors, self.worker = self.roles

    @asynccontextmanager
    async def api(self, web: Role) -> AsyncIterator[Api]:
        """The API as one of the web processes serves it."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        async with httpx2.AsyncClient(base_url=f"{web.base_url}/api/v1", headers=headers, timeout=20) as http:
            yield Api(http)


@contextmanager
def installation(folder: Path, database_url: str, redis_url: str) -> Iterator[House]:
    house = House(folder, database_url, redis_url)
    try:
        for role in house.roles:
            role.until_ready()
        yield house
    finally:
        for role in house.roles:
            role.end()


class Overlay:
    """A browser source, reduced to what it is told."""

    def __init__(self) -> None:
        self.boards: dict[str, Any] = {}
        self.phases: list[tuple[str, str]] = []  # (poll, phase), each once, in the order shown
        self.ops: list[str] = []

    async def watch(self, web: Role, link: str) -> None:
        """Until cancelled."""
        hello = {"op": "hello", "proto": 1, "key": link.partition("#k=")[2], "client": {"kind": "overlay"}}
        url = web.base_url.replace("http", "ws") + "/live"
        async with connect(url, compression=None, proxy=None, origin=None) as socket:
            await socket.send(json.dumps(hello))
            async for text in socket:
                self._take(json.loads(text))

    def _take(self, frame: dict[str, Any]) -> None:
        self.ops.append(frame["op"])
        if frame["op"] == "snapshot":
            self.boards = dict(frame["boards"])
        elif frame["op"] == "delta":
            self.boards |= frame["set"]
            for board_id in frame["unset"]:
                self.boards.pop(board_id, None)
        for board in self.boards.values():
            if (seen := (board["poll_id"], board["phase"])) not in self.phases:
                self.phases.append(seen)

    def votes(self, poll_id: str) -> int:
        """What it shows of a poll; -1 when that is not on stage."""
        return max((b["total_votes"] for b in self.boards.values() if b["poll_id"] == poll_id), default=-1)


async def draft(api: Api, campaign: str, question: str, **settings: Any) -> str:
    body = {"question": question, "options": ["Left", "Right"], "duration_s": 10, "auto_reveal_s": 0}
    made = await api.post(f"/campaigns/{campaign}/polls", body | settings)
    return str(made["id"])


async def until_revealed(api: Api, poll_id: str, seconds: float) -> dict[str, Any]:
    async def is_revealed() -> bool:
        return str((await api.get(f"/polls/{poll_id}"))["state"]) == "revealed"

    await eventually(is_revealed, "the poll is revealed", seconds)
    found: dict[str, Any] = await api.get(f"/polls/{poll_id}")
    return found


async def test_a_show_on_four_processes(short_dir: Path, database_url: str, redis_url: str) -> None:
    with installation(short_dir, database_url, redis_url) as house:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(house.api(house.web))
            second = await stack.enter_async_context(house.api(house.other_web))
            await a_show(house, first, second)
        await everybody_ends_when_told(house)


async def a_show(house: House, first: Api, second: Api) -> None:
    campaign = (await first.post("/campaigns", {"name": "Four processes"}))["id"]
    link = (await first.post(f"/campaigns/{campaign}/overlays", {"name": "Main"}))["url"]
    assert link.startswith(house.web.base_url)
    overlay = Overlay()
    watching = asyncio.create_task(overlay.watch(house.web, link))
    try:

        async def is_connected() -> bool:
            assert not watching.done(), watching.exception()
            return "snapshot" in overlay.ops

        await eventually(is_connected, "the overlay is let in")
        await with_a_worker(overlay, campaign, first, second)
        await without_a_worker(house, overlay, campaign, first, second)
        assert not watching.done(), "the overlay was cut"
        assert overlay.ops.count("snapshot") == 1, "all that followed were steps of one stream"
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def with_a_worker(overlay: Overlay, campaign: str, first: Api, second: Api) -> None:
    """Made on one web process, launched on the other, voted for through the connectors, ended by time."""
    poll_id = await draft(first, campaign, "Which door?", grace_s=1)
    asked = time.monotonic()
    launched = await second.post(f"/polls/{poll_id}/launch", {"simulated": True})

    async def is_shown() -> bool:
        return (poll_id, "open") in overlay.phases

    await eventually(is_shown, "the other process's launch is on stream", 1.5)
    shown_s = time.monotonic() - asked

    async def crowd_is_shown() -> bool:
        return overlay.votes(poll_id) > 0

    await eventually(crowd_is_shown, "the connectors' crowd votes", 8)
    status = await second.get(f"/campaigns/{campaign}/status")
    assert [channel["source"] for channel in status["channels"]] == ["simulated"]
    assert status["redis"] == "ok"
    done = await until_revealed(first, poll_id, 15)
    assert done["closes_at"] == launched["closes_at"], "it closed at its own time"
    assert done["total_votes"] > 0
    assert done == await second.get(f"/polls/{poll_id}")

    async def result_is_shown() -> bool:
        return (poll_id, "revealed") in overlay.phases and overlay.votes(poll_id) == done["total_votes"]

    await eventually(result_is_shown, "the result is on stream", 2)
    assert [phase for poll, phase in overlay.phases if poll == poll_id][:2] == ["open", "closing"]
    print(f"launch → other process's overlay {shown_s * 1000:.0f} ms; {done['total_votes']} votes")


async def without_a_worker(house: House, overlay: Overlay, campaign: str, first: Api, second: Api) -> None:
    """`kill -9`: the processes that are left make the deadlines run."""
    house.worker.process.send_signal(signal.SIGKILL)
    house.worker.process.wait()
    poll_id = await draft(second, campaign, "And now?", grace_s=0)
    launched = await first.post(f"/polls/{poll_id}/launch", {"simulated": True})
    done = await until_revealed(second, poll_id, 15)
    late_ms = ms_of(done["phase_started_at"]) - ms_of(launched["closes_at"])
    assert done["closes_at"] == launched["closes_at"]
    assert done["total_votes"] > 0
    assert late_ms < 2500, "revealed in time without the worker"

    async def result_is_shown() -> bool:
        return (poll_id, "revealed") in overlay.phases and overlay.votes(poll_id) == done["total_votes"]

    await eventually(result_is_shown, "the result is on stream", 2)
    print(f"without a worker revealed {late_ms} ms after the close; {done['total_votes']} votes")


async def everybody_ends_when_told(house: House) -> None:
    """SIGTERM to all that live, at once: each is gone within ten seconds, and says that all was well."""
    living = [role for role in house.roles if role is not house.worker]
    began = time.monotonic()
    for role in living:
        role.process.terminate()
    codes = await asyncio.gather(*(asyncio.to_thread(role.process.wait, 10) for role in living))
    assert codes == [0, 0, 0], "\n".join(role.log for role in living)
    print(f"SIGTERM → all gone {time.monotonic() - began:.2f} s")
    for role in house.roles:
        assert "Traceback" not in role.log, role.log
