"""When something that could not be delivered is tried again, and when it is given up.

Source: domain/operations.md §3, reliability §3.8.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from server.rules.delivery import Again, Dead, Done, NeedsPerson, Verdict


class Policy(NamedTuple):
    """How a kind of delivery is tried again."""

    base_s: float  # the first pause, doubled with every try
    cap_s: float  # the longest
    most: int  # tries that count, then it is dead


#: A line of chat and the like: worth little after a moment, and it has an end of its own.
ORDINARY: Final = Policy(base_s=0.5, cap_s=30.0, most=10)
#: Somebody's points: an outage of the platform that lasts a whole evening must not lose them.
PATIENT: Final = Policy(base_s=0.5, cap_s=300.0, most=60)

#: At most a second of chance is added, so that those who failed together do not come back together.
_JITTER_S: Final = 1.0
#: However long a platform asks us to wait, after this we ask again.
LONGEST_WAIT_S: Final = 300.0
#: One that fails as often as this in a row lets those behind it pass.
STEPS_ASIDE_AFTER: Final = 5

State: TypeAlias = Literal["pending", "done", "dead", "needs_person"]


class Settled(NamedTuple):
    """What becomes of an item after a try."""

    state: State
    why: str = ""
    wait_s: float = 0.0  # of one that is pending
    counts: bool = True  # whether the try is counted
    steps_aside: bool = False  # it does not keep others waiting any more


def pause_s(policy: Policy, tries: int, chance: float) -> float:
    """How long to wait after so many tries that failed; `chance` is one of 0 to 1."""
    doubled = policy.base_s * 2.0 ** min(max(tries - 1, 0), 30)
    return min(policy.cap_s, doubled + _JITTER_S * chance)


def settle(verdict: Verdict, policy: Policy, tries: int, chance: float) -> Settled:
    """What a verdict means after `tries` tries, this one included, since a person last had a say."""
    match verdict:
        case Done(detail):
            return Settled("done", detail)
        case NeedsPerson(why):
            return Settled("needs_person", why)
        case Dead(why):
            return Settled("dead", why)
        case Again(why, after_s, counts):
            if counts and tries >= policy.most:
                return Settled("dead", f"Given up after {tries} tries: {why}")
            if after_s is not None:
                wait_s = min(max(after_s, 0.0), LONGEST_WAIT_S)
            else:
                wait_s = pause_s(policy, tries, chance)
            return Settled("pending", why, wait_s, counts, counts and tries >= STEPS_ASIDE_AFTER)
