"""Messages and events of Twitch as platforms/twitch.md has them, and the type that each event is of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parent / "data" / "twitch"
_REDEMPTION: Final = "channel.channel_points_custom_reward_redemption"

#: File without `.json` → type of the subscription whose `event` it is.
EVENTS: Final[Mapping[str, str]] = {
    "chat": "channel.chat.message",
    "redemption-add": f"{_REDEMPTION}.add",
    "redemption-update": f"{_REDEMPTION}.update",
    "poll-begin": "channel.poll.begin",
    "poll-progress": "channel.poll.progress",
    "poll-end": "channel.poll.end",
    "prediction-begin": "channel.prediction.begin",
    "prediction-progress": "channel.prediction.progress",
    "prediction-lock": "channel.prediction.lock",
    "prediction-end": "channel.prediction.end",
    "subscribe": "channel.subscribe",
    "subscription-gift": "channel.subscription.gift",
    "subscription-message": "channel.subscription.message",
    "cheer": "channel.cheer",
    "bits-use": "channel.bits.use",
    "raid": "channel.raid",
    "stream-online": "stream.online",
    "stream-offline": "stream.offline",
    "hype-train-begin": "channel.hype_train.begin",
    "hype-train-progress": "channel.hype_train.progress",
    "hype-train-end": "channel.hype_train.end",
    "ad-break": "channel.ad_break.begin",
}
#: Messages of the WebSocket.
ENVELOPES: Final = ("ws-welcome", "ws-keepalive", "ws-notification", "ws-reconnect", "ws-revocation")

#: The test vector of §3.2.
VECTOR_SECRET: Final = "hubbub-test-secret-01"
VECTOR_BODY: Final = b'{"challenge":"hb-challenge-7Qe2"}'
VECTOR_HEADERS: Final[Mapping[str, str]] = {
    "twitch-eventsub-message-id": "8d6c6a0e-hubbub-0001",
    "twitch-eventsub-message-timestamp": "2026-11-20T18:30:05.123456789Z",
    "twitch-eventsub-message-type": "webhook_callback_verification",
    "twitch-eventsub-message-signature": (
        "sha256=069ee2a741402aabcba5d3c4a5e204f9cfbe4e7879e5c449b9d6b32a0ba5692b"
    ),
}


def raw(name: str) -> bytes:
    """The text as it stands in the file."""
    return (DATA / f"{name}.json").read_bytes().rstrip(b"\n")


def sample(name: str) -> Any:
    """Its value, fresh."""
    return json.loads(raw(name))
