"""`kick.chat`: lines that Hubbub says in a streamer's chat (platforms/kick.md §5).

A line is worth something for ten seconds, and saying it twice is worse than not saying it (reliability §3.8):
once Kick may have it, nobody sends it again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import structlog

from integrations.base import Clock
from integrations.kick.api import KickApi, Sent
from integrations.kick.chat_text import sayable
from integrations.kick.line import KickAway, KickBusy, KickRefused
from integrations.kick.reading import identifier
from integrations.tokens import NoToken, TokensAway
from server.rules.delivery import Again, Dead, Done, Item, Verdict

_log = structlog.get_logger(__name__)

KIND: Final = "kick.chat"
LIFE: Final = timedelta(seconds=10)
#: Kick does not say how fast one may write: one line a second in a chat, and twenty in half a minute.
_GAP_S: Final = 1.0
_LINES, _WINDOW_S = 20, 30.0
#: A bot that was refused is tried again after so long; meanwhile the account itself speaks.
_NO_BOT_S: Final = 600.0
_MOST_CHATS: Final = 10_000

As = Literal["bot", "user"]
#: Why this show may not speak on the channel now, in words; None when it may (sql.consents.refusal).
MayNot = Callable[[UUID, str], Awaitable[str | None]]


class KickChat:
    """A courier. Payload: `channel_id` (the broadcaster), `text`, and maybe `reply_to`, a message id."""

    def __init__(self, api: KickApi, clock: Clock, may_not: MayNot, *, speak_as: As = "bot") -> None:
        """`speak_as`: under the application's own name where Kick lets it, or as the streamer's account."""
        self._api = api
        self._clock = clock
        self._may_not = may_not
        self._speak_as = speak_as
        self._said: OrderedDict[str, list[float]] = OrderedDict()
        self._no_bot_until: dict[str, float] = {}

    @property
    def kinds(self) -> tuple[str, ...]:
        return (KIND,)

    async def deliver(self, item: Item) -> Verdict:
        """Say it, once. May raise one of pool.UNREACHABLE, before anything was sent."""
        channel_id = identifier(item.payload.get("channel_id"))
        text = sayable(_text(item.payload.get("text")))
        if not channel_id.isdigit() or not text:
            return Dead("There is nothing to say, or nobody knows where.")
        if item.attempts:
            return Dead("It may have been said already: a line is not said twice.")
        if self._is_late(item.created_at):
            return Dead("It is older than ten seconds.")
        if why := await self._may_not(item.campaign_id, channel_id):
            return Dead(why)
        wait_s = self._wait_s(channel_id)
        if wait_s > 0:
            return Again("Not faster than Kick's chat takes it.", wait_s, counts=False)
        return await self._say(channel_id, text, identifier(item.payload.get("reply_to")))

    async def _say(self, channel_id: str, text: str, reply_to: str) -> Verdict:
        try:
            sent = await self._sent(channel_id, text, reply_to)
        except KickBusy as busy:
            return Again("Kick asks for fewer lines.", busy.after_s, counts=False)
        except KickAway as away:
            if away.is_unsent:
                return Again(f"Kick {away}.", counts=False)
            return Dead(f"Kick {away}: it may have been said, and is not said twice.")
        except TokensAway as away:
            return Again(str(away), away.after_s, counts=False)
        except NoToken as none:
            return Dead(str(none))
        except KickRefused as refused:
            return Dead(f"Kick refuses the line ({refused.status}: {refused.reason}).")
        if not sent.is_sent:
            return Dead("Kick took the line and did not show it: the chat may not allow it.")
        return Done(sent.message_id)

    async def _sent(self, channel_id: str, text: str, reply_to: str) -> Sent:
        """As a bot, or, since that has been failing for many (§5), as the account."""
        now = time.monotonic()
        if self._speak_as == "bot" and self._no_bot_until.get(channel_id, 0.0) <= now:
            self._note(channel_id)
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
        self._note(channel_id)
        return await self._api.say(channel_id, text, as_bot=False, reply_to=reply_to)

    def _is_late(self, created_at: datetime) -> bool:
        return self._clock.now() - created_at > LIFE

    def _wait_s(self, channel_id: str) -> float:
        """How long this chat needs a rest."""
        now = time.monotonic()
        said = [at for at in self._said.get(channel_id, ()) if now - at < _WINDOW_S]
        if not said:
            self._said.pop(channel_id, None)
            return 0.0
        self._said[channel_id] = said
        after_full = said[-_LINES] + _WINDOW_S if len(said) >= _LINES else 0.0
        return max(0.0, said[-1] + _GAP_S - now, after_full - now)

    def _note(self, channel_id: str) -> None:
        self._said.setdefault(channel_id, []).append(time.monotonic())
        self._said.move_to_end(channel_id)
        while len(self._said) > _MOST_CHATS:
            self._said.popitem(last=False)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
