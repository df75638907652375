"""Messages of tabletops, bent out of shape: what every adapter must answer with a reading.

A tabletop is a row of ADAPTERS; its samples are files of `tests/data/vtt`, and parts of all samples find
their way into each other. The same seed makes the same messages.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from integrations.vtt import (
    beyond20,
    dddice,
    dndbeyond,
    event_hooker,
    foundry_message,
    foundry_roll,
    neutral,
    owlbear,
    roll20,
    text_roll,
)
from integrations.vtt.reading import Reading

DATA = Path(__file__).parent / "data" / "vtt"


@dataclass(frozen=True, slots=True)
class Adapter:
    """What reads a tabletop, and the names of its samples without `.json`."""

    name: str
    read: Callable[[object, datetime], Reading]
    samples: tuple[str, ...]


ADAPTERS = (
    Adapter("beyond20", beyond20.read, ("beyond20-rendered-roll", "beyond20-roll")),
    Adapter("dddice", dddice.read, ("dddice-roll", "dddice-request")),
    Adapter("dndbeyond", dndbeyond.read, ("dndbeyond-fulfilled",)),
    Adapter("roll20", roll20.read, ("roll20-rollresult", "roll20-inline")),
    Adapter("owlbear", owlbear.read, ("owlbear-roll-result", "owlbear-roll-request", "owlbear-justdices")),
    Adapter(
        "neutral",
        lambda message, at: neutral.read(message, at).reading,
        ("neutral-attack", "neutral-rerolled", "neutral-damage", "neutral-pool", "neutral-fate"),
    ),
    Adapter("foundry message", foundry_message.read, ("foundry-message",)),
    Adapter("foundry module", foundry_roll.read, ("module-roll",)),
    Adapter("event hooker", event_hooker.read, ("event-hooker",)),
    Adapter("discord", text_roll.read_discord, ("discord-webhook",)),
    Adapter("line of text", text_roll.read_line, ("fantasygrounds-line",)),
)


def sample(name: str) -> Any:
    """A sample, fresh: what is done to it is done to nobody else's."""
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


#: Values that are not what anybody expects.
_STRANGE: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 20, 0.5, -0.0, 1e308, -1e308, 2**31, 2**53, 2**63, 10**400, -(10**400)),
    *(float("nan"), float("inf"), float("-inf"), "", " ", "0", "24", "-7", "NaN", "1e999", "null", "true"),
    *([], {}, [[]], [{}], {"": {}}, [None], "gameId", "userId", "everyone", "public", 3, 7, 9),
)
#: Texts that are no names and no notation, or too much of them.
_TEXTS = (
    *("\x00", "\ud800", "\u202e24\u202c", "\ufeff", "e\u0301\u0316" * 40, "\u0130\u0131", "\U0001f3b2" * 200),
    *("<img src=x onerror=alert(1)>", "&lt;b&gt;", "<" * 300, "&#" * 300, "١٢٣", "½", "２ｄ２０", "a\r\nb"),
    *(
        "2d20kh1+7",
        "9" * 400 + "d" + "9" * 400,
        "1d6" + "!" * 300,
        "(" * 400,
        "+" * 600,
        "[" * 300,
        "/gr 1d20",
    ),
    *("d0", "d99999", "dF", "d%", "d10x", "mod", "2026-11-20T18:30:05", "9999-12-31T23:59:59-23:59"),
    *("{" * 300, '"' * 100, "\\" * 99, "https://" + "x" * 900, "x" * 8_192, "y" * 100_000),
)


class Mutator:
    """Bends samples; of the same seed always in the same way."""

    def __init__(self, random: Random, texts: Mapping[str, str] | None = None) -> None:
        """`texts`: samples by name, as JSON; those of all tabletops when there are none."""
        self.random = random
        self.texts = texts or {
            name: json.dumps(sample(name)) for adapter in ADAPTERS for name in adapter.samples
        }
        self._parts = [part for text in self.texts.values() for part in _walk(json.loads(text))]

    def message(self, name: str) -> Any:
        """A message that was the sample `name` once."""
        message = json.loads(self.texts[name])
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 5))):
            message = self._bent(message)
        return message

    def _bent(self, message: Any) -> Any:
        """`message` with one place changed, which may be all of it."""
        holder, key = self._place(message)
        if holder is None:
            return self._instead(message) if self.random.random() < 0.3 else message
        old = holder[key]
        match self.random.randrange(8):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[self.random.choice(list(holder))] = old
            case 2 if isinstance(holder, list):
                holder[key:key] = [old] * self.random.choice((1, 2, 19, 70, 400, 1_001, 5_000))
            case 3 if isinstance(old, str) and old.startswith("{"):
                holder[key] = self._text_bent(old)
            case _:
                holder[key] = self._instead(old)
        return message

    def _text_bent(self, text: str) -> Any:
        """JSON in a text, bent inside of it; cut off somewhere when the tree cannot be text any more."""
        try:
            inside = self._bent(json.loads(text))
            return json.dumps(inside)
        except (ValueError, RecursionError):
            return text[: self.random.randrange(len(text) + 1)]

    def _place(self, message: Any) -> tuple[Any, Any]:
        """Somewhere in the message; (None, None) for the message itself."""
        holder, key = None, None
        at = message
        while isinstance(at, dict | list) and at and self.random.random() < 0.85:
            keys = list(at) if isinstance(at, dict) else range(len(at))
            holder, key = at, self.random.choice(keys)
            at = holder[key]
        return holder, key

    def _instead(self, old: Any) -> Any:
        random = self.random
        match random.randrange(7):
            case 0:
                return random.choice(_TEXTS)
            case 1:
                return json.loads(json.dumps(random.choice(self._parts)))
            case 2:
                return self._nested(old, random.choice((1, 2, 9, 300, 5_000)))
            case 3 if isinstance(old, str):
                at = random.randrange(len(old) + 1)
                return old[:at] + random.choice(_TEXTS) + old[at:]
            case 4 if isinstance(old, int | float) and abs(old) < 1e300:
                return old + random.choice((-1, 1, 0.5, 10, 1_000, 10**6, -(10**9), 10**30))
            case 5:
                return [old]
            case _:
                return copy.deepcopy(random.choice(_STRANGE))  # it is bent further in its new place

    def _nested(self, value: Any, depth: int) -> Any:
        """`value` at the bottom of lists, or of objects with one key that adapters look for."""
        key = self.random.choice((None, "data", "request", "messages", "rolls"))
        for _ in range(depth):
            value = [value] if key is None else {key: value}
        return value


def _walk(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from _walk(part)
