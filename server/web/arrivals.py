"""Somebody comes back from a provider: whose account is it, and what does that make of ours?

The rule against prepared accounts: an account is never joined to another by an address that only one side
has proven. Ours are always proven (`users.email`); the provider has to say that it has seen the address
work, too. Otherwise the person gets an account of their own, and links the two by signing in to both.
"""

from __future__ import annotations

from uuid import UUID

from integrations.identity import Grant, PlatformAccount
from server.web.accounts import Accounts
from server.web.models import Clean
from sql import admin_log, auth_providers, users
from sql.oauth_states import Wants
from sql.pool import Connection

_NAME = Clean(64)


class CannotLink(Exception):
    """The account stays where it is; `reason` is a word for pages."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def name_of(account: PlatformAccount) -> str:
    """How we call somebody: as the provider writes the name, if anything of it can be seen."""
    for text in (account.name, account.login):
        try:
            return _NAME.check(text)
        except ValueError:
            continue
    return "Somebody"


async def sign_in(
    connection: Connection, accounts: Accounts, account: PlatformAccount, grant: Grant, wants: Wants
) -> UUID:
    """The person whose account it is, made if need be. Call inside a transaction.

    UniqueViolation: the same account came in twice at once; once more finds it.
    """
    known = await auth_providers.find(connection, account.provider, account.id)
    if known is not None:
        user_id, row_id = known.user_id, known.id
    else:
        user_id = await _person_for(connection, account)
        row_id = await _link(connection, user_id, account)
    await _arrive(connection, accounts, account, grant, wants, user_id=user_id, row_id=row_id)
    await admin_log.note(
        connection,
        actor=f"user:{user_id}",
        action="oauth.login",
        subject=user_id,
        detail={"provider": account.provider, "new": known is None},
    )
    return user_id


async def link(
    connection: Connection,
    accounts: Accounts,
    account: PlatformAccount,
    grant: Grant,
    wants: Wants,
    *,
    user_id: UUID,
) -> None:
    """Add the account to those of a signed-in person. Call inside a transaction. Raises CannotLink."""
    if await users.hold(connection, user_id) is None:
        raise CannotLink("signed_out")
    known = await auth_providers.find(connection, account.provider, account.id)
    if known is not None and known.user_id != user_id:
        raise CannotLink("taken")
    if known is None:
        theirs = await auth_providers.list_of_user(connection, user_id)
        if any(one.provider == account.provider for one in theirs):
            raise CannotLink("other_linked")
        row_id = await _link(connection, user_id, account)
    else:
        row_id = known.id
    await _arrive(connection, accounts, account, grant, wants, user_id=user_id, row_id=row_id)
    await admin_log.note(
        connection,
        actor=f"user:{user_id}",
        action="oauth.link",
        subject=user_id,
        detail={"provider": account.provider, "new": known is None, "wants": wants},
    )


async def _person_for(connection: Connection, account: PlatformAccount) -> UUID:
    """Whose address it is, when both sides have proven it; otherwise somebody new."""
    email = account.email if account.email_verified else ""
    owner = await users.by_email(connection, email) if email else None
    if owner is not None:
        theirs = await auth_providers.list_of_user(connection, owner.user_id)
        if all(one.provider != account.provider for one in theirs):
            return owner.user_id
    return await users.create(connection, name_of(account), email=email if email and owner is None else None)


async def _link(connection: Connection, user_id: UUID, account: PlatformAccount) -> UUID:
    return await auth_providers.link(
        connection,
        user_id,
        account.provider,
        account.id,
        login=account.login[:64],
        name=account.name[:64],
        email=account.email,
    )


async def _arrive(
    connection: Connection,
    accounts: Accounts,
    account: PlatformAccount,
    grant: Grant,
    wants: Wants,
    *,
    user_id: UUID,
    row_id: UUID,
) -> None:
    await auth_providers.note_login(
        connection, row_id, login=account.login[:64], name=account.name[:64], email=account.email
    )
    # Who only signs in leaves no token with us; one with less in it must not replace one that runs a show
    # either.
    if wants == "channel" and accounts.grants is not None:
        await accounts.grants.store(connection, row_id, grant)
    for one in accounts.household:
        await one.arrived(connection, user_id, account)
