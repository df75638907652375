"""A fight at the table: what happened, and who is next (vtt-wire-protocol §5, vtt-and-dice §6).

Pure. Order and current combatant are derived here, because the published module tells what was true before
each step, leaves its lists unsorted and never tells of a changed initiative (wire protocol, addendum). An
event that comes twice, as from two browsers, changes nothing the second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

CharacterType = Literal["pc", "npc", "monster"]

MOST_COMBATANTS = 200


@dataclass(frozen=True, slots=True)
class HitPoints:
    """May be negative, and above the maximum."""

    current: float
    maximum: float
    temporary: float = 0


@dataclass(frozen=True, slots=True)
class Combatant:
    """One who takes turns."""

    combatant_id: str
    name: str  # "" where it is not told
    actor_id: str = ""
    avatar: str = ""  # https, or a path on the tabletop's own host
    initiative: float | None = None
    defeated: bool = False
    character_type: CharacterType = "npc"
    hidden: bool = False  # the tabletop says that the players do not see it
    hit_points: HitPoints | None = None  # never for the audience when it is no player character


@dataclass(frozen=True, slots=True)
class Started:
    """A fight begins. It carries no round and no turn: what the module says of them is not true yet."""

    combat_id: str
    combatants: tuple[Combatant, ...]


@dataclass(frozen=True, slots=True)
class Synced:
    """The whole state, in the middle of a fight. `round` is 0 where nobody has begun."""

    combat_id: str
    round: int
    turn: int | None  # the place of the current combatant in the order
    combatants: tuple[Combatant, ...]
    current_id: str = ""


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """A turn is over. `next_id` is whom the tabletop, which knows the newest initiative, lets follow."""

    combat_id: str
    round: int
    ended_id: str
    next_id: str = ""


@dataclass(frozen=True, slots=True)
class RoundBegan:
    """A new round, with everybody's newest state."""

    combat_id: str
    round: int  # the new one
    combatants: tuple[Combatant, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The fight is over, or the table went on to another scene."""

    combat_id: str
    final_round: int = 0


@dataclass(frozen=True, slots=True)
class Added:
    combat_id: str
    combatant: Combatant


@dataclass(frozen=True, slots=True)
class Removed:
    combat_id: str
    combatant_id: str


@dataclass(frozen=True, slots=True)
class Defeated:
    """Somebody fell, or (never from the module) rose again."""

    combat_id: str
    combatant: Combatant
    defeated: bool = True


CombatEvent: TypeAlias = Started | Synced | TurnEnded | RoundBegan | Ended | Added | Removed | Defeated


@dataclass(frozen=True, slots=True)
class Combat:
    """A fight that goes on. `combatants` are in the order of their turns."""

    combat_id: str
    round: int  # 0: nobody has begun
    combatants: tuple[Combatant, ...]
    current_id: str = ""  # "": nobody, or somebody who is not in the list

    @property
    def current(self) -> Combatant | None:
        return next((c for c in self.combatants if c.combatant_id == self.current_id), None)

    @property
    def following(self) -> Combatant | None:
        """Whose turn is next; the first again after the last."""
        after = _after(self.combatants, self.current_id)
        return next((c for c in self.combatants if c.combatant_id == after), None)


#: By combatant, whether the game master hides or shows it.
Concealments: TypeAlias = Mapping[str, bool]


def concealed(combat: Combat, said: Concealments, *, conceals_monsters: bool) -> frozenset[str]:
    """The ids of those in whose place the audience sees "???".

    What the game master has said of one counts; of all others, those that the tabletop hides are concealed,
    and where the campaign wants it whoever is no player character: the published module tells of everybody
    that the players see it. Nobody without a name can be shown.
    """
    return frozenset(
        one.combatant_id
        for one in combat.combatants
        if not one.name
        or said.get(one.combatant_id, one.hidden or (conceals_monsters and one.character_type != "pc"))
    )


def in_order(combatants: Iterable[Combatant]) -> tuple[Combatant, ...]:
    """By initiative, highest first, those without one last; equals stay as they were told. Each id once."""
    once: dict[str, Combatant] = {}
    for combatant in combatants:
        once.setdefault(combatant.combatant_id, combatant)
    return tuple(sorted(once.values(), key=_place)[:MOST_COMBATANTS])


def _place(combatant: Combatant) -> tuple[bool, float]:
    return combatant.initiative is None, -(combatant.initiative or 0)


def reduce(combat: Combat | None, event: CombatEvent) -> Combat | None:
    """The fight after an event; None when there is none.

    A start or a sync is a whole state and begins another fight; any other event of a fight that is not the
    one at hand changes nothing (vtt-and-dice, edge case 9).
    """
    match event:
        case Started():
            return _at_the_top(event.combat_id, 1, event.combatants)
        case Synced():
            return _synced(event)
        case RoundBegan() if combat is None:
            return _at_the_top(event.combat_id, event.round, event.combatants)
    if combat is None or event.combat_id != combat.combat_id:
        return combat
    match event:
        case TurnEnded():
            return _turn_ended(combat, event)
        case RoundBegan():
            return _at_the_top(event.combat_id, event.round, event.combatants)
        case Ended():
            return None
        case Added():
            return _with(combat, event.combatant)
        case Removed():
            return _without(combat, event.combatant_id)
        case Defeated():
            return _with(combat, replace(event.combatant, defeated=event.defeated))


def _at_the_top(combat_id: str, round_: int, combatants: Iterable[Combatant]) -> Combat:
    order = in_order(combatants)
    return Combat(combat_id, round_, order, order[0].combatant_id if order else "")


def _synced(event: Synced) -> Combat:
    order = in_order(event.combatants)
    current = ""
    if event.round > 0:
        known = {c.combatant_id for c in order}
        if event.current_id in known:
            current = event.current_id
        elif not event.current_id and event.turn is not None and 0 <= event.turn < len(order):
            current = order[event.turn].combatant_id
    return Combat(event.combat_id, event.round, order, current)


def _turn_ended(combat: Combat, event: TurnEnded) -> Combat:
    known = {c.combatant_id for c in combat.combatants}
    current = event.next_id if event.next_id in known else _after(combat.combatants, event.ended_id)
    # Counted from who ended and not from who was current here: a repeated event comes to the same.
    return replace(combat, round=event.round or combat.round or 1, current_id=current or combat.current_id)


def _with(combat: Combat, combatant: Combatant) -> Combat:
    """Somebody new, or the newest state of somebody known, who keeps the place among equals."""
    others = list(combat.combatants)
    at = next((i for i, c in enumerate(others) if c.combatant_id == combatant.combatant_id), len(others))
    others[at : at + 1] = [combatant]
    return replace(combat, combatants=in_order(others))


def _without(combat: Combat, combatant_id: str) -> Combat:
    left = tuple(c for c in combat.combatants if c.combatant_id != combatant_id)
    current = combat.current_id
    if current == combatant_id:
        current = _after(combat.combatants, combatant_id) if left else ""
    return replace(combat, combatants=left, current_id=current)


def _after(order: tuple[Combatant, ...], combatant_id: str) -> str:
    """The id of who follows; "" for somebody who is not in the order."""
    ids = [c.combatant_id for c in order]
    return ids[(ids.index(combatant_id) + 1) % len(ids)] if combatant_id in ids else ""
