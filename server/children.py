"""Server processes that belong to this process: started, watched, and never left behind.

Nothing here knows PostgreSQL or Valkey. A child lives in a session of its own (Ctrl-C in the terminal
reaches Hubbub only, which then stops its children in order) and dies with Hubbub even after kill -9
(see launcher.py). Every child carries a mark, derived from the data directory, in its process title:
a process with our mark, of our service user, running our program, is provably ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from server import launcher

#: How PostgreSQL, its tools, the dynamic loader and our launcher announce why they give up.
_COMPLAINT = re.compile(r"(?:FATAL|PANIC|[Ee]rror(?: while [a-z ]+)?): *(.+)")

#: A log is moved aside (one older copy is kept) when it has grown past this many bytes.
LOG_LIMIT = 4 * 1024 * 1024

_HAS_PROC = Path("/proc/self/cmdline").exists()

#: Where there is no /proc; `-ww` keeps long command lines whole.
_PS = ("/bin/ps", "-axww", "-o", "pid=,uid=,command=")

#: What an orphan gets to react to each stop signal; PostgreSQL may have a checkpoint to write.
LEFTOVER_PATIENCE_S = 5.0

#: The parent-death signal exists on Linux only; elsewhere the watcher of launcher.py does its work.
HAS_DEATH_SIGNAL = sys.platform == "linux"


class ChildFailure(Exception):
    """A child could not be started; `advice`, when there is a special one, says what to do about it."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Service:
    """As whom children run: None = as ourselves. `capability` is kept so that they reach their files."""

    uid: int | None = None
    gid: int | None = None
    capability: int | None = None


def mark_of(folder: Path) -> str:
    """The mark of children of this data directory; it survives moving the directory."""
    info = folder.stat()
    return "hubbub-" + hashlib.sha256(f"{info.st_dev}:{info.st_ino}".encode()).hexdigest()[:12]


def missing_capability(uid: int, gid: int, programs: Sequence[Path], files: Sequence[Path]) -> int | None:
    """The least capability with which a service of root can run the programs and get to the files.

    None when file modes allow everything; CAP_DAC_READ_SEARCH when it is enough to pass closed folders
    (a clone below /root); CAP_DAC_OVERRIDE when a program itself is closed (installed under umask 077)
    or the container does not give us the smaller one. Raises ChildFailure when we hold neither.
    """

    def is_closed(path: Path) -> bool:
        info = path.stat()
        bit = stat.S_IXUSR if info.st_uid == uid else stat.S_IXGRP if info.st_gid == gid else stat.S_IXOTH
        return not info.st_mode & bit

    folders = {parent for path in (*programs, *files) for parent in path.parents if parent.exists()}
    closed = next(filter(is_closed, sorted(folders)), None)
    closed_program = next(filter(is_closed, programs), None)
    if closed is None and closed_program is None:
        return None
    held = _held_capabilities()
    wanted = [launcher.CAP_DAC_READ_SEARCH] if closed_program is None else []
    for number in (*wanted, launcher.CAP_DAC_OVERRIDE):
        if held >> number & 1 and held >> launcher.CAP_SETPCAP & 1:
            return number
    raise ChildFailure(
        f"it cannot run as root, and as user {uid} it cannot enter {closed_program or closed}",
        "run Hubbub as an ordinary user, or move it to a folder that everybody may enter",
    )


def _held_capabilities() -> int:
    if sys.platform != "linux":
        return 0
    status = Path("/proc/self/status").read_text("ascii", "replace")
    found = re.search(r"^CapPrm:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(found[1], 16) if found else 0


def environment() -> dict[str, str]:
    """What children see: no secret of ours, no PGDATA or PGPORT of the user's shell."""
    kept = {k: os.environ[k] for k in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR") if k in os.environ}
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"} | kept


class Watcher:
    """Stands in for the parent-death signal: a process that holds a pipe whose other end is ours."""

    def __init__(self) -> None:
        reading, self.pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", launcher.__file__, "watch"],
                stdin=reading,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env=environment(),
            )
        except OSError:
            os.close(self.pipe)
            raise
        finally:
            os.close(reading)

    def close(self) -> None:
        """Call when the children are gone, so that no recycled process id is ever signalled."""
        self._process.kill()
        self._process.wait()
        os.close(self.pipe)


class Child:
    """One running server process."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        folder: Path,
        log: Path,
        service: Service,
        stop_signals: tuple[signal.Signals, ...],
        watcher: Watcher | None,
    ) -> None:
        """Start it. `stop_signals`: polite first; the first is also what it gets when Hubbub dies.

        Must be called from the main thread, because the kernel ties the death signal to the thread that
        started the process and would stop the server when a mere worker thread ends.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("embedded servers must be started from the main thread")
        self.name = name
        self.log = log
        self._stop_signals = stop_signals
        _turn_over(log, LOG_LIMIT // 4)
        with open(log, "ab", opener=_private) as stream:
            self._log_start = stream.tell()
            self._process = subprocess.Popen(  # noqa: S603
                _launch(command, stop_signals[0], folder, service, watcher),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                pass_fds=() if watcher is None else (watcher.pipe,),
                env=environment(),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """For short-lived children: gone when the block is left."""
        stop([self], 2)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def tend(self) -> bool:
        """Is it running? Also keeps the log within LOG_LIMIT."""
        _turn_over(self.log, LOG_LIMIT)
        return self.is_running

    def wait(self, seconds: float) -> int | None:
        """The exit status, or None when it still runs after so many seconds."""
        try:
            return self._process.wait(max(seconds, 0.001))
        except subprocess.TimeoutExpired:
            return None

    def signal(self, step: int) -> None:
        """Send the stop signal of this step of severity; a process that has ended is left alone."""
        if self.is_running:
            self._process.send_signal(self._stop_signals[min(step, len(self._stop_signals) - 1)])

    def last_words(self) -> ChildFailure:
        """Why it ended, from what it has logged since its start."""
        end = self.log.stat().st_size
        with self.log.open("rb") as stream:
            stream.seek(max(min(self._log_start, end), end - 8192))
            text = stream.read().decode("utf-8", "replace")
        if "No space left on device" in text:
            return ChildFailure("the disk is full", "free some space and start again")
        found: list[str] = _COMPLAINT.findall(text)
        reason = found[-1].strip() if found else f"it ended with status {self._process.poll()}"
        if "Permission denied" in reason:
            return ChildFailure(reason, "give the data directory to the user who runs Hubbub")
        return ChildFailure(reason)


def _launch(
    command: Sequence[str],
    number: signal.Signals,
    folder: Path,
    service: Service,
    watcher: Watcher | None,
) -> list[str]:
    facts = (service.uid, service.gid, service.capability, None if watcher is None else watcher.pipe)
    return [
        *(sys.executable, "-I", "-S", launcher.__file__, "start", str(os.getpid()), str(int(number))),
        *("-" if fact is None else str(fact) for fact in facts),
        *(str(folder), "--", *command),
    ]


def stop(children: Sequence[Child], seconds: float) -> None:
    """Stop them together, politely for five eighths of the time, then less and less so."""
    for step, share in enumerate((0.625, 0.25, 0.125)):
        for child in children:
            child.signal(step)
        deadline = time.monotonic() + seconds * share
        for child in children:
            child.wait(deadline - time.monotonic())
        if not any(child.is_running for child in children):
            return


def end_leftovers(mark: str, program: str, uid: int, stop_signals: tuple[signal.Signals, ...]) -> int:
    """End processes of an earlier Hubbub that was killed; returns how many were still there.

    Only call while holding the lock of the data directory: then whoever carries the mark is an orphan.
    Usually the death signal has reached them already and they only need a moment to finish.
    Raises ChildFailure when one does not even go after SIGKILL (a hanging disk).
    """
    seen: set[int] = set()
    for number in stop_signals:
        deadline = time.monotonic() + LEFTOVER_PATIENCE_S
        told: set[int] = set()
        while time.monotonic() < deadline:
            pids = _orphans(mark, program, uid)
            if not pids:
                return len(seen)
            for pid in set(pids) - told:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            told.update(pids)
            seen.update(pids)
            time.sleep(0.02)
    raise ChildFailure(f"An earlier {program} (process {min(seen)}) does not end even when killed")


def _orphans(mark: str, program: str, uid: int) -> list[int]:
    """Processes of `uid` that run `program` and carry the mark; heads only while there is one.

    A worker of PostgreSQL (title `postgres: …`) ends with its head; signals mean other things to it.
    A zombie has no title, so it counts as dead.
    """
    heads, workers = list[int](), list[int]()
    for pid, owner, title in _processes():
        command = title.split("\0", 1)[0]
        if owner == uid and mark in title and Path(command).name.startswith(program):
            (workers if command.startswith(f"{program}: ") else heads).append(pid)
    return heads or workers


def _processes() -> Iterator[tuple[int, int, str]]:
    """(pid, uid, title) of every process; on Linux a NUL ends each argument in the title."""
    if _HAS_PROC:
        for entry in os.scandir("/proc"):
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it ended while we looked
                    title = Path(entry.path, "cmdline").read_bytes().decode("utf-8", "replace")
                    yield int(entry.name), entry.stat().st_uid, title
        return
    listing = subprocess.run(_PS, capture_output=True, check=True, text=True)  # noqa: S603
    for line in listing.stdout.splitlines():
        pid, uid, title = line.split(None, 2)
        program, dash, rest = title.partition(" -")
        yield int(pid), int(uid), f"{program}\0-{rest}" if dash else title


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _turn_over(log: Path, limit: int) -> None:
    """Keep the log bounded: copy it aside and empty it, because the child holds the file open."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > limit:
            older = log.with_suffix(".old.log")
            older.unlink(missing_ok=True)  # perhaps root wrote it when Hubbub was once run by sudo
            with open(older, "wb", opener=_private) as copy:
                copy.write(log.read_bytes()[-limit:])
            os.truncate(log, 0)
