"""Checks of the installation: its database, its clock, Redis, and the disk of the servers that it brings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from server.web.checks.found import CheckOut, failed, passed, warned
from sql import heads
from sql.pool import Connection

#: A clock that is further off than this makes countdowns and late votes wrong (reliability §3.10).
_CLOCK_TRUST = timedelta(seconds=5)
_SLOW_DATABASE = timedelta(milliseconds=250)
#: Of the disk: with less nothing can be written soon; with so much an evening has room.
_LEAST_FREE, _GOOD_FREE = 200 * 2**20, 2**30


async def of_database(connection: Connection, clock: Callable[[], datetime]) -> list[CheckOut]:
    """How fast PostgreSQL answers, and whether `clock` runs with its clock."""
    before = clock()
    now = await heads.now(connection)
    after = clock()
    took = after - before
    milliseconds = f"{took.total_seconds() * 1000:.0f} ms"
    if took > _SLOW_DATABASE:
        speed = warned(
            "Database",
            f"PostgreSQL took {milliseconds} to answer.",
            "Votes are stored in bigger steps; look at what else this machine is doing.",
        )
    else:
        speed = passed("Database", f"PostgreSQL answers within {milliseconds}.")
    off = abs(now - (before + took / 2))
    if off > _CLOCK_TRUST:
        agreement = warned(
            "Clock",
            f"This process and the database disagree by {off.total_seconds():.0f} s.",
            "Restart Hubbub; if it comes back, look at the machine's clock.",
        )
    else:
        agreement = passed("Clock", "Runs with the database's.")
    return [speed, agreement]


def of_redis(state: Literal["ok", "away"]) -> CheckOut:
    """Whether frames come back through Redis."""
    if state == "ok":
        return passed("Redis", "Frames reach all servers at once.")
    return warned(
        "Redis",
        "Away. Polls, votes and overlays go on; other servers follow up to a second later.",
        "Start Redis again when you can; nothing has to be restarted.",
    )


def of_disk(folder: Path, name: Path | None = None) -> CheckOut:
    """Whether the disk of the data directory has room for an evening; `name`: what to call it, where it is
    still to be made. Raises OSError."""
    free = shutil.disk_usage(folder).free
    detail = f"{name or folder}, {free / 2**30:.1f} GiB free"
    if free >= _GOOD_FREE:
        return passed("Data directory", detail)
    tell = failed if free < _LEAST_FREE else warned
    return tell("Data directory", f"{detail}.", "Make room on that disk.")


def of_place(folder: Path) -> list[CheckOut]:
    """The same for the desk, which does not say where the directory is."""
    try:
        found = of_disk(folder)
    except OSError:
        return [failed("Disk", "The data directory cannot be read.", "Look at it on the server.")]
    detail = found.detail.partition(", ")[2]
    return [found.model_copy(update={"name": "Disk", "detail": detail[:1].upper() + detail[1:]})]
