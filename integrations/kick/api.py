"""Kick's REST API: subscriptions, channels, its key, and lines of chat (platforms/kick.md §3).

What comes back is read with care: a field that is missing or of another type is empty, an item without an id
is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, NamedTuple

from integrations.chat_courier import Sent
from integrations.kick.line import APP, NOBODY, KickAway, KickLine, Query
from integrations.kick.reading import flag, identifier, text, whole

#: How many ids a call takes.
_IDS_A_CALL: Final = 50


class EventType(NamedTuple):
    """An event that one can subscribe to."""

    name: str
    version: int = 1


class Subscription(NamedTuple):
    """One that Kick holds for this application."""

    id: str
    broadcaster_id: str
    event: EventType


class Subscribed(NamedTuple):
    """What became of one event of a subscribe call: an id, or Kick's reason why not."""

    event: EventType
    id: str
    error: str


class KickChannel(NamedTuple):
    id: str  # the broadcaster's user id
    slug: str
    is_live: bool


class KickApi:
    """Every method raises line.KickRefused, line.KickAway, line.KickBusy, and tokens.NoToken.

    `who` is the id of the account whose token is used; the application's where there is none.
    """

    def __init__(self, line: KickLine) -> None:
        self._line = line

    # --- event subscriptions -------------------------------------------------------------------------

    async def subscriptions(self) -> list[Subscription]:
        """All that Kick holds for this application."""
        answer = await self._line.call("GET", "events/subscriptions", APP)
        found = []
        for item in _items(answer):
            id_, broadcaster = identifier(item.get("id")), identifier(item.get("broadcaster_user_id"))
            name = text(item.get("event"), 64)
            if id_ and broadcaster and name:
                found.append(
                    Subscription(id_, broadcaster, EventType(name, whole(item.get("version"), 1, 99) or 1))
                )
        return found

    async def subscribe(self, broadcaster_id: str, events: Collection[EventType]) -> list[Subscribed]:
        """Ask for events of a channel. Each has its own outcome, whatever the status was."""
        body = {
            "broadcaster_user_id": int(broadcaster_id),
            "method": "webhook",
            "events": [{"name": event.name, "version": event.version} for event in events],
        }
        answer = await self._line.call("POST", "events/subscriptions", APP, body=body)
        told = {}
        for item in _items(answer):
            event = EventType(text(item.get("name"), 64), whole(item.get("version"), 1, 99) or 1)
            told[event] = Subscribed(
                event, identifier(item.get("subscription_id")), text(item.get("error"), 200)
            )
        silent = "Kick said nothing about it"
        return [told.get(event, Subscribed(event, "", silent)) for event in events]

    async def unsubscribe(self, ids: Collection[str]) -> None:
        """Give subscriptions back; one that is gone already is no fault."""
        for some in _parts(ids, _IDS_A_CALL):
            await self._line.call("DELETE", "events/subscriptions", APP, query=_repeated("id", some))

    # --- who and what --------------------------------------------------------------------------------

    async def channels(self, *, ids: Collection[str] = (), slugs: Collection[str] = ()) -> list[KickChannel]:
        """Channels by id, or by slug; those that Kick does not know are left out."""
        found = []
        for name, values in (("broadcaster_user_id", ids), ("slug", slugs)):
            for some in _parts(values, _IDS_A_CALL):
                answer = await self._line.call("GET", "channels", APP, query=_repeated(name, some))
                found += [channel for item in _items(answer) if (channel := _channel(item))]
        return found

    async def public_key(self) -> str:
        """The key that Kick says it signs with. Nothing is trusted because it comes from here (T20)."""
        answer = await self._line.call("GET", "public-key", NOBODY)
        data = answer.get("data")
        key = data.get("public_key") if isinstance(data, dict) else None
        if not isinstance(key, str) or len(key) > 8192:
            raise KickAway("answered without a key")
        return key

    # --- chat ----------------------------------------------------------------------------------------

    async def say(
        self, broadcaster_id: str, content: str, *, as_bot: bool, reply_to: str = "", who: str = ""
    ) -> Sent:
        """Write a line of chat, as the broadcaster's account unless `who` is another's."""
        body: dict[str, Any] = {"content": content, "type": "bot" if as_bot else "user"}
        if not as_bot:  # a bot speaks where its token belongs
            body["broadcaster_user_id"] = int(broadcaster_id)
        if reply_to:
            body["reply_to_message_id"] = reply_to
        answer = await self._line.call("POST", "chat", who or broadcaster_id, body=body)
        data = answer.get("data")
        item = data if isinstance(data, dict) else {}
        return Sent(flag(item.get("is_sent")), identifier(item.get("message_id")))


def _items(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    data = answer.get("data")
    return (item for item in data if isinstance(item, dict)) if isinstance(data, list) else iter(())


def _parts(ids: Collection[str], size: int) -> Iterator[list[str]]:
    every = list(ids)
    return (every[start : start + size] for start in range(0, len(every), size))


def _repeated(name: str, values: Collection[str]) -> Query:
    return [(name, value) for value in values]


def _channel(item: Mapping[str, Any]) -> KickChannel | None:
    id_ = identifier(item.get("broadcaster_user_id"))
    stream = item.get("stream")
    live: Mapping[str, Any] = stream if isinstance(stream, dict) else {}
    if not id_:
        return None
    return KickChannel(
        id_,
        text(item.get("slug"), 64),
        flag(live.get("is_live")),
    )
