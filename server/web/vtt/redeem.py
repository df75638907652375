"""`POST /webhooks/vtt/pair`: a sender types the code that the desk shows, and becomes a table."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from server.live.rate_limit import Limit
from server.web import body as bodies
from server.web import limits
from server.web.models import Clean, Model
from server.web.problems import Problem, invalid_model
from server.web.services import Services
from server.web.vtt import codes
from server.web.vtt.gate import SECRETS
from sql import admin_log, vtt_connections, vtt_pairings
from sql.ids import uuid7
from sql.pool import Connection

#: From one address a minute: 30 bits within five minutes are not guessed like that (T3).
REDEEMED = Limit("vtt-pair", 10)

_LONGEST_NAME = 64


class RedeemIn(Model):
    code: Annotated[str, Field(min_length=1, max_length=32)]
    name: Annotated[str, Clean(_LONGEST_NAME)] | None = None


class RedeemOut(Model):
    """Where to send dice, and the token that goes with it: told in this answer only."""

    id: UUID
    webhook_url: str
    ingest_token: str


async def redeem(services: Services, request: Request) -> Response:
    """A code is good once, and for five minutes; unknown, used and expired codes look the same."""
    raw = await bodies.read(request, bodies.ORDINARY)
    address = request.client.host if request.client else "unknown"
    verdict = await services.limiter.take(REDEEMED, address)
    if not verdict.allowed:
        raise limits.too_many(verdict, "Too many codes were tried from this address.")
    bodies.refuse_other_media(request)
    bodies.parse_json(raw)
    try:
        asked = RedeemIn.model_validate_json(raw)
    except ValidationError as error:
        raise invalid_model(error) from None
    digest = codes.code_hash(services.vault, asked.code)
    connection_id = uuid7()
    made = SECRETS.fresh(services.vault, connection_id)
    async with services.database.transaction() as connection:
        waiting = None if digest is None else await vtt_pairings.waiting(connection, digest, "desk")
        if waiting is None or waiting.campaign_id is None:
            raise Problem(
                401,
                "wrong_code",
                "The code is wrong, used, or older than five minutes: show a new one on the desk.",
            )
        if await vtt_connections.count(connection, waiting.campaign_id) >= vtt_connections.MOST_TABLES:
            raise Problem(409, "too_many_tables", "The campaign has too many tables; delete one on the desk.")
        await vtt_connections.create(
            connection,
            waiting.campaign_id,
            connection_id=connection_id,
            provider=waiting.provider,
            # Who typed the code says best whose table it is: one code a player is the rule.
            name=await _own_name(
                connection, waiting.campaign_id, asked.name or waiting.world_name[:_LONGEST_NAME] or "Table"
            ),
            signing_secret=made.sealed,
            ingest_hash=made.token_hash,
        )
        await vtt_pairings.complete(connection, waiting.id, connection_id, waiting.campaign_id)
        await admin_log.note(
            connection,
            actor="sender",
            action="vtt_pairing.redeem",
            campaign_id=waiting.campaign_id,
            subject=connection_id,
        )
    told = RedeemOut(
        id=connection_id,
        webhook_url=f"{services.origins.public_url}/webhooks/vtt/{connection_id}",
        ingest_token=made.token,
    )
    return Response(told.model_dump_json(), 201, media_type="application/json")


async def _own_name(connection: Connection, campaign_id: UUID, wanted: str) -> str:
    """The name, with a number behind it where another table of the campaign has it: "Beyond20 2"."""
    taken = {
        table.name.casefold() for table in await vtt_connections.list_of_campaign(connection, campaign_id)
    }
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        behind = f" {number}"
        name = wanted[: _LONGEST_NAME - len(behind)].rstrip() + behind
    return name
