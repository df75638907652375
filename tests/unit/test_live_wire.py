"""WebSocket frames as bytes: what is taken, what is refused, and that portions do not matter."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.wire import (
    PING_FRAME,
    Blob,
    Broken,
    Closed,
    FrameReader,
    Heard,
    Piece,
    Pinged,
    Ponged,
    Text,
    binary_frame,
    close_frame,
    pong_frame,
    text_frame,
    texts,
)
from tests.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame

MOST = 300


def read(data: bytes, most: int = MOST) -> list[Heard]:
    return FrameReader(most).receive(data)


def refused(data: bytes, most: int = MOST) -> int:
    """The close code; nothing after the fault is read."""
    reader = FrameReader(most)
    *_, last = reader.receive(data)
    assert isinstance(last, Broken), last
    assert reader.is_done
    assert not reader.is_within
    assert reader.receive(client_frame(TEXT, b"more")) == []
    return last.code


# --- one frame -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 125, 126, 127, 299, 300])
def test_a_text_of_any_length(size: int) -> None:
    text = ("é" * size)[: size // 2] + "x" * (size % 2)
    assert read(client_frame(TEXT, text.encode())) == [Text(text)]


def test_long_lengths() -> None:
    assert read(client_frame(BINARY, bytes(70_000)), 70_000) == [Blob(bytes(70_000))]


def test_control_frames() -> None:
    assert read(client_frame(PING, b"abc") + client_frame(PONG, b"abc")) == [Pinged(b"abc"), Ponged()]
    assert read(client_frame(CLOSE, b"")) == [Closed(None)]
    assert read(client_frame(CLOSE, b"\x03\xe8bye")) == [Closed(1000, "bye")]
    assert read(client_frame(PING, bytes(125))) == [Pinged(bytes(125))]


def test_nothing_is_read_after_the_last_word() -> None:
    assert read(client_frame(CLOSE, b"") + client_frame(TEXT, b"x")) == [Closed(None)]


# --- messages in pieces --------------------------------------------------------------------------------


def test_pieces_make_a_message_and_controls_may_come_in_between() -> None:
    data = (
        client_frame(TEXT, "é".encode()[:1], fin=False)
        + client_frame(PING, b"p")
        + client_frame(CONTINUATION, "é".encode()[1:], fin=False)
        + client_frame(CONTINUATION, b"", fin=False)
        + client_frame(CONTINUATION, b"!")
        + client_frame(BINARY, b"a", fin=False)
        + client_frame(CONTINUATION, b"b")
    )
    assert read(data) == [Piece(), Pinged(b"p"), Piece(), Piece(), Text("é!"), Piece(), Blob(b"ab")]


def test_all_pieces_together_have_the_limit() -> None:
    start = client_frame(TEXT, bytes(MOST - 1), fin=False)
    assert read(start + client_frame(CONTINUATION, b"x"))[-1] == Text("\0" * (MOST - 1) + "x")
    assert refused(start + client_frame(CONTINUATION, b"xx")) == 1009


def test_what_is_too_long_is_refused_by_its_head() -> None:
    head = client_frame(TEXT, bytes(MOST + 1))[:4]
    assert refused(head) == 1009
    assert refused(client_frame(BINARY, b"", length=(127, 2**40))[:10]) == 1009


# --- what nobody may send ------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", [0x40, 0x20, 0x10])
def test_reserved_bits(bit: int) -> None:
    assert refused(client_frame(TEXT, b"x", bits=bit)) == 1002
    assert refused(client_frame(PING, b"x", bits=bit)) == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes(opcode: int) -> None:
    assert refused(client_frame(opcode, b"x")) == 1002


def test_a_client_masks() -> None:
    assert refused(b"\x81\x01x") == 1002


@pytest.mark.parametrize("opcode", [PING, PONG, CLOSE])
def test_control_frames_are_short_and_whole(opcode: int) -> None:
    assert refused(client_frame(opcode, bytes(126))) == 1002
    assert refused(client_frame(opcode, b"", fin=False)) == 1002


def test_messages_do_not_mix() -> None:
    assert refused(client_frame(CONTINUATION, b"x")) == 1002
    assert refused(client_frame(TEXT, b"x", fin=False) + client_frame(TEXT, b"y")) == 1002
    assert refused(client_frame(TEXT, b"x", fin=False) + client_frame(BINARY, b"y")) == 1002


def test_lengths_are_written_the_short_way() -> None:
    assert refused(client_frame(TEXT, b"x", length=(126, 1))) == 1002
    assert refused(client_frame(TEXT, b"x", length=(126, 125))) == 1002
    assert refused(client_frame(TEXT, b"x", length=(127, 65_535))) == 1002
    assert refused(client_frame(TEXT, b"x", length=(127, 1 << 63))) == 1002


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3", b"a\xe2\x82"]
)
def test_text_is_utf8(bad: bytes) -> None:
    assert refused(client_frame(TEXT, bad)) == 1007
    assert refused(client_frame(TEXT, b"", fin=False) + client_frame(CONTINUATION, bad)) == 1007
    assert refused(client_frame(CLOSE, b"\x03\xe8" + bad)) == 1007


def test_bad_text_is_refused_before_its_last_piece() -> None:
    assert refused(client_frame(TEXT, b"ok\xff", fin=False)) == 1007


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535])
def test_close_codes_nobody_may_send(code: int) -> None:
    assert refused(client_frame(CLOSE, code.to_bytes(2, "big"))) == 1002


@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
)
def test_close_codes_anybody_may_send(code: int) -> None:
    assert read(client_frame(CLOSE, code.to_bytes(2, "big"))) == [Closed(code)]


def test_half_a_close_code() -> None:
    assert refused(client_frame(CLOSE, b"\x03")) == 1002


# --- any portions --------------------------------------------------------------------------------------

_VALID = st.one_of(
    st.text(max_size=60).map(lambda text: client_frame(TEXT, text.encode(), mask=b"\x01\xff\x80\x00")),
    st.binary(max_size=125).map(lambda data: client_frame(PING, data)),
    st.binary(max_size=200).map(lambda data: client_frame(BINARY, data)),
    st.tuples(st.text(max_size=40), st.integers(0, 160)).map(
        lambda parts: (
            client_frame(TEXT, parts[0].encode()[: parts[1]], fin=False)
            + client_frame(PONG, b"")
            + client_frame(CONTINUATION, parts[0].encode()[parts[1] :])
        )
    ),
)


@given(st.lists(_VALID, max_size=5), st.binary(max_size=12), st.lists(st.integers(0, 1500), max_size=12))
def test_any_portions_say_the_same(frames: list[bytes], noise: bytes, cuts: list[int]) -> None:
    data = b"".join(frames) + noise
    whole, portioned, one_by_one = FrameReader(MOST), FrameReader(MOST), FrameReader(MOST)
    said = whole.receive(data)
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert [one for a, b in pairwise(ends) for one in portioned.receive(data[a:b])] == said
    assert [one for n in range(len(data)) for one in one_by_one.receive(data[n : n + 1])] == said
    assert portioned.is_done == one_by_one.is_done == whole.is_done
    assert portioned.is_within == one_by_one.is_within == whole.is_within


@given(st.binary(max_size=600))
def test_no_bytes_make_it_fail_or_grow(data: bytes) -> None:
    reader = FrameReader(MOST)
    for at in range(0, len(data), 7):
        reader.receive(data[at : at + 7])
    assert len(reader._rest) <= MOST + 14


# --- what we send --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_our_frames_are_as_short_as_can_be(size: int) -> None:
    text = text_frame(b"x" * size)
    head = {0: 2, 125: 2, 126: 4, 65_535: 4, 65_536: 10}[size]
    assert text[0] == 0x81
    assert len(text) == head + size
    assert binary_frame(b"x" * size) == b"\x82" + text[1:]
    assert list(texts(PING_FRAME + text + text_frame("é".encode()) + pong_frame(b"p"))) == ["x" * size, "é"]


def test_a_close_frame_fits() -> None:
    assert close_frame(None) == b"\x88\x00"
    assert close_frame(1000) == b"\x88\x02\x03\xe8"
    long = close_frame(4400, "é" * 200)
    assert len(long) == 2 + 2 + 122, "cut between letters"
    assert long[4:].decode() == "é" * 61
