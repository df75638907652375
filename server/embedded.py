"""PostgreSQL and Valkey inside the data directory, for `hubbub up` and the tests.

    data directory/
        hubbub.pid    locked (flock) while a Hubbub lives; the kernel unlocks it even after kill -9
        postgres/     the cluster; postgres.new while it is being made
        logs/         postgres.log, valkey.log, each at most 4 MiB and one older copy
        run/          the two sockets, 0700; elsewhere when the path is too long for a socket

PostgreSQL refuses to run as root, therefore root's children run as `nobody` (or as the owner of an
existing cluster). A clone below /root cannot be entered by `nobody`; then the children keep one
capability, CAP_DAC_READ_SEARCH, which lets them pass closed folders and read, and nothing else. That
was chosen over copying 73 MB of programs to an open place (the data could not follow) and over opening
up the parents of the project (which is not ours to do).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from server import children, postgres_child, valkey_child
from server.children import Child, ChildFailure, Service, Watcher

_STOP_WITHIN_S = 7.5

#: sun_path holds 104 bytes on macOS and 108 on Linux, with the NUL.
_LONGEST_SOCKET_PATH = 103

#: A folder whose name could mean something in a URL, a host list or PostgreSQL's list of directories.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./ +@=~-]+")


class DataDirectoryBusy(Exception):
    """Another live Hubbub holds the data directory; the message says which and what to do."""


class EmbeddedFailure(Exception):
    """An embedded server could not be started; one sentence: what failed, what to do, where the log is."""


class Embedded:
    """The embedded servers as a context manager; enter it on the main thread, before the event loop."""

    def __init__(
        self, data_dir: Path, *, postgres: bool, redis: bool, say: Callable[[str], None] = print
    ) -> None:
        """`say` gets sentences for the person at the terminal, only when something takes long."""
        self._data_dir = data_dir
        self._wants_postgres = postgres
        self._wants_redis = redis
        self._say = say
        self._children: list[Child] = []
        self._undo = contextlib.ExitStack()
        self._start_valkey: Callable[[], Child] | None = None
        #: For asyncpg; None when PostgreSQL is not embedded.
        self.database_url: str | None = None
        #: For redis-py; None when Valkey is not embedded.
        self.redis_url: str | None = None

    def __enter__(self) -> Self:
        """Lock the directory, start the servers, wait until they answer.

        Raises DataDirectoryBusy, EmbeddedFailure.
        """
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop both servers, within 8 s."""
        self._stop()

    def died(self) -> str | None:
        """The name of a server that ended by itself; ask every second or so (it also tends the logs)."""
        states = [(child.name, child.tend()) for child in self._children]
        return next((name for name, is_running in states if not is_running), None)

    def revive_redis(self) -> bool:
        """Start Valkey anew after it died; what it held can all be made again. False when it cannot.

        It is ready within some milliseconds; whoever uses it finds it at the same address.
        """
        if self._start_valkey is None:
            return False
        self._children = [child for child in self._children if child.name != "valkey"]
        try:
            self._children.append(self._start_valkey())
        except (ChildFailure, OSError):
            return False
        return True

    def pids(self) -> dict[str, int]:
        """Process ids by name (`postgres`, `valkey`), for the tests."""
        return {child.name: child.pid for child in self._children}

    def _stop(self) -> None:
        children.stop(self._children, _STOP_WITHIN_S)
        self._children.clear()
        self.database_url = self.redis_url = None
        self._undo.close()

    def _start(self) -> None:
        if not (self._wants_postgres or self._wants_redis):
            return
        try:
            folder = _make_data_directory(self._data_dir)
            self._undo.enter_context(_lock(folder))
            self._start_servers(folder)
        except OSError as error:
            raise EmbeddedFailure(
                f"The data directory {self._data_dir} cannot be used "
                f"({error.strerror}: {error.filename or self._data_dir}); give it to the user who runs "
                "Hubbub, or set HUBBUB_DATA_DIR to a folder of that user on a disk with free space."
            ) from error

    def _start_servers(self, folder: Path) -> None:
        logs = folder / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        cluster = folder / "postgres"
        mark = children.mark_of(folder)
        told_valkey = partial(_told, "Valkey", "REDIS_URL", logs / "valkey.log")
        told_postgres = partial(_told, "PostgreSQL", "DATABASE_URL", logs / "postgres.log")

        with told_postgres():
            programs = postgres_child.find_programs(cluster) if self._wants_postgres else None
        with told_valkey():
            valkey_program = valkey_child.find_program() if self._wants_redis else None
        identity = _identity(cluster)
        owner = os.geteuid() if identity is None else identity[0]
        with told_valkey():
            self._end_leftovers(mark, "valkey-server", owner, valkey_child.STOP_SIGNALS)
        with told_postgres():
            self._end_leftovers(mark, "postgres", owner, postgres_child.STOP_SIGNALS)

        if identity is not None and cluster.exists() and cluster.stat().st_uid == 0:
            _hand_over(cluster, *identity)
        sockets = self._undo.enter_context(_socket_folder(folder, mark, identity))
        binaries = [valkey_program] if valkey_program else []
        binaries += [programs / name for name in ("postgres", "initdb")] if programs else []
        with told_postgres():
            service = _service(identity, binaries, (cluster / "base", sockets / "socket"))
        watcher = None if children.HAS_DEATH_SIGNAL else Watcher()
        if watcher is not None:
            self._undo.callback(watcher.close)

        valkey: Child | None = None
        if valkey_program:
            self._start_valkey = partial(
                valkey_child.start,
                valkey_program,
                sockets=sockets,
                mark=mark,
                log=logs / "valkey.log",
                service=service,
                watcher=watcher,
            )
            with told_valkey():
                valkey = self._start_valkey()
                self._children.append(valkey)
        if programs:
            log = logs / "postgres.log"
            with told_postgres():
                postgres_child.make_cluster(cluster, programs, log=log, service=service, watcher=watcher)
                postgres_child.forget_dead_server(cluster)
                postgres = postgres_child.start(
                    cluster,
                    programs,
                    sockets=sockets,
                    mark=mark,
                    log=log,
                    service=service,
                    watcher=watcher,
                )
                self._children.append(postgres)
                self.database_url = postgres_child.wait_until_ready(postgres, sockets, self._say)
        if valkey:
            with told_valkey():
                self.redis_url = valkey_child.wait_until_ready(valkey, sockets)

    def _end_leftovers(
        self, mark: str, program: str, owner: int, stop_signals: tuple[signal.Signals, ...]
    ) -> None:
        if children.end_leftovers(mark, program, owner, stop_signals):
            self._say(f"Waited for the {program} of a Hubbub that was killed.")


@contextlib.contextmanager
def _told(name: str, variable: str, log: Path) -> Iterator[None]:
    """Turn a child's failure into the one sentence for the operator."""
    try:
        yield
    except ChildFailure as failure:
        way_out = f"{failure.advice}, or " if failure.advice else ""
        raise EmbeddedFailure(
            f"The embedded {name} did not start: {failure}; {way_out}set {variable} to use a server "
            f"of your own (log: {log})."
        ) from failure


def _make_data_directory(folder: Path) -> Path:
    """Its real path; made if missing, for us alone (root's also lets `nobody` pass to the cluster)."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        if os.geteuid() == 0:
            folder.chmod(0o711)
    return folder.resolve(strict=True)


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Hold the data directory for as long as this process lives."""
    path = folder / "hubbub.pid"
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "r+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read(20).strip() or "unknown"
            raise DataDirectoryBusy(
                f"Another Hubbub (process {holder}) is using the data directory {folder}: stop that one "
                "first, or give this one a directory of its own with HUBBUB_DATA_DIR."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _identity(cluster: Path) -> tuple[int, int] | None:
    """(uid, gid) of the children when we are root; None = they run as ourselves."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (info := cluster.stat()).st_uid != 0:
        return info.st_uid, info.st_gid
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise EmbeddedFailure(
            "PostgreSQL refuses to run as root and this system has no user named nobody; run Hubbub as "
            "an ordinary user, or set DATABASE_URL and REDIS_URL to servers of your own."
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def _hand_over(cluster: Path, uid: int, gid: int) -> None:
    """A cluster that root owns was restored from a backup by root; PostgreSQL insists on its own user."""
    for folder, _, files in os.walk(cluster):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, uid, gid, follow_symlinks=False)
    cluster.chmod(0o700)


def _service(identity: tuple[int, int] | None, binaries: Sequence[Path], inside: Sequence[Path]) -> Service:
    if identity is None:
        return Service()
    uid, gid = identity
    return Service(uid, gid, children.missing_capability(uid, gid, binaries, inside))


@contextlib.contextmanager
def _socket_folder(folder: Path, mark: str, identity: tuple[int, int] | None) -> Iterator[Path]:
    """A fresh folder that only the children's user (and root) can enter, with a short and plain path."""
    sockets = folder / "run"
    if not _fits(sockets):
        sockets = _short_folder(mark) / "run"
    if sockets.exists():
        shutil.rmtree(sockets)  # what is in it belongs to servers that are proved dead
    sockets.mkdir(mode=0o700)
    if identity is not None:
        os.chown(sockets, *identity)
    yield sockets
    shutil.rmtree(sockets, ignore_errors=True)
    if sockets.parent != folder:
        with contextlib.suppress(OSError):  # somebody put a file there; it is not ours to remove
            sockets.parent.rmdir()


def _fits(sockets: Path) -> bool:
    longest = len(os.fsencode(sockets / postgres_child.SOCKET_NAME))
    return longest <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(str(sockets)) is not None


def _short_folder(mark: str) -> Path:
    """A folder of ours in the runtime or temporary directory; refused when somebody else made it."""
    places = [os.environ.get("XDG_RUNTIME_DIR", "") if os.geteuid() else "", tempfile.gettempdir(), "/tmp"]  # noqa: S108
    made = [Path(place, f"{mark}-{os.geteuid()}") for place in places if place and Path(place).is_dir()]
    path = next(path for path in made if _fits(path / "run"))
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    info = path.lstat()
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
        raise EmbeddedFailure(
            f"{path} is needed for the servers' sockets and belongs to somebody else: remove it, or set "
            "HUBBUB_DATA_DIR to a shorter path."
        )
    if os.geteuid() == 0:
        path.chmod(0o711)
    return path
