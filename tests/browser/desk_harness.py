"""An in-memory stand-in for the API, on loopback, exact enough to drive the desk page through every state.

Only the desk's own page tests use it: it lets them set a state to the vote and break one endpoint on
purpose. Everything that checks Hubbub itself runs against the real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

STATIC = Path(__file__).parents[2] / "overlay" / "static"
BUILD = "test"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CSRF = "c" * 43
UNDO = timedelta(seconds=10)
Json = dict[str, Any]

DEFAULTS: Json = {
    "rule": "one_vote",
    "changeable": True,
    "tie": "gm",
    "secret": False,
    "grace_s": None,
    "words": "exact",
    "weighting": "sum",
    "cap_percent": 50,
    "hold_s": 8,
    "auto_reveal_s": None,
}
BUILT_IN: list[Json] = [
    {"label": "Yes or no", "question": "Do they dare?", "options": ["Yes", "No"], "duration_s": 60},
    {
        "label": "Which way",
        "question": "Which way do they go?",
        "options": ["Left", "Right", "Back"],
        "duration_s": 60,
    },
    {
        "label": "Four doors",
        "question": "Which door?",
        "options": ["Iron", "Oak", "Bone", "Glass"],
        "duration_s": 120,
    },
]


def now() -> datetime:
    return datetime.now(UTC)


def wire(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def new_id() -> str:
    """Ids grow with time, as UUIDv7 do."""
    stamp = int(now().timestamp() * 1_000_000)
    tail = uuid.uuid4().hex[:18]
    text = f"{stamp:014x}{tail}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


class Refusal(Exception):
    """Becomes a problem+json answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass
class FakePoll:
    """One poll with its figures; times are real ones."""

    body: Json
    campaign_id: str
    rundown_id: str | None = None
    id: str = field(default_factory=new_id)
    definition_id: str = field(default_factory=new_id)
    state: str = "draft"
    simulated: bool = False
    votes: list[int] = field(default_factory=list)
    weights: list[float] | None = None
    logins: list[str] = field(default_factory=lambda: ["ana"])
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    phase_at: datetime | None = None
    ends_at: datetime | None = None
    winner: int | None = None
    tied: list[int] = field(default_factory=list)
    before_cancel: str | None = None
    created_at: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        self.votes = self.votes or [0] * len(self.body["options"])

    @property
    def sealed(self) -> bool:
        return bool(self.body["secret"]) and self.state != "revealed"

    @property
    def tie_pending(self) -> bool:
        return bool(self.tied) and self.winner is None and self.body["tie"] == "gm"

    def options(self) -> list[Json]:
        weights = self.weights or [float(count) for count in self.votes]
        total = sum(weights)
        return [
            {
                "index": i + 1,
                "label": label,
                "votes": None if self.sealed else self.votes[i],
                "weight": None if self.sealed else weights[i],
                "share": None if self.sealed else (weights[i] / total if total else 0.0),
            }
            for i, label in enumerate(self.body["options"])
        ]

    def channels(self) -> list[Json]:
        total, count = sum(self.votes), len(self.logins)
        parts = [total // count + (1 if i < total % count else 0) for i in range(count)]
        return [
            {"platform": "twitch", "login": login, "votes": None if self.sealed else part}
            for login, part in zip(self.logins, parts, strict=True)
        ]

    def public(self) -> Json:
        """The API's poll."""
        commitment = "9f3ac4d2" + "0" * 56 if self.body["tie"] == "random" and self.state != "draft" else None
        undo = self.phase_at + UNDO if self.state == "cancelled" and self.phase_at else None
        shape = {name: self.body[name] for name in ("question", "duration_s", *DEFAULTS)}
        return {
            **shape,
            "id": self.id,
            "campaign_id": self.campaign_id,
            "definition_id": self.definition_id,
            "rundown_id": self.rundown_id,
            "order_index": 0,
            "state": self.state,
            "options": self.options(),
            "total_votes": sum(self.votes),
            "simulated": self.simulated,
            "opens_at": wire(self.opens_at),
            "closes_at": wire(self.closes_at),
            "phase_started_at": wire(self.phase_at),
            "ends_at": wire(self.ends_at),
            "winner": None if self.sealed else self.winner,
            "tied": [] if self.sealed else self.tied,
            "tie_pending": self.tie_pending and not self.sealed,
            "commitment": commitment,
            "seed": None,
            "channels": self.channels() if self.state != "draft" else [],
            "undo_until": wire(undo),
            "created_at": wire(self.created_at),
        }

    def board(self) -> Json:
        """What browsers get through the live connection."""
        poll = self.public()
        most = max(self.weights or [float(count) for count in self.votes])
        leaders = [o["index"] for o in poll["options"] if o["weight"] == most and most > 0]
        keys = (
            "simulated question rule changeable secret words options total_votes weighting cap_percent channels "
            "opens_at closes_at phase_started_at ends_at winner"
        ).split()
        return {
            "kind": "poll",
            "phase": self.state,
            "poll_id": self.id,
            **{key: poll[key] for key in keys},
            "leaders": [] if self.sealed else leaders,
            "tie": {
                "rule": self.body["tie"],
                "options": poll["tied"],
                "pending": poll["tie_pending"],
                "commitment": poll["commitment"],
                "seed": None,
            },
        }


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
        self.redis = "ok"
        self.dropped = 0
        self.rate = 0.0
        self.calls: list[tuple[str, str, Any]] = []  # method, path below /api/v1, body
        self.headers: list[dict[str, str]] = []  # of the writes
        self.broken: dict[str, Refusal] = {}  # path ending → the answer it gives instead
        self.unplugged = False  # drops every connection without an answer
        self.sockets: set[WebSocket] = set()
        self.answers: dict[str, Json] = {}  # idempotency key → answer
        self.seq = 0
        self.timers: set[asyncio.TimerHandle] = set()
        self.origin = ""

    # -- building a state ---------------------------------------------------------------------------------

    def add_campaign(self, name: str = "Friday dungeon", *, demo: bool = False) -> str:
        campaign = {
            "id": new_id(),
            "name": name,
            "description": "",
            "is_demo": demo,
            "created_at": wire(now()),
        }
        self.campaigns[campaign["id"]] = campaign
        return str(campaign["id"])

    def add_channel(self, campaign_id: str, login: str = "ana", **more: Any) -> Json:
        channel = {
            "id": new_id(),
            "campaign_id": campaign_id,
            "platform": "twitch",
            "login": login,
            "channel_id": "4242",
            "source": "irc",
            "status": "connected",
            "status_detail": "",
            "heard_at": wire(now() - timedelta(seconds=4)),
            "lag_ms": 120,
            "votes_per_s": 0.0,
            **more,
        }
        self.channels[channel["id"]] = channel
        return channel

    def add_overlay(self, campaign_id: str, name: str = "Main scene", *, live: bool = True, **layout: Any) -> Json:
        source = {
            "name": "",
            "obs": "31.0",
            "width": 1920,
            "height": 1080,
            "connected_at": wire(now()),
            "seen_at": wire(now() - timedelta(seconds=2)),
        }
        overlay = {
            "id": new_id(),
            "campaign_id": campaign_id,
            "name": name,
            "layout": {"stage": "landscape", "theme": "night", **layout},
            "created_at": wire(now()),
            "sources": [source] if live else [],
        }
        self.overlays[overlay["id"]] = overlay
        return overlay

    def add_poll(self, campaign_id: str, question: str = "Which door?", *options: str, **settings: Any) -> FakePoll:
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
        rundown = {"id": new_id(), "campaign_id": campaign_id, "name": name, "order": []}
        self.rundowns[rundown["id"]] = rundown
        return rundown

    def done(self, poll: FakePoll, votes: list[int], *, ago: timedelta = timedelta(minutes=20)) -> FakePoll:
        """Makes a poll of the past."""
        poll.votes, poll.state = votes, "revealed"
        poll.opens_at, poll.closes_at = now() - ago - timedelta(seconds=60), now() - ago
        poll.phase_at = poll.ends_at = now() - ago
        self.count(poll)
        return poll

    # -- the poll's way -------------------------------------------------------------------------------------

    def running(self, campaign_id: str) -> FakePoll | None:
        live = ("open", "closing", "closed", "revealed")
        return next(
            (p for p in self.polls.values() if p.campaign_id == campaign_id and p.state in live and self.on_stage(p)),
            None,
        )

    @staticmethod
    def on_stage(poll: FakePoll) -> bool:
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
        if verb == "launch":
            self.launch(poll, simulated=bool(body.get("simulated")))
        elif verb == "close":
            if poll.state == "open":
                await self.close(poll)
        elif verb == "extend":
            if poll.state != "open" or poll.closes_at is None:
                raise Refusal(409, f"The poll is {poll.state}; only an open poll can be extended.")
            poll.closes_at += timedelta(seconds=body["seconds"])
            poll.ends_at = poll.closes_at
        elif verb == "cancel":
            if poll.state not in ("open", "closing", "closed"):
                raise Refusal(409, f"The poll is {poll.state}; only a running poll can be cancelled.")
            poll.before_cancel, poll.state, poll.phase_at = poll.state, "cancelled", now()
        elif verb == "undo-cancel":
            poll.state, poll.phase_at = poll.before_cancel or "open", now()
            poll.ends_at = poll.closes_at if poll.state == "open" else None
        elif verb == "reveal":
            self.reveal(poll)
        elif verb == "resolve":
            if body["winner"] not in poll.tied:
                raise Refusal(409, f"Option {body['winner']} is not among the tied ones.")
            poll.winner = body["winner"]
            if poll.state == "revealed":
                self.hold(poll)
        elif verb == "dismiss":
            poll.ends_at = now()

    def launch(self, poll: FakePoll, *, simulated: bool) -> None:
        if poll.state != "draft":
            raise Refusal(409, f"The poll is {poll.state}; only a draft can be launched.")
        seats = [c["login"] for c in self.channels.values() if c["campaign_id"] == poll.campaign_id]
        if not seats and not simulated:
            raise Refusal(
                409, "No channel takes part: add a channel to the campaign, or rehearse with simulated viewers."
            )
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

    def reveal(self, poll: FakePoll) -> None:
        if poll.state != "closed":
            raise Refusal(409, f"The poll is {poll.state}; only a closed poll can be revealed.")
        poll.state, poll.phase_at = "revealed", now()
        if poll.tie_pending:
            poll.ends_at = None
        else:
            self.hold(poll)

    def hold(self, poll: FakePoll) -> None:
        poll.phase_at = now()
        poll.ends_at = now() + timedelta(seconds=poll.body["hold_s"])
        self.later(poll.body["hold_s"] + 0.05, self.push)

    # -- live -----------------------------------------------------------------------------------------------

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

    async def unplug(self) -> None:
        """The server vanishes: sockets break, requests get no answer."""
        self.unplugged = True
        for ws in list(self.sockets):
            with contextlib.suppress(RuntimeError):
                await ws.close(1012)

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


def page_response(name: str, status: int = 200) -> HTMLResponse:
    text = (STATIC / name).read_text("utf-8").replace("{{build}}", BUILD)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})


def problem(status: int, detail: str) -> JSONResponse:
    body = {"type": "about:blank", "title": "Refused", "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


class FakeStatic(StaticFiles):
    """Files of the working tree, never cached: a test sees the file as it is."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response


@contextlib.asynccontextmanager
async def serve(hubbub: FakeHubbub) -> AsyncIterator[str]:
    """Runs the fake on a free loopback port; yields its origin."""
    from tests.browser.desk_routes import api_routes

    pages = [
        Route("/desk", lambda _: page_response("desk/desk.html") if hubbub.signed_in
              else page_response("pages/refused.html", 401)),
        Route("/login", lambda _: page_response("pages/login.html")),
        Route("/docs", lambda _: page_response("pages/docs.html")),
        Route("/nowhere", lambda _: page_response("pages/notfound.html", 404)),
        Mount(f"/static/{BUILD}", FakeStatic(directory=STATIC)),
        WebSocketRoute("/live", hubbub.live),
        *api_routes(hubbub),
    ]
    app = Starlette(routes=pages)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        hubbub.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="websockets-sansio")
        server = uvicorn.Server(config)
        running = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield hubbub.origin
        finally:
            for timer in hubbub.timers:
                timer.cancel()
            server.should_exit = True
            server.force_exit = True
            await running


__all__ = ["FakeHubbub", "FakePoll", "Refusal", "Request", "problem", "serve"]
