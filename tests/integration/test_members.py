"""Inviting, accepting, declining, leaving, sending away; ghosts; who may do it; and two at the same
moment."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.engine.departures import Departures, Gone
from server.rules.consent import CAPABILITIES
from sql import admin_log, consents, members
from sql.pool import Connection, Database
from tests.integration.members_rig import Someone, give_role, joined, sign_in, someone
from tests.integration.web_rig import Rig, rig_on, wrong

BEN = {"platform": "twitch", "login": "ben_rolls"}


class Hook:
    """What a package that made something on channels is told."""

    def __init__(self) -> None:
        self.told: list[Gone] = []
        self.fails = False

    async def __call__(self, connection: Connection, gone: Gone) -> None:
        assert connection.is_in_transaction()
        if self.fails:
            raise RuntimeError("no")
        self.told.append(gone)


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
async def rig(database: Database, tmp_path: Path, hook: Hook) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, departures=Departures([hook])) as made:
        yield made


@pytest.fixture
async def ana(rig: Rig) -> Someone:
    return await someone(rig, "Ana", twitch=("70", "ana"))


@pytest.fixture
async def ben(rig: Rig) -> Someone:
    return await someone(rig, "Ben", twitch=("77", "ben_rolls"))


@pytest.fixture
async def show(ana: Someone) -> str:
    made: str = (await ana.post("/campaigns", {"name": "Friday"}, 201))["id"]
    return made


async def acts(rig: Rig, show: str) -> list[str]:
    """What the log says, oldest first."""
    async with rig.services.database.connection() as connection:
        return [entry.action for entry in await admin_log.latest(connection, UUID(show))][::-1]


async def listed(who: Someone, show: str) -> list[tuple[str, str, str]]:
    items = (await who.get(f"/campaigns/{show}/members"))["items"]
    return [(one["name"], one["role"], one["status"]) for one in items]


async def test_an_invitation_is_accepted_and_brings_the_channel(
    rig: Rig, ana: Someone, ben: Someone, show: str
) -> None:
    made = await ana.post(f"/campaigns/{show}/members", {**BEN, "login": "https://twitch.tv/Ben_Rolls"}, 201)
    assert (made["login"], made["has_account"], made["status"]) == ("ben_rolls", True, "pending")
    (invitation,) = (await ben.get("/invitations"))["items"]
    assert (invitation["campaign_name"], invitation["invited_by"]) == ("Friday", "Ana")
    assert await listed(ana, show) == [("Ana", "owner", "active"), ("Ben", "streamer", "pending")]
    accepted = await ben.post(f"/invitations/{invitation['id']}/accept")
    assert accepted == {"member_id": made["id"], "campaign_id": show, "role": "streamer"}
    assert await ben.post(f"/invitations/{invitation['id']}/accept") == accepted, "once more changes nothing"
    assert (await ben.get("/invitations"))["items"] == []
    (channel,) = (await ben.get(f"/campaigns/{show}/channels"))["items"]
    assert (channel["login"], channel["channel_id"], channel["source"]) == ("ben_rolls", "77", "irc")
    assert (await acts(rig, show))[:3] == ["campaign.create", "member.invite", "member.accept"]


async def test_a_ghost_finds_its_invitation_at_the_first_sign_in(rig: Rig, ana: Someone, show: str) -> None:
    made = await ana.post(f"/campaigns/{show}/members", {**BEN, "role": "moderator"}, 201)
    assert not made["has_account"]
    assert (await ana.http.post(f"/api/v1/campaigns/{show}/members", json=BEN)).status_code == 409
    ben = await someone(rig, "Ben", twitch=("77", "Ben_Rolls"))
    (invitation,) = (await ben.get("/invitations"))["items"]
    assert (invitation["id"], invitation["role"]) == (made["id"], "moderator")
    await ben.post(f"/invitations/{made['id']}/accept")
    assert await listed(ben, show) == [("Ana", "owner", "active"), ("Ben", "moderator", "active")]


async def test_a_ghost_is_merged_with_who_is_there_already(rig: Rig, ana: Someone, show: str) -> None:
    """Invited under two accounts that turn out to be one person's: one invitation, with the higher role."""
    await ana.post(f"/campaigns/{show}/members", {**BEN, "role": "read_only"}, 201)
    kick = {"platform": "kick", "login": "benkick", "platform_user_id": "900", "role": "moderator"}
    await ana.post(f"/campaigns/{show}/members", kick, 201)
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    async with rig.services.database.connection() as connection:
        # Under another name than he was invited by: an id that is known decides.
        await sign_in(connection, ben.id, "kick", "900", "ben_renamed")
    assert await listed(ana, show) == [("Ana", "owner", "active"), ("Ben", "moderator", "pending")]
    (invitation,) = (await ben.get("/invitations"))["items"]
    await ben.post(f"/invitations/{invitation['id']}/accept")
    await ana.post(f"/campaigns/{show}/members", {"platform": "kick", "login": "ben_renamed"}, 409)


async def test_a_name_that_changed_hands_lets_nobody_in(rig: Rig, ana: Someone, show: str) -> None:
    """Invited by the id of an account: who has its old name now is somebody else."""
    await ana.post(f"/campaigns/{show}/members", {**BEN, "platform_user_id": "77"}, 201)
    thief = await someone(rig, "Thief", twitch=("666", "ben_rolls"))
    assert (await thief.get("/invitations"))["items"] == []
    # The channel of that name in the show has told its id: it is taken for the invitation, too.
    cleo = {"platform": "twitch", "login": "cleo", "source": "irc", "channel_id": "88"}
    await ana.post(f"/campaigns/{show}/channels", cleo, 201)
    await ana.post(f"/campaigns/{show}/members", {"platform": "twitch", "login": "cleo"}, 201)
    thief = await someone(rig, "Thief", twitch=("667", "cleo"))
    assert (await thief.get("/invitations"))["items"] == []


async def test_an_invitation_that_no_sign_in_saw_is_found_all_the_same(
    rig: Rig, ana: Someone, show: str
) -> None:
    """Invited while the account was being made: neither saw the other."""
    made = await ana.post(f"/campaigns/{show}/members", BEN, 201)
    ben = await someone(rig, "Ben")
    async with rig.services.database.connection() as connection:
        await sign_in(connection, ben.id, "twitch", "77", "ben_rolls", claims=False)
    assert [one["id"] for one in (await ben.get("/invitations"))["items"]] == [made["id"]]
    await ben.post(f"/invitations/{made['id']}/accept")
    assert (await listed(ana, show))[1] == ("Ben", "streamer", "active")


async def test_only_a_pending_invitation_can_be_declined(ana: Someone, ben: Someone, show: str) -> None:
    made = await ana.post(f"/campaigns/{show}/members", BEN, 201)
    await ben.post(f"/invitations/{made['id']}/decline")
    assert await listed(ana, show) == [("Ana", "owner", "active")]
    await ben.post(f"/invitations/{made['id']}/accept", None, 404)
    member = await joined(ana, show, ben, "ben_rolls")
    assert (await ben.post(f"/invitations/{member}/decline", None, 409))["type"].endswith("accepted_already")
    assert (await listed(ana, show))[1] == ("Ben", "streamer", "active")


async def test_nobody_takes_somebody_elses_invitation(rig: Rig, ana: Someone, show: str) -> None:
    made = await ana.post(f"/campaigns/{show}/members", BEN, 201)
    mallory = await someone(rig, "Mallory", twitch=("66", "mallory"))
    for act in ("accept", "decline"):
        for id_ in (made["id"], "01933b3e-0000-7000-8000-000000000000"):
            await mallory.post(f"/invitations/{id_}/{act}", None, 404)
    assert (await listed(ana, show))[1] == ("ben_rolls", "streamer", "pending")


async def test_leaving_and_being_sent_away_clean_up_the_same(
    rig: Rig, ana: Someone, ben: Someone, show: str, hook: Hook
) -> None:
    for why in ("left", "removed"):
        member = await joined(ana, show, ben, "ben_rolls")
        await ben.post(f"/campaigns/{show}/consents", {"capabilities": ["polls", "rewards"]})
        rook = (await ana.post(f"/campaigns/{show}/characters", {"name": f"Rook {why}"}, 201))["id"]
        channel = (await ana.get(f"/campaigns/{show}/channels"))["items"][0]["id"]
        await ben.post(f"/characters/{rook}/assign", {"channel_id": channel})
        if why == "left":
            await ben.post(f"/campaigns/{show}/leave")
        else:
            await ana.delete(f"/members/{member}")
        gone = hook.told.pop()
        assert (gone.why, gone.member.user_id, gone.capabilities) == (why, ben.id, frozenset(CAPABILITIES))
        assert [one.login for one in gone.channels] == ["ben_rolls"]
        assert hook.told == []
        assert (await ana.get(f"/campaigns/{show}/channels"))["items"] == []
        freed = (await ana.get(f"/campaigns/{show}/characters"))["items"][0]
        assert freed["assigned_to"] is None
        await ben.get(f"/campaigns/{show}", 404)
        async with rig.services.database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM campaign_consents") == 0
    log = await acts(rig, show)
    assert "member.leave" in log
    assert "member.remove" in log


async def test_a_clean_up_that_fails_keeps_the_member(
    ana: Someone, ben: Someone, show: str, hook: Hook
) -> None:
    member = await joined(ana, show, ben, "ben_rolls")
    hook.fails = True
    await ana.delete(f"/members/{member}", 500)
    assert (await listed(ana, show))[1] == ("Ben", "streamer", "active")
    assert len((await ana.get(f"/campaigns/{show}/channels"))["items"]) == 1


async def test_an_erased_account_leaves_every_show_but_its_own(
    rig: Rig, ana: Someone, ben: Someone, show: str, hook: Hook
) -> None:
    await joined(ana, show, ben, "ben_rolls")
    own = (await ben.post("/campaigns", {"name": "Bens"}, 201))["id"]
    other = (await ana.post("/campaigns", {"name": "Sunday"}, 201))["id"]
    await ana.post(f"/campaigns/{other}/members", BEN, 201)
    async with rig.services.database.transaction() as connection:
        await rig.services.departures.forget_person(connection, ben.id)
        assert [one.campaign_id for one in await members.list_of_user(connection, ben.id)] == [UUID(own)]
    assert [gone.why for gone in hook.told] == ["erased"]
    assert await listed(ana, show) == [("Ana", "owner", "active")]


async def test_the_owner_stays(rig: Rig, ana: Someone, show: str) -> None:
    me = (await ana.get(f"/campaigns/{show}/members"))["items"][0]
    assert not me["may_remove"]
    wrong(await ana.http.post(f"/api/v1/campaigns/{show}/leave", json={}), 409, "owner")
    wrong(await ana.http.delete(f"/api/v1/members/{me['id']}"), 409, "owner")
    wrong(await rig.root.delete(f"/api/v1/members/{me['id']}"), 409, "owner")
    wrong(await ana.http.patch(f"/api/v1/members/{me['id']}", json={"role": "streamer"}), 409, "owner")
    assert await listed(ana, show) == [("Ana", "owner", "active")]


async def test_who_may_give_which_role(rig: Rig, ana: Someone, show: str) -> None:
    gina, mo, ben = await someone(rig, "Gina"), await someone(rig, "Mo"), await someone(rig, "Ben")
    other = await someone(rig, "Other GM")
    database = rig.services.database
    members_of = {
        who.id: await give_role(database, show, who, role)  # type: ignore[arg-type]
        for who, role in ((gina, "game_master"), (mo, "moderator"), (ben, "streamer"), (other, "game_master"))
    }
    seen = await gina.get(f"/campaigns/{show}/members")
    assert seen["may_invite"] == ["moderator", "streamer", "read_only"]
    assert {one["name"] for one in seen["items"] if one["may_remove"]} == {"Mo", "Ben"}
    for role, status in (("game_master", 403), ("moderator", 201)):
        body = {"platform": "twitch", "login": f"a_{role}", "role": role}
        await gina.post(f"/campaigns/{show}/members", body, status)
    await gina.patch(f"/members/{members_of[mo.id]}", {"role": "streamer"}, 403)
    await gina.delete(f"/members/{members_of[other.id]}", 403)
    await gina.delete(f"/members/{members_of[gina.id]}", 409)
    await mo.post(f"/campaigns/{show}/members", BEN, 403)
    await mo.delete(f"/members/{members_of[ben.id]}", 403)
    await gina.delete(f"/members/{members_of[ben.id]}")
    await ana.patch(f"/members/{members_of[mo.id]}", {"role": "game_master"})
    await mo.post(f"/campaigns/{show}/members", BEN, 201)
    await ana.patch(f"/members/{members_of[mo.id]}", {"role": "owner"}, 422)


async def test_a_spectator_allows_nothing_any_more(
    rig: Rig, ana: Someone, ben: Someone, show: str, hook: Hook
) -> None:
    member = await joined(ana, show, ben, "ben_rolls")
    await ben.post(f"/campaigns/{show}/consents", {"capabilities": ["polls"]})
    await ana.patch(f"/members/{member}", {"role": "read_only"})
    assert [(gone.why, gone.capabilities) for gone in hook.told] == [("revoked", frozenset({"polls"}))]
    async with rig.services.database.connection() as connection:
        assert not await consents.allowed(connection, UUID(show), "twitch", "77", "polls")
    await ben.post(f"/campaigns/{show}/consents", {"capabilities": ["polls"]}, 403)


async def test_two_accept_at_the_same_moment_and_one_gets_the_character(
    rig: Rig, ana: Someone, ben: Someone, show: str
) -> None:
    cleo = await someone(rig, "Cleo", twitch=("88", "cleo"))
    rook = (await ana.post(f"/campaigns/{show}/characters", {"name": "Rook"}, 201))["id"]
    asked = {}
    for who, login in ((ben, "ben_rolls"), (cleo, "cleo")):
        body = {"platform": "twitch", "login": login}
        asked[who] = (await ana.post(f"/campaigns/{show}/members", body, 201))["id"]

    async def accept(who: Someone, times: int) -> list[int]:
        path, body = f"/api/v1/invitations/{asked[who]}/accept", {"character_id": rook}
        return [
            answer.status_code
            for answer in await asyncio.gather(*(who.http.post(path, json=body) for _ in range(times)))
        ]

    bens, cleos = await asyncio.gather(accept(ben, 3), accept(cleo, 3))
    assert sorted([*bens, *cleos]) == [200, 200, 200, 409, 409, 409]
    assert len(set(bens)) == len(set(cleos)) == 1, "whoever had it, has it"
    winner, loser = ("ben_rolls", "cleo") if bens[0] == 200 else ("cleo", "ben_rolls")
    channels = {one["login"]: one["id"] for one in (await ana.get(f"/campaigns/{show}/channels"))["items"]}
    assert set(channels) == {winner}, "what failed left nothing: no channel and no membership"
    assert (await ana.get(f"/campaigns/{show}/characters"))["items"][0]["assigned_to"] == channels[winner]
    states = {one[0]: one[2] for one in await listed(ana, show)}
    assert states[{"ben_rolls": "Ben", "cleo": "Cleo"}[loser]] == "pending"


async def test_the_same_person_invited_at_the_same_moment_is_there_once(
    ana: Someone, ben: Someone, show: str
) -> None:
    path = f"/api/v1/campaigns/{show}/members"
    by_id: dict[str, Any] = {**BEN, "platform_user_id": "77"}
    answers = await asyncio.gather(*(ana.http.post(path, json=body) for body in (BEN, by_id, BEN, by_id)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_the_same_ghost_claimed_at_the_same_moment_is_claimed_once(
    rig: Rig, ana: Someone, show: str
) -> None:
    await ana.post(f"/campaigns/{show}/members", BEN, 201)
    ben = await someone(rig, "Ben")

    async def signs_in() -> None:
        async with rig.services.database.connection() as connection:
            await sign_in(connection, ben.id, "twitch", "77", "ben_rolls")

    await asyncio.gather(*(signs_in() for _ in range(4)))
    assert (await listed(ana, show))[1:] == [("Ben", "streamer", "pending")]
    assert (await acts(rig, show)).count("member.claim") == 1
