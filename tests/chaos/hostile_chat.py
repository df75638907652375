"""Chat that tries to break something: real lines, hostile words and votes, cut, doubled, mixed and spiced."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance import hostile_texts

REAL_LINES = (Path(__file__).parent.parent / "data" / "twitch-irc-lines.txt").read_text("utf-8").splitlines()
#: Words that are votes, nearly votes, or lead a reader of them astray.
_VOTES = (
    *("1", "!2", "+3", "#1", "!vote 2", "!vote2", "vote 3", "VOTE 1", "Left", "right", "MIDDLE", " 2 ", "２"),
    *(
        "٢",
        "①",
        "Ⅱ",
        "²",
        "02",
        "2 3",
        "2.0",
        "-1",
        "!!1",
        "1️⃣",
        "2\U000e0000",
        "vote\u00a01",
        "!vote" + " " * 480,
    ),
    *("vote " * 100, "9" * 500, "!" * 500, "1 " * 250, "\u200b1\u200b", "ﬁ", "İ", "ẞ", "ı", "K"),
)
WORDS = (
    *_VOTES,
    *hostile_texts.SCRIPTS,
    *hostile_texts.STYLES,
    *hostile_texts.DIRECTIONS,
    *hostile_texts.TALL_AND_WIDE,
    *hostile_texts.EMOJI,
    *hostile_texts.SEEMING_NOTHING,
    *hostile_texts.CODES,
)
_SPICE = (
    *("@", ":", ";", "=", " ", "\\", "#", "!", "+", "\x00", "\x01", "\x1f", "\r", "\n", "\u2028", "\ufeff"),
    *("\U000e0000", "\u0300", "\u200d", "é", "😂", "ﷺ", "\ud800", "\udfff", "PRIVMSG", "id=", "user-id="),
)
#: Characters of a message on any platform (reliability §3.9).
_LONGEST = 500


def words(random: Random) -> str:
    """What somebody types: up to 500 characters."""
    return _mangled(random, random.choice(WORDS), WORDS)[:_LONGEST]


def line(random: Random) -> str:
    """A line of Twitch IRC, with somebody's words in it or with damage anywhere."""
    real = random.choice(REAL_LINES)
    if random.random() < 0.5:
        head, mark, _ = real.partition(" PRIVMSG ")
        return f"{head}{mark}#pajlada :{words(random)}" if mark else real
    return _mangled(random, real, REAL_LINES)


def event(random: Random, number: int) -> Any:
    """An item for the events API: a good line with hostile words, mostly with something else wrong, too."""
    item: dict[str, Any] = {
        "type": "chat.message",
        "platform": random.choice(("twitch", "kick", "custom")),
        "channel_id": "100",
        "message_id": f"m{number}",
        "user": {"id": str(random.randrange(500)), "login": "ana", "name": words(random)[:64], "roles": []},
        "text": words(random),
        "sent_at": "2026-11-20T20:00:01.500Z",
    }
    for _ in range(random.choice((0, 0, 1, 2))):
        value = random.choice((words(random), None, 1, True, [], {}, [words(random)], {"id": words(random)}))
        place = random.choice((item, item["user"])) if isinstance(item.get("user"), dict) else item
        place[random.choice((*place, words(random)[:20]))] = value
    return item


def _mangled(random: Random, text: str, others: tuple[str, ...] | list[str]) -> str:
    for _ in range(random.randint(0, 4)):
        at = random.randrange(len(text) + 1)
        end = min(len(text), at + random.randint(0, 40))
        match random.randrange(6):
            case 0:
                text = text[:at] + text[end:]
            case 1:
                text = text[:at] + text[at:end] * random.randint(2, 50) + text[end:]
            case 2:
                text = text[:at] + random.choice(_SPICE) * random.randint(1, 3) + text[at:]
            case 3:
                other = random.choice(others)
                text = text[:at] + other[random.randrange(len(other) + 1) :]
            case 4:
                text = text[:at] + text[at:end][::-1] + text[end:]
            case _:
                text = text[:at] + chr(random.randrange(0x11_0000)) + text[at + 1 :]
    return text
