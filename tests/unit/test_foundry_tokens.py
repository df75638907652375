"""Tokens of the published module: what they say, and that nobody else makes them."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from server.vault import Vault
from server.web.foundry import tokens
from server.web.foundry.tokens import Kind

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
TABLE = UUID("01933b3e-0000-7000-8000-000000000001")
MARK = "0123456789abcdef" * 2
PARENT = uuid4()


@pytest.fixture
def vault() -> Vault:
    return Vault([secrets.token_bytes(32)])


def made(vault: Vault, kind: Kind = "session", parent: UUID | None = None) -> str:
    return tokens.make(vault, kind, connection_id=TABLE, version=7, fingerprint=MARK, now=NOW, parent=parent)


@pytest.mark.parametrize(("kind", "life_s"), [("session", 3600), ("refresh", 604_800)])
def test_what_a_token_says(vault: Vault, kind: Kind, life_s: int) -> None:
    token = tokens.read(vault, kind, made(vault, kind, PARENT))
    assert token is not None
    assert (token.kind, token.connection_id, token.version, token.fingerprint, token.parent) == (
        kind, TABLE, 7, MARK, PARENT,
    )  # fmt: skip
    ends = NOW + timedelta(seconds=life_s)
    assert token.expires_at == ends
    assert not token.is_stale(ends - timedelta(milliseconds=1))
    assert token.is_stale(ends)


def test_no_two_are_alike(vault: Vault) -> None:
    assert len({made(vault) for _ in range(100)}) == 100
    read = tokens.read(vault, "session", made(vault))
    assert read is not None
    assert read.parent is None


def test_one_kind_is_not_the_other(vault: Vault) -> None:
    session, refresh = made(vault), made(vault, "refresh")
    assert tokens.read(vault, "refresh", session) is None
    assert tokens.read(vault, "session", refresh) is None
    assert tokens.read(vault, "refresh", session.replace("vts_", "vtr_")) is None
    assert tokens.read(vault, "session", refresh.replace("vtr_", "vts_")) is None


def test_every_symbol_counts(vault: Vault) -> None:
    good = made(vault)
    for place in range(len(good)):
        other = "A" if good[place] != "A" else "B"
        changed = good[:place] + other + good[place + 1 :]
        assert tokens.read(vault, "session", changed) is None
    others: tuple[object, ...] = (
        good[:-1],
        good + "A",
        good + "=",
        " " + good,
        good.upper(),
        good[4:],
        "vts_",
        "",
        None,
        7,
        {},
    )
    for bad in others:
        assert tokens.read(vault, "session", bad) is None
    assert tokens.read(vault, "session", "vts_" + "A" * 10_000) is None


def test_keys_may_change(vault: Vault) -> None:
    old, new = secrets.token_bytes(32), secrets.token_bytes(32)
    token = made(Vault([old]))
    assert tokens.read(Vault([new, old]), "session", token) is not None
    assert tokens.read(Vault([new]), "session", token) is None
