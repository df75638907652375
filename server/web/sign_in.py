"""Signing in as a browser walks it: away by `/auth/{provider}/start`, back by `/auth/{provider}/callback`.

Whatever goes wrong ends on a page of ours, with a word behind `#` that the page turns into sentences.
Nothing of what a stranger has put into the address is ever shown.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final
from urllib.parse import quote, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.identity import Grant, IdentityAway, IdentityRefused, PlatformAccount, Provider
from server.web import arrivals, limits, persons, ways
from server.web.auth import actor_of_session, session_token
from server.web.logins import begin_session, note_failure
from server.web.origins import is_loopback
from server.web.own_paths import own_path, with_word
from server.web.problems import Problem
from server.web.routes import route
from server.web.services import Services
from sql import oauth_states
from sql.oauth_states import Wants, Way
from sql.pool import UNREACHABLE, UniqueViolation

_log = structlog.get_logger(__name__)

_LONGEST_CODE: Final = 2000
_LOGIN: Final = "/login"
#: The page of people who only vote: it tells its own troubles, and leads to no desk.
_VIEWERS: Final = "/me"


class _Turned(Exception):
    """Somebody is sent back with a word for the page."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def routes(services: Services) -> list[Route]:
    """The two addresses of every provider."""
    walk = SignIn(services)
    return [
        route("/auth/{provider}/start", walk.start),
        route("/auth/{provider}/callback", walk.callback),
    ]


class SignIn:
    """What both addresses do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def start(self, request: Request) -> Response:
        """`?wants=channel|identity&return_to=/…`: away to the provider."""
        provider = self._provider(request)
        return_to = own_path(request.query_params.get("return_to"))
        wants: Wants = "identity" if request.query_params.get("wants") == "identity" else "channel"
        # Another site must not begin what our own page did not: the person did not ask for it (login CSRF).
        if request.headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return _to(with_word(_LOGIN, "begin_here", provider))
        try:
            await limits.count_sign_in(self._services, request)
            url, cookie = await ways.begin(self._services, provider, wants, return_to)
        except Problem:
            return _to(with_word(_LOGIN, "too_many", provider))
        except IdentityAway as error:
            _log.warning("provider_away", provider=provider, reason=str(error))
            return _to(with_word(_LOGIN, "away", provider))
        except UNREACHABLE:
            return _to(with_word(_LOGIN, "database", provider))
        return _to(url, cookie)

    async def callback(self, request: Request) -> Response:
        """Back from the provider, with a code or with an error."""
        provider = self._provider(request)
        origins = self._services.origins
        state = _only(request, "state", ways.LONGEST_STATE)
        if home := self._other_name(request, state):
            return _to(home)
        way: Way | None = None
        try:
            await limits.count_sign_in(self._services, request)
            async with self._services.database.connection() as connection:
                way = await oauth_states.take(connection, state) if state else None
            target, cookie = await self._finish(request, provider, way, state)
        except _Turned as turned:
            target, cookie = await self._turn(provider, way, turned.word), ""
        except Problem:
            target, cookie = with_word(_LOGIN, "too_many", provider), ""
        except UNREACHABLE:
            target, cookie = with_word(_LOGIN, "database", provider), ""
        spent = ways.way_cookie(origins, ways.cookie_name(origins, state), "", 0) if way else ""
        return _to(target, cookie, spent)

    async def _finish(
        self, request: Request, provider: Provider, way: Way | None, state: str
    ) -> tuple[str, str]:
        """Where to go on, and the cookie of the new session (empty: the old one goes on)."""
        word = ways.trouble_with(way, provider, state, request.cookies, self._services.origins)
        if way is None or word:
            raise _Turned(word)
        if error := request.query_params.get("error"):
            raise _Turned("denied" if error == "access_denied" else "refused")
        account, grant = await self._ask(request, provider, way, state)
        if way.purpose == "link":
            await self._link(request, way, account, grant)
            return with_word(way.return_to, "linked", provider), ""
        try:
            return way.return_to, await self._sign_in(request, way, account, grant)
        except UniqueViolation:  # two tabs at once: the other one has made the account
            return way.return_to, await self._sign_in(request, way, account, grant)

    async def _ask(
        self, request: Request, provider: Provider, way: Way, state: str
    ) -> tuple[PlatformAccount, Grant]:
        """Who it is, of whom the provider says so."""
        code = _only(request, "code", _LONGEST_CODE)
        verifier = ways.verifier_of(self._services.vault, way, state)
        if not code or verifier is None:
            raise _Turned("refused")
        identity = self._services.accounts.by_code[provider]
        uri = ways.redirect_uri(self._services.origins, provider)
        try:
            grant = await identity.exchange(code=code, verifier=verifier, redirect_uri=uri)
            return await identity.account(grant), grant
        except IdentityRefused as refused:
            _log.warning("sign_in_refused", provider=provider, reason=refused.reason)
            raise _Turned("misconfigured" if refused.reason == "invalid_client" else "refused") from None
        except IdentityAway as away:
            _log.warning("provider_away", provider=provider, reason=str(away))
            raise _Turned("away") from None

    async def _sign_in(self, request: Request, way: Way, account: PlatformAccount, grant: Grant) -> str:
        services = self._services
        async with services.database.transaction() as connection:
            user_id = await arrivals.sign_in(connection, services.accounts, account, grant, way.wants)
            begun = await begin_session(connection, request, services.origins, user_id, account.provider)
        return begun.cookie

    async def _link(self, request: Request, way: Way, account: PlatformAccount, grant: Grant) -> None:
        """Only in the session that has asked for it, and that is still alive."""
        try:
            async with self._services.database.transaction() as connection:
                token = session_token(request, self._services.origins)
                actor = await actor_of_session(connection, token)
                if actor is None or actor.credential != way.session_id:
                    raise _Turned("signed_out")
                link = persons.link if way.wants == "person" else arrivals.link
                await link(
                    connection, self._services.accounts, account, grant, way.wants, user_id=actor.user_id
                )
        except arrivals.CannotLink as error:
            raise _Turned(error.reason) from None
        except UniqueViolation:
            raise _Turned("taken") from None
        if way.wants == "person":
            await persons.recount_votes(self._services, [(account.provider, account.id)])

    async def _turn(self, provider: Provider, way: Way | None, word: str) -> str:
        """Note that it went wrong, and answer which page tells of it."""
        if way is not None:
            with suppress(*UNREACHABLE):
                async with self._services.database.connection() as connection:
                    await note_failure(connection, provider, word)
        is_link = way is not None and way.purpose == "link" and word != "signed_out"
        is_viewer = way is not None and way.return_to == _VIEWERS
        return with_word(way.return_to if way and (is_link or is_viewer) else _LOGIN, word, provider)

    def _provider(self, request: Request) -> Provider:
        """The provider of the path. Raises Problem 404 for one that is not set up."""
        name = request.path_params["provider"]
        for provider in self._services.accounts.by_code:
            if provider == name:
                return provider
        raise Problem(404, "not_found", "Nobody signs in by that here; the page /login says what there is.")

    def _other_name(self, request: Request, state: str) -> str:
        """On one computer: the same address under the name by which the person began; empty to stay.

        Providers know us as `localhost`, and a cookie of 127.0.0.1 does not come along there.
        """
        origins = self._services.origins
        home = urlsplit(origins.public_url).hostname or ""
        here = request.url
        is_here = here.hostname == home or ways.cookie_name(origins, state) in request.cookies
        if is_here or origins.is_https or not is_loopback(home) or not is_loopback(here.hostname or ""):
            return ""
        return f"{origins.public_url}{here.path}?{here.query}"


def _only(request: Request, name: str, longest: int) -> str:
    """The value of a parameter that stands once; empty otherwise."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 and len(values[0]) <= longest else ""


def _to(target: str, *cookies: str) -> Response:
    location = quote(target, safe=":/%#?=@[]!$&'()*+,;")
    response = Response(status_code=303, headers={"location": location, "cache-control": "no-store"})
    for cookie in filter(None, cookies):
        response.headers.append("set-cookie", cookie)
    return response
