"""What each game system calls critical, as rules a campaign begins with (domain/vtt-and-dice.md §8).

Where the original only came near a system's book (doubles as "total <= 11", a glitch on any single 1),
the book stands here. A preset has priority 5, and more where it must be asked before another of its
family; own rules are asked first anyway (`criticality.judge`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from server.rules import criticality_presets_pools as pools
from server.rules import criticality_presets_totals as totals
from server.rules.criticality import CriticalityRule

#: By the tabletop's id of the game system, aliases among them. Aliases share keys and so keep toggles.
PRESETS: Mapping[str, tuple[CriticalityRule, ...]] = {
    "dnd5e": totals.DND5E,
    "pf2e": totals.PF2E,
    "CoC7": totals.COC7,
    "wfrp4e": totals.WFRP4E,
    "swade": totals.SWADE,
    "cyberpunk-red-core": totals.CYBERPUNK,
    "alienrpg": pools.ALIEN,
    "forbidden-lands": pools.FORBIDDEN_LANDS,
    "vaesen": pools.VAESEN,
    "blades-in-the-dark": pools.BLADES,
    "vtm5e": pools.VAMPIRE,
    "wod5e": pools.VAMPIRE,
    "shadowrun5e": pools.SHADOWRUN,
    "shadowrun6-eden": pools.SHADOWRUN,
    "starwarsffg": pools.NARRATIVE,
    "genesys": pools.NARRATIVE,
    "fate-core-official": totals.FATE,
    "k4lt": totals.KULT,
    "city-of-mist": totals.MIST,
}
_BY_FOLDED_ID = {system_id.casefold(): rules for system_id, rules in PRESETS.items()}


def presets_for(system_id: str) -> tuple[CriticalityRule, ...]:
    """The rules of a game system; empty for one that is not known. Capitals do not matter."""
    return _BY_FOLDED_ID.get(system_id.casefold(), ())


def applied(rows: Iterable[CriticalityRule], system_id: str) -> tuple[CriticalityRule, ...]:
    """A campaign's rules after the presets of its game system were applied, for the first time or again.

    Own rules come back as they are, in their order, then the presets. A preset that is there keeps its id
    and its toggle and otherwise becomes what is shipped, unless it was edited: then nothing of it changes.
    Presets of another system go. One that was edited is the game master's work and stays, switched off, as
    an own rule. Applying twice is applying once.
    """
    own: list[CriticalityRule] = []
    there: dict[str, CriticalityRule] = {}
    shipped = {rule.preset_key: rule for rule in presets_for(system_id)}
    for row in rows:
        if not row.is_system_preset:
            own.append(row)
        elif row.preset_key in shipped:
            there.setdefault(row.preset_key or "", row)
        elif row.edited:
            own.append(replace(row, is_system_preset=False, preset_key=None, is_enabled=False, edited=False))
    # A key is unique in a campaign, and an own rule that holds one is not to be touched.
    taken = {row.preset_key for row in own if row.preset_key}
    presets = [_renewed(there.get(key or ""), rule) for key, rule in shipped.items() if key not in taken]
    return (*own, *presets)


def _renewed(row: CriticalityRule | None, rule: CriticalityRule) -> CriticalityRule:
    if row is None:
        return rule
    return row if row.edited else replace(rule, rule_id=row.rule_id, is_enabled=row.is_enabled)
