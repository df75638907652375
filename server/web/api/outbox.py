"""What must leave and could not: listed in words, tried again, or settled by a person (reliability §3.8)."""

from __future__ import annotations

from typing import Final, Literal
from uuid import UUID

from pydantic import Field

from server.rules import table_commands
from server.rules.outbox_words import what
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment, Page, PageQuery
from server.web.problems import conflict, not_found
from sql import admin_log, outbox, vtt_commands
from sql.outbox import Decision, Entry, State

Which = Literal["stuck", "waiting", "over"]
_STATES: Final[dict[Which, tuple[State, ...]]] = {
    "stuck": outbox.STUCK,
    "waiting": outbox.WAITING,
    "over": outbox.OVER,
}
#: A line of chat that a person sends again has so long; what has no end keeps none.
_RETRY_WITHIN_S: Final = 10.0


class OutboxQuery(PageQuery):
    which: Which = Field(
        default="stuck", description="stuck: a person must look; waiting: on its way; over: done or given up"
    )


class OutboxItemOut(Model):
    id: UUID
    kind: str
    what: str = Field(description="In words")
    state: Literal["waiting", "sending", "done", "dead", "needs_person"]
    why: str = Field(description="What the last try came to; empty: there was none")
    attempts: int
    created_at: Moment
    next_at: Moment | None = Field(description="When it is tried next; null: it is not")
    expires_at: Moment | None = Field(description="Not worth anything after this")
    decision: Decision | None = Field(description="What a person said of it")


_SHOWN: Final[dict[State, Literal["waiting", "sending", "done", "dead", "needs_person"]]] = {
    "pending": "waiting",
    "leased": "sending",
    "done": "done",
    "dead": "dead",
    "needs_person": "needs_person",
}


def shown(entry: Entry) -> OutboxItemOut:
    return OutboxItemOut(
        id=entry.id,
        kind=entry.kind,
        what=what(entry.kind, entry.payload),
        state=_SHOWN[entry.state],
        why=entry.last_error,
        attempts=entry.attempts,
        created_at=entry.created_at,
        next_at=entry.next_at if entry.state == "pending" else None,
        expires_at=entry.expires_at,
        decision=entry.decision,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/outbox",
    "List what must leave",
    query=OutboxQuery,
    answer=Page[OutboxItemOut],
)
async def list_outbox(call: Call) -> Page[OutboxItemOut]:
    """Newest first. What a person has settled is among those that are over."""
    query = call.asked(OutboxQuery)
    found = await outbox.list_page(
        call.connection,
        call.campaign_id(),
        _STATES[query.which],
        query.cursor,
        query.limit + 1,
        with_decided=query.which == "over",
    )
    chosen = found[: query.limit]
    return Page(
        items=[shown(entry) for entry in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint("POST", "/outbox/{outbox_id}/retry", "Try it again", answer=OutboxItemOut, problems=(409,))
async def retry_outbox_item(call: Call) -> OutboxItemOut:
    """What is dead or waits for a person is tried once more, as soon as it can be. What cannot be undone is
    looked up first, so that nothing happens twice."""
    entry = await _found(call)
    if entry.kind == "vtt.command":
        done = await vtt_commands.retry(call.connection, entry.id, table_commands.EXPIRES_IN_S)
    else:
        done = await outbox.retry(call.connection, entry.id, _RETRY_WITHIN_S)
    if not done:
        raise conflict("not_stuck", "It is done, or on its way: there is nothing to try again.")
    return await _settled(call, entry, "retry")


@endpoint("POST", "/outbox/{outbox_id}/by-hand", "Say that you did it", answer=OutboxItemOut, problems=(409,))
async def settle_outbox_item(call: Call) -> OutboxItemOut:
    """Somebody has done on the platform what Hubbub could not: it counts as done."""
    return await _decide(call, "by_hand")


@endpoint(
    "POST", "/outbox/{outbox_id}/give-up", "Do not do it any more", answer=OutboxItemOut, problems=(409,)
)
async def give_up_outbox_item(call: Call) -> OutboxItemOut:
    """It stays undone, and is not shown as stuck any more."""
    return await _decide(call, "give_up")


async def _decide(call: Call, decision: Decision) -> OutboxItemOut:
    entry = await _found(call)
    if not await outbox.decide(call.connection, entry.id, decision, call.actor.label):
        raise conflict("not_stuck", "It is done or settled already, or is being sent just now.")
    return await _settled(call, entry, decision)


async def _settled(call: Call, entry: Entry, action: str) -> OutboxItemOut:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"outbox.{action}",
        campaign_id=entry.campaign_id,
        subject=entry.id,
        detail={"kind": entry.kind, "was": entry.state, "why": entry.last_error},
    )
    return shown(await _found(call))


async def _found(call: Call) -> Entry:
    found = await outbox.get(call.connection, call.id("outbox_id", "item"), call.scope)
    if found is None:
        raise not_found("item")
    return found


ENDPOINTS = (list_outbox, retry_outbox_item, settle_outbox_item, give_up_outbox_item)
