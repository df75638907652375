"""Codes for pairing: six symbols that nobody mixes up, good for five minutes, once (wire protocol, H1)."""

from __future__ import annotations

import secrets
from typing import Final

from server.vault import Vault

#: No I, O, 0 and 1.
ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH: Final = 6


def new_code() -> str:
    """30 random bits as people read them: ABC-123."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return f"{code[:3]}-{code[3:]}"


def code_hash(vault: Vault, typed: str) -> bytes | None:
    """What is stored of a code, however it was typed; None for what can be no code.

    Keyed: 30 bits could be tried out against a plain hash within a second.
    """
    code = "".join(typed.upper().split()).replace("-", "")
    if len(code) != LENGTH or any(symbol not in ALPHABET for symbol in code):
        return None
    return vault.sign("pairing code", code.encode())
