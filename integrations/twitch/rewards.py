"""Twitch's channel points over Helix: custom rewards and redemptions (platforms/twitch.md §5).

Only what our own client id has made can be changed, and only with the broadcaster's own token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from integrations.points import Made
from integrations.rest import NotFound, Rest, Unclear
from server.rules.platform_events import RedemptionStatus
from sql.rewards import Terms

_REWARDS: Final = "/channel_points/custom_rewards"
_REDEMPTIONS: Final = f"{_REWARDS}/redemptions"
_STATUS: Final[Mapping[str, RedemptionStatus]] = {
    "UNFULFILLED": "unfulfilled",
    "FULFILLED": "fulfilled",
    "CANCELED": "canceled",
}
_DECISION: Final = {"fulfil": "FULFILLED", "refund": "CANCELED"}


class TwitchPoints:
    """A RedemptionClient and a RewardClient."""

    #: Helix takes so many ids in one call.
    together: Final = 50
    lists_ours_only: Final = True

    def __init__(self, rest: Rest) -> None:
        """`rest` calls Helix with our Client-Id."""
        self._rest = rest

    async def statuses(
        self, account_id: str, reward_id: str, ids: Sequence[str]
    ) -> Mapping[str, RedemptionStatus]:
        answer = await self._rest.call(
            account_id, "GET", _REDEMPTIONS, query=_about(account_id, reward_id, ids)
        )
        return {
            str(item["id"]): _STATUS[item["status"]]
            for item in _items(answer.data)
            if item.get("status") in _STATUS and "id" in item
        }

    async def settle(
        self, account_id: str, reward_id: str, ids: Sequence[str], decision: Literal["fulfil", "refund"]
    ) -> Collection[str]:
        """404 means that one of them is not there or not open any more, and tells nothing of the others."""
        try:
            answer = await self._rest.call(
                account_id,
                "PATCH",
                _REDEMPTIONS,
                query=_about(account_id, reward_id, ids),
                body={"status": _DECISION[decision]},
            )
        except NotFound:
            return ids
        wanted = _DECISION[decision]
        settled = {str(item.get("id")) for item in _items(answer.data) if item.get("status") == wanted}
        return [id_ for id_ in ids if id_ not in settled]

    async def ours(self, account_id: str) -> list[Made]:
        query = [("broadcaster_id", account_id), ("only_manageable_rewards", "true")]
        try:
            answer = await self._rest.call(account_id, "GET", _REWARDS, query=query)
        except NotFound:
            return []
        return [_made(item) for item in _items(answer.data)]

    async def create(self, account_id: str, terms: Terms, *, paused: bool) -> Made:
        """Twitch makes no paused reward: such a one is made disabled, and `update` turns that into paused."""
        answer = await self._rest.call(
            account_id,
            "POST",
            _REWARDS,
            query=[("broadcaster_id", account_id)],
            body={**_body(terms), "is_enabled": not paused},
        )
        items = _items(answer.data)
        if not items:
            raise Unclear("Twitch made a reward and did not say which.")
        made = _made(items[0])
        if paused:
            await self.update(account_id, made.id, terms, paused=True)
        return made

    async def update(self, account_id: str, reward_id: str, terms: Terms, *, paused: bool) -> None:
        await self._rest.call(
            account_id,
            "PATCH",
            _REWARDS,
            query=[("broadcaster_id", account_id), ("id", reward_id)],
            body={**_body(terms), "is_enabled": True, "is_paused": paused},
        )

    async def delete(self, account_id: str, reward_id: str) -> None:
        await self._rest.call(
            account_id, "DELETE", _REWARDS, query=[("broadcaster_id", account_id), ("id", reward_id)]
        )


def _about(account_id: str, reward_id: str, ids: Sequence[str]) -> list[tuple[str, str]]:
    return [("broadcaster_id", account_id), ("reward_id", reward_id), *(("id", id_) for id_ in ids)]


def _items(data: Any) -> list[Mapping[str, Any]]:
    found = data.get("data") if isinstance(data, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _made(item: Mapping[str, Any]) -> Made:
    cost = item.get("cost")
    return Made(str(item.get("id", "")), str(item.get("title", "")), cost if isinstance(cost, int) else 0)


def _body(terms: Terms) -> dict[str, Any]:
    """Flat, while answers nest their limits. Redemptions never skip the queue: none could be refunded."""
    body: dict[str, Any] = {
        "title": terms.title,
        "cost": terms.cost,
        "prompt": terms.prompt,
        "is_user_input_required": terms.asks_input,
        "should_redemptions_skip_request_queue": False,
        "is_max_per_stream_enabled": terms.max_per_stream > 0,
        "is_max_per_user_per_stream_enabled": terms.max_per_viewer > 0,
        "is_global_cooldown_enabled": terms.cooldown_s > 0,
    }
    if terms.color:
        body["background_color"] = terms.color.upper()
    if terms.max_per_stream:
        body["max_per_stream"] = terms.max_per_stream
    if terms.max_per_viewer:
        body["max_per_user_per_stream"] = terms.max_per_viewer
    if terms.cooldown_s:
        body["global_cooldown_seconds"] = terms.cooldown_s
    return body
