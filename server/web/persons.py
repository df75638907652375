"""Accounts become one person: whoever has signed in to both has shown it, and can take it back.

It gives no rights and takes none: a person is only what polls that count persons ask for. Who signs in where
stays as it was; somebody who has signed in by both apart before can be one person, too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from integrations.identity import Grant, PlatformAccount
from server.engine.person_acts import recount_everywhere
from server.rules.votes import BallotKey
from server.web import arrivals
from server.web.accounts import Accounts
from server.web.arrivals import CannotLink
from server.web.services import Services
from sql import admin_log, auth_providers, people, users
from sql.auth_providers import LinkedAccount
from sql.oauth_states import Wants
from sql.people import Account
from sql.pool import Connection


async def link(
    connection: Connection,
    accounts: Accounts,
    account: PlatformAccount,
    grant: Grant,
    wants: Wants,
    *,
    user_id: UUID,
) -> None:
    """Somebody who is signed in has signed in to this account as well: the two are one person.

    Call inside a transaction. Raises CannotLink, and UniqueViolation when one of the two has just become
    somebody's.
    """
    if await users.hold(connection, user_id) is None:
        raise CannotLink("signed_out")
    known = await auth_providers.find(connection, account.provider, account.id)
    mine = await auth_providers.list_of_user(connection, user_id)
    if known is None or known.user_id == user_id:
        await arrivals.link(connection, accounts, account, grant, wants, user_id=user_id)
    elif any(one.provider == account.provider for one in mine):
        raise CannotLink("other_linked")
    # Else it signs somebody in to an account of its own here, and goes on doing so.
    other = next((one for one in viewers_of(mine) if one.platform != account.provider), None)
    if account.provider != "google" and other is not None:
        this = Account(account.provider, account.id, account.login[:64], account.name[:64])
        await join(connection, (this, other), user_id=user_id)


async def join(
    connection: Connection, accounts: Sequence[Account], *, user_id: UUID, person_id: UUID | None = None
) -> None:
    """These accounts are one person; once more changes nothing. Raises CannotLink, and as `link`."""
    whose = [await people.of_account(connection, one.platform, one.id) for one in accounts]
    ids = {person.id for person in whose if person is not None}
    if len(ids) == 1 and None not in whose:
        return
    if ids:
        raise CannotLink("other_person")
    joined = await people.join(connection, accounts, person_id)
    await admin_log.note(connection, actor=f"user:{user_id}", action="person.link", subject=joined)


def viewers_of(linked: Sequence[LinkedAccount]) -> list[Account]:
    """Those of a user's accounts that can vote in a chat."""
    return [
        Account(one.provider, one.provider_user_id, one.login, one.display_name)
        for one in linked
        if one.provider != "google"
    ]


async def recount_votes(services: Services, accounts: Collection[BallotKey]) -> None:
    """Call after the commit that has changed who these accounts are; never raises."""
    await recount_everywhere(services.rooms, services.database, accounts)


class Persons:
    """What persons have to do with accounts (`accounts.Household`)."""

    async def arrived(self, connection: Connection, user_id: UUID, account: PlatformAccount) -> None:
        """To sign in says nothing about who is one person: who wants that, says so."""

    async def unlinked(self, connection: Connection, user_id: UUID, account: LinkedAccount) -> None:
        """Who signs in by an account no more is one with it no more."""
        person = await people.of_account(connection, account.provider, account.provider_user_id)
        if person is not None:
            await people.part(connection, person.id, "account")
            await admin_log.note(
                connection, actor=f"user:{user_id}", action="person.unlink", subject=person.id
            )

    async def leaving(self, connection: Connection, user_id: UUID) -> None:
        """Each of their accounts is told by `unlinked`."""

    async def export(self, connection: Connection, user_id: UUID) -> Mapping[str, object]:
        """Which accounts were one person's, and from when to when."""
        linked = await auth_providers.list_of_user(connection, user_id)
        return {
            "persons": [
                {name: _plain(value) for name, value in row.items()}
                for one in viewers_of(linked)
                for row in await people.links_of(connection, one.platform, one.id)
            ]
        }


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
