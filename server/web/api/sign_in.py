"""Ways to sign in, and the one that is confirmed on another device (RFC 8628)."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

import structlog
from pydantic import Field

from integrations.identity import Grant, IdentityAway, IdentityRefused, PlatformAccount, Provider
from server.vault import CannotOpen
from server.web import arrivals
from server.web.accounts import DeviceSignIn
from server.web.auth import Actor, actor_of_session, new_secret, session_token
from server.web.endpoint import Call, endpoint
from server.web.limits import count_sign_in
from server.web.logins import begin_session, need_session, note_failure
from server.web.models import Model
from server.web.permissions import NAMES, OF_CHANNELS, scopes_for, wanted_of
from server.web.problems import Problem, not_found
from server.web.ways import way_cookie
from sql import device_sign_ins as table
from sql.ids import uuid7
from sql.oauth_states import digest
from sql.pool import Connection, UniqueViolation

_log = structlog.get_logger(__name__)

_LONGEST_LIFE = timedelta(hours=1)
_COOKIE = "hubbub_device"


class PermissionOut(Model):
    scope: str
    words: str = Field(description="An end of the sentence “Hubbub may …”")


class SignInProviderOut(Model):
    provider: Provider
    name: str
    code: bool = Field(description="`/auth/{provider}/start` leads there and back")
    device: bool = Field(description="`POST /device-sign-ins` gives a code for another device")
    permissions: list[PermissionOut] = Field(description="What is asked for with `wants=channel`")


class SignInOut(Model):
    providers: list[SignInProviderOut]
    email: bool = Field(description="Whether people sign in by e-mail and password")


class DeviceSignInIn(Model):
    provider: Annotated[Literal["twitch"], Field(description="The platform")]
    wants: Annotated[
        Literal["identity", "channel"],
        Field(description="identity: only who it is; channel: what streams need"),
    ] = "channel"
    link: Annotated[bool, Field(description="Add the account to the one that is signed in")] = False


class DeviceSignInOut(Model):
    id: UUID
    user_code: str
    verification_uri: str = Field(description="Where the code is typed, on any device")
    expires_in_s: int
    interval_s: int = Field(description="Ask `/check` this often")


class DeviceCheckOut(Model):
    state: Literal["waiting", "signed_in", "linked"]
    csrf: str | None = Field(default=None, description="Of the new session")


@endpoint("GET", "/sign-in", "Ways to sign in", answer=SignInOut, needs="nothing")
async def sign_in_ways(call: Call) -> SignInOut:
    """What the login page offers. The link that the terminal prints works besides."""
    accounts = call.services.accounts
    names = [name for name in NAMES if name in accounts.by_code or name in accounts.by_device]
    return SignInOut(
        providers=[
            SignInProviderOut(
                provider=name,
                name=NAMES[name],
                code=name in accounts.by_code,
                device=name in accounts.by_device,
                permissions=[
                    PermissionOut(scope=scope, words=words) for scope, words in OF_CHANNELS[name].items()
                ],
            )
            for name in names
        ],
        email=accounts.post is not None,
    )


def _cookie_name(call: Call) -> str:
    return f"__Host-{_COOKIE}" if call.services.origins.is_https else _COOKIE


def _identity(call: Call, provider: Provider) -> DeviceSignIn:
    identity = call.services.accounts.by_device.get(provider)
    if identity is None:
        raise not_found("way to sign in")
    return identity


def _unusable(provider: Provider, error: IdentityAway | IdentityRefused) -> Problem:
    _log.warning("device_sign_in_failed", provider=provider, reason=str(error))
    if isinstance(error, IdentityAway):
        return Problem(503, "provider_away", f"{NAMES[provider]} does not answer. Try again in a moment.")
    return Problem(
        503,
        "provider_refuses",
        f"{NAMES[provider]} refuses this installation; its operator has to look at it.",
    )


@endpoint(
    "POST",
    "/device-sign-ins",
    "Begin a sign-in on another device",
    body=DeviceSignInIn,
    answer=DeviceSignInOut,
    status=201,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(401, 404, 429),
)
async def begin_device_sign_in(call: Call, body: DeviceSignInIn) -> DeviceSignInOut:
    """Gives a code that somebody types on the platform's site. Only this browser can finish it."""
    services = call.services
    identity = _identity(call, body.provider)
    await count_sign_in(services, call.request)
    session_id = (await _signed_in(call)).credential if body.link else None
    wants = wanted_of(body.provider, body.wants)
    try:
        code = await identity.device(scopes_for(body.provider, wants))
    except (IdentityAway, IdentityRefused) as error:
        raise _unusable(body.provider, error) from None
    sign_in_id, binding = uuid7(), new_secret()
    row = table.DeviceSignIn(
        sign_in_id,
        body.provider,
        "link" if session_id else "login",
        session_id,
        wants,
        digest(binding),
        services.vault.seal(code.device_code.encode(), _place(sign_in_id)),
    )
    life = min(code.expires_in, _LONGEST_LIFE)
    async with services.database.connection() as connection:
        await table.begin(connection, row, interval=code.interval, expires_in=life)
    call.cookies.append(way_cookie(services.origins, _cookie_name(call), binding, life.total_seconds()))
    return DeviceSignInOut(
        id=sign_in_id,
        user_code=code.user_code,
        verification_uri=code.verification_uri,
        expires_in_s=round(life.total_seconds()),
        interval_s=max(1, round(code.interval.total_seconds())),
    )


async def _signed_in(call: Call) -> Actor:
    """Who is signed in here: what is open to everybody looks for itself."""
    async with call.services.database.connection() as connection:
        actor = await actor_of_session(connection, session_token(call.request, call.services.origins))
    if actor is None:
        raise Problem(401, "unauthorized", "You are not logged in.")
    need_session(actor)
    return actor


def _place(sign_in_id: UUID) -> bytes:
    return b"device_sign_ins.device_code:" + sign_in_id.bytes


@endpoint(
    "POST",
    "/device-sign-ins/{sign_in_id}/check",
    "Look whether it was confirmed",
    answer=DeviceCheckOut,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(401, 404, 409, 410),
)
async def check_device_sign_in(call: Call) -> DeviceCheckOut:
    """Signs in, or links, once somebody has typed the code. 410: the provider has refused or forgotten it."""
    services = call.services
    binding = call.request.cookies.get(_cookie_name(call), "")
    sign_in_id = call.id("sign_in_id", "sign-in")
    async with services.database.connection() as connection:
        row = await table.get(connection, sign_in_id, digest(binding))
        if row is None or not hmac.compare_digest(row.browser_hash, digest(binding)):
            raise not_found("sign-in of this browser")
        if not await table.may_ask(connection, sign_in_id):
            return DeviceCheckOut(state="waiting")
    identity = _identity(call, row.provider)
    try:
        device_code = services.vault.open(row.device_code, _place(sign_in_id)).decode()
        grant = await identity.device_grant(device_code, scopes_for(row.provider, row.wants))
        if grant is None:
            return DeviceCheckOut(state="waiting")
        account = await identity.account(grant)
    except CannotOpen:
        raise await _end(call, row, "expired") from None
    except IdentityAway as away:
        raise _unusable(row.provider, away) from None
    except IdentityRefused as refused:
        if refused.reason == "slow_down":
            async with services.database.connection() as connection:
                await table.slow_down(connection, sign_in_id)
            return DeviceCheckOut(state="waiting")
        raise await _end(call, row, refused.reason) from None
    return await _confirmed(call, row, account, grant)


async def _confirmed(
    call: Call, row: table.DeviceSignIn, account: PlatformAccount, grant: Grant
) -> DeviceCheckOut:
    """The provider has said who it is; whatever goes wrong from here on, its code is used up."""
    call.cookies.append(way_cookie(call.services.origins, _cookie_name(call), "", 0))
    try:
        return await _let_in(call, row, account, grant)
    except arrivals.CannotLink as error:
        raise await _end(call, row, error.reason) from None
    except UniqueViolation:  # the same account came in twice at once, and is there now
        return await _let_in(call, row, account, grant)


async def _let_in(
    call: Call, row: table.DeviceSignIn, account: PlatformAccount, grant: Grant
) -> DeviceCheckOut:
    services = call.services
    async with services.database.transaction() as connection:
        await table.end(connection, row.id)
        if row.purpose == "link":
            answer = await _link(call, connection, row, account, grant)
        else:
            user_id = await arrivals.sign_in(connection, services.accounts, account, grant, row.wants)
            begun = await begin_session(connection, call.request, services.origins, user_id, account.provider)
            call.cookies.append(begun.cookie)
            answer = DeviceCheckOut(state="signed_in", csrf=begun.csrf)
        await call.keep(connection, answer)
    return answer


async def _link(
    call: Call, connection: Connection, row: table.DeviceSignIn, account: PlatformAccount, grant: Grant
) -> DeviceCheckOut:
    actor = await actor_of_session(connection, session_token(call.request, call.services.origins))
    if actor is None or actor.credential != row.session_id:
        raise arrivals.CannotLink("signed_out")
    await arrivals.link(connection, call.services.accounts, account, grant, row.wants, user_id=actor.user_id)
    return DeviceCheckOut(state="linked")


async def _end(call: Call, row: table.DeviceSignIn, reason: str) -> Problem:
    async with call.services.database.transaction() as connection:
        await table.end(connection, row.id)
        await note_failure(connection, row.provider, reason)
    return _over(reason)


_SENTENCES = {
    "denied": (410, "It was refused on the other device. Nothing was changed."),
    "taken": (409, "That account belongs to somebody else here. Sign in with it, and unlink it there first."),
    "other_linked": (409, "Another account of that platform is linked already. Unlink it first."),
    "signed_out": (401, "You have been signed out meanwhile. Sign in, and begin again."),
}


def _over(reason: str) -> Problem:
    status, sentence = _SENTENCES.get(reason, (410, "This code has ended, or was used. Begin again."))
    kind = reason if reason in _SENTENCES else "expired"
    return Problem(status, kind, sentence)


ENDPOINTS = (sign_in_ways, begin_device_sign_in, check_device_sign_in)
