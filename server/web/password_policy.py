"""Which passwords are taken: 8 to 128 characters, none that everybody tries, nothing of who chooses it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from server.web.common_passwords import COMMON

SHORTEST: Final = 8
LONGEST: Final = 128
#: Shorter words are in many passwords by chance.
_SHORTEST_WORD: Final = 4
_RUNS: Final = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
)
_LEET: Final = str.maketrans("013457@$!", "oleastasi")


def normal(password: str) -> str:
    """The password as it is hashed: typed on another keyboard it must be the same (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def complaint(password: str, *, email: str = "", name: str = "") -> str:
    """What is wrong with a new password, as a sentence; empty when it is taken."""
    text = normal(password)
    if len(text) < SHORTEST:
        return f"Use at least {SHORTEST} characters."
    if len(text) > LONGEST:
        return f"Use at most {LONGEST} characters."
    lowered = text.casefold()
    if len(set(lowered)) < 4:
        return "Use more than three different characters."
    if _is_common(lowered):
        return "Everybody tries this one first. Choose another."
    if any(word in lowered for word in _own_words(email, name)):
        return "Leave your name and your address out of it."
    return ""


def _is_common(lowered: str) -> bool:
    """One of the list, with digits and signs around it or in place of letters; or a run of keys."""
    bare = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", lowered)
    forms = {lowered, bare, lowered.translate(_LEET), bare.translate(_LEET)}
    if any(form in COMMON for form in forms if form):
        return True
    return any(lowered in run * 2 or lowered in run[::-1] * 2 for run in _RUNS)


def _own_words(email: str, name: str) -> list[str]:
    mailbox, _, domain = email.casefold().partition("@")
    words = [mailbox, *re.split(r"[._+-]", mailbox), domain.rpartition(".")[0], *name.casefold().split()]
    return [word for word in words if len(word) >= _SHORTEST_WORD]
