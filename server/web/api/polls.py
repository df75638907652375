"""Polls: written as drafts, launched, closed, revealed."""

from __future__ import annotations

import asyncio
from uuid import UUID

import orjson

from server.rules import vote_export
from server.rules.poll import (
    Cancel,
    Close,
    Command,
    Dismiss,
    Extend,
    Resolve,
    Reveal,
    State,
    UndoCancel,
)
from server.rules.vote_ledger import Entry, Row
from server.web.api.gap_models import exported_gap
from server.web.api.poll_models import (
    ExportQuery,
    ExtendIn,
    LaunchIn,
    PollIn,
    PollOut,
    PollPatch,
    PollQuery,
    ResolveIn,
    as_input,
    shown,
)
from server.web.checks.people import not_reached
from server.web.endpoint import Call, Raw, endpoint
from server.web.models import Page
from server.web.problems import Problem, conflict, invalid, not_found
from sql import admin_log, heads, poll_persons, polls, rundowns, votes
from sql.polls import Draft, PollRow
from sql.pool import Connection

_STATES = {"draft": polls.DRAFTS, "running": polls.RUNNING, "done": polls.DONE, None: tuple(State)}


async def _poll(call: Call, connection: Connection) -> PollRow:
    found = await polls.get(connection, call.id("poll_id", "poll"))
    if found is None or found.poll.campaign_id not in call.scope:
        raise not_found("poll")
    if found.poll.state == State.DRAFT and not call.may(found.poll.campaign_id, "moderate"):
        raise not_found("poll")
    return found


async def _draft(call: Call) -> PollRow:
    """The draft, with its campaign held, so that nobody launches what is being edited."""
    found = await _poll(call, call.connection)
    await heads.lock(call.connection, found.poll.campaign_id)
    found = await _poll(call, call.connection)
    if found.poll.state != State.DRAFT:
        raise conflict(
            "wrong_state",
            f"The poll is {found.poll.state}; only a draft can be changed. Ask it again for a new draft.",
        )
    return found


async def _check_rundown(connection: Connection, campaign_id: UUID, rundown_id: UUID | None) -> None:
    if rundown_id is not None and await rundowns.get(connection, rundown_id, [campaign_id]) is None:
        raise invalid("/rundown_id", "the campaign has no such rundown")


def _draft_of(body: PollIn) -> Draft:
    """Raises Problem 422 for rules that do not go together."""
    if body.per_person and body.rule != "one_vote":
        raise invalid("/per_person", "where every message counts nobody has one vote: choose rule one_vote")
    return body.draft()


@endpoint(
    "GET", "/campaigns/{campaign_id}/polls", "List polls", query=PollQuery, answer=Page[PollOut], needs="read"
)
async def list_polls(call: Call) -> Page[PollOut]:
    """Newest first. What is only written yet is for those who can launch it."""
    query = call.asked(PollQuery)
    campaign_id = call.campaign_id()
    states = _STATES[query.state]
    if not call.may(campaign_id, "moderate"):
        states = tuple(state for state in states if state != State.DRAFT)
    found = await polls.page(
        call.connection,
        campaign_id,
        states=states,
        rundown_id=query.rundown,
        before=query.cursor,
        most=query.limit + 1,
    )
    chosen = found[: query.limit]
    return Page(
        items=[shown(row) for row in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/polls",
    "Write a poll",
    body=PollIn,
    answer=PollOut,
    status=201,
    needs="moderate",
)
async def create_poll(call: Call, body: PollIn) -> PollOut:
    """A draft: nothing is on stream before the launch."""
    campaign_id = call.campaign_id()
    await _check_rundown(call.connection, campaign_id, body.rundown_id)
    poll_id = await polls.create(call.connection, campaign_id, _draft_of(body))
    return await _read(call.connection, poll_id)


async def _read(connection: Connection, poll_id: UUID) -> PollOut:
    row = await polls.get(connection, poll_id)
    if row is None:
        raise not_found("poll")
    return shown(row)


@endpoint("GET", "/polls/{poll_id}", "Read a poll", answer=PollOut, needs="read")
async def read_poll(call: Call) -> PollOut:
    """With the figures that may be seen now."""
    return shown(await _poll(call, call.connection))


@endpoint(
    "PATCH",
    "/polls/{poll_id}",
    "Edit a draft",
    body=PollPatch,
    answer=PollOut,
    problems=(409,),
    needs="moderate",
)
async def update_poll(call: Call, body: PollPatch) -> PollOut:
    """Only a draft; what was launched is history."""
    row = await _draft(call)
    campaign_id = row.poll.campaign_id
    given = body.model_dump(exclude_unset=True)
    if "rundown_id" in given:
        await _check_rundown(call.connection, campaign_id, given["rundown_id"])
    moved = "rundown_id" in given and given["rundown_id"] != row.rundown_id and "order_index" not in given
    draft = _draft_of(PollIn.model_validate({**as_input(row), **given}))
    await polls.update_draft(call.connection, campaign_id, row.id, draft)
    if moved:
        await polls.move_to_end(call.connection, campaign_id, row.id)
    return await _read(call.connection, row.id)


@endpoint(
    "DELETE", "/polls/{poll_id}", "Delete a draft", answer=None, status=204, problems=(409,), needs="moderate"
)
async def delete_poll(call: Call) -> None:
    """Only a draft; what was launched is history."""
    row = await _draft(call)
    await polls.delete_draft(call.connection, row.poll.campaign_id, row.id)


@endpoint("POST", "/polls/{poll_id}/again", "Ask it again", answer=PollOut, status=201, needs="moderate")
async def ask_again(call: Call) -> PollOut:
    """A new draft with the same words and rules, at the end of its rundown."""
    row = await _poll(call, call.connection)
    return await _read(call.connection, await polls.again(call.connection, row))


class _Acted:
    """The rest of an act, inside the engine's transaction: it is logged and answered, or did not happen."""

    answer: PollOut

    def __init__(self, call: Call, action: str) -> None:
        self._call = call
        self._action = action

    async def __call__(self, connection: Connection, poll_id: UUID) -> None:
        row = await polls.get(connection, poll_id)
        if row is None:
            raise not_found("poll")
        await admin_log.note(
            connection,
            actor=self._call.actor.label,
            action=f"poll.{self._action}",
            campaign_id=row.poll.campaign_id,
            subject=row.id,
        )
        self.answer = shown(row)
        if self._action == "launch" and not row.poll.simulated:
            warnings = await not_reached(connection, row.poll.campaign_id)
            self.answer = self.answer.model_copy(update={"warnings": warnings})
        await self._call.keep(connection, self.answer)


async def _act(call: Call, command: Command, action: str) -> PollOut:
    services = call.services
    async with services.database.connection() as connection:
        poll = (await _poll(call, connection)).poll
    acted = _Acted(call, action)
    await services.rooms.command(poll.campaign_id, poll.id, command, also=acted)
    return acted.answer


@endpoint(
    "POST",
    "/polls/{poll_id}/launch",
    "Launch",
    body=LaunchIn,
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def launch(call: Call, body: LaunchIn) -> PollOut:
    """Opens the poll on every channel of the campaign; one poll of a campaign runs at a time."""
    services = call.services
    async with services.database.connection() as connection:
        poll = (await _poll(call, connection)).poll
    acted = _Acted(call, "launch")
    await services.rooms.launch(
        poll.campaign_id, poll.id, simulated=body.simulated, keep_draft=body.keep_draft, also=acted
    )
    return acted.answer


@endpoint(
    "POST",
    "/polls/{poll_id}/close",
    "Close",
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def close(call: Call) -> PollOut:
    """No more votes; those sent in time may still arrive, then they are counted."""
    return await _act(call, Close(), "close")


@endpoint(
    "POST",
    "/polls/{poll_id}/cancel",
    "Cancel",
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def cancel(call: Call) -> PollOut:
    """Takes the poll off the stream without a result; can be undone for ten seconds."""
    return await _act(call, Cancel(), "cancel")


@endpoint(
    "POST",
    "/polls/{poll_id}/undo-cancel",
    "Undo a cancel",
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def undo_cancel(call: Call) -> PollOut:
    """Brings a poll back within ten seconds; its time goes on where it stopped."""
    return await _act(call, UndoCancel(), "undo_cancel")


@endpoint(
    "POST",
    "/polls/{poll_id}/reveal",
    "Reveal",
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def reveal(call: Call) -> PollOut:
    """Shows the result on stream."""
    return await _act(call, Reveal(), "reveal")


@endpoint(
    "POST",
    "/polls/{poll_id}/resolve",
    "Decide a tie",
    body=ResolveIn,
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def resolve(call: Call, body: ResolveIn) -> PollOut:
    """The game master's choice among the tied options."""
    return await _act(call, Resolve(body.winner), "resolve")


@endpoint(
    "POST",
    "/polls/{poll_id}/extend",
    "Give more time",
    body=ExtendIn,
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def extend(call: Call, body: ExtendIn) -> PollOut:
    """Only while the poll is open."""
    return await _act(call, Extend(body.seconds), "extend")


@endpoint(
    "POST",
    "/polls/{poll_id}/dismiss",
    "Clear the stage",
    answer=PollOut,
    work="engine",
    problems=(409,),
    needs="moderate",
)
async def dismiss(call: Call) -> PollOut:
    """Takes the result off the stream before its time."""
    return await _act(call, Dismiss(), "dismiss")


@endpoint(
    "GET",
    "/polls/{poll_id}/export",
    "Export the vote ledger",
    query=ExportQuery,
    answer=None,
    work="engine",
    files=("application/json", "text/csv"),
    problems=(409,),
    needs="read",
)
async def export(call: Call) -> Raw:
    """Every vote that was taken, in order, sealed by hashes; names nobody. `hubbub verify` recounts it."""
    wanted = call.asked(ExportQuery).format
    database = call.services.database
    async with database.transaction(isolation="repeatable_read", readonly=True) as connection:
        row = await _poll(call, connection)
        poll = row.poll
        if poll.state == State.DRAFT:
            raise conflict("wrong_state", "The poll is a draft: it has no votes yet.")
        if poll.hides_votes:
            raise conflict(
                "secret",
                "This secret ballot was cancelled: its votes stay secret."
                if poll.state == State.CANCELLED
                else "This is a secret ballot: reveal it first, then export it.",
            )
        if poll.ledger_rows > _MOST_ROWS:
            raise Problem(413, "too_large", "The ledger is too long for one file; read it from the database.")
        rows = await votes.ledger(connection, poll.id)
        entries = await poll_persons.ledger(connection, poll.id) if poll.rules.per_person else []
    text = await asyncio.to_thread(_file, row, rows, entries, wanted)
    media_type = "text/csv; charset=utf-8" if wanted == "csv" else "application/json"
    return Raw(text, media_type, f"poll-{poll.id}.{wanted}")


#: About 250 MB of JSON; at a thousand votes a second a poll of twenty minutes.
_MOST_ROWS = 1_200_000


def _file(row: PollRow, rows: list[Row], entries: list[Entry], wanted: str) -> str:
    if wanted == "csv":
        return vote_export.spreadsheet(row.poll, rows, entries)
    # Beside what is sealed: the hashes cover votes, and these are none.
    gaps = [exported_gap(gap) for gap in row.gaps]
    return orjson.dumps(vote_export.document(row.poll, rows, entries) | {"gaps": gaps}).decode()


ENDPOINTS = (
    list_polls,
    create_poll,
    read_poll,
    update_poll,
    delete_poll,
    launch,
    close,
    cancel,
    undo_cancel,
    reveal,
    resolve,
    extend,
    dismiss,
    ask_again,
    export,
)
