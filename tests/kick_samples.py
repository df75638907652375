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
