"""What Kick is asked for, and what each permission is for (platforms/kick.md §2.1)."""

from __future__ import annotations

from typing import Final

#: Who signs in.
IDENTITY: Final[tuple[str, ...]] = ("user:read",)

#: Scope → what Hubbub does with it, as an end of "Hubbub may …".
CHANNEL: Final[dict[str, str]] = {
    "user:read": "see who you are",
    "channel:read": "see your channel, and whether you are live",
    "events:subscribe": "be told of chat, follows, subscriptions and gifts as they come",
    "chat:write": "write in chat as you, when you let a show do so",
    "channel:rewards:read": "see your rewards and who takes one",
    "channel:rewards:write": "make rewards, accept them, give points back",
    "kicks:read": "see KICKs",
}
