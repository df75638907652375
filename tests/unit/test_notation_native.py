"""What tabletops write, in the standard: platforms/vtt.md §2.3, §3, §4, §5 and §9.2."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.rules.notation import LONGEST, NotNotation, canonical, parse
from server.rules.notation_native import (
    LONGEST_NATIVE,
    best,
    from_beyond20,
    from_dddice,
    from_foundry,
    from_roll20,
)
from server.rules.notation_tree import (
    Comparison,
    Condition,
    Dice,
    Explosion,
    Expression,
    Keep,
    Number,
    Reroll,
    Term,
)
from tests.unit.test_notation import WORDS, expressions, tried

Translate = Callable[[str], Expression]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # §2.3 and §9.2
        ("2d20kh + 7", "2d20kh1+7"),
        ("1d20 + 7", "1d20+7"),
        ("3d6r1x", "3d6ro1!"),
        ("3d6x", "3d6!"),
        ("3d6xo", "3d6!o"),
        ("3d6xo>4", "3d6!o>4"),
        ("3d6r1", "3d6ro1"),
        ("3d6rr1", "3d6r1"),
        ("4d10cs>=8", "4d10>=8"),
        # what is left out is the lowest face or the highest
        ("3d6r", "3d6ro1"),
        ("3d6rr", "3d6r1"),
        ("4dFr", "4dFro=-1"),
        ("6d6cs", "6d6=6"),
        ("20d20k", "20d20kh1"),
        ("20d20k10", "20d20kh10"),
        ("20d20kl10", "20d20kl10"),
        ("20d20d", "20d20dl1"),
        ("20d20d2", "20d20dl2"),
        ("20d20dh10", "20d20dh10"),
        ("4d6dl", "4d6dl1"),
        # conditions are strict
        ("2d6r<3", "2d6ro<3"),
        ("2d6r<=2", "2d6ro<=2"),
        ("6d10cs>8", "6d10>8"),
        ("6d10cs8", "6d10=8"),
        ("6d10x>=9", "6d10!>=9"),
        ("6d10x10cs>=8", "6d10!10>=8"),
        ("6d10xcs>=8", "6d10!10>=8"),
        ("1d20min10", "1d20min10"),
        ("8d6max4", "8d6max4"),
        ("4d6min2kh3", "4d6min2kh3"),
        ("4d6kh3min2", "4d6min2kh3"),
        ("4dF + 2", "4dF+2"),
        ("2d6[fire] + 1d4[cold] + 3", "2d6[fire]+1d4[cold]+3"),
        ("(2d6 + 3)[fire]", "2d6[fire]+3[fire]"),
        ("2 * (1d6 + 3)", "2*(1d6+3)"),
        ("1d20 + -1", "1d20-1"),
        ("(1d8 + 4) * 2", "(1d8+4)*2"),
        ("d20", "1d20"),
        ("2D20KH", "2d20kh1"),
        ("1d20" + " " * 300 + "+ 5", "1d20+5"),
    ],
)
def test_foundry(text: str, written: str) -> None:
    assert canonical(from_foundry(text)) == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("5d6x2=6", "a limit"),
        ("20d20r1=1", "a limit"),
        ("6d6cf", "Foundry's cf"),
        ("6d6cs>3df", "Foundry's df"),
        ("6d6sf<3", "Foundry's sf"),
        ("6d6ms>12", "Foundry's ms"),
        ("6d6even", "Foundry's even"),
        ("6d6odd", "Foundry's odd"),
        ("3d6xr1", "this order"),
        ("3d6kh1r1", "this order"),
        ("3d6kh1x", "this order"),
        ("3d6r1r2", "this order"),
        ("3d6cs>4kh1", "this order"),
        ("3d6x5x6", "an explosion already"),
        ("{1d20,1d20}kh", "dice such as"),
        ("floor(1d6 / 2)", "dice such as"),
        ("@abilities.str.mod + 1d20", "dice such as"),
        ("1d20 + @prof", "dice such as"),
        ("2d6 fire", "no meaning"),
        ("6d10>=8", "no meaning"),
        ("3d6!", "no meaning"),
        ("1dc", "number of sides"),
        ("1d6 % 2", "no meaning"),
        ("0.5 * 1d6", "no meaning"),
    ],
)
def test_foundry_writes_what_the_standard_cannot(text: str, reason: str) -> None:
    with pytest.raises(NotNotation, match=reason):
        from_foundry(text)
    assert best(text, from_foundry) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        # §5 and §9.2
        ("2d20kh1+7 longbow", "2d20kh1+7"),
        ("3d6!", "3d6!"),
        ("3d6!!", "3d6!!"),
        ("3d6!p", "3d6!p"),
        ("2d6r<2", "2d6r<=2"),
        ("2d6ro<2", "2d6ro<=2"),
        ("4d10>8", "4d10>=8"),
        # `>` and `<` are never strict
        ("3d6!>5", "3d6!>=5"),
        ("3d6!5", "3d6!5"),
        ("5d6!!>4", "5d6!!>=4"),
        ("5d6!p<2", "5d6!p<=2"),
        ("4d10<3", "4d10<=3"),
        ("4d10=10", "4d10=10"),
        ("3d6!>5>4", "3d6!>=5>=4"),
        ("2d8r8", "2d8r8"),
        ("2d8r", "2d8r1"),
        ("4d6k3", "4d6kh3"),
        ("4d6k", "4d6kh1"),
        ("4d6d1", "4d6dl1"),
        ("4d6kl2", "4d6kl2"),
        ("4d6dh1", "4d6dh1"),
        # what changes no result
        ("1d20cs>19+5", "1d20+5"),
        ("1d20cs>19cf<2 + 5", "1d20+5"),
        ("8d6sa", "8d6"),
        ("8d6sd", "8d6"),
        ("8d6s", "8d6"),
        # what stands around it
        ("/roll 1d20+5", "1d20+5"),
        ("/r d20", "1d20"),
        ("/GMROLL 1d20", "1d20"),
        ("/gr 1d20", "1d20"),
        ("[[1d20 + 5]]", "1d20+5"),
        ("/r [[ 2d6 ]] ", "2d6"),
        ("1d20 dagger", "1d20"),
        ("1d20+7 dagger", "1d20+7"),
        ("1d20 keep calm", "1d20"),
        ("1d20 + 7 \\ 3 of us", "1d20+7"),
        ("1d20 # to hit", "1d20"),
        ("1d20+7[sneak] bow", "1d20+7[sneak]"),
        ("1d8[fire]+2", "1d8[fire]+2"),
        ("4dF + 2", "4dF+2"),
        ("(1d6+1)*2", "(1d6+1)*2"),
    ],
)
def test_roll20(text: str, written: str) -> None:
    assert canonical(from_roll20(text)) == written


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("3d6>3f1", 5, "Roll20's f"),
        ("8d6m3", 3, "Roll20's m"),
        ("8d6mt3", 3, "Roll20's m"),
        ("{4d6+3d8}k4", 0, "dice such as"),
        ("/roll floor(1d6/2)", 6, "dice such as"),
        ("1d20+@{dex}", 5, "dice such as"),
        ("1d20+?{bonus}", 5, "dice such as"),
        ("1t[loot]", 1, "no meaning"),
        ("1d20%3", 4, "no meaning"),
        ("2**3", 2, "dice such as"),
        ("[[1d6]]+[[1d8]]", 5, "no meaning"),
        ("1d20 5 goblins", 5, "no meaning"),
        ("1d20dagger", 5, "no meaning"),
        ("4d6k 3 dragons", 5, "no meaning"),
        ("/roll", 0, "dice such as"),
    ],
)
def test_roll20_writes_what_the_standard_cannot(text: str, position: int, reason: str) -> None:
    with pytest.raises(NotNotation, match=reason) as caught:
        from_roll20(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1d20 + 7", "1d20+7"),
        ("2d6ro<=2", "2d6ro<=2"),
        ("2d20kh1", "2d20kh1"),
        ("1d20min10", "1d20min10"),
        ("1d8 + 4", "1d8+4"),
        ("1d20ro=1 + 5", "1d20ro1+5"),
        ("1d8", "1d8"),
        ("3d20kh1 + 3", "3d20kh1+3"),
    ],
)
def test_beyond20(text: str, written: str) -> None:
    assert canonical(from_beyond20(text)) == written


@pytest.mark.parametrize(
    ("equation", "operator", "written"),
    [
        ("2d20kh1+7", {"k": "h1"}, "2d20kh1+7"),  # the sample of §3
        ("2d20+7", {"k": "h1"}, "2d20kh1+7"),
        ("2d20 + 7", {"d": "l1"}, "2d20dl1+7"),
        ("4d6", {"d": "h"}, "4d6dh1"),
        ("4d6", {"k": "h3", "d": "l1"}, "4d6kh3dl1"),
        ("7-2d20", {"k": "l1"}, "7-2d20kl1"),
        ("1d20+7", {}, "1d20+7"),
        ("(1d6+1d4)*2", {"*": {"2": [0, 1]}}, "(1d6+1d4)*2"),
        ("1d6/2", {"/": {"2": [0]}}, "1d6/2"),
        ("1d6", {"round": "up"}, "1d6"),
    ],
)
def test_dddice(equation: str, operator: Mapping[str, object], written: str) -> None:
    assert canonical(from_dddice(equation, operator)) == written


@pytest.mark.parametrize(
    ("equation", "operator", "reason"),
    [
        ("2d6+1d8", {"k": "h1"}, "which dice are kept"),
        ("2*2d6", {"k": "h1"}, "which dice are kept"),
        ("7", {"k": "h1"}, "which dice are kept"),
        ("2d6", {"k": "x1"}, "which dice are kept"),
        ("2d6", {"k": "h٣"}, "which dice are kept"),
        ("2d6", {"k": {"h1": [0]}}, "which dice are kept"),
        ("2d6", {"k": None}, "which dice are kept"),
        ("1d6[*]", {"*": {"2": [0]}}, "does not show"),
        ("2*1d6", {"/": {"2": [0]}}, "does not show"),
        ("1d6/2", {"/": {"2": [0]}, "round": "up"}, "rounding"),
        ("1d6", {"^": 2}, "not known"),
        ("1d6", {str(number): 1 for number in range(9)}, "more than 8"),
        ("1d10x+1d10", {}, "no meaning"),
        ("", {}, "dice such as"),
    ],
)
def test_dddice_says_what_the_standard_cannot(
    equation: str, operator: Mapping[str, object], reason: str
) -> None:
    with pytest.raises(NotNotation, match=reason):
        from_dddice(equation, operator)


@pytest.mark.parametrize(
    "translate", [from_foundry, from_roll20, from_beyond20, lambda t: from_dddice(t, {})]
)
def test_at_most_512_characters_are_read(translate: Translate) -> None:
    assert canonical(translate("1d20" + " " * (LONGEST_NATIVE - 4))) == "1d20"
    with pytest.raises(NotNotation, match="longer than 512"):
        translate("1d20" + " " * (LONGEST_NATIVE - 3))
    with pytest.raises(NotNotation, match="written out in full"):
        translate("+".join(["10d10[piercing]"] * 20))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2d20kh + 7", "2d20kh1+7"),
        ("{2d20,1d6}kh", "{2d20,1d6}kh"),
        ("  {1d6}  ×\n2 ", "{1d6} * 2"),
        ("{1d6}≥3 − é", "{1d6}>=3 - e"),
        ("{1d6\x00\u202e}", "{1d6}"),
        ("{1d6}\t龍", "{1d6}"),
        ("龍", ""),
        ("", ""),
        ("{" + "9" * 400, "{" + "9" * 255),
    ],
)
def test_the_best_form_is_the_standard_or_plain(text: str, shown: str) -> None:
    assert best(text, from_foundry) == shown


# --- for whatever is written ---

#: Dice with what both Foundry and Roll20 can say.
both: st.SearchStrategy[Dice] = st.builds(
    Dice,
    st.integers(0, 9),
    st.sampled_from((4, 6, 10, 20)),
    st.lists(
        st.builds(
            Reroll, st.builds(Condition, st.sampled_from(("=", "<=", ">=")), st.integers(1, 9)), st.booleans()
        ),
        max_size=1,
    ).map(tuple),
    st.none()
    | st.builds(
        Explosion,
        st.just("!"),
        st.builds(Condition, st.sampled_from(("=", "<=", ">=")), st.integers(1, 9)),
    ),
    keeps=st.lists(
        st.builds(Keep, st.sampled_from(("kh", "kl", "dh", "dl")), st.integers(0, 9)), max_size=2
    ).map(tuple),
    success=st.none() | st.builds(Condition, st.sampled_from(("=", "<=", ">=")), st.integers(1, 9)),
    label=st.sampled_from(("", "fire")),
)


def native(dice: Dice, marks: Mapping[str, str], comparisons: Mapping[Comparison, str]) -> str:
    """Dice in the words of a tabletop."""

    def said(condition: Condition) -> str:
        return f"{comparisons[condition.comparison]}{condition.number}"

    text = f"{dice.count}d{dice.sides}"
    for reroll in dice.rerolls:
        text += marks["once" if reroll.once else "until"] + said(reroll.condition)
    if dice.explosion:
        text += marks["explode"] + said(dice.explosion.condition)
    text += "".join(f"{keep.which}{keep.number}" for keep in dice.keeps)
    if dice.success:
        text += marks["success"] + said(dice.success)
    return text + (f"[{dice.label}]" if dice.label else "")


FOUNDRY = {"once": "r", "until": "rr", "explode": "x", "success": "cs"}
ROLL20 = {"once": "ro", "until": "r", "explode": "!", "success": ""}


@given(both, st.integers(0, 30))
def test_the_same_dice_are_the_same_from_foundry_and_roll20(dice: Dice, bonus: int) -> None:
    expected = Expression((Term(1, dice), Term(-1, Number(bonus))))
    foundry = native(dice, FOUNDRY, {"=": "=", "<=": "<=", ">=": ">="})
    roll20 = native(dice, ROLL20, {"=": "=", "<=": "<", ">=": ">"})
    assert from_foundry(f"{foundry} - {bonus}") == expected
    assert from_roll20(f"/roll {roll20} - {bonus} with luck") == expected


@given(expressions())
def test_the_standard_is_what_beyond20_and_dddice_write(expression: Expression) -> None:
    written = canonical(expression)
    assert best(written, from_beyond20) == best(written, parse)
    assert best(written, lambda text: from_dddice(text, {})) == best(written, parse)


NATIVE_WORDS = ["cs", "cf", "xo", "rr", "even", "[[", "]]", "/roll ", "\\", "#", "fire", "−", "≥", " ", "龍"]


@settings(max_examples=500)
@given(
    st.lists(st.sampled_from([*WORDS, *NATIVE_WORDS]), max_size=60).map("".join) | st.text(max_size=600),
    st.sampled_from((from_foundry, from_roll20, from_beyond20)),
    st.dictionaries(
        st.sampled_from(("k", "d", "*", "/", "round", "z")),
        st.sampled_from(("h1", "l", "", None, 1, ["h1"], {"2": [0]}, "h999999999")),
    ),
)
def test_any_text_is_translated_or_refused_and_nothing_else(
    text: str, translate: Translate, operator: Mapping[str, object]
) -> None:
    for way in (translate, lambda given: from_dddice(given, operator)):
        shown = best(text, way)
        assert len(shown) <= LONGEST
        found = tried(way, text)
        if isinstance(found, NotNotation):
            assert 0 <= found.position <= len(text)
            assert shown.isascii()
            assert not shown or shown.isprintable()
        else:
            assert parse(shown) == found
