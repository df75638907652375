"""What proves that a donation comes from its page: Ko-fi's own token inside the body, and for those who pass
on what StreamElements or Streamlabs told them a signing secret or a token of ours (T7, T17, T21)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from starlette.requests import Request

from server.vault import Vault
from server.web.problems import Problem
from server.web.sender_secrets import SenderSecrets, is_one_of
from server.web.vtt.standard_webhooks import SIGNATURE, NotGenuine, check
from sql.donations import Gate

#: Those of donation pages; whoever passes a donation on may have the token.
SECRETS: Final = SenderSecrets("donation_connections", "don_")
_LONGEST_TOKEN: Final = 256
_NOT_BELIEVED: Final = (
    "The delivery does not prove that it comes from this page. Ko-fi's form has the verification token that "
    "was typed in on the desk; everybody else sends the page's token as `Authorization: Bearer don_…`, or "
    "signs as Standard Webhooks says. It may have been changed, revoked or cut."
)


def prove_token(gate: Gate | None, token: str) -> Gate:
    """The page, if the token is one of its. Raises Problem 401: the same for a page that is not there, one
    that is revoked, and a wrong token."""
    hashes = () if gate is None else (gate.token_hash, gate.older_token_hash)
    is_genuine = is_one_of(token[:_LONGEST_TOKEN], hashes)
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
    return SECRETS.keys(vault, gate.id, gate.signing_secret, gate.older_signing_secret)


def unauthorized(detail: str) -> Problem:
    """Whoever sends it is not believed; nothing was done."""
    headers = {"www-authenticate": 'Bearer realm="hubbub donations"'}
    return Problem(401, "unauthorized", detail, headers=headers)
