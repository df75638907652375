"""Are the dice fair? Counts per player and kind of die, and what can honestly be said of them.

Every die that physically fell counts, kept, dropped, rerolled or caused by an explosion: which of them a
game keeps says nothing about the dice. Hidden rolls are counted apart, and nothing of them is in `public`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from server.rules.dice import Actor, DiceRoll, Sides

#: Larger dice are tables, and their distribution would never fill.
LARGEST_SIDES = 1000
#: More players than sit at a table; names come from strangers, and statistics stay in memory.
MOST_PLAYERS = 200
#: Below this many expected dice per face the chi-square distribution is no good approximation.
LEAST_PER_FACE = 5
#: Fewer dice than this say nothing about luck.
LEAST_DICE = 30


@dataclass(frozen=True, slots=True)
class Streaks:
    """Runs of dice of one kind in the order in which they fell, the present ones and the longest.

    High is above the mean of the die, low is below it; the middle face of an odd die ends both.
    """

    last: int | None = None
    high: int = 0
    low: int = 0
    same: int = 0
    longest_high: int = 0
    longest_low: int = 0
    longest_same: int = 0

    def then(self, faces: Iterable[int], mean: float) -> Streaks:
        """With more dice."""
        last, high, low, same = self.last, self.high, self.low, self.same
        longest_high, longest_low, longest_same = self.longest_high, self.longest_low, self.longest_same
        for face in faces:
            high = high + 1 if face > mean else 0
            low = low + 1 if face < mean else 0
            same = same + 1 if face == last else 1
            last = face
            longest_high = max(high, longest_high)
            longest_low = max(low, longest_low)
            longest_same = max(same, longest_same)
        return Streaks(last, high, low, same, longest_high, longest_low, longest_same)


@dataclass(frozen=True, slots=True)
class DieStats:
    """What one player threw with dice of one kind."""

    sides: Sides
    counts: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))  # by face, zeros left out
    streaks: Streaks = Streaks()

    @property
    def faces(self) -> range:
        return _faces(self.sides)

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    @property
    def mean(self) -> float | None:
        """None before the first die."""
        return self._sum / self.count if self.count else None

    @property
    def _sum(self) -> int:
        return sum(face * times for face, times in self.counts.items())

    @property
    def distribution(self) -> tuple[int, ...]:
        """How often each face fell, from the lowest face on."""
        return tuple(self.counts.get(face, 0) for face in self.faces)

    @property
    def chi_square(self) -> float:
        """Σ (observed − expected)² / expected over all faces; 0 before the first die."""
        count = self.count
        if not count:
            return 0.0
        # Written as Σ observed² / expected − count, so that faces that never fell need no visit.
        return len(self.faces) * sum(n * n for n in self.counts.values()) / count - count

    @property
    def p_value(self) -> float:
        """How likely fair dice are to look at least this uneven, 0…1. See `is_enough`."""
        return chi_square_p(self.chi_square, len(self.faces) - 1)

    @property
    def is_enough(self) -> bool:
        """Whether the p-value means something; the desk warns where it does not."""
        return self.count >= LEAST_PER_FACE * len(self.faces)

    @property
    def luck(self) -> float:
        """Σ of how far each die was above the mean, in standard deviations of this kind of die."""
        size = len(self.faces)
        deviation = math.sqrt((size * size - 1) / 12)
        return (self._sum - self.count * _mean(self.sides)) / deviation

    def then(self, values: Iterable[int]) -> DieStats:
        """With more dice; faces that such a die does not have are left out."""
        possible = self.faces
        faces = [value for value in values if value in possible]
        counts = dict(self.counts)
        for face in faces:
            counts[face] = counts.get(face, 0) + 1
        return DieStats(self.sides, MappingProxyType(counts), self.streaks.then(faces, _mean(self.sides)))


def _faces(sides: Sides) -> range:
    match sides:
        case "F":
            return range(-1, 2)
        case int():
            return range(1, sides + 1)
        case _:
            return range(0)


def _mean(sides: Sides) -> float:
    faces = _faces(sides)
    return (faces[0] + faces[-1]) / 2


@dataclass(frozen=True, slots=True)
class PlayerStats:
    """One player's dice."""

    name: str  # as last seen
    dice: Mapping[Sides, DieStats] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def count(self) -> int:
        return sum(stats.count for stats in self.dice.values())


Players = Mapping[str, PlayerStats]


@dataclass(frozen=True, slots=True)
class Fairness:
    """The statistics of a campaign by player (see `player_key`)."""

    public: Players = field(default_factory=lambda: MappingProxyType({}))  # what may go on stream
    hidden: Players = field(default_factory=lambda: MappingProxyType({}))  # for the game master alone


def player_key(actor: Actor) -> str:
    """Who threw the dice. Names and ids of a tabletop cannot meet."""
    return f"id:{actor.player_id}" if actor.player_id else f"name:{actor.player_name}"


def add(stats: Fairness, roll: DiceRoll) -> Fairness:
    """The statistics with one more roll. Callers add a roll once, and no revision of it.

    A public roll whose dice, total or name are redacted counts as hidden: statistics would tell them. Dice of
    symbols, with one side or with more than 1000 have no statistics; nor has a 201st player.
    """
    values: dict[Sides, list[int]] = {}
    for group, die in roll.dice:
        if group.sides == "F" or (isinstance(group.sides, int) and 2 <= group.sides <= LARGEST_SIDES):
            values.setdefault(group.sides, []).append(die.value)
    if not values:
        return stats
    if roll.is_secret or not roll.redact.isdisjoint({"dice", "total", "character_name"}):
        return replace(stats, hidden=_with(stats.hidden, roll.actor, values))
    return replace(stats, public=_with(stats.public, roll.actor, values))


def of_dice(thrown: Iterable[tuple[str, str, Sides, Sequence[int]]]) -> Players:
    """The same of dice that were sorted already: who threw them, the name, their kind, the faces in order."""
    dice: dict[str, dict[Sides, DieStats]] = {}
    names: dict[str, str] = {}
    for key, name, sides, faces in thrown:
        if sides != "F" and not (isinstance(sides, int) and 2 <= sides <= LARGEST_SIDES):
            continue
        if key not in dice and len(dice) >= MOST_PLAYERS:
            continue
        of = dice.setdefault(key, {})
        of[sides] = of.get(sides, DieStats(sides)).then(faces)
        names[key] = name
    return MappingProxyType(
        {key: PlayerStats(names[key], MappingProxyType(found)) for key, found in dice.items()}
    )


def _with(players: Players, actor: Actor, values: Mapping[Sides, list[int]]) -> Players:
    key = player_key(actor)
    old = players.get(key)
    if old is None:
        if len(players) >= MOST_PLAYERS:
            return players
        old = PlayerStats(actor.player_name)
    dice = dict(old.dice)
    for sides, fell in values.items():
        dice[sides] = dice.get(sides, DieStats(sides)).then(fell)
    return MappingProxyType({**players, key: PlayerStats(actor.player_name, MappingProxyType(dice))})


@dataclass(frozen=True, slots=True)
class Luck:
    """How lucky a player is."""

    key: str
    name: str
    z: float  # standard deviations above what fair dice bring; fair dice stay within ±2 in 95 of 100 cases
    count: int


def luckiest(
    players: Players, *, low_is_lucky: Collection[Sides] = (), least_dice: int = LEAST_DICE
) -> Luck | None:
    """Who rolls highest, measured over all kinds of dice; None while nobody threw enough.

    Each die counts by its distance from the mean in standard deviations, so that a d100 weighs as much as a
    d4. `low_is_lucky` names the dice of systems that roll under. Of equals the one with more dice leads,
    then the smaller key.
    """
    found = [
        luck(key, player, low_is_lucky=low_is_lucky)
        for key, player in players.items()
        if player.count >= max(1, least_dice)
    ]
    return min(found, key=lambda one: (-one.z, -one.count, one.key), default=None)


def luck(key: str, player: PlayerStats, *, low_is_lucky: Collection[Sides] = ()) -> Luck:
    """The z-score of one player who threw at least one die."""
    total = math.fsum(
        -stats.luck if sides in low_is_lucky else stats.luck for sides, stats in player.dice.items()
    )
    return Luck(key, player.name, total / math.sqrt(player.count), player.count)


def chi_square_p(statistic: float, freedom: int) -> float:
    """The upper tail of the chi-square distribution with `freedom` ≥ 1 degrees: Q(freedom/2, statistic/2)."""
    return upper_gamma(freedom / 2, statistic / 2)


_TINY = 1e-300
_EXACT = 1e-15
_MOST_STEPS = 10_000


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x) for a > 0 and x ≥ 0.

    By the series of P below a + 1 and the continued fraction of Q above (DLMF 8.11.4 and 8.9.2, the latter by
    Lentz's method as in Numerical Recipes §6.2), each where it converges fast. The error is below 1e-10 for
    every die up to d1000.
    """
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    return max(0.0, 1.0 - scale * _series(a, x)) if x < a + 1 else min(1.0, scale * _fraction(a, x))


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for n in range(1, _MOST_STEPS):
        term *= x / (a + n)
        total += term
        if term < total * _EXACT:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c = 1 / _TINY
    d = 1 / b
    result = d
    for n in range(1, _MOST_STEPS):
        factor = -n * (n - a)
        b += 2
        d = factor * d + b
        d = 1 / (d if abs(d) > _TINY else _TINY)
        c = b + factor / c
        c = c if abs(c) > _TINY else _TINY
        result *= d * c
        if abs(d * c - 1) < _EXACT:
            break
    return result
