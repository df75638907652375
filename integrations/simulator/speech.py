"""What a simulated viewer types: votes in every accepted spelling, near misses, and chatter.

The truth about what counts is contract §5, written down here a second time and independently of
`server.rules.chat`: a test lets each check the other.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from random import Random
from typing import Literal, TypeAlias

Words: TypeAlias = Literal["off", "exact", "any_case"]

#: Accepted spellings of a vote for {n}, after their share in a hundred. The last ones carry characters
#: that nobody sees: U+E0000 is appended by clients that repeat a message.
_SPELLINGS = (
    (55, "{n}"),
    (18, "!{n}"),
    (3, "+{n}"),
    (4, "#{n}"),
    (5, "!vote {n}"),
    (3, "!vote{n}"),
    (3, "vote {n}"),
    (3, " {n} "),
    (2, "{n} \U000e0000"),
    (2, "{n}\u200b"),
    (1, "\u2060{n}"),
    (1, "!{n} \U000e0020"),
)
_WORD_SHARE = 0.14
_CLOSE = """
0{n}
{n}.5
-{n}
++{n}
{n} {n}
{n}!
{n} please
!vote
! {n}
{n}?
+ {n}
({n})
{n}\ufe0f\u20e3
""".strip().splitlines()
_NEVER = ["0", "!0", "1/2", "½", "٢", "২", "11", "99", "two", "one!!", "1e1", "0x1", "١", "1,2", "2&3"]
_CHATTER = """
LUL
Kappa
PogChamp
KEKW
o7
gg
W
F
👀
🔥🔥🔥
草
ｗｗｗｗ
ㅋㅋㅋㅋ
дракон!
جميل
¿qué pasa?
c'est parti
bom dia
hi chat
hello from Brazil
first time here, what is this?
roll for initiative!
NAT 20 LETS GOOO
rip bard
no way
RUN
do it do it do it
the DM is smiling, run
who let the goblin drive
that door is a mimic
I trust the door
never trust a door
monkaS
catJAM catJAM catJAM
clip it
@mossyfeather you said that last time
what are we voting on?
how do I vote
type the number chat
can the wizard cast fireball indoors?
https://example.org/rules
<b>bold</b>
'; DROP TABLE votes;--
""".strip().splitlines()
_RAID = """
RAID!
raid raid raid
hi from the raid!
👋👋👋
we come in peace
what did we walk into
POGGERS
""".strip().splitlines()
_WIDE = str.maketrans("123456789", "１２３４５６７８９")
_RINGED = "①②③④⑤⑥⑦⑧⑨⑩"


def vote(random: Random, choice: int, options: Sequence[str], words: Words) -> str:
    """A line that is a vote for option `choice` (1…)."""
    if random.random() < _WORD_SHARE and (said := _in_words(random, options[choice - 1], options, words)):
        return said
    spelling = random.choices([s for _, s in _SPELLINGS], [share for share, _ in _SPELLINGS])[0]
    number = str(choice)
    match random.randrange(60):
        case 0:
            number = number.translate(_WIDE) if "0" not in number else number
        case 1:
            number, spelling = _RINGED[choice - 1], "{n}"
    return spelling.format(n=number)


def near_miss(random: Random, choice: int, options: Sequence[str], words: Words) -> str:
    """A line that somebody meant as a vote and that is none."""
    pool = [close.format(n=choice) for close in _CLOSE]
    pool += [never for never in _NEVER if not never.isdigit() or int(never) > len(options) or never == "0"]
    label = options[choice - 1]
    about = [f"{label}!!", label.swapcase(), label[:-1], label]  # those that are votes are left out below
    pool += [said for said in about if _plain(said) and not _could_be_number(_plain(said))]
    return _unless_it_votes(random, pool, options, words)


def chatter(random: Random, options: Sequence[str], words: Words, *, raid: bool = False) -> str:
    """A line that has nothing to do with the poll."""
    return _unless_it_votes(random, _RAID if raid else _CHATTER, options, words)


def _unless_it_votes(random: Random, pool: Sequence[str], options: Sequence[str], words: Words) -> str:
    """One of the pool; not one that happens to be an option's label, nor a label that is a number."""
    labels = {_fold(label, words) for label in options} if words != "off" else set[str]()
    fit = [line for line in pool if _fold(line, words) not in labels and not _is_number(line, len(options))]
    return random.choice(fit or ["…"])


def _fold(text: str, words: Words) -> str:
    return _plain(text).casefold() if words == "any_case" else _plain(text)


def _in_words(random: Random, label: str, options: Sequence[str], words: Words) -> str | None:
    """The label as its own vote; None when words are off or do not tell the options apart."""
    plain = [_plain(option) for option in options]
    folded = [option.casefold() for option in plain]
    if words == "off" or len(set(folded)) < len(folded) or any(_could_be_number(option) for option in plain):
        return None
    if _plain(label) != label or not label.isprintable():
        return None
    if words == "any_case":
        said = random.choice((label, label.upper(), label.lower()))
        return said if said.casefold() == label.casefold() else label
    return label


def _plain(text: str) -> str:
    return "".join(
        c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) not in ("Cf", "Cn")
    ).strip()


def _could_be_number(text: str) -> bool:
    """Generous: whatever ends in a digit and has no other letters than those of `vote`."""
    return text[-1:].isdigit() and text[:-1].casefold().strip("!+#0123456789 ").removeprefix("vote") == ""


def _is_number(text: str, options: int) -> bool:
    plain = _plain(text)
    return plain.isascii() and plain.isdigit() and plain[0] != "0" and int(plain) <= options
