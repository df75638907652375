"""From a viewer's line on Twitch to a counted vote: the real program, a stand-in for Twitch."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import httpx2

from tests.fakes.twitch_irc import FakeTwitch
from tests.integration.test_simulate_command import call
from tests.servers import Hubbub, StartHubbub


async def ask(hubbub: Hubbub, method: str, path: str, body: object = None) -> Any:
    """The stand-in lives in this loop: it must not stand still while we ask."""
    return await asyncio.to_thread(call, hubbub, method, path, body)


async def until_votes(hubbub: Hubbub, poll: str, wanted: list[int], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while (votes := [o["votes"] for o in (await ask(hubbub, "GET", f"/polls/{poll}"))["options"]]) != wanted:
        assert time.monotonic() < deadline, f"{votes}, not {wanted}"
        await asyncio.sleep(0.05)


async def until_connected(hubbub: Hubbub, campaign: str, rooms: dict[str, str], seconds: float = 5) -> None:
    """Until the desk shows every channel as connected, under the id that the platform told."""
    deadline = time.monotonic() + seconds
    wanted = {(login, room, "connected") for login, room in rooms.items()}
    while True:
        items = (await ask(hubbub, "GET", f"/campaigns/{campaign}/channels"))["items"]
        shown = {(item["login"], item["channel_id"], item["status"]) for item in items}
        if shown == wanted:
            return
        assert time.monotonic() < deadline, shown
        await asyncio.sleep(0.05)


async def test_chat_of_a_channel_that_is_added_while_it_runs_is_counted(start_hubbub: StartHubbub) -> None:
    async with FakeTwitch.serving() as twitch:
        hubbub = await asyncio.to_thread(start_hubbub, TWITCH_IRC_URL=twitch.url)
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        for login in ("ana", "bob"):
            added = {"platform": "twitch", "login": login, "source": "irc"}
            await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", added)
        began = time.monotonic()
        await twitch.joined("ana", "bob", seconds=5)
        assert time.monotonic() - began < 4, "about two seconds are promised"

        body: dict[str, object] = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
        poll = (await ask(hubbub, "POST", f"/campaigns/{campaign}/polls", body))["id"]
        await ask(hubbub, "POST", f"/polls/{poll}/launch", {})
        await twitch.say("ana", "1", user_id="1", user="eve")
        await twitch.say("ana", "!vote 2", user_id="2", user="mal")
        await twitch.say("bob", "\x01ACTION 2\x01", user_id="3", user="joe", name="")
        await twitch.say("bob", "2 is best", user_id="4", user="sue")
        await twitch.say("bob", "1", user_id="5", user="kim", source_room_id="999", source_id="x")
        await until_votes(hubbub, poll, [1, 2])
        # The same account in another channel changes its vote instead of adding one.
        await twitch.say("bob", "2", user_id="1", user="eve")
        await until_votes(hubbub, poll, [0, 3])

        await twitch.alive[0].send(":tmi.twitch.tv RECONNECT")
        await twitch.say("ana", "1", user_id="6", user="lea")
        await until_votes(hubbub, poll, [1, 3])
        await until_connected(hubbub, campaign, twitch.rooms)
        assert twitch.complaints == []
        stopping = time.monotonic()
        assert await asyncio.to_thread(hubbub.stop) == 0
        assert time.monotonic() - stopping < 10


async def until_ignored(hubbub: Hubbub, wanted: dict[str, float], seconds: float = 10) -> None:
    """Until `/metrics` has these numbers of lines without effect, among others."""
    deadline = time.monotonic() + seconds
    sample = re.compile(r'^hubbub_chat_lines_ignored_total\{reason="(\w+)"\} (\S+)$', re.MULTILINE)
    while True:
        text = (await asyncio.to_thread(httpx2.get, f"{hubbub.base_url}/metrics")).text
        found = {reason: float(lines) for reason, lines in sample.findall(text)}
        assert "chat" not in found
        if wanted.items() <= found.items():
            return
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.05)


async def test_lines_that_are_not_understood_are_counted_by_reason(start_hubbub: StartHubbub) -> None:
    async with FakeTwitch.serving() as twitch:
        hubbub = await asyncio.to_thread(start_hubbub, TWITCH_IRC_URL=twitch.url)
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        added = {"platform": "twitch", "login": "ana", "source": "irc"}
        await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", added)
        await twitch.joined("ana", seconds=5)
        await twitch.alive[0].send("x" * 20_000)
        await twitch.alive[0].send(":eve!eve@eve.tmi.twitch.tv PRIVMSG #ana :1")
        await until_ignored(hubbub, {"too_long": 1, "no_user_id": 1})
