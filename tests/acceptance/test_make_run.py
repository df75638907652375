"""`make run` as a newcomer meets it: a fresh copy in an awkward place, two starts, no process left."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from tests.servers import wait_until

PROJECT = Path(__file__).parents[2]
_NOT_COPIED = (
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

#: Of the make and the settings that this test itself may run under.
_NOT_PASSED_ON = re.compile(
    r"HUBBUB_|TWITCH_|KICK_|DATABASE_URL|REDIS_URL|PORT$|MAKE|MFLAGS|VIRTUAL_ENV|PYTHON|CI$"
)


class Make:
    """`make run` in a session of its own, as a terminal would have it."""

    def __init__(self, clone: Path, **settings: str) -> None:
        self.log = clone.parent / "make.log"
        kept = {k: v for k, v in os.environ.items() if not _NOT_PASSED_ON.match(k)}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                ["make", "run"],
                cwd=clone,
                env=kept | {"HUBBUB_PORT": "0"} | settings,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait_until_ready(self, seconds: float) -> str:
        """The base URL."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.said()
            return "Hubbub is ready on" in self.said()

        wait_until(is_ready, f"ready; it said:\n{self.said()}", seconds)
        found = re.search(r"Hubbub is ready on (http://\S+)", self.said())
        assert found is not None
        return found[1]


@pytest.fixture
def clone(short_dir: Path) -> Path:
    """A copy without anything made; its path has a space and, for root, a closed folder above it."""
    folder = short_dir / "a streamer's" / "hub bub"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    return folder


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


def fetch(url: str, key: str = "", body: object = None) -> tuple[int, bytes]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    request = urllib.request.Request(url, data, headers)  # noqa: S310  (our own http:// address)
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.status, answer.read()


@pytest.mark.slow
def test_make_run_twice(clone: Path) -> None:
    key = "hb_" + secrets.token_urlsafe(32)
    settings = {"HUBBUB_API_KEY": key}

    first = Make(clone, **settings)
    try:
        base = first.wait_until_ready(180)  # most of it is the package index
        assert fetch(f"{base}/livez")[0] == 200
        assert fetch(f"{base}/readyz")[0] == 200
        links = [f"{base}{path}" for path in ("/login#code=", "/o/", "/docs")]
        wait_until(lambda: all(link in first.said() for link in links), "three links are printed")
        status, _ = fetch(f"{base}/api/v1/campaigns", key, {"name": "Kept over night"})
        assert status in (200, 201)
    finally:
        began = time.monotonic()
        first.process.send_signal(signal.SIGTERM)
        first.process.wait(12)
    assert time.monotonic() - began < 10
    wait_until(lambda: not processes_of(clone), "everything stopped")

    began = time.monotonic()
    second = Make(clone, **settings)
    try:
        base = second.wait_until_ready(20)
        assert time.monotonic() - began < 10, "a second start takes seconds"
        assert b"Kept over night" in fetch(f"{base}/api/v1/campaigns", key)[1]
    finally:
        os.killpg(second.process.pid, signal.SIGINT)  # Ctrl-C in the terminal
        second.process.wait(12)
    wait_until(lambda: not processes_of(clone), "everything stopped")
