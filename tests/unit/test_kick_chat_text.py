"""What we say in Kick's chat is short, one line, and never an order (T37)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.kick.chat_text import LONGEST, sayable


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
