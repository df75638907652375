"""The AsyncAPI document of `/live`, made from the models that read and write its frames (contract §7)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from server.live import frames
from server.live.close_codes import ENDINGS
from server.rules.poll_board import PollBoard
from server.web.alert_board import AlertBoard
from server.web.table_boards import CardBoard, DiceBoard, InitiativeBoard, PartyBoard
from server.web.table_events import DiceCriticalData, DiceProofData

_REF = "#/components/schemas/{model}"

_INTRODUCTION = (
    "JSON text frames. Say `hello` within five seconds. Values are absolute: a delta carries whole boards. "
    "Apply a delta when `from <= seq < to` and the epoch is the same, otherwise ask `resync`. A hello with "
    "`(epoch, seq)` brings every missed event or a snapshot, never a part. Without a frame for 12 seconds: "
    "reconnect, with back-off. Close codes: "
)


class OverlayTestData(BaseModel):
    """Data of an event of kind `overlay.test`: only the overlay that is named draws the board."""

    model_config = ConfigDict(extra="forbid")

    overlay_id: str
    board: PollBoard = Field(description="A sample, marked as simulated")


#: Boards by kind and once-events by kind: what `boards`, `set` and `data` hold.
BOARDS: dict[str, TypeAdapter[Any]] = {
    "poll": TypeAdapter(PollBoard),
    "dice": TypeAdapter(DiceBoard),
    "party": TypeAdapter(PartyBoard),
    "initiative": TypeAdapter(InitiativeBoard),
    "card": TypeAdapter(CardBoard),
    "alert": TypeAdapter(AlertBoard),
}
EVENTS: dict[str, TypeAdapter[Any]] = {
    "overlay.test": TypeAdapter(OverlayTestData),
    "dice.critical": TypeAdapter(DiceCriticalData),
    "dice.proof": TypeAdapter(DiceProofData),
}

_FROM_CLIENT: dict[str, Any] = {"hello": frames.Hello, "ack": frames.Ack, "resync": frames.Resync}
_FROM_SERVER: dict[str, Any] = {
    "snapshot": frames.Snapshot,
    "delta": frames.Delta,
    "event": frames.Event,
    "ping": frames.Ping,
    "bye": frames.Bye,
}


def document(version: str, public_url: str) -> bytes:
    """The AsyncAPI 3.0 document as JSON."""
    schemas, messages = _messages()
    parts = urlsplit(public_url)
    codes = "; ".join(
        f"{ending.code} {ending.reason} ({'reconnect' if ending.reconnect else 'do not reconnect'})"
        for ending in ENDINGS
    )

    def operation(action: str, names: dict[str, Any], summary: str) -> dict[str, Any]:
        return {
            "action": action,
            "summary": summary,
            "channel": {"$ref": "#/channels/live"},
            "messages": [{"$ref": f"#/channels/live/messages/{name}"} for name in names],
        }

    return orjson.dumps(
        {
            "asyncapi": "3.0.0",
            "info": {
                "title": "Hubbub live",
                "version": version,
                "description": f"{_INTRODUCTION}{codes}.",
                "license": {"name": "MIT"},
            },
            "defaultContentType": "application/json",
            "servers": {
                "live": {"host": parts.netloc, "protocol": "wss" if parts.scheme == "https" else "ws"}
            },
            "channels": {
                "live": {
                    "address": "/live",
                    "description": "One campaign, as overlays, desks and programs see it.",
                    "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
                }
            },
            # AsyncAPI speaks from the side of this server.
            "operations": {
                "receive": operation("receive", _FROM_CLIENT, "What a client may send"),
                "send": operation("send", _FROM_SERVER, "What a client gets"),
            },
            "components": {"messages": messages, "schemas": schemas},
        }
    )


def _messages() -> tuple[dict[str, Any], dict[str, Any]]:
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((name, "validation", TypeAdapter(model)) for name, model in _FROM_CLIENT.items()),
        *((name, "serialization", TypeAdapter(model)) for name, model in _FROM_SERVER.items()),
        *((f"board {kind}", "serialization", adapter) for kind, adapter in BOARDS.items()),
        *((f"data {kind}", "serialization", adapter) for kind, adapter in EVENTS.items()),
    ]
    found, definitions = TypeAdapter.json_schemas(inputs, by_alias=True, ref_template=_REF)
    schemas: dict[str, Any] = definitions.get("$defs", {})
    by_name = {name: schema for (name, _), schema in found.items()}
    boards = {"anyOf": [by_name[f"board {kind}"] for kind in BOARDS]}
    data = {"anyOf": [by_name[f"data {kind}"] for kind in EVENTS]}
    for name, member, described in (
        ("Snapshot", "boards", {"type": "object", "additionalProperties": boards}),
        ("Delta", "set", {"type": "object", "additionalProperties": boards}),
        ("Event", "data", data),
    ):
        old = schemas[name]["properties"][member]
        schemas[name]["properties"][member] = {**described, "description": old.get("description", "")}
    messages = {
        name: {"name": name, "title": name, "payload": by_name[name]}
        for name in (*_FROM_CLIENT, *_FROM_SERVER)
    }
    return schemas, messages
