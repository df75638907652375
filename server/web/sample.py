"""The poll that an overlay draws when its "Test" button is pressed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from server.rules.poll import Poll, PollRules, Seat, State
from server.rules.poll_board import board

TEST_TTL_MS = 8000


def sample_board(now: datetime) -> Mapping[str, Any]:
    """An open poll in mid-count that ends with the test; simulated, as everything of a test is."""
    opened = now - timedelta(seconds=22)
    poll = Poll(
        id=UUID(int=0),
        campaign_id=UUID(int=0),
        question="Does the overlay work?",
        options=("Yes", "It is beautiful", "Look at the sound, too"),
        duration_s=30,
        rules=PollRules(grace_s=3),
        state=State.OPEN,
        simulated=True,
        seats=(Seat(0, None, "custom", "test"),),
        opens_at=opened,
        closes_at=now + timedelta(milliseconds=TEST_TTL_MS),
        phase_at=opened,
        on_screen=True,
        tally=((42, 57, 12),),
    )
    drawn = board(poll)
    if drawn is None:
        raise ValueError("the sample is not on screen")
    return drawn
