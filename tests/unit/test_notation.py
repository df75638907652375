"""The notation of dice: platforms/vtt.md §9.2 in tables, what is refused and where, and its bounds."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import FrameType
from typing import TypeVar

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from server.rules.notation import DEEPEST, LONGEST, NotNotation, canonical, parse
from server.rules.notation_tree import (
    Condition,
    Dice,
    Explosion,
    Expression,
    Faces,
    Factor,
    Keep,
    Number,
    Operator,
    Product,
    Reroll,
    Sign,
    Term,
    dice_in,
)

T = TypeVar("T")


# --- every notation there is, made without the parser ---


class Maker:
    """Makes notations of chosen numbers: the same of the same, small ones of small ones, and quickly."""

    def __init__(self, chosen: Iterable[int]) -> None:
        self._chosen = iter(chosen)

    def below(self, limit: int) -> int:
        """0…`limit` − 1; 0 when nothing more is chosen."""
        return next(self._chosen, 0) % limit

    def one_of(self, *options: T) -> T:
        return options[self.below(len(options))]

    def condition(self) -> Condition:
        return Condition(self.one_of("=", "<", "<=", ">", ">="), self.below(28) - 2)

    def dice(self) -> Dice:
        """Dice with any modifiers, most often with few."""
        sides: Faces = self.one_of(6, "F", 1, 2, 4, 10, 20, 100, 10_000, 1 + self.below(10_000))
        highest = Condition("=", 1 if sides == "F" else sides)
        made = Dice(self.below(13), sides, label=self.one_of("", "", "", "fire", "Cold iron", "é ×2 (crit)"))
        for kind in [self.below(10) for _ in range(self.below(5))]:
            match kind:
                case 0 | 1:
                    reroll = Reroll(self.condition(), self.one_of(True, False))
                    made = replace(made, rerolls=(*made.rerolls, reroll))
                case 2 | 3:
                    condition = self.one_of(highest, self.condition())
                    made = replace(made, explosion=Explosion(self.one_of("!", "!!", "!p", "!o"), condition))
                case 4:
                    made = replace(made, least=self.below(20))
                case 5:
                    made = replace(made, most=self.below(20))
                case 6 | 7:
                    keep = Keep(self.one_of("kh", "kl", "dh", "dl"), self.below(13))
                    made = replace(made, keeps=(*made.keeps, keep))
                case 8:
                    made = replace(made, success=self.condition())
                case _:
                    made = replace(made, failure=self.condition())
        return made

    def atom(self) -> Dice | Number:
        if self.below(3) < 2:
            return self.dice()
        return Number(self.one_of(self.below(30), self.below(10**9)), self.one_of("", "", "", "magic"))

    def factor(self, deep: int, behind_slash: bool = False) -> Factor:
        """A factor as a product may have it at this place."""
        if not deep or not self.below(3):
            return self.atom()
        if behind_slash and self.below(2):
            return self.product(deep - 1)
        return self.sum(deep - 1, least=2)

    def product(self, deep: int) -> Product:
        rest: list[tuple[Operator, Factor]] = []
        first = self.factor(deep)
        for _ in range(1 + self.below(3)):
            operator: Operator = self.one_of("*", "/")
            rest.append((operator, self.factor(deep, operator == "/")))
        return Product(first, tuple(rest))

    def sum(self, deep: int, least: int = 1) -> Expression:
        terms = []
        for _ in range(least + self.below(4)):
            sign: Sign = self.one_of(1, -1)
            terms.append(Term(sign, self.product(deep) if deep and self.below(2) else self.atom()))
        return Expression(tuple(terms))


def expressions(deep: int = 2) -> st.SearchStrategy[Expression]:
    """Whatever fits into 256 characters; without products when `deep` is 0."""
    chosen = st.lists(st.integers(0, 2**20), max_size=120)
    made = chosen.map(lambda numbers: Maker(numbers).sum(deep))
    return made.filter(lambda expression: len(canonical(expression)) <= LONGEST)


def tried(read: Callable[[str], Expression], text: str) -> Expression | NotNotation:
    """What `text` says, or why it says nothing."""
    try:
        return read(text)
    except NotNotation as refusal:
        return refusal


# --- tables ---

EXAMPLES = {
    # §9.2, each element
    "4d6": "4d6",
    "d%": "1d100",
    "3d%": "3d100",
    "4dF": "4dF",
    "2d20kh1": "2d20kh1",
    "4d6dl1": "4d6dl1",
    "2d6ro<3": "2d6ro<3",
    "2d6r=2": "2d6r2",
    "2d6r1": "2d6r1",
    "3d6!": "3d6!",
    "3d6!!": "3d6!!",
    "3d6!p": "3d6!p",
    "3d6!o": "3d6!o",
    "3d6!>4": "3d6!>4",
    "3d6!!>=5": "3d6!!>=5",
    "6d10>=8": "6d10>=8",
    "6d10>=8f=1": "6d10>=8f=1",
    "1d20min10": "1d20min10",
    "1d20max15": "1d20max15",
    "2*(1d6+3)": "2*(1d6+3)",
    "1d8[fire]": "1d8[fire]",
    # §9.4, the samples
    "2d20kh1+7": "2d20kh1+7",
    "3d6ro1!": "3d6ro1!",
    "1d8+1d8+4": "1d8+1d8+4",
    "4d10>=8": "4d10>=8",
    "4dF+2": "4dF+2",
    "1d20": "1d20",
    # lenient
    "d20": "1d20",
    "D20": "1d20",
    "2D20KH": "2d20kh1",
    "2d20kl": "2d20kl1",
    "4d6dh dl": "4d6dh1dl1",
    " 2d20 kh 1\t+ 7 ": "2d20kh1+7",
    "2\u00a0d\u00a020": "2d20",
    "1d20 − 2": "1d20-2",
    "1d20–2": "1d20-2",
    "２ｄ６＋３": "2d6+3",
    "2×1d6÷3": "2*1d6/3",
    "6d10≥8": "6d10>=8",
    "6d10≤3": "6d10<=3",
    "4df": "4dF",
    "4dff=-1": "4dFf=-1",
    "007": "7",
    "0d6": "0d6",
    "1d6f1": "1d6f=1",
    "1d6=6": "1d6=6",
    "4dF>=-0": "4dF>=0",
    # the order of modifiers
    "4d6kh3ro1": "4d6ro1kh3",
    "6d10f=1>=8": "6d10>=8f=1",
    "6d10>=8!": "6d10!10>=8",
    "6d10!10>=8": "6d10!10>=8",
    "6d10!>=8": "6d10!>=8",
    "6d10!>=8>=8": "6d10!>=8>=8",
    "3d6!6": "3d6!",
    "3d6!=6kh1": "3d6!kh1",
    "4dF!1": "4dF!",
    "4dF!=-1": "4dF!=-1",
    "2d6r1r3": "2d6r1r3",
    "4d6max5min2": "4d6min2max5",
    # sums and products
    "-1d6": "-1d6",
    "+1d6": "1d6",
    "1d20+-1": "1d20-1",
    "1d20- -1": "1d20+1",
    "1d20---1": "1d20-1",
    "((1d6))": "1d6",
    "1d6+(2+3)": "1d6+2+3",
    "10-(1d6-2)": "10-1d6+2",
    "-(1d6+2)": "-1d6-2",
    "-(2*1d6)": "-2*1d6",
    "2*-1d6": "-2*1d6",
    "-2*-(1d6)": "2*1d6",
    "2*-(1d6+1)": "-2*(1d6+1)",
    "-(1d6+1)*2": "-(1d6+1)*2",
    "(-1d6-1)*2": "(-1d6-1)*2",
    "2*(3*1d6)": "2*3*1d6",
    "(2*3)*1d6": "2*3*1d6",
    "2*(1d6/3)": "2*1d6/3",
    "12/(2*1d6)": "12/(2*1d6)",
    "12/(2)/(1d6)": "12/2/1d6",
    "1-2*3+4": "1-2*3+4",
    # labels
    "1d8 [ fire ] + 4[magic]": "1d8[fire]+4[magic]",
    "1d8[]": "1d8",
    "1d8[Cold   iron]": "1d8[Cold iron]",
    "1d8[\u202efire\u0007]": "1d8[fire]",
    "1d8[" + "a" * 40 + "]": "1d8[" + "a" * 32 + "]",
    "1d8[" + "a" * 31 + " bc]": "1d8[" + "a" * 31 + "]",
    "1d8［fire］": "1d8[fire]",
    "(2d6+3)[cold]": "2d6[cold]+3[cold]",
    "(2d6[fire]+3)[cold]": "2d6[fire]+3[cold]",
    "(2*(1d6+1))[cold]": "2[cold]*(1d6[cold]+1[cold])",
}


@pytest.mark.parametrize(("text", "written"), EXAMPLES.items())
def test_what_is_written_is_read_and_written_out(text: str, written: str) -> None:
    assert canonical(parse(text)) == written
    assert parse(written) == parse(text)


def test_an_expression_says_what_there_is() -> None:
    assert parse("6d10ro<3!p>9min2kh4>=8f=1[wild]-2") == Expression(
        (
            Term(
                1,
                Dice(
                    6,
                    10,
                    (Reroll(Condition("<", 3), once=True),),
                    Explosion("!p", Condition(">", 9)),
                    least=2,
                    keeps=(Keep("kh", 4),),
                    success=Condition(">=", 8),
                    failure=Condition("=", 1),
                    label="wild",
                ),
            ),
            Term(-1, Number(2)),
        )
    )
    assert parse("2*(1d6+3)/4") == Expression(
        (
            Term(
                1,
                Product(
                    Number(2),
                    (("*", Expression((Term(1, Dice(1, 6)), Term(1, Number(3))))), ("/", Number(4))),
                ),
            ),
        )
    )


def test_dice_come_in_the_order_and_with_the_sign_in_which_they_are_written() -> None:
    found = dice_in(parse("1d4-2*(1d6-1d8)-1d10"))
    assert [(sign, one.sides) for sign, one in found] == [(1, 4), (-1, 6), (1, 8), (-1, 10)]


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "dice such as 2d6"),
        ("   ", 3, "dice such as 2d6"),
        ("4d", 2, "the number of sides"),
        ("4d6+", 4, "dice such as 2d6"),
        ("4x6", 1, "'x' has no meaning"),
        ("2d6 3", 4, "'3' has no meaning"),
        ("1 2d6", 2, "'2' has no meaning"),
        ("2(1d6)", 1, "'(' has no meaning"),
        ("(2)d6", 3, "'d' has no meaning"),
        ("1d6)", 3, "')' has no meaning"),
        ("1d6.5", 3, "'.' has no meaning"),
        ("2d6k1", 3, "'k' has no meaning"),
        ("2d6d1", 3, "'d' has no meaning"),
        ("2d6x", 3, "'x' has no meaning"),
        ("{1d6,1d8}kh1", 0, "dice such as 2d6"),
        ("floor(1d6)", 0, "dice such as 2d6"),
        ("@str", 0, "dice such as 2d6"),
        ("1d6**2", 4, "dice such as 2d6"),
        ("1d6//2", 4, "dice such as 2d6"),
        ("2d6ro", 5, "a number such as 1 or <3"),
        ("2d6r-1", 4, "a number such as 1 or <3"),
        ("2d6f", 4, "a number such as 1 or <3"),
        ("2d6>", 4, "a whole number must follow >"),
        ("2d6>=-", 6, "a whole number must follow -"),
        ("2d6min", 6, "a whole number must follow min"),
        ("3d6!!!", 5, "an explosion already"),
        ("3d6min1min2", 7, "a min already"),
        ("3d6max1max2", 7, "a max already"),
        ("3d6>4<2", 5, "a count of successes already"),
        ("3d6f1f2", 5, "a mark for failures already"),
        ("((1d6)", 0, "this parenthesis is not closed"),
        ("1d6[fire", 3, "this label is not closed"),
        ("[[1d6]]", 0, "dice such as 2d6"),
        ("1d6[a[b]", 4, "a label in a label"),
        ("1d6[a][b]", 6, "'[' has no meaning"),
        ("1d6\x00", 3, r"'\x00' has no meaning"),
        ("1d٦", 2, "the number of sides"),
        ("1d0", 2, "1 to 10,000 sides"),
        ("1d10001", 2, "1 to 10,000 sides"),
        ("1001d6", 0, "more than 1,000 dice"),
        ("2d6+999d6", 4, "more than 1,000 dice"),
        ("1+1234567890", 2, "more than 9 digits"),
    ],
)
def test_what_is_refused_is_refused_there_and_says_why(text: str, position: int, reason: str) -> None:
    with pytest.raises(NotNotation) as caught:
        parse(text)
    assert reason in caught.value.reason
    assert caught.value.position == position
    assert str(caught.value) == f"{caught.value.reason} (at character {caught.value.position + 1})"


@pytest.mark.parametrize(
    ("most", "more", "reason"),
    [
        ("1000d10000", "1001d1", "1,000 dice"),
        ("500d6+500d6", "500d6+501d6", "1,000 dice"),
        ("999999999", "1000000000", "9 digits"),
        ("+".join(["1d6"] * 64), "+".join(["d6"] * 65), "64 kinds of dice"),
        ("+".join(["1"] * 32), "+".join(["1"] * 33), "32 numbers"),
        ("(" * DEEPEST + "1" + ")" * DEEPEST, "(" * 17 + "1" + ")" * 17, "16 parentheses"),
        ("+".join(["(1)"] * 32), "+".join(["(1)"] * 33), "32 numbers"),
        ("1" + " " * 255, "1" + " " * 256, "longer than 256"),
        ("d6kh+" * 36 + "1", "d6kh+" * 37 + "1", "written out in full it is longer than 256"),
    ],
)
def test_bounds_hold_to_the_last_one(most: str, more: str, reason: str) -> None:
    parse(most)
    with pytest.raises(NotNotation, match=reason):
        parse(more)


# --- for whatever is written ---


@settings(max_examples=400)
@given(expressions())
def test_every_expression_comes_back_from_how_it_is_written(expression: Expression) -> None:
    found = tried(parse, canonical(expression))
    assume(not (isinstance(found, NotNotation) and "numbers" in found.reason))
    assert found == expression


@settings(max_examples=200)
@given(expressions(), st.booleans())
def test_case_and_spaces_between_words_say_nothing(expression: Expression, upper: bool) -> None:
    written = re.sub(r"\[[^]]*\]", "", canonical(expression))
    spaced = " ".join(re.findall(r"\d+|kh|kl|dh|dl|ro|min|max|!!|!p|!o|[<>]=|.", written))
    assume(len(spaced) <= LONGEST)
    assert parse(spaced.upper() if upper else spaced) == parse(written)


WORDS = [*"0129d6F%khlrox!pf<>=+-*/()[]{},.@eiv", "20", "min", "max"]


@settings(max_examples=500)
@given(st.lists(st.sampled_from([*WORDS, " ", "−"]), max_size=60).map("".join) | st.text(max_size=300))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    found = tried(parse, text)
    if isinstance(found, NotNotation):
        assert 0 <= found.position <= len(text)
        assert found.reason
        return
    written = canonical(found)
    assert len(written) <= LONGEST
    assert canonical(parse(written)) == written
    assert " " not in re.sub(r"\[[^]]*\]", "", written)


def steps(work: Callable[[], object]) -> int:
    """How many functions are called while it works: a measure that no machine changes."""
    count = 0

    def called(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "(",
            ")",
            "[",
            "]",
            "-",
            "+",
            "*",
            "!",
            " ",
            "1",
            "d",
            "d6",
            "1d6+",
            "1+",
            "d6kh+",
            "d6[a]+",
            "1d6!",
        ),
        *(
            "1d6[",
            "[[",
            "((1)",
            "(1)*",
            "-(",
            "(-",
            "1/(",
            "r1",
            "1d6r1",
            "f<",
            "><",
            "1d6>",
            "kh",
            "min",
            "1 ",
        ),
        *("1d6" + "kh1", "1d6" + "r1", "1d6" + "!", "dF", "\u2212", "\u202e", "(1d6)[a]", "2*(1+"),
    ],
)
@pytest.mark.parametrize("start", ["", "1d6", "(", "1d6["])
def test_the_work_grows_no_faster_than_the_text(start: str, unit: str) -> None:
    def of(length: int) -> int:
        text = (start + unit * length)[:length]
        return steps(lambda: tried(parse, text))

    short, long = of(LONGEST // 2), of(LONGEST)
    assert long <= 2.2 * short + 200
    assert long <= 150 * LONGEST
