"""What Twitch is asked for when somebody connects their channel, and what each permission is for.

platforms/twitch.md §4 and §5 say which call and which subscription needs which scope; a `manage` scope
includes its `read` twin.
"""

from __future__ import annotations

from typing import Final

#: Who signs in, and nothing about their channel: Twitch needs no scope to tell that.
IDENTITY: Final[tuple[str, ...]] = ()

#: Scope → what Hubbub does with it, as an end of "Hubbub may …".
CHANNEL: Final[dict[str, str]] = {
    "user:read:chat": "read your chat",
    "user:write:chat": "write in chat as you, when you let a show do so",
    "channel:bot": "answer in your chat without being a moderator",
    "channel:manage:polls": "start and end Twitch polls, and see how they go",
    "channel:manage:redemptions": "make channel-point rewards, see who takes one, give points back",
    "channel:read:predictions": "see predictions",
    "channel:read:subscriptions": "see subscriptions and gifts as they come",
    "bits:read": "see cheers as they come",
    "moderator:read:followers": "see new followers",
    "moderator:read:chatters": "count who is in chat",
    "channel:read:hype_train": "see hype trains",
    "channel:read:ads": "see when an advertising break begins",
}
