"""The HTTP routes of the desk's stand-in API (desk_harness.py), in the shapes of contract §4."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from tests.browser.desk_harness import FakeHubbub
from tests.browser.desk_poll import (
    BUILD,
    BUILT_IN,
    CSRF,
    DEFAULTS,
    STILL_RUNNING,
    FakePoll,
    Refusal,
    new_id,
    now,
    wire,
)
from tests.browser.desk_table_routes import table_routes

STATIC = Path(__file__).parents[2] / "overlay" / "static"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
Json = dict[str, Any]
Answer = Callable[[Request, Any], Any]


def page_response(name: str, status: int = 200) -> HTMLResponse:
    text = (STATIC / name).read_text("utf-8").replace("{{build}}", BUILD)
    return HTMLResponse(text, status, headers={"Content-Security-Policy": CSP, "Cache-Control": "no-cache"})


def problem(refusal: Refusal) -> JSONResponse:
    kind = f"urn:hubbub:problem:{refusal.kind}"
    body = {"type": kind, "title": "Refused", "status": refusal.status, "detail": refusal.detail}
    again = {"retry-after": "1"} if refusal is STILL_RUNNING else None
    return JSONResponse(body, refusal.status, again, media_type="application/problem+json")


class FakeStatic(StaticFiles):
    """Files of the working tree, never cached: a test sees the file as it is."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        return response


class Api:
    """Handlers return plain data; `wrap` adds what every endpoint has: session, CSRF, idempotency."""

    def __init__(self, hubbub: FakeHubbub) -> None:
        self.hub = hubbub

    def wrap(self, handler: Answer, status: int = 200) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            hub = self.hub
            path = request.url.path.removeprefix("/api/v1")
            raw = await request.body()
            body = json.loads(raw) if raw else None
            hub.calls.append((request.method, path, body))
            for ending, refusal in hub.broken.items():
                if path.endswith(ending):
                    return problem(refusal)
            opening = request.method == "POST" and path == "/session"
            if not opening and not hub.signed_in:
                return problem(Refusal(401, "You are not signed in."))
            key = request.headers.get("idempotency-key")
            if request.method != "GET":
                hub.headers.append(dict(request.headers))
                if not opening and request.headers.get("x-csrf-token") != CSRF:
                    return problem(Refusal(403, "The page is out of date."))
                if key and key in hub.answers:
                    return JSONResponse(hub.answers[key], headers={"Idempotency-Replayed": "true"})
                if key and key in hub.working:
                    return problem(STILL_RUNNING)
                await self.hold(path, key)
            try:
                answer = handler(request, body)
                if asyncio.iscoroutine(answer):
                    answer = await answer
            except Refusal as refusal:
                return problem(refusal)
            finally:
                hub.working.discard(key or "")
            if answer is None:
                return Response(status_code=204)
            if key:
                hub.answers[key] = answer
            return JSONResponse(answer, status)

        return endpoint

    async def hold(self, path: str, key: str | None) -> None:
        """Takes as long as the test wants; who asks again meanwhile with the same key is told so."""
        for ending, gate in self.hub.held.items():
            if path.endswith(ending):
                self.hub.working.add(key or "")
                await gate.wait()

    # -- session and campaigns ----

    def login(self, _: Request, body: Any) -> Json:
        if body["code"] != self.hub.login_code:
            raise Refusal(401, "This link was used already or is older than 24 hours.")
        self.hub.signed_in = True
        return {"user": {"id": new_id(), "name": "Game master"}, "csrf": CSRF}

    def session(self, _: Request, __: Any) -> Json:
        return {
            "user": {"id": new_id(), "name": "Game master"},
            "csrf": CSRF,
            "build": BUILD,
            "version": "0.1.0",
            "demo": False,
        }

    def logout(self, _: Request, __: Any) -> None:
        self.hub.signed_in = False

    def campaigns(self, _: Request, __: Any) -> Json:
        return {"items": list(self.hub.campaigns.values()), "next": None}

    def new_campaign(self, _: Request, body: Any) -> Json:
        return self.hub.campaigns[self.hub.add_campaign(body["name"])]

    # -- channels and overlays ----

    def channels(self, request: Request, _: Any) -> Json:
        items = self.hub.of(self.hub.channels, request.path_params["campaign"])
        return {"items": [self.hub.shown(item) for item in items], "next": None}

    def new_channel(self, request: Request, body: Any) -> Json:
        fresh = {"status": "connecting", "heard_at": None, "lag_ms": None}
        more = {key: body[key] for key in ("platform", "source", "channel_id") if key in body}
        made = self.hub.add_channel(request.path_params["campaign"], body["login"], **{**fresh, **more})
        return self.hub.shown(made)

    def drop_channel(self, request: Request, _: Any) -> None:
        self.hub.channels.pop(request.path_params["id"])

    def overlays(self, request: Request, _: Any) -> Json:
        items = self.hub.of(self.hub.overlays, request.path_params["campaign"])
        return {"items": [self.hub.shown(item) for item in items], "next": None}

    def link(self, overlay: Json) -> str:
        return f"{self.hub.origin}/o/{overlay['id']}#k=ovl_{new_id().replace('-', '')}"

    def new_overlay(self, request: Request, body: Any) -> Json:
        overlay = self.hub.add_overlay(request.path_params["campaign"], body["name"], live=False)
        return {
            "id": overlay["id"],
            "name": overlay["name"],
            "layout": overlay["layout"],
            "url": self.link(overlay),
        }

    def edit_overlay(self, request: Request, body: Any) -> Json:
        overlay = self.hub.overlays[request.path_params["id"]]
        overlay.update(body)
        return self.hub.shown(overlay)

    def drop_overlay(self, request: Request, _: Any) -> None:
        self.hub.overlays.pop(request.path_params["id"])

    def rotate(self, request: Request, _: Any) -> Json:
        overlay = self.hub.overlays[request.path_params["id"]]
        return {"id": overlay["id"], "name": overlay["name"], "url": self.link(overlay)}

    # -- polls ----

    def poll(self, request: Request) -> FakePoll:
        poll = self.hub.polls.get(request.path_params["id"])
        if poll is None:
            raise Refusal(404, "There is no such poll.")
        return poll

    def polls(self, request: Request, _: Any) -> Json:
        hub, campaign = self.hub, request.path_params["campaign"]
        mine = [p for p in hub.polls.values() if p.campaign_id == campaign]
        wanted = request.query_params.get("state")
        if wanted == "draft":
            mine = [p for p in mine if p.state == "draft"]
        elif wanted == "done":
            mine = [p for p in mine if p.state in ("closed", "revealed", "cancelled")]
        newest = sorted(mine, key=lambda p: p.id, reverse=True)
        cursor, most = request.query_params.get("cursor"), int(request.query_params.get("limit", "50"))
        asked = [p for p in newest if cursor is None or p.id < cursor]
        items = [p.public() for p in asked[:most]]
        return {"items": items, "next": items[-1]["id"] if len(asked) > most else None}

    def new_poll(self, request: Request, body: Any) -> Json:
        rundown = body.pop("rundown_id", None)
        poll = FakePoll({**DEFAULTS, **body}, request.path_params["campaign"], rundown)
        self.hub.polls[poll.id] = poll
        if rundown:
            self.hub.rundowns[rundown]["order"].append(poll.id)
        return poll.public()

    def one_poll(self, request: Request, _: Any) -> Json:
        return self.poll(request).public()

    def edit_poll(self, request: Request, body: Any) -> Json:
        poll = self.poll(request)
        if "rundown_id" in body:
            poll.rundown_id = body.pop("rundown_id")
            self.hub.rundowns[str(poll.rundown_id)]["order"].append(poll.id)
        poll.body.update(body)
        poll.votes = [0] * len(poll.body["options"])
        return poll.public()

    def drop_poll(self, request: Request, _: Any) -> None:
        self.hub.polls.pop(self.poll(request).id)

    async def act(self, request: Request, body: Any) -> Json:
        poll = self.poll(request)
        verb = request.path_params["verb"]
        if verb == "again":
            copy = FakePoll(dict(poll.body), poll.campaign_id, poll.rundown_id)
            self.hub.polls[copy.id] = copy
            return copy.public()
        if body.get("keep_draft"):
            poll = FakePoll(dict(poll.body), poll.campaign_id, None)
            self.hub.polls[poll.id] = poll
        await self.hub.act(poll, verb, body)
        await self.hub.push()
        return poll.public()

    def templates(self, _: Request, __: Any) -> Json:
        built_in = [{"id": None, "builtin": True, "settings": {}, **item} for item in BUILT_IN]
        return {"items": [*built_in, *self.hub.templates.values()], "next": None}

    def new_template(self, _: Request, body: Any) -> Json:
        template = {"id": new_id(), "builtin": False, **body}
        self.hub.templates[template["id"]] = template
        return template

    def drop_template(self, request: Request, _: Any) -> None:
        self.hub.templates.pop(request.path_params["id"])

    # -- rundowns and the rest ----

    def rundowns(self, request: Request, _: Any) -> Json:
        mine = self.hub.of(self.hub.rundowns, request.path_params["campaign"])
        return {"items": [self.hub.shown_rundown(item) for item in mine], "next": None}

    def new_rundown(self, request: Request, body: Any) -> Json:
        return self.hub.shown_rundown(self.hub.add_rundown(request.path_params["campaign"], body["name"]))

    def edit_rundown(self, request: Request, body: Any) -> Json:
        rundown = self.hub.rundowns[request.path_params["id"]]
        rundown["name"] = body.get("name", rundown["name"])
        rundown["order"] = body.get("poll_ids", rundown["order"])
        return self.hub.shown_rundown(rundown)

    def drop_rundown(self, request: Request, _: Any) -> None:
        self.hub.rundowns.pop(request.path_params["id"])

    def ticket(self, _: Request, body: Any) -> Json:
        return {"ticket": f"tkt_{body['campaign_id']}", "expires_at": wire(now() + timedelta(seconds=30))}

    def status(self, request: Request, _: Any) -> Json:
        return self.hub.status(request.path_params["campaign"])

    def preflight(self, _: Request, __: Any) -> Json:
        fix = "Paste the overlay's link into OBS: Sources, +, Browser."
        checks = [
            {"name": "Database", "status": "pass", "detail": "answers in 1 ms", "fix": ""},
            {"name": "Overlays", "status": "warn", "detail": "no browser source is connected", "fix": fix},
        ]
        return {"healthy": True, "checks": [*checks, *self.hub.checks]}


def api_routes(hubbub: FakeHubbub) -> list[Route]:
    api = Api(hubbub)

    def nothing(_: Request, __: Any) -> Json:
        return {}

    table: list[tuple[str, str, Answer, int]] = [
        ("POST", "/session", api.login, 200),
        ("GET", "/session", api.session, 200),
        ("DELETE", "/session", api.logout, 204),
        ("GET", "/campaigns", api.campaigns, 200),
        ("POST", "/campaigns", api.new_campaign, 201),
        ("GET", "/campaigns/{campaign}/channels", api.channels, 200),
        ("POST", "/campaigns/{campaign}/channels", api.new_channel, 201),
        ("DELETE", "/channels/{id}", api.drop_channel, 204),
        ("GET", "/campaigns/{campaign}/overlays", api.overlays, 200),
        ("POST", "/campaigns/{campaign}/overlays", api.new_overlay, 201),
        ("PATCH", "/overlays/{id}", api.edit_overlay, 200),
        ("DELETE", "/overlays/{id}", api.drop_overlay, 204),
        ("POST", "/overlays/{id}/rotate", api.rotate, 200),
        ("POST", "/overlays/{id}/test", nothing, 202),
        ("GET", "/campaigns/{campaign}/polls", api.polls, 200),
        ("POST", "/campaigns/{campaign}/polls", api.new_poll, 201),
        ("GET", "/campaigns/{campaign}/poll-templates", api.templates, 200),
        ("POST", "/campaigns/{campaign}/poll-templates", api.new_template, 201),
        ("DELETE", "/poll-templates/{id}", api.drop_template, 204),
        ("GET", "/campaigns/{campaign}/rundowns", api.rundowns, 200),
        ("POST", "/campaigns/{campaign}/rundowns", api.new_rundown, 201),
        ("PATCH", "/rundowns/{id}", api.edit_rundown, 200),
        ("DELETE", "/rundowns/{id}", api.drop_rundown, 204),
        ("POST", "/live-tickets", api.ticket, 200),
        ("GET", "/campaigns/{campaign}/status", api.status, 200),
        ("GET", "/campaigns/{campaign}/preflight", api.preflight, 200),
        ("POST", "/campaigns/{campaign}/preflight", api.preflight, 200),
        ("GET", "/invitations", lambda _, __: {"items": [], "next": None}, 200),
        ("GET", "/polls/{id}", api.one_poll, 200),
        ("PATCH", "/polls/{id}", api.edit_poll, 200),
        ("DELETE", "/polls/{id}", api.drop_poll, 204),
        ("POST", "/polls/{id}/{verb}", api.act, 200),
        *table_routes(hubbub),
    ]
    return [
        Route(f"/api/v1{path}", api.wrap(run, status), methods=[method])
        for method, path, run, status in table
    ]


def routes(hubbub: FakeHubbub) -> list[BaseRoute]:
    """Pages, files, the live socket and the API."""

    def desk(_: Request) -> Response:
        return (
            page_response("desk/desk.html") if hubbub.signed_in else page_response("pages/refused.html", 401)
        )

    return [
        Route("/desk", desk),
        Route("/login", lambda _: page_response("pages/login.html")),
        Route("/docs", lambda _: page_response("pages/docs.html")),
        Route("/beyond20", lambda _: page_response("pages/beyond20.html")),
        Route("/nowhere", lambda _: page_response("pages/notfound.html", 404)),
        Mount(f"/static/{BUILD}", FakeStatic(directory=STATIC)),
        WebSocketRoute("/live", hubbub.live),
        *api_routes(hubbub),
    ]
