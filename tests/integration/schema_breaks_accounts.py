"""As `schema_breaks`, of sign-in, sessions and people who leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
HASH, SHORT = b"\1" * 32, b"\1" * 31
USER, SESSION = UUID(int=1), UUID(int=21)
HASHED = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaA"
LONG = "a" * 250 + "@b.de"

Changes = tuple[dict[str, Any], ...]


def _is(column: str, *values: Any) -> Changes:
    return tuple({column: value} for value in values)


def rows() -> dict[str, dict[str, Any]]:
    """One good row of every table, behind those of `schema_breaks`."""
    way = {
        "provider": "twitch",
        "purpose": "login",
        "wants": "identity",
        "browser_hash": HASH,
        "created_at": NOW,
        "expires_at": LATER,
    }
    return {
        "oauth_link_states": {**way, "state_hash": HASH, "verifier": b"sealed", "return_to": "/desk"},
        "device_sign_ins": {
            **way,
            "id": UUID(int=80),
            "device_code": b"sealed",
            "interval_s": 5,
            "next_at": NOW,
        },
        "login_failures": {"key_hash": HASH, "failures": 1, "last_at": NOW},
        "erasures": {
            "id": UUID(int=81),
            "platform": "twitch",
            "platform_user_id": "1",
            "pseudonym": "erased:" + "0" * 32,
        },
    }


_PROVEN = {"email": "ana@example.org", "email_verified_at": NOW}
_WAY: dict[str, Changes] = {
    "purpose": _is("purpose", "register"),
    "wants": _is("wants", "everything"),
    "browser_hash": _is("browser_hash", SHORT),
}

#: By table and column, besides those of `schema_breaks`.
COLUMNS: dict[str, dict[str, Changes]] = {
    "users": {
        "password_hash": (
            {**_PROVEN, "password_hash": "secret"},
            {**_PROVEN, "password_hash": "$argon2i$v=19$x"},
            {**_PROVEN, "password_hash": HASHED + "x" * 255},
        ),
        "email_length": ({**_PROVEN, "email": "a@"}, {**_PROVEN, "email": LONG}),
    },
    "auth_providers": {
        "login": _is("login", "Ana", "l" * 65),
        "email": _is("email", "Ana@example.org", "a@", LONG),
    },
    "sessions": {"method": _is("method", "guess")},
    "verifications": {
        "purpose": _is("purpose", "other"),
        "email": (
            {"purpose": "email", "email": "Ana@example.org"},
            {"purpose": "email", "email": "a@"},
            {"purpose": "email", "email": LONG},
        ),
        "user": (
            {"purpose": "register", "email": "a@b.de"},
            {"purpose": "reset", "user_id": None},
            {"purpose": "login", "user_id": None},
        ),
        "about": ({"purpose": "email"}, {"purpose": "reset", "email": "a@b.de"}),
    },
    "oauth_link_states": {
        **_WAY,
        "state_hash": _is("state_hash", SHORT),
        "provider": _is("provider", "myspace"),
        "return_to": _is(
            "return_to",
            "",
            "desk",
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/desk//evil.example",
            "/desk\n",
            "/desk%0d",
            "/de sk",
            "/@evil.example",
            "/" + "d" * 200,
        ),
    },
    "device_sign_ins": {
        **_WAY,
        "provider": _is("provider", "kick"),
        "interval_s": _is("interval_s", 0, 61),
    },
    "login_failures": {"key_hash": _is("key_hash", SHORT), "failures": _is("failures", 0)},
    "erasures": {
        "platform": _is("platform", "google"),
        "platform_user_id": _is("platform_user_id", "", "1" * 65),
        "pseudonym": _is("pseudonym", "", "991", "erased:" + "0" * 31, "erased:" + "0" * 33),
    },
}

#: By table and constraint: what more than one column together must not be.
TOGETHER: dict[tuple[str, str], Changes] = {
    ("users", "users_email_is_proven"): ({"email": "a@b.de"}, {"email_verified_at": NOW}),
    ("users", "users_password_has_email"): ({"password_hash": HASHED},),
    ("users", "users_erased_has_nothing"): (
        {**_PROVEN, "erased_at": NOW},
        {"is_owner": True, "erased_at": NOW},
    ),
    **{
        (table, f"{table}_check"): ({"purpose": "link"}, {"session_id": SESSION})
        for table in ("oauth_link_states", "device_sign_ins")
    },
    **{
        (table, f"{table}_check1"): ({"expires_at": NOW},)
        for table in ("oauth_link_states", "device_sign_ins")
    },
}
