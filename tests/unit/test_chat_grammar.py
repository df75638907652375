"""Which lines of chat are votes: contract §5, in a table and against a plain model."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.rules.chat import LONGEST_VOTE, Words, choice, clean, word_ballot
from tests.unit.models import plain_choice, plain_clean

LABELS = ("Left", "Middle door", "Été", "ﬁn", "Straße")


def read(text: str, labels: tuple[str, ...] = LABELS, words: Words = "exact") -> int | None:
    return choice(text, len(labels), word_ballot(labels, words), words)


@pytest.mark.parametrize(
    "text",
    [
        *("2", "!2", "+2", "#2", "!vote 2", "!vote2", "vote 2"),
        *(" 2", "2 ", "\t2\n", "\u00a0!2\u3000", "!vote  2", "vote   2"),  # trimmed; more than one space
        *("!VOTE 2", "Vote 2", "!Vote2"),
        *("２", "！２", "＋２", "＃２", "！ｖｏｔｅ　２", "²", "②", "𝟐", "𝟮"),  # one of ours after NFKC
        *("2\U000e0000", "\U000e0000 2", "2 \U000e0000", "!2\U000e007f", "2\U000e0000\U000e0000"),
        *("\u200b2", "2\u200d", "\ufeff2\u2060", "!\u00ad2", "\u202e2\u202c", "vote\u200e 2"),  # Cf
        "2" + " " * (LONGEST_VOTE - 1),
        "2" + "\U000e0000" * (LONGEST_VOTE - 1),
    ],
)
def test_every_accepted_spelling_votes_for_two(text: str) -> None:
    assert read(text) == 2
    assert plain_choice(text, LABELS, "exact") == 2


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "\U000e0000", "\u200b", "!", "+", "#", "!vote", "vote", "!vote ", "vote !"),
        *("0", "!0", "6", "!6", "11", "99", "100", "999999999999999999999", "!vote 6"),  # out of range
        *("02", "!02", "002", "!vote 02", "+02"),  # leading zeros
        *("1 2", "1,2", "2 2", "!1 !2", "12 1", "2!", "2 lol", "lol 2", "2."),  # more than one number
        *("2.0", "2,0", "1/2", "½", "2e0", "2_0", "0x2", "2%"),
        *(
            "-2",
            "--2",
            "++2",
            "+-2",
            "−2",
            "–2",
            "± 2",
            "+ 2",
            "! 2",
            "# 2",
            "!!2",
            "##2",
            "!+2",
            "+!2",
            "!#2",
        ),
        *("٢", "۲", "२", "২", "༢", "႒", "២", "᠒", "二", "Ⅱ", "!٢", "vote ٢"),  # digits, not ASCII after NFKC
        *("⑵", "⒉", "2⃣", "2\ufe0f\u20e3", "2\u0301", "\u20602\u20602"),
        *("vote2", "votes 2", "!votes 2", "!vote\t2", "vote\n2", "! vote 2", "#vote 2", "+vote 2", "/vote 2"),
        *("!vote +2", "vote !2", "vote #2", "!vote !2", "!vote -2", "2\x002", "\x002"),
        *("two", "left", "LEFT", "Left!", "Left or right", "Middle  door", "Ete", "Strasse", "fi"),
    ],
)
def test_near_misses_are_no_votes(text: str) -> None:
    assert read(text) is None
    assert plain_choice(text, LABELS, "exact") is None


@pytest.mark.parametrize("number", range(1, 12))
def test_a_number_votes_when_the_poll_has_that_many_options(number: int) -> None:
    for options in range(2, 11):
        labels = tuple(f"option {index}" for index in range(options))
        expected = number if number <= options else None
        assert read(str(number), labels) == expected
        assert read(f"!vote{number}", labels) == expected


@pytest.mark.parametrize(
    ("text", "exact", "any_case"),
    [
        ("Left", 1, 1),
        (" Left\U000e0000", 1, 1),
        ("LEFT", None, 1),
        ("left", None, 1),
        ("Ｌｅｆｔ", 1, 1),
        ("Le\u200bft", 1, 1),
        ("Middle door", 2, 2),
        ("MIDDLE DOOR", None, 2),
        ("E\u0301te\u0301", 3, 3),  # decomposed
        ("ÉTÉ", None, 3),
        ("fin", 4, 4),  # the label's ligature is taken apart by NFKC
        ("ﬁn", 4, 4),
        ("Straße", 5, 5),
        ("STRASSE", None, 5),  # casefold: ß is ss
        ("Strasse", None, 5),
        ("door", None, None),
        ("Lef", None, None),
        ("Left Left", None, None),
    ],
)
def test_whole_labels_vote_when_the_poll_allows_words(
    text: str, exact: int | None, any_case: int | None
) -> None:
    assert read(text, words="exact") == exact
    assert read(text, words="any_case") == any_case
    assert read(text, words="off") is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (("Yes", "Yes"), "exact"),
        (("Yes", " Yes "), "exact"),
        (("Yes", "Ｙｅｓ"), "exact"),
        (("Yes", "Y\u200bes"), "exact"),
        (("Yes", "YES"), "any_case"),
        (("ß", "ss"), "any_case"),
        (("2", "1"), "exact"),  # the word "2" would be option 1, the number 2 is option 2
        (("Left", "!2"), "exact"),
        (("Left", "vote 1"), "any_case"),
        (("Left", "VOTE 1"), "any_case"),
        (("Left", "７"), "exact"),
        (("Left", "\u200b"), "exact"),
        (("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🏴"), "exact"),  # flags by tags
    ],
)
def test_labels_that_clash_turn_words_off_and_leave_numbers_on(labels: tuple[str, ...], words: Words) -> None:
    assert word_ballot(labels, words) == {}
    assert read("1", labels, words) == 1
    assert read("2", labels, words) == 2
    assert read(labels[0] + "x", labels, words) is None


def test_labels_that_differ_by_case_only_are_distinct_words_when_case_counts() -> None:
    assert read("YES", ("Yes", "YES"), "exact") == 2


def test_labels_that_merely_contain_numbers_stay_words() -> None:
    labels = ("1984", "-1", "2 doors", "007")
    assert [read(label, labels) for label in labels] == [1, 2, 3, 4]
    assert [read(text, labels) for text in ("84", "7", "1")] == [None, None, 1]


ALPHABET = st.sampled_from("0123456789 !+#-.,voteVOTEleftL\t\u200b\ufeff\U000e0000\U000e0041２！é٢²ß½①")
NEAR = st.text(ALPHABET, max_size=9)
ANY = st.text(max_size=30)
LABEL = st.text(ALPHABET, min_size=1, max_size=6)


@given(
    st.one_of(NEAR, ANY),
    st.lists(LABEL, min_size=2, max_size=10),
    st.sampled_from(["off", "exact", "any_case"]),
)
@example("!vote 1", ["a", "b"], "exact")
@example("1\u0301", ["a", "b"], "exact")
@example("aͅ", ["aι", "b"], "any_case")
def test_any_line_reads_as_the_plain_model_says(text: str, labels: list[str], words: Words) -> None:
    assert read(text, tuple(labels), words) == plain_choice(text, labels, words)


@given(st.lists(LABEL, min_size=2, max_size=10), st.sampled_from(["exact", "any_case"]), st.data())
def test_labels_as_lines_read_as_the_plain_model_says(
    labels: list[str], words: Words, data: st.DataObject
) -> None:
    text = data.draw(st.sampled_from(labels).flatmap(lambda s: st.sampled_from([s, s.upper(), s + "\u200b"])))
    assert read(text, tuple(labels), words) == plain_choice(text, labels, words)


@given(st.text(max_size=60))
def test_cleaning_is_what_the_contract_says(text: str) -> None:
    assert clean(text) == plain_clean(text)


@given(st.text(st.characters(codec="ascii"), max_size=20))
def test_the_short_cut_for_ascii_changes_nothing(text: str) -> None:
    assert clean(text) == plain_clean(text) == text.strip()


HOSTILE = {
    "spaces": " " * 100_000,
    "spaces and a digit": " " * 99_999 + "2",
    "votes": "!vote " * 16_667,
    "vote and spaces": "!vote" + " " * 99_990 + "x",
    "digits": "1" * 100_000,
    "bangs": "!" * 100_000,
    "tags": "\U000e0000" * 100_000,
    "marks": "a" + "\u0301" * 99_999,
    "unordered marks": "a" + "\u0315\u0300" * 50_000,  # canonical ordering is the slow part of NFKC
    "expanding": "\ufdfa" * 100_000,
    "format characters": "\u200b" * 99_999 + "2",
    "as long as is read": "a" + "\u0315\u0300" * ((LONGEST_VOTE - 1) // 2),
    "expanding, as long as is read": "\ufdfa" * LONGEST_VOTE,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_lines_cost_less_than_five_milliseconds(name: str) -> None:
    """Reliability R22; the best of forty, since the machine has other things to do."""
    ballot = word_ballot(LABELS, "any_case")
    best = min(_seconds_to_read(HOSTILE[name], ballot) for _ in range(40))
    assert choice(HOSTILE[name], len(LABELS), ballot, "any_case") is None
    assert best < 0.005


def _seconds_to_read(text: str, ballot: object) -> float:
    assert isinstance(ballot, dict)
    start = time.thread_time()
    choice(text, len(LABELS), ballot, "any_case")
    return time.thread_time() - start
