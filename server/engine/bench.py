"""What an intake works with inside a campaign's turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from server.engine.memory import Room
from server.engine.turn import Turn


class Bench(NamedTuple):
    """The campaign is the intake's until the turn is over: what it writes is done with all else, or not."""

    room: Room  # what this process knows of the campaign, valid for this turn
    turn: Turn
    chance: Callable[[int], bytes]
    armed: asyncio.Event  # to be set when a deadline was armed
