"""Persons: accounts that are one viewer's, as the viewer says, and shows that hold it for a mistake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from pydantic import Field

from server.engine import person_acts
from server.rules.votes import BallotKey
from server.web import persons
from server.web.arrivals import CannotLink
from server.web.endpoint import Call, endpoint
from server.web.logins import need_session
from server.web.models import Model, Moment, Page, PageQuery
from server.web.problems import conflict, not_found
from sql import admin_log, auth_providers, people, users
from sql.people import Account, Person, Seen
from sql.pool import Connection, UniqueViolation

ViewerPlatform = Literal["twitch", "kick"]


class MyViewerOut(Model):
    """An account that can vote in a chat."""

    platform: ViewerPlatform
    id: str
    login: str
    name: str
    signs_in: bool = Field(description="Whether I sign in here by it")
    is_one: bool = Field(description="Whether it is one person with the other one")


class PersonOut(Model):
    accounts: list[MyViewerOut]
    is_one: bool = Field(description="Two accounts have one vote together, in polls that count persons")
    since: Moment | None
    can_sign_in: list[ViewerPlatform] = Field(description="Platforms of which an account could be added")
    can_join: bool = Field(description="Whether POST makes them one, with no further sign-in")
    undo_until: Moment | None = Field(description="Until when POST takes the unlinking back")


class SeenAccountOut(Model):
    platform: ViewerPlatform
    login: str
    name: str


class SeenPersonOut(Model):
    id: UUID
    accounts: list[SeenAccountOut]
    split_at: Moment | None = Field(description="Since when this show counts the accounts apart")


async def _mine(call: Call, connection: Connection) -> tuple[list[Account], Person | None]:
    """The accounts by which I sign in and that can vote, and the person that one of them is."""
    mine = persons.viewers_of(await auth_providers.list_of_user(connection, call.actor.user_id))
    for one in mine:
        if person := await people.of_account(connection, one.platform, one.id):
            return mine, person
    return mine, None


async def _shown(call: Call, connection: Connection) -> PersonOut:
    mine, person = await _mine(call, connection)
    parted = None if person else await people.parted(connection, call.actor.user_id)
    theirs = person.accounts if person else ()
    ids = {(one.platform, one.id) for one in mine}
    one_person = {(one.platform, one.id) for one in theirs}
    known = [*mine, *(one for one in theirs if (one.platform, one.id) not in ids)]
    missing = set(people.PLATFORMS) - {one.platform for one in known}
    return PersonOut(
        accounts=[
            MyViewerOut(
                platform=one.platform,
                id=one.id,
                login=one.login,
                name=one.name or one.login,
                signs_in=(one.platform, one.id) in ids,
                is_one=(one.platform, one.id) in one_person,
            )
            for one in sorted(known, key=lambda one: people.PLATFORMS.index(one.platform))
        ],
        is_one=person is not None,
        since=person.moment if person else None,
        can_sign_in=[
            one for one in people.PLATFORMS if one in missing and one in call.services.accounts.by_code
        ],
        can_join=person is None and (parted is not None or len(mine) == len(people.PLATFORMS)),
        undo_until=parted.moment + people.UNDO if parted else None,
    )


@endpoint("GET", "/account/person", "My accounts as a viewer", answer=PersonOut, needs="account")
async def my_person(call: Call) -> PersonOut:
    """Which of my accounts can vote, and whether they are one person."""
    return await _shown(call, call.connection)


@endpoint(
    "POST",
    "/account/person",
    "My accounts are one person",
    answer=PersonOut,
    work="engine",
    problems=(404, 409),
    needs="account",
)
async def become_one(call: Call) -> PersonOut:
    """For accounts by both of which I sign in, or that I have unlinked less than a day ago. An account that
    is new here is added by signing in to it: `POST /account/accounts/{provider}` with `wants: person`."""
    need_session(call.actor)
    user_id = call.actor.user_id
    accounts: Sequence[Account] = ()
    try:
        async with call.services.database.transaction() as connection:
            if await users.hold(connection, user_id) is None:
                raise not_found("account")
            mine, person = await _mine(call, connection)
            if person is None:
                parted = await people.parted(connection, user_id)
                accounts = parted.accounts if parted else mine
                if len(accounts) < len(people.PLATFORMS):
                    raise conflict("second_account", "Sign in with your other account, too.")
                person_id = parted.id if parted else None
                await persons.join(connection, accounts, user_id=user_id, person_id=person_id)
            answer = await _shown(call, connection)
            await call.keep(connection, answer)
    except (CannotLink, UniqueViolation):
        raise conflict(
            "other_person",
            "One of the two accounts is one person with a third already. Unlink it there first.",
        ) from None
    await persons.recount_votes(call.services, _keys(accounts))
    return answer


@endpoint(
    "DELETE",
    "/account/person",
    "My accounts are two people",
    answer=None,
    status=204,
    work="engine",
    problems=(404, 409),
    needs="account",
)
async def become_two(call: Call) -> None:
    """From now on each votes for itself; a poll that has closed stays as it was. Can be undone for a day."""
    need_session(call.actor)
    async with call.services.database.transaction() as connection:
        _, person = await _mine(call, connection)
        if person is None:
            raise not_found("person")
        await people.part(connection, person.id, "person", call.actor.user_id)
        await admin_log.note(connection, actor=call.actor.label, action="person.unlink", subject=person.id)
        await call.keep(connection, None)
    await persons.recount_votes(call.services, _keys(person.accounts))


def _keys(accounts: Sequence[Account]) -> list[BallotKey]:
    return [(one.platform, one.id) for one in accounts]


def _seen(person: Seen) -> SeenPersonOut:
    return SeenPersonOut(
        id=person.id,
        accounts=[
            SeenAccountOut(platform=one.platform, login=one.login, name=one.name or one.login)
            for one in person.accounts
        ],
        split_at=person.split_at,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/persons",
    "List viewers with two accounts",
    query=PageQuery,
    answer=Page[SeenPersonOut],
    needs="moderate",
)
async def list_persons(call: Call) -> Page[SeenPersonOut]:
    """Only those who have voted with both in a poll of this show that counts persons."""
    query = call.asked(PageQuery)
    found = await people.seen(call.connection, call.campaign_id(), after=query.cursor, most=query.limit + 1)
    chosen = found[: query.limit]
    return Page(
        items=[_seen(person) for person in chosen],
        next=chosen[-1].id if len(found) > query.limit else None,
    )


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/persons/{person_id}/split",
    "Count a viewer's accounts apart",
    answer=SeenPersonOut,
    work="engine",
    problems=(404,),
    needs="moderate",
)
async def split_person(call: Call) -> SeenPersonOut:
    """In this show only, because the link is a mistake; the poll that runs is counted anew."""
    return await _set_apart(call, apart=True)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/persons/{person_id}/rejoin",
    "Count them as one person again",
    answer=SeenPersonOut,
    work="engine",
    problems=(404,),
    needs="moderate",
)
async def rejoin_person(call: Call) -> SeenPersonOut:
    """Takes it back; the poll that runs is counted anew."""
    return await _set_apart(call, apart=False)


async def _set_apart(call: Call, *, apart: bool) -> SeenPersonOut:
    campaign_id = call.campaign_id()
    answers: list[SeenPersonOut] = []

    async def also(connection: Connection, person: Seen) -> None:
        await admin_log.note(
            connection,
            actor=call.actor.label,
            action="person.split" if apart else "person.rejoin",
            campaign_id=campaign_id,
            subject=person.id,
        )
        answers.append(_seen(person))
        await call.keep(connection, answers[0])

    try:
        await person_acts.set_apart(
            call.services.rooms, campaign_id, call.id("person_id", "person"), apart, also=also
        )
    except person_acts.NoPerson:
        raise not_found("person") from None
    return answers[0]


ENDPOINTS = (my_person, become_one, become_two, list_persons, split_person, rejoin_person)
