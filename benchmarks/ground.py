"""What the servers of a run stand on: PostgreSQL and Valkey, on the core of the clients."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import machine, show
from server.embedded import Embedded


@dataclass(frozen=True, slots=True)
class Ground:
    """Both servers, and a folder that is gone afterwards."""

    folder: Path
    database_url: str
    redis_url: str
    pids: dict[str, int]
    secret_key: str

    @property
    def redis_socket(self) -> str:
        """Where other systems find Valkey."""
        return self.redis_url.removeprefix("unix://").partition("?")[0]

    def environment(self) -> dict[str, str]:
        """What benchmarks/hub_server.py has to know."""
        return {
            "BENCH_DATABASE_URL": self.database_url,
            "BENCH_REDIS_URL": self.redis_url,
            "BENCH_SECRET_KEY": self.secret_key,
        }

    def show(self, name: str, rooms: int, overlays: int) -> show.Show:
        """Campaigns with overlays of this run."""
        return show.make(self.database_url, self.folder / f"{name}.hellos", rooms, overlays)


@contextmanager
def standing() -> Iterator[Ground]:
    """Both servers until the end of the block; call on the main thread, outside of an event loop."""
    machine.allow_many_files()
    before = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory(prefix="hubbub-bench-", dir="/tmp") as name:
        folder = Path(name)
        number = machine.core("clients")
        if number is not None:
            os.sched_setaffinity(0, {number})  # what is started from here on inherits it
        try:
            with Embedded(folder / "data", postgres=True, redis=True) as embedded:
                assert embedded.database_url is not None
                assert embedded.redis_url is not None
                yield Ground(
                    folder,
                    embedded.database_url,
                    embedded.redis_url,
                    embedded.pids(),
                    secrets.token_hex(32),
                )
        finally:
            os.sched_setaffinity(0, before)
