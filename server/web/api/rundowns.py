"""Rundowns: polls prepared to be launched in turn."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.web.api.poll_models import PollOut, shown
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Moment, Page, PageQuery, absent
from server.web.problems import invalid, not_found
from sql import polls, rundowns
from sql.pool import Connection
from sql.rundowns import Rundown

Name = Annotated[str, Clean(100)]


class RundownIn(Model):
    name: Name


class RundownPatch(Model):
    name: Name = absent()
    poll_ids: Annotated[list[UUID], Field(max_length=500)] = absent(
        description="These polls first, in this order; what else is in the rundown follows as it stood"
    )


class RundownOut(Model):
    id: UUID
    name: str
    polls: list[PollOut] = Field(
        description="In order: drafts, what runs, and of past launches at most 50 of the last 24 hours"
    )
    created_at: Moment


async def _shown(connection: Connection, rundown: Rundown) -> RundownOut:
    standing = await polls.of_rundown(connection, rundown.campaign_id, rundown.id)
    return RundownOut(
        id=rundown.id,
        name=rundown.name,
        polls=[shown(row) for row in standing],
        created_at=rundown.created_at,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/rundowns",
    "List rundowns",
    query=PageQuery,
    answer=Page[RundownOut],
    needs="moderate",
)
async def list_rundowns(call: Call) -> Page[RundownOut]:
    """Newest first, with their polls."""
    query = call.asked(PageQuery)
    found = await rundowns.list_page(call.connection, call.campaign_id(), query.cursor, query.limit + 1)
    chosen = found[: query.limit]
    return Page(
        items=[await _shown(call.connection, rundown) for rundown in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/rundowns",
    "Create a rundown",
    body=RundownIn,
    answer=RundownOut,
    status=201,
    needs="moderate",
)
async def create_rundown(call: Call, body: RundownIn) -> RundownOut:
    """Empty; polls are written into it, or moved in by PATCH."""
    return await _shown(
        call.connection, await rundowns.create(call.connection, call.campaign_id(), body.name)
    )


@endpoint(
    "PATCH",
    "/rundowns/{rundown_id}",
    "Rename or order a rundown",
    body=RundownPatch,
    answer=RundownOut,
    needs="moderate",
)
async def update_rundown(call: Call, body: RundownPatch) -> RundownOut:
    """Polls of the same campaign that are named and were elsewhere move in."""
    rundown_id = call.id("rundown_id", "rundown")
    held = await rundowns.lock(call.connection, rundown_id, call.scope)
    if held is None:
        raise not_found("rundown")
    given = body.model_fields_set
    if "name" in given:
        await rundowns.rename(call.connection, held, body.name)
    if "poll_ids" in given:
        unknown = await rundowns.put_in_order(call.connection, held, body.poll_ids)
        if unknown:
            raise invalid(f"/poll_ids/{body.poll_ids.index(unknown[0])}", "the campaign has no such poll")
    changed = await rundowns.get(call.connection, rundown_id, call.scope)
    if changed is None:
        raise not_found("rundown")
    return await _shown(call.connection, changed)


@endpoint("DELETE", "/rundowns/{rundown_id}", "Delete a rundown", answer=None, status=204, needs="moderate")
async def delete_rundown(call: Call) -> None:
    """Its polls stay, outside of any rundown."""
    if not await rundowns.delete(call.connection, call.id("rundown_id", "rundown"), call.scope):
        raise not_found("rundown")


ENDPOINTS = (list_rundowns, create_rundown, update_rundown, delete_rundown)
