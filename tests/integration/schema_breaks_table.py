"""As `schema_breaks`, of the tables of virtual tabletops."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
HASH, SHORT = b"\1" * 32, b"\1" * 31
HEX = "a" * 64
CAMPAIGN, OUTBOX, TABLE, CHARACTER, ROLL = UUID(int=2), UUID(int=40), *(UUID(int=n) for n in range(60, 63))

Changes = tuple[dict[str, Any], ...]


def rows() -> dict[str, dict[str, Any]]:
    """One good row of every table, behind those of `schema_breaks`."""
    return {
        "vtt_providers": {"name": "abacus", "display_name": "Abacus", "auth_type": "webhook"},
        "vtt_connections": {"id": TABLE, "campaign_id": CAMPAIGN, "provider": "neutral", "name": "Table"},
        "vtt_pairings": {
            "id": UUID(int=70),
            "code_hash": HASH,
            "asked_by": "table",
            "provider": "foundry",
            "created_at": NOW,
            "expires_at": LATER,
        },
        "token_revocation_lists": {
            "jti": UUID(int=71),
            "token_type": "session",
            "connection_id": TABLE,
            "revoked_at": NOW,
            "expires_at": LATER,
        },
        "vtt_sockets": {"id": UUID(int=72), "connection_id": TABLE},
        "vtt_commands": {
            "outbox_id": OUTBOX,
            "connection_id": TABLE,
            "request_id": UUID(int=73),
            "expires_at": LATER,
        },
        "characters": {
            "id": CHARACTER,
            "campaign_id": CAMPAIGN,
            "connection_id": TABLE,
            "vtt_id": "actor-1",
            "name": "Rook",
            "kind": "npc",
        },
        "character_assignments": {"character_id": CHARACTER, "campaign_id": CAMPAIGN},
        "character_aliases": {
            "campaign_id": CAMPAIGN,
            "connection_id": TABLE,
            "vtt_id": "rook",
            "character_id": CHARACTER,
        },
        "dice_rolls": {
            "id": ROLL,
            "campaign_id": CAMPAIGN,
            "instance_id": "world",
            "roll_id": "r1",
            "view_id": UUID(int=74),
            "system": "foundry",
            "visibility": "public",
            "roll": {},
            "player_key": "id:1",
            "attribution": "pending",
            "rolled_at": NOW,
            "received_at": NOW,
        },
        "campaign_criticality_rules": {
            "id": UUID(int=75),
            "campaign_id": CAMPAIGN,
            "result_field": "total",
            "result_condition": ">= 15",
            "critical_type": "success",
            "label": "Good enough",
        },
        "campaign_item_category_rules": {
            "id": UUID(int=76),
            "campaign_id": CAMPAIGN,
            "category": "spell",
            "subcategory": "fire",
            "item_type": "spell",
            "label": "Fire",
        },
        "table_settings": {"campaign_id": CAMPAIGN},
        "combats": {"campaign_id": CAMPAIGN, "combat_id": "fight", "combat": {}, "updated_at": NOW},
    }


def _is(column: str, *values: Any) -> Changes:
    return tuple({column: value} for value in values)


def _texts(least: int, **longest: int) -> dict[str, Changes]:
    """Columns with texts that are too long, and too short where there is a least length."""
    return {
        column: _is(column, *([""] if least else []), "x" * (most + 1)) for column, most in longest.items()
    }


#: By table and column: what its CHECK must refuse.
COLUMNS: dict[str, dict[str, Changes]] = {
    "vtt_providers": {
        "name": _is("name", "", "Foundry", "x" * 33),
        "auth_type": _is("auth_type", "oauth"),
        **_texts(1, display_name=64),
    },
    "vtt_connections": {
        **_texts(1, name=64, world_id=128, fingerprint=64),
        **_texts(0, world_name=128, module_version=64, game_system=64, revoked_reason=200),
        "status": ({"status": "asleep"},),
        "ingest_hash": _is("ingest_hash", SHORT),
        "older_ingest_hash": ({"older_ingest_hash": SHORT, "older_until": NOW},),
        "api_key_hash": _is("api_key_hash", SHORT),
        "token_version": _is("token_version", 0),
        "visibility": _is("visibility", "blind"),
        "origins": _is("origins", ["https://a.example"] * 21),
    },
    "vtt_pairings": {
        "code_hash": _is("code_hash", SHORT),
        "asked_by": _is("asked_by", "nobody"),
        **_texts(0, world_id=128, world_name=128, module_version=64, game_system=64),
    },
    "token_revocation_lists": {"token_type": _is("token_type", "pairing"), **_texts(0, reason=200)},
    "vtt_commands": _texts(0, report=200),
    "characters": {
        **_texts(1, vtt_id=128, name=128),
        **_texts(0, avatar=512, item_hash=64),
        "kind": _is("kind", "hero"),
        "content": _is("content", []),
        "content_hash": _is("content_hash", "a" * 63, "A" * 64),
        "item_summary": _is("item_summary", []),
        "conditions": _is("conditions", ["x"] * 13, [""], ["x" * 33]),
    },
    "character_aliases": _texts(1, vtt_id=128),
    "dice_rolls": {
        **_texts(1, instance_id=128, roll_id=128, system=32, player_key=200),
        **_texts(0, critical_label=255, category=64, rule_id=64),
        "revision": _is("revision", 0),
        "visibility": _is("visibility", "", "unheard-of"),
        "roll": _is("roll", []),
        "attribution": _is("attribution", "lost"),
        "critical_type": ({"critical_type": "so-so", "severity": "minor"},),
        "severity": ({"critical_type": "success", "severity": "huge"},),
        "details": _is("details", []),
        "commitment": ({"commitment": "A" * 64, "nonce": HASH},),
        "nonce": ({"commitment": HEX, "nonce": SHORT},),
    },
    "campaign_criticality_rules": {
        **_texts(1, preset_key=64, result_field=32, result_condition=32, label=255),
        **_texts(0, dice_formula=50, description=1000, category=64, dice_group=64, symbol=32),
        "critical_type": _is("critical_type", "so-so"),
        "severity": _is("severity", "huge"),
        "also": _is("also", {}, [{}] * 8),
        "kinds": _is("kinds", ["x"] * 11, [""], ["x" * 33]),
        "priority": _is("priority", -1, 1001),
    },
    "campaign_item_category_rules": {
        **_texts(1, preset_key=64, subcategory=100, item_type=50, label=255),
        **_texts(0, match_field=200, match_value=200, description=1000, icon=64),
        "category": _is("category", "pet"),
        "color": _is("color", "red", "#12345"),
        "weight": _is("weight", -1, 101),
        "priority": _is("priority", -1, 1001),
    },
    "table_settings": _texts(0, game_system=64),
    "combats": {**_texts(1, combat_id=128), "combat": _is("combat", [])},
}

#: By table and constraint: what more than one column together must not be.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("vtt_connections", "vtt_connections_check"): ({"status": "revoked"}, {"revoked_at": NOW}),
    ("vtt_connections", "vtt_connections_check1"): ({"parked": b"x"}, {"parked_until": NOW}),
    ("vtt_connections", "vtt_connections_check2"): (
        {"older_signing_secret": b"x"},
        {"older_ingest_hash": HASH},
    ),
    ("vtt_pairings", "vtt_pairings_check"): ({"expires_at": NOW},),
    ("vtt_pairings", "vtt_pairings_check1"): ({"asked_by": "desk"},),
    ("vtt_pairings", "vtt_pairings_check2"): ({"completed_at": NOW}, {"connection_id": TABLE}),
    ("characters", "characters_check"): (
        {"kind_override": "pc"},
        {"kind": "pc", "kind_override": "npc"},
    ),
    ("dice_rolls", "dice_rolls_check"): ({"critical_type": "success"}, {"severity": "minor"}),
    ("dice_rolls", "dice_rolls_check1"): ({"commitment": HEX}, {"nonce": HASH}),
    ("dice_rolls", "dice_rolls_anomalies"): ({"anomalies": ["sunspots"]},),
    ("campaign_criticality_rules", "campaign_criticality_rules_check"): ({"is_system_preset": True},),
    ("campaign_criticality_rules", "campaign_criticality_rules_check1"): ({"edited": True},),
    ("combats", "combats_concealments"): ({"concealments": []},),
    ("table_settings", "table_settings_check"): ({"seals_secret": True},),
}
