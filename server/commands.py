"""Commands that speak to a running server or its database and end: link, key, simulate."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar
from uuid import UUID

from integrations.simulator import SimulationRefused, simulate_against
from server import running
from server.config import RefusedConfiguration, Settings
from server.web.login import login_link
from sql import api_keys, restore, users
from sql.migrate import migrate
from sql.pool import Database

T = TypeVar("T")

_KEY_NAME_LENGTH = 64


def database_url(settings: Settings, command: str) -> str:
    """The database of this installation. Raises RefusedConfiguration when nothing says where it is."""
    if settings.database_url:
        return settings.database_url.get_secret_value()
    found = running.find(settings.data_dir)
    if found and found.database_url:
        return found.database_url
    if found:
        raise RefusedConfiguration(
            f"the running server uses a PostgreSQL of its own: give 'hubbub {command}' its DATABASE_URL too"
        )
    raise RefusedConfiguration(
        f"'hubbub {command}' needs a running 'hubbub up' with the same HUBBUB_DATA_DIR, or DATABASE_URL"
    )


def with_database(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run `work` on the migrated database at `url`."""

    async def run() -> T:
        await migrate(url)
        database = await Database.open(url, most=2, name="hubbub-command")
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())


def migrated(url: str, *, is_restored: bool) -> int:
    """Bring the schema up to date, and see to it that a restored database is taken for one."""

    async def run() -> None:
        applied = await migrate(url)
        print("\n".join(applied) if applied else "The schema is up to date.")
        database = await Database.open(url, most=1, name="hubbub-command")
        try:
            if await restore.notice(database, is_restored=is_restored):
                print("Another database than before: browsers start over, and nothing leaves it twice.")
        finally:
            await database.close()

    asyncio.run(run())
    return 0


def link(settings: Settings) -> int:
    """Print a fresh link to the desk."""
    found = running.find(settings.data_dir)
    public_url = settings.public_url or (found.public_url if found else "")
    if not public_url:
        raise RefusedConfiguration("no server is running on this data directory; start it with 'hubbub up'")

    async def work(database: Database) -> str:
        async with database.connection() as connection:
            owner = await users.ensure_owner(connection)
        return await login_link(database, owner.id, public_url)

    print(with_database(database_url(settings, "link"), work))
    return 0


def key(settings: Settings, given: argparse.Namespace) -> int:
    """Create, list or revoke API keys; 2 for a name or an id that cannot be one."""
    if given.key_command == "create" and not 1 <= len(given.name) <= _KEY_NAME_LENGTH:
        print(f"hubbub: a key's name has 1 to {_KEY_NAME_LENGTH} characters", file=sys.stderr)
        return 2
    revoked = uuid_of(given.id) if given.key_command == "revoke" else None
    if given.key_command == "revoke" and revoked is None:
        print(f"hubbub: {given.id} is no id of a key; see 'hubbub key list'", file=sys.stderr)
        return 2

    async def work(database: Database) -> int:
        async with database.transaction() as connection:
            owner = await users.ensure_owner(connection)
            match given.key_command:
                case "create":
                    key_id, text = await api_keys.create(connection, owner.id, given.name)
                    print(f"{text}\n\nid {key_id}. This is the only time the key is shown.")
                case "list":
                    for info in await api_keys.list_of_user(connection, owner.id):
                        state = "revoked" if info.revoked_at else "valid"
                        print(f"{info.id}  {state:8}{info.name}")
                case "revoke" if revoked:
                    if not await api_keys.revoke(connection, revoked, owner.id):
                        print("hubbub: no valid key has this id; see 'hubbub key list'", file=sys.stderr)
                        return 1
                    print("The key is dead; open connections that used it close within two seconds.")
        return 0

    return with_database(database_url(settings, "key"), work)


def uuid_of(text: str) -> UUID | None:
    """An id as it was typed; None when it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def simulate(settings: Settings, given: argparse.Namespace) -> int:
    """Send a seeded crowd to a running server through its API; 1 when it refuses."""
    found = running.find(settings.data_dir)
    url = given.url or settings.public_url or (found.public_url if found else "")
    if not url:
        raise RefusedConfiguration("no server is running on this data directory; start it, or give --url")
    crowd = partial(
        simulate_against,
        url,
        campaign_id=given.campaign or None,
        size=given.people,
        rate=given.rate,
        seconds=given.seconds,
        seed=given.seed,
    )

    async def with_key_of_its_own(database: Database) -> None:
        async with database.connection() as connection:
            owner = await users.ensure_owner(connection)
            key_id, text = await api_keys.create(connection, owner.id, "hubbub simulate")
        try:
            await crowd(api_key=text)
        finally:
            async with database.connection() as connection:
                await api_keys.revoke(connection, key_id, owner.id)

    try:
        if settings.api_key:
            asyncio.run(crowd(api_key=settings.api_key.get_secret_value()))
        else:
            with_database(database_url(settings, "simulate"), with_key_of_its_own)
    except SimulationRefused as refused:
        print(f"hubbub: {refused}", file=sys.stderr)
        return 1
    return 0
