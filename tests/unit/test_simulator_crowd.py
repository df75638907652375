"""The simulated crowd: the same seed gives the same crowd, and it says by itself what counts."""

from __future__ import annotations

import time
import unicodedata
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from random import Random
from typing import Literal

import pytest

from integrations.simulator.crowd import LONGEST_DELAY_S, CrowdLine, crowd, expected_votes
from integrations.simulator.speech import Words, near_miss, vote
from server.rules import chat

OPENS_AT = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
DOORS = ("Left", "Right", "The mimic", "Stay")
WORDS: tuple[Words, ...] = ("off", "exact", "any_case")
AWKWARD = (
    ("1", "2", "3"),
    ("2", "1"),
    ("vote 2", "!1"),
    ("Yes", "yes"),
    ("Ｌｅｆｔ", "Left"),
    ("LUL", "RAID!", "gg"),
    ("ß", "SS", "ı"),
    ("A", "B", "C", "D", "E", "F", "G", "H", "I", "J"),
    ("a\u200bb", "ab2"),
    ("11", "99"),
    ("草", "дракон!"),
    ("1x", "!1y"),
)


def counted(text: str, options: tuple[str, ...], words: Words) -> int | None:
    return chat.choice(text, len(options), chat.word_ballot(options, words), words)


def test_the_same_seed_gives_the_same_crowd() -> None:
    first = list(crowd(7, DOORS, duration_s=20))
    assert first == list(crowd(7, DOORS, duration_s=20))
    assert first != list(crowd(8, DOORS, duration_s=20))


def test_lines_come_in_order_of_arrival_and_never_before_they_are_sent() -> None:
    lines = list(crowd(1, DOORS, duration_s=40, rate=50))
    assert all(a.arrives_ms <= b.arrives_ms for a, b in pairwise(lines))
    assert all(line.sent_ms <= line.arrives_ms <= line.sent_ms + 60_000 for line in lines)
    assert [line.sent_ms for line in lines] != sorted(line.sent_ms for line in lines)


def test_a_crowd_can_be_taken_up_in_the_middle() -> None:
    whole = list(islice(crowd(3, DOORS, rate=30), 2000))
    middle = 25_000
    rest = [line for line in whole if line.arrives_ms >= middle]
    assert list(islice(crowd(3, DOORS, rate=30, start_s=25), len(rest))) == rest


def test_a_longer_poll_has_the_same_beginning() -> None:
    def begin(duration_s: float | None) -> list[CrowdLine]:
        lines = takewhile(lambda line: line.arrives_ms < 15_000, crowd(5, DOORS, duration_s=duration_s))
        return list(lines)

    assert begin(30) == begin(300) == begin(None)


def test_everything_that_the_real_world_does_is_in_it() -> None:
    lines = list(crowd(11, DOORS, duration_s=60, rate=40, words="any_case", channels=3))
    kinds = Counter(line.kind for line in lines)
    assert set(kinds) == {"vote", "near_miss", "chatter", "duplicate", "shared_copy", "late", "too_late"}
    votes = [line for line in lines if line.counts_as is not None]
    by_person: dict[str, set[int]] = {}
    for line in votes:
        by_person.setdefault(line.user.id, set()).add(line.counts_as or 0)
    assert any(len(choices) > 1 for choices in by_person.values()), "minds change"
    assert len({line.text for line in votes}) > 25, "many spellings"
    assert {line.channel for line in lines} == {0, 1, 2}
    assert any(line.kind == "shared_copy" and line.written_in == 3 for line in lines), "from a partner"
    scripts = {unicodedata.name(c, "?").split()[0] for line in lines for c in line.user.name if c.isalpha()}
    assert {"LATIN", "CYRILLIC", "ARABIC", "HANGUL", "CJK", "GREEK"} <= scripts
    assert any(line.counts_as is not None and line.kind == "late" for line in lines)


def test_the_rate_is_about_what_was_asked_and_comes_in_bursts() -> None:
    lines = list(crowd(2, DOORS, duration_s=300, rate=20, size=500))
    assert 20 * 300 * 0.8 < len(lines) < 20 * 300 * 2.5
    per_second = Counter(line.sent_ms // 1000 for line in lines)
    usual = sorted(per_second.values())[len(per_second) // 2]
    assert max(per_second.values()) > 3 * usual


def test_a_message_id_is_one_line_and_identity_is_stable() -> None:
    lines = list(crowd(4, DOORS, duration_s=60, rate=60))
    said: dict[str, tuple[str, str, int]] = {}
    names: dict[str, str] = {}
    for line in lines:
        assert said.setdefault(line.message_id, (line.user.id, line.text, line.sent_ms)) == (
            line.user.id,
            line.text,
            line.sent_ms,
        )
        assert names.setdefault(line.user.id, line.user.name) == line.user.name
    assert all(1 <= len(message_id) <= 128 for message_id in said)


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("options", [DOORS, *AWKWARD])
def test_the_crowd_and_the_rules_agree_on_every_line(options: tuple[str, ...], words: Words) -> None:
    """Two independent readings of contract §5: the crowd's and `server.rules.chat`'s."""
    for line in islice(crowd(9, options, rate=60, words=words), 1200):
        if line.kind == "shared_copy":
            continue
        assert counted(line.text, options, words) == line.counts_as, f"{line.text!r} {options} {words}"


@pytest.mark.parametrize("words", WORDS)
def test_every_spelling_of_each_option_is_a_vote_for_it(words: Words) -> None:
    random = Random(1)  # noqa: S311
    ten = AWKWARD[7]
    for choice in range(1, 11):
        for _ in range(120):
            text = vote(random, choice, ten, words)
            assert counted(text, ten, words) == choice, repr(text)
            assert counted(near_miss(random, choice, ten, words), ten, words) is None


def test_what_counts_is_decided_by_send_time_and_grace() -> None:
    lines = list(crowd(6, DOORS, duration_s=30, grace_s=3, rate=80))
    for line in lines:
        if line.counts_as is not None:
            assert line.sent_ms <= 30_000
            assert line.arrives_ms <= 33_000
    assert sum(line.kind == "late" for line in lines) >= 4
    assert sum(line.kind == "too_late" for line in lines) >= 4
    assert max(line.arrives_ms for line in lines) <= 33_000 + 1000 * LONGEST_DELAY_S


def test_without_grace_nothing_late_counts() -> None:
    lines = list(crowd(6, DOORS, duration_s=30, grace_s=0, rate=80))
    assert all(line.arrives_ms <= 30_000 for line in lines if line.counts_as is not None)


@pytest.mark.parametrize("rule", ["one_vote", "every_message"])
@pytest.mark.parametrize("changeable", [True, False])
def test_the_expected_result_does_not_depend_on_order_or_repeats(
    rule: Literal["one_vote", "every_message"], changeable: bool
) -> None:
    lines = list(crowd(12, DOORS, duration_s=30, rate=40))
    shuffled = lines * 3
    Random(1).shuffle(shuffled)  # noqa: S311
    expected = expected_votes(lines, 4, rule=rule, changeable=changeable)
    assert expected == expected_votes(shuffled, 4, rule=rule, changeable=changeable)
    voters = {line.user.id if rule == "one_vote" else line.message_id for line in lines if line.counts_as}
    assert sum(expected) == len(voters)


def test_a_later_vote_replaces_an_earlier_one() -> None:
    line = next(line for line in crowd(1, DOORS) if line.counts_as == 1)
    later = replace(line, sent_ms=line.sent_ms + 1, message_id="later", counts_as=2)
    assert expected_votes([later, line], 4) == [0, 1, 0, 0]
    assert expected_votes([later, line], 4, changeable=False) == [1, 0, 0, 0]
    assert expected_votes([later, line], 4, rule="every_message") == [1, 1, 0, 0]


def test_a_line_becomes_an_event() -> None:
    line = next(line for line in crowd(1, DOORS, channels=2, rate=200) if line.written_in == 2)
    event = line.event("twitch", ("10", "20"), OPENS_AT, OPENS_AT + timedelta(seconds=9))
    assert event.channel_id == ("10", "20")[line.channel]
    assert event.source_channel_id == "sim-partner"
    assert event.sent_at == OPENS_AT + timedelta(milliseconds=line.sent_ms)
    assert event.user.id.startswith("sim-")


def test_it_is_fast_enough_for_a_load_test() -> None:
    began = time.thread_time()
    assert len(list(islice(crowd(1, DOORS, size=5000, rate=5000), 20_000))) == 20_000
    assert time.thread_time() - began < 5
