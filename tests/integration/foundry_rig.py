"""A web process that serves the published module on a real port, and a client that speaks to it by hand.

The client says what it is told to, in bytes: what the real library would never send, too.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from server.http_server import server_of
from server.web.app import create_app
from server.web.foundry.socket import PATH, Foundry
from tests.integration.live_rig import until
from tests.integration.web_rig import Rig

WORLD = "mossy-vaults"
ASK = {
    "worldId": WORLD, "worldName": "Mossy vaults", "gmUserId": "gm0", "moduleVersion": "2.3.4",
    "gameSystemId": "dnd5e", "gameSystemName": "Dungeons & Dragons",
}  # fmt: skip


@dataclass
class Served:
    """The process, and where it listens."""

    rig: Rig
    foundry: Foundry
    url: str
    dialled: list[ClientConnection] = field(default_factory=list)

    async def browser(self, token: object = None, **more: Any) -> Browser:
        """A connection that has said hello with this token; whether it was let in, `answer` tells."""
        made = await self.dial(**more)
        auth = {} if token is None else {"token": token}
        await made.say("40/vtt," + json.dumps(auth))
        made.answer = await made.hear()
        return made

    async def dial(self, query: str = "EIO=4&transport=websocket", **more: Any) -> Browser:
        """A connection that has heard the server's greeting."""
        line = await connect(f"{self.url}?{query}", compression=None, proxy=None, ping_interval=None, **more)
        self.dialled.append(line)
        made = Browser(line)
        made.greeting = json.loads((await made.hear())[1:])
        return made


@dataclass
class Browser:
    """The client's end of a connection of Engine.IO."""

    line: ClientConnection
    greeting: dict[str, Any] = field(default_factory=dict)
    answer: str = ""

    async def say(self, text: str | bytes) -> None:
        await self.line.send(text)

    async def emit(self, event: str, payload: Any = None) -> None:
        await self.say("42/vtt," + json.dumps([event, payload]))

    async def hear(self, seconds: float = 5) -> str:
        text = await asyncio.wait_for(self.line.recv(), seconds)
        assert isinstance(text, str)
        return text

    async def event(self, name: str, seconds: float = 5) -> Any:
        """The payload of the next event of this name; pings are answered, others passed over."""
        async with asyncio.timeout(seconds):
            while True:
                text = await self.hear(seconds)
                if text == "2":
                    await self.say("3")
                if text.startswith("42/vtt,"):
                    said, payload = json.loads(text.removeprefix("42/vtt,"))
                    if said == name:
                        return payload

    async def ended(self, seconds: float = 5) -> list[str]:
        """Wait until the server has ended it; what it said before."""
        said = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    said.append(str(await self.line.recv()))
        except ConnectionClosed:
            return said

    @property
    def refusal(self) -> str:
        """The text with which it was not let in."""
        assert self.answer.startswith("44/vtt,"), self.answer
        message: str = json.loads(self.answer.removeprefix("44/vtt,"))["message"]
        return message

    @property
    def is_in(self) -> bool:
        return self.answer.startswith("40/vtt,")


@asynccontextmanager
async def served(rig: Rig, **settings: Any) -> AsyncIterator[Served]:
    """The rig's services on a port. `settings` are those of Foundry."""
    foundry = Foundry(rig.services, **settings)
    server = server_of(create_app(rig.services, foundry.routes()), ())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        working = asyncio.create_task(foundry.run())
        serving = asyncio.create_task(server.serve([listener]))
        await until(lambda: server.started, "uvicorn listens")
        house = Served(rig, foundry, f"ws://127.0.0.1:{port}{PATH}")
        try:
            yield house
            assert not working.done(), "the watch died"
        finally:
            await foundry.close()
            for line in house.dialled:
                line.transport.abort()
            server.should_exit = True
            await serving
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


async def ask(rig: Rig, **changed: Any) -> dict[str, Any]:
    """A table asks for a code."""
    answer = await rig.client().post("/webhooks/foundry/request-pairing", json=ASK | changed)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def status(rig: Rig, **query: str) -> dict[str, Any]:
    """How a code fares."""
    answer = await rig.client().get("/webhooks/foundry/pairing-status", params=query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@dataclass
class Paired:
    """A world with its credentials."""

    campaign: str
    held: dict[str, Any]
    code: str

    @property
    def id(self) -> UUID:
        return UUID(self.held["connectionId"])

    @property
    def token(self) -> str:
        found: str = self.held["sessionToken"]
        return found

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.held['apiKey']}"}

    @property
    def api(self) -> str:
        return f"/api/v1/vtt-connections/{self.id}"


async def pair(rig: Rig, campaign: str = "", world: str = WORLD) -> Paired:
    """A world, paired with a campaign."""
    campaign = campaign or await rig.campaign()
    code = (await ask(rig, worldId=world))["code"]
    answer = await rig.root.post(f"/api/v1/campaigns/{campaign}/vtt-pairings", json={"code": code})
    assert answer.status_code == 201, answer.text
    held = await status(rig, worldId=world, code=code)
    assert held["status"] == "completed", held
    return Paired(campaign, held, code)


def roll(message_id: str, value: int = 17, **changed: Any) -> dict[str, Any]:
    """A d20 as the module sends it."""
    return {
        "characterId": "actRook000000001", "characterName": "Rook Feather", "rollId": message_id,
        "rollFormula": "1d20 + 7", "result": value + 7, "diceResults": [value], "isCritical": False,
        "criticalType": None, "severity": None, "criticalLabel": None, "criticalCategory": None,
        "isHidden": False, "rollType": "attack", "skill": None, "skillRaw": None, "ability": None,
        "abilityRaw": None, "modifiers": [], "terms": [], "systemData": {"isPool": False},
        "metadata": {"foundryMessageId": message_id, "timestamp": 1, "flavor": "Longbow"},
        "worldId": WORLD, "campaignId": WORLD,
    } | changed  # fmt: skip
