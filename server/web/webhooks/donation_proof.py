"""What proves that a donation comes from its page: Ko-fi's own token inside the body, and for those who pass
on what StreamElements or Streamlabs told them a signing secret or a token of ours (T7, T17, T21)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

from starlette.requests import Request

from server.places import place
from server.vault import CannotOpen, Vault
from server.web.problems import Problem
from server.web.vtt.standard_webhooks import PREFIX, SIGNATURE, NotGenuine, check, key_of
from sql.donations import Gate

TOKEN_PREFIX: Final = "don_"  # noqa: S105  a prefix is no secret
_LONGEST_TOKEN: Final = 256
_NOT_BELIEVED: Final = (
    "The delivery does not prove that it comes from this page. Ko-fi's form has the verification token that "
    "was typed in on the desk; everybody else sends the page's token as `Authorization: Bearer don_…`, or "
    "signs as Standard Webhooks says. It may have been changed, revoked or cut."
)
_Column: TypeAlias = Literal["signing_secret", "older_signing_secret"]


@dataclass(frozen=True, slots=True)
class Fresh:
    """New secrets of a page: as they are told, and as they are stored."""

    signing_secret: str
    token: str
    sealed: bytes
    token_hash: bytes


def fresh(vault: Vault, page_id: UUID) -> Fresh:
    """256 random bits each."""
    signing = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    sealed = vault.seal(signing.encode(), _place("signing_secret", page_id))
    return Fresh(signing, token, sealed, hash_of(token))


def hash_of(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def reseal_as_older(vault: Vault, page_id: UUID, sealed: bytes) -> bytes | None:
    """The signing secret of now, for the place of the one before. None when its key has left the ring:
    nothing signed with it is believed anyway."""
    try:
        secret = vault.open(sealed, _place("signing_secret", page_id))
    except CannotOpen:
        return None
    return vault.seal(secret, _place("older_signing_secret", page_id))


def prove_token(gate: Gate | None, token: str) -> Gate:
    """The page, if the token is one of its. Raises Problem 401: the same for a page that is not there, one
    that is revoked, and a wrong token."""
    digest = hash_of(token[:_LONGEST_TOKEN])
    is_genuine = False
    for stored in () if gate is None else (gate.token_hash, gate.older_token_hash):
        if stored is not None:
            is_genuine |= hmac.compare_digest(digest, stored)
    if gate is None or not gate.is_active or not is_genuine or not token or len(token) > _LONGEST_TOKEN:
        raise unauthorized(_NOT_BELIEVED)
    return gate


def prove(vault: Vault, gate: Gate | None, request: Request, raw: bytes, *, now: datetime) -> Gate:
    """The page, if the delivery is signed for it or has its token. Raises Problem 401, as `prove_token`.

    `now` is the database clock.
    """
    known = gate if gate is not None and gate.is_active else None
    if SIGNATURE in request.headers:
        try:
            check(_keys(vault, known), request.headers, raw, now)
        except NotGenuine as reason:
            raise unauthorized(f"The delivery is not believed: {reason}.") from None
        assert known is not None  # noqa: S101  no key has signed for a page that is not there
        return known
    token: str = request.path_params.get("token", "")
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not token and scheme.lower() == "bearer":
        token = given.strip()
    return prove_token(known, token)


def _keys(vault: Vault, gate: Gate | None) -> list[bytes]:
    if gate is None:
        return []
    stored: tuple[tuple[_Column, bytes | None], ...] = (
        ("signing_secret", gate.signing_secret),
        ("older_signing_secret", gate.older_signing_secret),
    )
    keys = []
    for column, sealed in stored:
        if sealed is not None:
            with suppress(CannotOpen):
                keys.append(key_of(vault.open(sealed, _place(column, gate.id)).decode()))
    return keys


def _place(column: _Column, page_id: UUID) -> bytes:
    return place("donation_connections", column, page_id)


def unauthorized(detail: str) -> Problem:
    """Whoever sends it is not believed; nothing was done."""
    headers = {"www-authenticate": 'Bearer realm="hubbub donations"'}
    return Problem(401, "unauthorized", detail, headers=headers)
