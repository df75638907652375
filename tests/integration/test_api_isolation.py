"""Nobody sees or touches another person's show, on any route, with any id (R25, T33)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from server.web.api import ENDPOINTS
from sql import api_keys, device_sign_ins
from sql.device_sign_ins import DeviceSignIn
from sql.ids import uuid7
from sql.pool import Connection, Database
from tests.integration.web_rig import Rig, rig_on

POLL = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}

RULE = {
    "result_field": "total",
    "result_condition": ">= 15",
    "critical_type": "success",
    "label": "Secret rule",
}
ITEM_RULE = {"category": "spell", "subcategory": "secret", "item_type": "spell", "label": "Secret items"}

#: A body that each endpoint would take, so that only the ids are wrong.
BODIES: dict[str, Any] = {
    "create_reward": {"channel_id": "01933b3e-0000-7000-8000-000000000000", "title": "spy", "cost": 5},
    "adopt_reward": {"platform": "twitch", "channel_id": "4242", "platform_reward_id": "spy"},
    "delete_reward_orphan": {"platform": "twitch", "channel_id": "4242", "platform_reward_id": "spy"},
    "conceal_combatant": {"combatant_id": "c1", "concealed": True},
    "test_alert": {"kind": "follow"},
    "create_donation_connection": {"service": "kofi", "name": "spy", "verification_token": "spy-token"},
    "rotate_donation_connection": {"verification_token": "stolen-token"},
    "update_donation_connection": {"name": "stolen"},
    "create_campaign": {"name": "x"},
    "update_campaign": {"name": "stolen"},
    "add_channel": {"platform": "custom", "login": "spy", "source": "api"},
    "create_overlay": {"name": "spy"},
    "update_overlay": {"name": "stolen"},
    "create_poll": POLL,
    "update_poll": {"question": "stolen"},
    "resolve": {"winner": 1},
    "extend": {"seconds": 5},
    "save_template": {**POLL, "label": "spy"},
    "create_rundown": {"name": "spy"},
    "update_rundown": {"name": "stolen"},
    "send_events": [],
    "create_vtt_connection": {"system": "other", "name": "spy"},
    "update_vtt_connection": {"name": "stolen"},
    "confirm_vtt_pairing": {"code": "ABC-234"},
    "create_vtt_command": {
        "connection_id": "01933b3e-0000-7000-8000-000000000000",
        "command": {"kind": "request_sync"},
    },
    "roll_by_hand": {"notation": "1d20"},
    "attribute_roll": {"character_id": "01933b3e-0000-7000-8000-000000000000"},
    "create_character": {"name": "spy", "hit_points": {"current": 1, "maximum": 1}},
    "update_character": {"name": "stolen", "hit_points": {"current": 1, "maximum": 1}},
    "merge_character": {"into": "01933b3e-0000-7000-8000-000000000000"},
    "assign_character": {"channel_id": "game_master"},
    "create_criticality_rule": RULE,
    "update_criticality_rule": {"label": "stolen"},
    "apply_criticality_presets": {"game_system": "dnd5e"},
    "try_criticality_rules": {"notation": "1d20"},
    "create_item_category_rule": ITEM_RULE,
    "update_item_category_rule": {"label": "stolen"},
    "apply_item_category_presets": {"game_system": "dnd5e"},
    "update_table": {"shows_dice": False},
    "delete_campaign": {"name": "Secret show"},
    "invite": {"platform": "twitch", "login": "spy"},
    "change_role": {"role": "moderator"},
    "agree": {"capabilities": ["polls"]},
    "take_back": {"capabilities": ["polls"]},
    "check_again": {"platform": "twitch", "channel_id": "1", "code": "not_affiliate"},
}


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path) as made:
        yield made


async def furnish(client: httpx2.AsyncClient, *, with_module: bool = True) -> dict[str, str]:
    """A campaign with one of everything: the id for each path parameter.

    Without a table of the Foundry module there is no command; an address may ask for 20 of those a minute.
    """

    async def make(path: str, body: Any) -> str:
        answer = await client.post(f"/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        made: str = answer.json()["id"]
        return made

    async def paired_world() -> str:
        """A table that takes commands."""
        asked = {"worldId": "secret-world", "worldName": "Secret world"}
        answer = await client.post("/webhooks/foundry/request-pairing", json=asked)
        return await make(f"{base}/vtt-pairings", {"code": answer.json()["code"]})

    campaign = await make("/campaigns", {"name": "Secret show"})
    base = f"/campaigns/{campaign}"
    commands = {}
    if with_module:
        order = {"connection_id": await paired_world(), "command": {"kind": "request_sync"}}
        commands["command_id"] = await make(f"{base}/vtt-commands", order)
    member = await make(f"{base}/members", {"platform": "twitch", "login": "secret_ghost"})
    return commands | {
        "campaign_id": campaign,
        "member_id": member,
        "invitation_id": member,
        "channel_id": await make(
            f"{base}/channels", {"platform": "custom", "login": "stage", "source": "api"}
        ),
        "overlay_id": await make(f"{base}/overlays", {"name": "Secret overlay"}),
        "poll_id": await make(f"{base}/polls", {**POLL, "question": "Secret question?"}),
        "template_id": await make(f"{base}/poll-templates", {**POLL, "label": "Secret label"}),
        "rundown_id": await make(f"{base}/rundowns", {"name": "Secret rundown"}),
        "connection_id": await make(f"{base}/vtt-connections", {"system": "other", "name": "Secret table"}),
        "donation_connection_id": await make(
            f"{base}/donation-connections",
            {"service": "kofi", "name": "Secret tip jar", "verification_token": "secret-token"},
        ),
        "character_id": await make(f"{base}/characters", {"name": "Secret character"}),
        "roll_id": await make(f"{base}/rolls", {"notation": "1d20", "label": "Secret roll"}),
        "criticality_rule_id": await make(f"{base}/criticality-rules", RULE),
        "item_category_rule_id": await make(f"{base}/item-category-rules", ITEM_RULE),
        "kind": "follow",  # of an alert: no id of anything
    }


async def furnish_platforms(connection: Connection, campaign_id: str) -> dict[str, str]:
    """What only a platform brings into a show: a reward, what a viewer bought, what waits for a person."""
    show, ids = UUID(campaign_id), {name: uuid7() for name in ("reward_id", "redemption_id", "outbox_id")}
    await connection.execute(
        """INSERT INTO channel_rewards (id, campaign_id, platform, channel_id, title, cost, simulated)
           VALUES ($1, $2, 'twitch', '4242', 'Secret reward', 5, true)""",
        ids["reward_id"],
        show,
    )
    await connection.execute(
        """INSERT INTO redemptions (id, campaign_id, platform, channel_id, redemption_id, reward_id,
                                    reward_title, cost, user_id, status, simulated, redeemed_at)
           VALUES ($1, $2, 'twitch', '4242', 'r1', 'p1',
                   'Secret reward', 5, '7', 'unfulfilled', true, now())""",
        ids["redemption_id"],
        show,
    )
    await connection.execute(
        """INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload, state)
           VALUES ($1, $2, 'twitch.redemption', $3, '{"reward_title": "Secret reward"}', 'needs_person')""",
        ids["outbox_id"],
        show,
        f"isolation:{show}",
    )
    ids["person_id"] = await connection.fetchval("INSERT INTO people (id) VALUES ($1) RETURNING id", uuid7())
    return {name: str(made) for name, made in ids.items()}


async def everything(rig: Rig) -> dict[str, list[str]]:
    """All rows that a request could have changed."""
    tables = ("campaigns", "campaign_memberships", "campaign_consents", "channels", "overlay_configs",
              "polls", "poll_instances", "poll_templates",
              "poll_sessions", "boards", "board_events", "inbox", "characters", "character_assignments",
              "dice_rolls", "campaign_criticality_rules", "campaign_item_category_rules",
              "table_settings", "vtt_connections", "vtt_pairings", "vtt_commands", "outbox",
              "donation_connections", "monetization_events",
              "channel_rewards", "redemptions", "device_sign_ins", "person_links",
              "person_splits")  # fmt: skip
    async with rig.services.database.connection() as connection:
        return {
            table: sorted(str(dict(row)) for row in await connection.fetch(f"SELECT * FROM {table}"))  # noqa: S608
            for table in tables
        }


async def a_device_sign_in(rig: Rig) -> str:
    """One of another browser."""
    sign_in = DeviceSignIn(uuid7(), "twitch", "login", None, "identity", b"\1" * 32, b"sealed")
    async with rig.services.database.connection() as connection:
        hour = timedelta(hours=1)
        await device_sign_ins.begin(connection, sign_in, interval=hour, expires_in=hour)
    return str(sign_in.id)


async def test_no_route_reaches_the_show_of_another_person(rig: Rig) -> None:
    owner = await rig.browser(await rig.person("Ana"))
    theirs = await furnish(owner)
    theirs["sign_in_id"] = await a_device_sign_in(rig)
    async with rig.services.database.connection() as connection:
        theirs |= await furnish_platforms(connection, theirs["campaign_id"])
    theirs["session_id"] = (await owner.get("/api/v1/sessions")).json()["items"][0]["id"]
    async with rig.services.database.connection() as connection:  # a key may write more often than a desk
        _, key = await api_keys.create(connection, await rig.person("Mallory"), "probes")
    stranger = rig.client(key=key)
    before = await everything(rig)
    walked = 0
    for endpoint in ENDPOINTS:
        parameters = set(endpoint.path_parameters) - {"provider"}  # which is no id of anything
        if not parameters:
            continue
        path = endpoint.path
        for name in endpoint.path_parameters:
            path = path.replace(f"{{{name}}}", theirs[name])
        body = None if endpoint.method in ("GET", "DELETE") else BODIES.get(endpoint.name, {})
        answer = await stranger.request(endpoint.method, path, json=body)
        assert answer.status_code == 404, f"{endpoint.method} {path}: {answer.status_code} {answer.text}"
        unknown = path
        for name in parameters - {"kind"}:
            unknown = unknown.replace(theirs[name], "01933b3e-0000-7000-8000-000000000000")
        missing = await stranger.request(endpoint.method, unknown, json=body)
        assert missing.json() == answer.json(), "a foreign id and an unknown one must look the same"
        walked += 1
    assert walked > 25
    assert await everything(rig) == before
    assert (await stranger.get("/api/v1/campaigns")).json() == {"items": [], "next": None}
    ticket = await stranger.post("/api/v1/live-tickets", json={"campaign_id": theirs["campaign_id"]})
    assert ticket.status_code == 404


async def test_ids_in_bodies_do_not_reach_over_either(rig: Rig) -> None:
    theirs = await furnish(await rig.browser(await rig.person("Ana")))
    stranger = await rig.browser(await rig.person("Mallory"))
    mine = await furnish(stranger)
    before = await everything(rig)
    base = f"/api/v1/campaigns/{mine['campaign_id']}"
    for method, path, body in (
        ("POST", f"{base}/polls", {**POLL, "rundown_id": theirs["rundown_id"]}),
        ("PATCH", f"/api/v1/polls/{mine['poll_id']}", {"rundown_id": theirs["rundown_id"]}),
        ("PATCH", f"/api/v1/rundowns/{mine['rundown_id']}", {"poll_ids": [theirs["poll_id"]]}),
    ):
        answer = await stranger.request(method, path, json=body)
        assert answer.status_code == 422, answer.text
    order = {"connection_id": theirs["connection_id"], "command": {"kind": "request_sync"}}
    refused = await stranger.post(f"{base}/vtt-commands", json=order)
    assert refused.status_code == 409, refused.text
    listed = await stranger.get(f"{base}/polls?rundown={theirs['rundown_id']}")
    assert listed.json()["items"] == []
    assert await everything(rig) == before


async def test_the_owner_of_the_installation_may_do_everything(rig: Rig) -> None:
    theirs = await furnish(await rig.browser(await rig.person("Ana")))
    assert (await rig.root.get(f"/api/v1/polls/{theirs['poll_id']}")).status_code == 200


async def test_members_who_run_the_show_get_in_and_others_do_not(rig: Rig) -> None:
    theirs = await furnish(await rig.browser(await rig.person("Ana")))
    ben = await rig.person("Ben")
    desk = await rig.browser(ben)
    path = f"/api/v1/polls/{theirs['poll_id']}"
    for role, status, code in (
        ("streamer", "active", 404),
        ("game_master", "pending", 404),
        ("game_master", "active", 200),
    ):
        async with rig.services.database.connection() as connection:
            await connection.execute(
                """INSERT INTO campaign_memberships (id, campaign_id, user_id, role, status, accepted_at)
                   VALUES (gen_random_uuid(), $1, $2, $3, $4, CASE WHEN $4 = 'active' THEN now() END)
                   ON CONFLICT (campaign_id, user_id) DO UPDATE
                      SET role = $3, status = $4, accepted_at = excluded.accepted_at""",
                theirs["campaign_id"],
                ben,
                role,
                status,
            )
        assert (await desk.get(path)).status_code == code


async def test_what_is_no_id_is_not_found(rig: Rig) -> None:
    for bad in ["1", "null", "..", "%00", "a" * 64, "{01933b3e-0000-7000-8000-000000000000}"]:
        for path in (f"/api/v1/polls/{bad}", f"/api/v1/campaigns/{bad}/polls"):
            assert (await rig.root.get(path)).status_code == 404
