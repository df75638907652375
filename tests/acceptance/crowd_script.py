"""Five hundred lines of chat whose meaning is known because they were written for it, and the plain model.

The texts come from tables that spell contract §5 out by hand; nothing is parsed, nothing of Hubbub is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from random import Random

LABELS = ("Left", "Right", "Break it down", "Ask the owl")

#: Every accepted spelling of a vote for option N (contract §5), {n} its number, {wide} in full width.
NUMBER_VOTES = (
    "{n}",
    "!{n}",
    "+{n}",
    "#{n}",
    "!vote {n}",
    "!vote{n}",
    "vote {n}",
    "  {n}  ",
    "{wide}",  # NFKC
    "!{wide}",
    "!ｖｏｔｅ {wide}",
    "{n}\U000e0000",  # what some clients append to say the same thing twice
    "!{n} \U000e0000",
    "\u200b{n}\u200b",  # format characters
    "\u2066#{n}\u2069",
    "{n}\U000e0031\U000e007f",  # the tag block
)
WORD_VOTES = ("{label}", "  {label} ", "{label}\U000e0000", "\ufeff{label}")
SUPERSCRIPT = {1: "¹", 2: "²", 3: "³", 4: "⁴"}  # NFKC makes digits of them

#: Close to a vote, and none.
NEAR_MISSES = (
    "0",
    "00",
    "5",
    "10",
    "99",
    "02",
    "!02",
    "1 2",
    "1,2",
    "1 or 2",
    "2.",
    "2.5",
    "2,5",
    "1/2",
    "½",
    "-2",
    "\u22122",
    "++2",
    "+-2",
    "--2",
    "±2",
    "! 2!",
    "2!",
    "!2!",
    "!!2",
    "##2",
    "vote2",
    "vote",
    "!vote",
    "!vote two",
    "!vote 2 please",
    "vote for 2",
    "@ana 2",
    "2 2",
    "2️⃣",
    "Ⅱ",
    "two",
    "٢",
    "२",
    "২",
    "😂2",
    "2e0",
    "0x2",
    "1_0",
    "left",
    "LEFT",
    "Left!",
    "Lefty",
    "Left or Right",
    "Break it  down",
    "Break it",
    "ask the owl",
)
CHATTER = (
    "LUL",
    "what is happening",
    "KEKW KEKW",
    "the owl knows :)",
    "hello from Brno",
    "GG",
    "!commands",
    "xD",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery of a line of chat."""

    channel: str
    user: str
    message_id: str
    sent_ms: int
    text: str
    kind: str
    means: int | None = None  # the option that its words vote for
    platform: str = "twitch"
    copy_of: str | None = None  # shared chat: the channel it was written in
    believed_ms: int | None = None  # when a send time from the future must be taken for another


class Writer:
    """Writes lines from a seed; `opens_ms` is when the poll opened."""

    def __init__(self, seed: int, channels: Sequence[str], opens_ms: int) -> None:
        self.random = Random(seed)  # noqa: S311
        self.channels = channels
        self.opens_ms = opens_ms
        self.lines: list[Line] = []
        self._number = 0

    def message_id(self) -> str:
        """As Twitch makes them, in no order."""
        self._number += 1
        return f"{self.random.getrandbits(32):08x}-7e57-4000-8000-{self._number:012x}"

    def user(self) -> str:
        return str(700_000 + self.random.randrange(140))

    def within(self) -> int:
        """A moment in the first seconds of the poll."""
        return self.opens_ms + self.random.randrange(3000)

    def vote(self, user: str | None = None, sent_ms: int | None = None, kind: str = "vote") -> Line:
        """A vote in any accepted spelling."""
        option = self.random.randrange(1, len(LABELS) + 1)
        fate = self.random.random()
        if fate < 0.2:
            text = self.random.choice(WORD_VOTES).format(label=LABELS[option - 1])
        elif fate < 0.25:
            text = SUPERSCRIPT[option]
        else:
            text = self.random.choice(NUMBER_VOTES).format(n=option, wide=chr(0xFF10 + option))
        return Line(
            channel=self.random.choice(self.channels),
            user=user or self.user(),
            message_id=self.message_id(),
            sent_ms=self.within() if sent_ms is None else sent_ms,
            text=text,
            kind=kind,
            means=option,
        )

    def words(self, kind: str) -> Line:
        """Something that is no vote."""
        text = self.random.choice(NEAR_MISSES if kind == "near_miss" else CHATTER)
        return replace(self.vote(kind=kind), text=text, means=None)

    def shared_copy(self) -> Line:
        """A line of another channel that is seen here, too; with a message id of its own, as on Twitch."""
        originals = [line for line in self.lines if line.kind == "vote"]
        if originals and self.random.random() < 0.7:
            original = self.random.choice(originals)
            here = next(name for name in self.channels if name != original.channel)
            return replace(
                original,
                channel=here,
                message_id=self.message_id(),
                copy_of=original.channel,
                kind="shared_copy",
            )
        guest = self.vote(user=f"guest{self._number}", kind="shared_copy")
        return replace(guest, copy_of="partner")

    def from_the_past(self) -> Line:
        """Sent long before the poll opened: replayed by a connection that came back."""
        return self.vote(sent_ms=self.opens_ms - 10_000 - self.random.randrange(60_000), kind="past")

    def from_the_future(self) -> Line:
        """A clock that is ahead is not believed: the moment of receipt counts."""
        ahead = self.random.choice((20_000, 600_000))
        line = self.vote(user=f"ahead{self._number}", sent_ms=self.opens_ms + ahead, kind="future")
        return replace(line, believed_ms=self.opens_ms)

    def write(self, count: int) -> list[Line]:
        """What arrives while the poll is open."""
        kinds = ["vote"] * 58 + ["near_miss"] * 14 + ["chatter"] * 8 + ["again"] * 8 + ["shared_copy"] * 8
        kinds += ["past", "past", "future", "same_moment"]
        # Whatever the dice say, every spelling and every near miss is there once.
        for text in NUMBER_VOTES + WORD_VOTES:
            line = self.vote()
            spelled = text.format(
                n=line.means, wide=chr(0xFF10 + (line.means or 0)), label=LABELS[(line.means or 1) - 1]
            )
            self.lines.append(replace(line, text=spelled))
        for text in NEAR_MISSES:
            self.lines.append(replace(self.words("near_miss"), text=text))
        while len(self.lines) < count:
            match self.random.choice(kinds):
                case "vote":
                    self.lines.append(self.vote())
                case "again":
                    again = self.random.choice([line for line in self.lines if line.kind == "vote"])
                    self.lines.append(replace(again, kind="again"))
                case "shared_copy":
                    self.lines.append(self.shared_copy())
                case "past":
                    self.lines.append(self.from_the_past())
                case "future":
                    self.lines.append(self.from_the_future())
                case "same_moment":
                    # Two of one person in the same millisecond: the message id decides.
                    first = self.vote()
                    self.lines += [first, replace(self.vote(user=first.user, sent_ms=first.sent_ms))]
                case kind:
                    self.lines.append(self.words(kind))
        del self.lines[count:]
        self.random.shuffle(self.lines)
        return self.lines


def late_lines(writer: Writer, closes_ms: int, count: int) -> list[Line]:
    """What arrives between the close and the end of the grace: sent in time, or sent too late."""
    lines = []
    for number in range(count):
        sent = (
            closes_ms - (0, 1, 40, 900, 4000)[number % 5]
            if number % 2
            else closes_ms + (1, 2, 300)[number % 3]
        )
        kind = "late" if sent <= closes_ms else "too_late"
        # Half of them change an earlier vote, half are heard for the first time.
        user = f"late{number}" if number % 4 < 2 else None
        lines.append(writer.vote(user, sent, kind))
    return lines


def tally(lines: Iterable[Line], closes_ms: int, *, opens_ms: int) -> list[int]:
    """The plain model of contract §5: one vote a person, the latest by send time, each message once."""
    heard: set[tuple[str, str]] = set()
    held: dict[tuple[str, str], tuple[int, str, int]] = {}
    for line in lines:
        if line.means is None or line.copy_of is not None:
            continue
        sent = line.sent_ms if line.believed_ms is None else line.believed_ms
        if not opens_ms <= sent <= closes_ms or (line.platform, line.message_id) in heard:
            continue
        heard.add((line.platform, line.message_id))
        person, vote = (line.platform, line.user), (sent, line.message_id, line.means)
        if person not in held or vote > held[person]:
            held[person] = vote
    counted = Counter(option for _, _, option in held.values())
    return [counted[index] for index in range(1, len(LABELS) + 1)]
