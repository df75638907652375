"""What the stand-in for Twitch knows: people, tokens, subscriptions, polls, rewards, chat, and what goes
wrong.

No I/O but time: `twitch_helix` shows it over HTTP, `twitch_eventsub` tells of it.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

CLIENT_ID = "hbclient0000000000000000000000"
APP_USER = ""

#: Scope by subscription type; any of them will do (platforms/twitch.md §4).
SCOPES: Mapping[str, tuple[str, ...]] = {
    "channel.chat.message": ("user:read:chat",),
    "channel.channel_points_custom_reward_redemption.add": (
        "channel:read:redemptions",
        "channel:manage:redemptions",
    ),
    "channel.channel_points_custom_reward_redemption.update": (
        "channel:read:redemptions",
        "channel:manage:redemptions",
    ),
    **dict.fromkeys(
        (f"channel.poll.{step}" for step in ("begin", "progress", "end")),
        ("channel:read:polls", "channel:manage:polls"),
    ),
    "channel.subscribe": ("channel:read:subscriptions",),
    "channel.subscription.gift": ("channel:read:subscriptions",),
    "channel.subscription.message": ("channel:read:subscriptions",),
    "channel.cheer": ("bits:read",),
    "channel.bits.use": ("bits:read",),
    "channel.follow": ("moderator:read:followers",),
    **dict.fromkeys(
        (f"channel.prediction.{step}" for step in ("begin", "progress", "lock", "end")),
        ("channel:read:predictions", "channel:manage:predictions"),
    ),
    **dict.fromkeys(
        (f"channel.hype_train.{step}" for step in ("begin", "progress", "end")), ("channel:read:hype_train",)
    ),
    "channel.ad_break.begin": ("channel:read:ads",),
    "channel.raid": (),
    "stream.online": (),
    "stream.offline": (),
}
VERSIONS = {
    "channel.follow": "2",
    **dict.fromkeys((f"channel.hype_train.{step}" for step in ("begin", "progress", "end")), "2"),
}
#: Whose grant a type needs, where it is not the channel's.
READERS = {"channel.chat.message": "user_id", "channel.follow": "moderator_user_id"}
#: What of the condition names the channel.
_CHANNEL_KEYS = ("broadcaster_user_id", "to_broadcaster_user_id", "from_broadcaster_user_id")


def nano(moment: datetime | None = None) -> str:
    """RFC 3339 with nanoseconds, as Twitch writes it."""
    moment = moment or datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "871Z"


@dataclass(slots=True)
class Person:
    """An account."""

    id: str
    login: str
    name: str
    kind: Literal["", "affiliate", "partner"] = "affiliate"

    def triple(self, prefix: str = "user_") -> dict[str, str]:
        return {f"{prefix}id": self.id, f"{prefix}login": self.login, f"{prefix}name": self.name}


@dataclass(slots=True)
class TokenInfo:
    user_id: str  # APP_USER: the application's own
    scopes: frozenset[str]
    is_good: bool = True
    #: Says whether the identity server would still take it: tokens end, and are revoked there.
    is_alive: Callable[[], bool] = lambda: True
    left: float = 800.0  # of its bucket
    filled_at: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Subscription:
    id: str
    type: str
    version: str
    condition: dict[str, str]
    transport: dict[str, Any]
    status: str
    user_id: str  # whose token made it
    created_at: str = field(default_factory=nano)
    cost: int = 0
    failures: int = 0
    secret: str = ""

    @property
    def channel(self) -> str:
        return next(self.condition[key] for key in _CHANNEL_KEYS if key in self.condition)

    @property
    def user(self) -> str:
        """Whose grant it lives by."""
        return self.condition.get(READERS.get(self.type, ""), "") or self.channel

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "type": self.type,
            "version": self.version,
            "cost": self.cost,
            "condition": self.condition,
            "transport": self.transport,
            "created_at": self.created_at,
        }


@dataclass(slots=True)
class Choice:
    id: str
    title: str
    votes: int = 0
    points: int = 0


@dataclass(slots=True)
class Poll:
    id: str
    channel: Person
    title: str
    choices: list[Choice]
    duration: int
    points_enabled: bool
    points_each: int
    started: datetime
    status: str = "ACTIVE"
    ended: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.status != "ACTIVE"

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "broadcaster_id": self.channel.id,
            "broadcaster_name": self.channel.name,
            "broadcaster_login": self.channel.login,
            "title": self.title,
            "choices": [
                {
                    "id": choice.id,
                    "title": choice.title,
                    "votes": choice.votes,
                    "channel_points_votes": choice.points,
                    "bits_votes": 0,
                }
                for choice in self.choices
            ],
            "bits_voting_enabled": False,
            "bits_per_vote": 0,
            "channel_points_voting_enabled": self.points_enabled,
            "channel_points_per_vote": self.points_each,
            "status": self.status,
            "duration": self.duration,
            "started_at": nano(self.started),
            **({"ended_at": nano(self.ended)} if self.ended else {}),
        }

    def event(self, step: Literal["begin", "progress", "end"]) -> dict[str, Any]:
        choices: list[dict[str, Any]] = [{"id": one.id, "title": one.title} for one in self.choices]
        if step != "begin":
            for shown, one in zip(choices, self.choices, strict=True):
                shown |= {"bits_votes": 0, "channel_points_votes": one.points, "votes": one.votes}
        times: dict[str, Any] = {"started_at": nano(self.started)}
        if step == "end":
            times = {"status": self.status.lower(), **times, "ended_at": nano(self.ended)}
        else:
            times["ends_at"] = nano(self.started + timedelta(seconds=self.duration))
        return {
            "id": self.id,
            **self.channel.triple("broadcaster_user_"),
            "title": self.title,
            "choices": choices,
            "bits_voting": {"is_enabled": False, "amount_per_vote": 0},
            "channel_points_voting": {
                "is_enabled": self.points_enabled,
                "amount_per_vote": self.points_each,
            },
            **times,
        }


@dataclass(slots=True)
class Reward:
    """`fields` as Helix answers them."""

    id: str
    channel: Person
    client_id: str
    fields: dict[str, Any]


@dataclass(slots=True)
class Redemption:
    id: str
    channel: Person
    user: Person
    reward_id: str
    title: str
    cost: int
    prompt: str
    user_input: str
    redeemed: datetime
    status: str = "UNFULFILLED"
    changes: int = 0  # how often its status was changed: 1 at most

    def event(self) -> dict[str, Any]:
        return {
            "id": self.id,
            **self.channel.triple("broadcaster_user_"),
            **self.user.triple(),
            "user_input": self.user_input,
            "status": self.status.lower(),
            "reward": {
                "id": self.reward_id,
                "title": self.title,
                "cost": self.cost,
                "prompt": self.prompt,
            },
            "redeemed_at": nano(self.redeemed),
        }

    def shown(self) -> dict[str, Any]:
        return {
            "broadcaster_id": self.channel.id,
            "broadcaster_login": self.channel.login,
            "broadcaster_name": self.channel.name,
            "id": self.id,
            **self.user.triple(),
            "user_input": self.user_input,
            "status": self.status,
            "redeemed_at": nano(self.redeemed),
            "reward": {
                "id": self.reward_id,
                "title": self.title,
                "prompt": self.prompt,
                "cost": self.cost,
            },
        }


@dataclass(slots=True)
class Said:
    """A line that somebody sent over the API."""

    channel_id: str
    sender_id: str
    text: str
    reply_to: str
    at: float
    is_sent: bool = True


@dataclass(slots=True)
class Fault:
    """What a call gets instead of, or (`after_work`) in spite of, its work; `times` often, 0: for ever."""

    status: int = 500
    message: str = "it was not to be"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    times: int = 1
    after_work: bool = False
    cut: bool = False  # no answer at all


@dataclass(slots=True)
class Call:
    """A request that came."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: Any
    user_id: str | None
    status: int = 0


class World:
    """Everything behind the servers."""

    def __init__(self, *, dice: Callable[[], float] | None = None) -> None:
        self.people: dict[str, Person] = {}
        self.tokens: dict[str, TokenInfo] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self.conduits: dict[str, dict[str, dict[str, Any]]] = {}  # shards by conduit and id
        self.polls: dict[str, Poll] = {}
        self.rewards: dict[str, Reward] = {}
        self.redemptions: dict[str, Redemption] = {}
        self.live: dict[str, dict[str, Any]] = {}
        self.moderators: dict[str, set[str]] = {}  # by channel
        self.chatters: dict[str, set[str]] = {}  # by channel
        self.said: list[Said] = []
        self.calls: deque[Call] = deque(maxlen=100_000)
        #: By "METHOD path", without `/helix/`.
        self.faults: dict[str, Fault] = {}
        self.dropping: dict[str, str] = {}  # reason why chat of a sender is not shown
        #: Whether Helix answers at all.
        self.is_away = False
        self.bucket = 800
        self.refill_s = 60.0
        self.complaints: list[str] = []
        self.counts: Counter[str] = Counter()
        self._numbers = itertools.count(1)
        self.dice = dice

    def number(self) -> int:
        return next(self._numbers)

    # --- people and tokens ---------------------------------------------------------------------------

    def person(
        self,
        id_: str,
        login: str,
        *,
        name: str = "",
        kind: Literal["", "affiliate", "partner"] = "affiliate",
    ) -> Person:
        known = self.people.get(id_)
        if known is None:
            known = self.people[id_] = Person(id_, login, name or login.title(), kind)
        return known

    def grant(self, user_id: str, scopes: tuple[str, ...] | frozenset[str] | str = ()) -> str:
        """A token that works."""
        words = scopes.split() if isinstance(scopes, str) else scopes
        token = f"hb-access-{self.number()}"
        self.tokens[token] = TokenInfo(user_id, frozenset(words))
        return token

    def grant_app(self) -> str:
        return self.grant(APP_USER)

    def revoke_tokens(self, user_id: str) -> None:
        """None of them works any more."""
        for info in self.tokens.values():
            if info.user_id == user_id:
                info.is_good = False

    # --- subscriptions -------------------------------------------------------------------------------

    def has_authorised(self, user_id: str, type_: str) -> bool:
        """Whether the account granted one of the scopes that a type needs."""
        needed = SCOPES.get(type_, ())
        return not needed or any(
            info.user_id == user_id and info.is_good and not info.scopes.isdisjoint(needed)
            for info in self.tokens.values()
        )

    def has_granted(self, user_id: str, *scopes: str) -> bool:
        """Whether the account let the application in, with one of these scopes if there are any."""
        return any(
            info.user_id == user_id and info.is_good and (not scopes or not info.scopes.isdisjoint(scopes))
            for info in self.tokens.values()
        )

    def is_broken(self, condition: Mapping[str, Any], type_: str) -> bool:
        """Whether a condition has not what its type needs (§4)."""
        if type_ == "channel.raid":
            return len([key for key in _CHANNEL_KEYS[1:] if condition.get(key)]) != 1
        return not all(condition.get(key) for key in ("broadcaster_user_id", READERS.get(type_)) if key)

    def listening(self, type_: str, channel_id: str, reward_id: str = "") -> list[Subscription]:
        """Subscriptions that want to know of this."""
        key = "to_broadcaster_user_id" if type_ == "channel.raid" else "broadcaster_user_id"
        return [
            one
            for one in self.subscriptions.values()
            if one.type == type_
            and one.status == "enabled"
            and one.condition.get(key) == channel_id
            and one.condition.get("reward_id") in (None, "", reward_id)
        ]

    def subscriptions_of(self, channel_id: str, *, status: str = "enabled") -> list[Subscription]:
        return [
            one for one in self.subscriptions.values() if one.channel == channel_id and one.status == status
        ]

    def calls_of(self, method: str, path: str) -> list[Call]:
        return [call for call in self.calls if (call.method, call.path) == (method, path)]
