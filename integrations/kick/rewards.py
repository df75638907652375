"""Kick's channel rewards and redemptions (platforms/kick.md §3).

Kick has not published the bodies; those here are as published clients of others have them: `ids` of 1 to 25
to accept and reject, answered by those that failed and why, and redemptions grouped by reward. Kick has no
limits a stream or viewer and no cooldown: `terms` that ask for one are refused before they come here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from integrations.points import Made
from integrations.rest import NotFound, Rest, Unclear
from server.rules.platform_events import RedemptionStatus
from sql.rewards import Terms

_REWARDS: Final = "/public/v1/channels/rewards"
_REDEMPTIONS: Final = f"{_REWARDS}/redemptions"
_STATUS: Final[Mapping[str, RedemptionStatus]] = {
    "pending": "unfulfilled",
    "accepted": "fulfilled",
    "rejected": "canceled",
}
_VERB: Final = {"fulfil": "accept", "refund": "reject"}


class KickPoints:
    """A RedemptionClient and a RewardClient. The token says which channel is meant."""

    together: Final = 25
    lists_ours_only: Final = False

    def __init__(self, rest: Rest) -> None:
        self._rest = rest

    async def statuses(
        self, account_id: str, reward_id: str, ids: Sequence[str]
    ) -> Mapping[str, RedemptionStatus]:
        answer = await self._rest.call(account_id, "GET", _REDEMPTIONS, query=[("id", id_) for id_ in ids])
        found: dict[str, RedemptionStatus] = {}
        for group in _items(answer.data):
            # Flat, should Kick ever answer like that: the field would be missing otherwise.
            inner = group.get("redemptions")
            for item in inner if isinstance(inner, list) else [group]:
                if isinstance(item, dict) and item.get("status") in _STATUS and item.get("id") in ids:
                    found[item["id"]] = _STATUS[item["status"]]
        return found

    async def settle(
        self, account_id: str, reward_id: str, ids: Sequence[str], decision: Literal["fulfil", "refund"]
    ) -> Collection[str]:
        try:
            answer = await self._rest.call(
                account_id, "POST", f"{_REDEMPTIONS}/{_VERB[decision]}", body={"ids": list(ids)}
            )
        except NotFound:
            return ids
        failed = _items(answer.data)
        if isinstance(answer.data, dict) and isinstance(more := answer.data.get("failed"), list):
            failed += [item for item in more if isinstance(item, dict)]
        named = {item.get("id") for item in failed if "reason" in item}
        return [id_ for id_ in ids if id_ in named]

    async def ours(self, account_id: str) -> list[Made]:
        """All of the channel: Kick does not say which of them this app has made."""
        answer = await self._rest.call(account_id, "GET", _REWARDS)
        return [_made(item) for item in _items(answer.data)]

    async def create(self, account_id: str, terms: Terms, *, paused: bool) -> Made:
        answer = await self._rest.call(account_id, "POST", _REWARDS, body=_body(terms, paused))
        data = answer.data.get("data") if isinstance(answer.data, dict) else None
        if not isinstance(data, dict) or not data.get("id"):
            raise Unclear("Kick made a reward and did not say which.")
        return _made(data)

    async def update(self, account_id: str, reward_id: str, terms: Terms, *, paused: bool) -> None:
        await self._rest.call(account_id, "PATCH", f"{_REWARDS}/{reward_id}", body=_body(terms, paused))

    async def delete(self, account_id: str, reward_id: str) -> None:
        await self._rest.call(account_id, "DELETE", f"{_REWARDS}/{reward_id}")


def _items(data: Any) -> list[Mapping[str, Any]]:
    found = data.get("data") if isinstance(data, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _made(item: Mapping[str, Any]) -> Made:
    cost = item.get("cost")
    return Made(str(item.get("id", "")), str(item.get("title", "")), cost if isinstance(cost, int) else 0)


def _body(terms: Terms, paused: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "title": terms.title,
        "cost": terms.cost,
        "description": terms.prompt,
        "is_enabled": True,
        "is_paused": paused,
        "is_user_input_required": terms.asks_input,
        "should_redemptions_skip_request_queue": False,
    }
    if terms.color:
        body["background_color"] = terms.color
    return body
