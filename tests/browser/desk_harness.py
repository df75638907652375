"""An in-memory stand-in for the API, on loopback, exact enough to drive the desk page through every state.

Only the desk's own page tests use it: it lets them set a state to the vote and break one endpoint on
purpose. Everything that checks Hubbub itself runs against the real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.browser.desk_poll import BUILD, DEFAULTS, FakePoll, Json, Refusal, new_id, now, wire
from tests.browser.desk_table import FakeTable


class ReadyServer(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class FakeHubbub:
    """The whole fake: state, routes, live connections. Tests change the state and call `push`."""

    def __init__(self) -> None:
        self.signed_in = True
        self.login_code = "GOOD-CODE"
        self.campaigns: dict[str, Json] = {}
        self.polls: dict[str, FakePoll] = {}
        self.rundowns: dict[str, Json] = {}
        self.channels: dict[str, Json] = {}
        self.overlays: dict[str, Json] = {}
        self.templates: dict[str, Json] = {}
        self.tables: dict[str, FakeTable] = {}  # by campaign
        self.redis = "ok"
        self.dropped = 0
        self.trouble: Json = {}  # what the status says besides
        self.checks: list[Json] = []  # what *Check everything* says besides
        self.rate = 0.0
        self.calls: list[tuple[str, str, Any]] = []  # method, path below /api/v1, body
        self.headers: list[dict[str, str]] = []  # of the writes
        self.broken: dict[str, Refusal] = {}  # path ending → the answer it gives instead
        self.held: dict[str, asyncio.Event] = {}  # path ending → set when the request may be carried out
        self.working: set[str] = set()  # idempotency keys of requests that are being carried out
        self.server: ReadyServer | None = None
        self.serving: asyncio.Task[None] | None = None
        self.port = 0
        self.sockets: set[WebSocket] = set()
        self.answers: dict[str, Json] = {}  # idempotency key → answer
        self.seq = 0
        self.timers: set[asyncio.TimerHandle] = set()
        self.origin = ""

    # -- building a state ----

    def add_campaign(self, name: str = "Friday dungeon", *, demo: bool = False) -> str:
        campaign: Json = {
            "id": new_id(),
            "name": name,
            "description": "",
            "is_demo": demo,
            "created_at": wire(now()),
        }
        self.campaigns[campaign["id"]] = campaign
        return str(campaign["id"])

    def table(self, campaign_id: str) -> FakeTable:
        """The table of a campaign, empty at first."""
        return self.tables.setdefault(campaign_id, FakeTable())

    def add_channel(self, campaign_id: str, login: str = "ana", **more: Any) -> Json:
        channel: Json = {
            "id": new_id(),
            "campaign_id": campaign_id,
            "platform": "twitch",
            "login": login,
            "channel_id": "4242",
            "source": "irc",
            "status": "connected",
            "status_detail": "",
            "status_since": wire(now() - timedelta(hours=1)),
            "heard_at": wire(now() - timedelta(seconds=4)),
            "lag_ms": 120,
            "votes_per_s": 0.0,
            **more,
        }
        self.channels[channel["id"]] = channel
        return channel

    def add_overlay(
        self, campaign_id: str, name: str = "Main scene", *, live: bool = True, **layout: Any
    ) -> Json:
        source = {
            "name": "",
            "obs": "31.0",
            "width": 1920,
            "height": 1080,
            "connected_at": wire(now()),
            "seen_at": wire(now() - timedelta(seconds=2)),
        }
        overlay: Json = {
            "id": new_id(),
            "campaign_id": campaign_id,
            "name": name,
            "layout": {"stage": "landscape", "theme": "night", **layout},
            "created_at": wire(now()),
            "sources": [source] if live else [],
        }
        self.overlays[overlay["id"]] = overlay
        return overlay

    def add_poll(
        self, campaign_id: str, question: str = "Which door?", *options: str, **settings: Any
    ) -> FakePoll:
        body = {
            "question": question,
            "options": list(options or ("Left", "Right", "Through the wall")),
            "duration_s": 60,
            **DEFAULTS,
            **settings,
        }
        rundown = next((r for r in self.rundowns.values() if r["campaign_id"] == campaign_id), None)
        if rundown is None:
            rundown = self.add_rundown(campaign_id, "Tonight")
        poll = FakePoll(body, campaign_id, rundown["id"])
        self.polls[poll.id] = poll
        rundown["order"].append(poll.id)
        return poll

    def add_rundown(self, campaign_id: str, name: str) -> Json:
        rundown: Json = {"id": new_id(), "campaign_id": campaign_id, "name": name, "order": []}
        self.rundowns[rundown["id"]] = rundown
        return rundown

    def done(self, poll: FakePoll, votes: list[int], *, ago: timedelta = timedelta(minutes=20)) -> FakePoll:
        """Makes a poll of the past."""
        poll.votes, poll.state = votes, "revealed"
        poll.opens_at, poll.closes_at = now() - ago - timedelta(seconds=60), now() - ago
        poll.phase_at = poll.ends_at = now() - ago
        self.count(poll)
        return poll

    # -- the poll's way ----

    def running(self, campaign_id: str) -> FakePoll | None:
        live = ("open", "closing", "closed", "revealed")
        return next(
            (
                p
                for p in self.polls.values()
                if p.campaign_id == campaign_id and p.state in live and self.on_stage(p)
            ),
            None,
        )

    @staticmethod
    def on_stage(poll: FakePoll) -> bool:
        if not poll.on_screen:
            return False
        if poll.state != "revealed" or poll.tie_pending:
            return True
        return poll.ends_at is not None and poll.ends_at > now()

    def later(self, seconds: float, run: Callable[[], Awaitable[None]]) -> None:
        def fire() -> None:
            self.timers.discard(handle)
            task = asyncio.ensure_future(run())
            task.add_done_callback(lambda done: done.exception())

        handle = asyncio.get_running_loop().call_later(seconds, fire)
        self.timers.add(handle)

    @staticmethod
    def count(poll: FakePoll) -> None:
        most = max(poll.votes)
        top = [i + 1 for i, count in enumerate(poll.votes) if count == most and most > 0]
        poll.tied = top if len(top) > 1 else []
        poll.winner = top[0] if len(top) == 1 else None

    async def act(self, poll: FakePoll, verb: str, body: Json) -> None:
        """One transition; refuses with the words of the real rules."""
        match verb:
            case "launch":
                self.launch(poll, simulated=bool(body.get("simulated")))
            case "close":
                await self.close(poll)
            case "extend":
                self.extend(poll, body["seconds"])
            case "cancel" | "undo-cancel":
                self.cancel(poll, back=verb == "undo-cancel")
            case "reveal":
                self.reveal(poll)
            case "resolve":
                self.resolve(poll, body["winner"])
            case "dismiss":
                poll.ends_at = now()

    @staticmethod
    def extend(poll: FakePoll, seconds: int) -> None:
        if poll.state != "open" or poll.closes_at is None:
            raise Refusal(409, f"The poll is {poll.state}; only an open poll can be extended.")
        poll.closes_at += timedelta(seconds=seconds)
        poll.ends_at = poll.closes_at

    @staticmethod
    def cancel(poll: FakePoll, *, back: bool) -> None:
        if back:
            poll.state, poll.phase_at = poll.before_cancel or "open", now()
            poll.ends_at = poll.closes_at if poll.state == "open" else None
        elif poll.state in ("open", "closing", "closed"):
            poll.before_cancel, poll.state, poll.phase_at = poll.state, "cancelled", now()
        else:
            raise Refusal(409, f"The poll is {poll.state}; only a running poll can be cancelled.")

    def resolve(self, poll: FakePoll, winner: int) -> None:
        if winner not in poll.tied:
            raise Refusal(409, f"Option {winner} is not among the tied ones.")
        poll.winner = winner
        if poll.state == "revealed":
            self.hold(poll)

    def launch(self, poll: FakePoll, *, simulated: bool) -> None:
        if poll.state != "draft":
            raise Refusal(409, f"The poll is {poll.state}; only a draft can be launched.")
        seats = [c["login"] for c in self.channels.values() if c["campaign_id"] == poll.campaign_id]
        if not seats and not simulated:
            raise Refusal(
                409,
                "No channel takes part: add a channel to the campaign, or rehearse with simulated viewers.",
            )
        self.clear_stage(poll)
        poll.on_screen = True
        poll.state, poll.simulated, poll.logins = "open", simulated, seats or ["simulated"]
        poll.opens_at = poll.phase_at = now()
        poll.closes_at = poll.ends_at = poll.opens_at + timedelta(seconds=poll.body["duration_s"])
        self.later(poll.body["duration_s"], lambda: self.close(poll))

    async def close(self, poll: FakePoll) -> None:
        if poll.state != "open":
            return
        grace = poll.body["grace_s"] if poll.body["grace_s"] is not None else 3
        poll.state, poll.closes_at, poll.phase_at = "closing", now(), now()
        poll.ends_at = now() + timedelta(seconds=grace)
        self.later(grace, lambda: self.lock(poll))
        await self.push()

    async def lock(self, poll: FakePoll) -> None:
        if poll.state != "closing":
            return
        poll.state, poll.phase_at, poll.ends_at = "closed", now(), None
        self.count(poll)
        await self.push()

    def clear_stage(self, poll: FakePoll) -> None:
        """Whatever comes onto the stage has it for itself."""
        for other in self.polls.values():
            if other is not poll and other.campaign_id == poll.campaign_id:
                other.on_screen = False

    def reveal(self, poll: FakePoll) -> None:
        if poll.state != "closed":
            raise Refusal(409, f"The poll is {poll.state}; only a closed poll can be revealed.")
        poll.state, poll.phase_at = "revealed", now()
        running = self.running(poll.campaign_id)
        poll.on_screen = running is None or running is poll or running.state not in ("open", "closing")
        if poll.on_screen:
            self.clear_stage(poll)
        if poll.tie_pending:
            poll.ends_at = None
        else:
            self.hold(poll)

    def hold(self, poll: FakePoll) -> None:
        poll.phase_at = now()
        poll.ends_at = now() + timedelta(seconds=poll.body["hold_s"])
        self.later(poll.body["hold_s"] + 0.05, self.push)

    # -- live ----

    def boards(self, campaign_id: str) -> Json:
        poll = self.running(campaign_id)
        return {} if poll is None else {poll.id: poll.board()}

    def snapshot(self, campaign_id: str) -> Json:
        return {
            "op": "snapshot",
            "epoch": 1,
            "seq": self.seq,
            "at": wire(now()),
            "boards": self.boards(campaign_id),
            "layout": {},
            "skipped": 0,
            "build": BUILD,
        }

    async def push(self) -> None:
        """Tells every desk the present state."""
        self.seq += 1
        for ws in list(self.sockets):
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await ws.send_json(self.snapshot(ws.scope["campaign"]))

    async def live(self, ws: WebSocket) -> None:
        await ws.accept()
        hello = json.loads(await ws.receive_text())
        ticket = str(hello.get("key", ""))
        if not ticket.startswith("tkt_"):
            await ws.close(4401)
            return
        ws.scope["campaign"] = ticket.removeprefix("tkt_")
        self.sockets.add(ws)
        try:
            await ws.send_json(self.snapshot(ws.scope["campaign"]))
            pinger = asyncio.ensure_future(self.ping(ws))
            try:
                while True:
                    await ws.receive_text()
            finally:
                pinger.cancel()
        except WebSocketDisconnect:
            return
        finally:
            self.sockets.discard(ws)

    async def ping(self, ws: WebSocket) -> None:
        while True:
            await asyncio.sleep(5)
            await ws.send_json({"op": "ping", "epoch": 1, "seq": self.seq, "at": wire(now())})

    async def plug(self) -> None:
        """Starts answering; again on the same port after `unplug`."""
        from tests.browser.desk_routes import routes

        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            Starlette(routes=routes(self)), log_level="error", lifespan="off", ws="websockets-sansio"
        )
        self.server = ReadyServer(config)
        self.serving = asyncio.create_task(self.server.serve(sockets=[listener]))
        await self.server.ready.wait()

    async def unplug(self) -> None:
        """The server vanishes: sockets break, nobody answers on its port."""
        assert self.server is not None
        assert self.serving is not None
        self.server.should_exit = self.server.force_exit = True
        await self.serving
        self.sockets.clear()

    def status(self, campaign_id: str) -> Json:
        poll = self.running(campaign_id)
        return {
            "at": wire(now()),
            "poll": None if poll is None else {"id": poll.id, "state": poll.state},
            "votes_per_s": self.rate,
            "channels": [self.shown(c) for c in self.of(self.channels, campaign_id)],
            "overlays": [
                {"id": o["id"], "name": o["name"], "sources": o["sources"]}
                for o in self.of(self.overlays, campaign_id)
            ],
            "redis": self.redis,
            "dropped": self.dropped,
            "dropped_last_minute": 0,
            "corrected_last_minute": 0,
            "probe": {"state": "ok", "lag_ms": 80, "failing_s": None},
            **self.trouble,
        }

    @staticmethod
    def of(things: dict[str, Json], campaign_id: str) -> list[Json]:
        return [thing for thing in things.values() if thing["campaign_id"] == campaign_id]

    @staticmethod
    def shown(thing: Json) -> Json:
        return {key: value for key, value in thing.items() if key not in ("campaign_id", "order")}

    def shown_rundown(self, rundown: Json) -> Json:
        polls = [self.polls[i].public() for i in rundown["order"] if i in self.polls]
        return {"id": rundown["id"], "name": rundown["name"], "polls": polls}


@contextlib.asynccontextmanager
async def serve(hubbub: FakeHubbub) -> AsyncIterator[str]:
    """Runs the fake on a free loopback port; yields its origin."""
    await hubbub.plug()
    try:
        yield hubbub.origin
    finally:
        for timer in hubbub.timers:
            timer.cancel()
        await hubbub.unplug()
