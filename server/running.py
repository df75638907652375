"""Where the running server is: a note in the data directory, for `hubbub link`, `key` and `simulate`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Running:
    """What another command must know about a server of this data directory."""

    pid: int
    public_url: str
    database_url: str
    redis_url: str


@contextmanager
def noted(data_dir: Path, public_url: str, database_url: str, redis_url: str) -> Iterator[None]:
    """Leave the note while the server runs; readable by its user only, because URLs may hold passwords."""
    path = data_dir / _FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    note = Running(os.getpid(), public_url, database_url, redis_url)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(note)), "utf-8")
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def find(data_dir: Path) -> Running | None:
    """The server that runs on this data directory; None when there is none, or its note outlived it."""
    try:
        note = Running(**json.loads((data_dir / _FILE).read_text("utf-8")))
        os.kill(note.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return note
