"""A line that we say in a chat: short, one line, and never a command (reliability T37)."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from typing import Final

#: Characters, on Twitch and on Kick (platforms/twitch.md §5, kick.md §5).
LONGEST: Final = 500
#: What a site or a bot takes for an order when a line begins with it.
_ORDERS: Final = "/."
_AHEAD: Final = "› "
#: Stands behind a line that was said already, once for each time.
_AGAIN: Final = "·"


def sayable(text: str) -> str:
    """`text` as it may be sent; empty when nothing of it is left."""
    kept = "".join(_plain(c) for c in text[: 8 * LONGEST])
    line = " ".join(kept.split()).lstrip("\u200d ")
    if line.startswith(tuple(_ORDERS)):
        line = _AHEAD + line
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def unlike(line: str, said: Collection[str]) -> str:
    """`line`, as `sayable` answers it, marked so that it is none of those.

    Twitch swallows a line that the same account has said within 30 seconds. The mark can be seen: what cannot
    is taken off on the way, or looks like a trick.
    """
    marked, dots = line, ""
    while marked in said:
        dots += _AGAIN
        room = LONGEST - len(dots) - 1
        marked = f"{line if len(line) <= room else line[: room - 1].rstrip() + '…'} {dots}"
    return marked


def _plain(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co" | "Cn":
            # A zero-width joiner holds emoji together.
            return character if character == "\u200d" else ""
        case _:
            return character
