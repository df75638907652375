"""Commands to paired tables: ordered here, told to one browser of the table, once at most."""

from __future__ import annotations

from typing import Final, Literal

import orjson

from server.engine import table_commands
from server.engine.table_commands import NoTable
from server.rules import table_commands as wire
from server.rules.table_commands import TableCommand
from server.web.api.vtt_command_models import (
    ApplyMonsterEffect,
    ApplySpellEffect,
    ChatMessage,
    CleanupAllEffects,
    Command,
    DeleteMessage,
    ModifyActor,
    RemoveMonsterEffect,
    RemoveSpellEffect,
    RequestSync,
    RollDice,
    VttCommandIn,
    VttCommandOut,
)
from server.web.endpoint import Call, endpoint
from server.web.models import Page, PageQuery
from server.web.problems import conflict, invalid, not_found
from sql import admin_log, vtt_commands
from sql.ids import uuid7
from sql.vtt_commands import Command as Stored

_LARGEST_UPDATES: Final = 8 * 1024
State = Literal["waiting", "told", "reported", "dead", "needs_person"]


def _wire(command: Command) -> TableCommand:
    """As the module is told it. Raises Problem 422."""
    match command:
        case RollDice():
            return wire.roll_dice(
                command.formula,
                forced_result=command.forced_result,
                flavor=command.flavor,
                actor_id=command.actor_id,
            )
        case ChatMessage():
            return wire.chat_message(command.content, alias=command.alias, actor_id=command.actor_id)
        case DeleteMessage():
            return wire.delete_message(command.message_id)
        case ModifyActor():
            if len(orjson.dumps(command.updates)) > _LARGEST_UPDATES:
                raise invalid("command.updates", f"is larger than {_LARGEST_UPDATES // 1024} KiB")
            return wire.modify_actor(command.actor_id, command.updates)
        case ApplySpellEffect(effect=effect):
            return wire.spell_effect(
                command.actor_id,
                command.spell_id,
                command.spell_name,
                effect.type,
                duration_s=effect.duration_s,
                bonus_type=effect.bonus_type,
                bonus=effect.bonus,
                penalty_type=effect.penalty_type,
                penalty=effect.penalty,
                highlight_color=effect.highlight_color,
                triggered_by=effect.triggered_by,
            )
        case RemoveSpellEffect():
            return wire.remove_spell_effect(command.actor_id, command.spell_id)
        case ApplyMonsterEffect(effect=on_monster):
            return wire.monster_effect(
                command.actor_id,
                command.monster_name,
                on_monster.type,
                armor_class=on_monster.armor_class,
                hit_points=on_monster.hit_points,
                highlight_color=on_monster.highlight_color,
                triggered_by=on_monster.triggered_by,
            )
        case RemoveMonsterEffect():
            return wire.remove_monster_effect(command.actor_id)
        case CleanupAllEffects():
            return wire.cleanup_all_effects(clean_chat=command.clean_chat)
        case RequestSync():
            return wire.request_sync(command.actor_id)


def _state(stored: Stored) -> State:
    match stored.state:
        case "done":
            return "told" if stored.reported_at is None else "reported"
        case "dead" | "needs_person":
            return stored.state
        case _:
            # Something may come back before it was noted that it has left.
            return "waiting" if stored.reported_at is None else "reported"


def shown(stored: Stored) -> VttCommandOut:
    return VttCommandOut(
        id=stored.id,
        connection_id=stored.connection_id,
        kind=stored.kind,
        state=_state(stored),
        reason=stored.last_error,
        report=stored.report,
        created_at=stored.created_at,
        expires_at=stored.expires_at,
        told_at=stored.told_at,
        reported_at=stored.reported_at,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/vtt-commands",
    "Command a table",
    body=VttCommandIn,
    answer=VttCommandOut,
    status=201,
    problems=(409,),
    needs="run",
)
async def create_vtt_command(call: Call, body: VttCommandIn) -> VttCommandOut:
    """It is told to one of the table's browsers, once at most, as soon as one is there; if none comes in time
    it is dead. The table answers no command: what comes back of it, if anything, is told as its report."""
    campaign_id = call.campaign_id()
    try:
        ordered = await table_commands.order(
            call.connection,
            campaign_id,
            body.connection_id,
            _wire(body.command),
            key=f"desk:{uuid7()}",
            expires_in_s=body.expires_in_s,
        )
    except NoTable:
        raise conflict(
            "no_table",
            "The campaign has no such table, or it takes no commands: only paired Foundry worlds do.",
        ) from None
    found = await vtt_commands.get(call.connection, ordered, (campaign_id,))
    if found is None:
        raise LookupError("a command that was just ordered is not there")
    await _note(call, found, "create")
    return shown(found)


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/vtt-commands",
    "List commands to tables",
    query=PageQuery,
    answer=Page[VttCommandOut],
    needs="run",
)
async def list_vtt_commands(call: Call) -> Page[VttCommandOut]:
    """Newest first; those that are over are kept for 30 days."""
    query = call.asked(PageQuery)
    found = await vtt_commands.list_page(call.connection, call.campaign_id(), query.cursor, query.limit + 1)
    chosen = found[: query.limit]
    following = chosen[-1].id if len(found) > query.limit else None
    return Page(items=[shown(one) for one in chosen], next=following)


@endpoint(
    "POST",
    "/vtt-commands/{command_id}/retry",
    "Tell a command again",
    answer=VttCommandOut,
    problems=(409,),
    needs="run",
)
async def retry_vtt_command(call: Call) -> VttCommandOut:
    """One that is dead, or of which nobody knows whether the table was told: look there first. It waits an
    hour."""
    found = await _found(call)
    if not await vtt_commands.retry(call.connection, found.id, wire.EXPIRES_IN_S):
        raise conflict("not_over", "The command waits still, or was told: it is not told again.")
    await _note(call, found, "retry")
    return shown(await _found(call))


async def _found(call: Call) -> Stored:
    found = await vtt_commands.get(call.connection, call.id("command_id", "command"), call.scope)
    if found is None:
        raise not_found("command")
    return found


async def _note(call: Call, command: Stored, action: str) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"vtt_command.{action}",
        campaign_id=command.campaign_id,
        subject=command.id,
        detail={"kind": command.kind, "table": str(command.connection_id)},
    )


ENDPOINTS = (create_vtt_command, list_vtt_commands, retry_vtt_command)
