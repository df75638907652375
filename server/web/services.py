"""What the web layer is given by the composition root. Everything it needs is a field here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol
from uuid import UUID

from server.engine.batch import Batches
from server.engine.departures import Departures
from server.engine.room import Rooms
from server.live.rate_limit import RateLimiter
from server.vault import Vault
from server.web.accounts import Accounts
from server.web.condition import Condition
from server.web.origins import Origins
from sql.pool import Database


class File(Protocol):
    """A file as it is sent."""

    @property
    def body(self) -> bytes: ...
    @property
    def media_type(self) -> str: ...


class Assets(Protocol):
    """The files for browsers (`overlay.Assets`; a sibling layer, so known here by its shape only)."""

    @property
    def build(self) -> str: ...
    @property
    def files(self) -> Mapping[str, File]: ...
    def page(self, path: str) -> File: ...


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may do everything here. `key_hash` is the SHA-256 of HUBBUB_API_KEY, None when it is not set."""

    id: UUID
    key_hash: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Built once by server/app.py."""

    database: Database
    rooms: Rooms
    batches: Batches
    vault: Vault
    limiter: RateLimiter
    assets: Assets
    origins: Origins
    #: The database clock, as near as this process knows it.
    clock: Callable[[], datetime]
    owner: Owner
    version: str
    #: Whether this server was started with the demo campaign.
    demo: bool
    redis_state: Callable[[], Literal["ok", "away"]]
    condition: Condition
    #: Asks the database for what `/metrics` tells of it; never raises when it is away.
    look_at_database: Callable[[], Awaitable[None]]
    #: How people sign in besides the link of the terminal.
    accounts: Accounts = field(default_factory=Accounts)
    #: What happens when somebody goes or takes a consent back, with the hooks of whoever has made something
    #: there.
    departures: Departures = field(default_factory=Departures)
    #: Where the embedded servers keep their data; None where there are none.
    data_dir: Path | None = None
