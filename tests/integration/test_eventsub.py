"""What EventSub tells is stored once; what it could not tell is read afterwards, told as a gap (R18)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from integrations.twitch import eventsub_plan
from integrations.twitch.eventsub import EventSub, Pace
from integrations.twitch.eventsub_intake import EventSubIntake
from integrations.twitch.eventsub_session import Times
from server.engine.batch import Batches, Overloaded
from server.engine.clock import DatabaseClock
from server.engine.room import Rooms
from sql import twitch_subscriptions
from sql.pool import Database
from tests.fakes.twitch_world import Fault, Person, Reward
from tests.integration.engine_rig import until
from tests.integration.twitch_rig import ALL, MOSSY, TwitchRig, twitch_rig

#: Twitch's least, as the stand-in has it here: a second, and half a second that it may be late.
QUICK = Times(keepalive=0, margin=0.5, backoff_first=0.05, backoff_most=0.2, drain=0.3)
PACE = Pace(look=0.1, ttl=1.0, repair=0.1, handover=0.5)
HALF_OPEN_S = 1 + 0.5 + 1
REWARD = "channel.channel_points_custom_reward_redemption.add"


@dataclass
class Listening:
    """A process that listens, and the work of it that can be killed."""

    eventsub: EventSub
    tasks: list[asyncio.Task[Any]]

    async def die(self) -> None:
        """As `kill -9`: nothing is given back."""
        self.eventsub._is_ours = False
        for task in reversed(self.tasks):  # first who listens, then who stores
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@dataclass
class Night:
    rig: TwitchRig
    database: Database
    campaign_id: UUID
    rook: Person
    reward: Reward

    @asynccontextmanager
    async def listening(self, url: str = "") -> AsyncIterator[Listening]:
        rooms = Rooms(self.database, DatabaseClock(), lambda change: None)
        batches = Batches(rooms)
        intake = EventSubIntake(self.database, batches.deliver, busy=(Overloaded,))
        eventsub = EventSub(
            self.database,
            self.rig.helix,
            url or self.rig.twitch.eventsub_url,
            intake,
            DatabaseClock(),
            times=QUICK,
            pace=PACE,
        )
        made = Listening(eventsub, [asyncio.create_task(batches.run()), asyncio.create_task(eventsub.run())])
        try:
            yield made
        finally:
            await made.die()

    async def value(self, query: str, *args: object) -> Any:
        async with self.database.connection() as connection:
            return await connection.fetchval(query, *args)

    async def rows(self, query: str) -> list[Any]:
        async with self.database.connection() as connection:
            return [tuple(row) for row in await connection.fetch(query)]

    async def redemptions(self) -> set[str]:
        return {row[0] for row in await self.rows("SELECT redemption_id FROM redemptions")}

    async def supports(self) -> list[tuple[str, int]]:
        return await self.rows("SELECT kind, quantity FROM monetization_events ORDER BY kind")

    async def gaps(self) -> list[tuple[str, bool, bool]]:
        """Of each gap its reason, and whether it is over and repaired."""
        return await self.rows(
            "SELECT reason, ended_at IS NOT NULL, repaired_at IS NOT NULL FROM channel_gaps ORDER BY began_at"
        )

    async def states(self) -> dict[str, str]:
        async with self.database.connection() as connection:
            return {one.type: one.state for one in await twitch_subscriptions.all_(connection)}

    async def heard(self) -> None:
        """Until everything that may be asked for is held."""
        wanted = len(eventsub_plan.KINDS)
        await until(lambda: len(self.rig.twitch.world.subscriptions_of(MOSSY)) == wanted, "all is subscribed")

        async def is_noted() -> bool:
            return set((await self.states()).values()) == {"held"}

        await until(is_noted, "and noted")

    async def redeem(self) -> str:
        made = await self.rig.twitch.helix.redeem(MOSSY, self.reward.id, self.rook.id)
        return made.id

    async def until_stored(self, *ids: str, seconds: float = 10) -> None:
        async def is_stored() -> bool:
            return set(ids) <= await self.redemptions()

        await until(is_stored, "redemptions are stored", seconds)


@pytest.fixture
async def night(database: Database) -> AsyncIterator[Night]:
    async with twitch_rig(database, unused_s=2, grace_s=1, least_keepalive_s=0.2) as rig:
        campaign_id = await rig.campaign()
        await rig.channel(campaign_id)
        await rig.link()
        rook = rig.twitch.world.person("700200311", "rookfeather")
        reward = rig.twitch.helix.add_reward(MOSSY, "Join the heist", 500)
        yield Night(rig, database, campaign_id, rook, reward)


async def test_everything_of_the_table_is_asked_for_and_nothing_else(night: Night) -> None:
    async with night.listening():
        await night.heard()
        asked = night.rig.twitch.world.subscriptions_of(MOSSY)
        assert {(one.type, one.version) for one in asked} == {
            (kind.type, kind.version) for kind in eventsub_plan.KINDS
        }
        assert night.rig.twitch.world.complaints == []


async def test_what_is_told_is_stored_once_however_often_it_is_told(night: Night) -> None:
    twitch = night.rig.twitch
    twitch.eventsub.doubles = True
    async with night.listening():
        await night.heard()
        redeemed = [await night.redeem() for _ in range(5)]
        await twitch.gift_bomb(MOSSY, night.rook, 20, 40)
        await twitch.cheer(MOSSY, night.rook, 300, "cheer300")
        await twitch.raid(MOSSY, night.rook, 55)
        await twitch.follow(MOSSY, night.rook)
        await night.until_stored(*redeemed)

        async def are_told() -> bool:
            return await night.supports() == [("bits", 300), ("follow", 1), ("gift", 20), ("raid", 55)]

        await until(are_told, "each kindness once")
        assert await night.gaps() == []


async def test_a_line_that_is_cut_is_made_anew_and_what_was_missed_is_read(night: Night) -> None:
    twitch = night.rig.twitch
    async with night.listening():
        await night.heard()
        first = await night.redeem()
        await night.until_stored(first)
        await twitch.eventsub.drop(away_s=1.0)
        missed = [await night.redeem() for _ in range(3)]
        await twitch.helix.go_live(MOSSY)
        assert await night.value("SELECT count(*) FROM redemptions") == 1
        await night.until_stored(*missed, seconds=6)
        assert await night.value("SELECT is_live FROM channels")

        async def is_healed() -> bool:
            return await night.gaps() == [("lost", True, True)]

        await until(is_healed, "the gap is over and repaired")
        later = await night.redeem()
        await night.until_stored(later)
        assert await night.redemptions() == {first, *missed, later}


async def test_a_half_open_line_is_noticed(night: Night) -> None:
    async with night.listening():
        await night.heard()
        night.rig.twitch.eventsub.silence()
        missed = await night.redeem()
        began = asyncio.get_running_loop().time()

        async def is_noticed() -> bool:
            return bool(await night.gaps())

        await until(is_noticed, "it went silent")
        assert asyncio.get_running_loop().time() - began < HALF_OPEN_S
        await night.until_stored(missed)

        async def is_healed() -> bool:
            return await night.gaps() == [("silent", True, True)]

        await until(is_healed, "the gap is over and repaired")
        began_at, noticed_at = await night.value("SELECT (began_at, ended_at) FROM channel_gaps")
        assert (noticed_at - began_at).total_seconds() >= QUICK.margin, "since it was last heard"


async def test_twitch_may_ask_to_move_and_nothing_is_missed_or_made_anew(night: Night) -> None:
    eventsub = night.rig.twitch.eventsub
    async with night.listening():
        await night.heard()
        calls = len(night.rig.twitch.world.calls_of("POST", "eventsub/subscriptions"))
        redeemed = []
        for _ in range(3):
            (session,) = eventsub.sessions_of(MOSSY)
            before = session.socket
            await eventsub.reconnect(session)
            redeemed.append(await night.redeem())
            await until(lambda: session.socket is not before, "it moved")  # noqa: B023
            redeemed.append(await night.redeem())
        await night.until_stored(*redeemed)
        assert len(night.rig.twitch.world.calls_of("POST", "eventsub/subscriptions")) == calls
        assert await night.gaps() == []
        assert night.rig.twitch.world.complaints == []


@pytest.mark.parametrize("code", [4000, 4002, 4004, 4007])
async def test_every_close_code_ends_in_a_line_that_works(night: Night, code: int) -> None:
    async with night.listening():
        await night.heard()
        await night.rig.twitch.eventsub.drop(code)
        missed = await night.redeem()
        await night.until_stored(missed)


async def test_another_process_takes_over_and_reads_what_nobody_was_told(night: Night) -> None:
    async with night.listening() as first:
        await night.heard()
        async with night.listening():
            await asyncio.sleep(PACE.look * 3)
            assert len(night.rig.twitch.eventsub.sessions_of(MOSSY)) == 1, "one listens at a time"
            await first.die()
            missed = await night.redeem()
            await night.until_stored(missed, seconds=5)

            async def is_healed() -> bool:
                return await night.gaps() == [("no_process", True, True)]

            await until(is_healed, "the gap of the takeover is told and repaired")
            later = await night.redeem()
            await night.until_stored(later)


async def test_what_was_not_allowed_is_said_in_words_and_asked_for_when_it_is(night: Night) -> None:
    some = tuple(scope for scope in ALL if scope != "bits:read")
    await night.rig.link("700100300", scopes=some)
    night.rig.twitch.world.person("700100300", "briar")
    await night.rig.channel(night.campaign_id, "700100300", "briar")

    async def of_bits() -> tuple[str, str]:
        found = await night.rows(
            "SELECT state, detail FROM twitch_subscriptions"
            " WHERE type = 'channel.bits.use' AND broadcaster_id = '700100300'"
        )
        return (found[0][0], found[0][1]) if found else ("", "")

    async with night.listening():

        async def is_refused() -> bool:
            return (await of_bits())[0] == "refused"

        await until(is_refused, "bits are not to be seen")
        assert "see cheers" in (await of_bits())[1]
        # Twitch is slow to take it, for longer than a look may last.
        night.rig.twitch.world.faults["POST eventsub/subscriptions"] = Fault(delay_s=0.8, times=2)
        async with night.database.connection() as connection:  # the streamer signs in once more
            await connection.execute(
                "UPDATE oauth_tokens SET scopes = $1, version = version + 1 WHERE scopes <> $1", list(ALL)
            )
        night.rig.twitch.world.grant("700100300", ALL)

        async def is_held() -> bool:
            return (await of_bits())[0] == "held"

        for token in night.rig.twitch.world.tokens.values():
            if token.user_id == "700100300":
                token.scopes = frozenset(ALL)
        await until(is_held, "and now they are")


async def test_a_streamer_who_takes_the_permission_back_is_told_to_link_again(night: Night) -> None:
    async with night.listening():
        await night.heard()
        night.rig.issuer.is_revoked = True
        await night.rig.twitch.disconnect(MOSSY)

        async def is_told() -> bool:
            states = await night.rows("SELECT DISTINCT state FROM twitch_subscriptions")
            token = await night.value("SELECT state FROM oauth_tokens")
            return bool(token == "needs_relink") and ("held",) not in states

        await until(is_told, "link again")


async def test_a_database_that_is_away_stops_the_reading_and_loses_nothing(night: Night) -> None:
    async with night.listening() as made:
        await night.heard()
        calls = 0
        deliver = made.eventsub._intake._deliver

        async def away(campaign_id: UUID, events: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls < 3:
                raise ConnectionRefusedError
            return await deliver(campaign_id, events)

        made.eventsub._intake._deliver = away
        redeemed = [await night.redeem() for _ in range(3)]
        await night.until_stored(*redeemed)
        assert calls >= 3


async def test_a_slow_twitch_costs_no_line(night: Night) -> None:
    """What was missed is read beside the upkeep of the lines."""
    night.rig.twitch.world.faults["GET streams"] = Fault(delay_s=1.5, times=4)
    async with night.listening():
        await night.heard()
        connects = night.rig.twitch.world.counts["connects"]
        redeemed = await night.redeem()
        await night.until_stored(redeemed)

        def is_asked() -> bool:
            return len(night.rig.twitch.world.calls_of("GET", "streams")) >= 3

        await until(is_asked, "Twitch was asked, which took longer than a duty lasts")
        assert night.rig.twitch.world.counts["connects"] == connects == 1


async def test_a_gap_ends_when_something_is_heard_again(night: Night) -> None:
    async with night.listening():
        await night.heard()
        night.rig.twitch.world.faults["POST eventsub/subscriptions"] = Fault(status=400, times=100)
        await night.rig.twitch.eventsub.drop()

        async def are_refused() -> bool:
            return set((await night.states()).values()) == {"refused"}

        await until(are_refused, "nothing may be asked for")
        assert await night.gaps() == [("lost", False, False)]


async def test_who_leaves_politely_is_followed_at_once_and_has_stored_what_it_was_told(night: Night) -> None:
    async with night.listening() as first:
        await night.heard()
        await night.rig.twitch.cheer(MOSSY, night.rook, 300, "cheer300")
        await until(lambda: first.eventsub.counts["taken"] == 1, "it was told")
        first.tasks[1].cancel()
        await asyncio.gather(first.tasks[1], return_exceptions=True)
        assert await night.supports() == [("bits", 300)]
        assert await night.value("SELECT holder IS NULL FROM duties WHERE name = 'twitch.eventsub'")


async def test_what_is_too_old_or_from_the_future_is_a_replay(night: Night) -> None:
    async with night.listening() as made:
        await night.heard()
        (one,) = [s for s in night.rig.twitch.world.subscriptions_of(MOSSY) if s.type == "channel.follow"]
        (session,) = night.rig.twitch.eventsub.sessions_of(MOSSY)
        for stamp in ("2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "yesterday"):
            await night.rig.twitch.eventsub._tell_session(
                session,
                "notification",
                {"subscription": one.shown(), "event": {"user_id": "1", "broadcaster_user_id": MOSSY}},
                subscription_type=one.type,
                subscription_version=one.version,
                message_timestamp=stamp,
            )
        await until(lambda: made.eventsub.counts["stale"] == 3, "all three came")
        assert await night.supports() == []
