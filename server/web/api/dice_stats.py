"""Dice fairness: what each player's dice did so far."""

from __future__ import annotations

import asyncio
from uuid import UUID

from pydantic import Field

from server.engine import dice_stats as stats
from server.rules import fairness
from server.rules.fairness import DieStats, Luck, PlayerStats
from server.web.api.acting import Acting
from server.web.api.roll_models import Sides
from server.web.endpoint import Call, endpoint
from server.web.models import Model
from sql.pool import Connection


class DiceStatsQuery(Model):
    hidden: bool = Field(default=False, description="true: of secret rolls, which never go on stream")


class DieStatsOut(Model):
    sides: Sides
    count: int
    mean: float | None
    distribution: list[int] = Field(description="How often each face fell, from the lowest on")
    chi_square: float
    p_value: float = Field(description="How likely fair dice are to look at least this uneven")
    is_enough: bool = Field(description="false: too few dice for the p-value to mean anything")
    longest_high: int
    longest_low: int
    longest_same: int


class PlayerStatsOut(Model):
    key: str
    name: str
    count: int
    luck: float = Field(description="Standard deviations above what fair dice bring")
    dice: list[DieStatsOut]


class LuckOut(Model):
    key: str
    name: str
    z: float
    count: int


class DiceStatsOut(Model):
    """Of the newest 20,000 rolls; without tests and rolls with a result that we ordered."""

    rolls: int
    players: list[PlayerStatsOut] = Field(description="Who threw the most dice first")
    luckiest: LuckOut | None = Field(description="null: nobody threw thirty dice yet")


class ShownLuckOut(Model):
    luckiest: LuckOut


def _die(of: DieStats) -> DieStatsOut:
    return DieStatsOut(
        sides=of.sides,
        count=of.count,
        mean=of.mean,
        distribution=list(of.distribution),
        chi_square=of.chi_square,
        p_value=of.p_value,
        is_enough=of.is_enough,
        longest_high=of.streaks.longest_high,
        longest_low=of.streaks.longest_low,
        longest_same=of.streaks.longest_same,
    )


def _player(key: str, player: PlayerStats) -> PlayerStatsOut:
    return PlayerStatsOut(
        key=key,
        name=player.name,
        count=player.count,
        luck=fairness.luck(key, player).z,
        dice=[_die(of) for _, of in sorted(player.dice.items(), key=lambda pair: -pair[1].count)],
    )


def _luck(of: Luck) -> LuckOut:
    return LuckOut(key=of.key, name=of.name, z=of.z, count=of.count)


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/dice-stats",
    "Read dice statistics",
    query=DiceStatsQuery,
    answer=DiceStatsOut,
    needs="run",
)
async def read_dice_stats(call: Call) -> DiceStatsOut:
    """Per player and kind of die. Secret rolls are counted apart."""
    wanted = call.asked(DiceStatsQuery)
    rolls, found = await stats.read(call.connection, call.campaign_id())
    players = found.hidden if wanted.hidden else found.public
    lucky = fairness.luckiest(players)
    shown = await asyncio.to_thread(lambda: [_player(key, player) for key, player in players.items()])
    return DiceStatsOut(
        rolls=rolls,
        players=sorted(shown, key=lambda player: -player.count),
        luckiest=None if lucky is None else _luck(lucky),
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/dice-stats/show",
    "Show the luckiest roller",
    answer=ShownLuckOut,
    work="engine",
    problems=(409,),
    needs="run",
)
async def show_luckiest(call: Call) -> ShownLuckOut:
    """A card on stream, of public rolls only."""
    campaign_id = call.campaign_id()
    async with call.services.database.connection() as connection:
        lucky = await stats.luckiest(connection, campaign_id)

    async def answer(connection: Connection, _: UUID) -> ShownLuckOut:
        return ShownLuckOut(luckiest=_luck(lucky))

    acted = Acting(call, "dice_stats.show", answer, campaign_id=campaign_id)
    await stats.show_luckiest(call.services.rooms, campaign_id, lucky, also=acted)
    return acted.answer


ENDPOINTS = (read_dice_stats, show_luckiest)
