"""The frames of `/live` (contract §7): one closed union a direction, text frames of JSON.

Client frames come from outside: strict pydantic models, nothing unknown, nothing coerced. Server
frames are ours: frozen dataclasses, encoded once however many clients get them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, assert_never
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from server.rules.wiretime import to_wire

PROTO: Final = 1
#: Limits of reliability §3.9, in bytes of UTF-8.
MOST_CLIENT_FRAME: Final = 4 * 1024
MOST_DELTA: Final = 32 * 1024
MOST_SNAPSHOT: Final = 256 * 1024
MOST_HASH: Final = 2**32 - 1


class BadFrame(ValueError):
    """A client frame that breaks the protocol; the message is for the log, never an echo of the frame."""


# --- client → server ---------------------------------------------------------------------------------

_STRICT = ConfigDict(strict=True, extra="forbid", frozen=True)

Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]
#: JSON has no UUID type, so this one field may be read from text; strictness stays for all others.
TextUUID = Annotated[UUID, Field(strict=False)]


#: Texts that may be stored and shown: no control characters.
_NO_CONTROLS: Final = r"\A[^\x00-\x1f\x7f]*\z"
Name = Annotated[str, StringConstraints(max_length=64, pattern=_NO_CONTROLS)]
Version = Annotated[str, StringConstraints(max_length=32, pattern=_NO_CONTROLS)]
Reason = Annotated[str, StringConstraints(max_length=200, pattern=_NO_CONTROLS)]


class Viewport(BaseModel):
    """Size of the browser source in CSS pixels."""

    model_config = _STRICT
    w: Annotated[int, Field(ge=1, le=16_384)]
    h: Annotated[int, Field(ge=1, le=16_384)]


class ClientInfo(BaseModel):
    """What a client says of itself; shown on the desk, decides nothing."""

    model_config = _STRICT
    kind: Literal["overlay", "desk", "api"]
    name: Name = ""
    obs: Version = ""
    viewport: Viewport | None = None


class Hello(BaseModel):
    """First frame of a client. `(epoch, seq)` is where it stopped; `campaign` goes with an `hb_` key."""

    model_config = _STRICT
    op: Literal["hello"]
    proto: Annotated[int, Field(ge=PROTO, le=PROTO)]  # not Literal[1]: that takes `true` and `1.0`
    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    epoch: TextUUID | None = None
    seq: Seq | None = None
    campaign: TextUUID | None = None
    client: ClientInfo


class Ack(BaseModel):
    """The last position the client has drawn, about every 5 s; `hash` is the fingerprint of all boards there:
    the CRC-32 of their canonical JSON (RFC 8785) as one object, board id → board."""

    model_config = _STRICT
    op: Literal["ack"]
    seq: Seq
    hash: Annotated[int, Field(ge=0, le=MOST_HASH)] | None = None


class Resync(BaseModel):
    """The client noticed a gap and wants a snapshot."""

    model_config = _STRICT
    op: Literal["resync"]
    why: Reason


ClientFrame: TypeAlias = Hello | Ack | Resync
CLIENT_FRAME: Final[TypeAdapter[ClientFrame]] = TypeAdapter(Annotated[ClientFrame, Field(discriminator="op")])


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadFrame("a key stands twice")
    return members


def _no_constants(name: str) -> Any:
    raise BadFrame(f"{name} is not JSON")


#: An ack as every overlay writes it. Thousands come every second: these few need no parser.
_PLAIN_ACK: Final = re.compile(
    r'\{"op":"ack","seq":(0|[1-9][0-9]{0,14})(?:,"hash":(0|[1-9][0-9]{0,9}))?\}', re.ASCII
)


def decode(text: str) -> ClientFrame:
    """The frame in `text`. Raises BadFrame for anything that is not exactly one of ours."""
    if plain := _PLAIN_ACK.fullmatch(text):
        seq, fingerprint = int(plain[1]), None if plain[2] is None else int(plain[2])
        if fingerprint is None or fingerprint <= MOST_HASH:
            return Ack.model_construct(op="ack", seq=seq, hash=fingerprint)
    if len(text) > MOST_CLIENT_FRAME or len(text.encode("utf-8", "surrogatepass")) > MOST_CLIENT_FRAME:
        raise BadFrame("longer than 4 KiB")
    try:
        return CLIENT_FRAME.validate_python(
            json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constants)
        )
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise BadFrame(f"{'.'.join(map(str, first['loc']))}: {first['type']}") from None
    except RecursionError:
        raise BadFrame("nested too deeply") from None
    except BadFrame:
        raise
    except ValueError:
        raise BadFrame("not JSON") from None


# --- server → client ---------------------------------------------------------------------------------

#: A board as it stands in a frame: an object, or the same object already encoded.
EncodedBoard: TypeAlias = Mapping[str, Any] | orjson.Fragment


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that is on screen at `seq`. `skipped`: steps since the client's position that it will
    never see one by one; 0 for a client without a position."""

    epoch: UUID
    seq: int
    at: datetime
    boards: Annotated[Mapping[str, Any], Field(description="board id → whole board")]
    layout: Mapping[str, Any]
    skipped: int
    build: str
    op: Literal["snapshot"] = "snapshot"


@dataclass(frozen=True, slots=True)
class Delta:
    """The step from one position to a later one: whole boards, and the ids of those that are gone."""

    epoch: UUID
    from_seq: Annotated[int, Field(alias="from")]
    to_seq: Annotated[int, Field(alias="to")]
    at: datetime
    set: Annotated[Mapping[str, Any], Field(description="board id → whole board")]
    unset: tuple[str, ...]
    op: Literal["delta"] = "delta"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens once. It does not move the client's position: the delta after it does.

    A client drops an `id` it has had. `ttl_ms` is what is left to show it, 0 when it is over.
    """

    epoch: UUID
    seq: int
    id: str
    kind: str
    data: Mapping[str, Any]
    ttl_ms: int
    op: Literal["event"] = "event"


@dataclass(frozen=True, slots=True)
class Ping:
    """Sign of life every 5 s, with the position this client has been brought to.

    `stale` stands in it while it is true: for more than 5 s the database has not told whether this is what it
    holds. A page treats that as if it had heard nothing; the next ping without it says that all is well.
    """

    epoch: UUID
    seq: int
    at: datetime
    stale: bool = False
    op: Literal["ping"] = "ping"


@dataclass(frozen=True, slots=True)
class Bye:
    """Said before the server closes; `retry_ms` is the soonest to come back."""

    code: int
    reason: str
    retry_ms: int
    op: Literal["bye"] = "bye"


ServerFrame: TypeAlias = Snapshot | Delta | Event | Ping | Bye


def encode(frame: ServerFrame) -> bytes:
    """The JSON text of a frame, UTF-8. Ids go through `str`: asyncpg's UUID is a subclass orjson refuses."""
    match frame:
        case Snapshot():
            body: dict[str, Any] = {
                "op": "snapshot",
                "epoch": str(frame.epoch),
                "seq": frame.seq,
                "at": to_wire(frame.at),
                "boards": frame.boards,
                "layout": frame.layout,
                "skipped": frame.skipped,
                "build": frame.build,
            }
        case Delta():
            body = {
                "op": "delta",
                "epoch": str(frame.epoch),
                "from": frame.from_seq,
                "to": frame.to_seq,
                "at": to_wire(frame.at),
                "set": frame.set,
                "unset": frame.unset,
            }
        case Event():
            body = {
                "op": "event",
                "epoch": str(frame.epoch),
                "seq": frame.seq,
                "id": frame.id,
                "kind": frame.kind,
                "data": frame.data,
                "ttl_ms": frame.ttl_ms,
            }
        case Ping():
            body = {"op": "ping", "epoch": str(frame.epoch), "seq": frame.seq, "at": to_wire(frame.at)}
            if frame.stale:
                body["stale"] = True
        case Bye():
            body = {"op": "bye", "code": frame.code, "reason": frame.reason, "retry_ms": frame.retry_ms}
        case _:
            assert_never(frame)
    return orjson.dumps(body)
