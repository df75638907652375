"""Subscriptions at Kick: made, kept, found missing, made again, given back; and told on the desk (§9.13)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest

from integrations.kick.upkeep import LINKED, PUBLIC, Halted, Pace, Upkeep
from sql import channels, kick_rounds, kick_subscriptions
from sql.kick_subscriptions import Known
from sql.pool import Database
from tests.fakes.kick import Fault
from tests.integration.engine_rig import until
from tests.integration.kick_rig import MOSSY, KickRig, kick_rig

PUBLIC_NAMES = {event.name for event in PUBLIC}
ALL_NAMES = PUBLIC_NAMES | {event.name for event in LINKED}
CHAT = "chat.message.sent"
#: Nothing is due again by itself within a test.
SLOW = Pace(look=0.02)


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[KickRig]:
    async with kick_rig(database) as rig:
        yield rig


def upkeep(rig: KickRig, pace: Pace = SLOW) -> Upkeep:
    return Upkeep(rig.database, rig.api, pace=pace)


def held(rig: KickRig, broadcaster: int = MOSSY) -> set[str]:
    return {str(one["event"]) for one in rig.kick.held.values() if one["broadcaster_user_id"] == broadcaster}


async def known(rig: KickRig, broadcaster: int = MOSSY) -> dict[str, Known]:
    async with rig.database.connection() as connection:
        found = await kick_subscriptions.of_broadcaster(connection, str(broadcaster))
    return {one.event: one for one in found}


async def due_now(rig: KickRig, *names: kick_rounds.Round) -> None:
    async with rig.database.connection() as connection:
        for name in names:
            await kick_rounds.hasten(connection, name)


async def test_of_a_stranger_only_what_is_public_is_asked_for(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign())
    await upkeep(rig).look()
    assert held(rig) == PUBLIC_NAMES
    seen = await rig.seen(channel)
    assert (seen.state, seen.state_detail) == ("connected", "")
    assert rig.kick.complaints == []


async def test_of_who_has_signed_in_here_everything(rig: KickRig) -> None:
    await rig.channel(await rig.campaign())
    keeper = upkeep(rig)
    await keeper.look()
    await rig.link()
    await due_now(rig, "fresh")
    await keeper.look()
    assert held(rig) == ALL_NAMES
    assert {name for name, one in (await known(rig)).items() if one.subscription_id} == ALL_NAMES


async def test_a_channel_that_comes_later_is_subscribed_within_seconds(rig: KickRig) -> None:
    campaign = await rig.campaign()
    await rig.channel(campaign)
    running = asyncio.create_task(upkeep(rig).run())
    try:
        await until(lambda: held(rig) == PUBLIC_NAMES, "the first is subscribed")
        rig.kick.broadcaster(77, "Fern_Fable")
        await rig.channel(campaign, "fern", channel_id="77")
        await until(lambda: held(rig, 77) == PUBLIC_NAMES, "the second, too")
        assert not running.done()
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_one_channel_in_two_shows_is_subscribed_once(rig: KickRig) -> None:
    for name in ("One", "Other"):
        await rig.channel(await rig.campaign(name))
    await upkeep(rig).look()
    assert len(rig.kick.held) == len(PUBLIC)


async def test_of_two_processes_one_works(rig: KickRig) -> None:
    await rig.channel(await rig.campaign())
    await asyncio.gather(*(upkeep(rig).look() for _ in range(4)))
    assert rig.kick.calls["GET events/subscriptions"] <= 2  # one for `all`, at most one for `fresh`
    assert len(rig.kick.held) == len(PUBLIC)


async def test_without_kick_channels_kick_is_not_asked(rig: KickRig) -> None:
    await upkeep(rig).look()
    assert not rig.kick.calls


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["fern_fable", "fern-fable", "https://kick.com/Fern-Fable"])
async def test_the_id_of_a_name_is_looked_up(rig: KickRig, login: str) -> None:
    rig.kick.broadcaster(77, "Fern_Fable")
    channel = await rig.channel(await rig.campaign(), login, channel_id=None)
    await upkeep(rig).look()
    assert (await rig.seen(channel)).channel_id == "77"
    assert held(rig, 77) == PUBLIC_NAMES


async def test_a_name_that_kick_does_not_know_is_told_and_not_asked_for_again_and_again(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign(), "nobdy", channel_id=None)
    keeper = upkeep(rig)
    await keeper.look()
    seen = await rig.seen(channel)
    assert seen.state == "failing"
    assert seen.state_detail == "Kick knows no channel of this name: check the spelling."
    asked = rig.kick.calls["GET channels"]
    await due_now(rig, "fresh")
    await keeper.look()
    assert rig.kick.calls["GET channels"] == asked
    rig.kick.broadcaster(78, "Nobdy")
    await due_now(rig, "all")
    await keeper.look()
    assert (await rig.seen(channel)).state == "connected"


# --- what is lost and made again ------------------------------------------------------------------------


async def test_the_webhook_was_switched_off_and_all_is_made_again(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign())
    keeper = upkeep(rig)
    await keeper.look()
    rig.kick.switch_webhook_off()
    await due_now(rig, "all")
    await keeper.look()
    assert held(rig) == PUBLIC_NAMES
    assert all(one.lost_at is not None for one in (await known(rig)).values())
    assert (await rig.seen(channel)).state == "connected"


async def test_one_event_was_dropped(rig: KickRig) -> None:
    await rig.channel(await rig.campaign())
    keeper = upkeep(rig)
    await keeper.look()
    chat = next(id_ for id_, one in rig.kick.held.items() if one["event"] == CHAT)
    del rig.kick.held[chat]
    await due_now(rig, "all")
    await keeper.look()
    found = await known(rig)
    assert found[CHAT].lost_at is not None
    assert found["livestream.status.updated"].lost_at is None
    assert rig.kick.calls["POST events/subscriptions"] == 3  # chat, the other one, chat


async def test_what_kick_holds_already_is_held(rig: KickRig) -> None:
    """Its list may leave something out; that is no loss."""
    channel = await rig.channel(await rig.campaign())
    keeper = upkeep(rig)
    await keeper.look()
    rig.kick.faults["GET events/subscriptions"] = Fault(200, body={"data": [], "message": "OK"})
    await due_now(rig, "all")
    await keeper.look()
    found = await known(rig)
    assert all(one.subscription_id and one.lost_at is None for one in found.values()), found
    assert (await rig.seen(channel)).state == "connected"


async def test_a_channel_that_is_live_and_silent_is_looked_after(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign())
    keeper = upkeep(rig, replace(SLOW, silent=600.0))
    await keeper.look()
    rig.kick.switch_webhook_off()
    await _age(rig, channel.id)
    await due_now(rig, "silent")
    await keeper.look()
    assert held(rig) == set(), "nobody is live, so nothing is wrong"
    rig.kick.broadcasters[MOSSY].is_live = True
    await due_now(rig, "silent")
    await keeper.look()
    assert held(rig) == PUBLIC_NAMES
    seen = await rig.seen(channel)
    assert seen.state == "connecting"
    assert "delivered nothing for 10 minutes" in seen.state_detail
    async with rig.database.connection() as connection:
        await channels.heard(connection, [(channel.id, seen.state_at, 90_000)])
    assert (await rig.seen(channel)).state == "connected"


async def _age(rig: KickRig, channel_id: UUID) -> None:
    async with rig.database.connection() as connection:
        await connection.execute(
            "UPDATE channels SET created_at = created_at - interval '1 hour' WHERE id = $1", channel_id
        )


# --- what is not wanted any more ------------------------------------------------------------------------


async def test_a_channel_that_leaves_is_given_back(rig: KickRig) -> None:
    campaign = await rig.campaign()
    channel = await rig.channel(campaign)
    keeper = upkeep(rig)
    await keeper.look()
    async with rig.database.connection() as connection:
        await channels.delete(connection, campaign, channel.id)
    await due_now(rig, "all")
    await keeper.look()
    assert rig.kick.held == {}
    assert await known(rig) == {}


async def test_what_others_have_subscribed_is_left_alone(rig: KickRig) -> None:
    rig.kick.broadcaster(5, "Somebody")
    await rig.api.subscribe("5", PUBLIC)
    await rig.channel(await rig.campaign())
    await upkeep(rig).look()
    assert held(rig, 5) == PUBLIC_NAMES


# --- when Kick does not do it ---------------------------------------------------------------------------


async def test_the_limit_is_told_and_chats_come_first(rig: KickRig) -> None:
    campaign = await rig.campaign()
    seen = []
    for number in range(3):
        rig.kick.broadcaster(100 + number, f"Caster{number}")
        await rig.link(100 + number)
        seen.append(await rig.channel(campaign, f"caster{number}", channel_id=str(100 + number)))
    rig.kick.most_subscriptions = 2
    with pytest.raises(Halted, match="limit of subscriptions is reached"):
        await upkeep(rig).reconcile()
    assert [one["event"] for one in rig.kick.held.values()] == [CHAT, CHAT]
    states = [await rig.seen(channel) for channel in seen]
    assert [one.state for one in states] == ["connected", "connected", "failing"]
    assert "event subscription limit reached" in states[2].state_detail


async def test_an_event_that_is_refused_does_not_take_the_others_along(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign())
    rig.kick.item_errors[CHAT] = "broadcaster has blocked this application"
    await upkeep(rig).look()
    assert held(rig) == PUBLIC_NAMES - {CHAT}
    seen = await rig.seen(channel)
    assert (seen.state, seen.state_detail) == ("failing", "broadcaster has blocked this application")


@pytest.mark.parametrize(
    ("fault", "state", "words"),
    [
        (Fault(500, times=99), "connecting", "Kick answered 500; trying again."),
        (Fault(429, headers={"retry-after": "3"}), "connecting", "Kick asks for fewer calls; trying again."),
        (Fault(403, times=99, body={"message": "app suspended"}), "failing", "app suspended"),
    ],
)
async def test_kick_does_not_answer_and_is_asked_again(
    rig: KickRig, fault: Fault, state: str, words: str
) -> None:
    channel = await rig.channel(await rig.campaign())
    rig.kick.faults["GET events/subscriptions"] = fault
    keeper = upkeep(rig, replace(SLOW, again=0.05, silent=0.05))
    await keeper.look()
    seen = await rig.seen(channel)
    assert seen.state == state
    assert words in seen.state_detail
    del rig.kick.faults["GET events/subscriptions"]
    rig.line._pauses.clear()  # as if the three seconds were over
    await due_now(rig, "all", "fresh")
    await keeper.look()
    assert (await rig.seen(channel)).state == "connected"


async def test_kick_goes_away_in_the_middle(rig: KickRig) -> None:
    campaign = await rig.campaign()
    for number in range(2):
        rig.kick.broadcaster(100 + number, f"Caster{number}")
        await rig.channel(campaign, f"caster{number}", channel_id=str(100 + number))
    keeper = upkeep(rig)
    rig.kick.faults["POST events/subscriptions"] = Fault(503)
    await keeper.look()
    assert rig.kick.held == {}
    await due_now(rig, "fresh")
    await keeper.look()
    assert len(rig.kick.held) == 2 * len(PUBLIC)


async def test_an_answer_that_is_lost_does_no_harm(rig: KickRig) -> None:
    channel = await rig.channel(await rig.campaign())
    rig.kick.faults["POST events/subscriptions"] = Fault(500, after_work=True)
    keeper = upkeep(rig)
    await keeper.look()
    await due_now(rig, "fresh")
    await keeper.look()
    assert len(rig.kick.held) == len(PUBLIC)
    assert (await rig.seen(channel)).state == "connected"


async def test_a_database_that_goes_away_ends_nothing(rig: KickRig) -> None:
    """`run` goes on: what it could not do is done when it is back."""
    await rig.channel(await rig.campaign())
    keeper = upkeep(rig)
    running = asyncio.create_task(keeper.run())
    try:
        await until(lambda: held(rig) == PUBLIC_NAMES, "subscribed")
        async with rig.database.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        rig.kick.broadcaster(77, "Fern")
        await rig.channel(await rig.campaign(), "fern", channel_id="77")
        await until(lambda: held(rig, 77) == PUBLIC_NAMES, "subscribed after that, too")
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
