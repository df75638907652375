"""A session begins: always with an id of its own, and with the end of the one the browser had (T43)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from starlette.requests import HTTPConnection

from server.web.auth import Actor, new_secret, session_cookie, session_token
from server.web.origins import Origins
from server.web.problems import Problem, conflict
from sql import admin_log, sessions
from sql.pool import Connection
from sql.sessions import Method

#: What cannot be undone asks for a login that is no older.
RECENT: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Begun:
    """A new session: its Set-Cookie header, and the token for writes."""

    id: UUID
    cookie: str
    csrf: str


async def begin_session(
    connection: Connection, request: HTTPConnection, origins: Origins, user_id: UUID, method: Method
) -> Begun:
    """Log this browser in. Call inside a transaction."""
    # A login never goes on with the id of a session that somebody may have planted.
    if old := session_token(request, origins):
        await sessions.end_by_token(connection, old)
    token, csrf = new_secret(), new_secret()
    session_id = await sessions.begin(
        connection,
        user_id,
        token=token,
        csrf_token=csrf,
        user_agent=request.headers.get("user-agent", ""),
        method=method,
    )
    await admin_log.note(
        connection,
        actor=f"user:{user_id}",
        action="login.success",
        subject=session_id,
        detail={"method": method},
    )
    return Begun(session_id, session_cookie(origins, token), csrf)


async def note_failure(
    connection: Connection,
    method: str,
    reason: str,
    *,
    user_id: UUID | None = None,
    wait: timedelta | None = None,
) -> None:
    """Somebody did not get in. Neither address nor e-mail is noted, but the person, if we know whom."""
    await admin_log.note(
        connection,
        actor="nobody",
        action="login.locked" if wait else "login.failed",
        subject=user_id or "",
        detail={
            "method": method,
            "reason": reason,
            **({"wait_s": round(wait.total_seconds())} if wait else {}),
        },
    )


def need_session(actor: Actor) -> None:
    """Refuse a key: it is for a program, and this for the person. Raises Problem 409."""
    if actor.kind != "session":
        raise conflict("no_session", "A key cannot do this: sign in with a browser.")


async def need_recent_login(connection: Connection, actor: Actor) -> None:
    """Refuse an old login, which a thief may have found open. Raises Problem 403 or 409."""
    need_session(actor)
    if not await sessions.is_recent(connection, actor.credential, RECENT):
        raise Problem(
            403,
            "sign_in_again",
            "You signed in a while ago. Sign in again, then do this within half an hour.",
        )
