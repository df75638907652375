"""Kick's REST API as far as Hubbub uses it (platforms/kick.md §3).

What comes back is read with care: a field that is missing or of another type is empty, an item without an id
is left out. Bodies of rewards and redemptions are not published as such; they are as public clients use them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from integrations.kick.line import APP, NOBODY, KickAway, KickLine, Method, Query
from integrations.kick.reading import flag, identifier, text, whole

#: How many ids a call takes.
_USERS_A_CALL: Final = 50
_REDEMPTIONS_A_CALL: Final = 25
_MOST_PAGES: Final = 40

RedemptionStatus = Literal["pending", "accepted", "rejected"]
#: What an answer to accept or reject says of a redemption that it did not change.
Unchanged = Literal["UNKNOWN", "NOT_PENDING", "NOT_FOUND", "NOT_OWNED"]


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


class KickUser(NamedTuple):
    id: str
    name: str


class KickChannel(NamedTuple):
    id: str  # the broadcaster's user id
    slug: str
    title: str
    is_live: bool
    started_at: str


class KickReward(NamedTuple):
    id: str
    title: str
    description: str
    cost: int
    is_enabled: bool
    is_paused: bool
    is_user_input_required: bool


class KickRedemption(NamedTuple):
    id: str
    reward_id: str
    status: RedemptionStatus
    user_id: str
    user_input: str
    redeemed_at: str


class Sent(NamedTuple):
    """Whether a chat line is in the chat: a 200 alone does not say so."""

    is_sent: bool
    message_id: str


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
        for some in _parts(ids, _USERS_A_CALL):
            await self._line.call("DELETE", "events/subscriptions", APP, query=_repeated("id", some))

    # --- who and what --------------------------------------------------------------------------------

    async def users(self, ids: Collection[str]) -> list[KickUser]:
        """Accounts by id."""
        found = []
        for some in _parts(ids, _USERS_A_CALL):
            answer = await self._line.call("GET", "users", APP, query=_repeated("id", some))
            found += [
                KickUser(id_, text(item.get("name"), 64))
                for item in _items(answer)
                if (id_ := identifier(item.get("user_id")))
            ]
        return found

    async def channels(self, *, ids: Collection[str] = (), slugs: Collection[str] = ()) -> list[KickChannel]:
        """Channels by id, or by slug; those that Kick does not know are left out."""
        found = []
        for name, values in (("broadcaster_user_id", ids), ("slug", slugs)):
            for some in _parts(values, _USERS_A_CALL):
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

    # --- rewards and redemptions ---------------------------------------------------------------------

    async def rewards(self, who: str) -> list[KickReward]:
        """All rewards of the account's channel."""
        answer = await self._line.call("GET", "channels/rewards", who)
        return [reward for item in _items(answer) if (reward := _reward(item))]

    async def create_reward(self, who: str, fields: Mapping[str, Any]) -> KickReward:
        """`fields` as Kick names them: title, cost, description, is_enabled, is_user_input_required, …"""
        return await self._one_reward("POST", "channels/rewards", who, fields)

    async def update_reward(self, who: str, reward_id: str, fields: Mapping[str, Any]) -> KickReward:
        """Change some fields."""
        return await self._one_reward("PATCH", f"channels/rewards/{_segment(reward_id)}", who, fields)

    async def delete_reward(self, who: str, reward_id: str) -> None:
        """Raises KickRefused 404 for one that is gone."""
        await self._line.call("DELETE", f"channels/rewards/{_segment(reward_id)}", who)

    async def redemptions(
        self,
        who: str,
        *,
        reward_id: str = "",
        status: RedemptionStatus | None = None,
        ids: Collection[str] = (),
    ) -> list[KickRedemption]:
        """Redemptions of the account's channel, of all pages."""
        asked = [("reward_id", reward_id)] * bool(reward_id) + list(_repeated("id", ids))
        if status is not None:
            asked.append(("status", status))
        found: list[KickRedemption] = []
        cursor = ""
        for _ in range(_MOST_PAGES):
            query = [*asked, ("cursor", cursor)] if cursor else asked
            answer = await self._line.call("GET", "channels/rewards/redemptions", who, query=query)
            for group in _items(answer):
                found += _redemptions(group)
            cursor = _next_cursor(answer)
            if not cursor:
                break
        return found

    async def accept(self, who: str, ids: Sequence[str]) -> dict[str, Unchanged]:
        """Keep the points. Answers those that were not changed, with Kick's reason."""
        return await self._decide("accept", who, ids)

    async def reject(self, who: str, ids: Sequence[str]) -> dict[str, Unchanged]:
        """Give the points back. Answers those that were not changed, with Kick's reason."""
        return await self._decide("reject", who, ids)

    async def _decide(self, verb: str, who: str, ids: Sequence[str]) -> dict[str, Unchanged]:
        unchanged: dict[str, Unchanged] = {}
        for some in _parts(ids, _REDEMPTIONS_A_CALL):
            answer = await self._line.call(
                "POST", f"channels/rewards/redemptions/{verb}", who, body={"ids": some}
            )
            failed = answer["failed"] if isinstance(answer.get("failed"), list) else answer.get("data")
            for item in _items({"data": failed}):
                if (id_ := identifier(item.get("id"))) and "reason" in item:
                    unchanged[id_] = _unchanged(item["reason"])
        return unchanged

    async def _one_reward(self, method: Method, path: str, who: str, fields: Mapping[str, Any]) -> KickReward:
        answer = await self._line.call(method, path, who, body=dict(fields))
        data = answer.get("data")
        reward = _reward(data) if isinstance(data, dict) else None
        if reward is None:
            raise KickAway("answered without the reward")
        return reward


def _items(answer: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    data = answer.get("data")
    return (item for item in data if isinstance(item, dict)) if isinstance(data, list) else iter(())


def _parts(ids: Collection[str], size: int) -> Iterator[list[str]]:
    every = list(ids)
    return (every[start : start + size] for start in range(0, len(every), size))


def _repeated(name: str, values: Collection[str]) -> Query:
    return [(name, value) for value in values]


def _segment(id_: str) -> str:
    """An id as a part of a path. Raises ValueError for what cannot be one: it would name something else."""
    if not id_ or not all(c.isascii() and (c.isalnum() or c in "-_") for c in id_):
        raise ValueError("no id of Kick has such characters")
    return id_


def _channel(item: Mapping[str, Any]) -> KickChannel | None:
    id_ = identifier(item.get("broadcaster_user_id"))
    stream = item.get("stream")
    live: Mapping[str, Any] = stream if isinstance(stream, dict) else {}
    if not id_:
        return None
    return KickChannel(
        id_,
        text(item.get("slug"), 64),
        text(item.get("stream_title"), 200),
        flag(live.get("is_live")),
        text(live.get("start_time"), 40),
    )


def _reward(item: Mapping[str, Any]) -> KickReward | None:
    id_ = identifier(item.get("id"))
    if not id_:
        return None
    return KickReward(
        id_,
        text(item.get("title"), 100),
        text(item.get("description"), 500),
        whole(item.get("cost"), 0, 2**31 - 1) or 0,
        item.get("is_enabled") is not False,
        flag(item.get("is_paused")),
        flag(item.get("is_user_input_required")),
    )


def _redemptions(group: Mapping[str, Any]) -> Iterator[KickRedemption]:
    """Those of one reward: they come grouped, and one that stands alone names its reward itself."""
    inside = group.get("redemptions")
    items = [item for item in inside if isinstance(item, dict)] if isinstance(inside, list) else [group]
    for item in items:
        reward = item.get("reward") or group.get("reward")
        reward_id = identifier(reward.get("id")) if isinstance(reward, dict) else ""
        redeemer = item.get("redeemer")
        status = redemption_status(item.get("status"))
        id_ = identifier(item.get("id"))
        if id_ and status is not None:
            yield KickRedemption(
                id_,
                reward_id,
                status,
                identifier(redeemer.get("user_id")) if isinstance(redeemer, dict) else "",
                text(item.get("user_input"), 500),
                text(item.get("redeemed_at"), 40),
            )


def redemption_status(value: object) -> RedemptionStatus | None:
    """Kick's own word; None for any other."""
    match value:
        case "pending" | "accepted" | "rejected":
            return value
    return None


def _next_cursor(answer: Mapping[str, Any]) -> str:
    page = answer.get("pagination")
    if not isinstance(page, dict):
        return ""
    return text(page.get("next_cursor") or page.get("cursor"), 500)


def _unchanged(reason: object) -> Unchanged:
    match reason:
        case "NOT_PENDING" | "NOT_FOUND" | "NOT_OWNED":
            return reason
    return "UNKNOWN"
