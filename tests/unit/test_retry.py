"""When a delivery is tried again: pauses, bounds, and what each verdict comes to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.rules.delivery import Again, Dead, Done, NeedsPerson
from server.rules.retry import (
    LONGEST_WAIT_S,
    ORDINARY,
    PATIENT,
    STEPS_ASIDE_AFTER,
    Policy,
    Settled,
    pause_s,
    settle,
)

policies = st.builds(
    Policy,
    base_s=st.floats(0.01, 60),
    cap_s=st.floats(0.01, 300),
    most=st.integers(1, 100),
)
chances = st.floats(0, 1)


@given(policies, st.integers(1, 100), chances)
def test_a_pause_doubles_up_to_its_cap(policy: Policy, tries: int, chance: float) -> None:
    pause = pause_s(policy, tries, chance)
    assert 0 < pause <= policy.cap_s
    assert pause <= policy.base_s * 2 ** (tries - 1) + 1
    assert pause_s(policy, tries + 1, chance) >= pause
    if pause < policy.cap_s:
        assert pause >= policy.base_s * 2 ** (tries - 1)


def test_those_who_failed_together_come_back_apart() -> None:
    pauses = {round(pause_s(ORDINARY, 3, step / 100), 4) for step in range(100)}
    assert len(pauses) == 100
    assert min(pauses) == 2.0
    assert max(pauses) == 2.99


@given(policies, st.integers(1, 200), chances, st.none() | st.floats(-10, 1e6), st.booleans())
def test_again_ends_when_the_tries_are_used_up_and_not_before(
    policy: Policy, tries: int, chance: float, after_s: float | None, counts: bool
) -> None:
    settled = settle(Again("no", after_s, counts), policy, tries, chance)
    if counts and tries >= policy.most:
        assert settled.state == "dead"
        assert f"after {tries} tries" in settled.why
        return
    assert settled.state == "pending"
    assert settled.counts is counts
    assert settled.steps_aside is (counts and tries >= STEPS_ASIDE_AFTER)
    if after_s is None:
        assert settled.wait_s == pause_s(policy, tries, chance)
    else:
        assert settled.wait_s == min(max(after_s, 0), LONGEST_WAIT_S)


@given(policies, st.integers(1, 200), chances)
def test_other_verdicts_are_final(policy: Policy, tries: int, chance: float) -> None:
    assert settle(Done(), policy, tries, chance) == Settled("done")
    assert settle(NeedsPerson("look"), policy, tries, chance) == Settled("needs_person", "look")
    assert settle(Dead("late"), policy, tries, chance) == Settled("dead", "late")


def test_points_outlive_an_evening_without_the_platform() -> None:
    shortest = sum(pause_s(PATIENT, tries, 0.0) for tries in range(1, PATIENT.most))
    assert shortest > 4 * 3600
