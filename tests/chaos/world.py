"""An installation: processes of Hubbub with a link to each server that can break, and a look behind it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
import httpx2

from tests.acceptance.show import Api, Json
from tests.chaos.overlays import Overlay, key_of, live_url
from tests.chaos.proxy import Link
from tests.chaos.trial import Trial
from tests.servers import Hubbub


class World:
    """`async with World(…)`: what was started is stopped at the end. `database_url` and `redis_url` are the
    servers themselves; `postgres_link` and `redis_link` give the links that a process may be put behind.

    A process that died and was not killed fails the trial at the end, and so does a traceback in a log,
    unless it has one of the texts in `may_say`."""

    def __init__(self, trial: Trial, folder: Path, database_url: str, redis_url: str = "") -> None:
        self.trial = trial
        self.folder = folder
        self.database_url, self.redis_url = database_url, redis_url
        self.api_key = "hb_" + secrets.token_urlsafe(32)
        self.programs: list[Hubbub] = []
        self.may_say: set[str] = set()
        self._secret = secrets.token_hex(32)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        found = [
            f"{program.command} {number} died with {program.died}"
            for number, program in enumerate(self.programs)
            if program.died is not None
        ]
        await asyncio.gather(*(asyncio.to_thread(_end, program) for program in self.programs))
        for number, program in enumerate(self.programs):  # the folder is gone before anybody can look
            (self.trial.folder / f"{number}{program.command}.log").write_text(program.log, "utf-8")
            found += (f"{program.command} {number}: {text}" for text in tracebacks(program.log, self.may_say))
        await self._stack.aclose()
        if error is not None:
            for fault in found:
                error.add_note(fault)
        else:
            assert not found, "\n".join(found)

    # --- links ---------------------------------------------------------------------------------------

    async def redis_link(self) -> tuple[Link, str]:
        """A link to Redis, and the URL that leads over it."""
        link = await self._stack.enter_async_context(Link.to(address_of(self.redis_url)))
        return link, f"redis://127.0.0.1:{link.port}/0"

    async def postgres_link(self) -> tuple[Link, str]:
        """A link to PostgreSQL, and the URL that leads over it."""
        link = await self._stack.enter_async_context(Link.to(address_of(self.database_url)))
        parts = urlsplit(self.database_url)
        user = parse_qs(parts.query)["user"][0]
        return link, f"postgresql://{user}@127.0.0.1:{link.port}{parts.path}?sslmode=disable"

    async def link_to(self, program: Hubbub) -> tuple[Link, str]:
        """A link to a web process, and its base URL over it."""
        link = await self._stack.enter_async_context(Link.to(backend(program)))
        return link, f"http://127.0.0.1:{link.port}"

    # --- processes -----------------------------------------------------------------------------------

    async def start(self, *commands: str, **settings: str) -> list[Hubbub]:
        """Processes by role, at once; `settings` are for all of them, on top of the installation's."""
        common = {
            "DATABASE_URL": self.database_url,
            "HUBBUB_SECRET_KEY": self._secret,
            "HUBBUB_OVERLAY_SOCKETS": "1000",
        } | ({"REDIS_URL": self.redis_url} if self.redis_url else {})
        made = []
        for command in commands:
            folder = self.folder / f"{len(self.programs)}{command}"
            folder.mkdir()
            program = Hubbub(folder, common | settings, command)
            program.api_key = self.api_key
            self.programs.append(program)
            made.append(program)
        await asyncio.gather(*(asyncio.to_thread(program.start) for program in made))
        self.trial.record.note("started", roles=commands)
        return made

    async def kill9(self, program: Hubbub) -> None:
        self.trial.record.note("kill -9", role=program.command, pid=program.pid)
        await asyncio.to_thread(program.kill9)

    # --- the way in ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def api(self, base_url: str) -> AsyncIterator[Api]:
        """The API as the owner sees it; every call and answer goes into the record."""

        async def note_call(request: httpx2.Request) -> None:
            self.trial.record.note("call", method=request.method, url=str(request.url))

        async def note_answer(answer: httpx2.Response) -> None:
            request = answer.request
            self.trial.record.note(
                "answer", method=request.method, url=str(request.url), status=answer.status_code
            )

        async with httpx2.AsyncClient(
            base_url=f"{base_url}/api/v1",
            headers={"Authorization": f"Bearer {self.api_key}"},
            timeout=20,
            event_hooks={"request": [note_call], "response": [note_answer]},
        ) as http:
            yield Api(http)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Past every link."""
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    def overlay(self, name: str, base_url: str, link: str) -> Overlay:
        """A browser source that is not open yet; its chances come from the trial's."""
        random = type(self.trial.random)(f"{self.trial.seed}/{name}")
        return Overlay(name, live_url(base_url), key_of(link), random, self.trial.record)

    @property
    def logs(self) -> str:
        """Of all processes; after the trial they are beside its record."""
        return "\n".join(program.log for program in self.programs)


async def campaign(api: Api, name: str, *, overlay: bool = True, channel: str = "deck") -> tuple[str, str]:
    """A show with a channel for scripts; answers its id and its overlay's link."""
    made: Json = await api.post("/campaigns", {"name": name})
    if channel:
        await api.post(
            f"/campaigns/{made['id']}/channels", {"platform": "custom", "login": channel, "source": "api"}
        )
    link = (await api.post(f"/campaigns/{made['id']}/overlays", {"name": "Main"}))["url"] if overlay else ""
    return made["id"], link


async def launch(api: Api, campaign_id: str, question: str = "Which door?", **settings: Any) -> Json:
    """An open poll."""
    body = {"question": question, "options": ["North", "East", "South", "West"], "duration_s": 3600}
    draft = await api.post(f"/campaigns/{campaign_id}/polls", body | settings)
    launched: Json = await api.post(f"/polls/{draft['id']}/launch")
    return launched


def backend(program: Hubbub) -> tuple[str, int]:
    """Where a web process listens."""
    parts = urlsplit(program.base_url)
    return parts.hostname or "", parts.port or 0


async def metrics(program: Hubbub) -> dict[str, float]:
    """The figures of a process; of those with labels, the sum."""
    async with httpx2.AsyncClient(timeout=10) as http:
        text = (await http.get(f"{program.base_url}/metrics")).text
    found: dict[str, float] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            key = name.partition("{")[0]
            found[key] = found.get(key, 0.0) + float(value)
    return found


def tracebacks(log: str, may_say: Collection[str] = ()) -> list[str]:
    """Those in a log that have none of these texts: a line of JSON, or lines up to the name of the error."""
    found, lines = [], iter(log.splitlines())
    for line in lines:
        if "Traceback" not in line:
            continue
        told = [line]
        while not line.startswith("{") and (more := next(lines, "")):
            told.append(more)
            if not more.startswith((" ", "\t")):
                break
        if not any(text in one for text in may_say for one in told):
            found.append("\n".join(told))
    return found


def address_of(url: str) -> tuple[str, int] | Path:
    """Where the server of a URL listens: a Unix socket of ours, or host and port."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Path(unquote(parts.path))
    query = parse_qs(parts.query)
    if "host" in query:
        return Path(query["host"][0]) / f".s.PGSQL.{query.get('port', ['5432'])[0]}"
    return parts.hostname or "127.0.0.1", parts.port or (5432 if "postgres" in parts.scheme else 6379)


def _end(program: Hubbub) -> None:
    if program.is_running:
        program.kill9()
