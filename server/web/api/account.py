"""A person's own account: names, accounts elsewhere, address and password, what is kept, leaving for good."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

import orjson
from pydantic import Field

from integrations.identity import IdentityAway, Provider
from server.web import leaving, letters, ways
from server.web.api.passwords import Code, Email, Typed, passwords_of, put_letter, refuse_bad
from server.web.auth import new_secret, session_cookie
from server.web.endpoint import Call, Raw, endpoint
from server.web.limits import count_letter, count_sign_in
from server.web.logins import RECENT, need_recent_login, need_session
from server.web.models import Clean, Model, Moment
from server.web.own_paths import own_path
from server.web.permissions import NAMES
from server.web.persons import recount_votes
from server.web.problems import Problem, conflict, not_found
from sql import account_export, admin_log, auth_providers, erasures, sessions, users, verifications
from sql.oauth_states import Wants
from sql.pool import Connection, UniqueViolation
from sql.users import Account


class LinkedOut(Model):
    """An account elsewhere, by which the person signs in."""

    provider: Provider
    id: str
    login: str
    name: str
    email: str | None = Field(description="As the provider tells it; proves nothing")
    linked_at: Moment
    last_login_at: Moment | None


class AccountOut(Model):
    id: UUID
    name: str
    email: str | None = Field(description="The person has shown that they read its mail")
    has_password: bool
    is_owner: bool = Field(description="Holds the link of the terminal, which always lets them in")
    signed_in_just_now: bool = Field(
        description="Whether what cannot be undone may be done without signing in anew"
    )
    created_at: Moment
    accounts: list[LinkedOut]


class AccountPatch(Model):
    name: Annotated[str, Clean(64)]


class LinkIn(Model):
    wants: Annotated[
        Wants,
        Field(
            description="identity: only who it is; channel: what streams need; person: as identity, and the "
            "account is one person with the other one of mine"
        ),
    ] = "channel"
    return_to: Annotated[str, Field(max_length=200, description="A page of ours")] = "/desk"


class LinkOut(Model):
    url: str = Field(description="Where to send the browser; it comes back within ten minutes")


class EmailIn(Model):
    email: Email


class ConfirmIn(Model):
    code: Code


class PasswordIn(Model):
    password: Annotated[Typed, Field(description="8 to 128 characters, none that everybody tries")]


class EraseIn(Model):
    confirm: Annotated[Literal["erase"], Field(description="The word, so that nobody does it by mistake")]


async def _account(call: Call, connection: Connection) -> AccountOut:
    user_id = call.actor.user_id
    found = await users.account(connection, user_id)
    if found is None:
        raise not_found("account")
    is_session = call.actor.kind == "session"
    return AccountOut(
        id=found.id,
        name=found.name,
        email=found.email,
        has_password=found.has_password,
        is_owner=found.is_owner,
        signed_in_just_now=is_session and await sessions.is_recent(connection, call.actor.credential, RECENT),
        created_at=found.created_at,
        accounts=[
            LinkedOut(
                provider=one.provider,
                id=one.provider_user_id,
                login=one.login,
                name=one.display_name,
                email=one.email,
                linked_at=one.created_at,
                last_login_at=one.last_login_at,
            )
            for one in await auth_providers.list_of_user(connection, user_id)
        ],
    )


async def _hold(call: Call) -> Account:
    found = await users.hold(call.connection, call.actor.user_id)
    if found is None:
        raise not_found("account")
    return found


async def _note(call: Call, action: str, detail: dict[str, object] | None = None) -> None:
    await admin_log.note(
        call.connection, actor=call.actor.label, action=action, subject=call.actor.user_id, detail=detail
    )


@endpoint("GET", "/account", "My account", answer=AccountOut, problems=(404,), needs="account")
async def my_account(call: Call) -> AccountOut:
    """Who I am here, and by which accounts I sign in."""
    return await _account(call, call.connection)


@endpoint(
    "PATCH",
    "/account",
    "Rename myself",
    body=AccountPatch,
    answer=AccountOut,
    problems=(404,),
    needs="account",
)
async def rename_account(call: Call, body: AccountPatch) -> AccountOut:
    """The name that others in a show see."""
    await users.rename(call.connection, call.actor.user_id, body.name)
    return await _account(call, call.connection)


@endpoint(
    "POST",
    "/account/accounts/{provider}",
    "Begin to link an account elsewhere",
    body=LinkIn,
    answer=LinkOut,
    work="engine",
    problems=(404, 409, 429),
    needs="account",
)
async def begin_link(call: Call, body: LinkIn) -> LinkOut:
    """Answers where to send this browser, and sets a cookie for its way back; also for more permissions."""
    need_session(call.actor)
    provider = _provider(call)
    await count_sign_in(call.services, call.request)
    return_to = own_path(body.return_to)
    try:
        url, cookie = await ways.begin(
            call.services, provider, body.wants, return_to, session_id=call.actor.credential
        )
    except IdentityAway:
        raise Problem(
            503,
            "provider_away",
            f"{NAMES[provider]} does not answer. Nothing was changed; try again in a moment.",
        ) from None
    call.cookies.append(cookie)
    return LinkOut(url=url)


def _provider(call: Call) -> Provider:
    name = call.request.path_params["provider"]
    for provider in call.services.accounts.by_code:
        if provider == name:
            return provider
    raise not_found("way to sign in")


@endpoint(
    "DELETE",
    "/account/accounts/{provider}",
    "Unlink an account elsewhere",
    answer=None,
    status=204,
    problems=(404, 409),
    needs="account",
)
async def unlink_account(call: Call) -> None:
    """Its tokens go with it. The last way to sign in stays; the login must be under half an hour old."""
    await need_recent_login(call.connection, call.actor)
    held = await _hold(call)
    theirs = await auth_providers.list_of_user(call.connection, held.id)
    chosen = next((one for one in theirs if one.provider == call.request.path_params["provider"]), None)
    if chosen is None:
        raise not_found("account")
    by_password = held.has_password and call.services.accounts.post is not None
    if len(theirs) == 1 and not by_password and not held.is_owner:
        raise conflict(
            "last_way_in",
            "This is the only way you sign in. Link another account first, or leave for good.",
        )
    for one in call.services.accounts.household:
        await one.unlinked(call.connection, held.id, chosen)
    await auth_providers.unlink(call.connection, held.id, chosen.provider)
    call.afterwards.append(
        partial(recount_votes, call.services, [(chosen.provider, chosen.provider_user_id)])
    )
    await _note(call, "oauth.unlink", {"provider": chosen.provider})


@endpoint(
    "POST",
    "/account/email",
    "Ask to use an address",
    body=EmailIn,
    answer=None,
    status=202,
    problems=(404, 409, 429),
    needs="account",
)
async def ask_for_email(call: Call, body: EmailIn) -> None:
    """A letter with a link comes to it. The answer does not tell whether it belongs to somebody."""
    passwords_of(call)
    await need_recent_login(call.connection, call.actor)
    await count_letter(call.services, call.request)
    code = new_secret()
    user_id = call.actor.user_id
    if await verifications.issue_by_mail(call.connection, "email", code, user_id=user_id, email=body.email):
        put_letter(call, letters.confirm(body.email, call.services.origins.public_url, code))


@endpoint(
    "POST",
    "/account/email/confirm",
    "Confirm an address with the link of a letter",
    body=ConfirmIn,
    answer=AccountOut,
    problems=(401, 404, 409),
    needs="account",
)
async def confirm_email(call: Call, body: ConfirmIn) -> AccountOut:
    """Only the person who asked, signed in: whoever reads the letter alone gets nothing by it."""
    need_session(call.actor)
    proof = await verifications.use_by_mail(call.connection, "email", body.code)
    if proof is None or proof.email is None or proof.user_id != call.actor.user_id:
        raise Problem(
            401,
            "code_refused",
            "This link was used, is too old, or belongs to another account than the one signed in here.",
        )
    try:
        await users.prove_email(call.connection, call.actor.user_id, proof.email)
    except UniqueViolation:
        raise conflict("email_taken", "Another account has this address. Nothing was changed.") from None
    await _note(call, "account.email_verified")
    return await _account(call, call.connection)


@endpoint(
    "POST",
    "/account/password",
    "Choose a password",
    body=PasswordIn,
    answer=None,
    status=204,
    work="engine",
    problems=(404, 409),
    needs="account",
)
async def choose_password(call: Call, body: PasswordIn) -> None:
    """Needs an address, and a login that is less than half an hour old. Ends all other sessions."""
    passwords = passwords_of(call)
    async with call.services.database.connection() as connection:
        await need_recent_login(connection, call.actor)
        found = await users.account(connection, call.actor.user_id)
    if found is None or found.email is None:
        raise conflict("no_email", "Confirm an e-mail address first. Nothing was changed.")
    await refuse_bad(passwords, body.password, email=found.email, name=found.name)
    hashed = await passwords.hashed(body.password)
    async with call.services.database.transaction() as connection:
        await users.set_password(connection, found.id, hashed)
        await sessions.end_all(connection, found.id, but=call.actor.credential)
        await admin_log.note(
            connection, actor=call.actor.label, action="account.password_changed", subject=found.id
        )
        await call.keep(connection, None)
    put_letter(call, letters.password_changed(found.email, call.services.origins.public_url))


@endpoint(
    "GET",
    "/account/export",
    "Everything that is kept about me",
    answer=None,
    files=("application/json",),
    problems=(404, 409),
    needs="account",
)
async def export_account(call: Call) -> Raw:
    """A file to keep. Passwords, keys and tokens are not in it: they are stored so that nobody reads them."""
    need_session(call.actor)
    connection, user_id = call.connection, call.actor.user_id
    about = await _account(call, connection)
    linked = await auth_providers.list_of_user(connection, user_id)
    sections: dict[str, object] = {
        "account": about.model_dump(mode="json"),
        "sessions": [
            {
                "method": one.method,
                "user_agent": one.user_agent,
                "created_at": one.created_at.isoformat(),
                "last_seen_at": one.last_seen_at.isoformat(),
            }
            for one in await sessions.list_of_user(connection, user_id)
        ],
        "keys": await account_export.keys(connection, user_id),
        "shows": await account_export.shows(connection, user_id),
        "viewer": [row for one in linked for row in await account_export.viewer(connection, one)],
        "votes": [row for one in linked for row in await account_export.votes(connection, one)],
        "acts": [
            {
                "at": entry.at.isoformat(),
                "action": entry.action,
                "subject": entry.subject,
                "detail": entry.detail,
            }
            for entry in await admin_log.of_actor(connection, f"user:{user_id}")
        ],
    }
    for one in call.services.accounts.household:
        sections |= await one.export(connection, user_id)
    await _note(call, "account.exported")
    text = orjson.dumps(sections, option=orjson.OPT_INDENT_2).decode()
    return Raw(text, "application/json", "hubbub-account.json")


@endpoint(
    "POST",
    "/account/erase",
    "Leave for good",
    body=EraseIn,
    answer=None,
    status=204,
    problems=(404, 409),
    needs="account",
)
async def erase_account(call: Call, body: EraseIn) -> None:
    """Names, addresses, linked accounts and tokens are gone at once; votes stay under a pseudonym."""
    await need_recent_login(call.connection, call.actor)
    held = await _hold(call)
    if held.is_owner:
        raise conflict(
            "owner",
            "You own this installation: to leave, delete its data directory or its database.",
        )
    theirs = await auth_providers.list_of_user(call.connection, held.id)
    await leaving.erase(call.connection, call.services.accounts, call.services.departures, held.id)
    await erasures.advance(call.connection)
    call.cookies.append(session_cookie(call.services.origins, ""))
    left = [(one.provider, one.provider_user_id) for one in theirs]
    call.afterwards.append(partial(recount_votes, call.services, left))


ENDPOINTS = (
    my_account,
    rename_account,
    begin_link,
    unlink_account,
    ask_for_email,
    confirm_email,
    choose_password,
    export_account,
    erase_account,
)
