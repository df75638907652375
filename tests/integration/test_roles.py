"""Every role on every route: what it may not do it is told so, and gets nothing of it (R25, T33)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from server.rules.roles import MAY, PERMISSIONS, ROLES, Role, may, roles_with
from server.web import tickets
from server.web.api import ENDPOINTS
from server.web.auth import Actor
from server.web.endpoint import Endpoint
from server.web.tickets import FrontDoor
from sql import api_keys
from sql.pool import Database
from tests.integration.members_rig import Someone, give_role, joined, someone
from tests.integration.test_api_isolation import BODIES, everything, furnish, furnish_platforms
from tests.integration.web_rig import Rig, rig_on

#: What only who runs the show may know: `furnish_secrets` names it so.
HIDDEN = "Hidden"
LESSER: tuple[Role, ...] = ("game_master", "moderator", "streamer", "read_only")
IN_A_SHOW = [
    endpoint for endpoint in ENDPOINTS if endpoint.path_parameters and endpoint.declared in PERMISSIONS
]


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def show_of_ana(rig: Rig) -> tuple[Someone, dict[str, str]]:
    """A show with one of everything, some of it hidden."""
    ana = await someone(rig, "Ana")
    ids = await furnish(ana.http, with_module=True)
    async with rig.services.database.connection() as connection:
        ids |= await furnish_platforms(connection, ids["campaign_id"])
    base = f"/campaigns/{ids['campaign_id']}"
    hidden = {"notation": "1d20", "label": f"{HIDDEN} roll", "visibility": "gm_only"}
    ids["hidden_roll"] = (await ana.post(f"{base}/rolls", hidden, 201))["id"]
    await ana.post(
        f"{base}/characters",
        {"name": f"{HIDDEN} dragon", "kind": "monster", "in_party": False},
        201,
    )
    await ana.post(
        f"{base}/characters",
        {"name": "Rook", "hides_points": True, "hit_points": {"current": 7, "maximum": 41}},
        201,
    )
    return ana, ids


def address(endpoint: Endpoint, ids: dict[str, str]) -> str:
    path = endpoint.path
    for name in endpoint.path_parameters:
        path = path.replace(f"{{{name}}}", ids[name])
    return path


def test_every_route_says_what_it_needs() -> None:
    silent = [f"{one.method} {one.path}" for one in ENDPOINTS if one.declared is None]
    assert silent == [], "say `needs=` in the declaration"
    open_ones = {one.name for one in ENDPOINTS if one.is_open}
    assert "log_in" in open_ones
    for one in ENDPOINTS:
        if "{campaign_id}" in one.path:
            assert one.declared in PERMISSIONS, f"{one.path} is about a show: a login alone is not enough"
        if one.method != "GET" and one.declared == "read":
            assert one.name in {"leave", "reminder_seen"}, f"{one.name} lets spectators write"


def test_the_table_of_roles() -> None:
    assert MAY["owner"] == frozenset(PERMISSIONS)
    assert MAY["game_master"] == frozenset(PERMISSIONS) - {"own"}
    for higher, lower in pairwise(ROLES):
        assert MAY[lower] < MAY[higher]
    assert roles_with("run") == ("owner", "game_master")
    assert not may(None, "read")


@pytest.mark.parametrize("role", LESSER)
async def test_a_role_gets_nothing_of_what_it_may_not_do(rig: Rig, role: Role) -> None:
    """All routes, with all ids of the show: 403 in the same words, not a byte of it, and nothing changed."""
    _, ids = await show_of_ana(rig)
    ben = await someone(rig, "Ben")
    await give_role(rig.services.database, ids["campaign_id"], ben, role)
    denied = [endpoint for endpoint in IN_A_SHOW if not may(role, endpoint.permission)]
    before = await everything(rig)
    sentences = set()
    for endpoint in denied:
        body = None if endpoint.method in ("GET", "DELETE") else BODIES.get(endpoint.name, {})
        answer = await ben.http.request(endpoint.method, address(endpoint, ids), json=body)
        where = f"{endpoint.method} {endpoint.path} as {role}: {answer.status_code} {answer.text}"
        assert answer.status_code == 403, where
        problem = answer.json()
        assert problem["type"] == "urn:hubbub:problem:not_allowed", where
        assert "Secret" not in answer.text, where
        assert HIDDEN not in answer.text, where
        sentences.add((endpoint.permission, problem["detail"]))
    assert await everything(rig) == before
    assert len({permission for permission, _ in sentences}) == len(sentences), "one sentence for one reason"
    assert len(denied) >= {"game_master": 2, "moderator": 45, "streamer": 65, "read_only": 68}[role]


@pytest.mark.parametrize("role", LESSER)
async def test_what_a_role_may_read_holds_nothing_hidden(rig: Rig, role: Role) -> None:
    _, ids = await show_of_ana(rig)
    ben = await someone(rig, "Ben")
    await give_role(rig.services.database, ids["campaign_id"], ben, role)
    seen = ""
    for endpoint in IN_A_SHOW:
        if endpoint.method != "GET" or not may(role, endpoint.permission):
            continue
        answer = await ben.http.get(address(endpoint, ids))
        is_draft = endpoint.name in ("read_poll", "export") and not may(role, "moderate")
        assert answer.status_code in ((404,) if is_draft else (200, 409)), f"{endpoint.path}: {answer.text}"
        seen += answer.text
    assert "ovl_" not in seen
    runs = may(role, "run")
    assert (HIDDEN in seen) == runs
    assert ('"maximum":41' in seen) == runs, "hit points that the stream does not see"
    assert ("Secret question?" in seen) == may(role, "moderate"), "what is only written yet is a surprise"
    assert ("secret_ghost" in seen) == may(role, "moderate"), "who was invited is for who may remind them"
    hidden = await ben.http.get(f"/api/v1/rolls/{ids['hidden_roll']}")
    assert hidden.status_code == (200 if runs else 404)
    listed = (await ben.get(f"/campaigns/{ids['campaign_id']}/rolls"))["items"]
    assert (ids["hidden_roll"] in {roll["id"] for roll in listed}) == runs
    shown = (await ben.get("/campaigns"))["items"]
    assert [(one["id"], one["role"], set(one["may"])) for one in shown] == [
        (ids["campaign_id"], role, set(MAY[role]))
    ]


async def test_who_is_only_invited_is_nobody_yet(rig: Rig) -> None:
    ana, ids = await show_of_ana(rig)
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    await ana.post(
        f"/campaigns/{ids['campaign_id']}/members",
        {"platform": "twitch", "login": "ben_rolls", "role": "game_master"},
        201,
    )
    before = await everything(rig)
    for endpoint in IN_A_SHOW:
        body = None if endpoint.method in ("GET", "DELETE") else BODIES.get(endpoint.name, {})
        answer = await ben.http.request(endpoint.method, address(endpoint, ids), json=body)
        assert answer.status_code == 404, f"{endpoint.method} {endpoint.path}: {answer.status_code}"
        assert "Secret" not in answer.text
    assert await everything(rig) == before
    assert (await ben.get("/campaigns"))["items"] == []


async def test_a_moderator_touches_no_hidden_roll(rig: Rig) -> None:
    _, ids = await show_of_ana(rig)
    ben = await someone(rig, "Ben")
    await give_role(rig.services.database, ids["campaign_id"], ben, "moderator")
    for act, body in (("attribute", {"character_id": ids["character_id"]}), ("dismiss", {}), ("show", {})):
        await ben.post(f"/rolls/{ids['hidden_roll']}/{act}", body, 404)
    await ben.post(f"/rolls/{ids['roll_id']}/show", {}, 200)


async def test_the_live_line_lets_in_whoever_has_a_role_and_nobody_else(rig: Rig) -> None:
    ana, ids = await show_of_ana(rig)
    services = rig.services
    campaign = UUID(ids["campaign_id"])
    door = FrontDoor(services.database, services.vault, services.owner, clock=services.clock)
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    async with services.database.connection() as connection:
        key_id, key = await api_keys.create(connection, ben.id, "live")
    actor = Actor("key", ben.id, key_id)

    async def ticket_pass() -> object:
        text, _ = tickets.issue(services.vault, actor, campaign, services.clock())
        return await door.ticket(text)

    assert await ticket_pass() is None, "a ticket is worth what its holder is"
    assert await door.api_key(key, campaign) is None
    await ben.post("/live-tickets", {"campaign_id": ids["campaign_id"]}, 404)
    member = await joined(ana, ids["campaign_id"], ben, "ben_rolls", role="read_only")
    await ben.post("/live-tickets", {"campaign_id": ids["campaign_id"]}, 201)
    assert await ticket_pass() is not None
    listening = await door.api_key(key, campaign)
    assert listening is not None
    assert list(await door.living([listening])) == [listening]
    await ana.delete(f"/members/{member}")
    assert list(await door.living([listening])) == [], "asked every second while somebody listens"
    assert await ticket_pass() is None


async def test_a_streamer_brings_and_takes_only_their_own_channel(rig: Rig) -> None:
    _, ids = await show_of_ana(rig)
    base = f"/campaigns/{ids['campaign_id']}"
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    await give_role(rig.services.database, ids["campaign_id"], ben, "streamer")
    for body in (
        {"platform": "twitch", "login": "somebody_else", "source": "irc"},
        {"platform": "twitch", "login": "ben_rolls", "source": "irc", "channel_id": "78"},
        {"platform": "kick", "login": "ben_rolls", "source": "webhook"},
        {"platform": "twitch", "login": "ben_rolls", "source": "api"},
    ):
        await ben.post(f"{base}/channels", body, 403)
    own = await ben.post(
        f"{base}/channels", {"platform": "twitch", "login": "@Ben_Rolls", "source": "irc"}, 201
    )
    assert own["channel_id"] == "77"
    await ben.delete(f"/channels/{ids['channel_id']}", 403)
    await ben.delete(f"/channels/{own['id']}")


async def test_a_streamer_takes_a_free_character_and_gives_back_their_own(rig: Rig) -> None:
    ana, ids = await show_of_ana(rig)
    base = f"/campaigns/{ids['campaign_id']}"
    ben = await someone(rig, "Ben", twitch=("77", "ben_rolls"))
    cleo = await someone(rig, "Cleo", twitch=("88", "cleo"))
    for person, login in ((ben, "ben_rolls"), (cleo, "cleo")):
        await joined(ana, ids["campaign_id"], person, login)
    channels = {one["login"]: one["id"] for one in (await ben.get(f"{base}/channels"))["items"]}
    rook = (await ana.post(f"{base}/characters", {"name": "Rook the second"}, 201))["id"]
    dragon = (await ana.post(f"{base}/characters", {"name": "Dragon", "kind": "monster"}, 201))["id"]
    mine, hers = {"channel_id": channels["ben_rolls"]}, {"channel_id": channels["cleo"]}
    await ben.post(f"/characters/{rook}/assign", hers, 403)
    await ben.post(f"/characters/{rook}/assign", {"channel_id": "game_master"}, 403)
    await ben.post(f"/characters/{dragon}/assign", mine, 409)
    await ben.post(f"/characters/{ids['character_id']}/assign", mine)
    taken = await ben.post(f"/characters/{rook}/assign", mine)
    assert taken["assigned_to"] == channels["ben_rolls"]
    before = {one["id"]: one["assigned_to"] for one in (await ana.get(f"{base}/characters"))["items"]}
    assert before[ids["character_id"]] is None, "one character a streamer"
    assert (await cleo.post(f"/characters/{rook}/assign", hers, 409))["type"].endswith(":taken")
    await cleo.post(f"/characters/{rook}/assign", {"channel_id": None}, 403)
    await ben.post(f"/characters/{rook}/assign", {"channel_id": None})
    await cleo.post(f"/characters/{rook}/assign", hers)
