"""Who signed a delivery of EventSub's webhooks, and when (platforms/twitch.md §3).

    signature = "sha256=" + hex(HMAC-SHA256(secret, message id + timestamp + body))

The algorithm is ours to choose, never the header's. Only id, time and body are signed: which kind of message
it is, and of which type, stands in headers that anybody could change; the body has the last word on both.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from integrations.deliveries import Delivery, NotGenuine
from integrations.twitch.reading import message_id, moment

ID: Final = "twitch-eventsub-message-id"
KIND: Final = "twitch-eventsub-message-type"
SIGNATURE: Final = "twitch-eventsub-message-signature"
TIMESTAMP: Final = "twitch-eventsub-message-timestamp"
TYPE: Final = "twitch-eventsub-subscription-type"
VERSION: Final = "twitch-eventsub-subscription-version"

#: A delivery that is older may be a replay, and so may one from the future.
OLDEST: Final = timedelta(minutes=10)
MOST_AHEAD: Final = timedelta(seconds=60)
_PREFIX: Final = "sha256="


def sign(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    """The header that Twitch would send. `id_` and `timestamp` are signed as they stand in their headers."""
    signed = id_.encode("latin-1") + timestamp.encode("latin-1") + body
    return _PREFIX + hmac.new(secret.encode(), signed, "sha256").hexdigest()


def check(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime) -> Delivery:
    """A delivery that is genuine and fresh. Raises NotGenuine.

    `headers` are looked up in lower case, their values taken as they came; `secrets` are all that are good.
    The signature is compared in constant time over the bytes as they came, before anything is made of them.
    """
    id_, timestamp = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    given = headers.get(SIGNATURE, "")
    if not (id_ and timestamp and given):
        raise NotGenuine("a header of the signature is missing")
    genuine = False
    for secret in secrets:
        expected = sign(secret, id_, timestamp, body)
        genuine |= hmac.compare_digest(expected.encode(), given.encode("latin-1", "replace"))
    if not genuine:
        raise NotGenuine("the signature is not Twitch's")
    sent_at = moment(timestamp)
    if sent_at is None or not message_id(id_):
        raise NotGenuine("the id or the time is none")
    if now - sent_at > OLDEST:
        raise NotGenuine("it is older than 10 minutes", is_stale=True)
    if sent_at - now > MOST_AHEAD:
        raise NotGenuine("it comes from the future: is the clock of this server right?", is_stale=True)
    return Delivery(id_, headers.get(KIND, ""), headers.get(TYPE, ""), headers.get(VERSION, ""), sent_at)
