"""A line that we say in Kick's chat: short, one line, and never a command (reliability T37)."""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 500
#: What a site or a bot takes for an order when a line begins with it.
_ORDERS: Final = "/."
_AHEAD: Final = "› "


def sayable(text: str) -> str:
    """`text` as it may be sent; empty when nothing of it is left."""
    kept = "".join(_plain(c) for c in text[: 8 * LONGEST])
    line = " ".join(kept.split())
    if line.startswith(tuple(_ORDERS)):
        line = _AHEAD + line
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


def _plain(character: str) -> str:
    match unicodedata.category(character):
        case "Cc" | "Zl" | "Zp":
            return " "
        case "Cf" | "Cs" | "Co" | "Cn":
            # A zero-width joiner holds emoji together; alone in front it would hide an order from us.
            return character if character == "\u200d" else ""
        case _:
            return character
