"""A channel that was removed and comes back goes on in the running poll, in the seat it had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

import pytest

from server.rules.poll import Cancel, Close, Command, Poll, UndoCancel
from sql import channels
from sql.channels import SourceKind
from sql.pool import Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    age,
    line,
    make_campaign,
    make_poll,
    open_poll,
    poll_of,
    processes,
    take_in,
)
from tests.integration.web_rig import rig_on

LEFT, STAYED = CHANNELS[0], CHANNELS[1]


@pytest.fixture
async def pair(database_url: str) -> AsyncIterator[list[Process]]:
    """Two processes: what one does, the other must see."""
    async with processes(database_url, 2) as made:
        yield made


async def remove(database: Database, campaign_id: UUID, channel_id: str = LEFT[1]) -> None:
    async with database.transaction() as connection:
        found = await channels.list_of_campaign(connection, campaign_id)
        gone = next(channel for channel in found if channel.channel_id == channel_id)
        assert await channels.delete(connection, campaign_id, gone.id)


async def add(
    database: Database, campaign_id: UUID, login: str = f"login{LEFT[1]}", source: SourceKind = "api"
) -> None:
    async with database.transaction() as connection:
        await channels.create(
            connection,
            campaign_id=campaign_id,
            platform="twitch",
            login=login,
            source=source,
            channel_id=LEFT[1],
        )


async def tally_after(process: Process, poll: Poll, *users: str) -> Sequence[Sequence[int]]:
    """The totals when each of the users has voted for the first option in the channel that left."""
    await take_in(process, poll, [line(poll, "1", user, after=1, channel=LEFT) for user in users])
    return (await poll_of(process.database, poll.id)).tally


async def test_the_undo_of_a_removal_gives_the_channel_back_to_the_running_poll(
    database: Database, tmp_path: Path
) -> None:
    """As the desk undoes it: DELETE, and POST with what it knew of the channel."""
    async with rig_on(database, tmp_path) as rig:
        base = f"/api/v1/campaigns/{await rig.campaign()}"
        known = {"platform": "custom", "login": "bot", "source": "api", "channel_id": "Bot-7"}
        made = (await rig.root.post(f"{base}/channels", json=known)).json()
        await rig.root.post(f"{base}/channels", json={**known, "login": "other", "channel_id": "other"})
        draft = {"question": "Where?", "options": ["Left", "Right"], "duration_s": 60}
        poll = (await rig.root.post(f"{base}/polls", json=draft)).json()["id"]
        opens_at = (await rig.root.post(f"/api/v1/polls/{poll}/launch", json={})).json()["opens_at"]

        async def votes_after(user: str) -> tuple[list[int], list[list[int]]]:
            event = {
                "type": "chat.message",
                "platform": "custom",
                "channel_id": "Bot-7",
                "message_id": f"of-{user}",
                "user": {"id": user, "login": user, "name": user},
                "text": "1",
                "sent_at": opens_at,
            }
            receipt = await rig.root.post(f"{base}/events", json=[event])
            assert receipt.json()["rejected"] == [], receipt.text
            options = (await rig.root.get(f"/api/v1/polls/{poll}")).json()["options"]
            tally = (await poll_of(database, UUID(poll))).tally
            return [option["votes"] for option in options], [list(channel) for channel in tally]

        assert await votes_after("ana") == ([1, 0], [[1, 0], [0, 0]])
        assert (await rig.root.delete(f"/api/v1/channels/{made['id']}")).status_code == 204
        assert (await rig.root.post(f"{base}/channels", json=known)).status_code == 201
        assert await votes_after("bob") == ([2, 0], [[2, 0], [0, 0]])


async def test_every_process_counts_the_channel_where_it_was(pair: list[Process]) -> None:
    near, far = pair
    campaign_id = await make_campaign(near.database)
    poll = await open_poll(near, campaign_id)
    assert await tally_after(far, poll, "ana") == ((1, 0, 0), (0, 0, 0), (0, 0, 0))
    await remove(near.database, campaign_id)
    assert await tally_after(far, poll, "bob") == ((1, 0, 0), (0, 0, 0), (0, 0, 0))
    await add(near.database, campaign_id)
    assert await tally_after(far, poll, "cid") == ((2, 0, 0), (0, 0, 0), (0, 0, 0))
    # It is the same voter as before, too.
    await take_in(near, poll, [line(poll, "3", "ana", after=2, channel=LEFT)])
    assert (await poll_of(near.database, poll.id)).tally == ((1, 0, 1), (0, 0, 0), (0, 0, 0))


@pytest.mark.parametrize(
    ("before", "after"),
    [((Close(),), ()), ((Cancel(),), (UndoCancel(),)), ((Close(), Cancel()), (UndoCancel(),))],
    ids=["closing", "cancelled", "cancelled while closing"],
)
async def test_a_poll_that_may_still_take_votes_gives_the_seat_back(
    pair: list[Process], before: Sequence[Command], after: Sequence[Command]
) -> None:
    process, _ = pair
    campaign_id = await make_campaign(process.database)
    poll = await open_poll(process, campaign_id)
    await age(process.database, campaign_id, 5)
    poll = await poll_of(process.database, poll.id)
    for command in before:
        await process.rooms.command(campaign_id, poll.id, command)
    await remove(process.database, campaign_id)
    await add(process.database, campaign_id)
    for command in after:
        await process.rooms.command(campaign_id, poll.id, command)
    assert await tally_after(process, poll, "ana") == ((1, 0, 0), (0, 0, 0), (0, 0, 0))


async def test_another_channel_has_no_seat(pair: list[Process]) -> None:
    """Neither one of another name, nor the crowd that takes the name of a channel with viewers."""
    process, _ = pair
    campaign_id = await make_campaign(process.database)
    poll = await open_poll(process, campaign_id)
    await remove(process.database, campaign_id)
    for login, source in (("somebody", "api"), (f"login{LEFT[1]}", "simulated")):
        await add(process.database, campaign_id, login, source)  # type: ignore[arg-type]
        assert await tally_after(process, poll, source) == ((0, 0, 0), (0, 0, 0), (0, 0, 0))
        await remove(process.database, campaign_id)


async def test_what_is_over_stays_as_it_was(pair: list[Process]) -> None:
    process, _ = pair
    campaign_id = await make_campaign(process.database)
    over = await open_poll(process, campaign_id)
    await process.rooms.command(campaign_id, over.id, Cancel())
    await age(process.database, campaign_id, 11)
    now = await make_poll(process.database, campaign_id)
    await process.rooms.launch(campaign_id, now)
    await remove(process.database, campaign_id)
    await add(process.database, campaign_id)
    assert (await poll_of(process.database, over.id)).seats[0].channel_id is None
    assert (await poll_of(process.database, now)).seats[0].channel_id is not None
