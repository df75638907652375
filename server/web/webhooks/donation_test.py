"""A donation that shows whether a page's donations reach the stream: as the service itself would tell it."""

from __future__ import annotations

from typing import Any, Final

from integrations.donations.reading import Page
from server.web.services import Services
from server.web.webhooks import donations
from sql.donations import DonationPage, Service
from sql.ids import uuid7

_NAME, _MESSAGE = "Rook Feather", "A test: does it reach the stream?"
_TOLD: Final[dict[Service, dict[str, Any]]] = {
    "kofi": {
        "type": "Donation",
        "kofi_transaction_id": "00000000-1111-2222-3333-444444444444",
        "is_public": True,
        "from_name": _NAME,
        "message": _MESSAGE,
        "amount": "3.00",
        "currency": "EUR",
    },
    "streamelements": {
        "type": "tip",
        "isMock": True,
        "data": {"username": _NAME, "amount": 3, "currency": "EUR", "message": _MESSAGE},
    },
    "streamlabs": {
        "type": "donation",
        "message": [
            {"name": _NAME, "amount": "3.00", "currency": "EUR", "message": _MESSAGE, "isTest": True}
        ],
    },
}


async def send(services: Services, page: DonationPage) -> bool:
    """Send one through the reader and the engine, as the page's; whether it was taken."""
    found = donations.read(_TOLD[page.service], Page(page.service, page.id, services.clock()))
    # Two presses in one instant are two tests.
    key = f"test-{uuid7()}"
    events = [event._replace(message_id=key, fact=key) for event in found.events]
    outcomes = await services.batches.deliver(page.campaign_id, events)
    return [outcome.kind for outcome in outcomes] == ["accepted"]
