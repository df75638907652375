"""Messages between processes: sealed, and the same on the other side."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from server.live.bus_port import Seal, channel_of, from_message, to_message
from server.rules.changes import Change, OnceEvent

NEW, OLD = b"n" * 32, b"o" * 32


def test_a_change_is_the_same_after_the_journey() -> None:
    change = Change(
        uuid4(),
        uuid4(),
        3,
        6,
        datetime(2026, 11, 20, 20, 0, 0, 123_456, tzinfo=UTC),
        {str(uuid4()): {"kind": "poll", "question": "¿Qué puerta? 🚪"}},
        (str(uuid4()),),
        (OnceEvent(6, "e6", "overlay.test", {"x": [1, None]}, 8000),),
    )
    assert from_message(to_message(change)) == change


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b'{"campaign":1}'])
def test_another_form_raises_what_the_bus_catches(payload: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        from_message(payload)


def test_a_seal_opens_only_what_one_of_us_closed_for_this_channel() -> None:
    campaign = uuid4()
    channel = channel_of(campaign)
    message = Seal([NEW, OLD]).close(channel, b"payload")
    assert Seal([NEW]).open(channel, message) == b"payload"
    assert Seal([OLD, NEW]).open(channel, message) == b"payload", "rotation: old processes still read"
    assert Seal([OLD]).open(channel, message) is None
    assert Seal([NEW]).open(channel_of(uuid4()), message) is None
    for position in range(len(message)):
        bent = bytes(b ^ (i == position) for i, b in enumerate(message))
        assert Seal([NEW]).open(channel, bent) is None
    assert Seal([NEW]).open(channel, b"") is None


def test_a_channel_keeps_its_campaign_in_braces() -> None:
    campaign = uuid4()
    assert channel_of(campaign) == "hubbub:{" + str(campaign) + "}"


def test_a_seal_without_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        Seal([])
