"""Who won: the count, and the tie rule that was declared before the launch."""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from server.rules.poll import Outcome, Poll
from server.rules.tally import Tally, leaders, totals, weights
from server.rules.vote_ledger import Step


def top(poll: Poll, tally: Tally) -> tuple[int, ...]:
    """The options with the most weight: none without votes, more than one in a tie."""
    return leaders(weights(tally, len(poll.options), poll.rules.weighting, poll.rules.cap_percent))


def decide(poll: Poll, tally: Tally, steps: Sequence[Step]) -> Outcome:
    """The result of a final tally. `steps` (from `vote_ledger.replay`) are read by tie rule `first` only.

    A tie is equality of exact weights, never of rounded percentages. No votes: no winner, no tie.
    """
    leading = top(poll, tally)
    if len(leading) <= 1:
        return Outcome(tally, (), leading[0] if leading else None)
    winner: int | None = None
    if poll.rules.tie == "first":
        winner = first_to_reach(leading, totals(tally, len(poll.options)), steps)
    elif poll.rules.tie == "random":
        winner = drawn(poll, leading)
    return Outcome(tally, leading, winner)


def first_to_reach(tied: Sequence[int], final: Sequence[int], steps: Sequence[Step]) -> int:
    """The tied option whose running count came first, by send time, to its final number of votes."""
    for step in steps:
        if step.choice in tied and step.count == final[step.choice - 1]:
            return step.choice
    raise ValueError("a tied option never reached its own count: the ledger does not belong to this tally")


def drawn(poll: Poll, tied: Sequence[int]) -> int:
    """The option that chance picks: from the seed whose hash was shown, and the last hash of the ledger.

    Viewers cannot know the seed; the server cannot know the ledger when it commits to the seed.
    """
    if poll.seed is None or poll.ledger_head is None:
        raise ValueError("a draft cannot be drawn")
    return draw(poll.seed, str(poll.id), poll.ledger_head, tied)


def draw(seed: bytes, poll_id: str, ledger_head: bytes, tied: Sequence[int]) -> int:
    """HMAC-SHA256 of poll, ledger and tied options under the seed, modulo how many are tied."""
    text = f"{poll_id}|{ledger_head.hex()}|{','.join(str(index) for index in sorted(tied))}"
    number = int.from_bytes(hmac.digest(seed, text.encode(), "sha256"), "big")
    return sorted(tied)[number % len(tied)]
