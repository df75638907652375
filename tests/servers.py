"""Real servers for the tests: the program itself as a subprocess, and helpers of the fixtures."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

#: Features that no test can see. Those of the omnibox are the dear ones: a hidden page for what drops down
#: from the address bar comes with every window, and took more processor than many a page under test. The
#: others are Playwright's own list as far as it matters, because of two lists Chromium takes the last: ours.
_WITHOUT = (
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "AimEnabled",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

#: Chromium as OBS would use it, minus everything that would call home or need a graphics card.
BROWSER_FLAGS = (
    f"--disable-features={','.join(_WITHOUT)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

_READY = re.compile(r"Hubbub is ready on (https?://\S+:(\d+))|\"event\": \"ready\"")
_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")

#: In memory where that can be had: a database has a thousand files, and to make them takes many a disk ten
#: times as long. Short, because a socket's path has to be. Four gigabytes are several times what a run needs.
_ROOMS = ("/dev/shm", "/tmp")  # noqa: S108  mkdtemp makes a folder of our own in it
_ROOM_NEEDED = 4 << 30

_SETPRIV = shutil.which("setpriv") if sys.platform == "linux" else None
#: The signal of a parent's death follows the thread that started a process; this one lives as long as we do.
_STARTER = ThreadPoolExecutor(1, "starts-servers")


def new_folder(prefix: str = "hubbub-test-") -> Path:
    """A new folder with a short path; whoever asked for it removes it."""
    for room in _ROOMS:
        if os.access(room, os.W_OK) and shutil.disk_usage(room).free > _ROOM_NEEDED:
            return Path(tempfile.mkdtemp(prefix=prefix, dir=room))
    return Path(tempfile.mkdtemp(prefix=prefix))


def spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """`subprocess.Popen` for a server that ends with this test run, even if that is killed (Linux)."""
    tether = (_SETPRIV, "--pdeathsig", "KILL") if _SETPRIV else ()

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([*tether, *command], **options)

    return _STARTER.submit(start).result()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Poll a condition of the outside world (a process, a file) until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    """A zombie is dead: nobody may have collected it yet, but it holds no file, port or memory."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


class Hubbub:
    """`python -m server up` as its operator runs it: own data directory, free port, no demo."""

    def __init__(self, folder: Path, settings: Mapping[str, str], command: str = "up") -> None:
        """`settings` are environment variables on top of the usual ones; `start` starts it. `command`: the
        role (`web`, `connectors`, `worker`) of a process that is one of several."""
        self.data_dir = folder / "data"
        self.log_file = folder / "hubbub.log"
        self.api_key = "hb_" + secrets.token_urlsafe(32)
        self.base_url = ""
        self.command = command
        self._folder = folder
        self._settings = dict(settings)
        self._port = "0"
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What an automation sends."""
        return {"Authorization": f"Bearer {self.api_key}"}

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything it has printed so far, over all its starts."""
        return self.log_file.read_text("utf-8", "replace")

    def start(self, seconds: float = 40) -> None:
        """Start it and wait until it says that it is ready; later starts keep the port."""
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            "HUBBUB_PORT": self._port,
            "HUBBUB_DATA_DIR": str(self.data_dir),
            "HUBBUB_API_KEY": self.api_key,
            "HUBBUB_DEMO": "0",
            "HUBBUB_PROBE": "0",
            "PYTHONUNBUFFERED": "1",
        }
        self._output = self.log_file.open("ab")
        already = self._output.tell()
        self._process = spawn(
            [sys.executable, "-m", "server", self.command],
            cwd=self._folder,  # not the project: a developer's .env must not change the tests
            env=environment | self._settings,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

        def is_ready() -> bool:
            said = self.log_file.read_bytes()[already:].decode("utf-8", "replace")
            assert self._process is not None
            if self._process.poll() is not None:
                raise AssertionError(f"ended with {self._process.returncode} before it was ready:\n{said}")
            found = _READY.search(said)
            if found and found[1]:
                self.base_url, self._port = found[1], found[2]
            return found is not None

        wait_until(is_ready, "Hubbub is ready", seconds)

    @property
    def is_running(self) -> bool:
        """False before the start, after the end, and after a death that nobody ordered."""
        return self._process is not None and self._process.poll() is None

    @property
    def died(self) -> int | None:
        """The status of an end that nobody ordered."""
        return None if self._process is None else self._process.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """SIGSTOP makes it hang, SIGCONT wakes it; SIGTERM without waiting for the end."""
        assert self._process is not None, "not started"
        self._process.send_signal(number)

    def kill9(self) -> None:
        """The power cut: nothing of it can clean up."""
        self._end(signal.SIGKILL)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Stop it politely; returns the exit status. The contract allows 10 s."""
        return self._end(number)

    def restart(self) -> None:
        """Stop if need be, and start with the same data on the same port."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)  # does nothing when it has ended already
        try:
            status = self._process.wait(12)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"still there 12 s after {number.name}:\n{self.log[-4000:]}") from None
        finally:
            if self._output is not None:
                self._output.close()
            self._process = None
        return status


StartHubbub = Callable[..., Hubbub]
Eventually = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
