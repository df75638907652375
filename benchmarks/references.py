"""What reading a line of chat costs on this machine at its least: then a figure says the same on any."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_ROUNDS = 7
_LINE = re.compile(
    r"@([^ ]+) :([a-z0-9_]{1,64})![^ @]*@[^ ]* PRIVMSG #([a-z0-9_]{1,64}) :(.+)", re.ASCII | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Reading:
    """Microseconds of CPU a line."""

    pattern_us: float  # one compiled pattern, which finds tags, speaker, channel and words
    split_us: float  # all tags of the line into a dict


def of_lines(lines: Sequence[str]) -> Reading:
    """The median of some rounds, in this process; measure it next to what it is compared with."""
    return Reading(_median_us(_LINE.fullmatch, lines), _median_us(_split, lines))


def _split(line: str) -> dict[str, str]:
    tags = line[1 : line.index(" ")]
    return dict([tag.split("=", 1) for tag in tags.split(";")])


def _median_us(read: Callable[[str], object], lines: Sequence[str]) -> float:
    took = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for line in lines:
            read(line)
        took.append(time.process_time() - began)
    return sorted(took)[_ROUNDS // 2] / len(lines) * 1e6
