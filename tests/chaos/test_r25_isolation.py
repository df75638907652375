"""R25: who may run one show gets not a byte of another, on any route of the document and on the live line.

Two people with a show each, and with everything in it. Mallory comes with what she holds (her keys, the
links of her overlays, her tickets) and names what is Ana's, wherever something can be named: first on every
route with care, then ten thousand times in all ways, two times in three by HTTP and else by the live line.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx2

from sql import api_keys
from tests.acceptance.show import eventually
from tests.chaos.http_line import HttpLine
from tests.chaos.overlays import key_of, live_url
from tests.chaos.trial import Trial, bound
from tests.chaos.wire import Gone, Wire
from tests.chaos.world import World
from tests.integration.test_api_isolation import BODIES, furnish, furnish_platforms

#: What is in Ana's show and nowhere else; `furnish` names everything so.
SECRET = "Secret"
PROBES = 10_000
#: Probes under way at a time. A key writes 600 times a minute and gets 60 tickets: she has more than one.
AT_ONCE, KEYS = 8, 24
#: Routes without anybody's id in them, which answer with what is one's own.
OWN = {
    "session.log_in",
    "session.who_am_i",
    "session.log_out",
    "session.list_sessions",
    "session.end_other_sessions",
    "sign_in.sign_in_ways",
    "sign_in.begin_device_sign_in",
    "passwords.register",
    "passwords.make_account",
    "passwords.log_in_with_password",
    "passwords.ask_for_reset",
    "passwords.reset_password",
    "account.my_account",
    "account.rename_account",
    "account.begin_link",
    "account.unlink_account",
    "account.ask_for_email",
    "account.confirm_email",
    "account.choose_password",
    "account.export_account",
    "account.erase_account",
    "invitations.list_invitations",
    "campaigns.list_campaigns",
    "campaigns.create_campaign",
    "live_tickets.issue_ticket",
    "persons.my_person",
    "persons.become_one",
    "persons.become_two",
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a show: her client, the ids of what is in it, and her overlay's key."""

    http: httpx2.AsyncClient
    keys: list[str]
    ids: dict[str, str]
    overlay_key: str
    epoch: str

    @property
    def key(self) -> str:
        return self.keys[0]


@asynccontextmanager
async def person(world: World, base_url: str, name: str, seen: str) -> AsyncIterator[Person]:
    """`seen` replaces the word that marks what must not be seen."""
    async with world.database() as connection:
        user_id = uuid4()
        await connection.execute("INSERT INTO users (id, display_name) VALUES ($1, $2)", user_id, name)
        keys = [(await api_keys.create(connection, UUID(str(user_id)), f"{n}"))[1] for n in range(KEYS)]
    headers = {"Authorization": f"Bearer {keys[0]}"}
    async with httpx2.AsyncClient(base_url=base_url, headers=headers, timeout=20) as http:
        ids = await furnish(http)
        del ids["kind"]  # which names nothing of anybody's
        async with world.database() as connection:
            ids |= await furnish_platforms(connection, ids["campaign_id"])
        link = (await http.post(f"/api/v1/overlays/{ids['overlay_id']}/rotate")).json()["url"]
        await http.post(f"/api/v1/polls/{ids['poll_id']}/launch", json={})
        if seen != SECRET:
            await http.patch(f"/api/v1/campaigns/{ids['campaign_id']}", json={"name": seen})
        yield Person(http, keys, ids, key_of(link), await epoch_of(world, ids))


async def until_dice_lie(world: World) -> None:
    """What time takes off the stage is nobody's doing."""
    async with world.database() as connection:

        async def is_clear() -> bool:
            return not await connection.fetchval("SELECT count(*) FROM boards WHERE kind IN ('dice', 'card')")

        await eventually(is_clear, "the dice have left the stage", 20)


async def everything(world: World) -> dict[str, list[str]]:
    """All rows that a request could have changed."""
    tables = ("campaigns", "campaign_memberships", "campaign_consents", "channels", "channel_rewards",
              "redemptions", "outbox", "overlay_configs", "polls", "poll_instances", "poll_templates",
              "poll_sessions", "boards", "board_events", "inbox", "characters", "character_assignments",
              "dice_rolls", "campaign_criticality_rules", "campaign_item_category_rules",
              "table_settings")  # fmt: skip
    async with world.database() as connection:
        return {
            table: sorted(str(dict(row)) for row in await connection.fetch(f"SELECT * FROM {table}"))  # noqa: S608
            for table in tables
        }


@bound(90)
async def test_r25_no_show_can_see_another(trial: Trial, world: World) -> None:
    (web,) = await world.start("web")
    async with (
        person(world, web.base_url, "Ana", SECRET) as ana,
        person(world, web.base_url, "Mallory", "Mine") as mallory,
    ):
        document = (await mallory.http.get("/openapi.json")).json()
        await until_dice_lie(world)
        before = await everything(world)
        routes = await every_route(document, ana, mallory)
        asked = named(document, ana, mallory)
        found: Counter[str] = Counter()
        left = iter(range(PROBES))

        async def probe() -> None:
            line = await HttpLine.dial(web.base_url)
            try:
                for number in left:
                    if number % 3:
                        what = await http_probe(trial, line, asked[number % len(asked)], mallory)
                    else:
                        what = await live_probe(trial, line, web.base_url, ana=ana, mallory=mallory)
                    found[what] += 1
            finally:
                line.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(probe())
        assert await everything(world) == before
        # The same words let Ana in, so it was not the words.
        hello = {"op": "hello", "proto": 1, "key": ana.key, "client": {"kind": "api"}}
        answer = await says(live_url(web.base_url), hello | {"campaign": ana.ids["campaign_id"]}, "127.0.0.1")
        assert SECRET in answer
        for asking in asked:
            if asking.method == "GET" and ana.ids.keys() & set(asking.names):
                shown = await ana.http.get(asking.path)
                assert shown.status_code != 404, f"{asking.path} is there for Ana: {shown.text}"
    assert found.total() == PROBES
    trial.figure("routes", routes)
    trial.figure("ways to ask", len(asked))
    for name, count in sorted(found.items()):
        trial.figure(name, count)
    trial.figure("bytes of the other show", 0)


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of Mallory's that names what is Ana's, and what she is to be told."""

    method: str
    path: str
    body: Any
    status: int = 404
    names: tuple[str, ...] = ()  # what of Ana's stands in the path


def named(document: dict[str, Any], ana: Person, mallory: Person) -> list[Asking]:
    """Every operation with Ana's ids in its path, all or one beside Mallory's; and in queries and bodies."""
    base = f"/api/v1/campaigns/{mallory.ids['campaign_id']}"
    poll = BODIES["create_poll"] | {"rundown_id": ana.ids["rundown_id"]}
    return [
        *_in_paths(document, ana, mallory),
        Asking("GET", f"/api/v1/campaigns?cursor={ana.ids['campaign_id']}", None, 200),
        Asking("GET", f"{base}/polls?rundown={ana.ids['rundown_id']}", None, 200),
        Asking("POST", f"{base}/polls", poll, 422),
        Asking(
            "PATCH", f"/api/v1/rundowns/{mallory.ids['rundown_id']}", {"poll_ids": [ana.ids["poll_id"]]}, 422
        ),
        Asking("POST", "/api/v1/live-tickets", {"campaign_id": ana.ids["campaign_id"]}, 404),
    ]


def _in_paths(document: dict[str, Any], ana: Person, mallory: Person) -> Iterator[Asking]:
    for path, methods in document["paths"].items():
        names = [name for name in ana.ids if f"{{{name}}}" in path]
        for method, operation in methods.items():
            body = (
                None
                if method in ("get", "delete")
                else BODIES.get(operation["operationId"].partition(".")[2], {})
            )
            for theirs in {(*names,), *((name,) for name in names)} if names else ():
                address = path
                for name in names:
                    whose = ana if name in theirs else mallory
                    address = address.replace(f"{{{name}}}", whose.ids[name])
                yield Asking(method.upper(), _filled(address), body, names=theirs)


async def epoch_of(world: World, ids: dict[str, str]) -> str:
    async with world.database() as connection:
        query = "SELECT epoch FROM campaign_heads WHERE campaign_id = $1"
        return str(await connection.fetchval(query, UUID(ids["campaign_id"])))


async def every_route(document: dict[str, Any], ana: Person, mallory: Person) -> int:
    """Each operation of the document with Ana's ids, one at a time and all of them; answers how many."""
    walked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation_id: str = operation["operationId"]
            if "{" not in path.replace("{provider}", ""):
                assert operation_id in OWN, f"{operation_id} is new: say what it shows to whom"
                continue
            address = path
            for name, theirs in ana.ids.items():
                address = address.replace(f"{{{name}}}", theirs)
            address = _filled(address)
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


def _filled(address: str) -> str:
    """With what names nothing of anybody's show in the places that are left."""
    for name in ("session_id", "sign_in_id", "person_id"):
        address = address.replace(f"{{{name}}}", str(uuid4()))
    return address.replace("{kind}", "follow")


async def http_probe(trial: Trial, line: HttpLine, asking: Asking, mallory: Person) -> str:
    """One request with something of Mallory's; answers what it was."""
    random = trial.random
    is_key = random.random() < 0.9
    key = random.choice(mallory.keys) if is_key else random.choice((mallory.overlay_key, "tkt_none"))
    status, text = await line.ask(asking.method, asking.path, key, asking.body)
    assert status == (asking.status if is_key else 401), f"{asking} with {key[:4]}…: {status} {text}"
    assert SECRET not in text, asking
    return "requests" if is_key else "requests with what is no key"


async def live_probe(trial: Trial, line: HttpLine, base_url: str, *, ana: Person, mallory: Person) -> str:
    """A hello with something of Mallory's that names something of Ana's; answers what it was."""
    random = trial.random
    campaign, mine = ana.ids["campaign_id"], mallory.ids["campaign_id"]
    hello: dict[str, Any] = {"op": "hello", "proto": 1, "campaign": campaign}
    origin = ""
    way = random.choice(("key", "link", "ticket", "mixed link", "short link", "id", "own show"))
    match way:
        case "key":
            key, kind = random.choice(mallory.keys), "api"
        case "link":
            key, kind = mallory.overlay_key, "overlay"
        case "ticket":
            status, text = await line.ask(
                "POST", "/api/v1/live-tickets", random.choice(mallory.keys), {"campaign_id": mine}
            )
            assert status == 201, text
            key, kind, origin = json.loads(text)["ticket"], "desk", base_url
        case "mixed link":
            key, kind = swapped(random.randrange(8, 40), mallory.overlay_key, ana.overlay_key), "overlay"
        case "short link":
            key, kind = ana.overlay_key[: random.randrange(8, len(ana.overlay_key) - 1)], "overlay"
        case "id":
            key, kind = f"hb_{campaign}", "api"
        case _:
            key, kind = random.choice(mallory.keys), "api"
            hello["campaign"] = mine
    epoch = ana.epoch
    hello |= {"key": key, "client": {"kind": kind}}
    if way == "own show" or random.random() < 0.3:  # a position of Ana's, as somebody says who has been there
        hello |= {"epoch": epoch, "seq": random.randrange(10)}
    source = f"127.{random.randrange(1, 255)}.{random.randrange(255)}.{random.randrange(1, 255)}"
    answer = await says(live_url(base_url), hello, source, origin)
    if way == "own show":
        assert [theirs for theirs in (epoch, *ana.ids.values()) if theirs in answer] == [], answer
        assert json.loads(answer)["op"] == "snapshot", answer
    else:
        assert answer == "4401", f"{hello} → {answer[:300]}"
    return f"live with {way}"


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
