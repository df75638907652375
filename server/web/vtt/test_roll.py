"""A roll that shows whether a table's dice reach the stream."""

from __future__ import annotations

from uuid import UUID

from integrations.vtt import neutral
from server.rules.table_events import DiceRolled
from server.web.services import Services
from sql.ids import uuid7


async def send_test_roll(services: Services, campaign_id: UUID, connection_id: UUID) -> bool:
    """Send one through the adapter and the engine, as a sender's; whether it was taken."""
    received_at = services.clock()
    message = {
        "schema": neutral.SCHEMA,
        "roll_id": f"test-{uuid7()}",
        "source": {"system": "other", "instance_id": "hubbub-test"},
        "actor": {"player_name": "Test", "is_gm": True},
        "label": "Test roll",
        "visibility": "public",
        "mode": "advantage",
        "notation": "2d20kh1+4",
        # Never a critical: nobody shall cheer for a test.
        "groups": [
            {
                "sides": 20,
                "count": 2,
                "dice": [{"value": 13, "state": "kept"}, {"value": 7, "state": "dropped"}],
            }
        ],
        "modifiers": [{"value": 4}],
        "total": 17,
    }
    rolls = neutral.read(message, received_at).reading.rolls
    events = [DiceRolled(connection_id, roll, received_at, simulated=True) for roll in rolls]
    outcomes = await services.batches.deliver(campaign_id, events)
    return [outcome.kind for outcome in outcomes] == ["accepted"]
