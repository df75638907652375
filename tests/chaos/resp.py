"""Redis's protocol, as far as whole replies and pub/sub messages can be told apart in it (RESP 2 and 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

_LINES = b"+-:,#(_"
_BULKS = b"$=!"
_MEMBERS = {b"*": 1, b"~": 1, b">": 1, b"%": 2, b"|": 2}


def reply_end(data: bytes | bytearray, start: int = 0) -> int | None:
    """Where the reply at `start` ends; None while it is not all there. Raises ValueError for no reply."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, after = data[start : start + 1], line_end + 2
    if kind and kind in _LINES:
        return after
    size = int(data[start + 1 : line_end])
    if kind and kind in _BULKS:
        end = after if size < 0 else after + size + 2
        return end if len(data) >= end else None
    each = _MEMBERS.get(bytes(kind))
    if each is None:
        raise ValueError(f"no reply of Redis: {bytes(data[start : start + 20])!r}")
    for _ in range(max(size, 0) * each):
        end_of_member = reply_end(data, after)
        if end_of_member is None:
            return None
        after = end_of_member
    return after


def is_message(reply: bytes) -> bool:
    """Whether it is something that was published, and not an answer."""
    return reply[:1] in (b">", b"*") and reply[2:16].startswith((b"\r\n$7\r\nmessage", b"\r\n$8\r\nsmessag"))


@dataclass(slots=True)
class Odds:
    """What befalls a published message, each as a share of one; shared by all connections of a link."""

    random: Random
    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    latest_s: float = 5.0
    counted: dict[str, int] = field(default_factory=lambda: {"whole": 0, "lost": 0, "twice": 0, "late": 0})

    def fate(self) -> str:
        point = self.random.random()
        for name, share in (("lost", self.lost), ("twice", self.twice), ("late", self.late)):
            if point < share:
                return name
            point -= share
        return "whole"


class MessageFaults:
    """The mangler of one connection: published messages meet their fate, answers pass."""

    def __init__(self, odds: Odds) -> None:
        self._odds = odds
        self._held = bytearray()

    def take(self, data: bytes) -> list[tuple[float, bytes]]:
        self._held += data
        start = 0
        out: list[tuple[float, bytes]] = []
        while start < len(self._held) and (end := reply_end(self._held, start)) is not None:
            out += self._pass_on(bytes(self._held[start:end]))
            start = end
        del self._held[:start]
        return out

    def _pass_on(self, reply: bytes) -> list[tuple[float, bytes]]:
        if not is_message(reply):
            return [(0.0, reply)]
        fate = self._odds.fate()
        self._odds.counted[fate] += 1
        match fate:
            case "lost":
                return []
            case "twice":
                return [(0.0, reply), (0.0, reply)]
            case "late":
                return [(self._odds.random.uniform(0, self._odds.latest_s), reply)]
        return [(0.0, reply)]
