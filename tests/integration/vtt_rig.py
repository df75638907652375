"""A table and what it sends, for tests of the ways in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from sql.ids import uuid7
from tests.integration.web_rig import Rig


def roll(roll_id: str = "", **changed: Any) -> dict[str, Any]:
    """A public roll in our own form: 17 and 4, the higher one kept, and 7."""
    return {
        "schema": "hubbub.dice_roll/1",
        "roll_id": roll_id or str(uuid7()),
        "source": {"system": "foundry", "instance_id": "mossy-world"},
        "actor": {"player_name": "Rook", "character_name": "Rook Feather"},
        "label": "Longbow",
        "visibility": "public",
        "notation": "2d20kh1+7",
        "groups": [
            {
                "sides": 20,
                "count": 2,
                "dice": [{"value": 17, "state": "kept"}, {"value": 4, "state": "dropped"}],
            }
        ],
        "modifiers": [{"value": 7}],
        "total": 24,
    } | changed


def signature_headers(
    secret: str, body: bytes, *, webhook_id: str = "", at: float | None = None
) -> dict[str, str]:
    """Of a server that signs; written here once more, so that a mistake of ours is not tested by itself."""
    webhook_id = webhook_id or str(uuid7())
    seconds = str(int(time.time() if at is None else at))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, b".".join([webhook_id.encode(), seconds.encode(), body]), hashlib.sha256)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
    }


@dataclass(slots=True)
class Table:
    """A table as its sender knows it."""

    rig: Rig
    campaign: str
    made: dict[str, Any]

    @property
    def id(self) -> str:
        found: str = self.made["id"]
        return found

    @property
    def path(self) -> str:
        return f"/webhooks/vtt/{self.id}"

    @property
    def api(self) -> str:
        return f"/api/v1/vtt-connections/{self.id}"

    async def signed(
        self,
        message: Any,
        *,
        secret: str = "",
        webhook_id: str = "",
        at: float | None = None,
        **headers: str,
    ) -> httpx2.Response:
        """As a server sends it."""
        body = message if isinstance(message, bytes) else orjson.dumps(message)
        signed = signature_headers(secret or self.made["signing_secret"], body, webhook_id=webhook_id, at=at)
        return await self.post(body, **(signed | headers))

    async def by_token(self, message: Any, *, token: str = "", **headers: str) -> httpx2.Response:
        """As a browser sends it."""
        body = message if isinstance(message, bytes) else orjson.dumps(message)
        bearer = f"Bearer {token or self.made['ingest_token']}"
        return await self.post(body, **({"authorization": bearer} | headers))

    async def post(self, body: bytes, **headers: str) -> httpx2.Response:
        """As it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.rig.client().post(
            self.path, content=body, headers={"content-type": "application/json"} | named
        )

    async def rolls(self) -> list[dict[str, Any]]:
        """What the campaign has, newest first."""
        answer = await self.rig.root.get(f"/api/v1/campaigns/{self.campaign}/rolls?limit=100")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


async def table(rig: Rig, campaign: str = "", **wanted: Any) -> Table:
    """A table of a campaign, of a new one by itself."""
    campaign = campaign or await rig.campaign()
    body = {"system": "foundry", "name": "Mossy world"} | wanted
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/vtt-connections", json=body)
    assert answer.status_code == 201, answer.text
    return Table(rig, campaign, answer.json())
