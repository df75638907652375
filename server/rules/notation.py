"""How dice are written: the standard of platforms/vtt.md §9.2, read and written out.

    sum       = product {("+" | "-") product}
    product   = factor {("*" | "/") factor}
    factor    = {"+" | "-"} (dice | number | "(" sum ")") ["[" label "]"]
    dice      = [number] "d" (number | "F" | "%") {modifier}
    modifier  = ("ro" | "r") condition | ("!!" | "!p" | "!o" | "!") [condition] | ("min" | "max") number
              | ("kh" | "kl" | "dh" | "dl") [number] | comparison ["-"] number | "f" condition
    condition = number | comparison ["-"] number

`<` and `>` are strict. What follows `!` is the explosion's as long as it can be: `6d10!>=8` explodes on 8,
9 and 10, and `6d10>=8!` or `6d10!10>=8` counts them. The order of modifiers has no meaning; what is done
after what is in `notation_dice`.

Reading looks at what is next, decides, and never goes back: its work is linear in the length of the text.
Tabletops with modifiers of their own are read by parsers that derive from `Parser` (`notation_native`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, NoReturn

from server.rules.dice import LARGEST_SIDES, MOST_DICE, MOST_GROUPS, MOST_MODIFIERS
from server.rules.notation_tree import (
    Comparison,
    Condition,
    Dice,
    Explosion,
    Expression,
    Faces,
    Factor,
    Keep,
    Mark,
    Number,
    Operator,
    Pick,
    Product,
    Reroll,
    Sign,
    Term,
    canonical,
    highest,
    labelled,
    times,
)

__all__ = ["LONGEST", "Draft", "NotNotation", "Parser", "canonical", "parse"]

LONGEST: Final = 256  # characters, as they come and written out
DEEPEST: Final = 16  # parentheses in each other
MOST_DIGITS: Final = 9
LONGEST_LABEL: Final = 32

_MARKS: Final[tuple[Mark, ...]] = ("!!", "!p", "!o", "!")
_DIGITS: Final = frozenset("0123456789")


class NotNotation(ValueError):
    """A text is not in the notation."""

    def __init__(self, position: int, reason: str) -> None:
        """`position` counts from 0 in the text as it was given; `reason` is for a game master."""
        super().__init__(position, reason)
        self.position = position
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.reason} (at character {self.position + 1})"


def parse(text: str) -> Expression:
    """What `text` says. Lenient about case, spaces, signs of other alphabets and a 1 that is left out.

    Raises NotNotation, also for more than 256 characters, 1,000 dice, 64 groups of dice, 32 numbers, 10,000
    sides, 9 digits and 16 parentheses in each other.
    """
    return Parser(text).read()


def _plain_letters() -> Mapping[int, str]:
    """One character for one: positions in what is read are positions in what was given."""
    full_width = {0xFF01 + i: chr(0x21 + i).lower() for i in range(0x5E)}
    capitals = {ord("A") + i: chr(ord("a") + i) for i in range(26)}
    minuses = {ord(c): "-" for c in "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63"}
    return {**full_width, **capitals, **minuses, ord("×"): "*", ord("÷"): "/"}


_PLAIN: Final = _plain_letters()


@dataclass(slots=True)
class Draft:
    """Dice whose modifiers are being read."""

    count: int
    sides: Faces
    rerolls: list[Reroll] = field(default_factory=list)
    explosion: Explosion | None = None
    least: int | None = None
    most: int | None = None
    keeps: list[Keep] = field(default_factory=list)
    success: Condition | None = None
    failure: Condition | None = None

    @property
    def top(self) -> Condition:
        """What explodes, or succeeds, when nothing else is said."""
        return Condition("=", highest(self.sides))

    def done(self) -> Dice:
        return Dice(
            self.count,
            self.sides,
            tuple(self.rerolls),
            self.explosion,
            self.least,
            self.most,
            tuple(self.keeps),
            self.success,
            self.failure,
        )


class Parser:
    """Reads the standard. Tabletops override what is theirs."""

    longest: ClassVar[int] = LONGEST
    comparisons: ClassVar[Mapping[str, Comparison]] = {
        ">=": ">=",
        "<=": "<=",
        "≥": ">=",
        "≤": "<=",
        ">": ">",
        "<": "<",
        "=": "=",
    }
    picks: ClassVar[Mapping[str, Pick]] = {"kh": "kh", "kl": "kl", "dh": "dh", "dl": "dl"}
    #: Whether what stands apart belongs to dice no more.
    tight: ClassVar[bool] = False

    def __init__(self, text: str) -> None:
        """Raises NotNotation when `text` is too long."""
        if len(text) > self.longest:
            raise NotNotation(self.longest, f"it is longer than {self.longest} characters")
        self.text = text
        self.at = 0
        self.begun = 0  # where the last word that was taken begins
        self._plain = text.translate(_PLAIN)
        self._depth = self._dice = self._groups = self._numbers = 0

    def read(self) -> Expression:
        """The whole text. Raises NotNotation."""
        found = self._sum()
        self.finish()
        if len(canonical(found)) > LONGEST:
            raise NotNotation(len(self.text), f"written out in full it is longer than {LONGEST} characters")
        return found

    def finish(self) -> None:
        """See that nothing is left. Raises NotNotation."""
        if self.ahead():
            self.refuse(f"{self.text[self.at]!r} has no meaning here")

    def modifier(self, draft: Draft) -> bool:
        """Read one modifier of dice into `draft`; False when there is none. Raises NotNotation."""
        if word := self.taken("ro", "r"):
            draft.rerolls.append(Reroll(self.condition(), word == "ro"))
            return True
        return self.explosion(draft) or self.clamp(draft) or self.keep(draft) or self.count(draft)

    def explosion(self, draft: Draft) -> bool:
        """Read `!` and its kin. Raises NotNotation."""
        for mark in _MARKS:
            if self.taken(mark):
                self.once(draft.explosion, "an explosion")
                draft.explosion = Explosion(mark, self.condition(draft.top))
                return True
        return False

    def clamp(self, draft: Draft) -> bool:
        """Read `min` or `max`. Raises NotNotation."""
        if self.taken("min"):
            self.once(draft.least, "a min")
            draft.least = self.number("min")
        elif self.taken("max"):
            self.once(draft.most, "a max")
            draft.most = self.number("max")
        else:
            return False
        return True

    def keep(self, draft: Draft) -> bool:
        """Read which dice are kept or dropped. Raises NotNotation."""
        word = self.taken(*self.picks)
        if not word:
            return False
        number = self.digits()
        draft.keeps.append(Keep(self.picks[word], 1 if number is None else number))
        return True

    def count(self, draft: Draft) -> bool:
        """Read what is a success or a failure. Raises NotNotation."""
        if self.taken("f"):
            self.once(draft.failure, "a mark for failures")
            draft.failure = self.condition()
            return True
        if comparison := self.comparison():
            self.once(draft.success, "a count of successes")
            draft.success = Condition(comparison, self.signed(comparison))
            return True
        return False

    def once(self, there: object, what: str) -> None:
        """Refuse a second modifier of a kind. Raises NotNotation."""
        if there is not None:
            self.refuse(f"there is {what} already", self.begun)

    def condition(self, implied: Condition | None = None) -> Condition:
        """A number, or a comparison with one; `implied` when there is neither. Raises NotNotation."""
        if comparison := self.comparison():
            return Condition(comparison, self.signed(comparison))
        number = self.digits()
        if number is not None:
            return Condition("=", number)
        if implied is None:
            self.refuse("a number such as 1 or <3 must follow")
        return implied

    def comparison(self) -> Comparison | None:
        """The sign of a comparison that is next."""
        word = self.taken(*self.comparisons)
        return self.comparisons[word] if word else None

    def signed(self, after: str) -> int:
        """A number that may be negative. Raises NotNotation."""
        return -self.number("-") if self.taken("-") else self.number(after)

    def number(self, after: str) -> int:
        """A number that must be there. Raises NotNotation."""
        number = self.digits()
        if number is None:
            self.refuse(f"a whole number must follow {after}")
        return number

    def digits(self) -> int | None:
        """The whole number that is next. Raises NotNotation when it is too long."""
        if self.apart:
            return None
        self.ahead()
        start = self.at
        while self.at < len(self._plain) and self._plain[self.at] in _DIGITS:
            self.at += 1
        if self.at - start > MOST_DIGITS:
            self.refuse(f"a number has more than {MOST_DIGITS} digits", start)
        return int(self._plain[start : self.at]) if self.at > start else None

    def taken(self, *words: str) -> str:
        """The first of `words` that is next, which is then behind us; "" when none is."""
        self.ahead()
        for word in words:
            if self._plain.startswith(word, self.at):
                self.begun = self.at
                self.at += len(word)
                return word
        return ""

    def ahead(self) -> str:
        """The next character but spaces; "" at the end."""
        while self.at < len(self._plain) and self._plain[self.at].isspace():
            self.at += 1
        return self._plain[self.at : self.at + 1]

    @property
    def apart(self) -> bool:
        """Whether a space ends the dice here."""
        return self.tight and self._plain[self.at : self.at + 1].isspace()

    def refuse(self, reason: str, position: int | None = None) -> NoReturn:
        """Raises NotNotation, where we are or at `position`."""
        raise NotNotation(self.at if position is None else position, reason)

    def _sum(self) -> Expression:
        terms = self._product(1)
        while word := self.taken("+", "-"):
            terms += self._product(1 if word == "+" else -1)
        return Expression(tuple(terms))

    def _product(self, sign: Sign) -> list[Term]:
        own, found = self._factor()
        sign = times(sign, own)
        operator = self._operator()
        if operator is None:
            return [Term(times(sign, term.sign), term.of) for term in found]
        sign, first = _alone(sign, found)
        rest: list[tuple[Operator, Factor]] = []
        if isinstance(first, Product):
            rest += first.rest
            first = first.first
        while operator is not None:
            own, found = self._factor()
            sign, factor = _alone(times(sign, own), found)
            if operator == "*" and isinstance(factor, Product):
                rest += [("*", factor.first), *factor.rest]
            else:
                rest.append((operator, factor))
            operator = self._operator()
        return [Term(sign, Product(first, tuple(rest)))]

    def _operator(self) -> Operator | None:
        if self.taken("*"):
            return "*"
        return "/" if self.taken("/") else None

    def _factor(self) -> tuple[Sign, tuple[Term, ...]]:
        """The sign in front of a factor, and its terms: one, but for a sum in parentheses."""
        sign: Sign = 1
        while word := self.taken("+", "-"):
            sign = times(sign, 1 if word == "+" else -1)
        found = self._parentheses() if self.taken("(") else (Term(1, self._atom()),)
        label = self._read_label() if self.taken("[") else ""
        if label:
            found = tuple(Term(term.sign, labelled(term.of, label)) for term in found)
        return sign, found

    def _parentheses(self) -> tuple[Term, ...]:
        opened = self.begun
        self._depth += 1
        if self._depth > DEEPEST:
            self.refuse(f"more than {DEEPEST} parentheses in each other", opened)
        found = self._sum()
        self._depth -= 1
        if not self.taken(")"):
            self.refuse("this parenthesis is not closed", opened)
        return found.terms

    def _read_label(self) -> str:
        start = self.at
        end = self._plain.find("]", start)
        if end < 0:
            self.refuse("this label is not closed", start - 1)
        if "[" in self._plain[start:end]:
            self.refuse("a label in a label", start)
        self.at = end + 1
        return _clean_label(self.text[start:end])

    def _atom(self) -> Dice | Number:
        self.ahead()
        start = self.at
        number = self.digits()
        if not (number is not None and self.apart) and self.taken("d"):
            return self._dice_of(1 if number is None else number, start)
        if number is None:
            self.refuse("dice such as 2d6, or a number, must stand here", start)
        self._numbers += 1
        if self._numbers > MOST_MODIFIERS:
            self.refuse(f"more than {MOST_MODIFIERS} numbers", start)
        return Number(number)

    def _dice_of(self, count: int, start: int) -> Dice:
        self._groups += 1
        if self._groups > MOST_GROUPS:
            self.refuse(f"more than {MOST_GROUPS} kinds of dice", start)
        self._dice += count
        if self._dice > MOST_DICE:
            self.refuse(f"more than {MOST_DICE:,} dice", start)
        draft = Draft(count, self._sides())
        while not self.apart and self.modifier(draft):
            pass
        return draft.done()

    def _sides(self) -> Faces:
        if self.taken("%"):
            return 100
        if self.taken("f"):
            return "F"
        self.ahead()
        start = self.at
        sides = self.digits()
        if sides is None:
            self.refuse("after the d the number of sides must follow, or F or %")
        if not 1 <= sides <= LARGEST_SIDES:
            self.refuse(f"dice have 1 to {LARGEST_SIDES:,} sides", start)
        return sides


def _alone(sign: Sign, terms: tuple[Term, ...]) -> tuple[Sign, Factor]:
    """Terms as one factor, and the sign of its product: of a single term the sign goes to the product."""
    if len(terms) == 1:
        return times(sign, terms[0].sign), terms[0].of
    return sign, Expression(terms)


def _clean_label(text: str) -> str:
    """A label in one line, without control and bidi characters, cut."""
    seen = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(seen).split())[:LONGEST_LABEL].rstrip()
