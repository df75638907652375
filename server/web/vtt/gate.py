"""Who sends dice: a server that signs, or a browser with a token (contract §6). Checked before anything is
read of the body (T17, T19)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request

from server.vault import Vault
from server.web.problems import Problem
from server.web.sender_secrets import SenderSecrets, is_one_of
from server.web.vtt.standard_webhooks import ID, SIGNATURE, NotGenuine, check
from sql.vtt_connections import Gate

_DELIVERY: Final = re.compile(r"[\x21-\x7e]{1,128}")
_LONGEST_TOKEN: Final = 256
#: Those of tables; a browser that has the token may send dice.
SECRETS: Final = SenderSecrets("vtt_connections", "ing_")


@dataclass(frozen=True, slots=True)
class Proof:
    """A sender is who it says. `delivery` names what it delivers, empty where it does not say."""

    is_signed: bool
    delivery: str


def prove(
    vault: Vault, gate: Gate | None, request: Request, raw: bytes, *, now: datetime, token: str = ""
) -> Proof:
    """That the delivery comes from the table. Raises Problem 401, and the same one for a table that is not
    there, one that is revoked, and a wrong secret.

    `now` is the database clock. `token` is that of an address that holds one.
    """
    known = gate if gate is not None and gate.is_active else None
    if SIGNATURE in request.headers:
        try:
            return Proof(True, check(_keys(vault, known), request.headers, raw, now))
        except NotGenuine as reason:
            raise _unauthorized(f"The delivery is not believed: {reason}.") from None
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = given.strip()
    if not token:
        raise _unauthorized(
            "Send the ingest token as `Authorization: Bearer ing_…`, or sign as Standard Webhooks says."
        )
    if not _is_token(known, token):
        raise _unauthorized("The token is not accepted: it may have been rotated, revoked or cut.")
    return Proof(False, _named(request))


def _keys(vault: Vault, gate: Gate | None) -> list[bytes]:
    if gate is None:
        return []
    return SECRETS.keys(vault, gate.id, gate.signing_secret, gate.older_signing_secret)


def _is_token(gate: Gate | None, token: str) -> bool:
    if gate is None or len(token) > _LONGEST_TOKEN:
        return False
    return is_one_of(token, (gate.ingest_hash, gate.older_ingest_hash))


def _named(request: Request) -> str:
    """How a browser names its delivery, if it does; apart from what is signed, so that whoever has the token
    cannot use up the ids of the server's deliveries (T19)."""
    given = request.headers.get(ID) or request.headers.get("idempotency-key") or ""
    if not _DELIVERY.fullmatch(given):
        return ""
    return "token:" + hashlib.sha256(given.encode()).hexdigest()


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"www-authenticate": 'Bearer realm="hubbub dice"'})
