"""Where the running server is: a note in the data directory, for `hubbub link`, `key` and `simulate`.

Only `hubbub up` leaves it. Servers of the operator's own are not in it: their URLs may hold passwords, and
whoever runs another command has them in the environment anyway.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class Running:
    """What another command must know about a server of this data directory; no URL of a server that is
    not embedded."""

    pid: int
    public_url: str
    database_url: str
    redis_url: str


@contextmanager
def noted(data_dir: Path, public_url: str, database_url: str, redis_url: str) -> Iterator[None]:
    """Leave the note while the server runs; readable by its user only.

    A data directory that cannot be written is no reason not to serve: then there is no note.
    """
    path = data_dir / _FILE
    note = Running(os.getpid(), public_url, database_url, redis_url)
    try:
        _write(path, note)
    except OSError as error:
        log.warning("no_note_in_data_directory", path=str(path), reason=error.strerror)
    try:
        yield
    finally:
        _remove(path)


def _write(path: Path, note: Running) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(note)), "utf-8")
    fresh.replace(path)


def _remove(path: Path) -> None:
    """Take our own note away, and nobody else's."""
    note = _read(path)
    if note is None or note.pid != os.getpid():
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:  # `find` sees that the process is gone
        log.warning("note_not_removed", path=str(path), reason=error.strerror)


def find(data_dir: Path) -> Running | None:
    """The server that runs on this data directory; None when there is none, or its note outlived it."""
    note = _read(data_dir / _FILE)
    if note is None:
        return None
    try:
        os.kill(note.pid, 0)
    except OSError:
        return None
    return note


def _read(path: Path) -> Running | None:
    """The note, or None when there is none or it is damaged."""
    try:
        return Running(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
