"""R22 with the program itself: hostile lines come in as chat does, and hostile words stand on the overlay.

Nothing of it is an error in the log, keeps a line waiting, or a vote that comes after it from counting; no
script of it runs in Chromium, and nothing leaves its box.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from random import Random
from typing import Any

from playwright.async_api import Browser, Page

from tests.acceptance.painted import Complaints, probe, settled, shows_counts
from tests.acceptance.show import Api, Json, chat, eventually, now_ms, wire
from tests.acceptance.test_hostile import OUTSIDE_OVERLAY, no_error_in, pixels_outside, strangers
from tests.chaos import hostile_chat
from tests.chaos.overlays import open_overlays
from tests.chaos.settling import settled as all_settled
from tests.chaos.trial import Trial, bound
from tests.chaos.world import World, campaign, launch, metrics
from tests.fakes.twitch_irc import FakeTwitch
from tests.servers import Hubbub

#: The channel that `hostile_chat.line` puts its words into.
LOGIN = "pajlada"
IN_A_FRAME, IN_A_DELIVERY = 20, 5
#: What Twitch itself says to end a conversation; nobody who chats can, and tests/integration has them.
NOT_CHAT = ("RECONNECT", "NOTICE *", " NAK")
OPTIONS = 10
_SENT = re.compile(r"tmi-sent-ts=\d+")
#: When the events of `hostile_chat` are said.
LONG_AGO = "2026-11-20T20:00:01.500Z"
#: Of so many polls the pixels beside one are counted.
PIXELS_OF = 5


def sayable(text: str) -> str:
    """Without the halves of characters that UTF-8 cannot say."""
    return text.encode("utf-8", "replace").decode()


def line(random: Random) -> str:
    """A hostile line that is said now, if it says when: what is too old is looked at no further."""
    return _SENT.sub(f"tmi-sent-ts={now_ms()}", sayable(hostile_chat.line(random)))


def event(random: Random, number: int) -> Any:
    """A hostile event, likewise."""
    made = hostile_chat.event(random, number)
    if made.get("sent_at") == LONG_AGO:
        made["sent_at"] = wire(now_ms())
    return made


async def write(trial: Trial, twitch: FakeTwitch, count: int) -> None:
    """So many hostile lines, as Twitch would pass them on."""
    written = 0
    while written < count:
        lines = [line(trial.random) for _ in range(IN_A_FRAME)]
        lines = [said for said in lines if not any(word in said for word in NOT_CHAT)]
        await twitch.joined(LOGIN, seconds=30)
        await twitch.send(LOGIN, *lines)
        written += len(lines)
        trial.progress(f"{written} lines of Twitch IRC")
        await asyncio.sleep(0.005)


async def deliver(trial: Trial, api: Api, show: str, count: int) -> Counter[int]:
    """So many hostile events; answers how often which status came."""
    told: Counter[int] = Counter()
    for number in range(0, count, IN_A_DELIVERY):
        some = range(number, number + IN_A_DELIVERY)
        text = json.dumps([event(trial.random, n) for n in some], ensure_ascii=number % 3 == 0)
        answer = await api.http.post(
            f"/campaigns/{show}/events",
            content=text.encode("utf-8", "surrogatepass"),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in {200, 400, 422}, f"{answer.status_code} {answer.text}"
        if answer.status_code == 200:
            receipt: Json = answer.json()
            taken = receipt["accepted"] + receipt["duplicates"] + len(receipt["rejected"])
            assert taken == len(some), receipt
        told[answer.status_code] += 1
        trial.progress(f"{number} events")
    return told


async def none_waits(program: Hubbub) -> None:
    async def is_empty() -> bool:
        return (await metrics(program))["hubbub_events_waiting"] == 0

    await eventually(is_empty, "the buffer drains", 20)


@bound(90, 900)
async def test_r22_hostile_chat_comes_into_a_running_server(trial: Trial, world: World) -> None:
    lines, events = trial.scale.count(2_000, 50_000), trial.scale.count(1_000, 50_000)
    async with FakeTwitch.serving() as twitch:
        (web,), (reader,) = await asyncio.gather(
            world.start("web"), world.start("connectors", TWITCH_IRC_URL=twitch.url)
        )
        async with world.api(web.base_url) as api:
            show, link = await campaign(api, "Hostile", channel="100")
            for platform, login, source in (("kick", "100", "api"), ("twitch", LOGIN, "irc")):
                await api.post(
                    f"/campaigns/{show}/channels",
                    {"platform": platform, "login": login, "channel_id": "100", "source": source}
                    if source == "api"
                    else {"platform": platform, "login": login, "source": source},
                )
            poll = await launch(
                api, show, options=["Left", "Right", "Middle"], words="any_case", rule="every_message"
            )
            await twitch.joined(LOGIN)
            overlays = [world.overlay(f"o{n}", web.base_url, link) for n in range(2)]
            async with open_overlays(overlays):
                _, told = await asyncio.gather(write(trial, twitch, lines), deliver(trial, api, show, events))
                await twitch.joined(LOGIN, seconds=30)
                await twitch.say(LOGIN, "2", user_id="777001", user="good", message_id="good-line")
                good = [chat("good-event", "777002", "3", now_ms(), channel="100")]
                assert (await api.post(f"/campaigns/{show}/events", good))["accepted"] == 1
                stored = await counted(world, poll["id"], {"good-line": 2, "good-event": 3})
                await none_waits(web)
                await all_settled(world, show, overlays, 5)
        assert twitch.complaints == []
    assert [fault for overlay in overlays for fault in overlay.faults] == []
    assert web.is_running
    assert reader.is_running
    assert no_error_in(world.logs) == []
    assert min(told[200], told[400], stored - 2) > 0
    trial.figure("lines", lines)
    trial.figure("events", events)
    trial.figure("deliveries by status", dict(sorted(told.items())))
    trial.figure("votes among them", stored - 2)


async def counted(world: World, poll_id: str, wanted: dict[str, int]) -> int:
    """Wait until these messages count for these options; answers how many votes were taken at all."""
    async with world.database() as connection:

        async def all_count() -> bool:
            rows = await connection.fetch(
                "SELECT message_id, choice FROM poll_vote_ledger "
                "WHERE poll_instance_id = $1 AND message_id = ANY($2)",
                poll_id,
                list(wanted),
            )
            return {row["message_id"]: row["choice"] for row in rows} == wanted

        await eventually(all_count, "a good vote counts after all of it", 20)
        stored: int = await connection.fetchval(
            "SELECT count(*) FROM poll_vote_ledger WHERE poll_instance_id = $1", poll_id
        )
    return stored


def wild(random: Random, most: int) -> str:
    """What somebody might call something; strict JSON knows no NUL."""
    return sayable(hostile_chat.words(random)).replace("\0", "")[:most]


async def draft(trial: Trial, api: Api, show: str) -> Json:
    """A poll of words that are taken; what is refused, is refused with a reason."""
    while True:
        body = {
            "question": wild(trial.random, 120),
            "options": [wild(trial.random, 80) for _ in range(OPTIONS)],
            "duration_s": 600,
            "grace_s": 0,
            "words": "off",
        }
        answer = await api.http.post(f"/campaigns/{show}/polls", json=body)
        if answer.status_code == 201:
            made: Json = answer.json()
            return made
        assert answer.status_code in {400, 422}, f"{answer.status_code} {answer.text}"
        # Most words are fine; with ten of them it is worth to look for the one that is not.
        await asyncio.sleep(0.1)


async def look(page: Page, decoder: Page, number: int) -> list[str]:
    """What left its box."""
    await settled(page)
    wrong = [f"poll {number}: {what}" for what in await page.evaluate(OUTSIDE_OVERLAY)]
    if number % PIXELS_OF == 0 and (painted := await pixels_outside(page, decoder)):
        wrong.append(f"poll {number}: {painted} pixels beside the widget")
    return wrong


@bound(120, 900)
async def test_r22_hostile_words_stand_on_the_overlay(trial: Trial, world: World, browser: Browser) -> None:
    polls = trial.scale.count(20, 300)
    (web,) = await world.start("web")
    context = await browser.new_context(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce")
    decoder, page = await context.new_page(), await context.new_page()
    complaints, requests = Complaints(page), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    await page.add_init_script(probe("watch"))
    wrong: list[str] = []
    async with world.api(web.base_url) as api:
        show, link = await campaign(api, "Words")
        await page.goto(link)
        for number in range(polls):
            poll = await draft(trial, api, show)
            trial.record.note("poll", number=number, question=poll["question"], options=poll["options"])
            await api.post(f"/polls/{poll['id']}/launch")
            votes = [
                chat(f"v{number}-{n}", f"p{n}", str(n + 1), now_ms(), name=wild(trial.random, 64))
                for n in range(OPTIONS)
            ]
            assert (await api.post(f"/campaigns/{show}/events", votes))["accepted"] == OPTIONS
            await shows_counts(page, [1] * OPTIONS, 15)
            wrong += await look(page, decoder, number)
            await api.post(f"/polls/{poll['id']}/cancel")
            await page.wait_for_selector("hb-poll", state="detached")
            trial.progress(f"{number + 1} of {polls} polls")
    assert wrong == []
    assert await complaints.of(page) == []
    assert strangers(requests, web) == []
    foreign = "document.querySelectorAll('script, iframe, object, base, meta[http-equiv]').length"
    assert await page.evaluate(foreign) == 1
    await context.close()
    assert no_error_in(web.log) == []
    trial.figure("words on the overlay", polls * (OPTIONS + 1))
