"""Members and consents in any order on PostgreSQL, against a plain model of what they must come to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from server.engine import endings, member_acts
from server.engine.clock import DatabaseClock
from server.engine.departures import Departures, Gone
from server.engine.member_acts import NoMember
from server.engine.room import Rooms
from server.rules.consent import CAPABILITIES, Capability
from server.rules.poll import Refused
from server.rules.roles import Role
from sql import campaigns, channels, consents, members
from sql.ids import uuid7
from sql.members import Member
from sql.pool import Connection, Database
from tests.integration.members_rig import elapse, sign_in

PEOPLE = range(2)
GIVEN: tuple[Role, ...] = ("game_master", "moderator", "streamer", "read_only")
_numbers = count(1000)
T = TypeVar("T")


@dataclass
class Model:
    """A person in the show, in the plainest way. `left` is what a consent is still good for, in hours."""

    has_signed_in: bool = False
    role: Role | None = None  # None: neither invited nor there
    is_active: bool = False
    has_channel: bool = False
    left: dict[Capability, int] = field(default_factory=dict)
    ended: set[Capability] = field(default_factory=set)

    def may(self, capability: Capability) -> bool:
        if not self.has_channel:
            return False
        if self.role is None:
            return not self.has_signed_in
        return self.is_active and self.left.get(capability, 0) > 0

    def go(self) -> None:
        if self.is_active:
            self.has_channel = False
        self.role, self.is_active = None, False
        self.left, self.ended = {}, set()


class Show:
    """One show of an owner, two people who may come and go."""

    def __init__(self, runner: asyncio.Runner, database: Database) -> None:
        self.runner, self.database = runner, database
        self.begin()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def begin(self) -> None:
        self.model = [Model() for _ in PEOPLE]
        self.gone: list[tuple[UUID | None, str, frozenset[Capability]]] = []
        self.expected: list[tuple[UUID | None, str, frozenset[Capability]]] = []
        self.tag = next(_numbers)
        self.run(self._begin())

    async def _begin(self) -> None:
        async def note(_: Connection, gone: Gone) -> None:
            self.gone.append((gone.member.user_id, gone.why, gone.capabilities))

        self.departures = Departures([note])
        self.rooms = Rooms(self.database, DatabaseClock(), lambda _: None)
        self.users = [uuid7() for _ in PEOPLE]
        self.owner = uuid7()
        async with self.database.transaction() as connection:
            await connection.execute("DELETE FROM campaigns")  # of the example before: time passes for all
            for user_id in (self.owner, *self.users):
                await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, 'x')", user_id)
            self.campaign = (await campaigns.create(connection, self.owner, "Show")).id
            await sign_in(connection, self.owner, "twitch", f"{self.tag}9", f"owner{self.tag}")
            await self._add(connection, f"owner{self.tag}", f"{self.tag}9")

    def login(self, who: int) -> str:
        return f"p{who}_{self.tag}"

    def account(self, who: int) -> str:
        return f"{self.tag}{who}"

    async def _add(self, connection: Connection, login: str, id_: str) -> None:
        await channels.create(
            connection,
            campaign_id=self.campaign,
            platform="twitch",
            login=login,
            source="irc",
            channel_id=id_,
        )

    async def _member(self, who: int) -> Member | None:
        async with self.database.connection() as connection:
            found = [
                member
                for member in await members.list_of_campaign(connection, self.campaign)
                if member.user_id == self.users[who] or member.login == self.login(who)
            ]
        assert len(found) <= 1, "a ghost is merged, never doubled"
        return found[0] if found else None

    # --- what people do ------------------------------------------------------------------------------

    def is_invited(self, who: int, role: Role) -> None:
        async def act() -> None:
            async with self.database.transaction() as connection:
                await member_acts.invite(
                    connection,
                    self.campaign,
                    by="owner",
                    inviting=self.owner,
                    role=role,
                    platform="twitch",
                    login=self.login(who),
                    platform_user_id=None,
                )

        one = self.model[who]
        if one.role is None:
            self.run(act())
            one.role = role
        else:
            self._refused(act(), Refused)

    def signs_in(self, who: int) -> None:
        async def act() -> None:
            async with self.database.connection() as connection:
                await sign_in(connection, self.users[who], "twitch", self.account(who), self.login(who))

        self.run(act())
        self.model[who].has_signed_in = True

    def accepts(self, who: int) -> None:
        async def act() -> None:
            found = await self._member(who)
            id_ = found.id if found else uuid7()
            await member_acts.accept(self.rooms, self.database, id_, self.users[who])

        one = self.model[who]
        if one.role is None or not one.has_signed_in:
            self._refused(act(), NoMember)
            return
        self.run(act())
        if not one.is_active and one.role == "streamer":
            one.has_channel = True
        one.is_active = True

    def joins(self, who: int) -> None:
        """All of it at once, so that what comes afterwards is tried often."""
        if self.model[who].role is None:
            self.is_invited(who, "streamer")
        self.signs_in(who)
        self.accepts(who)
        self.agrees(who, set(CAPABILITIES), 2)

    def declines(self, who: int) -> None:
        async def act() -> None:
            found = await self._member(who)
            await member_acts.decline(self.database, found.id if found else uuid7(), self.users[who])

        one = self.model[who]
        if one.role is None or not one.has_signed_in:
            self._refused(act(), NoMember)
        elif one.is_active:
            self._refused(act(), Refused)
        else:
            self.run(act())
            one.go()

    def goes(self, who: int, why: str) -> None:
        member = self.run(self._member(who))
        one = self.model[who]
        assert (member is None) == (one.role is None)
        if member is None:
            return
        by: Role | None = "owner" if why == "removed" else None
        reason: Any = why
        self.run(member_acts.go(self.rooms, self.departures, member, reason, by=by))
        if one.is_active:
            self.expected.append((self.users[who], why, frozenset(CAPABILITIES)))
        one.go()

    def becomes(self, who: int, role: Role) -> None:
        member = self.run(self._member(who))
        if member is None:
            return

        async def act(member: Member) -> None:
            async with self.database.transaction() as connection:
                await member_acts.set_role(connection, self.departures, member.id, role, "owner")

        self.run(act(member))
        one = self.model[who]
        if role == "read_only":
            self._take_back(who, set(CAPABILITIES))
        one.role = role

    def agrees(self, who: int, capabilities: set[Capability], hours: int) -> None:
        member = self.run(self._member(who))
        if member is None:
            return

        async def act(member: Member) -> None:
            async with self.database.transaction() as connection:
                await member_acts.agree(connection, member, capabilities, timedelta(hours=hours))

        one = self.model[who]
        if not one.is_active:
            self._refused(act(member), NoMember)
            return
        self.run(act(member))
        for capability in capabilities:
            one.left[capability] = hours
            one.ended.discard(capability)

    def takes_back(self, who: int, capabilities: set[Capability]) -> None:
        member = self.run(self._member(who))
        if member is None:
            return

        async def act(member: Member) -> None:
            async with self.database.transaction() as connection:
                await member_acts.take_back(connection, self.departures, member, capabilities)

        self.run(act(member))
        self._take_back(who, capabilities)

    def _take_back(self, who: int, capabilities: set[Capability]) -> None:
        one = self.model[who]
        good = frozenset(c for c in capabilities if c in one.left and c not in one.ended)
        if good:
            self.expected.append((self.users[who], "revoked", good))
        for capability in capabilities:
            one.left.pop(capability, None)
            one.ended.discard(capability)

    def is_added_by_the_owner(self, who: int) -> None:
        """A chat that is public: nobody has to be asked for that."""

        async def act() -> None:
            async with self.database.transaction() as connection:
                await self._add(connection, self.login(who), self.account(who))

        with suppress(channels.ChannelExists):
            self.run(act())
        self.model[who].has_channel = True

    def time_goes_by(self, hours: int) -> None:
        self.run(elapse(self.database, hours * 3600))
        for one in self.model:
            one.left = {capability: left - hours for capability, left in one.left.items()}

    def the_worker_comes_by(self, comes_later: bool) -> None:
        if comes_later:
            self.time_goes_by(4)
        self.run(endings.expire(self.database, self.departures))
        ended = []
        for who, one in enumerate(self.model):
            over = {c for c, left in one.left.items() if left <= 0 and c not in one.ended}
            if over:
                ended.append((self.users[who], "expired", frozenset(over)))
                one.ended |= over
        self.expected += ended
        settled = len(self.gone) - len(ended)
        assert set(self.gone[settled:]) == set(ended)
        self.gone[settled:] = ended  # in whatever order

    def _refused(self, work: Coroutine[Any, Any, None], error: type[Exception]) -> None:
        try:
            self.run(work)
        except error:
            return
        raise AssertionError(f"{error.__name__} was to be raised")

    # --- what must be true ---------------------------------------------------------------------------

    async def check(self) -> None:
        assert self.gone == self.expected, "one way out, told once, whatever way somebody goes"
        async with self.database.connection() as connection:
            found = {
                member.login: (member.role, member.is_active)
                for member in await members.list_of_campaign(connection, self.campaign)
                if member.role != "owner"
            }
            assert found == {
                self.login(who): (one.role, one.is_active)
                for who, one in enumerate(self.model)
                if one.role is not None
            }
            logins = {one.id: one.login for one in await channels.list_of_campaign(connection, self.campaign)}
            theirs = {self.login(who) for who, one in enumerate(self.model) if one.has_channel}
            assert set(logins.values()) == theirs | {f"owner{self.tag}"}
            for capability in CAPABILITIES:
                refused = await consents.refusals(connection, self.campaign, capability)
                allowed = {login for id_, login in logins.items() if id_ not in refused}
                willing = {self.login(who) for who, one in enumerate(self.model) if one.may(capability)}
                assert allowed == willing | {f"owner{self.tag}"}, capability
                assert all(why.endswith(".") for why in refused.values())
            who = self.tag % len(PEOPLE)
            single = await consents.allowed(connection, self.campaign, "twitch", self.account(who), "polls")
            assert single == self.model[who].may("polls")
            roles = {user: await members.roles_of(connection, user) for user in self.users}
        for who, one in enumerate(self.model):
            assert roles[self.users[who]] == ({self.campaign: one.role} if one.is_active else {})


_who = st.sampled_from(PEOPLE)
_role = st.sampled_from(GIVEN)
_some = st.sets(st.sampled_from(CAPABILITIES), min_size=1)
_hours = st.integers(1, 4)
_acts = st.one_of(
    st.tuples(st.just(Show.is_invited), _who, _role),
    st.tuples(st.just(Show.signs_in), _who),
    st.tuples(st.just(Show.accepts), _who),
    st.tuples(st.just(Show.joins), _who),
    st.tuples(st.just(Show.declines), _who),
    st.tuples(st.just(Show.goes), _who, st.sampled_from(["left", "removed"])),
    st.tuples(st.just(Show.becomes), _who, _role),
    st.tuples(st.just(Show.agrees), _who, _some, _hours),
    st.tuples(st.just(Show.takes_back), _who, _some),
    st.tuples(st.just(Show.is_added_by_the_owner), _who),
    st.tuples(st.just(Show.time_goes_by), _hours),
    st.tuples(st.just(Show.the_worker_comes_by), st.booleans()),
)


def test_members_and_consents_agree_with_a_plain_model(database_url: str) -> None:
    """Sequences are long from the start: what goes wrong here is about what was before."""
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(database_url))

        @settings(max_examples=10, derandomize=True, deadline=None, database=None)
        @given(st.lists(_acts, min_size=40, max_size=60))
        def in_any_order(acts: list[tuple[Any, ...]]) -> None:
            show = Show(runner, database)
            for act, *arguments in acts:
                act(show, *arguments)
                runner.run(show.check())

        try:
            in_any_order()
        finally:
            runner.run(database.close())
