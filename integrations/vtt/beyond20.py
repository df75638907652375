"""Beyond20: finished rolls of D&D Beyond, as the browser extension hands them to a page (vtt.md §4).

One message holds everything that was rolled with one click: the primary rolls (`attack_rolls`, which are
checks and saves too) and the damage. Advantage comes as whole rolls of which all but one are discarded;
here that is one roll, and the d20 that lost are dropped dice of it.

The extension gives a roll no id (§9.3). Here it is `b20:<character>:<ms>-<hash>:<index>`, where the hash is
of all that was rolled. The time is the stamp of a page that gives one, `{"request": …, "timestamp": ms}`:
whatever repeats both is the same roll, however wrong the page's clock is, and no page of ours uses a stamp
twice. Without a stamp it is that of arrival, cut to `BUCKET_MS`: the same event out of two tabs, or sent
again at once, is one roll when both arrive in the same five seconds. On the edge between two such spans it
counts twice, and two equal rolls of a character within one count once; a stamp has neither fault.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.beyond20_dice import Thrown, read_thrown
from integrations.vtt.reading import (
    NotARoll,
    Reading,
    bounded,
    https,
    identifier,
    mapping,
    moment,
    named,
    plain,
    said_at,
    sequence,
    whole,
)
from server.rules.dice import (
    MOST_DICE,
    MOST_MODIFIERS,
    Actor,
    DiceRoll,
    Die,
    Group,
    Kind,
    Mode,
    Outcome,
    Redaction,
    Source,
    Visibility,
)
from server.rules.notation_native import best, from_beyond20

#: Arrivals of the same content within one span of this length are one roll, where the sender gives no time.
BUCKET_MS: Final = 5_000
_MOST_ROLLS, _MOST_DAMAGES = 20, 64
#: Of all formulas of a message, together: reading them is what costs time.
_LONGEST_FORMULAS: Final = 768

#: `advantage` of the request. 0 is normal, 1 and 5 show every roll, 2 was asked and is not told.
_MODES: Final[Mapping[int, Mode]] = {
    3: "advantage",
    4: "disadvantage",
    6: "super_advantage",
    7: "super_disadvantage",
    8: "advantage",
    9: "disadvantage",
}
_NAMES_HIDDEN: Final[frozenset[Redaction]] = frozenset(("character_name", "label"))
#: `type` of a roll; what is missing here is `custom`.
_KINDS: Final[Mapping[str, Kind]] = {
    "to-hit": "attack",
    "damage": "damage",
    "critical-damage": "damage",
    "skill-check": "skill",
    "ability-check": "check",
    "initiative": "initiative",
    "saving-throw": "save",
    "death-save": "death_save",
}
#: Bits of a damage roll. 1 is regular and 4 additional: both are part of the one total.
_VERSATILE, _HEALING, _CRITICAL, _CONDITIONAL = 2, 8, 16, 32

_ONE_D20 = re.compile(r"(?<![0-9dD])1?[dD]20(?![0-9])")
#: "Piercing Critical Damage" is piercing.
_DAMAGE_WORDS = re.compile(r"(?:\s+critical)?(?:\s+damage)?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Damage:
    """One entry of `damage_rolls`."""

    type: str  # such as `piercing`
    flags: int
    thrown: Thrown

    @property
    def share(self) -> str:
        """What it belongs to: a total of its own is a roll of its own."""
        if self.flags & _HEALING:
            return "healing"
        if self.flags & _CONDITIONAL:
            return f"conditional {self.type}"
        return "versatile" if self.flags & _VERSATILE else "damage"


def read(message: object, received_at: datetime) -> Reading:
    """The rolls of a `rendered-roll`: as the message, as the one element of a DOM event's `detail`, or in
    `{"request": …, "timestamp": ms}`.

    The primary rolls come first, then damage with `parent_roll_id`, each total a roll. A `roll` that is not
    rolled yet, and everything else, is a reason. `html` is never looked at.
    """
    try:
        rendered, stamped = _rendered(message)
        common = _common(rendered, said_at(stamped, received_at))
    except NotARoll as reason:
        return Reading((), (str(reason),))
    reasons: list[str] = []
    primary: Sequence[Thrown] = ()
    damages: Sequence[_Damage] = ()
    try:
        primary = _primary(rendered.get("attack_rolls"))
    except NotARoll as reason:
        reasons.append(f"attack_rolls: {reason}")
    try:
        damages = _damages(rendered.get("damage_rolls"))
    except NotARoll as reason:
        reasons.append(f"damage_rolls: {reason}")
    if not primary and not damages:
        return Reading((), tuple(reasons) or ("a card without dice",))
    thrown = [*primary, *(damage.thrown for damage in damages)]
    if sum(len(one.formula) for one in thrown) > _LONGEST_FORMULAS:
        return Reading((), (f"formulas of more than {_LONGEST_FORMULAS} characters together",))
    stem = _stem(common, moment(stamped), received_at, thrown)
    rolls: list[DiceRoll] = []
    try:
        rolls += bounded(_primary_rolls(common, primary, rendered, stem))
        rolls += bounded(_damage_rolls(common, damages, stem, len(rolls)))
    except NotARoll as reason:
        reasons.append(str(reason))
    return Reading(tuple(rolls), tuple(reasons))


def _rendered(message: object) -> tuple[Mapping[str, Any], object]:
    """The finished roll and its sender's stamp, if it has one. Raises NotARoll."""
    found = mapping(_first(message), "the message")
    stamped = found.get("timestamp")
    if "action" not in found and "request" in found:
        found = mapping(_first(found["request"]), "request")
    match found.get("action"):
        case "rendered-roll":
            return found, stamped
        case "roll":
            raise NotARoll("not rolled yet: the result comes in a rendered-roll")
        case _:
            raise NotARoll("no rendered-roll of Beyond20")


def _first(value: object) -> object:
    """What is in the array of a DOM event; custom domains get more arguments after it."""
    return value[0] if isinstance(value, list) and value else value


def _common(rendered: Mapping[str, Any], stamped: datetime | None) -> DiceRoll:
    """What all rolls of the message have in common. Raises NotARoll."""
    request = _object(rendered.get("request"))
    # With hidden names `character` is only a text; the request has the rest.
    character = _object(rendered.get("character")) or _object(request.get("character"))
    shown = rendered.get("character")
    name = character.get("name") or (shown if isinstance(shown, str) else "")
    character_id = _id_or_nothing(character.get("id"))
    said = rendered["whisper"] if "whisper" in rendered else request.get("whisper")
    visibility, redact = _visibility(said)
    name = named(name, 64, "the character's name")
    return DiceRoll(
        roll_id="",
        source=Source("beyond20", f"dndbeyond:{character_id}" if character_id else "dndbeyond"),
        actor=Actor(
            player_name=name,
            character_name=name,
            character_id=character_id,
            avatar_url=https(character.get("avatar")),
        ),
        visibility=visibility,
        redact=redact,
        notation="",
        rolled_at=stamped,
        label=plain(rendered.get("title"), 140),
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _id_or_nothing(value: object) -> str:
    try:
        return identifier(value, "the character's id", 64)
    except NotARoll:
        return ""


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def _visibility(whisper: object) -> tuple[Visibility, frozenset[Redaction]]:
    """`whisper` 0…3. Asked and not told (2), missing and unknown are secret."""
    match whole(whisper, 0, 3):
        case 0:
            return "public", frozenset()
        case 3:
            return "public", _NAMES_HIDDEN
        case _:
            return "gm_only", frozenset()


def _primary(value: object) -> list[Thrown]:
    thrown: list[Thrown] = []
    left = MOST_DICE
    for raw in sequence(value, "the list", _MOST_ROLLS):
        thrown.append(read_thrown(raw, left))
        left -= sum(len(group.dice) for group in thrown[-1].groups)
    return thrown


def _damages(value: object) -> list[_Damage]:
    damages: list[_Damage] = []
    left = MOST_DICE
    for entry in sequence(value, "the list", _MOST_DAMAGES):
        if not isinstance(entry, list) or len(entry) != 3:
            raise NotARoll("an entry is not [type, roll, flags]")
        name, raw, flags = entry[0], entry[1], whole(entry[2], 0, 255)
        if flags is None:
            raise NotARoll("flags are no small number")
        if flags == 0 or isinstance(raw, str):  # words about the damage, no damage
            continue
        thrown = read_thrown(raw, left)
        left -= sum(len(group.dice) for group in thrown.groups)
        words = plain(name[:128], 128) if isinstance(name, str) else ""
        damages.append(_Damage(_DAMAGE_WORDS.sub("", words).lower()[:32].rstrip(), flags, thrown))
    return damages


def _stem(common: DiceRoll, stamped: datetime | None, received_at: datetime, thrown: Iterable[Thrown]) -> str:
    """The beginning of every id of this message; the module's words say what it makes the same.

    A clock that is ahead stamps as well as another one: what it says is not when the roll fell, and still
    which roll it is.
    """
    span = _milliseconds(received_at) // BUCKET_MS * BUCKET_MS if stamped is None else _milliseconds(stamped)
    rolled = [(t.type, t.formula, t.total, [[d.value for d in g.dice] for g in t.groups]) for t in thrown]
    digest = hashlib.sha256(repr((common.label, rolled)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"b20:{common.actor.character_id or '-'}:{span}-{digest[:16]}"


def _primary_rolls(
    common: DiceRoll, thrown: Sequence[Thrown], rendered: Mapping[str, Any], stem: str
) -> Iterator[DiceRoll]:
    """One roll for an advantage, every roll by itself where all are shown. Raises NotARoll."""
    if not thrown:
        return
    counts = [one for one in thrown if not one.lost] or list(thrown[:1] if len(thrown) == 1 else ())
    if not counts:
        raise NotARoll("attack_rolls: every roll is discarded")
    advantage = whole(_object(rendered.get("request")).get("advantage"), 0, 9)
    mode = _MODES.get(advantage or 0, "normal")
    if len(counts) > 1:
        mode, thrown = "normal", counts
    for index, one in enumerate(counts):
        groups, text = one.groups, one.formula or "".join(one.terms).removeprefix("+")
        if len(counts) == 1 and len(thrown) > 1:
            groups = _with_lost(one, thrown)
            text = _ONE_D20.sub(f"{len(thrown)}d20k{_end(mode, one, thrown)}1", text, count=1)
        yield replace(
            common,
            roll_id=f"{stem}:{index}",
            groups=groups,
            modifiers=one.modifiers,
            total=one.total,
            kind=_kind(one, rendered),
            mode=mode,
            notation=_notation(text),
            notation_native=one.formula,
            outcome=one.outcome,
        )


@lru_cache(maxsize=512)
def _notation(text: str) -> str:
    """What was typed, in the standard where it can be said in it; a table rolls the same few all evening."""
    return best(text, from_beyond20)


def _kind(one: Thrown, rendered: Mapping[str, Any]) -> Kind:
    if _object(rendered.get("request")).get("type") == "roll-table":
        return "table"
    return _KINDS.get(one.type, "custom")


def _with_lost(counts: Thrown, thrown: Sequence[Thrown]) -> tuple[Group, ...]:
    """The groups of the roll that counts, with the dice of the others dropped where they fell."""
    groups = []
    for index, group in enumerate(counts.groups):
        dice: list[Die] = []
        count = 0
        for one in thrown:
            if index < len(one.groups) and one.groups[index].sides == group.sides:
                theirs = one.groups[index]
                count += theirs.count
                dice += theirs.dice if one is counts else map(_dropped, theirs.dice)
        groups.append(replace(group, count=min(count, MOST_DICE), dice=tuple(dice)))
    return tuple(groups)


@lru_cache(maxsize=4096)
def _dropped(die: Die) -> Die:
    return replace(die, state="dropped") if die.state == "kept" else die


def _end(mode: Mode, counts: Thrown, thrown: Iterable[Thrown]) -> str:
    """Whether the highest or the lowest was kept; where it is not told, what was kept tells it."""
    if mode == "normal":
        return "h" if counts.total >= max(one.total for one in thrown) else "l"
    return "l" if "disadvantage" in mode else "h"


def _damage_rolls(common: DiceRoll, damages: Sequence[_Damage], stem: str, index: int) -> Iterator[DiceRoll]:
    """Every total as one roll, its types as labels of the groups (§9.4, critical damage)."""
    parent = f"{stem}:0" if index else ""
    shares: dict[str, list[_Damage]] = {}
    for damage in damages:
        shares.setdefault(damage.share, []).append(damage)
    if index + len(shares) > _MOST_ROLLS:
        raise NotARoll(f"damage_rolls: more than {_MOST_ROLLS} rolls at once")
    for number_, parts in enumerate(shares.values(), index):
        types = list(dict.fromkeys(part.type for part in parts if part.type))
        alone = len(types) < 2
        healing = bool(parts[0].flags & _HEALING)
        yield replace(
            common,
            roll_id=f"{stem}:{number_}",
            groups=tuple(
                replace(group, label=_group_label(part, alone))
                for part in parts
                for group in part.thrown.groups
            ),
            modifiers=tuple(
                modifier if alone else replace(modifier, label=part.type)
                for part in parts
                for modifier in part.thrown.modifiers
            )[:MOST_MODIFIERS],
            total=sum(part.thrown.total for part in parts),
            kind="healing" if healing else "damage",
            damage_type=types[0] if len(types) == 1 and not healing else "",
            parent_roll_id=parent,
            notation=_notation(_sum_of(parts)),
            notation_native=" + ".join(part.thrown.formula for part in parts)[:512],
            outcome=Outcome(critical=True if any(part.flags & _CRITICAL for part in parts) else None),
        )


def _group_label(part: _Damage, alone: bool) -> str:
    if not part.flags & _CRITICAL:
        return part.type
    return "critical" if alone else f"critical {part.type}"[:32]


def _sum_of(parts: Sequence[_Damage]) -> str:
    """Dice first, then the numbers, as in §9.4; what multiplies stays in brackets as it was."""
    if not all(part.thrown.is_sum for part in parts):
        return "+".join(f"({part.thrown.formula})" for part in parts)
    dice = "".join(term for part in parts for term in part.thrown.terms)
    flat = "".join(f"{modifier.value:+g}" for part in parts for modifier in part.thrown.modifiers)
    return (dice + flat).removeprefix("+")
