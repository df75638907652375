"""Sign-in by e-mail and password, where the operator has it on: an account exists once its mailbox is proven.

What asks for a letter says the same whether there is an account or not, and does not wait for the letter,
which tells. A password is chosen behind the link of the letter, never before: so nobody can prepare an
account for somebody else's address and wait for them to confirm it.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from integrations.mail import Letter
from server.web import letters, lockout
from server.web.api.session import LoginOut, logged_in
from server.web.auth import new_secret
from server.web.endpoint import Call, endpoint
from server.web.limits import address_of, count_letter, count_login_failure
from server.web.logins import begin_session, note_failure
from server.web.models import Clean, Model
from server.web.passwords import Passwords
from server.web.problems import Problem, conflict, invalid, not_found
from sql import admin_log, sessions, users, verifications
from sql.pool import Connection, UniqueViolation

#: What SMTP takes without quoting, and at least one dot behind the @.
_EMAIL: Final = re.compile(r"[a-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+", re.ASCII)


def _email(text: str) -> str:
    text = text.strip().lower()
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise ValueError("is no e-mail address that letters can be sent to")
    return text


Email = Annotated[str, AfterValidator(_email), WithJsonSchema({"type": "string", "format": "email"})]
#: As typed; what is wrong with a new one is told in a sentence (8 to 128 characters, among other things).
Typed = Annotated[str, WithJsonSchema({"type": "string", "format": "password"})]
Code = Annotated[
    str, Field(min_length=1, max_length=200, description="What stands in the link of the letter")
]


class AddressIn(Model):
    email: Email


class PasswordLogin(Model):
    email: Email
    password: Typed


class NewAccountIn(Model):
    code: Code
    name: Annotated[str, Clean(64)]
    password: Annotated[Typed, Field(description="8 to 128 characters, none that everybody tries")]


class NewPasswordIn(Model):
    code: Code
    password: Annotated[Typed, Field(description="8 to 128 characters, none that everybody tries")]


def passwords_of(call: Call) -> Passwords:
    """Raises Problem 404 where nobody signs in by e-mail."""
    if call.services.accounts.post is None:
        raise not_found("way to sign in")
    return call.services.accounts.passwords


async def refuse_bad(passwords: Passwords, password: str, *, email: str = "", name: str = "") -> None:
    """Raises Problem 422 for a password that is not taken."""
    if found := await passwords.complaint(password, email=email, name=name):
        raise invalid("/password", found)


def put_letter(call: Call, letter: Letter) -> None:
    """Hand a letter to the post, behind the request."""
    if call.services.accounts.post is not None:
        call.services.accounts.post.put(letter)


@endpoint(
    "POST",
    "/registrations",
    "Ask for an account with an e-mail address",
    body=AddressIn,
    answer=None,
    status=202,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(404, 429),
)
async def register(call: Call, body: AddressIn) -> None:
    """A letter with a link comes to the address, at most one in five minutes. The answer tells nothing."""
    passwords_of(call)
    await count_letter(call.services, call.request)
    url, code = call.services.origins.public_url, new_secret()
    async with call.services.database.transaction() as connection:
        owner = await users.by_email(connection, body.email)
        if owner is None:
            is_new = await verifications.issue_by_mail(connection, "register", code, email=body.email)
            letter = letters.register(body.email, url, code)
            await admin_log.note(connection, actor="nobody", action="account.register")
        else:
            is_new = await verifications.issue_by_mail(connection, "reset", code, user_id=owner.user_id)
            letter = letters.there_already(body.email, url, code)
    if is_new:
        put_letter(call, letter)


@endpoint(
    "POST",
    "/accounts",
    "Make an account with the link of a letter",
    body=NewAccountIn,
    answer=LoginOut,
    status=201,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(401, 404, 409, 429),
)
async def make_account(call: Call, body: NewAccountIn) -> LoginOut:
    """Whoever has the letter has the address. Sets the session cookie."""
    passwords = passwords_of(call)
    await refuse_bad(passwords, body.password, name=body.name)
    hashed = await passwords.hashed(body.password)
    try:
        async with call.services.database.transaction() as connection:
            proof = await verifications.use_by_mail(connection, "register", body.code)
            if proof is None or proof.email is None:
                raise await _code_refused(call)
            await refuse_bad(Passwords(), body.password, email=proof.email)
            user_id = await users.create(connection, body.name, email=proof.email)
            await users.set_password(connection, user_id, hashed)
            await _note(connection, user_id, "account.email_verified")
            return await _let_in(call, connection, user_id)
    except UniqueViolation:
        raise conflict(
            "email_taken",
            "There is an account with this address meanwhile. Sign in, or choose a new password.",
        ) from None


@endpoint(
    "POST",
    "/session/password",
    "Log in with e-mail and password",
    body=PasswordLogin,
    answer=LoginOut,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(401, 404, 429),
)
async def log_in_with_password(call: Call, body: PasswordLogin) -> LoginOut:
    """Sets the session cookie. Five failures lock for 30 s, each further one for twice as long."""
    passwords = passwords_of(call)
    services = call.services
    keys = lockout.keys_of(services.vault, address_of(call.request), body.email)
    async with services.database.transaction() as connection:
        tried = await lockout.take(connection, keys)
    if not tried.allowed:
        raise lockout.locked(tried)
    async with services.database.connection() as connection:
        known = await users.by_email(connection, body.email)
    stored = known.password_hash if known else None
    if not await passwords.is_right(body.password, stored) or known is None or stored is None:
        async with services.database.connection() as connection:
            who = known.user_id if known else None
            await note_failure(connection, "password", "wrong", user_id=who)
            if tried.locks:
                await note_failure(connection, "password", "locked", user_id=who, wait=tried.wait)
        raise Problem(
            401, "login_refused", "Address and password do not belong together, or there is no such account."
        )
    renewed = await passwords.hashed(body.password) if passwords.is_outdated(stored) else None
    async with services.database.transaction() as connection:
        await lockout.was_right(connection, keys)
        held = await users.hold(connection, known.user_id)
        current = await users.credential(connection, known.user_id)
        if held is None or current is None or current.password_hash != stored:
            raise Problem(401, "login_refused", "The password was changed just now. Use the new one.")
        if renewed:
            await users.set_password(connection, known.user_id, renewed)
        return await _let_in(call, connection, known.user_id)


@endpoint(
    "POST",
    "/password-resets",
    "Ask for a new password",
    body=AddressIn,
    answer=None,
    status=202,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(404, 429),
)
async def ask_for_reset(call: Call, body: AddressIn) -> None:
    """If there is an account with this address, a letter comes to it, at most one in five minutes."""
    passwords_of(call)
    await count_letter(call.services, call.request)
    code = new_secret()
    async with call.services.database.transaction() as connection:
        owner = await users.by_email(connection, body.email)
        await admin_log.note(
            connection,
            actor="nobody",
            action="account.reset_requested",
            subject=owner.user_id if owner else "",
        )
        if owner is None:
            return
        if not await verifications.issue_by_mail(connection, "reset", code, user_id=owner.user_id):
            return
    put_letter(call, letters.reset(body.email, call.services.origins.public_url, code))


@endpoint(
    "POST",
    "/passwords",
    "Choose a new password with the link of a letter",
    body=NewPasswordIn,
    answer=LoginOut,
    work="engine",
    needs="nothing",
    limit="logins",
    problems=(401, 404, 429),
)
async def reset_password(call: Call, body: NewPasswordIn) -> LoginOut:
    """Ends all sessions of the person, and begins one here."""
    passwords = passwords_of(call)
    await refuse_bad(passwords, body.password)
    hashed = await passwords.hashed(body.password)
    async with call.services.database.transaction() as connection:
        proof = await verifications.use_by_mail(connection, "reset", body.code)
        account = await users.hold(connection, proof.user_id) if proof and proof.user_id else None
        if account is None or account.email is None:
            raise await _code_refused(call)
        await refuse_bad(Passwords(), body.password, email=account.email, name=account.name)
        await users.set_password(connection, account.id, hashed)
        await sessions.end_all(connection, account.id)
        await _note(connection, account.id, "account.reset_completed")
        answer = await _let_in(call, connection, account.id)
    put_letter(call, letters.password_changed(account.email, call.services.origins.public_url))
    return answer


async def _let_in(call: Call, connection: Connection, user_id: UUID) -> LoginOut:
    begun = await begin_session(connection, call.request, call.services.origins, user_id, "password")
    answer = await logged_in(call, connection, user_id, begun)
    await call.keep(connection, answer)
    return answer


async def _code_refused(call: Call) -> Problem:
    await count_login_failure(call.services, call.request)
    return Problem(
        401,
        "code_refused",
        "This link was used already, or is too old. Ask for another letter; nothing was changed.",
    )


async def _note(connection: Connection, user_id: UUID, action: str) -> None:
    await admin_log.note(connection, actor=f"user:{user_id}", action=action, subject=user_id)


ENDPOINTS = (register, make_account, log_in_with_password, ask_for_reset, reset_password)
