"""`combat:*` of the published module: what it says before each step becomes what is true after it.

Foundry tells modules of a step before it takes it (vtt-wire-protocol, addendum). So a start says round 0 and
no turn, a turn names the combatant whose turn ends, and a round has its number in `previousRound`. Besides,
`isVisible` is true for everybody: only a false one says something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from integrations.vtt.characters import Unreadable, avatar
from integrations.vtt.reading import NotARoll, identifier, mapping, number, plain, sequence, whole
from server.rules.combat import (
    MOST_COMBATANTS,
    Added,
    CharacterType,
    Combatant,
    CombatEvent,
    Defeated,
    Ended,
    HitPoints,
    Removed,
    RoundBegan,
    Started,
    Synced,
    TurnEnded,
)

_MOST_ROUNDS: Final = 1_000_000
_TYPES: Final[Mapping[str, CharacterType]] = MappingProxyType(
    {"pc": "pc", "npc": "npc", "monster": "monster"}
)


def read(event: str, message: object) -> CombatEvent | Unreadable:
    """What the payload of one event means; `event` is its name, such as `combat:turn`."""
    meaning = _EVENTS.get(event)
    if meaning is None:
        return Unreadable("there is no such event of combat")
    try:
        payload = mapping(message, "the payload")
        return meaning(payload, identifier(payload.get("combatId"), "combatId"))
    except NotARoll as reason:
        return Unreadable(str(reason))


def _started(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Started(combat_id, _combatants(payload))


def _synced(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Synced(
        combat_id,
        _round(payload.get("round")),
        whole(payload.get("turn"), 0, MOST_COMBATANTS),
        _combatants(payload),
        _id_of(payload.get("currentCombatant")),
    )


def _turn(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    ended = _id_of(payload.get("currentCombatant"))
    following = _id_of(payload.get("nextCombatant"))
    if not (ended or following):
        raise NotARoll("neither currentCombatant nor nextCombatant is there")
    return TurnEnded(combat_id, _round(payload.get("round")), ended, following)


def _round_began(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    # The two numbers are swapped; a version that is mended has the higher one in the other place.
    number_ = max(_round(payload.get("round")), _round(payload.get("previousRound")))
    if number_ == 0:
        raise NotARoll("round is missing")
    return RoundBegan(combat_id, number_, _combatants(payload))


def _ended(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Ended(combat_id, _round(payload.get("finalRound")))


def _added(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Added(combat_id, _combatant(payload.get("combatant")))


def _removed(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Removed(combat_id, identifier(payload.get("combatantId"), "combatantId"))


def _defeated(payload: Mapping[str, Any], combat_id: str) -> CombatEvent:
    return Defeated(combat_id, _combatant(payload.get("combatant")), payload.get("defeated") is not False)


_EVENTS: Final[Mapping[str, Callable[[Mapping[str, Any], str], CombatEvent]]] = MappingProxyType(
    {
        "combat:start": _started,
        "combat:sync": _synced,
        "combat:turn": _turn,
        "combat:round": _round_began,
        "combat:end": _ended,
        "combat:combatant-add": _added,
        "combat:combatant-remove": _removed,
        "combat:combatant-defeated": _defeated,
    }
)
EVENTS: Final = frozenset(_EVENTS)


def _round(value: object) -> int:
    return whole(value, 0, _MOST_ROUNDS) or 0


def _id_of(value: object) -> str:
    """The id of a combatant that is named; "" where none is."""
    return identifier(value.get("id"), "the id of a combatant") if isinstance(value, dict) else ""


def _combatants(payload: Mapping[str, Any]) -> tuple[Combatant, ...]:
    return tuple(_combatant(c) for c in sequence(payload.get("combatants"), "combatants", MOST_COMBATANTS))


def _combatant(value: object) -> Combatant:
    sent = mapping(value, "a combatant")
    actor, kind = sent.get("actorId"), sent.get("characterType")
    # Whoever is not told to be a player's is none; the audience sees less of them.
    character_type = _TYPES.get(kind, "npc") if isinstance(kind, str) else "npc"
    if kind is None and sent.get("isNPC") is False:
        character_type = "pc"
    return Combatant(
        combatant_id=identifier(sent.get("id"), "the id of a combatant"),
        name=plain(sent.get("name"), 64),
        actor_id=identifier(actor, "actorId") if actor else "",
        avatar=avatar(sent.get("img")),
        initiative=number(sent.get("initiative")),
        defeated=sent.get("isDefeated") is True,
        character_type=character_type,
        hidden=sent.get("isVisible") is False,
        hit_points=_hit_points(sent.get("hp")),
    )


def _hit_points(value: object) -> HitPoints | None:
    if not isinstance(value, dict):
        return None
    current, maximum = number(value.get("current")), number(value.get("max"))
    if current is None or maximum is None:
        return None
    return HitPoints(current, maximum, number(value.get("temp")) or 0)
