"""The registry: which checks there are, in which order, and what each needs to be made.

Checks run by priority. When PostgreSQL does not answer there is nothing to ask, so whoever runs them tells
that instead. All others are made whatever became of those before: the person wants the whole list.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple
from uuid import UUID

from server.web.checks import installation, people, show
from server.web.checks.found import CheckOut
from sql import preflight_reports
from sql.pool import Connection

#: installation: asked once. show: of one show.
About = Literal["installation", "show"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Of what, and what who asks knows beside the database. What is None is not told."""

    connection: Connection
    clock: Callable[[], datetime]
    campaign_id: UUID | None = None
    asking: UUID | None = None
    redis: Literal["ok", "away"] | None = None
    lost_lines: int | None = None
    data_dir: Path | None = None

    @property
    def show(self) -> UUID:
        """The show, for the checks of one."""
        if self.campaign_id is None:
            raise RuntimeError("this check is about a show")
        return self.campaign_id


class Check(NamedTuple):
    """One entry. `run` may tell several things, or nothing where it does not apply."""

    name: str
    about: About
    priority: int
    run: Callable[[Asked], Awaitable[Iterable[CheckOut]]]


async def _database(asked: Asked) -> list[CheckOut]:
    return await installation.of_database(asked.connection, asked.clock)


async def _redis(asked: Asked) -> list[CheckOut]:
    return [] if asked.redis is None else [installation.of_redis(asked.redis)]


async def _disk(asked: Asked) -> list[CheckOut]:
    return [] if asked.data_dir is None else installation.of_place(asked.data_dir)


async def _channels(asked: Asked) -> list[CheckOut]:
    return await show.of_channels(asked.connection, asked.show)


async def _people(asked: Asked) -> list[CheckOut]:
    return await people.of_people(asked.connection, asked.show, asked.asking)


async def _overlays(asked: Asked) -> list[CheckOut]:
    return await show.of_overlays(asked.connection, asked.show)


async def _tables(asked: Asked) -> list[CheckOut]:
    return await show.of_tables(asked.connection, asked.show)


async def _stage(asked: Asked) -> list[CheckOut]:
    return [await show.of_stage(asked.connection, asked.show)]


async def _lost_lines(asked: Asked) -> list[CheckOut]:
    return [] if asked.lost_lines is None else [show.of_lost_lines(asked.lost_lines)]


CHECKS: Final = (
    Check("database and clock", "installation", 0, _database),
    Check("redis", "installation", 0, _redis),
    Check("disk", "installation", 5, _disk),
    Check("subscriptions and lag", "show", 10, _channels),
    Check("tokens, scopes and consents", "show", 10, _people),
    Check("overlays seen", "show", 15, _overlays),
    Check("stage", "show", 20, _stage),
    Check("tables seen", "show", 20, _tables),
    Check("lost lines", "show", 25, _lost_lines),
)


async def run(asked: Asked, *about: About) -> list[CheckOut]:
    """Make the checks about these, by priority. Raises what the database raises."""
    found: list[CheckOut] = []
    for check in sorted(CHECKS, key=lambda one: one.priority):
        if check.about in about:
            found += await check.run(asked)
    return found


async def keep(
    connection: Connection,
    campaign_id: UUID,
    found: Sequence[CheckOut],
    *,
    source: preflight_reports.Source,
    actor: str,
    began: float,
) -> None:
    """Store what was found. `began`: `time.monotonic()` before."""
    await preflight_reports.keep(
        connection,
        campaign_id,
        source=source,
        actor=actor,
        checks=[one.model_dump(mode="json", exclude={"button"}) for one in found],
        took_ms=round((time.monotonic() - began) * 1000),
    )
