"""Standard Webhooks 1.0.0: who signed a delivery, and when (https://www.standardwebhooks.com).

    signature = "v1," + base64(HMAC-SHA256(key, id + "." + timestamp + "." + body))

The algorithm is ours to choose, never the header's: entries of other versions are passed over (T17).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX: Final = "whsec_"
#: A delivery that is older, or this far ahead, may be a replay.
WINDOW: Final = timedelta(minutes=5)
_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
#: Senders put one signature there for each secret that is good: two while secrets rotate.
_MOST_SIGNATURES: Final = 16


class NotGenuine(Exception):
    """The delivery is not believed; the message says why, and nothing of the secrets."""


def key_of(secret: str) -> bytes:
    """The key of a secret as it is told, with or without `whsec_`. Raises ValueError."""
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError as error:  # binascii's own is one, and what is not ASCII another
        raise ValueError("a signing secret is base64 behind whsec_") from error


def sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """One entry of the `webhook-signature` header."""
    return "v1," + base64.b64encode(_mac(key, webhook_id, str(timestamp), body)).decode()


def check(keys: Iterable[bytes], headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a genuine and fresh delivery. Raises NotGenuine.

    `keys` are all that are good now; all are tried, over the bytes as they came, in constant time.
    """
    webhook_id, seconds = headers.get(ID, ""), headers.get(TIMESTAMP, "")
    if not _ID.fullmatch(webhook_id):
        raise NotGenuine(f"{ID} must have 1 to 128 characters of ASCII without spaces")
    if not _SECONDS.fullmatch(seconds):
        raise NotGenuine(f"{TIMESTAMP} must be whole seconds since 1970")
    sent = [
        value
        for version, _, value in (one.partition(",") for one in headers.get(SIGNATURE, "").split(" "))
        if version == "v1"
    ][:_MOST_SIGNATURES]
    if not sent:
        raise NotGenuine(f"{SIGNATURE} holds no v1 signature")
    genuine = False
    for key in keys:
        expected = base64.b64encode(_mac(key, webhook_id, seconds, body))
        for signature in sent:
            genuine |= hmac.compare_digest(expected, signature.encode())
    if not genuine:
        raise NotGenuine("the signature is not that of this body, id and time")
    # Behind the signature: who may not sign learns nothing about our clock.
    if abs(now.timestamp() - int(seconds)) > WINDOW.total_seconds():
        raise NotGenuine(
            "the delivery is older than 5 minutes, or as much ahead: set the sender's clock by network time"
        )
    return webhook_id


def _mac(key: bytes, webhook_id: str, seconds: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{webhook_id}.{seconds}.".encode() + body, "sha256")
