"""An overlay without a picture: a client of `/live` that keeps what it was told, as the contract (§7) says.

It is a client from outside on purpose. It shares no code with the server it watches, and compares what
came over a real socket.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, Self
from uuid import UUID

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_MOST_BYTES: Final = 512 * 1024
#: A loopback address that nobody else comes from: a proxy on this machine comes from 127.0.0.1, and when its
#: visitors have failed too often that address is blocked (reliability §3.9). It may not be blocked with them.
_FROM: Final = "127.0.0.2"


class NotServed(Exception):
    """The live socket did not do what an overlay may expect; the message says what."""


class ProbeOverlay:
    """What one overlay shows. `position` is (epoch, seq)."""

    def __init__(self, line: ClientConnection) -> None:
        self._line = line
        self.position: tuple[UUID, int] | None = None
        self.boards: dict[str, Any] = {}

    @classmethod
    async def open(cls, origin: str, at: tuple[str, int], key: str) -> Self:
        """An overlay that has its first snapshot. Raises NotServed or OSError; wrap it in a time-out.

        `origin` is the address that overlays use, `at` where this process listens: no proxy stands between.
        """
        try:
            line = await _connect(origin, at)
        except WebSocketException as error:
            raise NotServed(f"the handshake failed: {error}") from error
        overlay = cls(line)
        try:
            await overlay._say_hello(key)
        except BaseException:
            await line.close()
            raise
        return overlay

    async def _say_hello(self, key: str) -> None:
        client = {"kind": "overlay", "name": "probe"}
        hello = {"op": "hello", "proto": 1, "key": key, "client": client}
        try:
            await self._line.send(orjson.dumps(hello).decode())
        except WebSocketException as error:  # whoever is blocked is dismissed before a word is said
            raise NotServed(f"the connection ended: {error}") from error
        while self.position is None:
            await self._next()

    async def aclose(self) -> None:
        """Leave as a browser does."""
        await self._line.close()

    async def until_counted(self, poll_id: UUID, votes: int) -> None:
        """Take frames until the poll's board has a total of so many votes. Raises NotServed."""
        while self.boards.get(str(poll_id), {}).get("total_votes", -1) < votes:
            await self._next()

    async def _next(self) -> None:
        try:
            self._take(orjson.loads(await self._line.recv()))
        except WebSocketException as error:
            raise NotServed(f"the connection ended: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise NotServed(f"a frame could not be read: {type(error).__name__}") from error

    def _take(self, frame: dict[str, Any]) -> None:
        match frame["op"]:
            case "snapshot":
                self.position = UUID(frame["epoch"]), frame["seq"]
                self.boards = dict(frame["boards"])
            case "delta":
                epoch, seq = self.position or (None, -1)
                if UUID(frame["epoch"]) != epoch or not frame["from"] <= seq < frame["to"]:
                    raise NotServed("a delta did not follow what had been sent before")
                self.boards |= frame["set"]
                for board_id in frame["unset"]:
                    self.boards.pop(board_id, None)
                self.position = epoch, frame["to"]
            case "bye":
                raise NotServed(f"dismissed with {frame['code']}: {frame['reason']}")


async def _connect(origin: str, at: tuple[str, int]) -> ClientConnection:
    """From an address of its own, where the system has one for it: Linux has all of 127/8, others one."""
    _, _, host = origin.partition("://")

    async def dial(local: tuple[str, int] | None) -> ClientConnection:
        return await connect(
            f"ws://{host}/live",
            host=at[0],
            port=at[1],
            local_addr=local,
            compression=None,
            ping_interval=None,
            max_size=_MOST_BYTES,
            close_timeout=1,
            proxy=None,
        )

    if ":" not in at[0]:
        with suppress(OSError):  # not this address, or nobody listens: the second try tells which
            return await dial((_FROM, 0))
    return await dial(None)
