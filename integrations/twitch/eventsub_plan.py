"""What we ask to be told of a channel, and what its streamer must have allowed for each (twitch.md §4).

Types that no game reads are not asked for: a subscription that nobody needs costs its place in the limits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from sql.twitch_subscriptions import Account, Transport, Wanted


class Kind(NamedTuple):
    """A type of subscription."""

    type: str
    version: str
    scope: str  # of the streamer's own token; empty: none is needed
    names: tuple[str, ...] = ("broadcaster_user_id",)  # what of the condition holds the channel's id


_POINTS: Final = "channel.channel_points_custom_reward_redemption"

#: In the order of their worth: where a limit is reached, points that somebody spent come before follows.
KINDS: Final = (
    Kind(f"{_POINTS}.add", "1", "channel:manage:redemptions"),
    Kind(f"{_POINTS}.update", "1", "channel:manage:redemptions"),
    Kind("stream.online", "1", ""),
    Kind("stream.offline", "1", ""),
    Kind("channel.poll.begin", "1", "channel:manage:polls"),
    Kind("channel.poll.progress", "1", "channel:manage:polls"),
    Kind("channel.poll.end", "1", "channel:manage:polls"),
    Kind("channel.subscribe", "1", "channel:read:subscriptions"),
    Kind("channel.subscription.gift", "1", "channel:read:subscriptions"),
    Kind("channel.subscription.message", "1", "channel:read:subscriptions"),
    Kind("channel.bits.use", "1", "bits:read"),
    Kind("channel.raid", "1", "", ("to_broadcaster_user_id",)),
    Kind("channel.follow", "2", "moderator:read:followers", ("broadcaster_user_id", "moderator_user_id")),
)
BY_TYPE: Final = {kind.type: kind for kind in KINDS}
_PLACES: Final = {kind.type: place for place, kind in enumerate(KINDS)}


def condition(kind: Kind, broadcaster_id: str) -> dict[str, str]:
    """The condition of a subscription: of which channel we want to know, by its own streamer's grant."""
    return dict.fromkeys(kind.names, broadcaster_id)


def wanted(accounts: Iterable[Account], transport: Transport) -> list[Wanted]:
    """Everything, of all of them."""
    return [Wanted(one.id, kind.type, kind.version, transport) for one in accounts for kind in KINDS]


def is_granted(kind: Kind, scopes: Collection[str]) -> bool:
    """Whether the streamer allowed it; a `manage` scope includes its `read` twin, and the other way round is
    enough to be told."""
    if not kind.scope:
        return True
    return bool({kind.scope, kind.scope.replace(":manage:", ":read:")} & set(scopes))


def place(type_: str) -> int:
    """Where a type stands in the order of their worth."""
    return _PLACES.get(type_, len(_PLACES))
