"""A stand-in for the identity servers of Twitch (platforms/twitch.md §5.1), Kick (kick.md §2) and Google.

A real HTTP server on loopback. A person decides on a page with two buttons, or `decide` does at once. What
a client does that the real ones would not take, or that a secret must not do, stands in `complaints`.
Faults are given by endpoint: `server.faults["twitch token"] = Fault(status=500)`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal
from urllib.parse import urlencode

from aiohttp import web

Provider = Literal["twitch", "kick", "google"]
PROVIDERS: tuple[Provider, ...] = ("twitch", "kick", "google")
CLIENT_ID, CLIENT_SECRET = "hbclient0000000000000000000000", "hb-client-secret-d41d8cd98f00b204"
#: Parameters that must never stand in a URL; of Kick's revocation `token` has to.
_SECRET_PARAMETERS = {
    "client_secret",
    "code_verifier",
    "refresh_token",
    "access_token",
    "device_code",
    "token",
}
_CODE_LIFE_S, _DEVICE_LIFE_S = 600, 1800
_LIFE_S = {"twitch": 14124, "kick": 7200, "google": 3599}


@dataclass(slots=True)
class FakeAccount:
    """Somebody with an account there."""

    id: str
    login: str
    name: str
    email: str = ""
    email_verified: bool = False


@dataclass(slots=True)
class Fault:
    """What an endpoint does instead of its work, `times` often (0: for ever)."""

    status: int = 500
    body: Any = None
    delay_s: float = 0.0
    times: int = 1
    #: The work is done and its answer lost: what a time-out looks like from outside.
    after_work: bool = False


@dataclass(slots=True)
class Issued:
    """A token that was given out, and what goes with it."""

    provider: Provider
    account: FakeAccount
    scopes: tuple[str, ...]
    access: str
    refresh: str
    ends: float
    is_dead: bool = False


@dataclass(slots=True)
class _Code:
    provider: Provider
    account: FakeAccount
    redirect_uri: str
    challenge: str
    scopes: tuple[str, ...]
    ends: float


@dataclass(slots=True)
class _Device:
    code: str
    user_code: str
    scopes: tuple[str, ...]
    ends: float
    account: FakeAccount | None = None
    is_denied: bool = False


def accounts() -> dict[Provider, FakeAccount]:
    return {
        "twitch": FakeAccount("700100200", "mossy_tavern", "Mossy_Tavern", "mossy@example.org"),
        "kick": FakeAccount("4242", "mossytavern", "MossyTavern", "mossy@example.org"),
        "google": FakeAccount("110169484474386276334", "", "Mossy Tavern", "mossy@example.org", True),
    }


@dataclass
class IdentityServer:
    """The fake. Change its fields at any time."""

    url: str = ""
    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    #: Registered redirect URIs; empty: any is taken.
    redirect_uris: set[str] = field(default_factory=set)
    #: Who is signed in there.
    people: dict[Provider, FakeAccount] = field(default_factory=accounts)
    #: None: a person decides on the page.
    decide: Literal["allow", "deny"] | None = None
    #: A callback that changes the parameters of the way back: another state, another code.
    on_return: Callable[[Provider, dict[str, str]], dict[str, str]] | None = None
    faults: dict[str, Fault] = field(default_factory=dict)
    #: Whether Twitch changes refresh tokens (public clients: always); Kick always does.
    twitch_rotates: bool = True
    issued: list[Issued] = field(default_factory=list)
    #: Told of every token of an account, and of every one of an application.
    on_issue: Callable[[Issued], None] | None = None
    on_app_token: Callable[[Provider, str], None] | None = None
    revoked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    #: Endpoint names in the order in which they were asked.
    calls: list[str] = field(default_factory=list)
    #: How many seconds the clock of the provider is ahead.
    ahead_s: float = 0.0
    _codes: dict[str, _Code] = field(default_factory=dict)
    _devices: dict[str, _Device] = field(default_factory=dict)

    # --- where everything is --------------------------------------------------------------------------

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a program that is to use it."""
        found: dict[str, str] = {}
        for name in ("TWITCH", "KICK", "GOOGLE"):
            found |= {f"{name}_CLIENT_ID": self.client_id, f"{name}_CLIENT_SECRET": self.client_secret}
        return found | {
            "TWITCH_ID_URL": f"{self.url}/twitch/oauth2",
            "TWITCH_API_URL": f"{self.url}/twitch/helix",
            "KICK_ID_URL": f"{self.url}/kick",
            "KICK_API_URL": f"{self.url}/kick-api",
            "GOOGLE_ISSUER_URL": f"{self.url}/google",
        }

    def _app(self) -> web.Application:
        app = web.Application()
        for provider, authorize, token, revoke in (
            ("twitch", "/twitch/oauth2/authorize", "/twitch/oauth2/token", "/twitch/oauth2/revoke"),
            ("kick", "/kick/oauth/authorize", "/kick/oauth/token", "/kick/oauth/revoke"),
            ("google", "/google/authorize", "/google/token", "/google/revoke"),
        ):
            app.router.add_get(authorize, self._named(f"{provider} authorize", self._authorize))
            app.router.add_get(f"{authorize}/decision", self._named(f"{provider} decision", self._decision))
            app.router.add_post(token, self._named(f"{provider} token", self._token))
            app.router.add_post(revoke, self._named(f"{provider} revoke", self._revoke))
        for name, method, path, handler in (
            ("twitch validate", "GET", "/twitch/oauth2/validate", self._validate),
            ("twitch device", "POST", "/twitch/oauth2/device", self._device),
            ("twitch users", "GET", "/twitch/helix/users", self._twitch_users),
            ("kick users", "GET", "/kick-api/public/v1/users", self._kick_users),
            ("google configuration", "GET", "/google/.well-known/openid-configuration", self._discovery),
            ("google userinfo", "GET", "/google/userinfo", self._userinfo),
        ):
            app.router.add_route(method, path, self._named(name, handler))
        return app

    def _named(
        self, name: str, handler: Callable[[web.Request, Provider], Any]
    ) -> Callable[[web.Request], Any]:
        provider: Provider = next(p for p in PROVIDERS if name.startswith(p))

        async def answer(request: web.Request) -> web.StreamResponse:
            self.calls.append(name)
            allowed = {"token"} if name == "kick revoke" else set()
            for parameter in _SECRET_PARAMETERS & set(request.query) - allowed:
                self.complaints.append(f"{name}: {parameter} in the URL")
            fault = self.faults.get(name)
            if fault is None:
                found: web.StreamResponse = await handler(request, provider)
                return found
            if fault.times == 1:
                del self.faults[name]
            fault.times -= fault.times > 1
            if fault.after_work:
                await handler(request, provider)
            await asyncio.sleep(fault.delay_s)
            if isinstance(fault.body, bytes):
                return web.Response(status=fault.status, body=fault.body)
            return web.json_response(fault.body or {}, status=fault.status)

        return answer

    @property
    def _now(self) -> float:
        return time.time() + self.ahead_s

    # --- the person's part ----------------------------------------------------------------------------

    async def _authorize(self, request: web.Request, provider: Provider) -> web.Response:
        query = request.query
        needed = {"client_id", "redirect_uri", "response_type", "scope", "state",
                  "code_challenge", "code_challenge_method"}  # fmt: skip
        if missing := needed - set(query):
            self.complaints.append(f"{provider} authorize: no {', '.join(sorted(missing))}")
        if len(query.getall("state", [])) != 1 or len(query.get("state", "")) < 32:
            self.complaints.append(f"{provider} authorize: a weak state")
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            self.complaints.append(f"{provider} authorize: no S256 challenge")
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            return web.json_response({"status": 400, "message": "invalid client"}, status=400)
        redirect_uri = query.get("redirect_uri", "")
        if provider == "kick" and "//127.0.0.1" in redirect_uri:  # rewritten, and then it does not match
            redirect_uri = redirect_uri.replace("//127.0.0.1", "//localhost", 1)
        if self.redirect_uris and redirect_uri not in self.redirect_uris:
            said = "Parameter redirect_uri does not match registered URI"
            return web.json_response({"status": 400, "message": said}, status=400)
        if self.decide is not None:
            raise web.HTTPFound(self._return(provider, dict(query), allow=self.decide == "allow"))
        # `escape` and not an own page: what is shown here came in from outside.
        fields = "".join(
            f'<input type=hidden name="{escape(k)}" value="{escape(v)}">' for k, v in query.items()
        )
        scopes = "".join(f"<li>{escape(scope)}" for scope in query.get("scope", "").split())
        return web.Response(
            content_type="text/html",
            text=f"<!doctype html><title>Authorize {provider}</title><h1>Authorize for "
            f"{escape(self.people[provider].name)}?</h1><ul>{scopes}</ul>"
            f"<form action='{escape(request.path)}/decision'>{fields}"
            "<button name=answer value=allow>Authorize</button>"
            "<button name=answer value=deny>Cancel</button></form>",
        )

    async def _decision(self, request: web.Request, provider: Provider) -> web.Response:
        query = dict(request.query)
        raise web.HTTPFound(self._return(provider, query, allow=query.pop("answer") == "allow"))

    def _return(self, provider: Provider, query: dict[str, str], *, allow: bool) -> str:
        redirect_uri = query["redirect_uri"]
        back = {"state": query.get("state", "")}
        if allow:
            code = secrets.token_urlsafe(24)
            self._codes[code] = _Code(
                provider,
                self.people[provider],
                redirect_uri,
                query.get("code_challenge", ""),
                tuple(query.get("scope", "").split()),
                self._now + _CODE_LIFE_S,
            )
            back = {"code": code, "scope": query.get("scope", ""), **back}
        else:
            back = {"error": "access_denied", "error_description": "The user denied you access", **back}
        if self.on_return is not None:
            back = self.on_return(provider, back)
        return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(back)}"

    def code(self, provider: Provider, *, redirect_uri: str, challenge: str, scopes: str = "") -> str:
        """A code as a browser would have brought it."""
        query = {"redirect_uri": redirect_uri, "code_challenge": challenge, "scope": scopes, "state": "x"}
        self._return(provider, query, allow=True)
        return next(reversed(self._codes))

    def confirm_device(self, user_code: str, *, allow: bool = True) -> None:
        """Somebody types the code on the provider's site."""
        device = next(d for d in self._devices.values() if d.user_code == user_code)
        device.account, device.is_denied = (self.people["twitch"] if allow else None), not allow

    def expire_everything(self) -> None:
        """Codes, device codes and access tokens are over; refresh tokens are not."""
        for code in self._codes.values():
            code.ends = 0
        for device in self._devices.values():
            device.ends = 0
        for issued in self.issued:
            issued.ends = 0

    # --- the program's part ---------------------------------------------------------------------------

    async def _token(self, request: web.Request, provider: Provider) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        if request.content_type != "application/x-www-form-urlencoded":
            self.complaints.append(f"{provider} token: {request.content_type}")
        grant_type = form.get("grant_type", "")
        is_device = grant_type.endswith(":device_code")
        if form.get("client_id") != self.client_id:
            return _refused(provider, 400, "invalid client")
        if not is_device and form.get("client_secret", "") != self.client_secret:
            return _refused(provider, 403 if provider == "twitch" else 401, "invalid client secret")
        match grant_type:
            case "authorization_code":
                return self._of_code(provider, form)
            case "refresh_token":
                return self._of_refresh(provider, form)
            case "client_credentials":
                token = f"hb-app-{secrets.token_urlsafe(16)}"
                if self.on_app_token is not None:
                    self.on_app_token(provider, token)
                kind = "Bearer" if provider == "kick" else "bearer"
                return web.json_response({"access_token": token, "token_type": kind, "expires_in": 5184000})
            case _ if is_device and provider == "twitch":
                return self._of_device(form)
        return _refused(provider, 400, "unsupported grant type")

    def _of_code(self, provider: Provider, form: dict[str, str]) -> web.Response:
        # Used up by the first who shows it, also when it is not accepted then.
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.provider != provider or code.ends < self._now:
            return _refused(provider, 400, "Invalid authorization code")
        if code.redirect_uri != form.get("redirect_uri"):
            return _refused(provider, 400, "Parameter redirect_uri does not match registered URI")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != code.challenge:
            return _refused(provider, 400, "Invalid code verifier")
        return self._issue(provider, code.account, code.scopes)

    def _of_refresh(self, provider: Provider, form: dict[str, str]) -> web.Response:
        old = next((t for t in self.issued if t.refresh == form.get("refresh_token") and not t.is_dead), None)
        if old is None or old.provider != provider:
            return _refused(provider, 400 if provider == "twitch" else 401, "Invalid refresh token")
        rotates = provider == "kick" or (provider == "twitch" and self.twitch_rotates)
        if rotates:
            old.is_dead = True
        return self._issue(provider, old.account, old.scopes, None if rotates else old.refresh)

    def _of_device(self, form: dict[str, str]) -> web.Response:
        device = self._devices.get(form.get("device_code", ""))
        if device is None or device.ends < self._now:
            return _refused("twitch", 400, "invalid device code")
        if " ".join(device.scopes) != form.get("scopes"):
            self.complaints.append("twitch token: other scopes than the device code's")
        if device.is_denied:
            return _refused("twitch", 400, "access_denied")
        if device.account is None:
            return _refused("twitch", 400, "authorization_pending")
        del self._devices[device.code]
        return self._issue("twitch", device.account, device.scopes)

    def _issue(
        self, provider: Provider, account: FakeAccount, scopes: tuple[str, ...], refresh: str | None = None
    ) -> web.Response:
        issued = self.issue(provider, account, scopes, refresh)
        answer: dict[str, Any] = {"access_token": issued.access, "expires_in": _LIFE_S[provider]}
        match provider:
            case "twitch":
                answer |= {"refresh_token": issued.refresh, "scope": list(scopes), "token_type": "bearer"}
            case "kick":
                answer |= {"refresh_token": issued.refresh, "scope": " ".join(scopes), "token_type": "Bearer"}
                answer["expires_in"] = str(answer["expires_in"])  # may come as a string
            case "google":
                answer |= {"scope": " ".join(scopes), "token_type": "Bearer", "id_token": "not.looked.at"}
        return web.json_response(answer)

    def issue(
        self, provider: Provider, account: FakeAccount, scopes: tuple[str, ...], refresh: str | None = None
    ) -> Issued:
        """A token without a login."""
        issued = Issued(
            provider,
            account,
            scopes,
            f"hb-{provider}-at-{secrets.token_urlsafe(16)}",
            refresh or f"hb-{provider}-rt-{secrets.token_urlsafe(16)}",
            self._now + _LIFE_S[provider],
        )
        self.issued.append(issued)
        if self.on_issue is not None:
            self.on_issue(issued)
        return issued

    def is_alive(self, issued: Issued) -> bool:
        return not issued.is_dead and issued.ends >= self._now

    def _bearer(self, request: web.Request, provider: Provider, scheme: str = "Bearer") -> Issued | None:
        said, _, token = request.headers.get("Authorization", "").partition(" ")
        found = next((t for t in self.issued if t.access == token and t.provider == provider), None)
        if said != scheme or found is None or found.is_dead or found.ends < self._now:
            return None
        return found

    async def _validate(self, request: web.Request, provider: Provider) -> web.Response:
        token = self._bearer(request, provider, "OAuth")
        if token is None:
            return _refused("twitch", 401, "invalid access token")
        return web.json_response(
            {
                "client_id": self.client_id,
                "login": token.account.login,
                "scopes": list(token.scopes),
                "user_id": token.account.id,
                "expires_in": int(token.ends - self._now),
            }
        )

    async def _device(self, request: web.Request, provider: Provider) -> web.Response:
        form = await request.post()
        if form.get("client_id") != self.client_id:
            return _refused("twitch", 400, "invalid client")
        code = secrets.token_urlsafe(24)
        user_code = f"HB{secrets.token_hex(1).upper()}-{secrets.token_hex(2).upper()}"
        scopes = tuple(str(form.get("scopes", "")).split())
        self._devices[code] = _Device(code, user_code, scopes, self._now + _DEVICE_LIFE_S)
        uri = f"https://www.twitch.tv/activate?public=true&device-code={user_code.replace('-', '')}"
        return web.json_response(
            {
                "device_code": code,
                "user_code": user_code,
                "verification_uri": uri,
                "expires_in": _DEVICE_LIFE_S,
                "interval": 5,
            }
        )

    async def _revoke(self, request: web.Request, provider: Provider) -> web.Response:
        form = await request.post()
        token = str((request.query if provider == "kick" else form).get("token", ""))
        self.revoked.append(token)
        for issued in self.issued:
            if token in (issued.access, issued.refresh):
                issued.is_dead = True
        return web.Response(status=200)

    async def _twitch_users(self, request: web.Request, provider: Provider) -> web.Response:
        token = self._bearer(request, provider)
        if token is None or request.headers.get("Client-Id") != self.client_id:
            return web.json_response(
                {"error": "Unauthorized", "status": 401, "message": "Invalid OAuth token"}, status=401
            )
        account = token.account
        user: dict[str, Any] = {
            "id": account.id,
            "login": account.login,
            "display_name": account.name,
            "type": "",
            "broadcaster_type": "affiliate",
            "description": "",
            "profile_image_url": "https://static-cdn.jtvnw.net/jtv_user_pictures/hb.png",
            "offline_image_url": "",
            "view_count": 0,
            "created_at": "2016-12-14T20:32:28Z",
        }
        if "user:read:email" in token.scopes:
            user["email"] = account.email
        return web.json_response({"data": [user]})

    async def _kick_users(self, request: web.Request, provider: Provider) -> web.Response:
        token = self._bearer(request, provider)
        if token is None:
            return web.json_response({"message": "Unauthorized", "data": {}}, status=401)
        account = token.account
        user = {
            "user_id": int(account.id),
            "name": account.name,
            "email": account.email,
            "profile_picture": "https://files.kick.com/images/hb.webp",
        }
        return web.json_response({"data": [user], "message": "OK"})

    async def _discovery(self, request: web.Request, provider: Provider) -> web.Response:
        issuer = f"{self.url}/google"
        return web.json_response(
            {
                "issuer": issuer,
                **{f"{name}_endpoint": f"{issuer}/{path}" for name, path in (
                    ("authorization", "authorize"), ("token", "token"),
                    ("userinfo", "userinfo"), ("revocation", "revoke"),
                )},
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["plain", "S256"],
            }
        )  # fmt: skip

    async def _userinfo(self, request: web.Request, provider: Provider) -> web.Response:
        token = self._bearer(request, provider)
        if token is None:
            said = {"error": "invalid_request", "error_description": "Invalid Credentials"}
            return web.json_response(said, status=401)
        account = token.account
        return web.json_response(
            {
                "sub": account.id,
                "name": account.name,
                "email": account.email,
                "email_verified": account.email_verified,
            }
        )


def _refused(provider: Provider, status: int, message: str) -> web.Response:
    match provider:
        case "twitch":
            return web.json_response({"status": status, "message": message}, status=status)
        case "kick":
            # Kick's only documented error; what is about the application says so as RFC 6749 does.
            error = "invalid_client" if "client" in message else "Invalid request"
            return web.json_response({"error": error}, status=status)
    error = "invalid_client" if "client" in message else "invalid_grant"
    return web.json_response({"error": error, "error_description": message}, status=status)


@asynccontextmanager
async def identity_server() -> AsyncIterator[IdentityServer]:
    """The fake, listening on a free port of loopback."""
    server = IdentityServer()
    # Who hangs up in the middle of a delayed answer waits for nobody at the end.
    runner = web.AppRunner(server._app(), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        server.url = f"http://{host}:{port}"
        yield server
    finally:
        await runner.cleanup()
