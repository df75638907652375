"""What a character's items are, and which of them viewers may touch (domain/vtt-and-dice.md §7).

Items are what a tabletop syncs: mappings with a `type` and fields such as `school` or `level`, or with
the tabletop's own nested data. They come from strangers, so that any value may be of any type.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, get_args

Category = Literal["spell", "feature", "inventory"]
Item = Mapping[str, object]

MOST_TYPES = 200
MOST_FIELDS = 100
MOST_VALUES = 50
DEEPEST_FIELD = 4

#: Rules name fields as Foundry does; its module sends some of them under a shorter name.
_SYNCED_AS = {"system.level": "level", "system.school": "school", "system.type.value": "subtype"}
#: Fields that tell items apart and not kinds of items.
_NO_KIND = frozenset({"id", "_id", "name", "img", "type", "quantity", "uses", "description", "activeEffect"})


@dataclass(frozen=True, slots=True)
class ItemCategoryRule:
    """A rule of a campaign. Making one that breaks a limit raises ValueError in words for the desk."""

    rule_id: str
    category: Category
    subcategory: str  # 1…100 characters
    item_type: str  # 1…50 characters
    label: str
    match_field: str | None = None  # at most 200 characters, dots lead inside
    match_value: str | None = None  # at most 200 characters
    description: str = ""
    icon: str = ""
    color: str = ""
    is_targetable: bool = True
    weight: int = 1  # 0…100, how often it is drawn beside others; 0: never
    priority: int = 0  # 0…1000, higher ones are asked first
    is_enabled: bool = True
    preset_key: str | None = None  # unique in a campaign; None: an own rule
    edited: bool = False  # a preset in which the game master changed more than the switch

    def __post_init__(self) -> None:
        if self.category not in get_args(Category):
            raise ValueError("an item is a spell, a feature or inventory")
        if not 1 <= len(self.subcategory) <= 100 or not 1 <= len(self.item_type) <= 50:
            raise ValueError("a subcategory needs 1 to 100 characters and an item type 1 to 50")
        if len(self.match_field or "") > 200 or len(self.match_value or "") > 200:
            raise ValueError("field and value have at most 200 characters")
        if not 0 <= self.weight <= 100 or not 0 <= self.priority <= 1000:
            raise ValueError("the weight lies between 0 and 100, the priority between 0 and 1000")


def rule_for(item: Item, rules: Iterable[ItemCategoryRule]) -> ItemCategoryRule | None:
    """The first enabled rule that the item meets, highest priority first.

    Of equal priorities the one that stands first in `rules` is asked first.
    """
    ranked = sorted(rules, key=lambda rule: -rule.priority)
    return next((rule for rule in ranked if rule.is_enabled and _meets(item, rule)), None)


def _meets(item: Item, rule: ItemCategoryRule) -> bool:
    if item.get("type") != rule.item_type:
        return False
    if not rule.match_field or rule.match_value is None:
        return True
    return rule.match_value in _texts(_field(item, rule.match_field))


def _field(item: Item, path: str) -> object:
    found = _at(item, path.split("."))
    if found is None and (short := _SYNCED_AS.get(path)):
        return item.get(short)
    return found


def _at(value: object, keys: Sequence[str]) -> object:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _texts(value: object) -> tuple[str, ...]:
    """A value as rules compare it, several for a list: a spell of two traditions belongs to both."""
    match value:
        case bool():
            return ("true" if value else "false",)
        case str():
            return (value,)
        case int() | float():
            # 2.0 and 2 are the same level; JSON of different tabletops does not agree on it.
            return (f"{value:.15g}",) if abs(value) < 1e15 else ()
        case list() | tuple():
            return tuple(text for part in value[:MOST_VALUES] if _is_plain(part) for text in _texts(part))
        case _:
            return ()


def _is_plain(value: object) -> bool:
    return isinstance(value, (bool, str, int, float))


@dataclass(frozen=True, slots=True)
class Target:
    """An item that viewers may touch."""

    item: Item
    weight: int
    rule: ItemCategoryRule | None  # None: the campaign has no rules


def targets(items: Iterable[Item], rules: Sequence[ItemCategoryRule]) -> tuple[Target, ...]:
    """The items that viewers may touch. Without an enabled rule that is every one, with weight 1.

    Where there are rules, an item that meets none is not touched: nobody said that it may be.
    """
    active = [rule for rule in rules if rule.is_enabled]
    if not active:
        return tuple(Target(item, 1, None) for item in items)
    found = ((item, rule_for(item, active)) for item in items)
    return tuple(
        Target(item, rule.weight, rule) for item, rule in found if rule and rule.is_targetable and rule.weight
    )


def pick(choices: Sequence[Target], ticket: int) -> Target:
    """The target that a ticket from 0 to the sum of all weights (exclusive) draws.

    Raises ValueError for a ticket outside.
    """
    if ticket >= 0:
        for target in choices:
            if ticket < target.weight:
                return target
            ticket -= target.weight
    raise ValueError("the ticket is not among those of the targets")


@dataclass(frozen=True, slots=True)
class Summary:
    """How many items of which kind a character has; entries count, not quantities."""

    counts: Mapping[str, Mapping[str, int]]  # by category and subcategory
    hash: str  # 64 hexadecimal digits, the same for equal counts


def summary(items: Iterable[Item], rules: Sequence[ItemCategoryRule]) -> Summary:
    """Count a character's items; those that meet no rule are left out."""
    counts: dict[str, dict[str, int]] = {}
    for item in items:
        if rule := rule_for(item, rules):
            subcategories = counts.setdefault(rule.category, {})
            subcategories[rule.subcategory] = subcategories.get(rule.subcategory, 0) + 1
    text = json.dumps(counts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Summary(MappingProxyType({name: MappingProxyType(part) for name, part in counts.items()}), digest)


@dataclass(frozen=True, slots=True)
class Detected:
    """An item type found among synced items."""

    count: int
    fields: Mapping[str, Mapping[str, int]]  # by field, how often each value was found


def detected(items: Iterable[Item]) -> Mapping[str, Detected]:
    """The item types found, with the field values that a rule could match, for the desk.

    At most 200 types, 100 fields of each and 50 values of each field: the first ones that come.
    """
    counts: dict[str, int] = {}
    fields: dict[str, dict[str, dict[str, int]]] = {}
    for item in items:
        kind = item.get("type")
        if not isinstance(kind, str) or not 1 <= len(kind) <= 50:
            continue
        if kind not in counts and len(counts) == MOST_TYPES:
            continue
        counts[kind] = counts.get(kind, 0) + 1
        known = fields.setdefault(kind, {})
        for path, text in _values(item, "", DEEPEST_FIELD):
            if path not in known and len(known) == MOST_FIELDS:
                continue
            values = known.setdefault(path, {})
            if text in values or len(values) < MOST_VALUES:
                values[text] = values.get(text, 0) + 1
    return {kind: Detected(count, fields[kind]) for kind, count in counts.items()}


def _values(item: Item, prefix: str, depth: int) -> Iterable[tuple[str, str]]:
    for key, value in item.items():
        path = prefix + key
        if (key in _NO_KIND and not prefix) or len(path) > 200:
            continue
        if isinstance(value, Mapping):
            if depth > 1:
                yield from _values(value, path + ".", depth - 1)
            continue
        for text in _texts(value):
            if len(text) <= 200:
                yield path, text


def _table(system: str, *rows: tuple[str, ...]) -> tuple[ItemCategoryRule, ...]:
    """Rules from rows of: category and weight, subcategory, item type, label, and maybe field and value.

    The weight follows the category after a blank and is 0 for what viewers may not touch. Rules are asked
    in the order of the rows, by priorities that say so.
    """
    rules = []
    for place, (kind, subcategory, item_type, label, *match) in enumerate(rows):
        category, weight = kind.split()
        rules.append(
            ItemCategoryRule(
                rule_id=f"{system}.{item_type}.{subcategory}",
                preset_key=f"{system}.{item_type}.{subcategory}",
                category=next(known for known in get_args(Category) if known == category),
                subcategory=subcategory,
                item_type=item_type,
                label=label,
                match_field=match[0] if match else None,
                match_value=match[1] if match else None,
                is_targetable=weight != "0",
                weight=int(weight) or 1,
                priority=len(rows) - place,
            )
        )
    return tuple(rules)


_SCHOOL = "system.school"
_FEAT = "system.type.value"
_TRADITION = "system.traits.traditions"

# A cantrip has a school, too, and is asked first: viewers must not take away what costs nothing.
_DND5E = _table(
    "dnd5e",
    ("spell 0", "cantrip", "spell", "Cantrips", "system.level", "0"),
    ("spell 1", "abjuration", "spell", "Abjuration", _SCHOOL, "abj"),
    ("spell 1", "conjuration", "spell", "Conjuration", _SCHOOL, "con"),
    ("spell 1", "divination", "spell", "Divination", _SCHOOL, "div"),
    ("spell 1", "enchantment", "spell", "Enchantment", _SCHOOL, "enc"),
    ("spell 2", "evocation", "spell", "Evocation", _SCHOOL, "evo"),
    ("spell 1", "illusion", "spell", "Illusion", _SCHOOL, "ill"),
    ("spell 1", "necromancy", "spell", "Necromancy", _SCHOOL, "nec"),
    ("spell 1", "transmutation", "spell", "Transmutation", _SCHOOL, "trs"),
    ("feature 1", "class_feature", "feat", "Class features", _FEAT, "class"),
    ("feature 1", "racial_trait", "feat", "Racial traits", _FEAT, "race"),
    ("feature 1", "feat", "feat", "Feats", _FEAT, "feat"),
    ("inventory 0", "weapon", "weapon", "Weapons"),
    ("inventory 0", "equipment", "equipment", "Equipment"),
    ("inventory 0", "consumable", "consumable", "Consumables"),
    ("inventory 0", "tool", "tool", "Tools"),
    ("inventory 0", "loot", "loot", "Loot"),
    ("inventory 0", "container", "container", "Containers"),
    ("inventory 0", "container", "backpack", "Containers"),
)

# Focus spells and cantrips have traditions, too. The last rule takes spells whose traits are not synced.
_PF2E = _table(
    "pf2e",
    ("spell 0", "cantrip", "spell", "Cantrips", "system.traits.value", "cantrip"),
    ("spell 1", "focus", "spell", "Focus spells", "system.traits.value", "focus"),
    ("spell 1", "arcane", "spell", "Arcane spells", _TRADITION, "arcane"),
    ("spell 1", "divine", "spell", "Divine spells", _TRADITION, "divine"),
    ("spell 1", "occult", "spell", "Occult spells", _TRADITION, "occult"),
    ("spell 1", "primal", "spell", "Primal spells", _TRADITION, "primal"),
    ("spell 1", "spell", "spell", "Spells"),
    ("feature 1", "action", "action", "Actions"),
    ("feature 1", "feat", "feat", "Feats"),
    ("feature 0", "heritage", "heritage", "Heritage"),
    ("inventory 0", "weapon", "weapon", "Weapons"),
    ("inventory 0", "armor", "armor", "Armor"),
    ("inventory 0", "shield", "shield", "Shields"),
    ("inventory 0", "consumable", "consumable", "Consumables"),
    ("inventory 0", "equipment", "equipment", "Equipment"),
    ("inventory 0", "treasure", "treasure", "Treasure"),
    ("inventory 0", "container", "backpack", "Containers"),
)

_COC7 = _table(
    "CoC7",
    ("spell 1", "spell", "spell", "Spells"),
    ("feature 1", "talent", "talent", "Talents"),
    ("feature 0", "skill", "skill", "Skills"),
    ("inventory 0", "weapon", "weapon", "Weapons"),
    ("inventory 0", "book", "book", "Tomes"),
    ("inventory 0", "item", "item", "Possessions"),
)

# Hindrances are what players took on in exchange; viewers taking them away would be a gift by accident.
_SWADE = _table(
    "swade",
    ("spell 1", "power", "power", "Powers"),
    ("feature 1", "edge", "edge", "Edges"),
    ("feature 1", "ability", "ability", "Special abilities"),
    ("feature 0", "hindrance", "hindrance", "Hindrances"),
    ("feature 0", "skill", "skill", "Skills"),
    ("inventory 0", "weapon", "weapon", "Weapons"),
    ("inventory 0", "armor", "armor", "Armor"),
    ("inventory 0", "shield", "shield", "Shields"),
    ("inventory 0", "consumable", "consumable", "Consumables"),
    ("inventory 0", "gear", "gear", "Gear"),
)

#: For systems without rules of their own: item types that many systems use by these names.
_GENERIC = _table(
    "generic",
    *(("spell 1", name, name, name.capitalize()) for name in ("spell", "power", "prayer", "discipline")),
    *(("feature 1", name, name, name.capitalize()) for name in ("feat", "feature", "talent", "ability")),
    *(("feature 0", name, name, name.capitalize()) for name in ("skill", "trait", "flaw", "hindrance")),
    *(
        ("inventory 0", name, name, name.capitalize())
        for name in ("weapon", "armor", "armour", "equipment", "gear", "item", "consumable", "loot")
    ),
)

#: Four of the 14 systems that the original seeded. The other ten, wfrp4e and wod5e among them, are not here:
#: they get the generic rules, and the desk offers what `detected` finds.
PRESETS: Mapping[str, tuple[ItemCategoryRule, ...]] = {
    "dnd5e": _DND5E,
    "pf2e": _PF2E,
    "CoC7": _COC7,
    "swade": _SWADE,
}
_BY_FOLDED_ID = {system_id.casefold(): rules for system_id, rules in PRESETS.items()}


def presets_for(system_id: str) -> tuple[ItemCategoryRule, ...]:
    """The rules that a campaign of a game system begins with; the generic ones for a system not known."""
    return _BY_FOLDED_ID.get(system_id.casefold(), _GENERIC)


def applied(rows: Iterable[ItemCategoryRule], system_id: str) -> tuple[ItemCategoryRule, ...]:
    """A campaign's rules after the presets of its game system were applied, for the first time or again.

    As `criticality_presets.applied`: own rules stay, a preset that is there keeps its id and its switch, an
    edited one keeps everything; edited ones of another system stay as own rules that are switched off.
    """
    own: list[ItemCategoryRule] = []
    there: dict[str, ItemCategoryRule] = {}
    shipped = {rule.preset_key: rule for rule in presets_for(system_id)}
    for row in rows:
        if row.preset_key is None:
            own.append(row)
        elif row.preset_key in shipped:
            there.setdefault(row.preset_key, row)
        elif row.edited:
            own.append(replace(row, preset_key=None, is_enabled=False, edited=False))
    presets = [_renewed(there.get(key or ""), rule) for key, rule in shipped.items()]
    return (*own, *presets)


def _renewed(row: ItemCategoryRule | None, rule: ItemCategoryRule) -> ItemCategoryRule:
    if row is None:
        return rule
    return row if row.edited else replace(rule, rule_id=row.rule_id, is_enabled=row.is_enabled)
