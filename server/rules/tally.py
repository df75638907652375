"""Counting votes over several channels: plain sum, one channel one vote, capped share, per head.

All arithmetic is exact: weights are fractions, so that two servers and `hubbub verify` agree to the
last digit and a tie is a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

Weighting = Literal["sum", "channel", "capped", "per_head"]

#: Votes by channel slot and option: `tally[slot][option - 1]`.
Tally = tuple[tuple[int, ...], ...]


def empty(slots: int, options: int) -> Tally:
    """No votes yet."""
    return tuple((0,) * options for _ in range(slots))


def totals(tally: Tally, options: int) -> tuple[int, ...]:
    """Votes per option over all channels."""
    return tuple(sum(channel[option] for channel in tally) for option in range(options))


def weights(tally: Tally, options: int, weighting: Weighting, cap_percent: int) -> tuple[Fraction, ...]:
    """What each option weighs under the rule that was chosen before launch.

    sum: every vote weighs one. channel: every channel with votes gives one point to its leading
    option, in equal parts when several lead. capped: as sum, but a channel's votes are scaled down
    until it holds at most `cap_percent` of the whole. per_head: every channel weighs the same, split
    as its viewers voted, so a small channel's viewer weighs more than a big one's.
    """
    if weighting == "sum":
        return tuple(Fraction(n) for n in totals(tally, options))
    result = [Fraction(0)] * options
    scales = _capped_scales([sum(channel) for channel in tally], cap_percent) if weighting == "capped" else ()
    for slot, channel in enumerate(tally):
        heads = sum(channel)
        if not heads:
            continue
        if weighting == "channel":
            top = max(channel)
            leaders = [option for option, votes in enumerate(channel) if votes == top]
            for option in leaders:
                result[option] += Fraction(1, len(leaders))
            continue
        scale = scales[slot] if weighting == "capped" else Fraction(1, heads)
        for option, votes in enumerate(channel):
            result[option] += votes * scale
    return tuple(result)


def _capped_scales(channel_totals: Sequence[int], cap_percent: int) -> tuple[Fraction, ...]:
    """What one vote of each channel weighs so that no channel holds more than the cap.

    With fewer than 1/cap channels voting nobody could satisfy the cap; it is then an equal share.
    """
    voting = sorted((total for total in channel_totals if total), reverse=True)
    if not voting:
        return (Fraction(1),) * len(channel_totals)
    cap = max(Fraction(cap_percent, 100), Fraction(1, len(voting)))
    rest = sum(voting)
    level = Fraction(rest)
    for above, total in enumerate(voting):
        # `above` channels are cut to `level`, the rest count in full: level = cap × (above × level + rest).
        level = cap * rest / (1 - above * cap) if above * cap < 1 else Fraction(total)
        if total <= level:
            break
        rest -= total
    else:
        level = Fraction(voting[-1])
    return tuple(Fraction(1) if total <= level else level / total for total in channel_totals)


def leaders(weight: Sequence[Fraction]) -> tuple[int, ...]:
    """The options (1…) with the most weight; empty while nothing has been counted."""
    top = max(weight, default=Fraction(0))
    return tuple(index for index, w in enumerate(weight, 1) if w == top) if top > 0 else ()
