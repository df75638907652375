"""The frames of `/live`: what is taken, what is refused, and what goes out byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from pydantic import TypeAdapter

from server.live import close_codes
from server.live.frames import (
    MOST_CLIENT_FRAME,
    Ack,
    BadFrame,
    Bye,
    Delta,
    Event,
    Hello,
    Ping,
    Resync,
    ServerFrame,
    Snapshot,
    decode,
    encode,
)
from server.live.wire import text_frame

EPOCH = UUID("019e0000-0000-7000-8000-000000000000")
AT = datetime(2026, 11, 20, 20, 0, 0, 123_999, tzinfo=UTC)
HELLO = {"op": "hello", "proto": 1, "key": "ovl_x", "client": {"kind": "overlay"}}


def test_a_hello_with_everything_is_taken() -> None:
    text = json.dumps(
        HELLO
        | {
            "epoch": str(EPOCH),
            "seq": 2**53 - 1,
            "campaign": str(EPOCH),
            "client": {
                "kind": "overlay",
                "name": "Câmera 1",
                "obs": "31.0",
                "viewport": {"w": 1920, "h": 1080},
            },
        }
    )
    hello = decode(text)
    assert isinstance(hello, Hello)
    assert (hello.epoch, hello.seq, hello.client.name) == (EPOCH, 2**53 - 1, "Câmera 1")


def test_a_hello_with_the_least_is_taken() -> None:
    hello = decode(json.dumps(HELLO))
    assert isinstance(hello, Hello)
    assert hello.epoch is None
    assert hello.client.viewport is None


def test_ack_and_resync_are_taken() -> None:
    assert decode('{"op":"ack","seq":7}') == Ack(op="ack", seq=7)
    assert decode('{"op":"ack","seq":0,"hash":0}') == Ack(op="ack", seq=0, hash=0)
    assert decode('{"op":"ack","seq":7,"hash":4294967295}') == Ack(op="ack", seq=7, hash=2**32 - 1)
    assert decode('{"hash": 4294967295, "op": "ack", "seq": 7}') == Ack(op="ack", seq=7, hash=2**32 - 1)
    assert decode('{"op":"resync","why":""}') == Resync(op="resync", why="")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "1",
        "[]",
        "{}",
        "{",
        "NaN",
        '{"op":"ping"}',
        '{"op":"snapshot"}',
        '{"op":"ack"}',
        '{"op":"ack","seq":-1}',
        '{"op":"ack","seq":"1"}',
        '{"op":"ack","seq":1.0}',
        '{"op":"ack","seq":1e3}',
        '{"op":"ack","seq":true}',
        '{"op":"ack","seq":null}',
        '{"op":"ack","seq":NaN}',
        '{"op":"ack","seq":Infinity}',
        '{"op":"ack","seq":9007199254740992}',
        '{"op":"ack","seq":12345678901234567890123456}',
        '{"op":"ack","seq":' + "9" * 4090 + "}",
        '{"op":"ack","seq":1,"seq":1}',
        '{"op":"ack","seq":1,"hash":"x"}',
        '{"op":"ack","seq":1,"hash":4294967296}',
        '{"op":"ack","seq":1,"hash":9999999999}',
        '{"op":"ack","seq":1,"hash":-1}',
        '{"op":"ack","seq":01}',
        '{"op":"ack","seq":1,"hash":01}',
        '{"op":"ack","seq":٣}',
        '{"op":"resync","why":"a\\u0000b"}',
        '{"op":"resync","why":"\\ud800"}',
        '{"op":"resync","why":"' + "a" * 201 + '"}',
        '{"op":"resync"}',
        "[" * 4000,
        '{"op":' * 600,
        "\ud800",
        json.dumps(HELLO | {"proto": 2}),
        json.dumps(HELLO | {"proto": True}),
        json.dumps(HELLO | {"proto": 1.0}),
        json.dumps(HELLO | {"key": ""}),
        json.dumps(HELLO | {"key": "k" * 1025}),
        json.dumps(HELLO | {"epoch": 5}),
        json.dumps(HELLO | {"epoch": "now"}),
        json.dumps(HELLO | {"client": {"kind": "browser"}}),
        json.dumps(HELLO | {"client": {"kind": "api", "name": "n" * 65}}),
        json.dumps(HELLO | {"client": {"kind": "api", "obs": "1" * 33}}),
        json.dumps(HELLO | {"client": {"kind": "api", "viewport": {"w": 0, "h": 1}}}),
        json.dumps(HELLO | {"client": {"kind": "api", "viewport": {"w": 16385, "h": 1}}}),
        json.dumps(HELLO | {"client": {"kind": "api", "viewport": {"w": 1}}}),
        json.dumps(HELLO | {"token": "x"}),
    ],
)
def test_anything_else_is_refused_without_another_exception(text: str) -> None:
    with pytest.raises(BadFrame):
        decode(text)


@pytest.mark.parametrize("filler", ["a", "é", "😀"])
def test_the_limit_of_a_client_frame_is_in_bytes(filler: str) -> None:
    frame = json.dumps({"op": "resync", "why": "x"})
    size = len(filler.encode())
    fits = frame + " " * (MOST_CLIENT_FRAME - len(frame))
    assert isinstance(decode(fits), Resync)
    with pytest.raises(BadFrame, match="4 KiB"):
        decode(fits + " ")
    with pytest.raises(BadFrame, match="4 KiB"):
        decode(frame + filler * (MOST_CLIENT_FRAME // size))
    with pytest.raises(BadFrame, match="4 KiB"):
        decode(frame * 1000)


def test_server_frames_have_the_fields_of_the_contract() -> None:
    board = {"kind": "poll", "phase": "open"}
    frames: list[tuple[ServerFrame, dict[str, object]]] = [
        (
            Snapshot(EPOCH, 4, AT, {"b": board}, {"theme": "night"}, 2, "abc"),
            {"op": "snapshot", "epoch": str(EPOCH), "seq": 4, "at": "2026-11-20T20:00:00.123Z"}
            | {"boards": {"b": board}, "layout": {"theme": "night"}, "skipped": 2, "build": "abc"},
        ),
        (
            Delta(EPOCH, 4, 6, AT, {"b": orjson.Fragment(orjson.dumps(board))}, ("c",)),
            {"op": "delta", "epoch": str(EPOCH), "from": 4, "to": 6, "at": "2026-11-20T20:00:00.123Z"}
            | {"set": {"b": board}, "unset": ["c"]},
        ),
        (
            Event(EPOCH, 5, "e1", "overlay.test", {"x": 1}, 8000),
            {"op": "event", "epoch": str(EPOCH), "seq": 5, "id": "e1", "kind": "overlay.test"}
            | {"data": {"x": 1}, "ttl_ms": 8000},
        ),
        (
            Ping(EPOCH, 6, AT),
            {"op": "ping", "epoch": str(EPOCH), "seq": 6, "at": "2026-11-20T20:00:00.123Z"},
        ),
        (
            Ping(EPOCH, 6, AT, stale=True),
            {"op": "ping", "epoch": str(EPOCH), "seq": 6, "at": "2026-11-20T20:00:00.123Z", "stale": True},
        ),
        (Bye(4401, "no", 0), {"op": "bye", "code": 4401, "reason": "no", "retry_ms": 0}),
    ]
    for frame, expected in frames:
        assert json.loads(encode(frame)) == expected


def test_the_documented_schema_names_what_is_sent() -> None:
    for frame, model in (
        (Snapshot(EPOCH, 4, AT, {}, {}, 0, ""), Snapshot),
        (Delta(EPOCH, 4, 6, AT, {}, ()), Delta),
        (Event(EPOCH, 5, "e1", "overlay.test", {}, 8000), Event),
        (Ping(EPOCH, 6, AT, stale=True), Ping),
        (Bye(4401, "no", 0), Bye),
    ):
        schema = TypeAdapter(model).json_schema()
        assert set(json.loads(encode(frame))) == set(schema["properties"])


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 300_000])
def test_a_text_frame_is_framed_as_rfc_6455_says(size: int) -> None:
    from websockets.frames import Frame, Opcode

    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


def test_only_a_dead_key_ends_it_for_good() -> None:
    assert [e for e in close_codes.ENDINGS if not e.reconnect] == [close_codes.BAD_KEY]
    assert {e.code for e in close_codes.ENDINGS} == {1011, 1012, 1013, 4400, 4401, 4403, 4408, 4429}
    assert all(len(e.reason.encode()) <= 123 for e in close_codes.ENDINGS), "RFC 6455 §5.5.1"
