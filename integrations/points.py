"""The port to a platform's points: rewards on a channel, and what viewers bought.

Every method raises what `integrations.rest.Rest.call` raises. `account_id` is the channel's owner.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias
from uuid import UUID

from server.rules.consent import Capability
from server.rules.platform_events import RedemptionStatus
from sql.pool import Connection
from sql.rewards import Terms

#: Whether a streamer allows something in a campaign now:
#: `allowed(connection, campaign_id, platform, channel_id, capability)`.
Consent: TypeAlias = Callable[[Connection, UUID, str, str, Capability], Awaitable[bool]]

#: What consent is asked for here.
CAPABILITY: Final[Capability] = "rewards"
NO_CONSENT: Final = "The streamer's consent to rewards has ended: ask for it again, then try this again."


class RedemptionClient(Protocol):
    """What a courier of redemptions needs of a platform."""

    @property
    def together(self) -> int:
        """The most ids that one call takes."""

    async def statuses(
        self, account_id: str, reward_id: str, ids: Sequence[str]
    ) -> Mapping[str, RedemptionStatus]:
        """How these redemptions stand; those that the platform does not know are missing."""

    async def settle(
        self, account_id: str, reward_id: str, ids: Sequence[str], decision: Literal["fulfil", "refund"]
    ) -> Collection[str]:
        """Tell our decision; answers those that were not taken and must be looked at."""


class Made(NamedTuple):
    """A reward of ours, as the platform has it."""

    id: str
    title: str
    cost: int


class RewardClient(Protocol):
    """What a courier of rewards needs of a platform."""

    @property
    def lists_ours_only(self) -> bool:
        """Whether the platform tells rewards that this installation made from the streamer's own."""

    async def ours(self, account_id: str) -> list[Made]:
        """The rewards on the channel, where the platform can tell only those that this installation made."""

    async def create(self, account_id: str, terms: Terms, *, paused: bool) -> Made:
        """A new one. Its redemptions wait for a decision."""

    async def update(self, account_id: str, reward_id: str, terms: Terms, *, paused: bool) -> None:
        """Make it so."""

    async def delete(self, account_id: str, reward_id: str) -> None:
        """Take it off the channel."""
