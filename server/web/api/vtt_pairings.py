"""Pairing by code: typed here when a table shows one, shown here when a sender asks for one."""

from __future__ import annotations

from uuid import UUID

from server.live.rate_limit import Limit
from server.web import limits
from server.web.api.vtt_connections import found_again
from server.web.api.vtt_models import PROVIDER_OF, OfferIn, OfferOut, PairIn, VttConnectionOut, shown
from server.web.endpoint import Call, endpoint
from server.web.foundry.pairing import complete
from server.web.problems import Problem
from server.web.vtt import codes
from sql import admin_log, vtt_pairings
from sql.vtt_connections import World
from sql.vtt_pairings import Pairing

#: Codes that one person types a minute: 30 bits are not guessed like that (T3).
TYPED = Limit("vtt-codes", 10)
#: A fresh code is another one's with a chance of one in millions.
_TRIES = 4


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/vtt-pairings",
    "Confirm a table's code",
    body=PairIn,
    answer=VttConnectionOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def confirm_vtt_pairing(call: Call, body: PairIn) -> VttConnectionOut:
    """The code that the Foundry module shows, good for five minutes, once. The table fetches its credentials
    by itself within seconds."""
    campaign_id = call.campaign_id()
    verdict = await call.services.limiter.take(TYPED, str(call.actor.user_id))
    if not verdict.allowed:
        raise limits.too_many(verdict, "Too many codes were tried.")
    waiting = await _waiting(call, body.code)
    connection_id = await complete(call.services, call.connection, waiting, campaign_id)
    await vtt_pairings.complete(call.connection, waiting.id, connection_id, campaign_id)
    await _note(call, campaign_id, connection_id, "confirm")
    table = await found_again(call.connection, call, connection_id)
    return shown(table, call.services.origins.public_url)


async def _waiting(call: Call, typed: str) -> Pairing:
    digest = codes.code_hash(call.services.vault, typed)
    found = None if digest is None else await vtt_pairings.waiting(call.connection, digest, "table")
    if found is None:
        raise Problem(
            404, "not_found", "The code is wrong, used, or older than five minutes: start anew at the table."
        )
    return found


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/vtt-pairings/offer",
    "Show a code",
    body=OfferIn,
    answer=OfferOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def offer_vtt_pairing(call: Call, body: OfferIn) -> OfferOut:
    """Whoever sends `{"code": …}` to `/webhooks/vtt/pair` within five minutes becomes a table of this
    campaign, and is told its address and token; once."""
    campaign_id = call.campaign_id()
    for _ in range(_TRIES):
        code = codes.new_code()
        digest = codes.code_hash(call.services.vault, code)
        assert digest is not None  # noqa: S101  of a code of ours
        expires_at = await vtt_pairings.create(
            call.connection,
            code_hash=digest,
            asked_by="desk",
            provider=PROVIDER_OF.get(body.system, body.system),
            campaign_id=campaign_id,
            world=World(name=body.name or ""),  # nobody's world yet: what the table shall be called
        )
        if expires_at is not None:
            await _note(call, campaign_id, campaign_id, "offer")
            return OfferOut(code=code, expires_at=expires_at)
    raise RuntimeError("four codes in a row were taken")


async def _note(call: Call, campaign_id: UUID, subject: UUID, action: str) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"vtt_pairing.{action}",
        campaign_id=campaign_id,
        subject=subject,
    )


ENDPOINTS = (confirm_vtt_pairing, offer_vtt_pairing)
