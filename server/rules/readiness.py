"""Whether a streamer is ready for the show, and what stands in the way, in words and with a way to mend it
(domain/campaigns-and-auth.md §6).

Ready means: a poll that is launched now reaches their viewers. What only takes away rewards or messages is
told as well, and keeps nobody from being ready.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from server.rules.consent import CAPABILITIES, Capability

Code = Literal[
    "invitation_pending",
    "channel_missing",
    "authorization_missing",
    "authorization_expired",
    "streamer_inactive",
    "token_refresh_failed",
    "token_expired",
    "token_missing",
    "scope_missing",
    "not_affiliate",
    "shared_chat",
    "webhook_off",
]
#: What mends it, done by the streamer: accept the invitation, agree again, sign in again with the platform,
#: add the channel, have it looked at again. Whoever runs the show can remind them of it.
Act = Literal["accept", "agree", "link", "add_channel", "check_again"]

#: How rows of `account_issues` are told here.
_TOLD: Final[Mapping[str, Code]] = {
    "account_inactive": "streamer_inactive",
    "needs_relink": "token_refresh_failed",
    "token_expired": "token_expired",
    "scope_missing": "scope_missing",
    "not_affiliate": "not_affiliate",
    "shared_chat": "shared_chat",
    "webhook_off": "webhook_off",
}

#: Scopes without which a capability does not work, by platform. Polls need none: chat is read without a
#: token.
SCOPES: Final[Mapping[tuple[str, Capability], tuple[str, ...]]] = {
    ("twitch", "rewards"): ("channel:manage:redemptions",),
    ("twitch", "chat"): ("user:write:chat",),
    ("kick", "rewards"): ("channel:rewards:read", "channel:rewards:write"),
    ("kick", "chat"): ("chat:write",),
}

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_EVERYTHING: Final = frozenset(CAPABILITIES)
_WITH_TOKEN: Final = frozenset[Capability]({"rewards", "chat"})
_NAMES: Final = {"twitch": "Twitch", "kick": "Kick"}


@dataclass(frozen=True, slots=True)
class AccountIssue:
    """Something that is wrong with an account on its platform (a row of the view `account_states`)."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """A channel of the member in the show. `scopes` None: no token is kept for its account."""

    platform: str
    login: str
    channel_id: str  # the platform's
    has_account: bool = False
    scopes: tuple[str, ...] | None = None
    issues: Sequence[AccountIssue] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a member who takes part, or is to. `until` holds what was agreed to, ended or not."""

    is_active: bool
    is_owner: bool
    login: str
    channels: Sequence[ChannelFacts]
    until: Mapping[Capability, datetime]


@dataclass(frozen=True, slots=True)
class Issue:
    """`stops` are the capabilities that do not work because of it; with `polls` among them nobody is
    ready."""

    code: Code
    words: str
    fix: str
    act: Act
    stops: frozenset[Capability]
    platform: str = ""
    channel_id: str = ""  # the platform's; empty: it concerns all of them

    @property
    def is_serious(self) -> bool:
        """Keeps the streamer from being ready."""
        return "polls" in self.stops


def issues(facts: Facts, now: datetime) -> list[Issue]:
    """What stands in the way, most serious first; an account that is shut stops further questions about
    it."""
    if not facts.is_active:
        return [
            Issue(
                "invitation_pending",
                f"{facts.login} has not accepted the invitation.",
                f"Ask them to sign in here as {facts.login} and to accept it.",
                "accept",
                _EVERYTHING,
            )
        ]
    if not facts.channels:
        return [
            Issue(
                "channel_missing",
                "None of their channels is in this show.",
                "Add the channel again, under Channels or with the button here.",
                "add_channel",
                _EVERYTHING,
            )
        ]
    found = [] if facts.is_owner else list(_authorization(facts, now))
    for channel in facts.channels:
        found += _of_channel(channel, facts, now)
    return sorted(found, key=lambda issue: not issue.is_serious)


def of_accounts(facts: Facts) -> list[Issue]:
    """What is wrong with the accounts alone, whatever was agreed to."""
    return [issue for channel in facts.channels for issue in _of_channel(channel, facts, _NEVER)]


def is_ready(found: Iterable[Issue]) -> bool:
    """Whether a poll that is launched now reaches their viewers."""
    return not any(issue.is_serious for issue in found)


def _authorization(facts: Facts, now: datetime) -> Iterable[Issue]:
    until = facts.until.get("polls")
    if until is None:
        yield Issue(
            "authorization_missing",
            "Has not agreed to polls for this evening.",
            "Switch “Polls” on under What Hubbub may do; it is good for 12 hours.",
            "agree",
            frozenset({"polls"}),
        )
    elif until <= now:
        yield Issue(
            "authorization_expired",
            "What was agreed to has run out.",
            "Switch “Polls” on again under What Hubbub may do.",
            "agree",
            frozenset({"polls"}),
        )


def _of_channel(channel: ChannelFacts, facts: Facts, now: datetime) -> Iterable[Issue]:
    codes = {issue.code: issue.detail for issue in channel.issues}
    where, name = {"platform": channel.platform, "channel_id": channel.channel_id}, _name(channel)
    platform = _NAMES.get(channel.platform, channel.platform)
    again = f"Sign in with {platform} again under Your account; one click is enough."
    if "account_inactive" in codes:
        yield Issue(
            "streamer_inactive",
            f"{name} is not in use any more: access was taken back, or {platform} has closed the account.",
            again,
            "link",
            _EVERYTHING,
            **where,
        )
        return
    if "needs_relink" in codes:
        words = f"{platform} does not accept what {name} has given us any more."
        yield Issue("token_refresh_failed", words, again, "link", _WITH_TOKEN, **where)
    elif "token_expired" in codes:
        words = f"What {name} has given us has run out, and {platform} gave nothing new."
        yield Issue("token_expired", words, again, "link", _WITH_TOKEN, **where)
    else:
        yield from _scopes(channel, facts, now, codes.get("scope_missing"), again)
    for code, issue in _SIMPLE.items():
        if code in codes:
            words, fix, stops = issue
            yield Issue(_TOLD[code], f"{name}: {words}", fix, "check_again", stops, **where)


def _scopes(
    channel: ChannelFacts, facts: Facts, now: datetime, told: str | None, again: str
) -> Iterable[Issue]:
    """What was agreed to and the token does not allow; the owner agrees to everything that is linked."""
    if not channel.has_account:
        return
    where, name = {"platform": channel.platform, "channel_id": channel.channel_id}, _name(channel)
    wanted: list[Capability] = [
        capability
        for capability in CAPABILITIES
        if capability in facts.until
        and facts.until[capability] > now
        and (channel.platform, capability) in SCOPES
    ]
    if wanted and channel.scopes is None:
        words = f"{name} was never linked for {_and(wanted)}; signing in alone does not allow that."
        yield Issue("token_missing", words, again, "link", frozenset(wanted), **where)
        return
    held = set(channel.scopes or ())
    lacking = [c for c in wanted if not held.issuperset(SCOPES[channel.platform, c])]
    names = sorted({scope for c in lacking for scope in SCOPES[channel.platform, c]} - held)
    if told is not None and told not in names:
        names.append(told)
    if names and (lacking or told is not None):
        words = f"{name} has not allowed everything that is needed: {', '.join(filter(None, names))}."
        yield Issue("scope_missing", words, again, "link", frozenset(lacking) or _WITH_TOKEN, **where)


_SIMPLE: Final[Mapping[str, tuple[str, str, frozenset[Capability]]]] = {
    "webhook_off": (
        "Kick has stopped sending its chat.",
        "Have it asked for again; if that does not help, sign in with Kick again.",
        frozenset({"polls", "rewards"}),
    ),
    "not_affiliate": (
        "Twitch has channel points and its own polls for affiliates and partners only. Chat votes count.",
        "Nothing has to be done for polls in chat. Look again once the channel is an affiliate.",
        frozenset({"rewards"}),
    ),
    "shared_chat": (
        "its chat is shared with other channels. Each vote counts once, where it was written.",
        "To poll this chat alone, end the shared chat on Twitch; then look again.",
        frozenset(),
    ),
}


def _name(channel: ChannelFacts) -> str:
    return f"{channel.login} on {_NAMES.get(channel.platform, channel.platform)}"


def _and(capabilities: Sequence[Capability]) -> str:
    return " and ".join(capabilities)
