"""Bodies of Kick's webhooks as platforms/kick.md §4.6 has them, and the type that each of them is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data" / "kick"

#: File without `.json` → type of the event.
SAMPLES: Mapping[str, str] = {
    "chat": "chat.message.sent",
    "follow": "channel.followed",
    "subscription-new": "channel.subscription.new",
    "subscription-renewal": "channel.subscription.renewal",
    "gifts-anonymous": "channel.subscription.gifts",
    "redemption": "channel.reward.redemption.updated",
    "stream-start": "livestream.status.updated",
    "stream-end": "livestream.status.updated",
    "metadata": "livestream.metadata.updated",
    "ban": "moderation.banned",
    "kicks": "kicks.gifted",
}


def raw(name: str) -> bytes:
    """The body as it stands in the file."""
    return (DATA / f"{name}.json").read_bytes().rstrip(b"\n")


def sample(name: str) -> Any:
    """The body's value, fresh."""
    return json.loads(raw(name))


#: The test vector of §4.3: a key that was made for the document and thrown away.
VECTOR_BODY = b'{"message_id":"km-1","content":"!vote 2"}'
VECTOR_HEADERS: Mapping[str, str] = {
    "kick-event-message-id": "01KCHUBBUB0000000000000001",
    "kick-event-message-timestamp": "2026-11-20T18:30:05Z",
    "kick-event-type": "chat.message.sent",
    "kick-event-version": "1",
    "kick-event-signature": (
        "hnVPk2XWrG7iX77qB3JDUeGAOGfPQEoIpmPA5UTnjF/rNjcugbF0gA9mK8PJ7q9osjDvnis3fN+VQF1Nwq7pI+d1ro"
        "JmcHidtjpt9vY72Ns4GqtKDWrGWy1h2Lte4oJBLCrCcxRAj1vfPUbFrSfw9Z8P7nJ7o86AlPKs4pBtewUyn9wGOnOw"
        "mET1PqU0jxa6evDwyY6E9Egk0pxQJ71JgJun7bIEPPeQ3i/9tjiqkes8h2htonBJjXQsovHXe6sxg05GJKbtANMa2K"
        "CfT7fCpIOcJBaN58jYoNC4SzNbuaoQ6hx4JQslWb3K5A+lYUE3Pos8fyMZNeufDP67moc0XQ=="
    ),
}
VECTOR_KEY = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzoonuPWBHC3vAJf/Hrfp
CnSwS8bc73yph574Zz/PEeR/RayTZ4aW/jjwH4uTHP9w5T8ajYX38ubjzlt0YL5s
A/GxcFHoYPQ3MLUTxCHgE+bvptkkf1/xTYud4fJ92QGMSxcIDHAH0chK6CBKyOUJ
h6R3DX0Gq+jCksRjLRVLfmYLBgNpQgQmYI0TV5Nh5tkgPJGtHvkgAb5WxQdD6Jt6
yZjKG549dSEx+QLtXHHUDuZXT6u1mwbwpaNAJFTKt7Mji8vXarUPGkiX07aEh3nT
YoWT6kEm8NJD6nOqCc+BV7/TXy9R/zO5QrORCZ2s5CcdnEi/cz21BRNnt3mUCGfM
QwIDAQAB
-----END PUBLIC KEY-----
"""
