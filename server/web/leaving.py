"""A person leaves for good: everything that names them goes, or is given a pseudonym (reliability T40).

What others need stays without its person: votes that were counted, shows that somebody else runs, the record
of acts. An account elsewhere is free again afterwards: whoever signs in by it is somebody new.
"""

from __future__ import annotations

from uuid import UUID

from server.engine.departures import Departures
from server.engine.endings import delete_campaign
from server.web.accounts import Accounts
from sql import admin_log, auth_providers, campaigns, erasures, members, sessions, users, verifications
from sql.pool import Connection


async def erase(connection: Connection, accounts: Accounts, departures: Departures, user_id: UUID) -> None:
    """Let go of a person who may leave. Call inside a transaction, holding their account (`users.hold`)."""
    for one in accounts.household:
        await one.leaving(connection, user_id)
    shows = set(await members.roles_of(connection, user_id))
    # Nobody is left to run these: they go, as when their owner deletes them.
    alone = await erasures.shows_alone(connection, user_id)
    for show in alone:
        await delete_campaign(connection, departures, show.id, typed=show.name, actor=f"user:{user_id}")
    for linked in await auth_providers.list_of_user(connection, user_id):
        for one in accounts.household:
            await one.unlinked(connection, user_id, linked)
        if linked.provider != "google":
            names = (linked.provider, linked.provider_user_id)
            shows.update(await erasures.forget_channels(connection, *names, linked.login))
            await erasures.begin(connection, *names)
        await auth_providers.unlink(connection, user_id, linked.provider)
    await erasures.leave_shows(connection, user_id, [show.id for show in alone])
    await erasures.forget_credentials(connection, user_id)
    await verifications.forget_user(connection, user_id)
    await sessions.end_all(connection, user_id)
    await users.erase(connection, user_id)
    # Open desks of theirs are closed by every process within a second.
    await campaigns.raise_token_version(connection, *shows)
    await admin_log.note(connection, actor=f"user:{user_id}", action="account.erased", subject=user_id)
