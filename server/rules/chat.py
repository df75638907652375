"""What a line of chat means to a poll (contract §5, vote grammar).

The whole message counts, trimmed, after NFKC and without format characters. Linear in the length of
the line; text comes from strangers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Literal

Words = Literal["off", "exact", "any_case"]

#: Longer lines are never votes. Chat has 500 characters at most (reliability §3.9), most of which
#: cleaning may remove.
LONGEST_VOTE = 500

# Some Twitch clients append U+E0000 to get a repeated message through. `unicodedata` files that
# code point under Cn, not Cf, so the whole tag block is named here.
_TAG_BLOCK = range(0xE0000, 0xE0080)

_NUMBER_VOTE = re.compile(r"(?:[!+#]|!vote *|vote +)?([1-9][0-9]?)", re.ASCII | re.IGNORECASE)

_COMMON_MARKS = ("", "!", "+", "#", "!vote", "!vote ", "vote ")


def clean(text: str) -> str:
    """`text` after NFKC, without format characters and the tag block, trimmed."""
    if text.isascii():
        return text.strip()
    kept = (
        c
        for c in unicodedata.normalize("NFKC", text)
        if unicodedata.category(c) != "Cf" and ord(c) not in _TAG_BLOCK
    )
    return "".join(kept).strip()


def word_ballot(labels: Sequence[str], words: Words) -> Mapping[str, int]:
    """Which whole messages besides numbers vote for which option (1…).

    Empty when words are off, or when labels could be mistaken for each other or for a number vote.
    """
    if words == "off":
        return {}
    keys = [fold(label, words) for label in labels]
    if len(set(keys)) < len(keys) or not all(keys) or any(_NUMBER_VOTE.fullmatch(key) for key in keys):
        return {}
    return {key: index for index, key in enumerate(keys, 1)}


def fold(text: str, words: Words) -> str:
    """`text` as it is compared with a label."""
    text = clean(text)
    return text.casefold() if words == "any_case" else text


def plain_ballot(options: int, ballot: Mapping[str, int], words: Words) -> Mapping[str, int]:
    """The lines that most votes consist of, to the letter, with the option (1…) that `choice` finds."""
    numbers = range(1, options + 1)
    lines = [f"{mark}{number}" for mark in _COMMON_MARKS for number in numbers]
    found = {line: choice(line, options, ballot, words) for line in (*lines, *ballot)}
    return {line: index for line, index in found.items() if index is not None}


def choice(text: str, options: int, ballot: Mapping[str, int], words: Words) -> int | None:
    """The option (1…`options`) that a line votes for, or None when it is no vote.

    `ballot` comes from `word_ballot`. Not votes, by contract: leading zeros, two numbers, fractions,
    signs other than one `+`, digits that are not ASCII after NFKC, numbers out of range.
    """
    if len(text) > LONGEST_VOTE:
        return None
    text = clean(text)
    if match := _NUMBER_VOTE.fullmatch(text):
        number = int(match[1])
        return number if number <= options else None
    if not ballot:
        return None
    return ballot.get(text.casefold() if words == "any_case" else text)
