"""Logging in with the link from the terminal, and out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.web.auth import session_cookie
from server.web.endpoint import Call, endpoint
from server.web.limits import count_login_failure
from server.web.logins import Begun, begin_session, need_session
from server.web.models import Model, Moment, Page, PageQuery, part
from server.web.problems import Problem, conflict, not_found
from sql import admin_log, sessions, users, verifications
from sql.pool import Connection


class LoginCode(Model):
    code: Annotated[str, Field(min_length=1, max_length=200, description="What stands behind `#code=`")]


class PersonOut(Model):
    id: UUID
    name: str


class LoginOut(Model):
    user: PersonOut
    csrf: str = Field(description="Send it as X-CSRF-Token with every write")


class SessionOut(Model):
    user: PersonOut
    csrf: str | None = Field(description="null with a bearer key, which needs none")
    build: str = Field(description="Changes when the pages change: reload then")
    version: str
    demo: bool = Field(description="Whether this server was started with the demo campaign")


class LoginPlaceOut(Model):
    """Where a person is logged in."""

    id: UUID
    current: bool
    method: sessions.Method = Field(description="How the person came in; `link` is the terminal's")
    user_agent: str
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment


async def _person(connection: Connection, user_id: UUID) -> PersonOut:
    person = await users.get(connection, user_id)
    if person is None:
        raise not_found("user")
    return PersonOut(id=person.id, name=person.name)


async def logged_in(call: Call, connection: Connection, user_id: UUID, begun: Begun) -> LoginOut:
    """The answer that comes with a new session."""
    call.cookies.append(begun.cookie)
    return LoginOut(user=await _person(connection, user_id), csrf=begun.csrf)


@endpoint(
    "POST",
    "/session",
    "Log in with a one-time code",
    body=LoginCode,
    answer=LoginOut,
    limit="logins",
    problems=(401, 429),
    needs="nothing",
)
async def log_in(call: Call, body: LoginCode) -> LoginOut:
    """Sets the session cookie. The code works once, for 24 hours; `hubbub link` prints a new one."""
    user_id = await verifications.use_login(call.connection, body.code)
    if user_id is None:
        await count_login_failure(call.services, call.request)
        raise Problem(
            401,
            "code_refused",
            "This link was used already, or is older than 24 hours. Run `hubbub link` for a new one.",
        )
    begun = await begin_session(call.connection, call.request, call.services.origins, user_id, "link")
    return await logged_in(call, call.connection, user_id, begun)


@endpoint("GET", "/session", "Who am I", answer=SessionOut, needs="account")
async def who_am_i(call: Call) -> SessionOut:
    """The person behind the cookie or key, and the token for writes."""
    services = call.services
    return SessionOut(
        user=await _person(call.connection, call.actor.user_id),
        csrf=call.actor.csrf_token or None,
        build=services.assets.build,
        version=services.version,
        demo=services.demo,
    )


@endpoint("DELETE", "/session", "Log out", answer=None, status=204, problems=(409,), needs="account")
async def log_out(call: Call) -> None:
    """Ends the session; its live connections close within two seconds."""
    if call.actor.kind != "session":
        raise conflict("no_session", "A key is not logged in; revoke it with `hubbub key revoke`.")
    await sessions.end(call.connection, call.actor.credential, call.actor.user_id)
    await admin_log.note(
        call.connection, actor=call.actor.label, action="session.logout", subject=call.actor.credential
    )
    call.cookies.append(session_cookie(call.services.origins, ""))


@endpoint(
    "GET", "/sessions", "Where I am logged in", query=PageQuery, answer=Page[LoginPlaceOut], needs="account"
)
async def list_sessions(call: Call) -> Page[LoginPlaceOut]:
    """All living sessions of this person, latest use first."""
    living = await sessions.list_of_user(call.connection, call.actor.user_id)
    chosen, following = part(living, call.asked(PageQuery), lambda session: session.id)
    return Page(
        items=[
            LoginPlaceOut(
                id=session.id,
                current=session.id == call.actor.credential,
                method=session.method,
                user_agent=session.user_agent,
                created_at=session.created_at,
                last_seen_at=session.last_seen_at,
                expires_at=session.expires_at,
            )
            for session in chosen
        ],
        next=following,
    )


@endpoint("DELETE", "/sessions/{session_id}", "End a session", answer=None, status=204, needs="account")
async def end_session(call: Call) -> None:
    """Logs out another browser."""
    session_id = call.id("session_id", "session")
    if not await sessions.end(call.connection, session_id, call.actor.user_id):
        raise not_found("session")
    await admin_log.note(call.connection, actor=call.actor.label, action="session.end", subject=session_id)


@endpoint(
    "DELETE", "/sessions", "End all other sessions", answer=None, status=204, problems=(409,), needs="account"
)
async def end_other_sessions(call: Call) -> None:
    """Logs out every browser but this one."""
    need_session(call.actor)
    ended = await sessions.end_all(call.connection, call.actor.user_id, but=call.actor.credential)
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action="session.logout_all",
        subject=call.actor.user_id,
        detail={"ended": ended},
    )


ENDPOINTS = (log_in, who_am_i, log_out, list_sessions, end_session, end_other_sessions)
