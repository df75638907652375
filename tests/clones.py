"""The project as a newcomer has it: a fresh copy, `make run` in it, and what is left running from there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.servers import wait_until

PROJECT = Path(__file__).parents[1]

#: What is made in a work tree and is in no clone.
_MADE = (
    ".venv",
    ".git",
    ".hubbub",
    ".env",
    "build",
    "*.egg-info",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)

#: Of the settings and the make that whoever calls this may itself run under.
_NOT_PASSED_ON = re.compile(
    r"HUBBUB_|TWITCH_|KICK_|DATABASE_URL|REDIS_URL|PORT$|MAKE|MFLAGS|VIRTUAL_ENV|PYTHON|CI$|ARGS$"
)


def copy_project(folder: Path) -> Path:
    """Copy what `git clone` would bring, with the changes that are not committed yet."""
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*_MADE))
    return folder


def plain_environment() -> dict[str, str]:
    """The environment of a terminal that knows nothing of this run; Hubbub takes any free port."""
    kept = {name: value for name, value in os.environ.items() if not _NOT_PASSED_ON.match(name)}
    return kept | {"HUBBUB_PORT": "0"}


def processes_of(folder: Path) -> list[str]:
    """Command lines of everything that runs from there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                place = str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(folder) in title or place.startswith(str(folder)):
                found.append(title)
    return found


class Make:
    """`make run` in a session of its own, as a terminal would have it; the log lies beside the clone."""

    def __init__(self, clone: Path, settings: Mapping[str, str], user: int | None = None) -> None:
        """Start it, as another `user` (a numeric id) if one is given."""
        self.clone = clone
        self.log = clone.parent / "make.log"
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=clone,
                env={**plain_environment(), **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )

    @property
    def said(self) -> str:
        """Everything it has printed so far."""
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, seconds: float) -> str:
        """The first group of a pattern, as soon as it is printed."""
        found: list[str] = []

        def is_there() -> bool:
            match = re.search(pattern, self.said)
            found[:] = [match[1]] if match else []
            assert match or self.process.poll() is None, self.said
            return bool(found)

        try:
            wait_until(is_there, pattern, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it said:\n{self.said}") from None
        return found[0]

    def wait_until_ready(self, seconds: float) -> str:
        """The base URL; by then the links are printed too."""
        base = self.wait_for(r"Hubbub is ready on (http://\S+)", seconds)
        self.wait_for("(Ctrl-C stops everything)", 10)
        return base

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """SIGTERM goes to make alone, SIGINT to all of them, as from a terminal; nothing is left."""
        if number is signal.SIGINT:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        self.process.wait(12)
        wait_until(lambda: not processes_of(self.clone), "everything stopped")
