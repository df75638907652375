"""The tree of one Roll20 roll, read into groups, numbers and what its modifiers say (vtt.md §5).

Roll20 does not tell which die an extra one came from, so only the dice themselves are marked: those that
meet the explosion's condition, and those beyond the number asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from integrations.vtt.reading import LARGEST_NUMBER, NotARoll, mapping, number, plain, sequence, whole
from server.rules.dice import (
    LARGEST_SIDES,
    MOST_DICE,
    MOST_GROUPS,
    MOST_MODIFIERS,
    Die,
    DieState,
    Group,
    Mode,
    Modifier,
    Outcome,
    Sides,
)

_DEEPEST: Final = 8
_MOST_NODES: Final = 256
_MOST_CONDITIONS: Final = 8
#: Names of table entries are text for people and each is cleaned.
_MOST_SYMBOLS: Final = 100
_LONGEST_EXPRESSION: Final = 256
_LONGEST_WORDS: Final = 140
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)
_TOKEN = re.compile(r"([^0-9\s])|([0-9]{1,9}(?:\.[0-9]{1,6})?)", re.ASCII)

# Dice are frozen and there are few different ones; making one costs seven times as much as finding it.
_die = lru_cache(maxsize=4096)(Die)

#: Comparison and point.
_Condition = tuple[str, float]


class Tree:
    """What a tree came to. `read` it once; a tree that cannot be read raises NotARoll."""

    def __init__(self, left: int = MOST_DICE) -> None:
        self.left = left  # dice that it may still have
        self.groups: list[Group] = []
        self.modifiers: list[Modifier] = []
        self.comments: list[str] = []
        self.written = ""  # the notation as the tree tells it
        self.total: float | None = None
        self.counts_successes = False
        self.is_sum = True  # False: it multiplies or divides, and its numbers do not add up
        self.is_table = False
        self.mode: Mode = "normal"
        self.outcome = Outcome()
        self._nodes = _MOST_NODES
        self._symbols = _MOST_SYMBOLS
        self._negative = False

    def read(self, top: object) -> None:
        """A top node. Raises NotARoll."""
        node = mapping(top, "the roll")
        if node.get("type") not in ("V", None):
            raise NotARoll("the roll is no tree of Roll20")
        self.counts_successes = node.get("resultType") == "success"
        self._branch(node.get("rolls"), "rolls", kept=True, flipped=False, depth=0)
        if len(self.groups) > MOST_GROUPS or len(self.modifiers) > MOST_MODIFIERS:
            raise NotARoll("more groups or numbers than a roll may have")
        total = node.get("total")
        if isinstance(total, str) and _NUMBER.fullmatch(total):
            total = float(total) if "." in total else int(total)
        self.total = number(total)

    def _branch(self, value: object, what: str, *, kept: bool, flipped: bool, depth: int) -> None:
        """Nodes side by side; `kept` False: a group dropped them all, `flipped`: it is subtracted."""
        if depth > _DEEPEST:
            raise NotARoll(f"groups are more than {_DEEPEST} deep")
        self._negative = False
        for raw in sequence(value, what, _MOST_NODES):
            self._nodes -= 1
            if self._nodes < 0:
                raise NotARoll(f"more than {_MOST_NODES} nodes")
            node = mapping(raw, "a node")
            match node.get("type"):
                case "R":
                    self._dice(node, kept, self._negative != flipped)
                    self._negative = False
                case "M":
                    self._maths(node.get("expr"), kept, flipped)
                case "L":
                    self._label(node.get("text"))
                case "C":
                    words = _words(node.get("text"))
                    self.comments += [words] if words else []
                case "G":
                    self._group(node, kept, self._negative != flipped, depth)
                    self._negative = False
                case "V":
                    self._branch(node.get("rolls"), "rolls", kept=kept, flipped=flipped, depth=depth + 1)
                case _:
                    raise NotARoll("a node is none of R, M, L, C, G, V")

    def _maths(self, value: object, kept: bool, flipped: bool) -> None:
        """`+7` is a number, `-` the sign of what comes next; anything else does not add up."""
        text = f"{value:+g}" if number(value) is not None else value
        if not isinstance(text, str) or len(text) > _LONGEST_EXPRESSION:
            raise NotARoll("expr is no text, or too long")
        self.written += text
        for sign, digits in _TOKEN.findall(text):
            if sign in ("+", "-"):
                self._negative = sign == "-"
            elif digits:
                amount = float(digits) if "." in digits else int(digits)
                if kept:
                    self.modifiers.append(Modifier(-amount if self._negative != flipped else amount))
                self._negative = False
            else:
                self.is_sum = False

    def _label(self, value: object) -> None:
        """A label belongs to the dice before it."""
        words = _words(value)[:32].rstrip()
        if words and self.groups and not self.groups[-1].label:
            last = self.groups[-1]
            self.groups[-1] = Group(last.sides, last.count, last.dice, last.sign, words)

    def _group(self, node: Mapping[str, Any], kept: bool, flipped: bool, depth: int) -> None:
        """`{2d6,1d8}kh1`: with a result for each branch, its `d` drops the whole branch."""
        branches = sequence(node.get("rolls"), "the rolls of a group", _MOST_NODES)
        results = sequence(node.get("results"), "the results of a group", MOST_DICE)
        told = len(results) == len(branches)
        for index, branch in enumerate(branches):
            result = results[index] if told else None
            lost = isinstance(result, dict) and result.get("d") is True
            self._branch(branch, "a branch", kept=kept and not lost, flipped=flipped, depth=depth + 1)

    def _dice(self, node: Mapping[str, Any], kept: bool, negative: bool) -> None:
        mods = node.get("mods")
        mods = mods if isinstance(mods, dict) else {}
        count = whole(node.get("dice"), 0, MOST_DICE)
        sides = self._sides(node)
        if count is None or sides is None:
            raise NotARoll("dice have no number or no sides")
        results = sequence(node.get("results"), "results", self.left)
        self.left -= len(results)
        pool = _Pool(sides, count, len(results), mods, self.counts_successes)
        dice: list[Die] = []
        for index, raw in enumerate(results):
            fallen = mapping(raw, "a result")
            value = whole(fallen.get("v"), -LARGEST_SIDES * MOST_DICE, LARGEST_SIDES * MOST_DICE)
            if value is None:
                raise NotARoll("a result shows no number")
            symbol = self._symbol(fallen) if sides == "custom" else ""
            dice.append(pool.die(index, value, kept, fallen.get("d") is True, symbol))
        group = Group(sides, count, tuple(dice), -1 if negative else 1)
        self.groups.append(group)
        self.written += f"{count}d{sides}"
        if self.outcome == Outcome():
            self.outcome = _outcome(group, mods)
        if self.mode == "normal":
            self.mode = _mode(group, mods)

    def _sides(self, node: Mapping[str, Any]) -> Sides | None:
        if node.get("fate") is True:
            return "F"
        if node.get("table"):
            self.is_table = True
            return "custom"
        return whole(node.get("sides"), 1, LARGEST_SIDES)

    def _symbol(self, fallen: Mapping[str, Any]) -> str:
        """The name of what was rolled on a table."""
        self._symbols -= 1
        if self._symbols < 0:
            raise NotARoll(f"more than {_MOST_SYMBOLS} rolls on tables")
        item = fallen.get("tableItem")
        name = item.get("name") if isinstance(item, dict) else None
        return plain(name[:64], 32) if isinstance(name, str) else ""


class _Pool:
    """How the dice of one node count."""

    def __init__(
        self, sides: Sides, count: int, fell: int, mods: Mapping[str, Any], counts_successes: bool
    ) -> None:
        self.sides = sides
        self.count = count
        self.highest: _Condition = ("==", sides if isinstance(sides, int) else 1)
        self.rerolls = _conditions(mods.get("reroll"), "reroll")
        self.chooses = "keep" in mods or "drop" in mods
        # Dice beyond those asked for that are not explained by rerolls.
        self.extra = max(0, fell - count)
        self.rerolled_left = self.extra if self.rerolls is not None else 0
        self.exploding = self._explosion(mods, "exploding")
        self.compounding = self._explosion(mods, "compounding")
        self.penetrating = self._explosion(mods, "penetrating")
        self.successes = _conditions(mods.get("success"), "success") if counts_successes else None
        self.failures = _conditions(mods.get("failure"), "failure") if counts_successes else None
        self.fumbles = _conditions(mods.get("customFumble"), "customFumble") if counts_successes else None

    def _explosion(self, mods: Mapping[str, Any], name: str) -> Sequence[_Condition] | None:
        found = _conditions(mods.get(name), name)
        return [self.highest] if found is not None and not found else found

    def die(self, index: int, value: int, kept: bool, gone: bool, symbol: str) -> Die:
        """The die that fell at `index`; `kept` False: a group dropped it."""
        state: DieState = "dropped" if gone or not kept else "kept"
        if gone and self._was_rerolled(value):
            state = "rerolled"
        face, counts_as, exploded, extra = value, None, False, False
        if self.compounding is not None and isinstance(self.sides, int) and value > self.sides:
            # One result is the sum of all that fell for it; the first of them showed the highest face.
            face, counts_as, exploded = self.sides, float(value), True
        elif self.exploding is not None or self.penetrating is not None:
            extra = index >= self.count and self.rerolls is None
            if self.penetrating is not None and extra:  # it counts one less than it shows
                face, counts_as = value + 1, float(value)
            wanted = self.exploding if self.exploding is not None else self.penetrating
            exploded = self.extra > 0 and _meets(face, wanted)
        success = failure = False
        if self.successes is not None:
            success = _meets(face, self.successes)
            subtracts = not success and _meets(face, self.failures)
            failure = subtracts or (not success and _meets(face, self.fumbles))
            counts_as = 1.0 if success else -1.0 if subtracts else 0.0
        return _die(
            face,
            state,
            counts_as,
            exploded=exploded,
            extra=extra,
            success=success,
            failure=failure,
            symbol=symbol,
        )

    def _was_rerolled(self, value: int) -> bool:
        """A die that is gone by a reroll and not by what is kept."""
        if self.rerolls is None or (
            self.chooses and not (self.rerolled_left and _meets(value, self.rerolls))
        ):
            return False
        self.rerolled_left = max(0, self.rerolled_left - 1)
        return True


def _words(value: object) -> str:
    return plain(value[: 4 * _LONGEST_WORDS], _LONGEST_WORDS) if isinstance(value, str) else ""


def _conditions(value: object, what: str) -> Sequence[_Condition] | None:
    """Of a modifier: None where it is not there, none where it says only that it is. Raises NotARoll."""
    if value is None or value is False:
        return None
    entries = value if isinstance(value, list) else [value]
    if len(entries) > _MOST_CONDITIONS:
        raise NotARoll(f"{what} has more than {_MOST_CONDITIONS} conditions")
    found = []
    for entry in entries:
        point = number(entry.get("point")) if isinstance(entry, dict) else number(entry)
        if point is not None and abs(point) <= LARGEST_NUMBER:
            comparison = entry.get("comp") if isinstance(entry, dict) else "=="
            found.append((comparison if isinstance(comparison, str) else "==", point))
    return found


def _meets(value: int, conditions: Sequence[_Condition] | None) -> bool:
    """Whether one of them holds; Roll20 writes > and means ≥ (§9.2)."""
    for comparison, point in conditions or ():
        match comparison:
            case ">" | ">=":
                holds = value >= point
            case "<" | "<=":
                holds = value <= point
            case _:
                holds = value == point
        if holds:
            return True
    return False


def _outcome(group: Group, mods: Mapping[str, Any]) -> Outcome:
    """What custom limits say of the one die that counts; never of pools, and nothing without limits."""
    if ("customCrit" not in mods and "customFumble" not in mods) or len(group.kept) != 1:
        return Outcome()
    highest = [("==", float(group.sides))] if isinstance(group.sides, int) else []
    critical = _conditions(mods.get("customCrit"), "customCrit")
    fumble = _conditions(mods.get("customFumble"), "customFumble")
    value = group.kept[0].value
    return Outcome(
        _meets(value, highest if critical is None else critical),
        _meets(value, [("==", 1)] if fumble is None else fumble),
    )


def _mode(group: Group, mods: Mapping[str, Any]) -> Mode:
    """Two or three d20 of which one is kept."""
    three = len(group.dice) == 3
    if group.sides != 20 or len(group.dice) not in (2, 3) or len(group.kept) != 1:
        return "normal"
    keep, drop = mods.get("keep"), mods.get("drop")
    end = keep.get("end") if isinstance(keep, dict) else None
    if end is None and isinstance(drop, dict):
        end = {"l": "h", "h": "l"}.get(dropped) if isinstance(dropped := drop.get("end"), str) else None
    match end:
        case "h":
            return "super_advantage" if three else "advantage"
        case "l":
            return "super_disadvantage" if three else "disadvantage"
        case _:
            return "normal"
