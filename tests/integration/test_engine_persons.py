"""One vote per person through real engines on a real PostgreSQL: at every step as if counted from scratch."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import asyncpg
import pytest

from server.engine.deadlines import Deadlines
from server.engine.person_acts import NoPerson, recount_everywhere, set_apart
from server.rules.events import ChatMessage
from server.rules.poll import Cancel, Close, Poll, PollRules, Reveal, State, Tie, UndoCancel
from server.rules.tally import Tally
from server.rules.vote_audit import Verdict, audit
from server.rules.vote_export import count, document
from server.rules.vote_ledger import Entry, voter_digest
from server.rules.votes import BallotKey
from sql import channels, erasures, people, poll_persons, polls, votes
from sql.people import Account, Seen
from sql.polls import Draft
from sql.pool import Connection, Database
from tests.integration.engine_rig import (
    CHANNELS,
    Process,
    age,
    as_seen,
    boards_of,
    ledger_of,
    line,
    make_campaign,
    open_poll,
    poll_of,
    processes,
    take_in,
    until,
)
from tests.unit.models import seeded

PERSONS = PollRules(per_person=True, grace_s=0)
TWITCH, KICK = CHANNELS[0], CHANNELS[1]
NAMES = ("ana", "ben", "cleo", "dora", "emil")


def account(platform: str, name: str) -> Account:
    assert platform in people.PLATFORMS
    return Account("twitch" if platform == "twitch" else "kick", name, name, name.title())


async def join(database: Database, name: str, other: str | None = None) -> UUID:
    """Twitch's `name` and Kick's `other` are one person, whatever was before."""
    twitch, kick = account("twitch", name), account("kick", other or name)
    async with database.transaction() as connection:
        for one in (twitch, kick):
            if person := await people.of_account(connection, one.platform, one.id):
                await people.part(connection, person.id, "person")
        return await people.join(connection, (twitch, kick))


async def part(database: Database, name: str, platform: str = "twitch") -> None:
    async with database.transaction() as connection:
        if person := await people.of_account(connection, platform, name):
            await people.part(connection, person.id, "person")


async def entries_of(database: Database, poll_id: UUID) -> list[Entry]:
    async with database.connection() as connection:
        return await poll_persons.ledger(connection, poll_id)


async def verdict_of(database: Database, poll: Poll) -> Verdict:
    """What a stranger says of the export."""
    rows, entries = await ledger_of(database, poll.id), await entries_of(database, poll.id)
    assert sorted([row.n for row in rows] + [entry.n for entry in entries]) == list(
        range(1, poll.ledger_rows + 1)
    )
    return audit(json.loads(json.dumps(document(poll, rows, entries))))


async def lock(process: Process, poll: Poll) -> Poll:
    """Closed by a person or by time, and counted."""
    deadlines = Deadlines(process.database, process.rooms)

    async def counted() -> bool:
        await deadlines.fire_due()
        return (await poll_of(process.database, poll.id)).state == State.CLOSED

    await until(counted, "the poll is counted")
    return await poll_of(process.database, poll.id)


@dataclass
class Model:
    """What the world knows: every line, and who is one person."""

    poll: Poll
    lines: list[ChatMessage] = field(default_factory=list)
    links: dict[BallotKey, str] = field(default_factory=dict)

    def link(self, twitch: str, kick: str) -> None:
        for key in (("twitch", twitch), ("kick", kick)):
            self.unlink(key)
        self.links |= {("twitch", twitch): f"{twitch}+{kick}", ("kick", kick): f"{twitch}+{kick}"}

    def unlink(self, key: BallotKey) -> None:
        person = self.links.get(key)
        self.links = {one: whose for one, whose in self.links.items() if whose != person}

    def tally(self) -> Tally:
        """Counted from scratch."""
        best: dict[object, tuple[tuple[object, ...], int, int]] = {}
        assert self.poll.voter_key is not None
        for one in self.lines:
            key = (one.platform, one.user.id)
            digest = voter_digest(self.poll.voter_key, *key)
            rank = (one.sent_at, one.message_id, digest)
            slot = CHANNELS.index((one.platform, one.channel_id))
            who = self.links.get(key, key)
            if who not in best or (rank > best[who][0]) == self.poll.rules.changeable:
                best[who] = (rank, slot, int(one.text))
        counts = [[0] * len(self.poll.options) for _ in self.poll.seats]
        for _, slot, choice in best.values():
            counts[slot][choice - 1] += 1
        return tuple(tuple(channel) for channel in counts)


def some_lines(rng: Random, poll: Poll, number: int) -> list[ChatMessage]:
    return [
        line(
            poll,
            str(rng.randint(1, 3)),
            rng.choice(NAMES),
            after=rng.randint(0, 20) / 1000,
            message_id=f"m{rng.randrange(10**9)}",
            channel=rng.choice(CHANNELS),
        )
        for _ in range(number)
    ]


async def run_seed(seed: int, several: list[Process]) -> None:
    rng = seeded(seed)
    database = several[0].database
    tie: Tie = rng.choice(("gm", "first", "random", "none"))
    rules = PollRules(per_person=True, grace_s=0, tie=tie, changeable=rng.random() < 0.7)
    for name in NAMES:
        await part(database, name)
        await part(database, name, "kick")
    poll = await open_poll(several[0], await make_campaign(database), rules)
    model = Model(poll)
    for _ in range(rng.randint(4, 14)):
        process = rng.choice(several)
        match rng.randrange(4):
            case 0:
                twitch, kick = rng.choice(NAMES), rng.choice(NAMES)
                await join(database, twitch, kick)
                model.link(twitch, kick)
                await recount_everywhere(process.rooms, database, [("twitch", twitch), ("kick", kick)])
            case 1:
                key = (rng.choice(people.PLATFORMS), rng.choice(NAMES))
                async with database.connection() as connection:
                    person = await people.of_account(connection, *key)
                await part(database, key[1], key[0])
                model.unlink(key)
                theirs = [(one.platform, one.id) for one in person.accounts] if person else []
                await recount_everywhere(process.rooms, database, theirs)
            case _:
                lines = some_lines(rng, poll, rng.randint(1, 6))
                model.lines += lines
                shuffled = rng.sample(lines, len(lines))
                await asyncio.gather(
                    take_in(process, poll, lines), take_in(rng.choice(several), poll, shuffled)
                )
        now = await poll_of(database, poll.id)
        assert now.tally == model.tally(), f"seed {seed}"
        assert await boards_of(database, poll.campaign_id) == as_seen(now), f"seed {seed}"
    # Somebody links, and the process that should have counted anew is gone: the lock makes up for it.
    await join(database, "ana", "emil")
    model.link("ana", "emil")
    await several[1].rooms.command(poll.campaign_id, poll.id, Close())
    # After the close nothing changes, whoever links or unlinks.
    await part(database, "ana")
    await join(database, "ben", "ben")
    await recount_everywhere(
        several[0].rooms, database, [("twitch", "ana"), ("twitch", "ben"), ("kick", "ben")]
    )
    locked = await lock(several[2], poll)
    assert locked.tally == model.tally(), f"seed {seed}"
    verdict = await verdict_of(database, locked)
    assert verdict.faults == (), f"seed {seed}"
    assert verdict.tally == locked.tally
    await several[0].rooms.command(poll.campaign_id, poll.id, Reveal())
    assert (await verdict_of(database, await poll_of(database, poll.id))).good
    async with database.connection() as connection:
        anew = await votes.count_of_persons(connection, poll.id, len(poll.seats), len(poll.options))
    assert anew == locked.tally


async def test_30_seeds_of_votes_links_and_unlinks_equal_a_recount_from_scratch(database_url: str) -> None:
    """Over three engines at once, at every step, at the lock, and offline from the export."""
    async with processes(database_url, 3) as several:
        for seed in range(30):
            await run_seed(seed, several)
        assert sum(process.rooms.miscounted for process in several) == 0


async def two_votes(database: Database, rules: PollRules = PERSONS) -> tuple[Process, Poll]:
    """Ana has voted on Twitch, then otherwise on Kick; Ben only on Twitch."""
    process = Process(database)
    poll = await open_poll(process, await make_campaign(database), rules)
    await take_in(
        process,
        poll,
        [
            line(poll, "1", "ana", after=0.001),
            line(poll, "2", "ana", after=0.002, channel=KICK),
            line(poll, "1", "ben", after=0.003),
        ],
    )
    return process, poll


ANA: list[BallotKey] = [("twitch", "ana"), ("kick", "ana")]


async def test_a_link_in_mid_poll_reaches_the_overlays_and_unlinking_takes_it_back(
    database: Database,
) -> None:
    process, poll = await two_votes(database)
    assert (await poll_of(database, poll.id)).tally == ((2, 0, 0), (0, 1, 0), (0, 0, 0))
    await join(database, "ana")
    process.published.clear()
    await recount_everywhere(process.rooms, database, ANA)
    assert (await poll_of(database, poll.id)).tally == ((1, 0, 0), (0, 1, 0), (0, 0, 0))
    (change,) = process.published
    assert change.set[str(poll.id)]["total_votes"] == 2
    await recount_everywhere(process.rooms, database, ANA)
    assert len(process.published) == 1, "nothing has changed, so nothing is told"
    await part(database, "ana")
    await recount_everywhere(process.rooms, database, ANA)
    assert (await poll_of(database, poll.id)).tally == ((2, 0, 0), (0, 1, 0), (0, 0, 0))
    told = [(entry.counts, entry.person is None) for entry in await entries_of(database, poll.id)]
    assert sorted(told) == [(False, False), (True, False), (True, True), (True, True)]
    assert (await verdict_of(database, await poll_of(database, poll.id))).good


async def test_links_that_were_there_before_count_from_the_first_vote(database: Database) -> None:
    await join(database, "ana")
    _, poll = await two_votes(database)
    assert (await poll_of(database, poll.id)).tally == ((1, 0, 0), (0, 1, 0), (0, 0, 0))


async def test_a_poll_of_accounts_asks_nobody_and_has_no_entries(database: Database) -> None:
    """Not one statement more than before: what a poll of persons asks for would fail here."""
    await join(database, "ana")
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE person_links RENAME TO hidden")
        await connection.execute("ALTER TABLE poll_persons RENAME TO hidden_too")
    process, poll = await two_votes(database, PollRules(grace_s=0))
    await process.rooms.command(poll.campaign_id, poll.id, Close())
    locked = await lock(process, poll)
    assert locked.tally == ((2, 0, 0), (0, 1, 0), (0, 0, 0))
    rows = await ledger_of(database, poll.id)
    assert document(locked, rows)["format"] == "hubbub.vote_ledger/1"
    async with database.transaction() as connection:
        await connection.execute("ALTER TABLE hidden RENAME TO person_links")
        await connection.execute("ALTER TABLE hidden_too RENAME TO poll_persons")


async def test_a_rehearsal_has_no_persons(database: Database) -> None:
    await join(database, "ana")
    process = Process(database)
    campaign_id = await make_campaign(database, [])
    async with database.transaction() as connection:
        for platform, channel_id in (TWITCH, KICK):
            await channels.create(
                connection, campaign_id=campaign_id, platform=platform, login=f"login{channel_id}",
                source="simulated", channel_id=channel_id,
            )  # fmt: skip
        poll_id = await polls.create(connection, campaign_id, Draft("Which?", ("A", "B", "C"), 60, PERSONS))
    await process.rooms.launch(campaign_id, poll_id, simulated=True)
    poll = await poll_of(database, poll_id)
    assert poll.simulated
    lines = [line(poll, "1", "ana"), line(poll, "2", "ana", channel=KICK, after=0.001)]
    await take_in(process, poll, lines)
    assert sum(map(sum, (await poll_of(database, poll_id)).tally)) == 2
    assert await entries_of(database, poll_id) == []


async def test_a_cancelled_poll_comes_back_with_the_links_of_meanwhile(database: Database) -> None:
    process, poll = await two_votes(database)
    await process.rooms.command(poll.campaign_id, poll.id, Cancel())
    await join(database, "ana")
    await recount_everywhere(process.rooms, database, ANA)
    await process.rooms.command(poll.campaign_id, poll.id, UndoCancel())
    await process.rooms.command(poll.campaign_id, poll.id, Close())
    locked = await lock(process, poll)
    assert locked.tally == ((1, 0, 0), (0, 1, 0), (0, 0, 0))
    assert (await verdict_of(database, locked)).good


async def test_an_account_is_one_persons_and_a_person_has_one_account_of_a_platform(
    database: Database,
) -> None:
    """Of two who link the same account at once one is refused, by the database."""
    first = (account("twitch", "ana"), account("kick", "shared"))
    second = (account("twitch", "ben"), account("kick", "shared"))

    async def link(accounts: tuple[Account, Account]) -> bool:
        try:
            async with database.transaction() as connection:
                await people.join(connection, accounts)
        except asyncpg.UniqueViolationError:
            return False
        return True

    assert sorted(await asyncio.gather(link(first), link(second))) == [False, True]
    async with database.transaction() as connection:
        person = await people.of_account(connection, "kick", "shared")
        assert person is not None
        with pytest.raises(asyncpg.UniqueViolationError):
            await people.join(connection, (account("kick", "other"),), person.id)


async def nothing(_: Connection, __: Seen) -> None:
    """Nothing besides."""


async def test_a_show_counts_the_accounts_apart_and_no_other_show_does(database: Database) -> None:
    process, poll = await two_votes(database)
    other = await open_poll(process, await make_campaign(database, name="Other show"), PERSONS)
    lines = [line(other, "1", "ana", after=0.001), line(other, "2", "ana", after=0.002, channel=KICK)]
    await take_in(process, other, [one._replace(message_id=f"o{n}") for n, one in enumerate(lines)])
    person = await join(database, "ana")
    await recount_everywhere(process.rooms, database, ANA)
    joined = ((1, 0, 0), (0, 1, 0), (0, 0, 0))
    assert (await poll_of(database, poll.id)).tally == joined
    for _ in range(2):  # once more changes nothing
        await set_apart(process.rooms, poll.campaign_id, person, True, also=nothing)
        assert (await poll_of(database, poll.id)).tally == ((2, 0, 0), (0, 1, 0), (0, 0, 0))
        assert (await poll_of(database, other.id)).tally == ((0, 0, 0), (0, 1, 0), (0, 0, 0))
    await process.rooms.command(other.campaign_id, other.id, Close())
    await lock(process, other)
    for _ in range(2):
        await set_apart(process.rooms, poll.campaign_id, person, False, also=nothing)
        assert (await poll_of(database, poll.id)).tally == joined
    stranger = await make_campaign(database, name="Third show")
    with pytest.raises(NoPerson):
        await set_apart(process.rooms, stranger, person, True, also=nothing)
    assert (await verdict_of(database, await poll_of(database, poll.id))).good


async def test_who_leaves_for_good_is_in_no_table_and_the_result_stays(database: Database) -> None:
    await join(database, "ana")
    process, poll = await two_votes(database)
    await process.rooms.command(poll.campaign_id, poll.id, Close())
    before = await lock(process, poll)
    async with database.transaction() as connection:
        person = await people.of_account(connection, "twitch", "ana")
        assert person is not None
        await people.part(connection, person.id, "account")
        for platform in people.PLATFORMS:
            await erasures.begin(connection, platform, "ana")
        assert await erasures.advance(connection) == 0
    async with database.connection() as connection:
        for table in ("person_links", "viewers", "poll_votes", "poll_persons", "erasures"):
            found = await connection.fetchval(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%ana%'")  # noqa: S608
            assert found == 0, table
        anew = await votes.count_of_persons(connection, poll.id, len(poll.seats), len(poll.options))
    assert anew == before.tally
    assert (await verdict_of(database, await poll_of(database, poll.id))).good


async def test_links_that_ended_are_forgotten_after_a_day(database: Database) -> None:
    await join(database, "ana")
    await part(database, "ana")
    await join(database, "ben")
    async with database.transaction() as connection:
        await people.forget(connection)
        assert await connection.fetchval("SELECT count(*) FROM person_links") == 4
        await connection.execute(
            "UPDATE person_links SET since = since - interval '25 h', until = until - interval '25 h'"
        )
        await connection.execute("UPDATE people SET created_at = created_at - interval '25 h'")
        await people.forget(connection)
        left = await connection.fetch("SELECT platform_user_id FROM person_links")
        assert [row[0] for row in left] == ["ben", "ben"]
        assert await connection.fetchval("SELECT count(*) FROM people") == 1


async def test_a_tie_by_first_is_decided_among_persons(database: Database) -> None:
    """Ana's earlier vote on Twitch would have been the first to reach; it is not hers any more."""
    await join(database, "ana")
    process = Process(database)
    rules = PollRules(per_person=True, grace_s=0, tie="first")
    poll = await open_poll(process, await make_campaign(database), rules)
    lines = [
        line(poll, "1", "ana", after=0.001),
        line(poll, "2", "ben", after=0.002),
        line(poll, "1", "ana", after=0.003, channel=KICK),
        line(poll, "3", "cleo", after=0.004),
    ]
    await take_in(process, poll, lines)
    await process.rooms.command(poll.campaign_id, poll.id, Close())
    locked = await lock(process, poll)
    assert (locked.tied, locked.winner) == ((1, 2, 3), 1)
    rows, entries = await ledger_of(database, poll.id), await entries_of(database, poll.id)
    assert count(locked, rows, entries).tally == locked.tally
    assert (await verdict_of(database, locked)).good


async def test_an_old_poll_is_counted_by_the_links_of_its_close(database: Database) -> None:
    """The server was away when the poll ended; who linked since then is two viewers still."""
    process, poll = await two_votes(database)
    await age(database, poll.campaign_id, 3600)
    await join(database, "ana")
    await recount_everywhere(process.rooms, database, ANA)
    locked = await lock(process, poll)
    assert locked.tally == ((2, 0, 0), (0, 1, 0), (0, 0, 0))
