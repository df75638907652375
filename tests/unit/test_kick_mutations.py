"""Whatever the body of a webhook is, it means something or nothing, and soon: never a fault.

4,000 bodies in every run; with CHAOS=1 two hundred thousand.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import orjson

from integrations.deliveries import Delivery
from integrations.kick.webhook_events import Ignored, Misfit, read
from server.engine.intake import storable
from server.rules.events import ChatMessage, OtherEvent, User
from server.rules.platform_events import Redeemed, StreamChanged, Supported
from tests.chaos.scale import Scale
from tests.kick_samples import SAMPLES, raw
from tests.unit.test_vtt_mutations import WORST_S, no_collections, timed
from tests.vtt_mutations import Mutator

NOW = datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC)
#: Bytes of the largest delivery that is read.
LARGEST = 64 * 1024
SEED = 20_261_120


def is_user(user: User) -> bool:
    return (
        storable(user.id, 20)
        and user.id.isdigit()
        and len(user.login) <= 64
        and len(user.name) <= 64
        and can_be_stored(user.login + user.name)
    )


def can_be_stored(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8") is not None


def check(event: object) -> None:
    """What whoever takes the event in may rely on."""
    assert isinstance(event, ChatMessage | Redeemed | Supported | StreamChanged | OtherEvent)
    assert event.platform == "kick"
    assert event.channel_id.isdigit()
    assert storable(event.message_id, 128)
    assert event.sent_at.utcoffset() == NOW.utcoffset()
    match event:
        case ChatMessage():
            assert is_user(event.user)
            assert can_be_stored(event.text)
        case Redeemed():
            assert is_user(event.user)
            assert storable(event.redemption_id, 64)
            assert storable(event.reward_id, 64)
            assert 0 <= event.cost < 2**31
            assert can_be_stored(event.reward_title + event.user_input)
        case Supported():
            assert event.user is None or is_user(event.user)
            assert storable(event.fact, 128)
            assert 1 <= event.quantity < 2**31
            assert can_be_stored(event.message)


def written(message: object) -> bytes:
    """As JSON; what is nested too deep to be written is so all the same."""
    try:
        return json.dumps(message).encode()
    except RecursionError:
        return b'{"broadcaster": {"user_id": 1}, "sender": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"


def bent(text: bytes, random: Random) -> bytes:
    """Cut off, or with a byte that is another."""
    at = random.randrange(len(text))
    return text[:at] if random.random() < 0.5 else text[:at] + bytes([random.randrange(256)]) + text[at + 1 :]


def test_every_body_means_something_or_nothing(record_property: Callable[[str, object], None]) -> None:
    random = Random(SEED)  # noqa: S311
    mutator = Mutator(random, {name: raw(name).decode() for name in SAMPLES})
    fates: Counter[str] = Counter()
    slowest: tuple[float, int] = (0.0, 0)
    with no_collections():
        for number in range(Scale.of().count(4_000, 200_000)):
            name = random.choice(list(SAMPLES))
            body = written(mutator.message(name)) if random.random() < 0.9 else bent(raw(name), random)
            if len(body) > LARGEST:
                continue  # is not read at all
            try:
                message = orjson.loads(body)
            except orjson.JSONDecodeError:
                fates["no JSON"] += 1
                continue
            delivery = Delivery("01KC", "event", SAMPLES[name], "1", NOW)
            event, seconds = timed(
                lambda delivery=delivery, message=message: read(delivery, message, NOW)  # type: ignore[misc]
            )
            fates[type(event).__name__] += 1
            slowest = max(slowest, (seconds, number))
            if not isinstance(event, Ignored | Misfit):
                check(event)
    told = f"{dict(fates)}, worst {slowest[0] * 1e3:.2f} ms (number {slowest[1]})"
    record_property("spent", told)
    print(told)
    assert min(fates[kind] for kind in ("ChatMessage", "Supported", "Redeemed", "Misfit")) > 100
    # A short run shares the cores of the machine, and half of a core counts its seconds twice.
    assert slowest[0] <= (WORST_S if Scale.of().is_long else 3 * WORST_S), told
