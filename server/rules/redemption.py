"""Points that a viewer spent: what the platform says of them, what we decide, and what comes of both.

A redemption is final once the platform has called it fulfilled or canceled, whatever is told of it later:
deliveries come in any order. We decide once; the platform is told by the outbox, looking first whenever an
earlier try may have been heard (reliability §3.8).
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from server.rules.delivery import Again, Done, NeedsPerson, Verdict
from server.rules.platform_events import RedemptionStatus
from server.rules.poll import Refused

Decision: TypeAlias = Literal["none", "fulfil", "refund"]
Settlement: TypeAlias = Literal["open", "asked", "done", "needs_person"]

#: What the platform calls it when our decision is carried out.
CARRIED_OUT: Final[dict[Decision, RedemptionStatus]] = {"fulfil": "fulfilled", "refund": "canceled"}
#: A platform that does not find it may be wrong once or twice; after so many tries it is gone.
GONE_AFTER: Final = 2


class Redemption(NamedTuple):
    """What counts of a redemption."""

    status: RedemptionStatus
    decision: Decision = "none"
    settlement: Settlement = "open"
    is_ours: bool = True  # the reward was made by this installation: only then may we decide
    simulated: bool = False


def told(known: RedemptionStatus, now: RedemptionStatus) -> RedemptionStatus:
    """What the platform said before, and what it says now."""
    return now if known == "unfulfilled" else known


def decide(redemption: Redemption, decision: Literal["fulfil", "refund"]) -> Redemption:
    """Decide, or say the same again. Raises Refused."""
    if redemption.decision == decision:
        return redemption
    if redemption.decision != "none":
        raise Refused("decided", "It was decided otherwise before, and that cannot be taken back.")
    if redemption.status != "unfulfilled":
        words = "given back" if redemption.status == "canceled" else "marked as done"
        raise Refused("final", f"It is {words} already; the platform changes it no more.")
    if redemption.simulated:
        return redemption._replace(decision=decision, settlement="done", status=CARRIED_OUT[decision])
    if not redemption.is_ours:
        raise Refused(
            "not_ours", "Hubbub did not make this reward: only the streamer can decide, on the platform."
        )
    return redemption._replace(decision=decision, settlement="asked")


def looked_up(
    decision: Literal["fulfil", "refund"], found: RedemptionStatus | None, attempts: int
) -> Verdict | None:
    """What the platform's answer to "how does it stand?" means; None: it may be told our decision now.

    `found` is None when the platform does not know it; `attempts` are the tries before this one.
    """
    if found == CARRIED_OUT[decision]:
        return Done("It was done before.")
    if found == "unfulfilled":
        return None
    if found == "fulfilled":
        return NeedsPerson("It was marked as done before the points could be given back.")
    if found == "canceled":
        return NeedsPerson("The points were given back before it could be marked as done.")
    if attempts < GONE_AFTER:
        return Again("The platform does not find it.")
    return NeedsPerson(
        "The platform does not know it any more. Was its reward deleted? What was open then counts as done."
    )
