"""As `schema_breaks`, of what is known before a show."""

from __future__ import annotations

from typing import Any
from uuid import UUID

Changes = tuple[dict[str, Any], ...]


def rows(campaign: UUID) -> dict[str, dict[str, Any]]:
    """One good row of every table."""
    return {
        "preflight_reports": {
            "id": UUID(int=90),
            "campaign_id": campaign,
            "source": "desk",
            "actor": "user:1",
            "healthy": True,
            "warnings": 0,
            "checks": [],
            "took_ms": 3,
        },
        "account_issues": {"platform": "twitch", "account_id": "1", "code": "not_affiliate"},
    }


_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "preflight_reports": {
        "source": ("", "cron"),
        "actor": ("a" * 101,),
        "warnings": (-1,),
        "checks": ({},),
        "took_ms": (-1,),
    },
    "account_issues": {
        "platform": ("", "google"),
        "account_id": ("", "1" * 65),
        "code": ("", "bored"),
        "detail": ("d" * 301,),
    },
}

#: (table) → column → changes to the good row, each of which the column's constraint must refuse.
COLUMNS: dict[str, dict[str, Changes]] = {
    table: {column: tuple({column: value} for value in values) for column, values in columns.items()}
    for table, columns in _VALUES.items()
}
