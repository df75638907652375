"""Polls that Twitch runs beside ours: made once, followed, ended with ours, counted exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import pytest

from integrations.twitch import eventsub_events
from integrations.twitch.polls import TwitchPolls
from server.engine import native_polls as engine
from server.engine.clock import DatabaseClock
from server.engine.departures import Departures
from server.engine.outbox import Outbox
from server.rules import vote_audit, vote_export
from server.rules.native_poll import NativePoll
from server.rules.platform_events import NativePollTold
from server.rules.poll import (
    Cancel,
    Close,
    Command,
    Extend,
    Native,
    Poll,
    PollRules,
    Refused,
    State,
    UndoCancel,
)
from server.rules.retry import Policy
from sql import consents, deadlines, heads, members, native_polls
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.twitch import running
from tests.fakes.twitch_world import CLIENT_ID, Fault
from tests.fakes.twitch_world import Poll as TwitchPoll
from tests.integration.engine_rig import (
    Process,
    age,
    boards_of,
    ledger_of,
    line,
    make_poll,
    poll_of,
    take_in,
    until,
)
from tests.integration.test_twitch_program import ask
from tests.integration.twitch_rig import ALL, MOSSY, TwitchRig, twitch_rig
from tests.servers import Hubbub, StartHubbub

SOON = Policy(base_s=0.0, cap_s=0.0, most=10)


@dataclass
class Night:
    """A show on one affiliate's channel, whose owner is the streamer."""

    rig: TwitchRig
    process: Process
    campaign_id: UUID
    box: Outbox
    aged: float = 0.0

    @property
    def database(self) -> Database:
        return self.rig.database

    async def launch(
        self, native: Native = "points", *, options: Sequence[str] = ("Left", "Middle"), **more: Any
    ) -> Poll:
        rules = PollRules(native=native, points_per_vote=50, grace_s=0)
        poll_id = await make_poll(self.database, self.campaign_id, rules, options=options)
        await self.process.rooms.launch(self.campaign_id, poll_id, **more)
        return await poll_of(self.database, poll_id)

    async def do(self, poll: Poll, command: Command) -> None:
        await self.process.rooms.command(self.campaign_id, poll.id, command)

    async def deliver(self) -> None:
        """Everything that is due leaves, tries that failed included."""
        for _ in range(5):
            await self.box.deliver_due()
            async with self.database.connection() as connection:
                await connection.execute("UPDATE outbox SET next_at = now() WHERE state = 'pending'")
            self.rig.helix._pauses.clear()

    async def pass_time(self, seconds: float) -> None:
        await age(self.database, self.campaign_id, seconds)
        self.aged += seconds
        async with self.database.connection() as connection:
            due = await deadlines.due(connection, 10)
        for one in due:
            await self.process.rooms.fire(one)

    async def native(self, poll: Poll) -> NativePoll:
        async with self.database.connection() as connection:
            found = await native_polls.find(connection, poll.id, MOSSY)
        assert found is not None
        return found

    async def tell(
        self, poll: TwitchPoll, step: Literal["begin", "progress", "end"], message: str = ""
    ) -> list[str]:
        """What EventSub tells of it now."""
        event = eventsub_events.translate(
            f"channel.poll.{step}",
            poll.event(step),
            id=message or str(uuid7()),
            sent_at=datetime.now(UTC).isoformat(),
            received_at=datetime.now(UTC),
        )
        assert isinstance(event, NativePollTold)
        outcomes = await self.process.rooms.ingest(self.campaign_id, [event], receipts=[True])
        return [outcome.kind for outcome in outcomes]

    def running(self) -> TwitchPoll:
        """The only poll that Twitch runs."""
        (poll,) = (one for one in self.rig.twitch.world.polls.values() if not one.is_over)
        return poll

    async def verified(self, poll: Poll) -> Poll:
        """It as it is now; `hubbub verify` agrees."""
        found = await poll_of(self.database, poll.id)
        assert found.opens_at is not None
        # What moved into the past for the test stays where the ledger has it.
        found = replace(found, opens_at=found.opens_at + timedelta(seconds=self.aged))
        rows = await ledger_of(self.database, poll.id)
        verdict = vote_audit.audit(vote_export.document(found, rows))
        assert verdict.good, verdict.faults
        assert self.process.rooms.miscounted == 0
        return found

    async def stuck(self) -> list[tuple[str, str]]:
        async with self.database.connection() as connection:
            rows = await connection.fetch(
                "SELECT kind, last_error FROM outbox WHERE state = 'dead' ORDER BY id"
            )
        return [(row["kind"], row["last_error"]) for row in rows]


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[TwitchRig]:
    async with twitch_rig(database) as rig:
        yield rig


async def night_of(rig: TwitchRig, scopes: tuple[str, ...] = ALL) -> Night:
    campaign_id = await rig.campaign(await rig.link(scopes=scopes))
    await rig.channel(campaign_id)
    courier = TwitchPolls(rig.helix, rig.database, DatabaseClock())
    box = Outbox(rig.database, [courier], policies=dict.fromkeys(courier.kinds, SOON), chance=lambda: 0.0)
    return Night(rig, Process(rig.database), campaign_id, box)


@pytest.fixture
async def night(rig: TwitchRig) -> Night:
    return await night_of(rig)


async def test_a_poll_with_points_from_launch_to_result(night: Night) -> None:
    poll = await night.launch()
    assert [(seat.login, seat.counts) for seat in poll.seats] == [
        ("mossy_tavern", "chat"),
        ("mossy_tavern", "points"),
    ]
    await night.deliver()
    theirs = night.running()
    assert (theirs.title, [choice.title for choice in theirs.choices]) == ("Which door?", ["Left", "Middle"])
    assert (theirs.duration, theirs.points_enabled, theirs.points_each) == (60, True, 50)
    assert (await night.native(poll)).state == "running"

    await take_in(night.process, poll, [line(poll, "1", channel=("twitch", MOSSY), after=0.01)])
    await night.rig.twitch.helix.vote(theirs, 1, free=4, points=2)
    assert await night.tell(theirs, "progress") == ["accepted"]
    assert (await poll_of(night.database, poll.id)).tally == ((1, 0), (0, 2))
    board = (await boards_of(night.database, night.campaign_id))[str(poll.id)]
    assert board["channels"] == [
        {"platform": "twitch", "login": "mossy_tavern", "votes": 1, "counts": "chat"},
        {"platform": "twitch", "login": "mossy_tavern", "votes": 2, "counts": "points"},
    ]
    await night.verified(poll)

    await night.rig.twitch.helix.vote(theirs, 1, points=1)  # of which nobody has told
    await night.do(poll, Close())
    await night.deliver()
    assert theirs.status == "TERMINATED"
    await night.pass_time(1)
    done = await night.verified(poll)
    assert (done.state, done.tally, done.winner) == (State.CLOSED, ((1, 0), (0, 3)), 2)
    assert (await night.native(poll)).votes == (0, 7)
    table = vote_export.spreadsheet(done, await ledger_of(night.database, poll.id)).splitlines()
    assert [row.split(",")[4] for row in table] == ["way", "chat", "points", "points", "points"]


async def test_beside_nothing_of_twitchs_counts(night: Night) -> None:
    poll = await night.launch("beside")
    assert len(poll.seats) == 1
    await night.deliver()
    theirs = night.running()
    assert not theirs.points_enabled
    await night.rig.twitch.helix.vote(theirs, 0, free=9)
    await night.tell(theirs, "progress")
    await night.do(poll, Close())
    await night.pass_time(1)
    done = await night.verified(poll)
    assert (done.state, done.tally) == (State.CLOSED, ((0, 0),))
    await night.deliver()
    assert (await night.native(poll)).votes == (9, 0)


async def test_news_may_come_twice_and_in_any_order(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.tell(theirs, "begin")
    early = theirs.event("progress")
    for _ in range(3):
        await night.rig.twitch.helix.vote(theirs, 0, free=1, points=2)
        await night.tell(theirs, "progress", "progress-again")  # the second and third are repeats
    await night.rig.twitch.helix.end_poll(theirs, "TERMINATED")
    for _ in range(2):
        await night.tell(theirs, "end")
    late = eventsub_events.translate(
        "channel.poll.progress", early, id="late", sent_at="", received_at=datetime.now(UTC)
    )
    assert isinstance(late, NativePollTold)
    await night.process.rooms.ingest(night.campaign_id, [late], receipts=[True])
    theirs.status = "ARCHIVED"
    await night.tell(theirs, "end")
    assert (await night.verified(poll)).tally == ((0, 0), (6, 0))
    known = await night.native(poll)
    assert (known.state, known.votes, known.points) == ("archived", (9, 0), (6, 0))


@pytest.mark.parametrize(
    "fault",
    [
        Fault(cut=True, after_work=True),
        Fault(delay_s=3, after_work=True),
        Fault(503, after_work=True),
        Fault(500, after_work=True),
    ],
    ids=["cut", "timeout", "503", "500"],
)
async def test_a_create_without_an_answer_makes_no_second_poll(night: Night, fault: Fault) -> None:
    night.rig.twitch.world.faults["POST polls"] = fault
    poll = await night.launch()
    await night.deliver()
    assert len(night.rig.twitch.world.polls) == 1
    assert len([call for call in night.rig.twitch.world.calls_of("POST", "polls") if call.status == 200]) == 1
    known = await night.native(poll)
    assert (known.state, known.native_id) == ("running", night.running().id)


@pytest.mark.parametrize(
    "fault", [Fault(500), Fault(503), Fault(cut=True), Fault(429, headers={"Ratelimit-Reset": "1"})]
)
async def test_a_create_that_was_not_heard_is_tried_again(night: Night, fault: Fault) -> None:
    night.rig.twitch.world.faults["POST polls"] = fault
    poll = await night.launch()
    await night.deliver()
    assert len(night.rig.twitch.world.polls) == 1
    assert (await night.native(poll)).state == "running"


async def test_a_process_that_dies_after_the_create_leaves_one_poll(night: Night) -> None:
    """The item was taken, the poll made, nothing written: whoever comes next finds it."""
    poll = await night.launch()
    await night.deliver()
    async with night.database.connection() as connection:
        await connection.execute(
            """UPDATE native_polls SET native_id = NULL, choice_ids = '{}', votes = '{}', points = '{}',
                      state = 'wanted'"""
        )
        await connection.execute("UPDATE outbox SET state = 'pending', next_at = now()")
    await night.deliver()
    assert len(night.rig.twitch.world.polls) == 1
    assert (await night.native(poll)).native_id == night.running().id


async def test_a_dead_token_is_replaced(night: Night) -> None:
    night.rig.twitch.world.revoke_tokens(MOSSY)
    poll = await night.launch()
    await night.deliver()
    assert (await night.native(poll)).state == "running"
    assert night.rig.issuer.refreshes == 1


async def test_a_permission_that_is_missing_is_named(rig: TwitchRig) -> None:
    night = await night_of(rig, ("user:read:chat",))
    poll = await night.launch()
    await night.deliver()
    known = await night.native(poll)
    assert known.state == "refused"
    assert "has not let Hubbub start and end Twitch polls" in known.detail
    assert await night.stuck() == [(engine.CREATE, known.detail)]
    await night.do(poll, Close())
    await night.pass_time(1)
    assert (await night.verified(poll)).state == State.CLOSED, "nobody is waited for"


async def test_who_is_no_affiliate_is_polled_in_chat(night: Night) -> None:
    night.rig.twitch.world.people[MOSSY].kind = ""
    poll = await night.launch()
    await night.deliver()
    known = await night.native(poll)
    assert known.state == "refused"
    assert "affiliates and partners only" in known.detail
    assert poll.state == State.OPEN


async def test_another_poll_is_running_until_it_is_ended(night: Night) -> None:
    world = night.rig.twitch.world
    body = {
        "broadcaster_id": MOSSY,
        "title": "Which game?",
        "choices": [{"title": "A"}, {"title": "B"}],
        "duration": 60,
    }
    await night.rig.helix.call("POST", "polls", MOSSY, body=body)
    theirs = night.running()
    poll = await night.launch()
    await night.deliver()
    known = await night.native(poll)
    assert known.state == "refused"
    assert "“Which game?”" in known.detail
    await night.rig.twitch.helix.end_poll(theirs, "TERMINATED")
    async with night.database.connection() as connection:  # the button "Try again"
        await connection.execute(
            "UPDATE outbox SET state = 'pending', next_at = now(), forgiven = attempts WHERE state = 'dead'"
        )
    await night.deliver()
    assert (await night.native(poll)).native_id == night.running().id
    assert len(world.polls) == 2


async def test_the_streamer_ends_it_by_hand(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 0, points=3)
    await night.rig.twitch.helix.end_poll(theirs, "ARCHIVED")
    await night.tell(theirs, "end")
    assert (await poll_of(night.database, poll.id)).state == State.OPEN, "chat goes on"
    await night.do(poll, Close())
    await night.deliver()
    await night.pass_time(1)
    assert (await night.verified(poll)).tally == ((0, 0), (3, 0))
    assert night.rig.twitch.world.calls_of("PATCH", "polls") == []


async def test_ended_by_hand_and_nobody_told(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 0, points=3)
    await night.rig.twitch.helix.end_poll(theirs, "TERMINATED")
    await night.do(poll, Close())
    await night.deliver()
    await night.pass_time(1)
    assert (await night.verified(poll)).tally == ((0, 0), (3, 0))
    assert (await night.native(poll)).state == "terminated"


async def test_the_count_waits_for_the_final_figures_and_not_for_ever(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 0, points=1)
    await night.tell(theirs, "progress")
    await night.rig.twitch.helix.vote(theirs, 0, points=1)
    night.rig.twitch.world.is_away = True
    await night.do(poll, Close())
    await night.deliver()
    await night.pass_time(1)
    assert (await poll_of(night.database, poll.id)).state == State.CLOSING
    await night.pass_time(10)
    assert (await poll_of(night.database, poll.id)).state == State.CLOSING
    await night.pass_time(10)
    done = await night.verified(poll)
    assert (done.state, done.tally) == (State.CLOSED, ((0, 0), (1, 0))), "what was told last"
    await night.rig.twitch.helix.end_poll(theirs, "COMPLETED")
    await night.tell(theirs, "end")
    assert (await night.verified(poll)).tally == done.tally, "a result does not change afterwards"
    assert (await night.native(poll)).points == (2, 0)


async def test_an_end_without_an_answer_ends_once(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 1, points=2)
    night.rig.twitch.world.faults["PATCH polls"] = Fault(cut=True, after_work=True)
    await night.do(poll, Close())
    await night.deliver()
    await night.pass_time(1)
    assert (await night.verified(poll)).tally == ((0, 0), (0, 2))


async def test_a_create_that_is_not_known_of_is_ended_too(night: Night) -> None:
    """Made without our hearing of it, and the poll closed before anybody looked."""
    night.rig.twitch.world.faults["POST polls"] = Fault(cut=True, after_work=True)
    poll = await night.launch()
    await night.box.deliver_due()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 0, points=1)
    await night.do(poll, Close())
    await night.deliver()
    assert theirs.is_over
    await night.pass_time(1)
    assert (await night.verified(poll)).tally == ((0, 0), (1, 0))


async def test_closed_before_it_was_made_none_is_made(night: Night) -> None:
    poll = await night.launch()
    await night.do(poll, Close())
    await night.deliver()
    assert night.rig.twitch.world.polls == {}
    assert (await night.native(poll)).state == "refused"
    await night.pass_time(1)
    assert (await night.verified(poll)).state == State.CLOSED


async def test_cancelled_and_brought_back(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.rig.twitch.helix.vote(theirs, 0, points=2)
    await night.do(poll, Cancel())
    await night.deliver()
    assert theirs.status == "TERMINATED"
    await night.tell(theirs, "end")
    await night.do(poll, UndoCancel())
    await night.do(poll, Close())
    await night.deliver()
    await night.pass_time(1)
    assert (await night.verified(poll)).tally == ((0, 0), (2, 0)), "they were given while it ran"


async def test_cancelled_and_brought_back_before_it_was_ended(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    await night.do(poll, Cancel())
    await night.do(poll, UndoCancel())
    await night.deliver()
    theirs = night.running()
    await night.do(poll, Close())
    await night.deliver()
    assert theirs.status == "TERMINATED"


async def test_extended_twitchs_ends_at_its_own_time(night: Night) -> None:
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    await night.do(poll, Extend(60))
    await night.rig.twitch.helix.vote(theirs, 0, points=1)
    await night.rig.twitch.helix.end_poll(theirs, "COMPLETED")
    await night.tell(theirs, "end")
    poll = await poll_of(night.database, poll.id)
    assert (poll.state, poll.tally) == (State.OPEN, ((0, 0), (1, 0)))


async def test_what_does_not_fit_is_refused_before_the_launch(night: Night) -> None:
    with pytest.raises(Refused, match=r"5 options at most; this has 6.*without a Twitch poll"):
        await night.launch(options=tuple("abcdef"))
    assert (await night.launch("off", options=tuple("abcdef"))).state == State.OPEN


async def test_a_rehearsal_reaches_nobodys_channel(night: Night) -> None:
    poll = await night.launch(simulated=True)
    await night.deliver()
    assert poll.simulated
    assert [seat.counts for seat in poll.seats] == ["chat"]
    assert night.rig.twitch.world.calls_of("POST", "polls") == []


async def test_consent_is_asked_at_the_call(night: Night) -> None:
    """The streamer is somebody else's guest, agreed to the poll, and took it back before it was made."""
    poll = await night.launch()
    async with night.database.transaction() as connection:
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Gus')", owner := uuid7())
        await connection.execute("UPDATE campaigns SET owner_id = $1", owner)
        await connection.execute("DELETE FROM campaign_memberships WHERE role = 'owner'")
    await night.deliver()
    known = await night.native(poll)
    assert known.state == "refused"
    assert night.rig.twitch.world.polls == {}


async def test_two_polls_in_a_row_with_the_same_words_are_told_apart(night: Night) -> None:
    first = await night.launch()
    await night.deliver()
    await night.do(first, Close())
    await night.deliver()
    await night.pass_time(1)
    night.rig.twitch.world.faults["POST polls"] = Fault(cut=True)
    second = await night.launch()
    await night.deliver()
    assert len(night.rig.twitch.world.polls) == 2
    assert (await night.native(second)).native_id == night.running().id
    assert (await night.native(first)).native_id != (await night.native(second)).native_id


@pytest.mark.parametrize(
    ("why", "goes_on"),
    [("revoked", False), ("left", False), ("expired", True)],
)
async def test_whoever_goes_takes_their_poll_along(
    night: Night, why: Literal["revoked", "left", "expired"], goes_on: bool
) -> None:
    """Ours goes on in chat. After a consent that ran out a poll that runs finishes."""
    database, campaign_id = night.database, night.campaign_id
    async with database.transaction() as connection:
        streamer = await connection.fetchval("SELECT owner_id FROM campaigns WHERE id = $1", campaign_id)
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'Gus')", owner := uuid7())
        await connection.execute("UPDATE campaigns SET owner_id = $1", owner)
        await connection.execute("DELETE FROM campaign_memberships WHERE campaign_id = $1", campaign_id)
        member = await members.invite(
            connection,
            campaign_id,
            role="streamer",
            platform="twitch",
            login="mossy_tavern",
            invited_by=owner,
        )
        accepted = await members.accept(connection, member.id, streamer)
        assert accepted is not None
        await consents.grant(connection, member.id, ["polls"])
    poll = await night.launch("beside")
    await night.deliver()
    theirs = night.running()
    departures = Departures((engine.on_gone,))
    async with database.transaction() as connection:
        await heads.lock(connection, campaign_id)
        if why == "left":
            await departures.go(connection, accepted, "left")
        elif why == "revoked":
            await departures.revoke(connection, accepted, ["polls"])
        else:
            await connection.execute(
                """UPDATE campaign_consents SET granted_at = granted_at - interval '2 days',
                          expires_at = now() - interval '1 second'"""
            )
            assert await departures.expire(connection, campaign_id) == 1
    await night.deliver()
    assert theirs.is_over is not goes_on
    assert (await poll_of(database, poll.id)).state == State.OPEN


async def test_everything_may_be_told_again_after_the_result(night: Night) -> None:
    """The night's messages replayed change nothing, and what a streamer polls alone never did."""
    poll = await night.launch()
    await night.deliver()
    theirs = night.running()
    for number in range(3):
        await night.rig.twitch.helix.vote(theirs, number % 2, free=1, points=number)
        await night.tell(theirs, "progress", f"m{number}")
    await night.do(poll, Close())
    await night.deliver()
    await night.tell(theirs, "end", "m-end")
    await night.pass_time(1)
    before = await night.verified(poll)
    assert before.tally == ((0, 0), (2, 1))
    for message in ("m0", "m1", "m2"):
        assert await night.tell(theirs, "progress", message) == ["duplicate"]
    assert await night.tell(theirs, "end", "m-end-again") == ["accepted"]
    foreign = replace(theirs, id="somebody-elses")
    assert await night.tell(foreign, "end") == ["accepted"]
    assert await night.verified(poll) == before


async def native_of(hubbub: Hubbub, poll: str) -> Any:
    (native,) = (await ask(hubbub, "GET", f"/polls/{poll}"))["native_polls"]
    return native


async def test_the_program_says_on_the_desk_what_is_missing(start_hubbub: StartHubbub) -> None:
    """The real program: nobody has connected the channel's account, so there is no Twitch poll, in words."""
    async with running() as twitch:
        hubbub = await asyncio.to_thread(
            start_hubbub,
            TWITCH_API_URL=twitch.api_url,
            TWITCH_CLIENT_ID=CLIENT_ID,
            TWITCH_CLIENT_SECRET="hb-secret",
        )
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Show"}))["id"]
        channel = {"platform": "twitch", "login": "mossy_tavern", "channel_id": MOSSY, "source": "api"}
        await ask(hubbub, "POST", f"/campaigns/{campaign}/channels", channel)
        body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60, "native": "beside"}
        poll = (await ask(hubbub, "POST", f"/campaigns/{campaign}/polls", body))["id"]
        await ask(hubbub, "POST", f"/polls/{poll}/launch", {})

        async def is_known() -> bool:
            return bool((await native_of(hubbub, poll))["state"] != "wanted")

        await until(is_known, "Twitch was asked, or could not be")
        known = await native_of(hubbub, poll)
        assert known["state"] == "refused"
        assert "linked" in known["detail"]
        stuck = (await ask(hubbub, "GET", f"/campaigns/{campaign}/outbox"))["items"]
        assert [item["what"] for item in stuck] == [
            "Start a poll on mossy_tavern's Twitch channel: “Which door?”"
        ]
        assert twitch.world.polls == {}
