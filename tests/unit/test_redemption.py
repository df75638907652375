"""What the platform tells of a redemption and what we decide, against a plain model."""

from __future__ import annotations

from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.delivery import Again, Done, NeedsPerson
from server.rules.platform_events import RedemptionStatus
from server.rules.poll import Refused
from server.rules.redemption import CARRIED_OUT, GONE_AFTER, Redemption, decide, looked_up, told

STATUSES: tuple[RedemptionStatus, ...] = get_args(RedemptionStatus)
statuses = st.sampled_from(STATUSES)
Chosen = Literal["fulfil", "refund"]
decisions: st.SearchStrategy[Chosen] = st.sampled_from(get_args(Chosen))


@given(st.sampled_from(["fulfilled", "canceled"]), st.data())
def test_deliveries_of_one_redemption_end_the_same_in_any_order(
    final: RedemptionStatus, data: st.DataObject
) -> None:
    """A platform tells a redemption open, then final, each any number of times; what arrives is shuffled."""
    opened: list[RedemptionStatus] = ["unfulfilled"]
    heard = opened * data.draw(st.integers(0, 4)) + [final] * data.draw(st.integers(1, 4))
    status: RedemptionStatus = "unfulfilled"
    for word in data.draw(st.permutations(heard)):
        status = told(status, word)
    assert status == final


@given(statuses, st.lists(statuses, max_size=6))
def test_what_is_final_stays(first: RedemptionStatus, later: list[RedemptionStatus]) -> None:
    status = first
    for word in later:
        status = told(status, word)
    finals = [word for word in (first, *later) if word != "unfulfilled"]
    assert status == (finals[0] if finals else "unfulfilled")


steps = st.one_of(
    st.tuples(st.just("told"), statuses),
    st.tuples(st.just("decide"), decisions),
    st.tuples(st.just("settled"), st.sampled_from(["done", "needs_person"])),
)


@given(st.lists(steps, max_size=12), st.booleans(), st.booleans())
def test_a_redemption_is_decided_once(path: list[tuple[str, str]], is_ours: bool, simulated: bool) -> None:
    """The model: the first decision that was taken is the only one there ever is, and it was taken of an open
    redemption of a reward of ours."""
    redemption = Redemption("unfulfilled", is_ours=is_ours, simulated=simulated)
    first: str | None = None
    for what, value in path:
        match what:
            case "told":
                redemption = redemption._replace(status=told(redemption.status, value))  # type: ignore[arg-type]
            case "settled" if redemption.settlement == "asked":
                redemption = redemption._replace(settlement=value)  # type: ignore[arg-type]
            case "decide":
                may = first in (None, value) and (
                    first is not None or (redemption.status == "unfulfilled" and (is_ours or simulated))
                )
                try:
                    redemption = decide(redemption, value)  # type: ignore[arg-type]
                except Refused:
                    assert not may
                else:
                    assert may
                    first = value
        assert (redemption.decision == "none") == (first is None) == (redemption.settlement == "open")
        assert redemption.decision in ("none", first)
        if simulated and first is not None:
            assert (redemption.settlement, redemption.status) == ("done", CARRIED_OUT[redemption.decision])


def test_refusals_say_why() -> None:
    for redemption, reason in (
        (Redemption("unfulfilled", "fulfil", "asked"), "decided"),
        (Redemption("fulfilled"), "final"),
        (Redemption("canceled"), "final"),
        (Redemption("unfulfilled", is_ours=False), "not_ours"),
    ):
        with pytest.raises(Refused) as refused:
            decide(redemption, "refund")
        assert refused.value.reason == reason


@given(decisions, statuses | st.none(), st.integers(0, 100))
def test_a_look_never_tells_twice_and_never_hides(
    decision: Chosen, found: RedemptionStatus | None, attempts: int
) -> None:
    verdict = looked_up(decision, found, attempts)
    match found:
        case "unfulfilled":
            assert verdict is None, "only what is open may be told"
        case None:
            assert isinstance(verdict, Again if attempts < GONE_AFTER else NeedsPerson)
        case _ if found == CARRIED_OUT[decision]:
            assert isinstance(verdict, Done)
        case _:
            assert isinstance(verdict, NeedsPerson)
