"""Whether Hubbub may touch a channel now, and if not, why, in a sentence (domain/campaigns-and-auth.md §5).

A streamer's channel is touched under dual validation: the streamer accepted the show once, and agreed to each
capability for some hours. Two kinds of channel need no consent, so that nothing gets harder for somebody who
runs Hubbub for themself:

* a channel that belongs to no account known here, and to nobody who was invited: whoever runs the show added
  it, and nothing but its public chat can be read;
* a channel of the show's owner.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

Capability = Literal["polls", "rewards", "chat", "scene"]
CAPABILITIES: Final[tuple[Capability, ...]] = get_args(Capability)

#: How long a consent is good for, when nothing else was said.
LIFE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(hours=72)

#: What each one lets Hubbub do, as it stands behind "Hubbub may …".
IN_WORDS: Final = {
    "polls": "count votes in your chat and run polls on your channel",
    "rewards": "make rewards for channel points and give points back",
    "chat": "write in your chat",
    "scene": "switch sources of your stream",
}


NOT_IN_SHOW: Final = "The channel does not take part in this show."


@dataclass(frozen=True, slots=True)
class Standing:
    """How a channel stands in a show, for one capability, at one moment."""

    has_account: bool = False  # somebody who has signed in here owns the channel
    is_owners: bool = False  # the show's owner does
    membership: Literal["none", "pending", "active"] = "none"
    expires_at: datetime | None = None  # of the consent; None: never given, or taken back


def why_not(standing: Standing, capability: Capability, name: str, now: datetime) -> str | None:
    """None when it is allowed; else a sentence for whoever runs the show. `name` is the channel's."""
    if standing.is_owners or not (standing.has_account or standing.membership != "none"):
        return None
    if standing.membership == "none":
        return f"{name} belongs to somebody who has not been invited to this show."
    if standing.membership == "pending":
        return f"{name} has not accepted the invitation yet."
    if standing.expires_at is None:
        return f"{name} has not agreed to this: {_AGREES[capability]}."
    if standing.expires_at <= now:
        return f"What {name} agreed to has run out: {_AGREES[capability]}."
    return None


_AGREES: Final = {
    "polls": "polls on the channel",
    "rewards": "rewards for channel points",
    "chat": "messages in the chat",
    "scene": "changes of the scene",
}
