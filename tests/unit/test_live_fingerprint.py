"""What a page shows in 32 bits; that browsers compute the same is tested in tests/browser."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.fingerprint import canonical, fingerprint
from server.live.room import Room
from server.rules.changes import Change
from sql.snapshots import Snapshot


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (0.5, "0.5"),
        (0.333333, "0.333333"),
        (1e-6, "0.000001"),
        (9.5e-6, "0.0000095"),
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (123456789012345680.0, "123456789012345680"),
        (1.2345678901234567e20, "123456789012345670000"),
        (1e21, "1e+21"),
        (2**53, "9007199254740992"),
        (2**53 + 1, "9007199254740992"),
        (True, "true"),
        (None, "null"),
        ('a"\\\n\u0001é€\u2028', '"a\\"\\\\\\n\\u0001é€\u2028"'),
        ({"b": [1, 2.0], "a": {}}, '{"a":{},"b":[1,2]}'),
    ],
)
def test_the_canonical_form_is_what_javascript_writes(value: object, text: str) -> None:
    assert canonical(value).decode() == text


def test_a_check_value() -> None:
    assert fingerprint({}) == 0xA3A6BF43, "CRC-32 of two braces"
    assert fingerprint({"b": {"n": 1}, "a": {}}) == fingerprint({"a": {}, "b": {"n": 1.0}})
    assert fingerprint({"b": {"n": 1}}) != fingerprint({"b": {"n": 2}})


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz_09", max_size=5), inner),
    max_leaves=12,
)


@given(_JSON)
def test_the_canonical_form_says_the_same(value: object) -> None:
    def read(text: bytes | str) -> object:
        return json.loads(text, parse_int=float)  # JavaScript has one kind of number

    assert read(canonical(value)) == read(json.dumps(value))
    assert canonical(json.loads(canonical(value))) == canonical(value)


def test_a_room_has_the_fingerprint_of_what_it_shows_now() -> None:
    at = datetime.now(UTC)
    epoch, campaign = uuid4(), uuid4()
    room = Room(campaign, Snapshot(epoch, 0, 1, at, {}, 0, (), ()))
    seen = {room.fingerprint}
    for seq in range(1, 4):
        room.apply(Change(campaign, epoch, seq - 1, seq, at, {"b": {"votes": seq}}, (), ()))
        assert room.fingerprint == fingerprint({"b": {"votes": seq}})
        seen.add(room.fingerprint)
    room.apply(Change(campaign, epoch, 3, 4, at, {}, ("b",), ()))
    assert room.fingerprint == fingerprint({})
    assert len(seen) == 4
