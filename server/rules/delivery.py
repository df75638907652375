"""What becomes of something that must leave: the verdicts of a courier and what they mean for the outbox.

Sources: reliability §3.8, domain/operations.md §3.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID


class Item(NamedTuple):
    """One entry of the outbox, as its courier is given it."""

    id: UUID
    campaign_id: UUID
    kind: str  # "twitch.redemption", "kick.chat", …
    payload: Mapping[str, Any]
    attempts: int  # tries before this one
    created_at: datetime


class Done(NamedTuple):
    """It is delivered, or was before."""

    detail: str = ""


class Again(NamedTuple):
    """Not now. `after_s`: what the platform asked to wait; None leaves it to the back-off.

    `counts` is False when nothing was tried, for example while a rate limit is used up.
    """

    why: str
    after_s: float | None = None
    counts: bool = True


class NeedsPerson(NamedTuple):
    """Nobody but a person can tell what is right: shown on the desk until somebody decides."""

    why: str


class Dead(NamedTuple):
    """It will never work, or is not worth anything any more (a chat line after 10 s)."""

    why: str


Verdict: TypeAlias = Done | Again | NeedsPerson | Dead
