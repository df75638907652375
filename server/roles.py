"""What a process does, and with whose servers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roles:
    """What this process does."""

    web: bool = False
    connectors: bool = False
    worker: bool = False


@dataclass(frozen=True, slots=True)
class Urls:
    """Where PostgreSQL and Redis are. `redis` empty: none, this process is alone."""

    database: str
    redis: str
