"""Tables that send dice to a campaign, and what proves them."""

from __future__ import annotations

from uuid import UUID

from server.web.api.vtt_models import (
    PROVIDER_OF,
    RevokeIn,
    VttConnectionIn,
    VttConnectionOut,
    VttConnectionPatch,
    VttConnectionWithSecrets,
    shown,
    with_secrets,
)
from server.web.endpoint import Call, endpoint
from server.web.foundry import pairing
from server.web.models import Empty, Page, PageQuery, part
from server.web.problems import Problem, conflict, not_found
from server.web.sender_secrets import Fresh
from server.web.vtt.gate import SECRETS
from server.web.vtt.test_roll import send_test_roll
from sql import admin_log, heads, vtt_connections
from sql.ids import uuid7
from sql.pool import Connection
from sql.vtt_connections import VttConnection


async def _note(call: Call, table: VttConnection, action: str) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"vtt_connection.{action}",
        campaign_id=table.campaign_id,
        subject=table.id,
        detail={"name": table.name, "provider": table.provider},
    )


async def _held(call: Call) -> VttConnection:
    """The table of the path, and nobody else changes it meanwhile."""
    found = await vtt_connections.lock(call.connection, call.id("connection_id", "table"), call.scope)
    if found is None:
        raise not_found("table")
    return found


async def found_again(connection: Connection, call: Call, connection_id: UUID) -> VttConnection:
    """A table that was there a moment ago, as it is now."""
    found = await vtt_connections.get(connection, connection_id, call.scope)
    if found is None:
        raise not_found("table")
    return found


async def make(call: Call, *, campaign_id: UUID, wanted: VttConnectionIn) -> VttConnectionWithSecrets:
    """A new table with fresh secrets."""
    most = vtt_connections.MOST_TABLES
    if await vtt_connections.count(call.connection, campaign_id) >= most:
        raise conflict("too_many_tables", f"A campaign has at most {most} tables; delete one first.")
    connection_id = uuid7()
    made = SECRETS.fresh(call.services.vault, connection_id)
    await vtt_connections.create(
        call.connection,
        campaign_id,
        connection_id=connection_id,
        provider=PROVIDER_OF.get(wanted.system, wanted.system),
        name=wanted.name,
        signing_secret=made.sealed,
        ingest_hash=made.token_hash,
        visibility=wanted.visibility,
        origins=wanted.origins,
        is_trusted=wanted.is_trusted,
    )
    table = await vtt_connections.get(call.connection, connection_id, (campaign_id,))
    if table is None:
        raise LookupError("a table that was just made is not there")
    await _note(call, table, "create")
    return _told(call, table, made)


def _told(call: Call, table: VttConnection, made: Fresh) -> VttConnectionWithSecrets:
    return with_secrets(
        table,
        call.services.origins.public_url,
        signing_secret=made.signing_secret,
        ingest_token=made.token,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/vtt-connections",
    "List tables",
    query=PageQuery,
    answer=Page[VttConnectionOut],
    needs="run",
)
async def list_vtt_connections(call: Call) -> Page[VttConnectionOut]:
    """Oldest first, with when each was last heard. Secrets are not shown again."""
    found = await vtt_connections.list_of_campaign(call.connection, call.campaign_id())
    chosen, following = part(found, call.asked(PageQuery), lambda table: table.id)
    url = call.services.origins.public_url
    return Page(items=[shown(table, url) for table in chosen], next=following)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/vtt-connections",
    "Add a table",
    body=VttConnectionIn,
    answer=VttConnectionWithSecrets,
    status=201,
    problems=(409,),
    needs="run",
)
async def create_vtt_connection(call: Call, body: VttConnectionIn) -> VttConnectionWithSecrets:
    """Dice are sent to its `webhook_url`: by a server that signs as Standard Webhooks says, or by a browser
    with the token. Both secrets are in this answer only; lost, they can be rotated."""
    return await make(call, campaign_id=call.campaign_id(), wanted=body)


@endpoint("GET", "/vtt-connections/{connection_id}", "Get a table", answer=VttConnectionOut, needs="run")
async def get_vtt_connection(call: Call) -> VttConnectionOut:
    """With when it was last heard, and how much."""
    table = await found_again(call.connection, call, call.id("connection_id", "table"))
    return shown(table, call.services.origins.public_url)


@endpoint(
    "PATCH",
    "/vtt-connections/{connection_id}",
    "Change a table",
    body=VttConnectionPatch,
    answer=VttConnectionOut,
    needs="run",
)
async def update_vtt_connection(call: Call, body: VttConnectionPatch) -> VttConnectionOut:
    """Fields that are not given stay as they are. Holds for what is sent from now on."""
    held = await _held(call)
    given = body.model_fields_set
    await vtt_connections.update(
        call.connection,
        held.id,
        name=body.name if "name" in given else held.name,
        visibility=body.visibility if "visibility" in given else held.visibility,
        origins=body.origins if "origins" in given else held.origins,
        is_trusted=body.is_trusted if "is_trusted" in given else held.is_trusted,
    )
    await _note(call, held, "update")
    return shown(await found_again(call.connection, call, held.id), call.services.origins.public_url)


@endpoint(
    "DELETE", "/vtt-connections/{connection_id}", "Delete a table", answer=None, status=204, needs="run"
)
async def delete_vtt_connection(call: Call) -> None:
    """Nothing is taken from it any more. Its rolls and characters stay."""
    # The show first, as in every turn of it: the other way round this and a roll would wait for each other.
    found = await vtt_connections.get(call.connection, call.id("connection_id", "table"), call.scope)
    if found is not None and found.campaign_id is not None:
        await heads.lock(call.connection, found.campaign_id)
    held = await _held(call)
    if held.campaign_id is None:
        raise not_found("table")
    await vtt_connections.delete(call.connection, held.campaign_id, held.id)
    await _note(call, held, "delete")


@endpoint(
    "POST",
    "/vtt-connections/{connection_id}/rotate",
    "Make new secrets",
    answer=VttConnectionWithSecrets,
    problems=(409,),
    needs="run",
)
async def rotate_vtt_connection(call: Call) -> VttConnectionWithSecrets:
    """The secrets of now stay good for 24 hours, so that senders can be changed one by one; those before them
    are over. After a leak, revoke instead."""
    held = await _held(call)
    if held.status != "active":
        raise conflict("revoked", "The table is revoked: reauthorize it, which makes new secrets as well.")
    gate = await vtt_connections.gate(call.connection, held.id)
    older = SECRETS.reseal_as_older(call.services.vault, held.id, gate.signing_secret if gate else None)
    made = SECRETS.fresh(call.services.vault, held.id)
    await vtt_connections.rotate(
        call.connection,
        held.id,
        signing_secret=made.sealed,
        older_signing_secret=older,
        ingest_hash=made.token_hash,
    )
    await _note(call, held, "rotate")
    return _told(call, await found_again(call.connection, call, held.id), made)


@endpoint(
    "POST",
    "/vtt-connections/{connection_id}/revoke",
    "Revoke a table",
    body=RevokeIn,
    answer=VttConnectionOut,
    needs="run",
)
async def revoke_vtt_connection(call: Call, body: RevokeIn) -> VttConnectionOut:
    """All its secrets, the older ones too, are worth nothing from now on, on every server. Once more does
    nothing."""
    held = await _held(call)
    if await vtt_connections.revoke(call.connection, held.id, body.reason):
        await _note(call, held, "revoke")
    return shown(await found_again(call.connection, call, held.id), call.services.origins.public_url)


@endpoint(
    "POST",
    "/vtt-connections/{connection_id}/reauthorize",
    "Let a revoked table in again",
    answer=VttConnectionWithSecrets,
    problems=(409,),
    needs="run",
)
async def reauthorize_vtt_connection(call: Call) -> VttConnectionWithSecrets:
    """With new secrets, shown in this answer only; a paired Foundry world fetches its own by itself."""
    held = await _held(call)
    made = SECRETS.fresh(call.services.vault, held.id)
    if not await vtt_connections.reauthorize(
        call.connection, held.id, signing_secret=made.sealed, ingest_hash=made.token_hash
    ):
        raise conflict("not_revoked", "The table is not revoked; new secrets are made by rotating.")
    if held.provider == "foundry":
        await pairing.reauthorized(call.services, call.connection, held.id)
    await _note(call, held, "reauthorize")
    return _told(call, await found_again(call.connection, call, held.id), made)


@endpoint(
    "POST",
    "/vtt-connections/{connection_id}/test-roll",
    "Send a test roll",
    answer=Empty,
    status=202,
    work="engine",
    problems=(409, 503),
    needs="run",
)
async def test_roll(call: Call) -> Empty:
    """A public roll in our own form goes the whole way of this table's dice onto the stream, marked as a
    test. It is nobody's, wins nothing, and is in no statistics."""
    services = call.services
    async with services.database.connection() as connection:
        table = await found_again(connection, call, call.id("connection_id", "table"))
    if table.status != "active" or table.campaign_id is None:
        raise conflict("revoked", "The table is revoked: its dice are not taken.")
    if not await send_test_roll(services, table.campaign_id, table.id):
        raise Problem(503, "not_taken", "The roll was not taken. Try again.", headers={"retry-after": "1"})
    return Empty()


ENDPOINTS = (
    list_vtt_connections,
    create_vtt_connection,
    get_vtt_connection,
    update_vtt_connection,
    delete_vtt_connection,
    rotate_vtt_connection,
    revoke_vtt_connection,
    reauthorize_vtt_connection,
    test_roll,
)
