"""Pages on which viewers give money: Ko-fi, StreamElements, Streamlabs, and what proves what comes from
them."""

from __future__ import annotations

from uuid import UUID

from server.web.api.donation_models import (
    DonationConnectionIn,
    DonationConnectionOut,
    DonationConnectionPatch,
    DonationConnectionWithSecrets,
    DonationRotateIn,
    shown,
    with_secrets,
)
from server.web.endpoint import Call, endpoint
from server.web.models import Empty, Page, PageQuery, part
from server.web.problems import Problem, conflict, invalid, not_found
from server.web.sender_secrets import Fresh, token_hash
from server.web.webhooks import donation_test
from server.web.webhooks.donation_proof import SECRETS
from sql import admin_log, donations
from sql.donations import DonationPage, Held, Service
from sql.ids import uuid7
from sql.pool import Connection

_WHAT = "donation page"


async def _note(call: Call, page: DonationPage, action: str) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"donation_connection.{action}",
        campaign_id=page.campaign_id,
        subject=page.id,
        detail={"name": page.name, "service": page.service},
    )


async def _found(call: Call, connection: Connection, page_id: UUID) -> DonationPage:
    page = await donations.get(connection, page_id, call.scope)
    if page is None:
        raise not_found(_WHAT)
    return page


async def _held(call: Call) -> tuple[DonationPage, Held]:
    """The page of the path, and nobody else changes it meanwhile."""
    page_id = call.id("donation_connection_id", _WHAT)
    held = await donations.lock(call.connection, page_id, call.scope)
    if held is None:
        raise not_found(_WHAT)
    return await _found(call, call.connection, page_id), held


def _secrets(call: Call, page_id: UUID, service: Service, given: str | None) -> Fresh | bytes:
    """What proves a page from now on: ours, or the hash of the token that Ko-fi has made. Raises Problem
    422."""
    if service != "kofi":
        if given is not None:
            raise invalid("/verification_token", "only Ko-fi has one; the secrets of this page are made here")
        return SECRETS.fresh(call.services.vault, page_id)
    if given is None:
        raise invalid("/verification_token", "Ko-fi's verification token is needed: see Advanced on its page")
    return token_hash(given)


def _told(call: Call, page: DonationPage, made: Fresh | bytes) -> DonationConnectionWithSecrets:
    url = call.services.origins.public_url
    if isinstance(made, bytes):
        return with_secrets(page, url, signing_secret=None, token=None)
    return with_secrets(page, url, signing_secret=made.signing_secret, token=made.token)


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/donation-connections",
    "List donation pages",
    query=PageQuery,
    answer=Page[DonationConnectionOut],
    needs="run",
)
async def list_donation_connections(call: Call) -> Page[DonationConnectionOut]:
    """Oldest first, with when each was last heard. Secrets are not shown again."""
    found = await donations.list_of_campaign(call.connection, call.campaign_id())
    chosen, following = part(found, call.asked(PageQuery), lambda page: page.id)
    url = call.services.origins.public_url
    return Page(items=[shown(page, url) for page in chosen], next=following)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/donation-connections",
    "Connect a donation page",
    body=DonationConnectionIn,
    answer=DonationConnectionWithSecrets,
    status=201,
    problems=(409,),
    needs="run",
)
async def create_donation_connection(call: Call, body: DonationConnectionIn) -> DonationConnectionWithSecrets:
    """Ko-fi sends to the `webhook_url` by itself and proves it with its verification token. StreamElements
    and Streamlabs send nothing: whoever passes on what they tell signs as Standard Webhooks says, or has the
    token. Both secrets are in this answer only; lost, they can be rotated."""
    campaign_id, most = call.campaign_id(), donations.MOST_PAGES
    if await donations.count(call.connection, campaign_id) >= most:
        raise conflict("too_many_pages", f"A show has at most {most} donation pages; delete one first.")
    page_id = uuid7()
    made = _secrets(call, page_id, body.service, body.verification_token)
    await donations.create(
        call.connection,
        campaign_id,
        page_id=page_id,
        service=body.service,
        name=body.name,
        signing_secret=None if isinstance(made, bytes) else made.sealed,
        token_hash=made if isinstance(made, bytes) else made.token_hash,
    )
    page = await _found(call, call.connection, page_id)
    await _note(call, page, "create")
    return _told(call, page, made)


@endpoint(
    "GET",
    "/donation-connections/{donation_connection_id}",
    "Get a donation page",
    answer=DonationConnectionOut,
    needs="run",
)
async def get_donation_connection(call: Call) -> DonationConnectionOut:
    """With when it was last heard."""
    page = await _found(call, call.connection, call.id("donation_connection_id", _WHAT))
    return shown(page, call.services.origins.public_url)


@endpoint(
    "PATCH",
    "/donation-connections/{donation_connection_id}",
    "Rename a donation page",
    body=DonationConnectionPatch,
    answer=DonationConnectionOut,
    needs="run",
)
async def update_donation_connection(call: Call, body: DonationConnectionPatch) -> DonationConnectionOut:
    """The feed says from then on where its donations came from by the new name."""
    page, _ = await _held(call)
    if "name" in body.model_fields_set:
        await donations.rename(call.connection, page.id, body.name)
        page = await _found(call, call.connection, page.id)
        await _note(call, page, "update")
    return shown(page, call.services.origins.public_url)


@endpoint(
    "POST",
    "/donation-connections/{donation_connection_id}/rotate",
    "Make new secrets for a donation page",
    body=DonationRotateIn,
    answer=DonationConnectionWithSecrets,
    needs="run",
)
async def rotate_donation_connection(call: Call, body: DonationRotateIn) -> DonationConnectionWithSecrets:
    """The secrets of now stay good for 24 hours, so that senders can be changed one by one; those before them
    are over. A revoked page is let in again by this. After a leak, revoke first."""
    page, held = await _held(call)
    made = _secrets(call, page.id, page.service, body.verification_token)
    older = held.signing_secret
    await donations.rotate(
        call.connection,
        page.id,
        signing_secret=None if isinstance(made, bytes) else made.sealed,
        older_signing_secret=SECRETS.reseal_as_older(call.services.vault, page.id, older),
        token_hash=made if isinstance(made, bytes) else made.token_hash,
    )
    page = await _found(call, call.connection, page.id)
    await _note(call, page, "rotate")
    return _told(call, page, made)


@endpoint(
    "POST",
    "/donation-connections/{donation_connection_id}/revoke",
    "Revoke a donation page",
    answer=DonationConnectionOut,
    needs="run",
)
async def revoke_donation_connection(call: Call) -> DonationConnectionOut:
    """Nothing proves the page any more, from now on and on every server. Once more does nothing. What it told
    stays; new secrets let it in again."""
    page, _ = await _held(call)
    if await donations.revoke(call.connection, page.id):
        page = await _found(call, call.connection, page.id)
        await _note(call, page, "revoke")
    return shown(page, call.services.origins.public_url)


@endpoint(
    "DELETE",
    "/donation-connections/{donation_connection_id}",
    "Delete a donation page",
    answer=None,
    status=204,
    needs="run",
)
async def delete_donation_connection(call: Call) -> None:
    """Nothing is taken from it any more. Its donations stay."""
    page, _ = await _held(call)
    await donations.delete(call.connection, page.id)
    await _note(call, page, "delete")


@endpoint(
    "POST",
    "/donation-connections/{donation_connection_id}/test",
    "Send a test donation",
    answer=Empty,
    status=202,
    work="engine",
    problems=(409, 503),
    needs="run",
)
async def test_donation(call: Call) -> Empty:
    """A made-up donation in the service's own form goes the whole way of this page onto the stream and into
    the feed, marked as a test, and is counted nowhere."""
    services = call.services
    async with services.database.connection() as connection:
        page = await _found(call, connection, call.id("donation_connection_id", _WHAT))
    if page.status != "active":
        raise conflict("revoked", "The page is revoked: nothing is taken from it. Make new secrets first.")
    if not await donation_test.send(services, page):
        raise Problem(503, "not_taken", "The test was not taken. Try again.", headers={"retry-after": "1"})
    return Empty()


ENDPOINTS = (
    list_donation_connections,
    create_donation_connection,
    get_donation_connection,
    update_donation_connection,
    rotate_donation_connection,
    revoke_donation_connection,
    delete_donation_connection,
    test_donation,
)
