"""JSON that lenient parsers would wave through is refused (reliability M8, M9)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web.strict_json import DEEPEST, LARGEST_INTEGER, NotStrictJson, parse

REFUSED = [
    (b"", "not valid JSON"),
    (b"   ", "not valid JSON"),
    (b"{", "not valid JSON"),
    (b"[1,]", "not valid JSON"),
    (b"{'a':1}", "not valid JSON"),
    (b"// comment\n1", "not valid JSON"),
    (b"NaN", "not valid JSON"),
    (b"[Infinity]", "not valid JSON"),
    (b"-Infinity", "not valid JSON"),
    (b"1e999", "not valid JSON"),
    (b"01", "not valid JSON"),
    (b"+1", "not valid JSON"),
    (b".5", "not valid JSON"),
    (b"0x10", "not valid JSON"),
    (b"1_000", "not valid JSON"),
    ("٣".encode(), "not valid JSON"),
    (b'"\xff"', "not valid JSON"),
    (b"\xef\xbb\xbf{}", "not valid JSON"),
    (b'"\x00"', "not valid JSON"),
    (b'"a\tb"', "not valid JSON"),
    (b'"\\ud800"', "not valid JSON"),
    (b'"\\udc00\\ud800"', "not valid JSON"),
    (b'{"a":1} {"a":2}', "not valid JSON"),
    (b'"a\\u0000b"', "NUL"),
    (b'{"a\\u0000":1}', "NUL"),
    (b'{"a":1,"a":1}', '"a" stands twice'),
    (b'{"x":{"a":1,"b":2,"a":3}}', '"a" stands twice'),
    (b'{"a":1,"\\u0061":2}', '"a" stands twice'),
    (b'{"a:":1,"a:":2}', '"a:" stands twice'),
    # An escaped colon for each one that vanished with the repeated key: the count alone would not notice.
    (b'{"a":"\\u003a","a":"\\u003a\\u003A"}', '"a" stands twice'),
    (b'[{"a":1},{"":1,"":2}]', '"" stands twice'),
    (b'{"a":' + b"[" * 900 + b"]" * 900 + b',"a":1}', "stands twice"),
    (b"9007199254740992", "53 bits"),
    (b"-9007199254740992", "53 bits"),
    (b"18446744073709551615", "53 bits"),
    (b"12345678901234567890123456", "53 bits"),
    (b"1e20", "53 bits"),
    (b"[" * 200_000, "not valid JSON"),
    (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "nested deeper"),
    (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "nested deeper"),
]


@pytest.mark.parametrize(("raw", "reason"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_refused_with_a_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(NotStrictJson, match=reason):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b'{"a":"x:y:z","b:c":[1,2.5,-0.0,1e3,true]}',
        b'{"a":"\\u003a\\u003A","b":":"}',
        b'"\\\\u0000"',
        b'"\\ud83d\\ude00"',
        '{"ключ":"значение"}'.encode(),
        b'[{"a":1},{"a":1}]',
        b'{"a":{"a":{"a":1}}}',
        str(LARGEST_INTEGER).encode(),
        str(-LARGEST_INTEGER).encode(),
        b"[" * DEEPEST + b"]" * DEEPEST,
        b'{"a":' * DEEPEST + b"1" + b"}" * DEEPEST,
    ],
)
def test_taken_as_every_reader_takes_it(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


def unlike_a_seventeenth_level(value: Any, depth: int = 0) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return depth < DEEPEST and all(unlike_a_seventeenth_level(inner, depth + 1) for inner in value)
    return True


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | TEXTS | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES.filter(unlike_a_seventeenth_level), st.booleans())
def test_whatever_is_written_strictly_is_read_back(value: Any, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(
    st.lists(st.tuples(st.sampled_from(["a", ":", "b:c", "\\", '"', "é"]), TEXTS), min_size=1, max_size=6),
    st.booleans(),
)
def test_a_repeated_key_is_never_missed(pairs: list[tuple[str, str]], ascii_only: bool) -> None:
    text = "{" + ",".join(
        f"{json.dumps(key, ensure_ascii=ascii_only)}:{json.dumps(value, ensure_ascii=ascii_only)}"
        for key, value in pairs
    ) + "}"  # fmt: skip
    if len({key for key, _ in pairs}) == len(pairs):
        assert parse(text.encode()) == dict(pairs)
    else:
        with pytest.raises(NotStrictJson, match="stands twice"):
            parse(text.encode())


def test_a_full_batch_of_events_is_checked_fast() -> None:
    event = {
        "type": "chat.message", "platform": "twitch", "channel_id": "4242", "message_id": "0b7c",
        "user": {"id": "991", "login": "ana", "name": "Ana", "roles": ["subscriber"]},
        "text": "x" * 300, "sent_at": "2026-11-20T20:00:00.123Z",
    }  # fmt: skip
    raw = json.dumps([event] * 1000).encode()
    best = min(_timed(raw) for _ in range(5))
    assert best < 0.1, f"{best * 1000:.0f} ms for {len(raw)} bytes"


def _timed(raw: bytes) -> float:
    start = time.thread_time()
    parse(raw)
    return time.thread_time() - start
