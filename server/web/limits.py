"""How often which actor may write (reliability §3.9). Reading is free."""

from __future__ import annotations

from starlette.requests import Request

from server.live.rate_limit import Limit, Verdict
from server.web.auth import Actor
from server.web.endpoint import LimitKind
from server.web.problems import Problem
from server.web.services import Services

SESSION_WRITES = Limit("session", 60)
KEY_WRITES = Limit("key", 600)
#: Reconnecting browsers must not use up what the game master needs to run the show.
TICKETS = Limit("tickets", 60)
#: Wrong login codes from one address.
LOGIN_FAILURES = Limit("login", 10)
#: Ways to a provider and back, from one address; each is a row for ten minutes.
SIGN_INS = Limit("sign_in", 30)
#: Letters that one address may ask for.
LETTERS = Limit("letters", 5, 300)


def _limit_for(kind: LimitKind, actor: Actor) -> Limit | None:
    if kind in ("none", "logins"):
        return None
    if kind == "tickets":
        return TICKETS
    if actor.kind == "session":
        return SESSION_WRITES
    return None if kind == "events" else KEY_WRITES


async def take(services: Services, kind: LimitKind, actor: Actor) -> Verdict | None:
    """Count the request. Raises Problem 429; None when nothing limits it."""
    limit = _limit_for(kind, actor)
    if limit is None:
        return None
    verdict = await services.limiter.take(limit, f"{actor.kind}:{actor.credential}")
    if not verdict.allowed:
        raise too_many(verdict, f"More than {verdict.limit} writes within a minute.")
    return verdict


def address_of(request: Request) -> str:
    """Where a request comes from, as far as the trusted proxies tell."""
    return request.client.host if request.client else "unknown"


async def _count(services: Services, request: Request, limit: Limit, what: str) -> None:
    verdict = await services.limiter.take(limit, address_of(request))
    if not verdict.allowed:
        raise too_many(verdict, what)


async def count_login_failure(services: Services, request: Request) -> None:
    """Note a wrong code. Raises Problem 429 when there were too many from this address."""
    await _count(services, request, LOGIN_FAILURES, "Too many wrong codes from this address.")


async def count_sign_in(services: Services, request: Request) -> None:
    """Note a way to a provider or back. Raises Problem 429 when there were too many from this address."""
    await _count(services, request, SIGN_INS, "Too many sign-ins from this address.")


async def count_letter(services: Services, request: Request) -> None:
    """Note that somebody wants a letter sent. Raises Problem 429 when this address asked too often."""
    await _count(services, request, LETTERS, "Too many letters were asked for from this address.")


def too_many(verdict: Verdict, what: str) -> Problem:
    return Problem(
        429,
        "too_many",
        f"{what} Nothing was done; try again in {verdict.reset_s} s.",
        headers={"retry-after": str(verdict.reset_s), **headers(verdict)},
    )


def headers(verdict: Verdict) -> dict[str, str]:
    """What every limited answer says of its limit."""
    return {
        "ratelimit-limit": str(verdict.limit),
        "ratelimit-remaining": str(verdict.remaining),
        "ratelimit-reset": str(verdict.reset_s),
    }
