"""Foundry worlds with their game masters' browsers: a stand-in for the published module, on Node.

The module's side of vtt-wire-protocol is `tests/fakes/foundry_module.mjs`; the wire is the real
socket.io-client. This file only tells it what to do and keeps what it tells.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "foundry"
Json = dict[str, Any]
_LONGEST_LINE = 2**22


class Tables:
    """One Node process with any number of worlds and browsers."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._something = asyncio.Condition()
        #: What happened, in order: browser, what, detail.
        self.happened: list[tuple[str, str, Json]] = []

    @staticmethod
    def missing() -> str:
        """What has to be there and is not; empty when nothing is."""
        if shutil.which("node") is None:
            return "there is no Node on this machine"
        if not (FOLDER / "node_modules" / "socket.io-client").is_dir():
            return "socket.io-client is not installed: sh tools/node.sh"
        return ""

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Tables]:
        process = await asyncio.create_subprocess_exec(
            "node",
            "table.mjs",
            cwd=FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            limit=_LONGEST_LINE,
        )
        tables = cls(process)
        reading = asyncio.create_task(tables._read())
        try:
            yield tables
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except TimeoutError:
                process.kill()
                await process.wait()
            await reading

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "browser" in told:
                self.happened.append((told["browser"], told["what"], told["detail"]))
            else:
                answer = self._answers.pop(told["id"])
                if "error" in told:
                    answer.set_exception(AssertionError(told["error"]))
                else:
                    answer.set_result(told["answer"])
            async with self._something:
                self._something.notify_all()

    async def do(self, what: str, **order: Any) -> Any:
        """Have something done; its answer. An error over there is an AssertionError here."""
        answer = asyncio.get_running_loop().create_future()
        number = id(answer)
        self._answers[number] = answer
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": number, "do": what, **order}).encode() + b"\n")
        return await asyncio.wait_for(answer, 20)

    async def world(self, name: str, url: str, *browsers: str, hurry: float = 4, **facts: str) -> World:
        """A world and the browsers of its game masters, not connected. `hurry` divides the module's waits."""
        await self.do("world", world=name, **facts)
        for browser in browsers:
            await self.do("open", browser=browser, world=name, url=url, hurry=hurry)
        return World(self, name)

    def told(self, browser: str, what: str) -> list[Json]:
        """The details of all that happened in a browser under this name."""
        return [detail for who, name, detail in self.happened if (who, name) == (browser, what)]

    def received(self, browser: str, event: str) -> list[Json]:
        """The payloads of a server's event."""
        return [one["data"] for one in self.told(browser, "received") if one["event"] == event]

    async def until(
        self, browser: str, what: str, *, seconds: float = 10, number: int = 1, **fields: Any
    ) -> Json:
        """Wait until it has happened so many times, with these details; the last one."""

        def found() -> list[Json]:
            return [
                detail
                for detail in self.told(browser, what)
                if all(detail.get(name) == value for name, value in fields.items())
            ]

        await self.wait_for(lambda: len(found()) >= number, f"{browser}: {what} {fields}", seconds)
        return found()[number - 1]

    async def until_received(self, browser: str, event: str, *, seconds: float = 10, number: int = 1) -> Json:
        """Wait for an event of the server; its payload."""
        await self.wait_for(
            lambda: len(self.received(browser, event)) >= number, f"{browser} receives {event}", seconds
        )
        return self.received(browser, event)[number - 1]

    async def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
        """Look again whenever something has happened."""
        try:
            async with asyncio.timeout(seconds), self._something:
                await self._something.wait_for(condition)
        except TimeoutError:
            last = "\n".join(str(one)[:300] for one in self.happened[-20:])
            raise AssertionError(f"not within {seconds:g} s: {what}; what happened last:\n{last}") from None


class World:
    """A world at a distance."""

    def __init__(self, tables: Tables, name: str) -> None:
        self.tables = tables
        self.name = name

    async def credentials(self) -> Json:
        found: Json = await self.tables.do("credentials", world=self.name)
        return found

    async def store(self, **credentials: Any) -> None:
        await self.tables.do("store", world=self.name, credentials=credentials)

    async def say(self, *rolls: tuple[str, list[int]], **message: Any) -> str:
        """A message of the chat that holds these rolls (formula, dice as they fell); its id."""
        said: str = await self.tables.do("say", world=self.name, rolls=rolls, **message)
        return said

    async def chat(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = await self.tables.do("chat", world=self.name)
        return found
