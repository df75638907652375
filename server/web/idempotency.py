"""Idempotency-Key on every POST: the same request sent twice has one effect and one answer.

Whatever happens in between: the answer is stored by the transaction that makes the effect, the engine's
too. Only events and tickets are done first: events are known by their ids, and a ticket changes nothing.
Kept for 24 hours, encrypted, because an answer may hold a secret that is shown once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response

from server.places import of_answer
from server.vault import CannotOpen, Vault
from server.web.problems import Problem, conflict
from sql import idempotency as table
from sql.idempotency import Claim
from sql.pool import UNREACHABLE, Connection, Database

_log = structlog.get_logger(__name__)

HEADER = "idempotency-key"
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
#: Headers that belong to the answer itself; all others are made anew.
_KEPT_HEADERS = ("content-type", "content-disposition", "set-cookie", "location")


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a keyed request before it runs. The hash keeps the client's key out of the table."""

    actor: str
    key_hash: bytes
    request_hash: bytes

    @property
    def place(self) -> bytes:
        return of_answer(self.actor, self.key_hash)


def key_of(request: Request, actor: str, value: Any) -> Key | None:
    """The key of a request, None without the header. Raises Problem 400 for a malformed one.

    Two bodies are the same if they hold the same JSON value; method, path and query belong to it.
    """
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Problem(
            400, "idempotency_key", "Idempotency-Key must be 1 to 255 visible ASCII characters, given once."
        )
    line = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return Key(actor, hashlib.sha256(given[0].encode()).digest(), hashlib.sha256(line + text).digest())


async def begin(database: Database, vault: Vault, key: Key) -> Claim | Response:
    """The right to run the request, or the answer it had before. Raises Problem 409."""
    async with database.connection() as connection:
        found = await table.claim(connection, key.actor, key.key_hash, key.request_hash)
    if isinstance(found, Claim):
        return found
    if found.request_hash != key.request_hash:
        raise conflict(
            "idempotency_key_reused",
            "This Idempotency-Key was used for another request within the last 24 hours; take a fresh one.",
        )
    if found.status is None or found.answer is None:
        raise Problem(
            409,
            "still_running",
            "The first request with this Idempotency-Key is still running; ask again for its answer.",
            headers={"retry-after": "1"},
        )
    try:
        kept = orjson.loads(vault.open(found.answer, key.place))
    except CannotOpen:
        raise conflict(
            "answer_sealed",
            "This request was done, but its answer cannot be read any more: the secret key was changed.",
        ) from None
    return _response(found.status, kept["headers"], kept["body"], replayed=True)


def _response(status: int, headers: list[list[str]], body: str, *, replayed: bool) -> Response:
    response = Response(body, status)
    for name, value in headers:
        response.headers.append(name, value)
    if replayed:
        response.headers["idempotency-replayed"] = "true"
    return response


async def keep(connection: Connection, vault: Vault, key: Key, claim: Claim, response: Response) -> bool:
    """Store the answer; False when the lease ran out and another request runs now."""
    headers = [[name, value] for name, value in response.headers.items() if name in _KEPT_HEADERS]
    text = bytes(response.body).decode()
    sealed = vault.seal(orjson.dumps({"headers": headers, "body": text}), key.place)
    return await table.store(connection, claim, response.status_code, sealed)


async def give_back(database: Database, claim: Claim) -> None:
    """Nothing was done: let the client try again. If that fails the lease ends by itself in 30 seconds."""
    try:
        async with database.connection() as connection:
            await table.release(connection, claim)
    except UNREACHABLE as error:
        _log.warning("idempotency_key_not_released", reason=type(error).__name__)
