"""What people are asked for when they sign in by a provider, and what for, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from integrations.google import identity as google
from integrations.identity import Provider
from integrations.kick import scopes as kick
from integrations.twitch import scopes as twitch
from sql.oauth_states import Wants

NAMES: Final[Mapping[Provider, str]] = {"twitch": "Twitch", "kick": "Kick", "google": "Google"}

#: Scope → an end of "Hubbub may …". Who has no channel is asked for nothing of one.
OF_CHANNELS: Final[Mapping[Provider, Mapping[str, str]]] = {
    "twitch": twitch.CHANNEL,
    "kick": kick.CHANNEL,
    "google": {},
}
_IDENTITY: Final[Mapping[Provider, tuple[str, ...]]] = {
    "twitch": twitch.IDENTITY,
    "kick": kick.IDENTITY,
    "google": google.IDENTITY,
}


def scopes_for(provider: Provider, wants: Wants) -> tuple[str, ...]:
    """The scopes to ask for. A provider without channels is asked who it is, whatever is wanted."""
    of_channel = tuple(OF_CHANNELS[provider])
    return of_channel if wants == "channel" and of_channel else _IDENTITY[provider]


def wanted_of(provider: Provider, wants: Wants) -> Wants:
    """`identity` for a provider without channels."""
    return wants if OF_CHANNELS[provider] else "identity"
