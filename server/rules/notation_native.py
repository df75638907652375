"""What tabletops write for dice, in the standard of platforms/vtt.md §9.2.

A translation says the same as what it translates, or there is none: then `best` shows what the tabletop
wrote. Every function is pure, takes at most 512 characters and raises nothing but NotNotation.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from server.rules.notation import LONGEST, Draft, NotNotation, Parser, canonical, parse
from server.rules.notation_tree import (
    Comparison,
    Condition,
    Dice,
    Explosion,
    Expression,
    Keep,
    Pick,
    Reroll,
    Term,
    dice_in,
    lowest,
    operators_in,
)

LONGEST_NATIVE: Final = 512  # characters, as of `notation_native` in §9.1

#: How Foundry and Roll20 say which dice count; longer words first.
_PICKS: Final[Mapping[str, Pick]] = {
    "kh": "kh",
    "kl": "kl",
    "k": "kh",
    "dh": "dh",
    "dl": "dl",
    "d": "dl",
}
_COMMAND: Final = re.compile(r"\s*/(?:gmroll|gr|roll|r)\s", re.IGNORECASE)
_DDDICE_PICK: Final = re.compile(r"([hl])([0-9]{0,9})", re.ASCII)
_PLAIN: Final = {
    **{ord(dash): "-" for dash in "\u2010\u2011\u2012\u2013\u2014\u2212"},
    ord("×"): "*",
    ord("÷"): "/",
    ord("≤"): "<=",
    ord("≥"): ">=",
}


def from_foundry(text: str) -> Expression:
    """A formula of Foundry (§2.3). Raises NotNotation.

    Not in the standard: pools, functions, `@` values, text terms, limits such as `x2=6` and `r1=1`, the
    counting of `cf`, `sf`, `df`, `ms`, `even` and `odd`. Foundry does modifiers in the order in which they
    are written, so one that is written after another that the standard does later is refused.
    """
    return _Foundry(text).read()


def from_roll20(text: str) -> Expression:
    """What was typed into Roll20 (§5), also with `/roll`, `[[ ]]` and a remark behind it. Raises NotNotation.

    `>` and `<` mean ≥ and ≤ there. The marking of criticals (`cs`, `cf`) and sorting (`s`) change no result
    and are left out. Not in the standard: groups in `{ }`, functions, tables, `@` and `?` values, `m` for
    matches, `%` and `**`, and `f`, which takes failures from the successes.
    """
    shown = _blank(text, _COMMAND.match(text))
    bare = shown.strip()
    if bare.startswith("[[") and bare.endswith("]]"):
        start, end = shown.index("[["), shown.rindex("]]")
        shown = shown[:start] + "  " + shown[start + 2 : end] + "  "
    return _Roll20(shown).read()


def from_beyond20(text: str) -> Expression:
    """A formula of Beyond20 (§4), which is the standard with spaces. Raises NotNotation."""
    return _Standard(text).read()


def from_dddice(equation: str, operator: Mapping[str, object]) -> Expression:
    """A roll of dddice (§3): its `equation`, and what only its `operator` says. Raises NotNotation.

    `{"k": "h1"}` becomes `kh1` when there is one group of dice and nothing is kept in the equation already.
    `*` and `/` must be in the equation; `round` has no form in the standard where something is divided.
    """
    found = _Standard(equation).read()
    said = any(dice.keeps for _, dice in dice_in(found))
    if len(operator) > 8:
        raise NotNotation(0, "more than 8 operators")
    for name, what in operator.items():
        match name:
            case "k" | "d":
                found = found if said else _dddice_keep(found, name, what)
            case "*" | "/":
                if name not in operators_in(found):
                    raise NotNotation(0, "the equation does not show what is multiplied or divided")
            case "round":
                if "/" in operators_in(found):
                    raise NotNotation(0, "rounding has no form in the standard")
            case _:
                raise NotNotation(0, "an operator that is not known")
    return parse(canonical(found))


def best(text: str, translate: Callable[[str], Expression]) -> str:
    """`text` in the standard; where it cannot be, as it is in at most 256 printable characters of ASCII.

    The second may be empty, when nothing in `text` is of ASCII.
    """
    try:
        return canonical(translate(text))
    except NotNotation:
        plain = unicodedata.normalize("NFKD", text[: 2 * LONGEST_NATIVE].translate(_PLAIN))
        seen = "".join(c for c in plain if c.isascii() and (c.isprintable() or c.isspace()))
        return " ".join(seen.split())[:LONGEST].rstrip()


def _blank(text: str, match: re.Match[str] | None) -> str:
    """`text` with spaces instead of what matched at its beginning: positions stay."""
    return text if match is None else " " * match.end() + text[match.end() :]


class _Native(Parser):
    """What Foundry and Roll20 have in common."""

    longest = LONGEST_NATIVE
    picks = _PICKS


class _Foundry(_Native):
    def modifier(self, draft: Draft) -> bool:
        if word := self.taken("even", "odd", "cf", "sf", "df", "ms"):
            self.refuse(f"Foundry's {word} has no form in the standard", self.begun)
        start = self.at
        picked = bool(draft.keeps) or draft.success is not None
        if word := self.taken("rr", "r"):
            late = picked or bool(draft.rerolls) or draft.explosion is not None
            condition = self._target(Condition("=", lowest(draft.sides)))
            draft.rerolls.append(Reroll(condition, word == "r"))
        elif word := self.taken("xo", "x"):
            late = picked
            self.once(draft.explosion, "an explosion")
            draft.explosion = Explosion("!o" if word == "xo" else "!", self._target(draft.top))
        elif self.clamp(draft) or self.keep(draft):
            late = draft.success is not None
        elif self.taken("cs"):
            late = False
            self.once(draft.success, "a count of successes")
            draft.success = self._target(draft.top)
        else:
            return False
        if late:
            self.refuse("modifiers in this order have no form in the standard", start)
        return True

    def _target(self, implied: Condition) -> Condition:
        found = self.condition(implied)
        if self.comparison():
            self.refuse("a limit to explosions or rerolls has no form in the standard", self.begun)
        return found


class _Roll20(_Native):
    comparisons: ClassVar[Mapping[str, Comparison]] = {
        ">=": ">=",
        "<=": "<=",
        "≥": ">=",
        "≤": "<=",
        ">": ">=",
        "<": "<=",
        "=": "=",
    }
    tight = True  # a remark may follow: 1d20 dagger

    def modifier(self, draft: Draft) -> bool:
        if self.taken("cs", "cf"):
            self.condition()
            return True
        if word := self.taken("ro", "r"):
            bottom = Condition("=", lowest(draft.sides))
            draft.rerolls.append(Reroll(self.condition(bottom), word == "ro"))
            return True
        if word := self.taken("f", "m"):
            self.refuse(f"Roll20's {word} has no form in the standard", self.begun)
        if self.taken("sa", "sd", "s"):
            return True
        return self.explosion(draft) or self.keep(draft) or self.count(draft)

    def finish(self) -> None:
        after_space = self.at > 0 and self.text[self.at - 1].isspace()
        if not (after_space and (self.ahead().isalpha() or self.ahead() in ("\\", "#"))):
            super().finish()


class _Standard(Parser):
    """Beyond20 and dddice write the standard, only with more spaces."""

    longest = LONGEST_NATIVE


def _dddice_keep(found: Expression, name: str, what: object) -> Expression:
    """`found` with what its operator keeps or drops. Raises NotNotation."""
    match = _DDDICE_PICK.fullmatch(what) if isinstance(what, str) else None
    if match is None or len(list(dice_in(found))) != 1 or any(operators_in(found)):
        raise NotNotation(0, "it is not clear which dice are kept")
    keep = Keep(_PICKS[name + match[1]], int(match[2] or 1))
    return Expression(tuple(_with_keep(term, keep) for term in found.terms))


def _with_keep(term: Term, keep: Keep) -> Term:
    if not isinstance(term.of, Dice):
        return term
    return Term(term.sign, replace(term.of, keeps=(*term.of.keeps, keep)))
