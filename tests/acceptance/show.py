"""A show on a running program, as a script would run it: through the API, with a look into the database.

Nothing here imports the rules of Hubbub: what must come out is computed by the tests themselves.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2

from tests.servers import Hubbub

Json = dict[str, Any]

PROJECT = Path(__file__).parents[2]
PICTURES = PROJECT / "build" / "pictures"
#: Under the pictures: something that a game could show; put in as OBS puts in the streamer's own CSS.
BACKDROP = (
    "html { background: radial-gradient(circle at 70% 35%, #ffd27a33 0 12%, #0000 42%), "
    "linear-gradient(200deg, #2b3a55 0%, #4a3b57 45%, #7a4a3a 75%, #1d1a22 100%) !important; }"
)


async def eventually(condition: Callable[[], Awaitable[object]], what: str, seconds: float = 10) -> None:
    """Ask again and again until the answer is truthy; what it answered last is told when it never is."""
    deadline = time.monotonic() + seconds
    while not (answer := await condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last answer: {answer!r})")
        await asyncio.sleep(0.02)


def wire(ms: float) -> str:
    """Milliseconds since 1970 as they stand in an event."""
    text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def ms_of(text: str) -> int:
    """A time of the API in milliseconds since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def now_ms() -> int:
    """Program, database and browser run on this machine: they share one clock."""
    return time.time_ns() // 1_000_000


class Api:
    """The API of a running program with the owner's key."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    @classmethod
    @asynccontextmanager
    async def of(cls, program: Hubbub, base_url: str = "") -> AsyncIterator[Api]:
        """Stays usable over restarts of the program. `base_url`: another process of the same installation."""
        async with httpx2.AsyncClient(
            base_url=f"{base_url or program.base_url}/api/v1", headers=program.headers, timeout=20
        ) as http:
            yield cls(http)

    async def get(self, path: str, status: int = 200) -> Any:
        answer = await self.http.get(path)
        assert answer.status_code == status, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.http.post(path, json={} if body is None else body)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json()

    async def refusal(self, path: str, body: Any = None) -> int:
        """The status of a POST that must not succeed."""
        answer = await self.http.post(path, json={} if body is None else body)
        assert 400 <= answer.status_code < 500, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.status_code


@dataclass(frozen=True, slots=True)
class Show:
    """One campaign."""

    program: Hubbub
    api: Api
    id: str

    @classmethod
    @asynccontextmanager
    async def on(cls, program: Hubbub, name: str = "Curse of the coast") -> AsyncIterator[Show]:
        """A new campaign on a running program."""
        async with Api.of(program) as api:
            yield cls(program, api, (await api.post("/campaigns", {"name": name}))["id"])

    async def another(self, name: str) -> Show:
        """A second campaign of the same program."""
        return Show(self.program, self.api, (await self.api.post("/campaigns", {"name": name}))["id"])

    async def channel(self, login: str, platform: str = "custom", source: str = "api") -> Json:
        body = {"platform": platform, "login": login, "source": source}
        made: Json = await self.api.post(f"/campaigns/{self.id}/channels", body)
        return made

    async def overlay(self, name: str = "Main scene", **layout: Any) -> str:
        """The link to paste into OBS, secret included."""
        body = {"name": name, "layout": layout} if layout else {"name": name}
        url: str = (await self.api.post(f"/campaigns/{self.id}/overlays", body))["url"]
        return url

    async def launch(self, question: str, options: Sequence[str], **settings: Any) -> Json:
        """Prepare a poll and open it; answers the open poll."""
        body = {"question": question, "options": list(options), "duration_s": 60, **settings}
        draft = await self.api.post(f"/campaigns/{self.id}/polls", body)
        launched: Json = await self.api.post(f"/polls/{draft['id']}/launch")
        return launched

    async def send(self, events: Sequence[Json]) -> Json:
        """Events through the API; answers the receipt, which comes after COMMIT."""
        receipt: Json = await self.api.post(f"/campaigns/{self.id}/events", list(events))
        return receipt

    async def poll(self, poll_id: str) -> Json:
        found: Json = await self.api.get(f"/polls/{poll_id}")
        return found

    async def act(self, poll_id: str, verb: str, body: Any = None) -> Json:
        done: Json = await self.api.post(f"/polls/{poll_id}/{verb}", body)
        return done

    async def until_state(self, poll_id: str, state: str, seconds: float = 10) -> Json:
        """Wait until time has brought the poll there."""

        async def there() -> bool:
            return str((await self.poll(poll_id))["state"]) == state

        await eventually(there, f"the poll is {state}", seconds)
        return await self.poll(poll_id)

    async def status(self) -> Json:
        found: Json = await self.api.get(f"/campaigns/{self.id}/status")
        return found

    # --- what was counted, by every road that leads out ------------------------------------------------

    async def api_votes(self, poll_id: str) -> list[int]:
        return [option["votes"] for option in (await self.poll(poll_id))["options"]]

    async def csv_votes(self, poll_id: str, options: int) -> list[int]:
        """The rows of the spreadsheet that say that they count, by option."""
        answer = await self.api.http.get(f"/polls/{poll_id}/export?format=csv")
        assert answer.status_code == 200, answer.text
        rows = csv.DictReader(io.StringIO(answer.text))
        return by_option((int(row["choice"]) for row in rows if row["counted"] == "1"), options)

    async def verified_votes(self, poll_id: str, options: int, folder: Path) -> tuple[list[int], int]:
        """The JSON export checked by `hubbub verify` as a stranger would: votes, rows of the ledger."""
        answer = await self.api.http.get(f"/polls/{poll_id}/export?format=json")
        assert answer.status_code == 200, answer.text
        file = folder / f"{poll_id}.json"
        file.write_text(answer.text, "utf-8")
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "server", "verify", str(file)],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        document = json.loads(answer.text)
        votes = [sum(channel[index] for channel in document["result"]["tally"]) for index in range(options)]
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"{sum(votes)} votes that count" in done.stdout, done.stdout
        return votes, len(document["rows"])

    async def database_votes(self, poll_id: str, options: int) -> list[int]:
        rows = await self.rows(
            "SELECT choice, count(*) AS votes FROM poll_votes WHERE poll_instance_id = $1 GROUP BY choice",
            poll_id,
        )
        found = {row["choice"]: row["votes"] for row in rows}
        return [found.get(index, 0) for index in range(1, options + 1)]

    async def rows(self, query: str, *arguments: Any) -> list[asyncpg.Record]:
        """Straight from the program's PostgreSQL."""
        connection = await asyncpg.connect(database_url(self.program))
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def boards_shown(self) -> dict[int, Json]:
        """Every board that was ever committed for the screen, by its number in the campaign's stream."""
        rows = await self.rows(
            "SELECT seq, payload::text AS payload FROM board_events WHERE campaign_id = $1 AND kind = 'set'",
            self.id,
        )
        return {row["seq"]: json.loads(row["payload"]) for row in rows}


def database_url(program: Hubbub) -> str:
    """Where the running program keeps its data."""
    return str(_note(program)["database_url"])


def redis_url(program: Hubbub) -> str:
    """The running program's Redis."""
    return str(_note(program)["redis_url"])


def _note(program: Hubbub) -> Json:
    """What the program leaves for its other commands."""
    note: Json = json.loads((program.data_dir / "server.json").read_text("utf-8"))
    return note


def by_option(choices: Any, options: int) -> list[int]:
    """How often each option 1…`options` was chosen."""
    counted = Counter(choices)
    return [counted[index] for index in range(1, options + 1)]


def chat(
    message_id: str,
    user: str,
    text: str,
    sent_ms: float,
    *,
    channel: str = "deck",
    platform: str = "custom",
    name: str = "",
) -> Json:
    """A line of chat as an event of the API."""
    return {
        "type": "chat.message",
        "platform": platform,
        "channel_id": channel,
        "message_id": message_id,
        "user": {"id": user, "login": "", "name": name},
        "text": text,
        "sent_at": wire(sent_ms),
    }
