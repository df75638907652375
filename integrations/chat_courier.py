"""`{platform}.chat`: lines that Hubbub says in a streamer's chat (platforms/twitch.md §5, kick.md §5).

A line is worth something for ten seconds, and saying it twice is worse than not saying it (reliability §3.8):
once the platform may have it, nobody sends it again.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

from integrations.base import Clock
from integrations.chat_text import sayable, unlike
from integrations.line import LineAway, LineBusy, LineRefused
from integrations.tokens import NoToken, TokensAway
from server.rules.delivery import Again, Dead, Done, Item, Verdict
from sql import consents
from sql.pool import Database

LIFE: Final = timedelta(seconds=10)
#: Twitch's limit for an ordinary account is 20 lines in 30 s, for the broadcaster, who speaks here, 100, and
#: an account that goes beyond it is silenced for half an hour. Kick does not tell its own. The lower one is
#: kept, per process: the streamer's own lines count as well, and so do those of our other processes.
_LINES, _WINDOW_S = 20, 30.0
#: Between two lines of one chat.
GAP_S: Final = 1.0
_MOST_CHATS: Final = 10_000
#: Twitch's word for a line that was said within 30 s.
DUPLICATE: Final = "msg_duplicate"

#: Why this show may not speak on the channel now, in words; None when it may (sql.consents.refusal).
MayNot = Callable[[UUID, str], Awaitable[str | None]]


def by_consents(database: Database, platform: str) -> MayNot:
    """What streamers have agreed to, at the moment of each line."""

    async def may_not(campaign_id: UUID, channel_id: str) -> str | None:
        async with database.connection() as connection:
            return await consents.refusal(connection, campaign_id, platform, channel_id, "chat")

    return may_not


class Sent(NamedTuple):
    """Whether a line is in the chat: a 200 alone does not say so."""

    is_sent: bool
    message_id: str = ""
    code: str = ""  # the platform's, why it is not
    why: str = ""  # the same, for people


class Speaker(Protocol):
    """How one platform is spoken on."""

    @property
    def name(self) -> str:
        """The platform's, for people."""

    @property
    def swallows_repeats(self) -> bool:
        """Whether a line is not shown when the same account has just said it."""

    async def say(self, channel_id: str, text: str, reply_to: str) -> Sent:
        """Say it on the channel (the platform's id), once; `reply_to` is a message id or "".

        Raises LineRefused, LineAway, LineBusy, NoToken.
        """


class _Line(NamedTuple):
    at: float  # monotonic
    text: str


class ChatCourier:
    """A courier. Payload: `channel_id` (the broadcaster), `text`, and maybe `reply_to`, a message id."""

    def __init__(
        self, platform: str, speaker: Speaker, clock: Clock, may_not: MayNot, *, gap_s: float = GAP_S
    ) -> None:
        self.kinds: tuple[str, ...] = (f"{platform}.chat",)
        self._speaker = speaker
        self._clock = clock
        self._may_not = may_not
        self._gap_s = gap_s
        self._said: OrderedDict[str, list[_Line]] = OrderedDict()

    async def deliver(self, item: Item) -> Verdict:
        """Say it, once. May raise one of pool.UNREACHABLE, before anything was sent."""
        channel_id = _text(item.payload.get("channel_id"))
        text = sayable(_text(item.payload.get("text")))
        if not (channel_id.isascii() and channel_id.isdigit()) or not text:
            return Dead("There is nothing to say, or nobody knows where.")
        if item.attempts:
            return Dead("It may have been said already: a line is not said twice.")
        if self._is_late(item.created_at):
            return Dead("It is older than ten seconds.")
        if why := await self._may_not(item.campaign_id, channel_id):
            return Dead(why)
        wait_s = self._wait_s(channel_id)
        if wait_s > 0:
            return Again(f"Not faster than {self._speaker.name}'s chat takes it.", wait_s, counts=False)
        return await self._say(channel_id, text, _text(item.payload.get("reply_to")))

    async def _say(self, channel_id: str, text: str, reply_to: str) -> Verdict:
        name = self._speaker.name
        try:
            sent = await self._sent(channel_id, text, reply_to)
        except LineBusy as busy:
            return Again(f"{name} asks for fewer lines.", busy.after_s, counts=False)
        except LineAway as away:
            if away.is_unsent:
                return Again(f"{name} {away}.", counts=False)
            return Dead(f"{name} {away}: it may have been said, and is not said twice.")
        except TokensAway as away:
            return Again(str(away), away.after_s, counts=False)
        except NoToken as none:
            return Dead(str(none))
        except LineRefused as refused:
            return Dead(f"{name} refuses the line ({refused.status}: {refused.reason}).")
        if sent.is_sent:
            return Done(sent.message_id)
        why = sent.why.rstrip(". ") or "the chat may not allow it"
        code = f" ({sent.code})" if sent.code else ""
        return Dead(f"{name} took the line and did not show it: {why}{code}.")

    async def _sent(self, channel_id: str, text: str, reply_to: str) -> Sent:
        """What was said by another process, or before a restart, is learned from the platform's refusal."""
        if not self._speaker.swallows_repeats:
            return await self._once(channel_id, text, reply_to)
        sent = await self._once(channel_id, unlike(text, self._lately(channel_id)), reply_to)
        if sent.is_sent or sent.code != DUPLICATE:
            return sent
        return await self._once(channel_id, unlike(text, self._lately(channel_id)), reply_to)

    async def _once(self, channel_id: str, text: str, reply_to: str) -> Sent:
        noted = self._note(channel_id, text)
        try:
            return await self._speaker.say(channel_id, text, reply_to)
        except (LineAway, LineBusy) as error:
            if not isinstance(error, LineAway) or error.is_unsent:
                self._said[channel_id] = [
                    line for line in self._said.get(channel_id, ()) if line is not noted
                ]
            raise

    def _is_late(self, created_at: datetime) -> bool:
        return self._clock.now() - created_at > LIFE

    def _lately(self, channel_id: str) -> set[str]:
        return {line.text for line in self._said.get(channel_id, ())}

    def _wait_s(self, channel_id: str) -> float:
        """How long this chat needs a rest."""
        now = time.monotonic()
        said = [line for line in self._said.get(channel_id, ()) if now - line.at < _WINDOW_S]
        if not said:
            self._said.pop(channel_id, None)
            return 0.0
        self._said[channel_id] = said
        after_full = said[-_LINES].at + _WINDOW_S if len(said) >= _LINES else 0.0
        return max(0.0, said[-1].at + self._gap_s - now, after_full - now)

    def _note(self, channel_id: str, text: str) -> _Line:
        line = _Line(time.monotonic(), text)
        self._said.setdefault(channel_id, []).append(line)
        self._said.move_to_end(channel_id)
        while len(self._said) > _MOST_CHATS:
            self._said.popitem(last=False)
        return line


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
