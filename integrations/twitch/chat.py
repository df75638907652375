"""Speaking in a Twitch chat over Helix, as the streamer's own account (platforms/twitch.md §5)."""

from __future__ import annotations

from typing import Final

from integrations.chat_courier import Sent
from integrations.twitch.helix import Helix, HelixAway
from integrations.twitch.reading import fields, identifier, items, message_id
from integrations.twitch.reading import text as text_of

_LONGEST_WHY: Final = 200


class TwitchSpeaker:
    """A `Speaker` (integrations/chat_courier.py)."""

    name: Final = "Twitch"
    swallows_repeats: Final = True

    def __init__(self, helix: Helix) -> None:
        self._helix = helix

    async def say(self, channel_id: str, text: str, reply_to: str) -> Sent:
        """A 200 does not mean that it is shown: the answer says so, and why it is not."""
        body = {"broadcaster_id": channel_id, "sender_id": channel_id, "message": text}
        if parent := message_id(reply_to):
            body["reply_parent_message_id"] = parent
        # A line may not be said twice: after a 503 nobody knows whether it was.
        answer = await self._helix.call(
            "POST", "chat/messages", channel_id, body=body, once=True, scope="user:write:chat"
        )
        found = items(answer.get("data"))
        if not found:
            raise HelixAway("took the line and did not say what became of it")
        drop = fields(found[0].get("drop_reason"))
        return Sent(
            found[0].get("is_sent") is True,
            identifier(found[0].get("message_id")),
            identifier(drop.get("code")),
            text_of(drop.get("message"), _LONGEST_WHY),
        )
