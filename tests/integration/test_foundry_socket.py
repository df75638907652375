"""The namespace `/vtt` by hand: what lets in, what is answered, and what ends a connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from server.web.foundry import browsers as known
from server.web.foundry import gate, handshake, tokens
from server.web.foundry import socket as namespace
from sql.pool import Database
from tests.integration.foundry_rig import Browser, Paired, Served, pair, roll, served
from tests.integration.live_rig import until
from tests.integration.web_rig import Rig, rig_on


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


@pytest.fixture
async def house(rig: Rig) -> AsyncIterator[Served]:
    async with served(rig) as made:
        yield made


async def execute(rig: Rig, statement: str, *arguments: Any) -> None:
    async with rig.services.database.connection() as connection:
        await connection.execute(statement, *arguments)


async def rolls(rig: Rig, campaign: str) -> list[dict[str, Any]]:
    answer = await rig.root.get(f"/api/v1/campaigns/{campaign}/rolls?limit=100")
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def made(rig: Rig, paired: Paired, **changed: Any) -> str:
    facts: dict[str, Any] = {
        "connection_id": paired.id,
        "version": 1,
        "fingerprint": paired.held["fingerprint"],
        "now": datetime.now(UTC),
    }
    return tokens.make(rig.services.vault, "session", **(facts | changed))


async def test_who_is_let_in(house: Served) -> None:
    paired = await pair(house.rig)
    browser = await house.browser(paired.token, additional_headers={"Origin": "http://10.0.0.3:30000"})
    assert browser.greeting["upgrades"] == []
    assert browser.greeting["maxPayload"] == 1024 * 1024
    assert browser.is_in, browser.answer
    connected = await browser.event("connected")
    assert connected["connectionId"] == str(paired.id)
    await browser.emit("dice:roll", roll("m1"))
    ack = await browser.event("dice:roll:ack")
    assert ack == {"success": True, "rollId": "m1"}
    assert [one["roll_id"].split(":")[1] for one in await rolls(house.rig, paired.campaign)] == ["m1"]
    await until(lambda: len(house.foundry.browsers) == 1, "it is known")
    await browser.line.close()
    await until(lambda: len(house.foundry.browsers) == 0, "it is forgotten")


async def test_every_refusal_in_the_words_that_the_module_looks_for(house: Served) -> None:
    rig = house.rig
    paired = await pair(rig)
    old = datetime.now(UTC) - timedelta(seconds=3601)

    async def told(token: object) -> str:
        return (await house.browser(token)).refusal

    shown: tuple[object, ...] = (
        None, "", 7, [], {"a": 1}, "x" * 3000, paired.token[:-4] + "AAAA", paired.held["refreshToken"],
        paired.held["apiKey"],
    )  # fmt: skip
    for token in shown:
        assert await told(token) == handshake.NOT_GENUINE, token
    assert await told(made(rig, paired, now=old)) == "token expired"
    assert await told(made(rig, paired, version=2)) == handshake.REVOKED
    assert await told(made(rig, paired, connection_id=uuid4())) == handshake.LATER
    await rig.root.post(f"{paired.api}/revoke", json={})
    assert await told(paired.token) == handshake.REVOKED
    assert await told(made(rig, paired, now=old)) == handshake.REVOKED, "not sent for what it does not get"
    gone = await pair(rig, world="another")
    await execute(rig, "DELETE FROM campaigns WHERE id = $1", gone.campaign)
    assert (await told(gone.token)).startswith("CAMPAIGN_DELETED:")
    await rig.services.database.close()
    assert await told(paired.token) == handshake.LATER
    for text in (handshake.NOT_GENUINE, handshake.REVOKED, handshake.LATER):
        assert not any(word in text for word in ("expired", "invalid", "CAMPAIGN_DELETED"))


async def test_a_table_that_was_removed_is_told_so_after_a_while(
    house: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a backup is restored in place all tables are empty for a moment."""
    paired = await pair(house.rig)
    answer = await house.rig.root.delete(paired.api)
    assert answer.status_code == 204, answer.text
    assert (await house.browser(paired.token)).refusal == handshake.LATER
    monkeypatch.setattr(house.foundry._absent, "_gone_after_s", 0.2)
    await asyncio.sleep(0.25)
    assert (await house.browser(paired.token)).refusal == handshake.TABLE_DELETED


async def test_pings(rig: Rig) -> None:
    async with served(rig, ping_every_s=0.3, pong_within_s=0.4) as house:
        paired = await pair(rig)
        browser = await house.browser(paired.token)
        for _ in range(3):
            ping = await browser.event("ping")
            assert abs(ping["timestamp"] / 1000 - datetime.now(UTC).timestamp()) < 2
            await browser.emit("pong", {"timestamp": ping["timestamp"], "moduleVersion": "2.3.4"})
        began = asyncio.get_running_loop().time()
        said = await browser.ended()
        assert asyncio.get_running_loop().time() - began > 0.4
        assert not any(text.startswith("41") for text in said), "without a goodbye: it shall come back"


@pytest.mark.parametrize(
    "text",
    [
        "40,{}", "40/other,{}", "40/vtt,{}", "42[\"dice:roll\",{}]", "42/vtt,{}", "42/vtt,[1,2]", "42/vtt,[]",
        "451-/vtt,[\"dice:roll\",{\"_placeholder\":true,\"num\":0}]", "461-/vtt,7[]", "43/vtt,0[]",
        "44/vtt,{}",
        "3", "5", "6", "0{}", "bAAAA", "", "x", b"\x00\x01", b"", "4", "2probe",
        "42/vtt,[\"dice:roll\"" + " " * 70_000 + ",{}]",
    ],
    ids=lambda text: repr(text)[:30],
)  # fmt: skip
async def test_what_the_module_would_never_send_ends_it(house: Served, text: str | bytes) -> None:
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    await browser.event("connected")
    await browser.say(text)
    assert not any(said.startswith("41") for said in await browser.ended())
    other = await house.browser(paired.token)
    assert other.is_in, "the others do not notice"


async def test_events_that_nobody_knows_are_passed_over(house: Served) -> None:
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    for event in ("connect", "disconnect", "connect_error", "message", "spell:effect:unheard-of"):
        await browser.emit(event, {"token": paired.token})
    await browser.say('42/vtt,["dice:roll",{"a":NaN}]')
    await browser.say('42/vtt,["dice:roll",' + "[" * 30_000 + "]")
    await browser.say('42/vtt,["dice:roll",' + "9" * 5_000 + "]")
    await browser.say('42/vtt,["dice:roll"]')
    payloads: tuple[object, ...] = (None, 7, "x", [], {})
    for payload in payloads:
        await browser.emit("dice:roll", payload)
    await browser.emit("campaign:sync", {"campaigns": []})
    assert await browser.event("campaign:sync:ack") == {"success": True}
    await browser.emit("dice:roll", roll("m2"))
    assert await browser.event("dice:roll:ack") == {"success": True, "rollId": "m2"}
    assert len(await rolls(house.rig, paired.campaign)) == 1


@pytest.mark.parametrize("event", ["dice:roll", "character:update"])
async def test_size_of_an_event(house: Served, event: str) -> None:
    """A character may be larger. What is too large is passed over, and what is rolled after it is taken: cut
    off, the module would send it again after every return, and drop the rolls meanwhile."""
    paired = await pair(house.rig)
    most = gate.LARGEST_CHARACTER if event == "character:update" else gate.LARGEST
    for size, taken in ((most - 1, True), (most, True), (most + 1, False), (gate.LARGEST_MESSAGE, False)):
        browser = await house.browser(paired.token)
        await browser.event("connected")
        sent = {"characterId": "a1", "name": "Rook", "stats": {}, "extra": ""} | roll("m1")
        text = "42/vtt," + json.dumps([event, sent])
        text = text.replace('"extra": ""', f'"extra": "{"x" * (size - len(text))}"')
        assert len(text) == size
        await browser.say(text)
        if taken:
            assert (await browser.event(f"{event}:ack"))["success"] is True
        else:
            await browser.emit("dice:roll", roll("after"))
            assert await browser.event("dice:roll:ack") == {"success": True, "rollId": "after"}


async def test_what_no_line_may_carry_ends_it(house: Served) -> None:
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    await browser.event("connected")
    await browser.say("42/vtt," + "x" * gate.LARGEST_MESSAGE)
    await browser.ended()


async def test_whoever_says_nothing_is_ended(house: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "HELLO_WITHIN_S", 0.3)
    monkeypatch.setattr(gate, "LEAVE_WITHIN_S", 0.3)
    await (await house.dial()).ended()
    refused = await house.browser("x")
    assert refused.refusal == handshake.NOT_GENUINE
    await refused.ended()
    await until(lambda: not house.foundry._lines, "nothing of them is left")


async def test_only_websockets(house: Served) -> None:
    base = house.url.replace("ws://", "http://")
    async with httpx2.AsyncClient() as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, f"{base}?EIO=4&transport=polling")
            assert answer.status_code == 404
    for query in ("EIO=3&transport=websocket", "EIO=4&transport=polling", "EIO=4", "transport=websocket",
                  "EIO=4&transport=websocket&sid=abc"):  # fmt: skip
        with pytest.raises(InvalidStatus):
            await house.dial(query)


async def test_so_many_of_an_address(house: Served) -> None:
    dialled = [await house.dial() for _ in range(namespace.MOST_OF_AN_ADDRESS)]
    with pytest.raises(InvalidStatus):
        await house.dial()
    await dialled[0].line.close()
    await until(lambda: sum(house.foundry._addresses.values()) < namespace.MOST_OF_AN_ADDRESS, "one has left")
    await house.dial()


async def test_so_many_of_a_table(house: Served) -> None:
    """The one that was silent for longest makes room: it is one that the network has cut."""
    paired = await pair(house.rig)
    browsers = [await house.browser(paired.token) for _ in range(known.MOST_OF_A_TABLE)]
    await browsers[0].emit("dice:roll", roll("m1"))
    await browsers[0].event("dice:roll:ack")
    assert (await house.browser(paired.token)).is_in
    await browsers[1].ended()
    await browsers[0].emit("dice:roll", roll("m2"))
    await browsers[0].event("dice:roll:ack")


async def test_a_flood_is_read_slowly_and_loses_nothing(
    house: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "A_SECOND", 100.0)
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    began = asyncio.get_running_loop().time()
    for number in range(500):
        await browser.emit("dice:roll", roll(f"m{number}", value=1 + number % 20))
    acks = [await browser.event("dice:roll:ack") for _ in range(500)]
    assert asyncio.get_running_loop().time() - began > (500 - gate.BURST) / 100 * 0.9
    assert [ack["rollId"] for ack in acks] == [f"m{number}" for number in range(500)], "in order"
    async with house.rig.services.database.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM dice_rolls") == 500


async def test_one_that_reads_nothing_is_cut(house: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "TAKEN_WITHIN_S", 0.5)
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    await until(lambda: len(house.foundry.browsers) == 1, "it is there")
    browser.line.transport.pause_reading()
    (there,) = house.foundry.browsers.all()
    for _ in range(200):
        await there.say("command:chat_message", {"content": "x" * 20_000})
    await until(lambda: len(house.foundry.browsers) == 0, "it is gone", 10)
    await until(lambda: not house.foundry._lines, "nothing of it is left", 10)


async def test_ends_of_other_processes_arrive(house: Served, rig: Rig) -> None:
    """Whoever revokes does it in the database; every process looks there."""
    async with served(rig) as second:
        paired = await pair(rig)
        browsers = [await one.browser(paired.token) for one in (house, second)]
        for browser in browsers:
            await browser.event("connected")
        began = asyncio.get_running_loop().time()
        await rig.root.post(f"{paired.api}/revoke", json={})
        for browser in browsers:
            told = await browser.event("connection:revoked", 2)
            assert set(told) == {"reason", "timestamp"}
            assert any(text.startswith("41/vtt") for text in await browser.ended()), "for good"
        assert asyncio.get_running_loop().time() - began < 5
        assert (await house.browser(paired.token)).refusal == handshake.REVOKED


async def test_a_graceful_end_says_no_goodbye_and_loses_nothing(rig: Rig) -> None:
    async with served(rig) as house:
        paired = await pair(rig)
        browser = await house.browser(paired.token)
        await browser.event("connected")
        for number in range(50):
            await browser.emit("dice:roll", roll(f"m{number}"))
        await browser.event("dice:roll:ack")
    said = await browser.ended()
    assert not any(text.startswith("41") for text in said)
    acknowledged = [text for text in said if "dice:roll:ack" in text]
    async with rig.services.database.connection() as connection:
        stored = await connection.fetchval("SELECT count(*) FROM dice_rolls")
        assert stored >= len(acknowledged) + 1
        assert await connection.fetchval("SELECT count(*) FROM vtt_sockets") == 0


async def test_item_categories_follow_the_rules(house: Served) -> None:
    paired = await pair(house.rig)
    browser = await house.browser(paired.token)
    connected = await browser.event("connected")
    synced = await browser.event("command:sync_item_categories", 8)
    assert connected["itemCategories"] == [], "the campaign played nothing until now"
    assert {"itemType", "category", "subcategory", "isTargetable"} == set(synced["itemCategories"][0])
    assert any(one["isTargetable"] for one in synced["itemCategories"])
    other = await house.browser(paired.token)
    assert (await other.event("connected"))["itemCategories"] == synced["itemCategories"]


async def test_two_browsers_send_a_forced_roll_at_the_same_time(house: Served) -> None:
    paired = await pair(house.rig)
    browsers: list[Browser] = [await house.browser(paired.token) for _ in range(2)]
    ordered = {
        "connection_id": str(paired.id),
        "command": {"kind": "roll_dice", "formula": "1d20+7", "forced_result": 20},
    }
    for _ in range(2):
        answer = await house.rig.root.post(f"/api/v1/campaigns/{paired.campaign}/vtt-commands", json=ordered)
        assert answer.status_code == 201, answer.text
    heard: list[str] = []

    async def listen(browser: Browser) -> None:
        while True:
            heard.append((await browser.event("command:roll_dice", 30))["requestId"])

    listening = [asyncio.create_task(listen(browser)) for browser in browsers]
    await until(lambda: len(heard) == 2, "both commands were told")
    for task in listening:
        task.cancel()
    assert len(set(heard)) == 2
    for name in ("m1", "m2", "m3"):
        await asyncio.gather(*(browser.emit("dice:roll", roll(name, 20)) for browser in browsers))
    for browser in browsers:
        for _ in range(3):
            assert (await browser.event("dice:roll:ack"))["success"]
    stored = sorted(
        (one["roll_id"].split(":")[1], one["forced"]) for one in await rolls(house.rig, paired.campaign)
    )
    assert stored == [("m1", True), ("m2", True), ("m3", False)], "two were ordered, the third fell by itself"
    listed = (await house.rig.root.get(f"/api/v1/campaigns/{paired.campaign}/vtt-commands")).json()["items"]
    assert [(one["state"], one["report"]) for one in listed] == [("reported", "m2"), ("reported", "m1")]
    assert json.dumps(listed).count(heard[0]) == 0
