"""A server that says exactly what a test wants: the overlay's real files, and the live protocol by hand.

The real hub has its own tests; here the page is the thing under test, so states, gaps, wrong epochs and
silences are set to the frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import uvicorn
from playwright.async_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from overlay import load
from server.live.frames import decode
from server.rules.tally import Tally, leaders, totals, weights
from server.rules.wiretime import to_wire
from server.web.headers import PageKind, policy

Json = dict[str, Any]
OVERLAY_ID = "0198c0de-0000-7000-8000-000000000001"
KEY = "ovl_" + "k" * 43
COUNTS = "() => Array.from(document.querySelectorAll('.hb-count'), (e) => e.textContent)"
PROBES = Path(__file__).with_name("overlay_probes.js")
LABELS = (
    "Left",
    "Right",
    "Break it down",
    "Listen first",
    "Knock politely",
    "Run",
    "Bribe the guard",
    "Cast light",
    "Send the rogue",
    "Go home",
)


async def until(condition: Callable[[], Awaitable[bool] | bool], what: str, seconds: float = 8) -> None:
    """Wait for a condition, at most so long."""
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        holds = condition()
        if holds if isinstance(holds, bool) else await holds:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.02)


class Visitor:
    """One connection of a page: what it said, and how to speak to it."""

    def __init__(self, socket_: WebSocket) -> None:
        self._socket = socket_
        self.hello: Json = {}
        self.said: list[Json] = []
        self.open = True

    def heard(self, op: str) -> list[Json]:
        return [frame for frame in self.said if frame["op"] == op]

    async def send(self, frame: Json | str) -> None:
        """A page that reloads at this moment does not hear it, as with any server."""
        try:
            await self._socket.send_text(frame if isinstance(frame, str) else json.dumps(frame))
        except (WebSocketDisconnect, RuntimeError):
            self.open = False

    async def close(self, code: int) -> None:
        self.open = False
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the page was faster
            await self._socket.close(code)

    async def listen(self) -> None:
        """Read frames until the page goes; every one must be a frame that the real server takes."""
        try:
            while True:
                text = await self._socket.receive_text()
                decode(text)
                self.said.append(json.loads(text))
        except (WebSocketDisconnect, RuntimeError):
            self.open = False


class OverlayServer:
    """Serves pages and `/live` on a free loopback port. Times are `now()`, the server's own clock."""

    def __init__(self) -> None:
        self.assets = load()
        self.layout: Json = {"overlay_id": OVERLAY_ID, "name": "Main", "stage": "landscape", "lang": "en"}
        self.boards: Json = {}
        self.epoch, self.seq = str(uuid4()), 1
        self.skew = timedelta()
        self.build = self.assets.build
        self.visitors: list[Visitor] = []
        self.requests: list[str] = []
        self.refuse: int | None = None  # close code for every hello
        self.mute = False  # answer nothing, as a half-open connection
        self.stale = False  # the database is away
        self.ping_s = 5.0
        self._port = 0
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return datetime.now(UTC) + self.skew

    def at(self, seconds: float) -> str:
        """The instant so many seconds from now, as it stands in a frame."""
        return to_wire(self.now() + timedelta(seconds=seconds))

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def url(self, **query: str) -> str:
        asked = f"?{urlencode(query)}" if query else ""
        return f"{self.origin}/o/{OVERLAY_ID}{asked}#k={KEY}"

    async def start(self) -> None:
        """Listen; after a stop on the same port again."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        app = Starlette(
            routes=[
                Route("/o/sw.js", self._worker),
                Route("/o/{overlay_id}", self._page),
                Route("/static/{build}/{path:path}", self._file),
                Route("/blank", lambda _: Response("<!doctype html><head></head>", media_type="text/html")),
                WebSocketRoute("/live", self._live),
            ]
        )
        config = uvicorn.Config(app, log_level="error", lifespan="off", ws="websockets-sansio")
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[assignment,method-assign]
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]))
        server = self._server
        await until(lambda: server.started, "the harness listens")

    async def stop(self) -> None:
        """Go away as a killed server does: every connection is cut."""
        if self._server is None or self._task is None:
            return
        self._server.should_exit = True
        self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await self._task
        self._server = None
        self.visitors = [visitor for visitor in self.visitors if visitor.open]

    # --- what the page is told --------------------------------------------------------------------

    async def set(self, **boards: Json) -> None:
        """Commit whole boards: one step, one delta to everybody."""
        await self._step(boards, [])

    async def unset(self, *ids: str) -> None:
        await self._step({}, list(ids))

    async def _step(self, changed: Json, gone: list[str]) -> None:
        self.boards = {k: v for k, v in (self.boards | changed).items() if k not in gone}
        self.seq += 1
        await self.tell(
            {
                "op": "delta",
                "epoch": self.epoch,
                "from": self.seq - 1,
                "to": self.seq,
                "at": to_wire(self.now()),
                "set": changed,
                "unset": gone,
            }
        )

    def snapshot(self) -> Json:
        return {
            "op": "snapshot",
            "epoch": self.epoch,
            "seq": self.seq,
            "at": to_wire(self.now()),
            "boards": self.boards,
            "layout": self.layout,
            "skipped": 0,
            "build": self.build,
        }

    def ping(self, seq: int | None = None) -> Json:
        position = self.seq if seq is None else seq
        ping: Json = {"op": "ping", "epoch": self.epoch, "seq": position, "at": to_wire(self.now())}
        return ping | {"stale": True} if self.stale else ping

    async def tell(self, frame: Json | str) -> None:
        for visitor in self.visitors:
            if visitor.open:
                await visitor.send(frame)

    async def wait_for_visitor(self, count: int = 1) -> Visitor:
        """The `count`-th connection ever, once it has said hello."""
        await until(lambda: len(self.visitors) >= count, f"{count} connections")
        return self.visitors[count - 1]

    # --- routes ----------------------------------------------------------------------------------

    async def _live(self, socket_: WebSocket) -> None:
        await socket_.accept()
        visitor = Visitor(socket_)
        try:
            text = await socket_.receive_text()
        except WebSocketDisconnect:
            return
        decode(text)
        visitor.hello = json.loads(text)
        self.visitors.append(visitor)
        if self.refuse is not None:
            await visitor.close(self.refuse)
            return
        with contextlib.suppress(WebSocketDisconnect):  # a page may be gone before its first answer
            if not self.mute:
                await visitor.send(self.snapshot())
        pinging = asyncio.create_task(self._ping(visitor))
        await visitor.listen()
        pinging.cancel()

    async def _ping(self, visitor: Visitor) -> None:
        while visitor.open:
            await asyncio.sleep(self.ping_s)
            if not self.mute and visitor.open:
                await visitor.send(self.ping())

    def _answer(self, request: Request, body: bytes, media_type: str) -> Response:
        self.requests.append(str(request.url))
        headers = {
            "content-security-policy": policy(PageKind.OVERLAY, f"127.0.0.1:{self._port}"),
            "cache-control": "no-cache",
            "x-content-type-options": "nosniff",
        }
        return Response(body, 200, headers, media_type)

    async def _page(self, request: Request) -> Response:
        page = self.assets.page("overlay.html")
        return self._answer(request, page.body, page.media_type)

    async def _worker(self, request: Request) -> Response:
        worker = self.assets.page("overlay/sw.js")
        return self._answer(request, worker.body, worker.media_type)

    async def _file(self, request: Request) -> Response:
        file = self.assets.files.get(request.path_params["path"])
        if file is None or request.path_params["build"] != self.assets.build:
            return Response(status_code=404)
        return self._answer(request, file.body, file.media_type)


@contextlib.asynccontextmanager
async def overlay_server() -> AsyncIterator[OverlayServer]:
    server = OverlayServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


def poll_board(
    server: OverlayServer,
    votes: tuple[int, ...] = (412, 963, 437),
    tally: Tally | None = None,
    **changes: Any,
) -> Json:
    """An open poll of a minute, twelve seconds old, as server/rules/poll_board.py makes them.

    `tally`: the votes by channel, in place of `votes`, which both channels have cast alike.
    """
    tally = tally or (tuple(n // 2 for n in votes), tuple(n - n // 2 for n in votes))
    count = len(tally[0])
    weighting, cap_percent = changes.pop("weighting", "sum"), changes.pop("cap_percent", 50)
    exact = weights(tally, count, weighting, cap_percent)
    whole = sum(exact)
    age = changes.pop("age", 12.0)
    duration = changes.pop("duration", 60.0)
    board: Json = {
        "kind": "poll",
        "phase": "open",
        "poll_id": "0198c0de-0000-7000-8000-00000000abcd",
        "simulated": False,
        "question": "Which door?",
        "rule": "one_vote",
        "changeable": True,
        "secret": False,
        "words": "any_case",
        "options": [
            {
                "index": i + 1,
                "label": LABELS[i],
                "votes": n,
                "weight": round(float(exact[i]), 6),
                "share": round(float(exact[i] / whole), 6) if whole else 0.0,
            }
            for i, n in enumerate(totals(tally, count))
        ],
        "total_votes": sum(map(sum, tally)),
        "weighting": weighting,
        "cap_percent": cap_percent,
        "channels": [
            {"platform": platform, "login": login, "votes": sum(cast)}
            for platform, login, cast in zip(("twitch", "kick"), ("ana", "bela"), tally, strict=True)
        ],
        "opens_at": server.at(-age),
        "closes_at": server.at(duration - age),
        "phase_started_at": server.at(-age),
        "ends_at": server.at(duration - age),
        "leaders": list(leaders(exact)),
        "tie": {"rule": "none", "options": [], "pending": False, "commitment": None, "seed": None},
        "winner": None,
    }
    return board | changes


def sealed(board: Json) -> Json:
    """The same board as a secret ballot shows it before the reveal."""
    options = [option | {"votes": None, "weight": None, "share": None} for option in board["options"]]
    channels = [channel | {"votes": None} for channel in board["channels"]]
    return board | {"secret": True, "options": options, "channels": channels, "leaders": []}


def closed(server: OverlayServer, board: Json, ago: float = 2.0, phase: str = "closed") -> Json:
    """The same board in a later phase that began `ago` seconds ago."""
    ends = {"closing": server.at(5 - ago), "closed": None, "revealed": server.at(8 - ago)}[phase]
    return board | {"phase": phase, "phase_started_at": server.at(-ago), "ends_at": ends}


async def open_overlay(page: Page, server: OverlayServer, **query: str) -> None:
    """Load the overlay, with the probes in it, and wait until it has said hello."""
    await page.add_init_script(path=PROBES)
    await page.goto(server.url(**query))
    await page.wait_for_selector("hb-stage", state="attached")
    await until(lambda: bool(server.visitors), "the page says hello")


async def ask(page: Page, server: OverlayServer, module: str, body: str, argument: object = None) -> Any:
    """Run `body` with `m` = the module and `a` = the argument, on an empty page of the harness."""
    if not page.url.startswith(server.origin):
        await page.goto(f"{server.origin}/blank")
    path = f"/static/{server.build}/overlay/{module}.js"
    return await page.evaluate(
        "async ([path, body, a]) => new Function('m', 'a', body)(await import(path), a)",
        [path, body, argument],
    )


async def counts(page: Page) -> list[str]:
    """The small number of every bar."""
    texts: list[str] = await page.evaluate(COUNTS)
    return texts


async def shows_counts(page: Page, *wanted: str) -> None:
    """Wait until the bars have these numbers."""

    async def there() -> bool:
        return await counts(page) == list(wanted)

    await until(there, f"counts {wanted}")


async def shows(page: Page, text: str, seconds: float = 5) -> None:
    """Wait until the stage shows a text."""
    await page.wait_for_function(
        "text => document.querySelector('hb-stage')?.textContent.includes(text)",
        arg=text,
        timeout=seconds * 1000,
    )
