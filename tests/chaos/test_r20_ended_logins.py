"""R20: a session that ended and an API key that was revoked are dead on every process within two seconds,
with Redis and without: their live connections are closed, and neither a request nor a hello is let in.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx2

from server.web.auth import CSRF_HEADER
from server.web.login import login_link
from sql import api_keys, users
from sql.pool import Database
from tests.acceptance.show import Json
from tests.chaos.overlays import live_url
from tests.chaos.trial import Trial, bound
from tests.chaos.wire import Gone, Wire
from tests.chaos.world import World, campaign, launch
from tests.servers import Hubbub

DEAD_S = 2.0
REFUSED = 4401


@dataclass(frozen=True, slots=True)
class Login:
    """What somebody has who was let in. `key` is an API key; a session has none, and its desk asks for a
    ticket each time."""

    id: UUID
    headers: dict[str, str]
    key: str = ""


@dataclass(slots=True)
class Seat:
    """An open live connection; `code` is how it was closed, at `closed` (seconds since 1970)."""

    wire: Wire
    code: int = 0
    closed: float = 0.0

    async def run(self) -> None:
        try:
            while True:
                await self.wire.receive()
        except Gone as gone:
            self.code, self.closed = gone.code, time.time()


class Office:
    """Where logins for a show are made, used on every process, and ended as the owner does it."""

    def __init__(
        self, database: Database, owner: UUID, webs: Sequence[Hubbub], http: httpx2.AsyncClient, show: str
    ) -> None:
        self._database, self._owner, self._http = database, owner, http
        self.webs, self.show = webs, show

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World, webs: Sequence[Hubbub], show: str) -> AsyncIterator[Office]:
        database = await Database.open(world.database_url)
        try:
            async with database.connection() as connection:
                owner = await users.ensure_owner(connection)
            async with httpx2.AsyncClient(timeout=20) as http:
                yield cls(database, owner.id, webs, http, show)
        finally:
            await database.close()

    async def ask(
        self, program: Hubbub, method: str, path: str, login: Login | None = None, body: Json | None = None
    ) -> httpx2.Response:
        """A request to one of the processes."""
        self._http.cookies.clear()  # which cookie is sent is said by the login
        headers = login.headers if login else {}
        return await self._http.request(
            method, f"{program.base_url}/api/v1{path}", headers=headers, json=body
        )

    async def session(self) -> Login:
        """Somebody opens the link of the terminal in a browser."""
        program = self.webs[0]
        link = await login_link(self._database, self._owner, program.base_url)
        answer = await self.ask(program, "POST", "/session", body={"code": link.partition("#code=")[2]})
        assert answer.status_code == 200, answer.text
        cookie = answer.headers["set-cookie"].partition(";")[0]
        headers = {"Cookie": cookie, CSRF_HEADER: answer.json()["csrf"]}
        places = (await self.ask(program, "GET", "/sessions", Login(self._owner, headers))).json()["items"]
        return Login(next(UUID(place["id"]) for place in places if place["current"]), headers)

    async def key(self) -> Login:
        """`hubbub key create`."""
        async with self._database.connection() as connection:
            key_id, key = await api_keys.create(connection, self._owner, "a script")
        return Login(key_id, {"Authorization": f"Bearer {key}"}, key)

    async def hello(self, login: Login, program: Hubbub) -> Json:
        """The first frame of a live connection."""
        said: Json = {"op": "hello", "proto": 1, "campaign": self.show}
        if login.key:
            return said | {"key": login.key, "client": {"kind": "api"}}
        answer = await self.ask(program, "POST", "/live-tickets", login, {"campaign_id": self.show})
        assert answer.status_code == 201, answer.text
        return said | {"key": answer.json()["ticket"], "client": {"kind": "desk"}}

    async def sit_down(self, login: Login, each: int, group: asyncio.TaskGroup) -> list[Seat]:
        """So many live connections to every process, all let in, each with a task that hears it."""
        seats = []
        for program in self.webs:
            for _ in range(each):
                wire = await Wire.dial(live_url(program.base_url), origin=program.base_url)
                wire.say(json.dumps(await self.hello(login, program)).encode())
                assert b'"snapshot"' in await wire.receive()
                seats.append(Seat(wire))
                group.create_task(seats[-1].run())
        return seats

    async def let_in(self, login: Login) -> list[bool]:
        """Whether each process answers a request of this login; anything but 200 and 401 is a fault."""
        told = [(await self.ask(program, "GET", "/campaigns", login)).status_code for program in self.webs]
        assert set(told) <= {200, 401}, told
        return [status == 200 for status in told]

    async def end(self, login: Login, by: Login, program: Hubbub) -> None:
        """A key is revoked as `hubbub key revoke` does it; a session logs out, or another one ends it."""
        if login.key:
            async with self._database.connection() as connection:
                assert await api_keys.revoke(connection, login.id, self._owner)
            return
        path = "/session" if by is login else f"/sessions/{login.id}"
        answer = await self.ask(program, "DELETE", path, by)
        assert answer.status_code == 204, answer.text


async def refusal(program: Hubbub, hello: Json, source: str) -> int:
    """The close code for somebody who says this now; from an address of its own, for failures are counted."""
    wire = await Wire.dial(live_url(program.base_url), origin=program.base_url, source=source)
    wire.say(json.dumps(hello).encode())
    try:
        while True:
            assert b'"snapshot"' not in await wire.receive(), "let in with what is dead"
    except Gone as gone:
        return gone.code


@bound(60, 300)
async def test_r20_an_ended_login_is_dead_everywhere(trial: Trial, world: World) -> None:
    link, url = await world.redis_link()
    webs = await world.start(*["web"] * trial.scale.size(2, 3), REDIS_URL=url)
    turns = 2 * trial.scale.count(2, 20)
    died: list[float] = []
    async with world.api(webs[0].base_url) as api:
        show, _ = await campaign(api, "Logins")
        await launch(api, show)
    async with Office.open(world, webs, show) as office, asyncio.TaskGroup() as group:
        stays = [await office.session(), await office.key()]
        seated = [seat for login in stays for seat in await office.sit_down(login, 1, group)]
        for number in range(turns):
            link.is_down = number % 2 == 1
            if link.is_down:
                link.cut()
            for doomed in (await office.session(), await office.key()):
                by = doomed if number // 2 % 2 else stays[0]
                trial.record.note("end", what="key" if doomed.key else "session", redis=not link.is_down)
                died += await end(trial, office, doomed, by)
            trial.progress(f"{number + 1} of {turns} turns")
        assert [seat.code for seat in seated] == [0] * len(seated), "the other logins live"
        assert all([all(await office.let_in(login)) for login in stays])
        for seat in seated:
            seat.wire.cut()
    trial.figure("logins ended", 2 * turns)
    trial.lags("dead after", died)


async def end(trial: Trial, office: Office, doomed: Login, by: Login) -> list[float]:
    """End a login that is in use on every process; answers after how long each of its connections was."""
    async with asyncio.TaskGroup() as group:
        seats = await office.sit_down(doomed, trial.scale.size(2, 10), group)
        assert all(await office.let_in(doomed))
        hello = await office.hello(doomed, office.webs[0])  # with a ticket that is fresh and unused
        began = time.time()
        await office.end(doomed, by, office.webs[-1])
        assert not any(await office.let_in(doomed)), "a request is refused at once"
        while any(seat.code == 0 for seat in seats):
            assert time.time() - began < trial.within(DEAD_S) + 1, "an ended login is still served"
            await asyncio.sleep(0.01)
    late = [seat.closed - began for seat in seats]
    assert {seat.code for seat in seats} == {REFUSED}
    assert max(late) <= trial.within(DEAD_S), f"dead after {max(late):.2f} s"
    source = f"127.{trial.random.randrange(1, 255)}.{trial.random.randrange(256)}.1"
    for program in office.webs:
        assert await refusal(program, hello, source) == REFUSED
    return late
