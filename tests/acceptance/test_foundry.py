"""The published Foundry module on a running program: its whole life, with the real socket.io-client on Node
(issue 4, line 1 of what is to be shown; domain/vtt-wire-protocol)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from websockets.asyncio.client import connect

from server.vault import Vault
from server.web.foundry import tokens
from tests.acceptance.foundry_tables import Tables, World
from tests.acceptance.processes import servers_of
from tests.acceptance.show import Json, Show, database_url, eventually
from tests.servers import Hubbub

HTTP = httpx2.AsyncClient


async def paired(show: Show, tables: Tables, *browsers: str, world: str = "mossy-vaults") -> World:
    """A world paired with the show by its first browser; all browsers are connected."""
    made = await tables.world(world, show.program.base_url, *browsers)
    told = await tables.do("pair", browser=browsers[0])
    await show.api.post(f"/campaigns/{show.id}/vtt-pairings", {"code": told["code"]})
    await tables.until(browsers[0], "connect")
    for browser in browsers[1:]:
        await tables.do("connect", browser=browser)
    for browser in browsers:
        await tables.until_received(browser, "connected")
    return made


async def connection_id(world: World) -> str:
    found: str = (await world.credentials())["connectionId"]
    return found


async def rolls(show: Show) -> list[Json]:
    """Newest first."""
    found: list[Json] = (await show.api.get(f"/campaigns/{show.id}/rolls?limit=100"))["items"]
    return found


async def until_rolls(show: Show, number: int) -> list[Json]:
    async def there() -> bool:
        return len(await rolls(show)) >= number

    await eventually(there, f"{number} rolls are stored")
    return await rolls(show)


def vault_of(program: Hubbub) -> Vault:
    """The program's own keys, to make tokens of another time."""
    key = (program.data_dir / "secret.key").read_text("ascii").strip()
    return Vault([key.encode()])


async def stale_session(show: Show, world: World) -> str:
    """A token as the server made it two hours ago."""
    held = await world.credentials()
    (row,) = await show.rows(
        "SELECT token_version, fingerprint FROM vtt_connections WHERE id = $1", UUID(held["connectionId"])
    )
    return tokens.make(
        vault_of(show.program),
        "session",
        connection_id=UUID(held["connectionId"]),
        version=row["token_version"],
        fingerprint=row["fingerprint"],
        now=datetime.now(UTC) - timedelta(hours=2),
    )


async def delete(show: Show) -> None:
    """The campaign is gone, with the lock that every change of it begins with."""
    connection = await asyncpg.connect(database_url(show.program))
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM campaign_heads WHERE campaign_id = $1 FOR UPDATE", UUID(show.id)
            )
            await connection.execute("DELETE FROM campaigns WHERE id = $1", UUID(show.id))
    finally:
        await connection.close()


class Overlay:
    """Whatever reaches a browser source, as text."""

    def __init__(self) -> None:
        self.frames: list[str] = []

    @classmethod
    @asynccontextmanager
    async def of(cls, show: Show) -> AsyncIterator[Overlay]:
        link = await show.overlay()
        key = link.partition("#k=")[2]
        overlay = cls()
        url = show.program.base_url.replace("http", "ws", 1) + "/live"
        async with connect(url, compression=None, proxy=None) as socket:
            await socket.send(
                json.dumps({"op": "hello", "proto": 1, "key": key, "client": {"kind": "overlay"}})
            )

            async def read() -> None:
                async for text in socket:
                    overlay.frames.append(str(text))

            reading = asyncio.create_task(read())
            try:
                yield overlay
            finally:
                reading.cancel()
                await asyncio.wait([reading])

    async def until(self, text: str) -> None:
        async def there() -> bool:
            return any(text in frame for frame in self.frames)

        await eventually(there, f"the overlay is told {text}")


async def test_pairing(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show, HTTP(base_url=hubbub.base_url) as http:
        world = await tables.world("mossy-vaults", hubbub.base_url, "gm1", title="Mossy <b>Vaults</b>")
        told = await tables.do("pair", browser="gm1")
        assert set(told) == {"success", "code", "expiresIn", "expiresAt", "serverUrl"}
        assert (told["success"], told["expiresIn"], told["serverUrl"]) == (True, 300, hubbub.base_url)
        assert abs(told["expiresAt"] / 1000 - time.time() - 300) < 5

        async def status(**query: str) -> Json:
            answer = await http.get("/webhooks/foundry/pairing-status", params=query)
            assert answer.status_code == 200, answer.text
            found: Json = answer.json()
            return found

        pending = await status(worldId="mossy-vaults", code=told["code"])
        assert (pending["status"], pending["code"]) == ("pending", told["code"])
        assert 290 <= pending["remainingSeconds"] <= 300
        # Whoever guesses the world's name has nothing; neither has who guesses a code.
        assert (await status(worldId="mossy-vaults"))["status"] == "not_found"
        assert (await status(worldId="mossy-vaults", code="ABC-234"))["status"] == "not_found"
        assert (await status(worldId="other-world", code=told["code"]))["status"] == "not_found"
        pairings = f"/campaigns/{show.id}/vtt-pairings"
        assert await show.api.refusal(pairings, {"code": "ABC-234"}) == 404
        assert tables.told("gm1", "connect") == []

        confirmed = await show.api.post(pairings, {"code": told["code"].lower().replace("-", " ")})
        assert (confirmed["name"], confirmed["world_id"]) == ("Mossy Vaults", "mossy-vaults")
        assert await show.api.refusal(pairings, {"code": told["code"]}) == 404, "a code is good once"
        # The answer may get lost: it is there again, the same one, for the code alone.
        first = await status(worldId="mossy-vaults", code=told["code"])
        if first["status"] == "completed":  # the module may have been quicker than we
            again = await status(worldId="mossy-vaults", code=told["code"])
            assert {k: v for k, v in again.items() if k != "expiresIn"} == {
                k: v for k, v in first.items() if k != "expiresIn"
            }
        assert "sessionToken" not in await status(worldId="mossy-vaults")
        await tables.until("gm1", "connect")
        gone = await status(worldId="mossy-vaults", code=told["code"])
        assert (gone["status"], set(gone)) == ("expired", {"status", "message"}), "it has come in"

        connected = await tables.until_received("gm1", "connected")
        assert set(connected) == {"connectionId", "timestamp", "itemCategories"}
        held = await world.credentials()
        assert connected["connectionId"] == held["connectionId"] == confirmed["id"]
        assert set(held) == {
            "sessionToken", "refreshToken", "tokenExpiry", "connectionId", "apiKey", "fingerprint",
        }  # fmt: skip
        assert (held["apiKey"][:3], len(held["apiKey"]), len(held["fingerprint"])) == ("ta_", 67, 32)
        # The world plays dnd5e, so the campaign does, and the module learns which items count.
        await tables.wait_for(
            lambda: any(
                one["itemType"] == "spell"
                for data in tables.received("gm1", "connected")
                + tables.received("gm1", "command:sync_item_categories")
                for one in data["itemCategories"]
            ),
            "item categories",
        )
        health = await tables.do("health", browser="gm1")
        assert (health["status"], health["campaignId"], health["tunnelStatus"]) == (
            "healthy", show.id, "connected",
        )  # fmt: skip
        shown = await show.api.get(f"/vtt-connections/{held['connectionId']}")
        assert (shown["sockets"], shown["status"], shown["game_system"]) == (1, "active", "dnd5e")
        stored = repr([dict(row) for row in await show.rows("SELECT * FROM vtt_connections")])
        for name in ("apiKey", "sessionToken", "refreshToken"):
            assert held[name] not in stored


async def test_a_code_that_is_too_old(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        await tables.world("mossy-vaults", hubbub.base_url, "gm1")
        told = await tables.do("pair", browser="gm1")
        await show.rows(
            "UPDATE vtt_pairings SET created_at = created_at - interval '301 s', "
            "expires_at = expires_at - interval '301 s'"
        )
        await tables.until("gm1", "pairing_expired")
        path = f"/campaigns/{show.id}/vtt-pairings"
        assert await show.api.refusal(path, {"code": told["code"]}) == 404
        assert not (await tables.do("state", browser="gm1"))["isPaired"]


async def test_a_second_pairing_is_the_same_table(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1", "gm2")
        first = await world.credentials()
        told = await tables.do("pair", browser="gm2")
        await show.api.post(f"/campaigns/{show.id}/vtt-pairings", {"code": told["code"]})
        await tables.until("gm2", "paired")
        second = await world.credentials()
        assert second["connectionId"] == first["connectionId"]
        assert second["apiKey"] != first["apiKey"]
        # The other browser had come in with what is over now; it comes back with what they share.
        await tables.until("gm1", "connect", number=2)
        assert tables.told("gm1", "forgot") == []
        other = await show.another("Another show")
        told = await tables.do("pair", browser="gm2")
        await show.api.post(f"/campaigns/{other.id}/vtt-pairings", {"code": told["code"]})
        await tables.until("gm2", "paired", number=2)
        assert (await world.credentials())["connectionId"] != first["connectionId"]


async def test_rolls(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1", "gm2")
        # Two rolls of one message, in two browsers: four events, two rolls.
        message = await world.say(
            ("1d20 + 7", [20]),
            ("1d8 + 4", [3]),
            rollType="attack",
            skill="perception",
            actorId="actRook000000001",
            name="Rook Feather",
            flavor="Longbow - Attack Roll",
        )
        for browser in ("gm1", "gm2"):
            await tables.until_received(browser, "dice:roll:ack", number=2)
        found = await until_rolls(show, 2)
        assert len(found) == 2
        by_total = {roll["total"]: roll for roll in found}
        assert set(by_total) == {27, 7}
        hit = by_total[27]
        assert (hit["system"], hit["instance_id"], hit["visibility"]) == ("foundry", "mossy-vaults", "public")
        assert (hit["character_name"], hit["label"]) == ("Rook Feather", "Longbow - Attack Roll")
        assert hit["details"]["skill"] == "perception"
        assert (hit["critical"]["type"], hit["critical"]["severity"]) == ("success", "major")
        assert (hit["verified"], hit["forced"], hit["inconsistencies"]) == (False, False, [])
        acks = [ack for name in ("gm1", "gm2") for ack in tables.received(name, "dice:roll:ack")]
        assert all((ack["success"], ack["rollId"]) == (True, message) for ack in acks)
        # The same formula that fell otherwise in the same message is another roll; so is one of the next.
        await world.say(("1d6", [2]), ("1d6", [5]))
        await world.say(("1d6", [2]))
        for browser in ("gm1", "gm2"):
            await tables.until_received(browser, "dice:roll:ack", number=5)
        assert len(await rolls(show)) == 5
        assert len(await show.rows("SELECT FROM dice_rolls")) == 5
        # What cannot be read is answered, and nothing else of it happens.
        await tables.do("emit", browser="gm1", event="dice:roll", payload={"rollId": "x"})
        bad = await tables.until_received("gm1", "dice:roll:ack", number=6)
        assert (bad["success"], bad["rollId"], bad["error"]) == (False, "x", "rollFormula is missing")


async def test_characters_and_combat(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        await paired(show, tables, "gm1")
        character = {
            "characterId": "actRook000000001", "name": "Rook <i>Feather</i>", "avatarUrl": "icons/rook.webp",
            "characterType": "pc", "stats": {"hp": {"value": 31, "max": 38}}, "inventory": [],
            "spells": [{"id": "sp1", "name": "Fireball", "type": "spell", "level": 3, "school": "evo"}],
            "features": [], "vttData": {"system": "dnd5e", "type": "character", "flags": {}},
            "worldId": "a-copy-of-the-world", "campaignId": "a-copy-of-the-world",
        }  # fmt: skip
        await tables.do("emit", browser="gm1", event="character:update", payload=character)
        ack = await tables.until_received("gm1", "character:update:ack")
        assert (ack["success"], ack["characterId"]) == (True, "actRook000000001")
        (known,) = (await show.api.get(f"/campaigns/{show.id}/characters"))["items"]
        assert (known["name"], known["kind"]) == ("Rook Feather", "pc")
        large = {**character, "characterId": "large", "stats": {str(n): "x" * 1000 for n in range(120)}}
        await tables.do("emit", browser="gm1", event="character:update", payload=large)
        refused = await tables.until_received("gm1", "character:update:ack", number=2)
        assert (refused["success"], refused["characterId"]) == (False, "large")
        combatants = [
            {"id": "c1", "actorId": "actRook000000001", "name": "Rook", "img": None, "initiative": 17,
             "isDefeated": False, "isNPC": False, "characterType": "pc", "isVisible": True, "hp": None},
            {"id": "c2", "name": "Goblin", "img": None, "initiative": 12, "isDefeated": False, "isNPC": True,
             "characterType": "monster", "isVisible": True, "hp": {"current": 7, "max": 7, "temp": 0}},
        ]  # fmt: skip
        start = {"worldId": "mossy-vaults", "combatId": "fight1", "round": 0, "turn": None,
                 "combatants": combatants, "timestamp": 1}  # fmt: skip
        await tables.do("emit", browser="gm1", event="combat:start", payload=start)
        ack = await tables.until_received("gm1", "combat:start:ack")
        assert (ack["success"], ack["combatId"]) == (True, "fight1")
        fight = await show.api.get(f"/campaigns/{show.id}/combat")
        assert "Goblin" in json.dumps(fight)
        await tables.do(
            "emit", browser="gm1", event="combat:end", payload={"combatId": "fight1", "finalRound": 3}
        )
        assert (await tables.until_received("gm1", "combat:end:ack"))["success"]


async def test_a_hidden_critical_is_in_no_frame(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1", "gm2")
        async with Overlay.of(show) as overlay:
            await overlay.until("snapshot")
            await world.say(
                ("1d20 + 40404", [20]),
                whisper=True,
                actorId="actHush000000001",
                name="Hush-character",
                flavor="Hush-flavor",
                skill="Hush-skill",
            )
            await world.say(
                ("1d20 + 3", [11]),
                actorId="actRook000000001",
                name="Rook Feather",
                flavor="Seen-by-all",
            )
            await overlay.until("Seen-by-all")
            stored = await until_rolls(show, 2)
            hidden = next(roll for roll in stored if roll["total"] == 40424)
            assert (hidden["visibility"], hidden["critical"]["type"]) == ("gm_only", "success")
            assert hidden["character_name"] == "Hush-character", "the game master sees it"
            # Frames come in order: with the next public roll whatever there was of the hidden one has come.
            await world.say(
                ("1d20 + 5", [12]),
                actorId="actRook000000001",
                name="Rook Feather",
                flavor="Seen-afterwards",
            )
            await overlay.until("Seen-afterwards")
            frames = "".join(overlay.frames)
            for planted in ("Hush", "40404", "40424", hidden["id"], hidden["view_id"], hidden["roll_id"]):
                assert planted not in frames, planted


async def test_tokens_are_refreshed(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show, HTTP(base_url=hubbub.base_url) as http:
        world = await paired(show, tables, "gm1", "gm2")
        before = await world.credentials()
        # Stale for the server and not for the module, whose clock is wrong: the refusal says what to do.
        await world.store(sessionToken=await stale_session(show, world))
        await tables.do("shut", browser="gm2")
        await tables.do("open", browser="gm3", world=world.name, url=hubbub.base_url, hurry=4)
        await tables.do("start", browser="gm3")
        assert (await tables.until("gm3", "refused"))["message"] == "token expired"
        await tables.until("gm3", "refreshed")
        await tables.until("gm3", "connect")
        after = await world.credentials()
        assert after["refreshToken"] != before["refreshToken"]
        # Two browsers find the same stale token and both exchange it, one after the other.
        await world.store(refreshToken=before["refreshToken"])
        for browser in ("gm1", "gm3"):
            await tables.do("refresh", browser=browser)
            await world.store(refreshToken=before["refreshToken"])
        # A minute after what came of it was used, it is over.
        dead = await show.rows("SELECT revoked_at - now() AS left, reason FROM token_revocation_lists")
        assert [row["reason"] for row in dead] == ["exchanged"]
        assert timedelta(0) < dead[0]["left"] <= timedelta(seconds=60)
        await show.rows("UPDATE token_revocation_lists SET revoked_at = now()")
        refused = await http.post(
            "/mj/vtt-connections/refresh-token",
            json={"refreshToken": before["refreshToken"], "fingerprint": before["fingerprint"]},
        )
        assert refused.status_code == 401
        assert set(refused.json()) == {"error"}
        # Stale on its own clock as well: it asks before it connects.
        await world.store(**{name: after[name] for name in ("refreshToken", "sessionToken")}, tokenExpiry=0)
        await tables.do("shut", browser="gm3")
        await tables.do("open", browser="gm4", world=world.name, url=hubbub.base_url)
        await tables.do("start", browser="gm4")
        await tables.until("gm4", "connect")
        assert tables.told("gm4", "refused") == []


async def test_revoked_and_reauthorized(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show, HTTP(base_url=hubbub.base_url) as http:
        world = await paired(show, tables, "gm1", "gm2")
        held = await world.credentials()
        path = f"/vtt-connections/{held['connectionId']}"
        # While nobody is there: the page is loaded later, asks, and waits until it may come back.
        for browser in ("gm1", "gm2"):
            await tables.do("shut", browser=browser)
        await show.api.post(f"{path}/revoke", {"reason": "lost laptop"})
        for browser in ("gm3", "gm4"):
            await tables.do("open", browser=browser, world=world.name, url=hubbub.base_url, hurry=4)
            await tables.do("start", browser=browser)
            health = await tables.until(browser, "health")
            assert (health["status"], health["canReauthorize"], health["worldId"]) == (
                "revoked", True, world.name,
            )  # fmt: skip
            assert "lost laptop" not in json.dumps(health), "what the desk noted is not for the table"
            await tables.until(browser, "reauthorization", status="still_revoked")
        # Its tokens are worth nothing; and asking without its key, or for a guessed name, tells nothing.
        refresh = {"refreshToken": held["refreshToken"], "fingerprint": held["fingerprint"]}
        assert (await http.post("/mj/vtt-connections/refresh-token", json=refresh)).status_code == 401
        url = f"/webhooks/foundry/reauthorization-status?worldId={world.name}"
        for headers in ({}, {"authorization": "Bearer ta_" + "0" * 64}):
            assert (await http.get(url, headers=headers)).json() == {"status": "not_found"}
        await show.api.post(f"{path}/reauthorize")
        assert (await http.get(url)).json() == {"status": "not_found"}
        for browser in ("gm3", "gm4"):
            await tables.until(browser, "connect")
        again = await world.credentials()
        assert (again["connectionId"], again["apiKey"]) == (held["connectionId"], held["apiKey"])
        assert again["sessionToken"] != held["sessionToken"]
        # While they are there: told, ended, and they do not come back.
        began = time.monotonic()
        await show.api.post(f"{path}/revoke", {})
        for browser in ("gm3", "gm4"):
            told = await tables.until_received(browser, "connection:revoked", seconds=2)
            assert set(told) == {"reason", "timestamp"}
            await tables.until(browser, "forgot")
        assert time.monotonic() - began < 2
        await asyncio.sleep(0.6)
        for browser in ("gm3", "gm4"):
            assert len(tables.told(browser, "connect")) == 1
        assert (await show.api.get(path))["sockets"] == 0


async def test_reauthorized_while_it_was_away(tables: Tables, hubbub: Hubbub) -> None:
    """It finds its new tokens long after they were made: it has its key still."""
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1")
        path = f"/vtt-connections/{await connection_id(world)}"
        await tables.do("shut", browser="gm1")
        await show.api.post(f"{path}/revoke", {})
        await show.api.post(f"{path}/reauthorize")
        await show.rows("UPDATE vtt_connections SET parked_until = now() - interval '1 day'")
        await tables.do("open", browser="gm2", world=world.name, url=hubbub.base_url, hurry=4)
        await tables.do("start", browser="gm2")
        await tables.until("gm2", "connect")
        assert tables.told("gm2", "forgot") == []
        assert (await tables.do("health", browser="gm2"))["status"] == "healthy"
        assert (await tables.do("reauthorization", browser="gm2"))["status"] == "already_active"


async def test_the_table_ends_it(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show, HTTP(base_url=hubbub.base_url) as http:
        world = await paired(show, tables, "gm1", "gm2")
        held = await world.credentials()
        await tables.do("unpair", browser="gm1")
        await tables.until_received("gm2", "connection:revoked", seconds=3)
        shown = await show.api.get(f"/vtt-connections/{held['connectionId']}")
        assert shown["status"] == "revoked"
        assert shown["revoked_reason"] == "At the table: User disconnected from Foundry"
        proof = {"connectionId": held["connectionId"], "apiKey": held["apiKey"], "reason": "again"}
        again = await http.post("/webhooks/foundry/revoke", json=proof)
        assert (again.status_code, again.json()["success"]) == (200, True)
        for wrong, status in (
            ({"connectionId": held["connectionId"]}, 400),
            ({**proof, "apiKey": "ta_" + "0" * 64}, 404),
            ({**proof, "connectionId": show.id}, 404),
        ):
            answer = await http.post("/webhooks/foundry/revoke", json=wrong)
            assert (answer.status_code, "error" in answer.json()) == (status, True)


async def test_the_campaign_is_deleted(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub, "Doomed: show") as show, HTTP(base_url=hubbub.base_url) as http:
        world = await paired(show, tables, "gm1", "gm2")
        held = await world.credentials()
        await tables.do("shut", browser="gm2")
        await delete(show)
        told = await tables.until_received("gm1", "campaign:deleted", seconds=3)
        assert set(told) == {"campaignId", "campaignName", "reason", "timestamp"}
        assert (told["campaignId"], told["campaignName"]) == (show.id, "Doomed: show")
        await tables.until("gm1", "forgot")
        health = await http.get(
            "/webhooks/foundry/connection-health", headers={"authorization": f"Bearer {held['apiKey']}"}
        )
        assert (health.status_code, health.json()["status"]) == (410, "campaign_deleted")
        assert health.json()["connectionId"] == held["connectionId"]
        # A browser that was away is told when it comes.
        await tables.do("world", world="copy")
        await tables.do("store", world="copy", credentials=held)
        await tables.do("open", browser="gm3", world="copy", url=hubbub.base_url, hurry=4)
        await tables.do("start", browser="gm3")
        reason = (await tables.until("gm3", "campaign_deleted"))["reason"]
        assert reason == "The campaign was deleted on Hubbub", "the module reads up to the next colon"
        await asyncio.sleep(0.6)
        assert len(tables.told("gm3", "refused")) == 1, "it does not come back"


async def test_an_outage_of_the_database_keeps_credentials(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1")
        held = await world.credentials()
        stale = await stale_session(show, world)
        stopped = servers_of(hubbub.data_dir, "postgres")
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            # Who is there stays, and what it rolls is kept.
            await world.say(("1d20", [13]), name="Rook", flavor="In the dark")
            # Who comes is told nothing that makes it forget; not even with a token that is stale.
            for browser, token in (("gm2", held["sessionToken"]), ("gm3", stale)):
                await tables.do("open", browser=browser, world=world.name, url=hubbub.base_url, hurry=4)
                await world.store(sessionToken=token)
                await tables.do("start", browser=browser)
                message = (await tables.until(browser, "refused", seconds=20))["message"]
                for word in ("expired", "invalid", "CAMPAIGN_DELETED"):
                    assert word not in message
                assert (await tables.until(browser, "health", seconds=1))["status"] == "error"
            await world.store(sessionToken=held["sessionToken"])
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        for browser in ("gm2", "gm3"):
            await tables.until(browser, "connect", seconds=30)
            assert tables.told(browser, "forgot") == []
        assert tables.told("gm1", "disconnect") == []
        assert (await tables.until_received("gm1", "dice:roll:ack", seconds=15))["success"]
        assert [roll["label"] for roll in await rolls(show)] == ["In the dark"]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_a_restart_of_the_server(tables: Tables, hubbub: Hubbub, end: signal.Signals) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1", "gm2")
        await world.say(("1d20", [13]))
        if end == signal.SIGTERM:
            await asyncio.to_thread(hubbub.stop)
        else:
            await until_rolls(show, 1)
            await asyncio.to_thread(hubbub.kill9)
        for browser in ("gm1", "gm2"):
            ended = await tables.until(browser, "disconnect")
            assert ended["reason"] in ("transport close", "transport error"), "after a goodbye it stays away"
        await asyncio.to_thread(hubbub.start)
        for browser in ("gm1", "gm2"):
            await tables.until(browser, "connect", number=2, seconds=20)
            assert tables.told(browser, "forgot") == []
        assert len(await until_rolls(show, 1)) == 1, "what had arrived before the end is stored"
        await world.say(("1d20", [14]))
        assert [roll["total"] for roll in await until_rolls(show, 2)] == [14, 13]


async def test_commands(tables: Tables, hubbub: Hubbub) -> None:
    async with Show.on(hubbub) as show:
        world = await paired(show, tables, "gm1", "gm2")
        path = f"/campaigns/{show.id}/vtt-commands"
        table = await connection_id(world)

        async def order(**command: Any) -> Json:
            made: Json = await show.api.post(path, {"connection_id": table, "command": command})
            return made

        async def state(ordered: Json) -> str:
            found = (await show.api.get(path))["items"]
            return str(next(one["state"] for one in found if one["id"] == ordered["id"]))

        async def executed(number: int) -> None:
            await tables.wait_for(
                lambda: sum(len(tables.told(name, "executed")) for name in ("gm1", "gm2")) >= number,
                f"{number} commands are executed",
            )

        # A forced roll: executed in one browser, sent by both, stored once, and known for what it is.
        forced = await order(kind="roll_dice", formula="1d20+5", forced_result=20, flavor="<b>Fate</b>")
        assert forced["state"] == "waiting"
        await executed(1)
        for browser in ("gm1", "gm2"):
            await tables.until_received(browser, "dice:roll:ack")
        (roll,) = await until_rolls(show, 1)
        assert (roll["total"], roll["forced"], roll["effects_at"]) == (25, True, None)
        assert await state(forced) == "reported"
        (said,) = await world.chat()
        assert (said["flavor"], len(tables.received("gm1", "command:roll_dice")) + len(
            tables.received("gm2", "command:roll_dice"))) == ("&lt;b&gt;Fate&lt;/b&gt;", 1)  # fmt: skip
        # The same dice, thrown by a person a moment later, are not ours.
        await world.say(("1d20 + 5", [20]))
        own = next(one for one in await until_rolls(show, 2) if one["id"] != roll["id"])
        assert (own["forced"], own["critical"]["type"]) == (False, "success")
        # An effect, once; names are text wherever they end up.
        cursed = await order(
            kind="apply_spell_effect",
            actor_id="actRook000000001",
            spell_id="sp1",
            spell_name="Fire<script>ball",
            effect={"type": "debuff", "triggered_by": "<img src=x onerror=alert(1)>"},
        )
        await executed(2)
        content = (await world.chat())[-1]["content"]
        assert "<script" not in content
        assert "<img" not in content
        await tables.do("cast", browser="gm2", actorId="actRook000000001", spellId="sp1")

        async def is_reported() -> bool:
            return await state(cursed) == "reported"

        await eventually(is_reported, "the spell was cast")
        unknown = {"spellId": "x", "spellName": "x", "effectType": "buff", "requestId": "no-id-of-ours"}
        await tables.do("emit", browser="gm1", event="spell:effect:consumed", payload=unknown)
        # Nobody there: it waits for the first one who comes, or for its end.
        for browser in ("gm1", "gm2"):
            await tables.do("shut", browser=browser)
        waiting = await order(kind="chat_message", content="Hello <i>table</i>", alias="Crowd")
        late = await show.api.post(
            path,
            {"connection_id": table, "command": {"kind": "request_sync"}, "expires_in_s": 10},
        )
        await show.rows("UPDATE vtt_commands SET expires_at = now() WHERE outbox_id = $1", UUID(late["id"]))

        async def is_dead() -> bool:
            return await state(late) == "dead"

        await eventually(is_dead, "nobody came for it", 15)
        assert await state(waiting) == "waiting"
        await tables.do("open", browser="gm3", world=world.name, url=hubbub.base_url, hurry=4)
        await tables.do("start", browser="gm3")
        said_to = await tables.until_received("gm3", "command:chat_message")
        assert set(said_to) == {"content", "speaker", "requestId", "timestamp"}
        assert said_to["content"] == "Hello &lt;i&gt;table&lt;/i&gt;"
        assert await show.api.refusal(f"/vtt-commands/{waiting['id']}/retry") == 409
        again = await show.api.post(f"/vtt-commands/{late['id']}/retry")
        assert again["state"] == "waiting"
        await tables.until_received("gm3", "command:request_sync")
