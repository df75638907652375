"""An overlay without a picture: a client of `/live` that keeps what it was told, as the contract (§7) says.

It is a client from outside on purpose. It shares no code with the server it watches, and compares what
came over a real socket.
"""

from __future__ import annotations

from typing import Any, Final, Self
from uuid import UUID

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

_MOST_BYTES: Final = 512 * 1024


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
        _, _, host = origin.partition("://")
        try:
            line = await connect(
                f"ws://{host}/live",
                host=at[0],
                port=at[1],
                compression=None,
                ping_interval=None,
                max_size=_MOST_BYTES,
                close_timeout=1,
                proxy=None,
            )
        except WebSocketException as error:
            raise NotServed(f"the handshake failed: {error}") from error
        overlay = cls(line)
        try:
            client = {"kind": "overlay", "name": "probe"}
            hello = {"op": "hello", "proto": 1, "key": key, "client": client}
            await line.send(orjson.dumps(hello).decode())
            await overlay.until(0)
        except BaseException:
            await line.close()
            raise
        return overlay

    async def aclose(self) -> None:
        """Leave as a browser does."""
        await self._line.close()

    async def until(self, seq: int) -> None:
        """Take frames until step `seq` is shown. Raises NotServed."""
        while self.position is None or self.position[1] < seq:
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
