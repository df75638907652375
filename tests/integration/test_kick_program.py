"""From a viewer's line on Kick to a counted vote: the real program, and stand-ins for Kick."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from integrations.kick.signature import DOCUMENTED, fingerprint, key_from
from tests.fakes.identity_server import identity_server
from tests.fakes.kick import fake_kick
from tests.fakes.kick_pusher import fake_pusher
from tests.fakes.twitch_irc import until
from tests.integration.kick_rig import MOSSY
from tests.integration.test_commands import hubbub_says, refusal
from tests.integration.test_twitch_program import ask, until_votes
from tests.servers import Hubbub, StartHubbub

OTHER_KEY = generate_private_key(65537, 2048)


async def channel_of(hubbub: Hubbub, campaign: str) -> Any:
    return (await ask(hubbub, "GET", f"/campaigns/{campaign}/channels"))["items"][0]


async def test_votes_of_a_channel_that_is_added_by_its_name(start_hubbub: StartHubbub) -> None:
    """Subscribed, delivered, counted once, read from the website as well, and told how late."""
    async with fake_kick() as kick, fake_pusher() as pusher, identity_server() as identity:
        mossy = kick.broadcaster(MOSSY, "Mossy_Tavern")
        settings = {
            "KICK_CLIENT_ID": identity.client_id,
            "KICK_CLIENT_SECRET": identity.client_secret,
            "KICK_ID_URL": identity.settings["KICK_ID_URL"],
            "KICK_API_URL": kick.url,
            "KICK_PUBLIC_KEY": kick.public_pem,
            "KICK_PUSHER_URL": pusher.url,
        }
        hubbub = await asyncio.to_thread(start_hubbub, **settings)
        kick.webhook_url = f"{hubbub.base_url}/webhooks/kick"
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        added = {"platform": "kick", "login": "mossy_tavern", "source": "webhook"}
        await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", added)
        await until(lambda: kick.has(MOSSY, "chat.message.sent"), "subscribed")

        body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
        poll = (await ask(hubbub, "POST", f"/campaigns/{campaign}/polls", body))["id"]
        launched = await ask(hubbub, "POST", f"/polls/{poll}/launch", {})
        assert launched["grace_s"] == 15
        assert await kick.tell("chat.message.sent", mossy.chat("1", 1), times=3) == 204
        assert await kick.tell("chat.message.sent", mossy.chat("!vote 2 [emote:1:A]", 2)) == 204
        assert await kick.post("chat.message.sent", mossy.chat("2", 3), key=OTHER_KEY) == 403
        assert await kick.post("chat.message.sent", kick.broadcaster(5, "Other").chat("2", 4)) == 204
        await until_votes(hubbub, poll, [1, 1])

        seen = await channel_of(hubbub, campaign)
        assert seen["channel_id"] == str(MOSSY)
        async with asyncio.timeout(10):
            while (seen := await channel_of(hubbub, campaign))["lag_ms"] is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert (seen["status"], seen["status_detail"]) == ("connected", "")
        text = (await asyncio.to_thread(httpx2.get, f"{hubbub.base_url}/metrics")).text
        for outcome, number in (("taken", 2), ("repeated", 2), ("forged", 1), ("foreign", 1)):
            assert (
                f'hubbub_webhook_deliveries_total{{outcome="{outcome}",platform="kick"}} {number}.0' in text
            )
        assert kick.complaints == []
        assert identity.complaints == []
        assert kick.public_pem.split()[3] not in hubbub.log


async def test_the_websites_chat_is_read_when_the_operator_says_so(start_hubbub: StartHubbub) -> None:
    async with fake_kick() as kick, fake_pusher() as pusher:
        mossy = kick.broadcaster(MOSSY, "MossyTavern")
        settings = {
            "KICK_API_URL": kick.url,
            "KICK_PUBLIC_KEY": kick.public_pem,
            "KICK_PUSHER_URL": pusher.url,
        }
        hubbub = await asyncio.to_thread(start_hubbub, **settings)
        kick.webhook_url = f"{hubbub.base_url}/webhooks/kick"
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        added = {
            "platform": "kick",
            "login": "mossytavern",
            "source": "pusher",
            "channel_id": str(MOSSY),
            "chatroom_id": "880001",
        }
        shown = await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", added)
        assert shown["chatroom_id"] == "880001"
        folder = hubbub.data_dir.parent
        said = await asyncio.to_thread(hubbub_says, folder, "kick", "website-chat", "status")
        assert "is not read" in said.stdout, said.stderr
        said = await asyncio.to_thread(hubbub_says, folder, "kick", "website-chat", "on")
        assert "unofficial" in said.stdout, said.stderr
        await until(lambda: pusher.joined(880001), "joined")

        body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
        body |= {"rule": "every_message"}
        poll = (await ask(hubbub, "POST", f"/campaigns/{campaign}/polls", body))["id"]
        await ask(hubbub, "POST", f"/polls/{poll}/launch", {})
        data = await pusher.say(880001, "2")
        await until_votes(hubbub, poll, [0, 1])
        # The webhook brings the same line later: one id, one vote.
        assert await kick.post("chat.message.sent", mossy.chat("2", message_id=data["id"])) == 204
        assert await kick.post("chat.message.sent", mossy.chat("1")) == 204
        await until_votes(hubbub, poll, [1, 1])

        await asyncio.to_thread(hubbub_says, folder, "kick", "website-chat", "off")
        await until(lambda: not pusher.pages, "left, without a restart")


async def test_an_operator_decides_about_keys(start_hubbub: StartHubbub) -> None:
    async with fake_kick() as kick:  # its key is not the documented one
        mossy = kick.broadcaster(MOSSY, "MossyTavern")
        hubbub = await asyncio.to_thread(start_hubbub, KICK_API_URL=kick.url)
        kick.webhook_url = f"{hubbub.base_url}/webhooks/kick"
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        added = {"platform": "kick", "login": "mossytavern", "source": "webhook", "channel_id": str(MOSSY)}
        await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", added)
        assert await kick.post("chat.message.sent", mossy.chat("1")) == 403
        await until(lambda: kick.calls["GET public-key"] > 0, "looked up")
        theirs = fingerprint(kick.key.public_key())
        folder = hubbub.data_dir.parent

        def keys() -> list[str]:
            return hubbub_says(folder, "kick", "keys").stdout.splitlines()

        first, second = await asyncio.to_thread(keys)
        assert first == f"{fingerprint(key_from(DOCUMENTED))}  documented, believed"
        assert second.startswith(f"{theirs}  shown by the API, not believed")
        assert await kick.post("chat.message.sent", mossy.chat("1")) == 403

        for wrong in ("0" * 64, theirs[:8]):
            said = await asyncio.to_thread(hubbub_says, folder, "kick", "accept-key", wrong)
            assert refusal(said, 2) == "hubbub: no key has this fingerprint; see 'hubbub kick keys'"
        said = await asyncio.to_thread(hubbub_says, folder, "kick", "accept-key", theirs[:16])
        assert said.returncode == 0, said.stderr
        deadline = time.monotonic() + 20
        while await kick.post("chat.message.sent", mossy.chat("1")) != 204:
            assert time.monotonic() < deadline, "believed within seconds"
            await asyncio.sleep(0.2)
        assert "accepted, believed" in "\n".join(await asyncio.to_thread(keys))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"KICK_PUBLIC_KEY": "/does/not/exist"}, "KICK_PUBLIC_KEY cannot be used"),
        ({"KICK_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----x"}, "KICK_PUBLIC_KEY cannot be used"),
        ({"KICK_PUSHER_CHANNEL": "chatrooms.v2"}, "KICK_PUSHER_CHANNEL must be like"),
        ({"KICK_WEBHOOK_AGE": "5"}, "KICK_WEBHOOK_AGE"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    tmp_path: Path, database_url: str, settings: dict[str, str], words: str
) -> None:
    said = hubbub_says(
        tmp_path, "web", **settings, DATABASE_URL=database_url, HUBBUB_SECRET_KEY="9f2c4b7e1a8d3056" * 4
    )
    assert words in refusal(said, 78)


async def test_who_did_what_is_noted(database_url: str, tmp_path: Path) -> None:
    said = await asyncio.to_thread(
        hubbub_says,
        tmp_path,
        "kick",
        "website-chat",
        "on",
        DATABASE_URL=database_url,
        HUBBUB_SECRET_KEY="9f2c4b7e1a8d3056" * 4,
    )
    assert said.returncode == 0, said.stderr
    connection = await asyncpg.connect(database_url)
    try:
        entry = await connection.fetchrow("SELECT actor, action, subject FROM admin_log")
    finally:
        await connection.close()
    assert tuple(entry or ()) == ("operator", "kick_website_chat.switch", "on")
