"""Which passwords are taken, and that our own list stays small."""

from __future__ import annotations

import pytest

from server.web.common_passwords import COMMON
from server.web.password_policy import LONGEST, SHORTEST, complaint, normal


def test_the_list_is_small_and_our_own() -> None:
    assert 100 < len(COMMON) <= 200
    assert all(word == word.casefold() for word in COMMON)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "Zw7#kd9!",
        "ünïcödé sätze",
        "x7" * 2 + "kq" * 62,
        "密码很长的一句话",
        "🐉🐲🦎🐍🐢🦖🦕🐊",
    ],
)
def test_good_ones(password: str) -> None:
    assert complaint(password, email="ana@example.org", name="Ana") == ""


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("", "at least"),
        ("Zw7#kd9", "at least"),
        ("Zw7#kd9!" * 16 + "x", "at most"),
        ("aaaaaaaaaa", "different"),
        ("abababababab", "different"),
        ("password", "Everybody"),
        ("PASSWORD123", "Everybody"),
        ("  Passw0rd!! ", "Everybody"),
        ("p@$$w0rd2026", "Everybody"),
        ("12345678", "Everybody"),
        ("987654321", "Everybody"),
        ("qwertyuiop", "Everybody"),
        ("poiuytrewq", "Everybody"),
        ("abcdefghij", "Everybody"),
        ("Starwars77", "Everybody"),
        ("mossy_tavern_1", "Leave"),
        ("i am mossytavern", "Leave"),
        ("the EXAMPLE one", "Leave"),
        ("Tavernkeeper9", "Leave"),
    ],
)
def test_bad_ones(password: str, word: str) -> None:
    found = complaint(password, email="mossytavern@example.org", name="Mossy Tavern")
    assert word in found, found


def test_limits_are_counted_in_characters() -> None:
    assert complaint("ü1b2c3d4") == ""
    assert len("ü1b2c3d4") == SHORTEST
    long = "".join(chr(0x4E00 + n) for n in range(LONGEST))
    assert complaint(long) == ""
    assert complaint(long + "x") != ""


def test_the_same_password_of_another_keyboard() -> None:
    assert normal("cafe\u0301 ﬁne") == normal("caf\u00e9 fine")


def test_short_names_are_no_reason() -> None:
    assert complaint("banana split 4 me", email="ana@ab.de", name="Ana") == ""
