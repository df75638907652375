"""What of a roll goes on stream, and which critical has its effects: decided here for every way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from server.engine.table_state import Table
from server.engine.turn import Turn
from server.rules import dice_stage, dice_view
from server.rules.verdicts import counts
from sql.dice_rolls import Roll

_CRITICAL_TTL_MS = 10_000


class OnStage:
    """The dice that are seen, in the course of one turn."""

    def __init__(self, turn: Turn, table: Table) -> None:
        self._turn = turn
        self._table = table
        self.stage = dice_stage.tidy(table.stage, turn.head.now)

    async def enter(self, row: Roll) -> Roll:
        """A new roll: as it is stored after that."""
        if is_public(row):
            row = self._shown(row)
        else:
            self._noticed(row)
        return await self.effects(row)

    async def revise(self, before: Roll, row: Roll) -> Roll:
        """A higher revision of a roll: it takes the place of what is seen of it, and is not shown anew.

        What was secret or waited for its player, and does not any more, comes on stream; what is secret now
        leaves it. What the game master kept off stays off.
        """
        if is_public(row):
            has_player = before.attribution == "pending" and row.attribution == "attributed"
            is_news = has_player or not is_public(before)
            if self.holds(row) or (is_news and before.shown_at is None):
                row = self._shown(row)
        elif is_public(before):
            self.stage = dice_stage.without(self.stage, str(row.view_id))
        elif row.seal is not None:
            # Another value under another seal: the one that is seen would prove nothing.
            self.stage = dice_stage.without(self.stage, str(row.view_id))
            self._noticed(row)
        return await self.effects(row)

    def show(self, row: Roll) -> Roll:
        """On stream, whatever waits for the game master: he has spoken."""
        return self._put(row)

    def again(self, row: Roll) -> Roll:
        """On stream as if it had just fallen."""
        self.stage = dice_stage.without(self.stage, str(row.view_id))
        return self._put(row)

    def holds(self, row: Roll) -> bool:
        """Whether something of the roll is on stream."""
        return any(showing.id == str(row.view_id) for showing in self.stage.showings)

    def _shown(self, row: Roll) -> Roll:
        settings = self._table.settings
        if not settings.shows_dice or (row.attribution == "pending" and settings.holds_pending):
            return row
        return self._put(row)

    def _put(self, row: Roll) -> Roll:
        view = public_view(row)
        if view is None:
            return row
        self.stage = dice_stage.add(self.stage, view, self._turn.head.now)
        return replace(row, shown_at=row.shown_at or self._turn.head.now)

    def _noticed(self, row: Roll) -> None:
        settings = self._table.settings
        if settings.shows_dice and settings.shows_secret:
            notice = dice_view.secret_notice(
                row.roll, str(row.view_id), row.seal if settings.seals_secret else None
            )
            if notice is not None:
                self.stage = dice_stage.add(self.stage, _marked(row, notice), self._turn.head.now)

    async def effects(self, row: Roll) -> Roll:
        """The effects of a critical, once: told to everybody as something that happened."""
        if row.effects_at is not None or row.attribution != "attributed" or not is_public(row):
            return row
        is_one = counts(
            row.roll,
            row.verdict,
            is_consistent=not row.inconsistencies and "repeated" not in row.anomalies,
            is_ordered=row.command_id is not None,
            is_simulated=row.simulated,
            rewards_unverified=self._table.settings.rewards_unverified,
        )
        view = public_view(row) if is_one else None
        if view is None:
            return row
        told = {name: view[name] for name in ("id", "player_name", "character_name", "critical")}
        # What was redacted hides the critical, too.
        if told["critical"] is not None:
            await self._turn.announce("dice.critical", told, _CRITICAL_TTL_MS)
        return replace(row, effects_at=self._turn.head.now)


def is_public(row: Roll) -> bool:
    """Whether everybody may see the value: from the start, or since it was revealed."""
    return not row.roll.is_secret or row.revealed_at is not None


def public_view(row: Roll) -> Mapping[str, Any] | None:
    """What everybody may see; None for a secret roll."""
    if not is_public(row):
        return None
    roll = replace(row.roll, visibility="public", whisper_to=())
    view = dice_view.public_view(roll, row.verdict, view_id=str(row.view_id))
    if view is not None and row.revealed_at is not None and row.roll.is_secret:
        # What stood on the seal; empty for a secret that had none.
        view = {**view, "seal": "" if row.seal is None else row.seal.shown}
    return None if view is None else _marked(row, view)


def _marked(row: Roll, view: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**view, "simulated": True} if row.simulated else view
