"""Who is asking: a session cookie with a CSRF token, or a bearer key (contract §4, T3–T5, T43)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from starlette.requests import HTTPConnection, Request

from server.web.origins import Origins
from server.web.problems import Problem
from server.web.services import Owner, Services
from sql import api_keys, sessions
from sql.pool import Connection

COOKIE = "hubbub_session"
#: With https: the browser takes it from this host only, never from a neighbour of the same domain.
SECURE_COOKIE = "__Host-hubbub_session"
CSRF_HEADER = "x-csrf-token"
#: Longest credential that is looked at; ours have 46 characters, HUBBUB_API_KEY may have more.
_LONGEST = 512

ActorKind = Literal["session", "key", "root", "nobody"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking, proven. `credential` is the id of the session or key, the owner's id for `root`."""

    kind: ActorKind
    user_id: UUID
    credential: UUID
    csrf_token: str = ""

    @property
    def label(self) -> str:
        """How logs and stored answers name the actor: two logins of a person are one actor."""
        match self.kind:
            case "session":
                return f"user:{self.user_id}"
            case "key":
                return f"key:{self.credential}"
            case _:
                return self.kind


_NO_ID = UUID(int=0)
NOBODY = Actor("nobody", _NO_ID, _NO_ID)


def cookie_name(origins: Origins) -> str:
    return SECURE_COOKIE if origins.is_https else COOKIE


def session_cookie(origins: Origins, token: str) -> str:
    """The Set-Cookie header of a login; an empty token takes the cookie away."""
    age = int(sessions.LIFE.total_seconds()) if token else 0
    secure = "; Secure" if origins.is_https else ""
    return f"{cookie_name(origins)}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


def session_token(request: HTTPConnection, origins: Origins) -> str:
    """The value of the session cookie, or an empty text."""
    token = request.cookies.get(cookie_name(origins), "")
    return token if len(token) <= _LONGEST else ""


def new_secret() -> str:
    """256 random bits for a cookie, a CSRF token or a login code."""
    return secrets.token_urlsafe(32)


def owner_with_key(user_id: UUID, key: str | None) -> Owner:
    """The owner of the installation, with HUBBUB_API_KEY when it is set."""
    return Owner(user_id, None if key is None else hashlib.sha256(key.encode()).digest())


def is_root_key(owner: Owner, key: str) -> bool:
    """Whether it is HUBBUB_API_KEY; hashes are compared, so time tells neither length nor prefix."""
    known = owner.key_hash
    return known is not None and hmac.compare_digest(hashlib.sha256(key.encode()).digest(), known)


async def actor_of_key(owner: Owner, connection: Connection, key: str) -> Actor | None:
    """The actor of a bearer key `hb_…`; None when it is unknown or revoked."""
    if not key.startswith(api_keys.PREFIX) or len(key) > _LONGEST:
        return None
    if is_root_key(owner, key):
        return Actor("root", owner.id, owner.id)
    holder = await api_keys.find(connection, key)
    if holder is None:
        return None
    if holder.is_stale:
        await api_keys.touch(connection, holder.key_id)
    return Actor("key", holder.user_id, holder.key_id)


async def actor_of_session(connection: Connection, token: str) -> Actor | None:
    """The actor of a session cookie; None when the session has ended."""
    if not token:
        return None
    session = await sessions.find(connection, token)
    if session is None:
        return None
    if session.is_stale:
        await sessions.touch(connection, session.id)
    return Actor("session", session.user_id, session.id, session.csrf_token)


async def authenticate(services: Services, connection: Connection, request: Request) -> Actor:
    """The actor of a request. Raises Problem 401; a bearer key that is wrong is not saved by a cookie."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        actor = None
        if scheme.lower() == "bearer":
            actor = await actor_of_key(services.owner, connection, key.strip())
        if actor is None:
            raise _unauthorized(
                "The key is not accepted: it may have been revoked or cut. Make a new one with "
                "`hubbub key create`."
            )
        return actor
    actor = await actor_of_session(connection, session_token(request, services.origins))
    if actor is None:
        raise _unauthorized(
            "You are not logged in. Open the link that the terminal printed, or run `hubbub link` for a "
            "new one; scripts send `Authorization: Bearer hb_…`."
        )
    return actor


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"www-authenticate": 'Bearer realm="hubbub"'})


def refuse_foreign_origin(request: Request, origins: Origins) -> None:
    """Refuse a write that another site made the browser send (T5). Raises Problem 403."""
    origin = request.headers.get("origin")
    if origin is not None and origin not in origins.allowed:
        raise Problem(
            403,
            "foreign_origin",
            f"Writes are taken from {origins.public_url} only; set HUBBUB_PUBLIC_URL to the address you use.",
        )
    site = request.headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        raise Problem(403, "foreign_origin", "Writes are taken from our own pages only.")


def refuse_forgery(request: Request, actor: Actor, origins: Origins) -> None:
    """Refuse a write with a session cookie that does not come from our own page. Raises Problem 403."""
    if actor.kind != "session":
        return
    refuse_foreign_origin(request, origins)
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), actor.csrf_token.encode()):
        raise Problem(
            403,
            "csrf",
            "The X-CSRF-Token header is missing or old: reload the page, or read GET /api/v1/session.",
        )
