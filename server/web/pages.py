"""Pages and files for browsers. HTML is never made here: the only thing replaced in it is `{{build}}`."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from server.web.auth import actor_of_session, session_token
from server.web.headers import PageKind
from server.web.problems import Problem, database_away
from server.web.routes import Handler, route
from server.web.services import Services
from sql.pool import UNREACHABLE

_FOREVER = "public, max-age=31536000, immutable"
#: Pages by what they are; `Assets` must have them all.
OVERLAY, DESK = "overlay.html", "desk/desk.html"
LOGIN, ME, REFUSED, DOCS, NOT_FOUND, BEYOND20 = (
    "pages/login.html",
    "pages/me.html",
    "pages/refused.html",
    "pages/docs.html",
    "pages/notfound.html",
    "pages/beyond20.html",
)
SERVICE_WORKER = "overlay/sw.js"
REQUIRED = (OVERLAY, DESK, LOGIN, ME, REFUSED, DOCS, NOT_FOUND, BEYOND20, SERVICE_WORKER)


class MissingPage(Exception):
    """A page that the program needs is not below overlay/static; the message names it."""


class Pages:
    """The routes of everything that is not the API."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._assets = services.assets
        for name in REQUIRED:
            if name not in self._assets.files:
                raise MissingPage(f"overlay/static/{name} is missing: reinstall Hubbub, or restore the file")

    def routes(self) -> list[Route]:
        return [
            route("/", self._home),
            route("/desk", self._desk),
            route("/login", self._fixed(LOGIN, PageKind.DESK)),
            # For viewers: which accounts are one person.
            route("/me", self._fixed(ME, PageKind.DESK)),
            # For players: the extension hands rolls to this page, which sends them to a table's webhook.
            route("/beyond20", self._fixed(BEYOND20, PageKind.DESK)),
            route("/favicon.ico", self._no_icon),
            route("/docs", self._fixed(DOCS, PageKind.DESK)),
            route("/o/sw.js", self._fixed(SERVICE_WORKER, PageKind.OVERLAY)),
            route("/o/{overlay_id}", self._overlay),
            route("/static/{build}/{path:path}", self._static),
        ]

    def _page(self, request: Request, name: str, kind: PageKind, status: int = 200) -> Response:
        """A page that the browser asks for anew each time, and gets only when it changed."""
        request.state.page_kind = kind
        tag = f'"{self._assets.build}"'
        headers = {"cache-control": "no-cache"}
        if status == 200:
            headers["etag"] = tag
            if tag in (part.strip() for part in request.headers.get("if-none-match", "").split(",")):
                return Response(status_code=304, headers=headers)
        page = self._assets.page(name)
        return Response(page.body, status, headers, page.media_type)

    def _fixed(self, name: str, kind: PageKind) -> Handler:
        async def page(request: Request) -> Response:
            return self._page(request, name, kind)

        return page

    async def _no_icon(self, request: Request) -> Response:
        """Browsers ask for it on every page; an overlay has none, and a 404 would stand in its console."""
        return Response(status_code=204, headers={"cache-control": "public, max-age=86400"})

    async def _home(self, request: Request) -> Response:
        return RedirectResponse("/desk", 307, {"cache-control": "no-cache"})

    async def _desk(self, request: Request) -> Response:
        """The desk, for who is logged in; for others a page that says how to get in."""
        try:
            async with self._services.database.connection() as connection:
                token = session_token(request, self._services.origins)
                actor = await actor_of_session(connection, token)
        except UNREACHABLE as error:
            raise database_away() from error
        if actor is None:
            can_sign_in = self._services.accounts.has_sign_in
            return self._page(request, LOGIN if can_sign_in else REFUSED, PageKind.DESK, 401)
        return self._page(request, DESK, PageKind.DESK)

    async def _overlay(self, request: Request) -> Response:
        """The same page for every id, so that nobody learns which ids there are."""
        try:
            UUID(request.path_params["overlay_id"])
        except ValueError:
            return self.not_found(request)
        return self._page(request, OVERLAY, PageKind.OVERLAY)

    async def _static(self, request: Request) -> Response:
        """A file of this build. Another build's files are gone: its page must be loaded anew."""
        file = self._assets.files.get(request.path_params["path"])
        if file is None or request.path_params["build"] != self._assets.build:
            raise Problem(404, "not_found", "There is no such file in this build; reload the page.")
        if file.media_type.startswith("text/html"):
            raise Problem(404, "not_found", "Pages are served at their own addresses.")
        return Response(file.body, 200, {"cache-control": _FOREVER}, file.media_type)

    def not_found(self, request: Request) -> Response:
        """What a person sees who has followed a wrong link."""
        return self._page(request, NOT_FOUND, PageKind.DESK, 404)
