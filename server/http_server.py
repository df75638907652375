"""The listening socket and uvicorn, as this program uses them."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from server.config import RefusedConfiguration
from server.live.transport import LiveProtocol
from server.web.connections import GuardedProtocol, allow_many_files
from server.web.foundry.gate import LARGEST_MESSAGE

_GRACEFUL_S = 5
#: Connections that are accepted in one go. Few: those that are in are served first, and whoever waits, waits
#: in the kernel, where it costs this process nothing.
_AT_ONCE = 8
#: Connections that may wait to be accepted. All overlays come back at the same time after a restart, and one
#: that does not fit is not refused but left to try again after a second, then three (R15).
_BACKLOG = 4096


@contextmanager
def listening(host: str, port: int, variable: str = "HUBBUB_PORT") -> Iterator[socket.socket]:
    """The socket; port 0 picks a free one. Bound first, so that a busy port is told at once.

    `variable` is the setting that names the port. Raises RefusedConfiguration.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only for sockets that say TCP; with it every answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            raise RefusedConfiguration(
                f"cannot listen on {host}:{port} ({error.strerror}): "
                f"stop what uses it, or set {variable} (0 picks a free one)"
            ) from error
        # Connections wait here until the application is up, so nobody who reads "ready" is refused.
        bound.listen(_BACKLOG)
        yield bound


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: this program decides in which order things stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_BACKLOG)  # asyncio has one number for this and for how many it takes in one go


def server_of(app: ASGIApp, trusted_proxies: Sequence[str]) -> Server:
    """The server of an application that has the live endpoint among its routes."""
    GuardedProtocol.most_connections = allow_many_files()
    return Server(
        uvicorn.Config(
            app,
            http=GuardedProtocol,
            ws=LiveProtocol,
            backlog=_AT_ONCE,
            ws_max_size=LARGEST_MESSAGE,  # of Foundry; `/live` has its own bound
            ws_per_message_deflate=False,
            # Live connections are the hub's to ask whether they are there; it owns their sockets.
            ws_ping_interval=None,
            ws_ping_timeout=None,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=list(trusted_proxies),
            timeout_graceful_shutdown=_GRACEFUL_S,
        )
    )
