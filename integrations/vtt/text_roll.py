"""Rolls that are lines of text: chat of Fantasy Grounds, embeds of Discord (platforms/vtt.md §2.3, §8).

Of such a roll the total is known and what was asked for, not the dice; it has no groups and the kind
`custom`. A line does not say who may see it either: whoever set the source up does, and until then its rolls
are secret (acceptance fact 4). Lines are taken apart from their end, in one pass each; anything longer than
512 characters is no roll.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from integrations.vtt.reading import (
    LARGEST_NUMBER,
    NotARoll,
    Reading,
    https,
    identifier,
    joined_id,
    mapping,
    plain,
    reading,
    sequence,
)
from server.rules.dice import Actor, DiceRoll, Source, System, Visibility
from server.rules.notation_native import best, from_beyond20, from_foundry

LONGEST_LINE: Final = 512
_MOST_EMBEDS: Final = 10  # Discord's own limit
_MOST_LINES: Final = 50  # of one description
_TOTAL = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_NOTATION = re.compile(r"[0-9dDkKhHlLrRxX!+\-* ]+", re.ASCII)
_SPEAKERS: Final[Mapping[str, str]] = MappingProxyType(
    {"fantasygrounds": "Fantasy Grounds", "discord": "Discord", "alchemy": "Alchemy"}
)


class Line(NamedTuple):
    """`who: label [notation = total]` taken apart; `who` and `label` may be empty."""

    who: str
    label: str
    notation: str
    total: int


def parse(text: str) -> Line | None:
    """The parts of a line that is a roll; None for any other.

    `Rook: 2d20kh + 7 = 24`, also with `**24**`, and `Rook: [ATTACK (R)] Longbow [d20+7 = 24]`.
    """
    if len(text) > LONGEST_LINE or "\n" in text:
        return None
    text = text.strip()
    if text.endswith("]"):
        before, bracket, text = text[:-1].rpartition("[")
        if not bracket:
            return None
        # A speaker comes before any tag: the colon of `[SAVE: DEX]` parts nothing.
        said, _, _ = before.partition("[")
        who, colon, _ = said.partition(": ")
        label = before[len(who) + len(colon) :] if colon else before
        who = who if colon else ""
    else:
        before, equals, total = text.rpartition(" = ")
        who, colon, notation = before.rpartition(": ")
        label, text = "", f"{notation}{equals}{total}"
        if colon and not who.strip():
            return None
    rolled = _rolled(text)
    return None if rolled is None else Line(who.strip(), label.strip(), *rolled)


def _rolled(text: str) -> tuple[str, int] | None:
    """`2d20kh + 7 = 24`. None for anything else; something must be thrown or added for it to be a roll."""
    notation, _, total = text.rpartition(" = ")
    notation, total = notation.strip(), total.strip()
    if len(total) > 4 and total.startswith("**") and total.endswith("**"):
        total = total[2:-2]
    if not (_NOTATION.fullmatch(notation) and _TOTAL.fullmatch(total) and any(c.isdigit() for c in notation)):
        return None
    return (notation, int(total)) if abs(int(total)) <= LARGEST_NUMBER else None


def read_line(
    text: object,
    received_at: datetime,
    *,
    system: System = "fantasygrounds",
    instance_id: str = "log",
    line_id: str = "",
    visibility: Visibility = "gm_only",
) -> Reading:
    """The roll of one line of chat.

    `line_id` tells lines apart, such as its number in the log. Without one every receipt is a roll of its
    own, because a table does roll the same twice.
    """

    def roll() -> list[DiceRoll]:
        line = parse(text) if isinstance(text, str) else None
        if line is None:
            raise NotARoll("the line is no roll of the form `name: 1d20+7 = 24`")
        source = Source(system, identifier(instance_id, "instance_id"), ref=line_id[:256])
        name = plain(line.who, 64) or _SPEAKERS.get(system, "Somebody")
        which = line_id or _digest(str(text), received_at)
        return [
            _made(
                line,
                source,
                which,
                Actor(player_name=name),
                label=plain(line.label, 140),
                visibility=visibility,
            )
        ]

    return reading(roll)


def read_discord(
    message: object,
    received_at: datetime,
    *,
    instance_id: str = "discord",
    visibility: Visibility = "gm_only",
) -> Reading:
    """The rolls of a Discord message or webhook body: its text and each embed may hold one.

    A message that has an `id` is the same when it comes again; a webhook body has none.
    """

    def rolls() -> list[DiceRoll]:
        whole = mapping(message, "the message")
        embeds = [mapping(e, "an embed") for e in sequence(whole.get("embeds"), "embeds", _MOST_EMBEDS)]
        channel = identifier(whole.get("channel_id") or instance_id, "channel_id")
        given = whole.get("id")
        message_id = identifier(given, "id") if given else ""
        source = Source("discord", channel, ref=message_id)
        actor = _speaker(whole)
        found = []
        texts = [(whole.get("content"), "")] + [
            (e.get("description"), plain(e.get("title"), 140)) for e in embeds
        ]
        for index, (text, title) in enumerate(texts):
            line = _first_roll(text)
            if line is not None:
                which = f"{message_id or _digest(str(text), received_at)}:{index}"
                label = title or plain(line.label, 140)
                found.append(_made(line, source, which, actor, label=label, visibility=visibility))
        if not found:
            raise NotARoll("neither the text nor an embed of the message is a roll of the form `1d20+7 = 24`")
        return found

    return reading(rolls)


def _first_roll(text: object) -> Line | None:
    """The first line that is a roll; none of a longer text than Discord has."""
    if not isinstance(text, str) or len(text) > 4_096:
        return None
    lines = text.split("\n", _MOST_LINES)[:_MOST_LINES]
    return next((line for line in map(parse, lines) if line is not None), None)


def _speaker(message: Mapping[str, Any]) -> Actor:
    author = message.get("author")
    author = author if isinstance(author, dict) else {}
    name = plain(message.get("username"), 64) or plain(author.get("username"), 64)
    given, avatar = author.get("id"), https(message.get("avatar_url"))
    return Actor(
        player_name=name or "Discord",
        player_id=identifier(given, "author.id") if given else "",
        avatar_url=avatar if avatar.isprintable() else "",
    )


def _made(
    line: Line, source: Source, which: str, actor: Actor, *, label: str, visibility: Visibility
) -> DiceRoll:
    # `!` is of the standard, everything else of these lines is also Foundry's.
    translate = from_beyond20 if "!" in line.notation else from_foundry
    return DiceRoll(
        roll_id=joined_id(source.instance_id, which),
        source=source,
        actor=actor,
        visibility=visibility,
        notation=best(line.notation, translate),
        total=line.total,
        label=label,
        notation_native=line.notation,
    )


def _digest(text: str, received_at: datetime) -> str:
    return hashlib.sha256(f"{received_at.isoformat()} {text}".encode("utf-8", "replace")).hexdigest()[:32]
