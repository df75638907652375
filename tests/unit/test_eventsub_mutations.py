"""Whatever an event of EventSub is, it means something or nothing, and soon: never a fault.

4,000 events in every run; with CHAOS=1 two hundred thousand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from integrations.twitch.eventsub_events import REASONS, Ignored, translate
from integrations.twitch.eventsub_messages import Unreadable, read
from server.engine.intake import storable
from server.rules.events import ChatMessage, User
from server.rules.platform_events import NativePollTold, Redeemed, StreamChanged, Supported
from tests.chaos.scale import Scale
from tests.twitch_samples import ENVELOPES, EVENTS, raw
from tests.unit.test_vtt_mutations import WORST_S, no_collections, timed
from tests.vtt_mutations import Mutator

NOW = datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC)
SENT = "2026-11-20T18:30:05.123456789Z"
SEED = 20_261_121


def is_user(user: User) -> bool:
    return (
        storable(user.id, 64)
        and len(user.login) <= 64
        and 0 < len(user.name) <= 64
        and can_be_stored(user.login + user.name)
    )


def can_be_stored(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8") is not None


def check(event: object) -> None:
    """What whoever takes the event in may rely on."""
    assert isinstance(event, ChatMessage | Redeemed | Supported | StreamChanged | NativePollTold)
    assert event.platform == "twitch"
    assert storable(event.channel_id, 64)
    assert storable(event.message_id, 128)
    assert event.sent_at.utcoffset() == NOW.utcoffset()
    match event:
        case ChatMessage():
            assert is_user(event.user)
            assert event.text
        case Redeemed():
            assert is_user(event.user)
            assert storable(event.redemption_id, 64)
            assert storable(event.reward_id, 64)
            assert 0 <= event.cost < 2**31
            assert can_be_stored(event.reward_title + event.user_input)
        case Supported():
            assert event.user is None or is_user(event.user)
            assert storable(event.fact, 200)
            assert 0 <= event.quantity < 2**31
            assert event.tier in (0, 1, 2, 3)
            assert can_be_stored(event.message)
        case NativePollTold():
            assert storable(event.poll_id, 64)
            assert event.choices
            assert all(
                storable(choice.id, 64)
                and can_be_stored(choice.title)
                and 0 <= choice.channel_points_votes < 2**31
                and 0 <= choice.votes < 2**31
                for choice in event.choices
            )


def test_every_event_means_something_or_nothing(record_property: Callable[[str, object], None]) -> None:
    random = Random(SEED)  # noqa: S311
    mutator = Mutator(random, {name: raw(name).decode() for name in EVENTS})
    fates: Counter[str] = Counter()
    slowest: tuple[float, int] = (0.0, 0)
    with no_collections():
        for number in range(Scale.of().count(4_000, 200_000)):
            name = random.choice(list(EVENTS))
            event = mutator.message(name)
            meaning, seconds = timed(
                lambda name=name, event=event: translate(  # type: ignore[misc]
                    EVENTS[name], event, id="m-1", sent_at=SENT, received_at=NOW
                )
            )
            slowest = max(slowest, (seconds, number))
            if isinstance(meaning, Ignored):
                assert meaning.reason in REASONS
                fates[meaning.reason] += 1
            else:
                fates[type(meaning).__name__] += 1
                check(meaning)
    report(record_property, fates, slowest)
    kinds = ("ChatMessage", "Supported", "Redeemed", "NativePollTold", "StreamChanged", "no_channel")
    assert min(fates[kind] for kind in kinds) > 50, fates


def test_every_message_of_a_socket_is_read(record_property: Callable[[str, object], None]) -> None:
    random = Random(SEED + 1)  # noqa: S311
    mutator = Mutator(random, {name: raw(name).decode() for name in ENVELOPES})
    fates: Counter[str] = Counter()
    slowest: tuple[float, int] = (0.0, 0)
    with no_collections():
        for number in range(Scale.of().count(4_000, 200_000)):
            message = mutator.message(random.choice(ENVELOPES))
            found, seconds = timed(lambda message=message: read(message))  # type: ignore[misc]
            fates[type(found).__name__] += 1
            slowest = max(slowest, (seconds, number))
            if not isinstance(found, Unreadable):
                assert storable(found.message_id, 128)
    report(record_property, fates, slowest)
    kinds = ("Welcome", "Keepalive", "Notification", "Reconnect", "Revocation", "Unreadable")
    assert min(fates[kind] for kind in kinds) > 50, fates


def report(
    record_property: Callable[[str, object], None], fates: Counter[str], slowest: tuple[float, int]
) -> None:
    told = f"{dict(fates)}, worst {slowest[0] * 1e3:.2f} ms (number {slowest[1]})"
    record_property("spent", told)
    print(told)
    # A short run shares the cores of the machine, and half of a core counts its seconds twice.
    assert slowest[0] <= (WORST_S if Scale.of().is_long else 3 * WORST_S), told
