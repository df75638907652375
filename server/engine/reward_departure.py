"""A streamer goes, or takes a consent back: their points are given back, and the rewards leave their channel.

What undoes needs no consent any more; what is wanted again needs a new one (domain/campaigns-and-auth.md).
"""

from __future__ import annotations

from server.engine import redemption_acts
from server.engine.departures import Gone
from sql import redemptions, rewards
from sql.pool import Connection
from sql.rewards import Wanted


async def on_gone(connection: Connection, gone: Gone) -> None:
    """An `engine.departures.OnGone`."""
    if "rewards" not in gone.capabilities:
        return
    # Who agrees again finds the rewards where they were.
    wanted: Wanted = "withdrawn" if gone.why in ("revoked", "expired") else "deleted"
    for channel in gone.channels:
        place = (gone.member.campaign_id, channel.platform, channel.channel_id)
        still_open = await redemptions.open_on_channel(connection, *place)
        await redemption_acts.decide_all(
            connection,
            gone.member.campaign_id,
            still_open,
            "refund",
            reason="The streamer's consent to rewards has ended.",
        )
        await redemptions.bid_farewell(connection, *place)
        for reward in await rewards.on_channel(connection, *place):
            await rewards.change(connection, reward, reward.terms, wanted)
