"""R25: who may run one show gets not a byte of another, on any route of the document and on the live line.

Two people with a show each, and with everything in it. Mallory comes with what she holds (her key, the
links of her overlays, her tickets) and names what is Ana's, wherever something can be named.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2

from sql import api_keys
from tests.chaos.overlays import key_of, live_url
from tests.chaos.trial import Trial, bound
from tests.chaos.wire import Gone, Wire
from tests.chaos.world import World
from tests.integration.test_api_isolation import BODIES, furnish

#: What is in Ana's show and nowhere else; `furnish` names everything so.
SECRET = "Secret"
#: Routes without an id in them, which answer with what is one's own.
OWN = {
    "session.log_in",
    "session.who_am_i",
    "session.log_out",
    "session.list_sessions",
    "campaigns.list_campaigns",
    "campaigns.create_campaign",
    "live_tickets.issue_ticket",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a show: her client, the ids of what is in it, and her overlay's key."""

    http: httpx2.AsyncClient
    key: str
    ids: dict[str, str]
    overlay_key: str


@asynccontextmanager
async def person(world: World, base_url: str, name: str, seen: str) -> AsyncIterator[Person]:
    """`seen` replaces the word that marks what must not be seen."""
    async with world.database() as connection:
        user_id = uuid4()
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, $2)", user_id, name)
        _, key = await api_keys.create(connection, UUID(str(user_id)), "script")
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=20) as http:
        ids = await furnish(http)
        link = (await http.post(f"/api/v1/overlays/{ids['overlay_id']}/rotate")).json()["url"]
        await http.post(f"/api/v1/polls/{ids['poll_id']}/launch", json={})
        if seen != SECRET:
            await http.patch(f"/api/v1/campaigns/{ids['campaign_id']}", json={"name": seen})
        yield Person(http, key, ids, key_of(link))


async def everything(world: World) -> dict[str, list[str]]:
    """All rows that a request could have changed."""
    tables = ("campaigns", "channels", "overlay_configs", "polls", "poll_instances", "poll_templates",
              "poll_sessions", "boards", "board_events", "inbox")  # fmt: skip
    async with world.database() as connection:
        return {
            table: sorted(str(dict(row)) for row in await connection.fetch(f"SELECT * FROM {table}"))  # noqa: S608
            for table in tables
        }


@bound(60, 600)
async def test_r25_no_show_can_see_another(trial: Trial, world: World) -> None:
    probes = trial.scale.count(200, 10_000)
    (web,) = await world.start("web")
    async with (
        person(world, web.base_url, "Ana", SECRET) as ana,
        person(world, web.base_url, "Mallory", "Mine") as mallory,
    ):
        document = (await mallory.http.get("/openapi.json")).json()
        before = await everything(world)
        routes = await every_route(document, ana, mallory)
        entries = 0
        for _ in range(probes):
            await one_probe(trial, live_url(web.base_url), ana, mallory)
            entries += 1
        assert await everything(world) == before
        # The same words let Ana in, so it was not the words.
        hello = {"op": "hello", "proto": 1, "key": ana.key, "client": {"kind": "api"}}
        answer = await says(live_url(web.base_url), hello | {"campaign": ana.ids["campaign_id"]}, "127.0.0.1")
        assert SECRET in answer
    trial.figure("routes", routes)
    trial.figure("live entries", entries)
    trial.figure("bytes of the other show", 0)


async def every_route(document: dict[str, Any], ana: Person, mallory: Person) -> int:
    """Each operation of the document with Ana's ids, one at a time and all of them; answers how many."""
    walked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation_id: str = operation["operationId"]
            if "{" not in path:
                assert operation_id in OWN, f"{operation_id} is new: say what it shows to whom"
                continue
            address = path
            for name, theirs in ana.ids.items():
                address = address.replace(f"{{{name}}}", theirs)
            address = address.replace("{session_id}", str(uuid4()))
            assert "{" not in address, f"{address}: furnish a show with it"
            body = None if method in ("get", "delete") else BODIES.get(operation_id.partition(".")[2], {})
            answer = await mallory.http.request(method.upper(), address, json=body)
            assert answer.status_code == 404, f"{method} {address}: {answer.status_code} {answer.text}"
            assert SECRET not in answer.text
            if method == "get":
                shown = await ana.http.get(address)
                assert shown.status_code != 404, f"{address} is there for Ana: {shown.text}"
            walked += 1
    for path in ("/api/v1/campaigns", "/api/v1/sessions"):
        answer = await mallory.http.get(path, params={"cursor": ana.ids["campaign_id"]})
        assert SECRET not in answer.text
        assert ana.ids["campaign_id"] not in answer.text
    refused = await mallory.http.post("/api/v1/live-tickets", json={"campaign_id": ana.ids["campaign_id"]})
    assert refused.status_code == 404, refused.text
    return walked


async def one_probe(trial: Trial, url: str, ana: Person, mallory: Person) -> None:
    """A hello with something of Mallory's that names something of Ana's."""
    random = trial.random
    campaign = ana.ids["campaign_id"]
    ticket = (
        (await mallory.http.post("/api/v1/live-tickets", json={"campaign_id": mallory.ids["campaign_id"]}))
        .json()
        .get("ticket", "tkt_none")
        if random.random() < 0.05
        else "tkt_none"
    )
    key, kind, origin = random.choice(
        (
            (mallory.key, "api", ""),
            (mallory.overlay_key, "overlay", ""),
            (ticket, "desk", url.replace("ws", "http", 1).removesuffix("/live")),
            (swapped(random.randrange(8, 40), mallory.overlay_key, ana.overlay_key), "overlay", ""),
            (ana.overlay_key[: random.randrange(8, len(ana.overlay_key) - 1)], "overlay", ""),
            ("hb_" + campaign, "api", ""),
        )
    )
    hello: dict[str, Any] = {"op": "hello", "proto": 1, "key": key, "client": {"kind": kind}}
    hello["campaign"] = campaign
    if random.random() < 0.3:  # a position of the other show, as somebody who has been there would say
        hello |= {"epoch": str(uuid4()), "seq": random.randrange(10)}
    source = f"127.{random.randrange(1, 255)}.{random.randrange(255)}.{random.randrange(1, 255)}"
    answer = await says(url, hello, source, origin)
    assert answer == "4401", f"{hello} → {answer[:300]}"


def swapped(at: int, mine: str, theirs: str) -> str:
    """The beginning of one key and the end of another."""
    return mine[:at] + theirs[at:]


async def says(url: str, hello: dict[str, Any], source: str, origin: str = "") -> str:
    """The first frame after a hello; the close code when there is none but the goodbye."""
    wire = await Wire.dial(url, source=source, origin=origin)
    wire.say(json.dumps(hello).encode())
    try:
        frame = (await wire.receive()).decode()
        while json.loads(frame)["op"] == "bye":
            frame = (await wire.receive()).decode()
    except Gone as gone:
        return str(gone.code)
    finally:
        wire.cut()
    return frame
