"""The game's table of the desk's stand-in API (desk_harness.py): its state, and how tests fill it.

Dice, criticals and statistics are those of the real rules; only storage and time are made up.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

from server.rules import fairness, notation, notation_dice
from server.rules.criticality import CriticalityRule, Verdict, judge, told
from server.rules.criticality_presets import applied
from server.rules.dice import Actor, DiceRoll, Source, inconsistencies
from tests.browser.desk_poll import new_id, now, wire

Json = dict[str, Any]

SETTINGS: Json = {
    "game_system": "",
    "shows_dice": True,
    "shows_secret": False,
    "seals_secret": False,
    "shows_party": True,
    "shows_initiative": True,
    "holds_pending": True,
    "rewards_unverified": True,
    "conceals_monsters": True,
}


def thrown(text: str, faces: tuple[int, ...] = ()) -> DiceRoll:
    """A roll of `text`: these faces first, in the order in which the dice fall, the rest by chance."""
    expression = notation.parse(text)
    given = iter(faces)
    chance = random.Random(text)  # noqa: S311  the same picture every time

    def draw(sides: int) -> int:
        return next(given, None) or chance.randint(1, sides)

    fallen = notation_dice.roll(expression, draw)
    return DiceRoll(
        "r",
        Source("manual", "desk"),
        Actor("Desk"),
        "public",
        notation.canonical(expression),
        fallen.groups,
        fallen.modifiers,
        fallen.total,
        kind="check",
        successes=fallen.successes,
    )


def drawn(roll: DiceRoll) -> Json:
    """The part of a roll that its dice make."""
    return {
        "notation": roll.notation,
        "groups": [
            {
                "sides": group.sides,
                "count": group.count,
                "sign": group.sign,
                "label": group.label,
                "dice": [
                    {
                        "value": die.value,
                        "state": die.state,
                        "counts_as": die.counts_as,
                        "exploded": die.exploded,
                        "extra": die.extra,
                        "parent": die.parent,
                        "replaces": die.replaces,
                        "success": die.success,
                        "failure": die.failure,
                        "symbol": die.symbol,
                    }
                    for die in group.dice
                ],
            }
            for group in roll.groups
        ],
        "modifiers": [{"value": one.value, "label": one.label} for one in roll.modifiers],
        "total": roll.total,
        "successes": roll.successes,
        "inconsistencies": inconsistencies(roll),
        "anomalies": [],
    }


def critical_of(verdict: Verdict | None) -> Json | None:
    if verdict is None:
        return None
    return {
        "type": verdict.type,
        "severity": verdict.severity,
        "label": verdict.label,
        "category": verdict.category,
        "rule_id": verdict.rule_id or None,
    }


class FakeTable:
    """What one campaign has of a table."""

    def __init__(self) -> None:
        self.settings = dict(SETTINGS)
        self.connections: dict[str, Json] = {}
        self.rolls: dict[str, Json] = {}
        self.characters: dict[str, Json] = {}
        self.rules: list[CriticalityRule] = []
        self.items: dict[str, Json] = {}
        self.commands: dict[str, Json] = {}
        self.combat: Json = {
            "combat_id": None,
            "round": 0,
            "current_id": "",
            "next_id": "",
            "combatants": [],
            "updated_at": None,
        }
        self.fairness = fairness.Fairness()
        self.waiting_code = "ABC234"  # that Foundry shows
        self.offers: list[str] = []

    # -- building a state ----

    def add_connection(self, system: str = "beyond20", name: str = "Friday table", **more: Any) -> Json:
        connection_id = new_id()
        pairing = system == "foundry-module"
        connection: Json = {
            "id": connection_id,
            "name": name,
            "system": "foundry" if pairing else system,
            "provider": "foundry" if pairing else system,
            "provider_name": "Foundry VTT (module)" if pairing else system.capitalize(),
            "auth_type": "pairing" if pairing else "webhook",
            "status": "active",
            "webhook_url": f"http://desk.example/webhooks/vtt/{connection_id}",
            "has_secrets": not pairing,
            "older_secrets_until": None,
            "world_id": "my-world" if pairing else None,
            "world_name": "My World" if pairing else "",
            "module_version": "2.3.4" if pairing else "",
            "game_system": "dnd5e" if pairing else "",
            "visibility": "gm_only",
            "origins": [],
            "is_trusted": False,
            "heard_at": wire(now() - timedelta(seconds=4)),
            "rolls_per_minute": 12,
            "sockets": 1 if pairing else 0,
            "revoked_at": None,
            "revoked_reason": "",
            "created_at": wire(now()),
            **more,
        }
        self.connections[connection_id] = connection
        return connection

    def secrets(self, connection: Json) -> Json:
        token = f"hbi_{new_id().replace('-', '')}"
        plain = connection["system"] in ("discord", "event_hooker")
        return {
            **connection,
            "signing_secret": f"whsec_{new_id().replace('-', '')}",
            "ingest_token": token,
            "plain_url": f"{connection['webhook_url']}/{token}" if plain else None,
        }

    def add_roll(self, text: str, *faces: int, roll: DiceRoll | None = None, **more: Any) -> Json:
        roll = roll or thrown(text, faces)
        verdict = judge(self.rules, roll) or told(roll)
        made: Json = {
            "id": new_id(),
            "view_id": new_id(),
            "connection_id": None,
            "system": "manual",
            "instance_id": "desk",
            "roll_id": new_id(),
            "revision": 1,
            "visibility": "public",
            "player_name": "Game master",
            "is_gm": True,
            "character_id": None,
            "character_name": "",
            "channel_id": None,
            "attribution": "attributed",
            "label": "",
            "kind": "custom",
            "damage_type": "",
            "mode": "normal",
            **drawn(roll),
            "success": None,
            "target": None,
            "critical": critical_of(verdict),
            "verified": True,
            "forced": False,
            "simulated": False,
            "details": {},
            "seal": None,
            "shown_at": None,
            "revealed_at": None,
            "effects_at": None,
            "rolled_at": wire(now()),
            "received_at": wire(now()),
            **more,
        }
        self.rolls[made["id"]] = made
        if not made["simulated"]:
            actor = Actor(made["player_name"])
            visible = replace(roll, actor=actor, visibility=made["visibility"])
            self.fairness = fairness.add(self.fairness, visible)
        return made

    def add_character(self, name: str, *, points: tuple[int, int] | None = (24, 31), **more: Any) -> Json:
        character: Json = {
            "id": new_id(),
            "connection_id": None,
            "vtt_id": name.lower(),
            "name": name,
            "avatar": "",
            "kind": "pc",
            "kind_override": None,
            "hit_points": points and {"current": points[0], "maximum": points[1], "temporary": 0},
            "conditions": [],
            "in_party": True,
            "hides_points": False,
            "assigned_to": None,
            "items": {},
            "synced_at": None,
            "created_at": wire(now()),
            **more,
        }
        self.characters[character["id"]] = character
        return character

    def add_command(self, kind: str = "chat_message", state: str = "told", **more: Any) -> Json:
        command: Json = {
            "id": new_id(),
            "connection_id": next(iter(self.connections), new_id()),
            "kind": kind,
            "state": state,
            "reason": "",
            "report": "",
            "created_at": wire(now() - timedelta(minutes=2)),
            "expires_at": wire(now() + timedelta(minutes=58)),
            "told_at": None if state in ("waiting", "dead") else wire(now() - timedelta(minutes=1)),
            "reported_at": None,
            **more,
        }
        self.commands[command["id"]] = command
        return command

    def add_item_rule(self, label: str, category: str = "spell", **more: Any) -> Json:
        rule: Json = {
            "id": new_id(),
            "preset_key": None,
            "edited": False,
            "category": category,
            "subcategory": label.lower(),
            "item_type": category,
            "match_field": None,
            "match_value": None,
            "label": label,
            "description": "",
            "icon": "",
            "color": "",
            "is_targetable": True,
            "weight": 1,
            "priority": 0,
            "is_enabled": True,
            **more,
        }
        self.items[rule["id"]] = rule
        return rule

    def play(self, system: str) -> None:
        self.settings["game_system"] = system
        kept = {rule.rule_id for rule in self.rules}
        self.rules = [
            rule if rule.rule_id in kept else replace(rule, rule_id=new_id())
            for rule in applied(self.rules, system)
        ]

    def fight(self, *combatants: tuple[str, str, float | None], current: int = 0, **more: Any) -> None:
        """`(name, type, initiative)` in the order of turns."""
        made = [
            {
                "combatant_id": f"c{place}",
                "name": name,
                "character_type": kind,
                "initiative": initiative,
                "defeated": False,
                "concealed": kind != "pc",
                "hit_points": {"current": 9, "maximum": 12, "temporary": 0},
                **more.get(name, {}),
            }
            for place, (name, kind, initiative) in enumerate(combatants)
        ]
        self.combat = {
            "combat_id": "fight",
            "round": 2,
            "current_id": f"c{current}",
            "next_id": f"c{(current + 1) % len(made)}",
            "combatants": made,
            "updated_at": wire(now() - timedelta(seconds=3)),
        }

    # -- what the API tells of it ----

    def stats(self, *, hidden: bool) -> Json:
        players = self.fairness.hidden if hidden else self.fairness.public
        lucky = fairness.luckiest(players)
        shown = [
            {
                "key": key,
                "name": player.name,
                "count": player.count,
                "luck": fairness.luck(key, player).z,
                "dice": [
                    {
                        "sides": of.sides,
                        "count": of.count,
                        "mean": of.mean,
                        "distribution": list(of.distribution),
                        "chi_square": of.chi_square,
                        "p_value": of.p_value,
                        "is_enough": of.is_enough,
                        "longest_high": of.streaks.longest_high,
                        "longest_low": of.streaks.longest_low,
                        "longest_same": of.streaks.longest_same,
                    }
                    for of in sorted(player.dice.values(), key=lambda of: -of.count)
                ],
            }
            for key, player in players.items()
        ]
        luck = (
            None
            if lucky is None
            else {"key": lucky.key, "name": lucky.name, "z": lucky.z, "count": lucky.count}
        )
        return {
            "rolls": len(self.rolls),
            "players": sorted(shown, key=lambda one: -one["count"]),
            "luckiest": luck,
        }

    @staticmethod
    def shown_rule(rule: CriticalityRule) -> Json:
        return {
            "id": rule.rule_id,
            "preset_key": rule.preset_key,
            "is_system_preset": rule.is_system_preset,
            "edited": rule.edited,
            "dice_formula": rule.dice_formula,
            "result_field": rule.result_field,
            "result_condition": rule.result_condition,
            "critical_type": rule.critical_type,
            "severity": rule.severity,
            "label": rule.label,
            "description": rule.description,
            "category": rule.category,
            "group": rule.group,
            "symbol": rule.symbol,
            "also": [
                {
                    "result_field": clause.result_field,
                    "condition": clause.condition,
                    "group": clause.group,
                    "symbol": clause.symbol,
                }
                for clause in rule.also
            ],
            "kinds": sorted(rule.kinds),
            "priority": rule.priority,
            "is_enabled": rule.is_enabled,
        }
