"""Asking Twitch to be told of one kind of thing, and what became of it, in words (twitch.md §2.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import structlog

from integrations.tokens import NoToken, TokensAway
from integrations.twitch import eventsub_plan
from integrations.twitch.eventsub_plan import Kind
from integrations.twitch.helix import Helix, HelixRefused, NotGranted
from integrations.twitch.reading import identifier, items
from sql.twitch_subscriptions import Account, News, State

_log = structlog.get_logger(__name__)

SUBSCRIPTIONS: Final = "eventsub/subscriptions"
#: Twitch holds it already, from a call whose answer was lost.
_ALREADY: Final = 409
_LIMIT: Final = "Twitch takes no more subscriptions for this account: is it linked with another Hubbub, too?"

#: What a revocation means for the person at the desk (twitch.md §2.2).
REVOKED: Final = {
    "authorization_revoked": "The streamer has taken the permission back on Twitch: link the account again.",
    "user_removed": "Twitch says that the account is gone.",
    "moderator_removed": "The account is no moderator of the channel any more.",
    "chat_user_banned": "The account is banned from the channel.",
    "version_removed": "Twitch no longer has this kind of event: Hubbub has to be updated.",
    "notification_failures_exceeded": "Twitch could not deliver here for too long; it is asked for again.",
}


def revoked_words(status: str) -> str:
    """What a status that is not `enabled` means, as a sentence."""
    return REVOKED.get(status, f"Twitch took it away ({status or 'no reason given'}).")


async def ask(
    helix: Helix,
    account: Account,
    kind: Kind,
    *,
    who: str,
    transport: Mapping[str, str],
    success: State = "held",
) -> News:
    """Subscribe to one, with the token of `who`. Raises what heals by itself: HelixAway, HelixBusy,
    TokensAway."""

    def told(state: State, id_: str | None = None, detail: str = "") -> News:
        return News(account.id, kind.type, state, id_, detail, account.token_version)

    if not eventsub_plan.is_granted(kind, account.scopes):
        return told("refused", detail=_sentence(NotGranted(kind.scope).reason))
    body: dict[str, Any] = {
        "type": kind.type,
        "version": kind.version,
        "condition": eventsub_plan.condition(kind, account.id),
        "transport": dict(transport),
    }
    try:
        answer = await helix.call("POST", SUBSCRIPTIONS, who, body=body)
    except HelixRefused as refused:
        if refused.status == _ALREADY:
            return told("held")
        _log.warning("eventsub_refused_by_twitch", account=account.id, type=kind.type, status=refused.status)
        words = _LIMIT if "limit" in refused.reason or "cost" in refused.reason else refused.reason
        return told("refused", detail=_sentence(f"Twitch refuses it: {words}"))
    except TokensAway:
        raise
    except NoToken as none:
        return told("refused", detail=str(none))
    made = items(answer.get("data"))
    id_ = identifier(made[0].get("id")) if made else ""
    if success == "pending" and not id_:
        return told("wanted")
    return told(success, id_ or None)


def _sentence(words: str) -> str:
    """With a capital at its start and a full stop at its end."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."
