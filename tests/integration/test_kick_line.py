"""Calls of Kick's API: tokens, refusals, limits and faults, against the stand-in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from integrations.client_credentials import ClientCredentials
from integrations.kick.api import EventType, KickApi
from integrations.kick.line import APP, NOBODY, KickAway, KickBusy, KickLine, KickRefused
from integrations.tokens import NeedsRelink, NotLinked
from sql.pool import Database
from tests.fakes.identity_server import identity_server
from tests.fakes.kick import Fault
from tests.integration.kick_rig import MOSSY, KickRig, kick_rig

CHAT, FOLLOW = EventType("chat.message.sent"), EventType("channel.followed")


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[KickRig]:
    async with kick_rig(database) as rig:
        yield rig


async def test_subscriptions_are_made_listed_and_given_back(rig: KickRig) -> None:
    made = await rig.api.subscribe(str(MOSSY), [CHAT, FOLLOW])
    assert [(one.event, one.error) for one in made] == [(CHAT, ""), (FOLLOW, "")]
    held = await rig.api.subscriptions()
    assert {(one.id, one.broadcaster_id, one.event) for one in held} == {
        (one.id, str(MOSSY), one.event) for one in made
    }
    await rig.api.unsubscribe([one.id for one in made])
    assert await rig.api.subscriptions() == []
    assert rig.kick.complaints == []


async def test_every_event_has_its_own_outcome_though_the_status_is_200(rig: KickRig) -> None:
    rig.kick.item_errors["channel.followed"] = "broadcaster not eligible"
    made = await rig.api.subscribe(str(MOSSY), [CHAT, FOLLOW, EventType("channel.hosted")])
    assert [one.error for one in made] == ["", "broadcaster not eligible", "invalid event"]
    assert [bool(one.id) for one in made] == [True, False, False]
    assert [one.error for one in await rig.api.subscribe(str(MOSSY), [CHAT])] == ["already subscribed"]


async def test_the_limit_is_told_in_its_words(rig: KickRig) -> None:
    rig.kick.most_subscriptions = 0
    with pytest.raises(KickRefused) as refused:
        await rig.api.subscribe(str(MOSSY), [CHAT])
    assert (refused.value.status, refused.value.reason) == (400, "event subscription limit reached")


async def test_ids_of_64_bit_go_out_and_come_back_whole(rig: KickRig) -> None:
    giant = 2**63 - 1
    rig.kick.broadcaster(giant, "Giant")
    await rig.api.subscribe(str(giant), [CHAT])
    assert [one.broadcaster_id for one in await rig.api.subscriptions()] == [str(giant)]
    assert [one.id for one in await rig.api.channels(ids=[str(giant)])] == [str(giant)]


async def test_more_channels_than_a_call_takes(rig: KickRig) -> None:
    for number in range(120):
        rig.kick.broadcaster(1000 + number, f"Caster_{number}")
    found = await rig.api.channels(ids=[str(1000 + number) for number in range(120)], slugs=["caster-7"])
    assert len(found) == 121
    assert rig.kick.complaints == []


async def test_an_app_token_that_is_dead_is_replaced_once(rig: KickRig) -> None:
    await rig.api.subscriptions()
    rig.kick.tokens.clear()
    async with rig.database.connection() as connection:  # it was not given out a moment ago
        await connection.execute("UPDATE app_tokens SET issued_at = now() - interval '1 hour'")
    assert await rig.api.subscriptions() == []
    assert rig.issuer.apps == 2


async def test_a_user_token_that_is_dead_is_refreshed_once(rig: KickRig) -> None:
    await rig.link(token="hb-kick-at-dead")
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE oauth_tokens SET issued_at = now() - interval '1 hour'")
    sent = await rig.api.say(str(MOSSY), "Hello", as_bot=False)
    assert sent.is_sent
    assert rig.issuer.refreshes == 1
    assert rig.kick.calls["POST chat"] == 2


async def test_who_must_link_again_is_told(rig: KickRig) -> None:
    with pytest.raises(NotLinked):
        await rig.api.say(str(MOSSY), "Hello", as_bot=False)
    await rig.link(token="hb-kick-at-dead")
    rig.issuer.is_revoked = True
    async with rig.database.connection() as connection:
        await connection.execute("UPDATE oauth_tokens SET issued_at = now() - interval '1 hour'")
    with pytest.raises(NeedsRelink):
        await rig.api.say(str(MOSSY), "Hello", as_bot=False)


async def test_the_key_needs_no_token(rig: KickRig) -> None:
    assert await rig.api.public_key() == rig.kick.public_pem
    assert rig.issuer.apps == 0


async def test_after_429_nothing_is_asked_until_its_time(rig: KickRig) -> None:
    rig.kick.faults["GET events/subscriptions"] = Fault(429, headers={"retry-after": "7"})
    with pytest.raises(KickBusy) as busy:
        await rig.api.subscriptions()
    assert 7 <= busy.value.after_s <= 8
    calls = rig.kick.calls["GET events/subscriptions"]
    with pytest.raises(KickBusy) as again:
        await rig.api.subscriptions()
    assert 6 < again.value.after_s <= 8
    assert rig.kick.calls["GET events/subscriptions"] == calls
    assert await rig.api.public_key(), "another token is not the one that asked too often"


async def test_pauses_double_and_end_with_a_success(rig: KickRig) -> None:
    pauses = []
    for _ in range(4):
        rig.kick.faults["GET public-key"] = Fault(429)
        with pytest.raises(KickBusy) as busy:
            await rig.api.public_key()
        pauses.append(busy.value.after_s)
        rig.line._pauses[NOBODY].until = 0.0  # as if it had been waited for
    assert all(1.0 * 2**n <= pause <= 2.0 * 2**n for n, pause in enumerate(pauses)), pauses
    assert await rig.api.public_key()
    assert NOBODY not in rig.line._pauses


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_kicks_own_faults(rig: KickRig, status: int) -> None:
    rig.kick.faults["GET public-key"] = Fault(status)
    with pytest.raises(KickAway) as away:
        await rig.api.public_key()
    assert (away.value.status, away.value.is_unsent) == (status, False)


async def test_nobody_listens(database: Database, rig: KickRig) -> None:
    async with aiohttp.ClientSession() as session:
        api = KickApi(KickLine(session, rig.tokens, "http://127.0.0.1:1"))
        with pytest.raises(KickAway) as away:
            await api.public_key()
    assert away.value.is_unsent


async def test_what_hangs_is_given_up(rig: KickRig) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        api = KickApi(KickLine(session, rig.tokens, f"http://127.0.0.1:{port}", within_s=0.2))
        began = time.monotonic()
        with pytest.raises(KickAway) as away:
            await api.public_key()
        assert time.monotonic() - began < 2
        assert not away.value.is_unsent


@pytest.mark.parametrize(
    "body", ["[]", '"OK"', "<html>", '{"data": {}}', '{"data": {"public_key": 7}}', '{"data": []}', ""]
)
async def test_answers_that_are_none(rig: KickRig, body: str) -> None:
    rig.kick.faults["GET public-key"] = Fault(200, body=body)
    with pytest.raises(KickAway):
        await rig.api.public_key()


async def test_a_redirect_is_not_followed_with_a_token(rig: KickRig) -> None:
    rig.kick.faults["GET events/subscriptions"] = Fault(302, headers={"location": f"{rig.kick.url}/other"})
    with pytest.raises(KickRefused) as refused:
        await rig.api.subscriptions()
    assert refused.value.status == 302


async def test_a_forbidden_call_is_refused_for_good(rig: KickRig) -> None:
    rig.kick.faults["GET events/subscriptions"] = Fault(403, body={"message": "Forbidden\r\nX: y"})
    with pytest.raises(KickRefused) as refused:
        await rig.line.call("GET", "events/subscriptions", APP)
    assert refused.value.reason == "Forbidden  X: y"
    assert "hb-kick" not in repr(refused.value)


async def test_the_applications_token_comes_from_kicks_identity_server() -> None:
    async with identity_server() as server, aiohttp.ClientSession() as session:
        app = ClientCredentials(
            session,
            f"{server.settings['KICK_ID_URL']}/oauth/token",
            server.client_id,
            server.client_secret,
        )
        grant = await app.app_grant()
        assert grant.access_token
        assert grant.refresh_token == ""
        assert server.complaints == []
