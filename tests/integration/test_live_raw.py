"""`/live` against bytes that no browser sends (R24): each case before the hello and after it, over TCP."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from websockets.http11 import Request

from server.live import guest, socket_line, transport
from server.live import socket as live_socket
from server.live.doorman import DeskPass
from sql.ids import uuid7
from sql.pool import Database
from tests.frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, client_frame
from tests.integration.live_rig import Engine, House, house, make_campaign, poll_board, until

_REQUEST = (
    b"GET /live HTTP/1.1\r\nHost: show\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%b\r\n"
)
_RESYNC = b'{"op":"resync","why":"test"}'
_ADDRESSES = count(10)


class Peer:
    """One end of a TCP connection, and what came out of it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.head = b""
        self.pongs: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def shake_hands(self, extra: bytes = b"", *, pipelined: bytes = b"") -> None:
        self.send(_REQUEST % extra + pipelined)
        self.head = await self.reader.readuntil(b"\r\n\r\n")
        assert self.head.startswith(b"HTTP/1.1 101 ")

    async def frame(self) -> tuple[int, bytes]:
        """The next frame; at the end of the stream -1 and the frame that was cut off, so b""."""
        try:
            first, size = await self.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            return first & 0x0F, await self.reader.readexactly(size)
        except asyncio.IncompleteReadError as error:
            return -1, error.partial

    async def until_op(self, op: str) -> dict[str, Any]:
        while True:
            opcode, payload = await self.frame()
            assert opcode in (TEXT, PONG), (op, opcode, payload)
            if opcode == PONG:
                self.pongs.append(payload)
            if opcode == TEXT and (frame := json.loads(payload))["op"] == op:
                assert isinstance(frame, dict)
                return frame

    async def until_pong(self) -> bytes:
        while not self.pongs:
            opcode, payload = await self.frame()
            assert opcode in (TEXT, PONG), (opcode, payload)
            if opcode == PONG:
                self.pongs.append(payload)
        return self.pongs.pop(0)

    async def ended(self) -> int:
        """The close code, after which there is nothing but the end of the stream."""
        while (frame := await self.frame())[0] != CLOSE:
            assert frame[0] in (TEXT, PONG), frame
        assert await self.frame() == (-1, b"")
        return int.from_bytes(frame[1][:2], "big") if frame[1] else 1005


@asynccontextmanager
async def peer(live: House, *, is_narrow: bool = False) -> AsyncIterator[Peer]:
    """A connection from an address of its own: ten failed hellos would shut the door for the others.

    A narrow one's kernel holds little for it.
    """
    parts = urlsplit(live.url)
    number = next(_ADDRESSES)
    end = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if is_narrow:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    end.setblocking(False)
    end.bind((f"127.0.{number >> 8 & 255}.{number & 255}", 0))
    await asyncio.get_running_loop().sock_connect(end, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=end)
    try:
        async with asyncio.timeout(10):
            yield Peer(reader, writer)
    finally:
        writer.close()


def hello_of(engine: Engine, **more: Any) -> bytes:
    hello = {"op": "hello", "proto": 1, "key": "hb_test", "campaign": str(engine.campaign_id)}
    return json.dumps(hello | {"client": {"kind": "api"}} | more, ensure_ascii=False).encode()


def close(code: int, reason: bytes = b"") -> bytes:
    return client_frame(CLOSE, code.to_bytes(2, "big") + reason)


def pieces(payload: bytes, size: int, *between: bytes) -> bytes:
    """A text message in pieces of so many bytes, with other frames after each of them."""
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    return b"".join(
        client_frame(TEXT if n == 0 else CONTINUATION, part, fin=n == len(parts) - 1) + b"".join(between)
        for n, part in enumerate(parts)
    )


_EURO = "€".encode()

#: What ends the connection, and with which code.
FATAL: Mapping[str, tuple[bytes, int]] = {
    "no mask": (client_frame(TEXT, b"{}", mask=None), 1002),
    "no mask on a ping": (client_frame(PING, b"", mask=None), 1002),
    "no mask on a close": (client_frame(CLOSE, b"\x03\xe8", mask=None), 1002),
    "reserved bit 1, which compression would set": (client_frame(TEXT, b"{}", bits=0x40), 1002),
    "reserved bit 2": (client_frame(TEXT, b"{}", bits=0x20), 1002),
    "reserved bit 3 on a ping": (client_frame(PING, b"", bits=0x10), 1002),
    "all reserved bits on a close": (client_frame(CLOSE, b"", bits=0x70), 1002),
    "opcode 3": (client_frame(3, b"x"), 1002),
    "opcode 7": (client_frame(7), 1002),
    "opcode 11": (client_frame(11), 1002),
    "opcode 15": (client_frame(15, b"x"), 1002),
    "ping of 126 bytes": (client_frame(PING, bytes(126)), 1002),
    "pong of 126 bytes": (client_frame(PONG, bytes(126)), 1002),
    "close of 126 bytes": (close(1000, bytes(124)), 1002),
    "ping in pieces": (client_frame(PING, b"x", fin=False), 1002),
    "close in pieces": (client_frame(CLOSE, b"", fin=False), 1002),
    "a piece of nothing": (client_frame(CONTINUATION, b"x"), 1002),
    "the last piece of nothing": (client_frame(CONTINUATION, b"x", fin=False), 1002),
    "text within text": (client_frame(TEXT, b"x", fin=False) + client_frame(TEXT, b"y"), 1002),
    "bytes within text": (client_frame(TEXT, b"x", fin=False) + client_frame(BINARY, b"y"), 1002),
    "length in 16 bits that fits in 7": (client_frame(TEXT, b"{}", length=(126, 2)), 1002),
    "length in 64 bits that fits in 16": (client_frame(TEXT, b"{}", length=(127, 2)), 1002),
    "length of 2^63": (client_frame(TEXT, b"", length=(127, 1 << 63)), 1002),
    "text of 4097 bytes": (client_frame(TEXT, b" " * 4097), 4400),
    "text of 64 KiB": (client_frame(TEXT, b" " * 65_536), 4400),
    "head of a text of 2^62 bytes": (client_frame(TEXT, b"", length=(127, 1 << 62)), 4400),
    "4097 bytes in two pieces": (pieces(b" " * 4097, 4096), 4400),
    "bytes": (client_frame(BINARY, b"{}"), 4400),
    "bytes in pieces": (client_frame(BINARY, b"{", fin=False) + client_frame(CONTINUATION, b"}"), 4400),
    "no JSON": (client_frame(TEXT, b"{"), 4400),
    "an empty text": (client_frame(TEXT), 4400),
    "not UTF-8": (client_frame(TEXT, b"\xff\xfe"), 1007),
    "a letter cut off at the end": (client_frame(TEXT, _EURO[:2]), 1007),
    "a surrogate": (client_frame(TEXT, b"\xed\xa0\x80"), 1007),
    "a letter written too long": (client_frame(TEXT, b"\xc0\xaf"), 1007),
    "beyond Unicode": (client_frame(TEXT, b"\xf4\x90\x80\x80"), 1007),
    "a letter cut by a piece and not finished": (pieces(_EURO[:2], 1), 1007),
    "bad text in the first piece": (client_frame(TEXT, b"\xff", fin=False), 1007),
    "21 pieces": (pieces(b" " * 21, 1), 4429),
    "21 pings": (client_frame(PING) * 21, 4429),
    "21 pongs nobody asked for": (client_frame(PONG) * 21, 4429),
    "close without a code": (client_frame(CLOSE), 1005),
    "close 1000": (close(1000), 1000),
    "close 1001 with a reason": (close(1001, b"going away"), 1001),
    "close 3000": (close(3000), 3000),
    "close 4999 with 123 bytes": (close(4999, b"r" * 123), 4999),
    "close of one byte": (client_frame(CLOSE, b"\x03"), 1002),
    "close 999": (close(999), 1002),
    "close 1005": (close(1005), 1002),
    "close 1006": (close(1006), 1002),
    "close 1015": (close(1015), 1002),
    "close 2999": (close(2999), 1002),
    "close 5000": (close(5000), 1002),
    "close with a bad reason": (close(1000, b"\xff"), 1007),
    "close in mid-message": (client_frame(TEXT, b"x", fin=False) + close(1000), 1000),
    "a second word after the last": (close(1000) + client_frame(TEXT, b"\xff"), 1000),
}

#: What is fine; the payload of the pong that has to come, if one has.
FINE: Mapping[str, tuple[bytes, bytes | None]] = {
    "ping": (client_frame(PING, b"abc"), b"abc"),
    "empty ping": (client_frame(PING), b""),
    "ping of 125 bytes": (client_frame(PING, b"p" * 125), b"p" * 125),
    "ping of bytes that are no text": (client_frame(PING, b"\xff\x00"), b"\xff\x00"),
    "masked with zeros": (client_frame(PING, b"abc", mask=bytes(4)), b"abc"),
    "a pong nobody asked for": (client_frame(PONG, b"x"), None),
    "20 pongs": (client_frame(PONG) * 20, None),
}


async def check_fatal(live: House, engine: Engine, name: str, *, late: bool) -> str | None:
    data, code = FATAL[name]
    async with peer(live) as one:
        await one.shake_hands()
        if late:
            one.send(client_frame(TEXT, hello_of(engine)))
            await one.until_op("snapshot")
        one.send(data)
        got = await one.ended()
        return None if got == code else f"{name}: {got} instead of {code}"


@pytest.mark.parametrize("late", [False, True], ids=["before the hello", "after it"])
async def test_what_breaks_the_rules_ends_the_connection_with_its_code(
    database: Database, late: bool
) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        wrong = await asyncio.gather(*(check_fatal(live, engine, name, late=late) for name in FATAL))
        assert [one for one in wrong if one] == []
        await until(lambda: not live.server.server_state.connections, "every socket is freed")
        assert live.hub.sizes()["clients"] == 0


async def check_fine(live: House, engine: Engine, name: str, *, late: bool) -> None:
    data, pong = FINE[name]
    async with peer(live) as one:
        await one.shake_hands()
        hello = client_frame(TEXT, hello_of(engine))
        if late:
            one.send(hello)
            await one.until_op("snapshot")
        one.send(data)
        if pong is not None:
            assert await one.until_pong() == pong, name
        one.send(client_frame(TEXT, _RESYNC) if late else hello)
        await one.until_op("snapshot")


@pytest.mark.parametrize("late", [False, True], ids=["before the hello", "after it"])
async def test_what_keeps_the_rules_changes_nothing(database: Database, late: bool) -> None:
    engine = await make_campaign(database)
    async with house(database) as live:
        await asyncio.gather(*(check_fine(live, engine, name, late=late) for name in FINE))


# --- portions ------------------------------------------------------------------------------------------


async def test_a_hello_may_come_in_any_shape(database: Database) -> None:
    engine = await make_campaign(database)
    hello = hello_of(engine, client={"kind": "api", "name": "Käthe €"})
    split = hello.index(_EURO) + 1
    shapes = {
        "one frame": client_frame(TEXT, hello),
        "in the middle of a letter": pieces(hello, split),
        "with controls in between": pieces(hello, 40, client_frame(PONG), client_frame(PONG)),
        "empty pieces around it": client_frame(TEXT, b"", fin=False)
        + client_frame(CONTINUATION, hello, fin=False)
        + client_frame(CONTINUATION, b""),
        "a length in 16 bits": client_frame(TEXT, hello.ljust(200)),
        "all of 4096 bytes": client_frame(TEXT, hello.ljust(4096)),
    }
    async with house(database) as live:
        for shape in shapes.values():
            async with peer(live) as one:
                await one.shake_hands()
                one.send(shape)
                await one.until_op("snapshot")


async def test_one_byte_at_a_time(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        one.writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        async def drip(data: bytes) -> None:
            for byte in data:
                one.send(bytes([byte]))
                await asyncio.sleep(0)  # the server reads in the same loop

        await drip(_REQUEST % b"")
        await one.reader.readuntil(b"\r\n\r\n")
        await drip(client_frame(TEXT, hello_of(engine)) + client_frame(PING, b"p"))
        await one.until_op("snapshot")
        assert await one.until_pong() == b"p"
        await drip(client_frame(TEXT, _RESYNC) + close(1000))
        await one.until_op("snapshot")
        assert await one.ended() == 1000


@pytest.mark.parametrize("split", [0, 1, 7, 60])
async def test_what_comes_with_the_request_is_not_lost(database: Database, split: int) -> None:
    """A client has to wait for our answer, and some do not; a proxy may join what was apart."""
    engine = await make_campaign(database)
    frames = client_frame(TEXT, hello_of(engine)) + client_frame(PING, b"p") + client_frame(TEXT, _RESYNC)
    async with house(database) as live, peer(live) as one:
        cut = len(frames) - split
        await one.shake_hands(pipelined=frames[:cut])
        one.send(frames[cut:])
        await one.until_op("snapshot")
        assert await one.until_pong() == b"p"


async def test_what_comes_before_our_answer_is_heard_in_its_order(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second segment may be readable in the turn of the loop in which the socket changes hands."""
    engine = await make_campaign(database)
    frames = client_frame(TEXT, hello_of(engine)) + client_frame(PING, b"p") + client_frame(TEXT, _RESYNC)
    take_request = transport.LiveProtocol.handle_connect
    async with house(database) as live:
        for split in (1, 7, 60, len(frames) - 1):
            async with peer(live) as one:
                first, second = frames[:split], frames[split:]
                end = one.writer.get_extra_info("socket")

                def with_a_second_segment(
                    protocol: transport.LiveProtocol,
                    event: Request,
                    end: socket.socket = end,
                    second: bytes = second,
                ) -> None:
                    take_request(protocol, event)
                    os.write(end.fileno(), second)

                monkeypatch.setattr(transport.LiveProtocol, "handle_connect", with_a_second_segment)
                await one.shake_hands(pipelined=first)
                await one.until_op("snapshot")
                assert await one.until_pong() == b"p"


async def test_what_comes_with_the_hello_is_heard_after_it(database: Database) -> None:
    engine = await make_campaign(database)
    board = str(uuid7())
    async with house(database) as live, peer(live) as one:
        await one.shake_hands()
        one.send(
            client_frame(TEXT, hello_of(engine)) + client_frame(TEXT, _RESYNC) + client_frame(PING, b"p")
        )
        await one.until_op("snapshot")
        await one.until_op("snapshot")
        live.hub.publish(await engine.commit({board: poll_board(1)}))
        assert (await one.until_op("delta"))["set"] == {board: poll_board(1)}


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        (b"Content-Length: 1\r\n", 400),
        (b"Transfer-Encoding: chunked\r\n", 400),
        (b"Cookie: %b\r\n" % (b"a" * 8_300), 431),
        (b"".join(b"X-%d: 1\r\n" % number for number in range(130)), 431),
    ],
)
async def test_a_request_that_is_no_handshake_is_answered_and_closed(
    database: Database, extra: bytes, status: int
) -> None:
    async with house(database) as live:
        async with peer(live) as end:
            end.send(_REQUEST % extra)
            assert (await end.reader.read()).startswith(b"HTTP/1.1 %d " % status)
        async with peer(live) as end:
            end.send(_REQUEST % extra + b"a" * 100_000)
            with contextlib.suppress(ConnectionResetError):  # what was not read may cost the answer
                await end.reader.read()
        await until(lambda: not live.server.server_state.connections, "the socket is gone")


async def test_an_address_longer_than_the_parser_takes_is_answered_and_closed(database: Database) -> None:
    async with house(database) as live, peer(live) as end:
        end.send((_REQUEST % b"").replace(b"/live", b"/live?" + b"a" * 9_000))
        assert (await end.reader.read()).startswith(b"HTTP/1.1 414 ")


async def test_a_socket_without_a_line_is_gone_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ACCEPTED_WITHIN_S", 0.3)

    async def handle_nothing(self: transport.LiveProtocol) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(transport.LiveProtocol, "run_asgi", handle_nothing)
    async with house(database) as live, peer(live) as end:
        end.send(_REQUEST % b"")
        with contextlib.suppress(ConnectionResetError):
            assert await end.reader.read() == b""
        await until(lambda: not live.server.server_state.connections, "the socket is gone")
        for task in live.server.server_state.tasks:
            task.cancel()


async def test_too_much_before_our_answer_ends_it_quietly(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with house(database) as live:
        for more in (b"\0" * 100_000, client_frame(TEXT, b"a" * 70_000)):
            async with peer(live) as end:
                end.send(_REQUEST % b"" + more)
                with contextlib.suppress(ConnectionResetError):
                    assert await end.reader.read() == b""
        state = live.server.server_state
        await until(lambda: not state.connections and not state.tasks, "nothing is left of them")
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


async def test_a_flood_while_the_hello_is_looked_up_leaves_nothing_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await make_campaign(database)
    visitors: list[guest.Visitor] = []
    asked, may_go = asyncio.Event(), asyncio.Event()

    class Noted(guest.Visitor):
        def __init__(self) -> None:
            super().__init__()
            visitors.append(self)

    monkeypatch.setattr(live_socket, "Visitor", Noted)
    async with house(database) as live:
        look_up = live.doorman.api_key

        async def slowly(key: str, campaign: UUID) -> DeskPass | None:
            asked.set()
            await may_go.wait()
            return await look_up(key, campaign)

        monkeypatch.setattr(live.doorman, "api_key", slowly)
        async with peer(live) as end:
            await end.shake_hands()
            end.send(client_frame(TEXT, hello_of(engine)))
            await asked.wait()
            end.send(client_frame(PING, b"") * 50_000)
            end.send(client_frame(CLOSE, b""))
            await until(lambda: visitors[0]._has_left, "all of it was heard")
            assert len(visitors[0]._said) == 1
            may_go.set()
        await until(lambda: not live.server.server_state.connections, "gone")


async def test_compression_is_declined(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        await one.shake_hands(offer)
        assert b"extensions" not in one.head.lower()
        one.send(client_frame(TEXT, hello_of(engine)))
        await one.until_op("snapshot")


# --- the end -------------------------------------------------------------------------------------------


async def test_we_close_and_the_peer_has_the_last_word(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        await one.shake_hands()
        one.send(client_frame(TEXT, hello_of(engine)))
        await one.until_op("snapshot")
        live.hub.close()
        assert (await one.until_op("bye"))["code"] == 1012
        assert (await one.frame())[1][:2] == (1012).to_bytes(2, "big")
        one.send(client_frame(TEXT, _RESYNC) + close(1012))
        assert await one.frame() == (-1, b""), "nothing after the close frame but the end"


async def test_a_peer_that_never_answers_our_close_is_gone_in_time(database: Database) -> None:
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        await one.shake_hands()
        one.send(client_frame(TEXT, hello_of(engine)))
        await one.until_op("snapshot")
        live.hub.close()
        await until(lambda: not live.server.server_state.connections, "the socket is freed", 4)


@pytest.mark.parametrize("part", [b"", b"\x81", b"\x81\xfe\x01", client_frame(TEXT, b"x", fin=False)])
@pytest.mark.parametrize("how", ["end of stream", "reset"])
async def test_a_peer_that_leaves_without_a_word(database: Database, part: bytes, how: str) -> None:
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        await one.shake_hands()
        one.send(client_frame(TEXT, hello_of(engine)) + part)
        await one.until_op("snapshot")
        if how == "reset":
            end = one.writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.writer.transport.abort()
        else:
            one.writer.close()
        await until(lambda: live.hub.sizes()["clients"] == 0, "it has left")
        await until(lambda: not live.server.server_state.connections, "its socket is freed")


@pytest.mark.parametrize("part", [b"\x81", b"\x81\x85\x01\x02", client_frame(TEXT, b"x", fin=False)])
async def test_a_message_has_to_end_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    monkeypatch.setattr(socket_line, "MESSAGE_WITHIN_S", 0.4)
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one, peer(live) as calm:
        for each in (one, calm):
            await each.shake_hands()
            each.send(client_frame(TEXT, hello_of(engine)))
            await each.until_op("snapshot")
        calm.send(pieces(_RESYNC, 10)[:-1])
        one.send(part)
        await asyncio.sleep(0.2)
        calm.send(pieces(_RESYNC, 10)[-1:])
        assert await one.ended() == 4400
        await calm.until_op("snapshot")


async def test_keeping_a_message_open_by_other_frames_does_not_help(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_line, "MESSAGE_WITHIN_S", 0.4)
    engine = await make_campaign(database)
    async with house(database) as live, peer(live) as one:
        await one.shake_hands()
        one.send(client_frame(TEXT, hello_of(engine)))
        await one.until_op("snapshot")
        one.send(client_frame(TEXT, b"{", fin=False))
        for _ in range(8):
            one.send(client_frame(CONTINUATION, b" ", fin=False))
            await asyncio.sleep(0.1)
        assert await one.ended() == 4400


async def test_a_full_line_that_is_closed_ends_quietly(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer says goodbye while bytes wait for it, and takes them: nothing is left to be aborted."""
    monkeypatch.setattr(socket_line, "LAST_WORDS_S", 0.5)
    engine = await make_campaign(database)
    board = str(uuid7())
    async with house(database, frame_every_s=0.001) as live, peer(live, is_narrow=True) as one:
        await one.shake_hands()
        one.send(client_frame(TEXT, hello_of(engine)))
        await one.until_op("snapshot")
        one.writer.transport.pause_reading()  # type: ignore[attr-defined]
        (line,) = live.server.server_state.connections
        assert isinstance(line, socket_line.SocketLine)
        for votes in range(1, 500):
            live.hub.publish(await engine.commit({board: poll_board(votes, question="x" * 30_000)}))
            await asyncio.sleep(0.002)
            if line.waiting:
                break
        assert line.waiting, "it is full"
        one.send(close(1000))
        await until(lambda: live.hub.sizes()["clients"] == 0, "it has left")
        assert live.server.server_state.connections, "and is still owed something"
        one.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await one.ended() == 1000
        await until(lambda: not live.server.server_state.connections, "the socket is freed")
        await asyncio.sleep(0.6)
    assert [record for record in caplog.records if record.name == "asyncio"] == []
