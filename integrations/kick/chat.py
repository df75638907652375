"""Speaking in a Kick chat (platforms/kick.md §5): as a bot, or, where bots are not taken, as the account."""

from __future__ import annotations

import time
from typing import Final, Literal

import structlog

from integrations.chat_courier import Sent
from integrations.kick.api import KickApi
from integrations.kick.line import KickAway, KickRefused

_log = structlog.get_logger(__name__)

#: A bot that was refused is tried again after so long; meanwhile the account itself speaks.
_NO_BOT_S: Final = 600.0
_MOST_CHATS: Final = 10_000

As = Literal["bot", "user"]


class KickSpeaker:
    """A `Speaker` (integrations/chat_courier.py)."""

    name: Final = "Kick"
    swallows_repeats: Final = False

    def __init__(self, api: KickApi, *, speak_as: As = "bot") -> None:
        """`speak_as`: under the application's own name where Kick lets it, or as the streamer's account."""
        self._api = api
        self._speak_as = speak_as
        self._no_bot_until: dict[str, float] = {}

    async def say(self, channel_id: str, text: str, reply_to: str) -> Sent:
        """As a bot, or, since that has been failing for many (§5), as the account."""
        now = time.monotonic()
        if self._speak_as == "bot" and self._no_bot_until.get(channel_id, 0.0) <= now:
            try:
                return await self._api.say(channel_id, text, as_bot=True, reply_to=reply_to)
            except (KickRefused, KickAway) as error:
                # A bot that is not taken: 500 for no reason, 400 and 403 for those it is not given to.
                is_bots_fault = error.status == 500 if isinstance(error, KickAway) else error.status != 401
                if not is_bots_fault:
                    raise
                _log.info("kick_bot_not_taken", status=error.status)
                if len(self._no_bot_until) >= _MOST_CHATS:
                    self._no_bot_until.clear()
                self._no_bot_until[channel_id] = now + _NO_BOT_S
        return await self._api.say(channel_id, text, as_bot=False, reply_to=reply_to)
