"""Channels of a campaign, on the real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from sql import campaigns, channels, readers, users
from sql.channels import BadLogin, Channel, ChannelExists, normal_login
from sql.ids import uuid7
from sql.pool import Connection, Database, ForeignKeyViolation

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)


async def new_campaign(database: Database, name: str = "Show") -> UUID:
    async with database.transaction() as connection:
        owner = await users.ensure_owner(connection)
        return (await campaigns.create(connection, owner.id, name)).id


async def config_version(connection: Connection, campaign_id: UUID) -> int:
    return int(
        await connection.fetchval(
            "SELECT config_version FROM campaign_heads WHERE campaign_id = $1", campaign_id
        )
    )


async def twitch(connection: Connection, campaign_id: UUID, login: str, **more: str) -> Channel:
    return await channels.create(
        connection,
        campaign_id=campaign_id,
        platform="twitch",
        login=login,
        source="irc",
        channel_id=more.get("channel_id"),
    )


@pytest.mark.parametrize(
    "typed",
    ["ana", "Ana", " #ANA ", "@ana", "https://www.twitch.tv/Ana/", "twitch.tv/ana", "http://m.twitch.tv/ana"],
)
def test_a_login_is_taken_as_people_type_it(typed: str) -> None:
    assert normal_login("twitch", typed) == "ana"


@pytest.mark.parametrize(
    "typed", ["", "a b", "a,b", "a\r\nJOIN #b", "ä", "x" * 26, "twitch.tv/", "a\x00", "a/b"]
)
def test_what_is_no_twitch_name_is_refused_in_words(typed: str) -> None:
    with pytest.raises(BadLogin, match="Twitch name"):
        normal_login("twitch", typed)


@pytest.mark.parametrize("typed", ["", "a b", "a\nb", "x" * 65, "a\x00"])
def test_what_is_no_name_at_all_is_refused(typed: str) -> None:
    with pytest.raises(BadLogin):
        normal_login("custom", typed)


async def test_a_channel_is_added_and_every_process_is_told(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        before = await config_version(connection, campaign_id)
        ana = await twitch(connection, campaign_id, "Ana")
        assert (ana.login, ana.channel_id, ana.has_platform_id) == ("ana", "login:ana", False)
        assert (ana.state, ana.heard_at, ana.heard_lag_ms) == ("waiting", None, None)
        assert await config_version(connection, campaign_id) == before + 1
        bot = await channels.create(
            connection, campaign_id=campaign_id, platform="custom", login="MyBot", source="api"
        )
        assert (bot.channel_id, bot.has_platform_id) == ("mybot", True)
        listed = await channels.list_of_campaign(connection, campaign_id)
        assert [c.id for c in listed] == [ana.id, bot.id]


@pytest.mark.parametrize(("platform", "source"), [("custom", "webhook"), ("twitch", "eventsub")])
async def test_a_channel_that_nothing_reads_says_so(
    database: Database, platform: channels.Platform, source: channels.SourceKind
) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        made = await channels.create(
            connection, campaign_id=campaign_id, platform=platform, login="ana", source=source
        )
        listed = await channels.list_of_campaign(connection, campaign_id)
        for found in (made, await channels.get(connection, made.id), listed[0]):
            assert found is not None
            assert found.state == "waiting"
            assert found.state_detail == "Not read by this version: send its lines through the API"


async def test_a_kick_channel_waits_for_kick(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        made = await channels.create(
            connection,
            campaign_id=campaign_id,
            platform="kick",
            login="ana",
            source="webhook",
            channel_id="7",
        )
        assert (made.state, made.state_detail) == ("waiting", "Nothing has come from Kick yet")
        await channels.heard(connection, [(made.id, NOW, 900)])
        found = await channels.get(connection, made.id)
        assert found is not None
        assert (found.state, found.state_detail, found.heard_lag_ms) == ("connected", "", 900)


async def test_the_chatroom_of_the_website_is_kept(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        made = await channels.create(
            connection,
            campaign_id=campaign_id,
            platform="kick",
            login="ana",
            source="pusher",
            chatroom_id="880001",
        )
        assert made.chatroom_id == "880001"
        assert [one.chatroom_id for one in await channels.list_of_campaign(connection, campaign_id)] == [
            "880001"
        ]
        found = await channels.get(connection, made.id)
        assert found is not None
        assert found.state_detail == "no connector process is reading this chat"


async def test_the_same_channel_twice_is_refused_and_changes_nothing(database: Database) -> None:
    campaign_id = await new_campaign(database)
    other = await new_campaign(database, "Other")
    async with database.connection() as connection:
        await twitch(connection, campaign_id, "ana", channel_id="42")
        version = await config_version(connection, campaign_id)
        with pytest.raises(ChannelExists):
            await twitch(connection, campaign_id, "ANA")
        with pytest.raises(ChannelExists):
            await twitch(connection, campaign_id, "renamed", channel_id="42")
        assert await config_version(connection, campaign_id) == version
        await twitch(connection, other, "ana", channel_id="42")
        with pytest.raises(ForeignKeyViolation):
            await twitch(connection, uuid7(), "ana")


async def test_a_refusal_leaves_the_transaction_round_it_usable(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.transaction() as connection:
        await twitch(connection, campaign_id, "ana")
        with pytest.raises(ChannelExists):
            await twitch(connection, campaign_id, "ana")
        await twitch(connection, campaign_id, "bob")
    async with database.connection() as connection:
        assert len(await channels.list_of_campaign(connection, campaign_id)) == 2


async def test_a_channel_is_deleted_only_through_its_campaign(database: Database) -> None:
    mine, yours = await new_campaign(database), await new_campaign(database, "Yours")
    async with database.connection() as connection:
        ana = await twitch(connection, mine, "ana")
        await readers.assign(connection, uuid7())
        assert not await channels.delete(connection, yours, ana.id)
        assert await channels.get(connection, ana.id) is not None
        version = await config_version(connection, mine)
        assert await channels.delete(connection, mine, ana.id)
        assert await config_version(connection, mine) == version + 1
        assert await channels.get(connection, ana.id) is None
        assert not await channels.delete(connection, mine, ana.id)


async def test_the_platforms_id_replaces_the_stand_in_once(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        ana = await twitch(connection, campaign_id, "ana")
        version = await config_version(connection, campaign_id)
        assert await channels.set_platform_id(connection, ana.id, "42")
        assert await config_version(connection, campaign_id) == version + 1
        found = await channels.get(connection, ana.id)
        assert found is not None
        assert (found.channel_id, found.has_platform_id) == ("42", True)
        assert not await channels.set_platform_id(connection, ana.id, "43")
        assert not await channels.set_platform_id(connection, uuid7(), "44")


async def test_an_id_that_another_row_has_is_no_crash(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        await twitch(connection, campaign_id, "old_name", channel_id="42")
        renamed = await twitch(connection, campaign_id, "new_name")
        assert not await channels.set_platform_id(connection, renamed.id, "42")
        found = await channels.get(connection, renamed.id)
        assert found is not None
        assert found.channel_id == "login:new_name"


async def test_two_processes_may_tell_the_same_id_at_once(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        rows = [await twitch(connection, campaign_id, name) for name in ("ana", "bob")]

    async def tell(channel: UUID) -> bool:
        async with database.connection() as connection:
            return await channels.set_platform_id(connection, channel, "42")

    assert sorted(await asyncio.gather(*(tell(row.id) for row in rows * 3))) == [False] * 5 + [True]


async def test_states_and_marks_are_kept(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        ana = await twitch(connection, campaign_id, "ana")
        bob = await twitch(connection, campaign_id, "bob")
        reader = uuid7()
        await readers.assign(connection, reader)
        await readers.tell(connection, reader, [(ana.id, "failing", "x" * 400)])
        failing = await channels.get(connection, ana.id)
        assert failing is not None
        assert (failing.state, failing.state_detail) == ("failing", "x" * 300)
        await readers.tell(connection, reader, [(ana.id, "failing", "x" * 300)])
        again = await channels.get(connection, ana.id)
        assert again is not None
        assert again.state_at == failing.state_at, "nothing changed, so the moment stays"

        await channels.heard(connection, [(ana.id, NOW, 120), (bob.id, NOW, -5), (uuid7(), NOW, 1)])
        await channels.heard(connection, [(ana.id, NOW - timedelta(seconds=1), 999), (bob.id, NOW, 2**40)])
        await channels.heard(connection, [])
        marks = {
            c.login: (c.heard_at, c.heard_lag_ms)
            for c in await channels.list_of_campaign(connection, campaign_id)
        }
        assert marks == {"ana": (NOW, 120), "bob": (NOW, -5)}
        await channels.heard(connection, [(bob.id, NOW + timedelta(seconds=1), 2**40)])


async def test_a_chat_that_nobody_reads_is_told_as_waiting(database: Database) -> None:
    campaign_id = await new_campaign(database)
    async with database.connection() as connection:
        ana = await twitch(connection, campaign_id, "ana")
        holder = uuid7()
        await readers.assign(connection, holder, timedelta(seconds=30))
        await readers.tell(connection, holder, [(ana.id, "connected", "")])
        found = await channels.get(connection, ana.id)
        assert found is not None
        assert found.state == "connected"
        await readers.leave(connection, holder)
        for found in (
            await channels.get(connection, ana.id),
            (await channels.list_of_campaign(connection, campaign_id))[0],
        ):
            assert found is not None
            assert found.state == "waiting"
            assert "no connector process" in found.state_detail
