"""What we say in a chat is short, one line, and never an order (T37)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.chat_text import LONGEST, sayable, unlike


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The heist succeeded! +300 each", "The heist succeeded! +300 each"),
        ("/ban ana", "› /ban ana"),
        (" .timeout ana", "› .timeout ana"),
        ("\u200b/ban ana", "› /ban ana"),
        ("\u202e/ban", "› /ban"),
        ("\n/ban", "› /ban"),
        ("\u200d \u200d/ban", "› /ban"),
        ("a\r\nb\tc", "a b c"),
        ("", ""),
        (" \u200b\x00 ", ""),
        ("x" * 500, "x" * 500),
        ("x" * 501, "x" * 499 + "…"),
        ("/" + "x" * 500, "› /" + "x" * 496 + "…"),
    ],
)
def test_lines(text: str, said: str) -> None:
    assert sayable(text) == said


@given(st.text(st.characters() | st.sampled_from("/.\u200b\u202e \n\u200d"), max_size=700))
def test_no_line_is_an_order(text: str) -> None:
    said = sayable(text)
    assert len(said) <= LONGEST
    assert said.isprintable() or all(c.isprintable() or c in "\u00a0\u200d" for c in said)
    visible = said.lstrip("\u200d ")
    assert not said.startswith(("/", "."))
    assert not visible.startswith(("/", "."))
    said.encode("utf-8")


@given(st.text(max_size=600), st.integers(0, 25))
def test_a_repeated_line_differs_from_those_before_it(text: str, times: int) -> None:
    said: list[str] = []
    for _ in range(times):
        line = unlike(sayable(text) or "x", said)
        assert line not in said
        assert len(line) <= LONGEST
        assert sayable(line) == line, "it is still one that may be said"
        said.append(line)


def test_what_was_not_said_stays_as_it_is() -> None:
    assert unlike("Hello", ["Goodbye"]) == "Hello"
    assert unlike("Hello", ["Hello"]) == "Hello ·"
    assert unlike("Hello", ["Hello", "Hello ·"]) == "Hello ··"
    assert unlike("x" * 500, ["x" * 500]) == "x" * 497 + "… ·"
