"""Roll20: rolls in messages of the chat, live or out of the archive (vtt.md §5).

A roll is a tree: a top (`V`) of dice (`R`), sums (`M`), labels (`L`), comments (`C`) and groups (`G`).
It comes as `content` of `rollresult` and `gmrollresult`, as JSON text or decoded already, or as `results` of
the inline rolls of any other message.

Messages read out of a page have no id unless the sender adds it (`_id`, `id`, or the key of the archive).
Without one the id is a hash of what was rolled and of its signature or time, where there is either; else of
the time of arrival, cut to `BUCKET_MS`, so that the same message sent twice at once is one roll.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.reading import (
    NotARoll,
    Reading,
    bounded,
    formula_of,
    identifier,
    mapping,
    named,
    number,
    plain,
    said_at,
    sequence,
)
from integrations.vtt.roll20_tree import Tree
from server.rules.dice import MOST_DICE, Actor, DiceRoll, Source, Visibility
from server.rules.notation_native import best, from_roll20

#: Arrivals of the same content within one span of this length are one roll, where nothing tells them apart.
BUCKET_MS: Final = 5_000
#: Of one call; a sender of an archive sends it in parts.
_MOST_MESSAGES, _MOST_ROLLS, _MOST_INLINE = 20, 20, 64
_LONGEST_TEXT: Final = 65_536
#: Of everything that was typed, together: reading a notation is what costs time.
_LONGEST_TYPED: Final = 768
_RESULTS: Final = ("rollresult", "gmrollresult", "secretrollresult")
#: Who sees a message of a type; unknown types are secret.
_SEEN: Final[Mapping[str, Visibility]] = {
    "rollresult": "public",
    "general": "public",
    "emote": "public",
    "desc": "public",
    "whisper": "whisper",
}
_TEMPLATE_NAME = re.compile(r"\{\{r?name=([^{}]{1,140})\}\}")
_PLACE = re.compile(r"\$\[\[[0-9]{1,3}\]\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Cast:
    """One tree and what was typed to roll it."""

    tree: object
    typed: str
    index: int | None  # of an inline roll
    id: str  # its own, where an inline roll has one
    signature: str


def read(message: object, received_at: datetime) -> Reading:
    """The rolls of a message, of a list of at most 20, or of an archive (`{id: message}`), each also within
    `{"campaignId": …, "messages": …}`. Whatever is no roll is a reason and does not lose the others."""
    rolls: list[DiceRoll] = []
    reasons: list[str] = []
    try:
        campaign, messages = _messages(message)
    except NotARoll as reason:
        return Reading((), (str(reason),))
    left, typed = MOST_DICE, 0
    for place, (message_id, raw) in enumerate(messages):
        try:
            common = _common(raw, campaign, received_at)
            casts = _casts(raw)
        except NotARoll as reason:
            reasons.append(f"{place}: {reason}")
            continue
        for cast in casts:
            if len(rolls) == _MOST_ROLLS or typed + len(cast.typed) > _LONGEST_TYPED:
                reasons.append(f"{place}: too many rolls at once, or too long ones")
                break
            try:
                tree = Tree(left)
                tree.read(cast.tree)
                if cast.index is not None and not tree.groups:
                    continue  # sheets are full of inline rolls that are only a number
                left, typed = tree.left, typed + len(cast.typed)
                roll = _roll(common, cast, tree)
                rolls += bounded(iter([_identified(roll, message_id, raw, cast, received_at)]))
            except NotARoll as reason:
                reasons.append(f"{place}: {reason}")
    return Reading(tuple(rolls), tuple(reasons if rolls or reasons else ["no message holds a roll"]))


def _messages(value: object) -> tuple[str, list[tuple[str, Mapping[str, Any]]]]:
    """The campaign, and the messages with the ids the archive gives them. Raises NotARoll."""
    campaign = ""
    if isinstance(value, dict) and "messages" in value:
        campaign = _id_or_nothing(value.get("campaignId", value.get("campaign_id")), 64)
        value = value["messages"]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for part in value[: _MOST_MESSAGES + 1] if isinstance(value, list) else [value]:
        chunk = mapping(part, "a message")
        if any(name in chunk for name in ("type", "content", "inlinerolls")):
            found.append(("", chunk))
        else:
            held = ((key, chunk[key]) for key in list(chunk)[: _MOST_MESSAGES + 1])
            found += [(_id_or_nothing(key, 48), mapping(inner, "a message")) for key, inner in held]
    if len(found) > _MOST_MESSAGES:
        raise NotARoll(f"more than {_MOST_MESSAGES} messages at once")
    if not found:
        raise NotARoll("no message of Roll20")
    return campaign, found


def _common(raw: Mapping[str, Any], campaign: str, received_at: datetime) -> DiceRoll:
    """What all rolls of a message have in common. Raises NotARoll."""
    own = _id_or_nothing(raw.get("campaignId", raw.get("campaign_id")), 64)
    who = named(raw.get("who"), 64, "who")
    name = who.removesuffix("(GM)").rstrip() or who
    priority = number(raw.get(".priority"))
    visibility, whispered = _visibility(raw)
    return DiceRoll(
        roll_id="",
        source=Source("roll20", own or campaign or "roll20"),
        actor=Actor(
            player_name=name,
            player_id=_id_or_nothing(raw.get("playerid")),
            character_name=name,
            is_gm=who.endswith("(GM)"),
        ),
        visibility=visibility,
        whisper_to=whispered,
        notation="",
        rolled_at=None if priority is None else said_at(int(priority), received_at),
        label=_label(raw),
    )


def _id_or_nothing(value: object, most: int = 128) -> str:
    try:
        return identifier(value, "id", most)
    except NotARoll:
        return ""


def _visibility(raw: Mapping[str, Any]) -> tuple[Visibility, tuple[str, ...]]:
    """By the type, and by the target of a whisper: to the GM, or to the ids it names."""
    kind, target = raw.get("type"), raw.get("target")
    seen = _SEEN.get(kind, "gm_only") if isinstance(kind, str) else "gm_only"
    if seen == "gm_only" or (seen == "public" and not target):
        return seen, ()
    if not isinstance(target, str) or not 0 < len(target) <= 4096 or target == "gm":
        return "gm_only", ()
    return "whisper", tuple(who for text in target.split(",")[:32] if (who := _id_or_nothing(text.strip())))


def _label(raw: Mapping[str, Any]) -> str:
    """Of a sheet's template its name, of other chat its words without the places of its rolls."""
    content = raw.get("content")
    if raw.get("type") in _RESULTS or not isinstance(content, str):
        return ""
    if "rolltemplate" in raw:
        found = _TEMPLATE_NAME.search(content[:4096])
        return plain(found[1], 140) if found else ""
    return plain(_PLACE.sub(" ", content[:1024]), 140)


def _casts(raw: Mapping[str, Any]) -> list[_Cast]:
    """The trees of a message. Raises NotARoll when there is none."""
    content = raw.get("content")
    signature = _id_or_nothing(raw.get("signature"), 512)
    if raw.get("type") in _RESULTS or isinstance(content, dict):
        return [_Cast(_decoded(content), formula_of(raw.get("origRoll")), None, "", signature)]
    inline = sequence(raw.get("inlinerolls"), "inlinerolls", _MOST_INLINE)
    if not inline:
        raise NotARoll("a message without a roll")
    casts = []
    for index, entry in enumerate(inline):
        cast = mapping(entry, "an inline roll")
        casts.append(
            _Cast(
                cast.get("results"),
                formula_of(cast.get("expression")),
                index,
                _id_or_nothing(cast.get("rollid"), 48),
                _id_or_nothing(cast.get("signature"), 512) or signature,
            )
        )
    return casts


def _decoded(value: object) -> object:
    """The tree in `content`; text of text is decoded twice, a tree stays as it is. Raises NotARoll."""
    for _ in range(2):
        if not isinstance(value, str):
            break
        if len(value) > _LONGEST_TEXT:
            raise NotARoll("content is too long")
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise NotARoll("content is no JSON") from None
    return value


def _roll(common: DiceRoll, cast: _Cast, tree: Tree) -> DiceRoll:
    """The roll of a tree that was read, without its id. Raises NotARoll."""
    if tree.total is None:
        raise NotARoll("total is no number")
    native = cast.typed
    for word in tree.comments:  # "2d20kh1+7 longbow" is typed with its comment at the end
        native = native.removesuffix(word).rstrip()
    return replace(
        common,
        notation=_notation(native or tree.written),
        notation_native=native,
        groups=tuple(tree.groups),
        modifiers=tuple(tree.modifiers) if tree.is_sum else (),
        total=tree.total,
        label=" ".join(tree.comments)[:140].rstrip() or common.label,
        kind="table" if tree.is_table else "custom",
        mode=tree.mode,
        successes=int(tree.total) if tree.counts_successes else None,
        outcome=tree.outcome,
    )


@lru_cache(maxsize=512)
def _notation(text: str) -> str:
    """What was typed, in the standard where it can be said in it; a table rolls the same few all evening."""
    return best(text, from_roll20)


def _identified(
    roll: DiceRoll, archived_as: str, raw: Mapping[str, Any], cast: _Cast, received_at: datetime
) -> DiceRoll:
    """The roll under its id; the module's words say what it is made of."""
    own = _id_or_nothing(raw.get("_id"), 48) or _id_or_nothing(raw.get("id"), 48) or archived_as
    key = own or cast.id
    if not key:
        since = round(received_at.timestamp() * 1000) // BUCKET_MS
        when = cast.signature or raw.get(".priority") if roll.rolled_at or cast.signature else since
        key = _digest([when, roll.actor.player_id, roll.actor.player_name, *_trace(roll)])
    # An inline roll's own id already tells it apart from its neighbours.
    place = f":{cast.index}" if cast.index is not None and key != cast.id else ""
    source = replace(roll.source, ref=own)
    return replace(roll, roll_id=f"r20:{source.instance_id}:{key}{place}", source=source)


def _trace(roll: DiceRoll) -> Iterator[object]:
    yield roll.notation_native
    yield roll.total
    yield [[die.value for die in group.dice] for group in roll.groups]


def _digest(parts: Iterable[object]) -> str:
    return hashlib.sha256(repr(list(parts)).encode("utf-8", "backslashreplace")).hexdigest()[:24]
