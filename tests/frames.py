"""A WebSocket client's frames as bytes, the broken ones too (RFC 6455 §5.2)."""

from __future__ import annotations

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def client_frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    bits: int = 0,
    mask: bytes | None = b"\x12\x34\x56\x78",
    length: tuple[int, int] | None = None,
) -> bytes:
    """One frame. `bits` are the reserved ones; no `mask` breaks the rules, and so may `length`: the seven
    bits, and the number after them."""
    if length is None:
        size = len(payload)
        marker = size if size < 126 else 126 if size < 65_536 else 127
        length = (marker, size)
    marker, size = length
    wide = {126: 2, 127: 8}.get(marker, 0)
    head = bytes([(0x80 if fin else 0) | bits | opcode, marker | (0x80 if mask else 0)])
    head += size.to_bytes(wide, "big") if wide else b""
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
