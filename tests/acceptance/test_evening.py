"""A whole evening on Twitch and Kick: the real program, and afterwards its books against what happened.

Two streamers sign in, join by invitation and agree; a poll with Twitch's beside it, rewards, gifts, a raid;
Twitch is lost in the middle and comes back. Both platforms tell everything twice. What the stand-ins sent and
hold is the truth; everything that the database says is compared with it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2

from tests.chaos.scale import Scale
from tests.fakes.identity_server import FakeAccount
from tests.fakes.kick import FakeBroadcaster, FakeKick, fake_kick, user
from tests.fakes.twitch import FakeTwitch, running
from tests.fakes.twitch_world import Person
from tests.integration.sign_in_rig import csrf
from tests.integration.test_twitch_program import ask
from tests.servers import Hubbub, StartHubbub

#: How long Twitch is lost, in seconds; with CHAOS=1 five minutes.
OUTAGE_S = Scale.of().amount(5, 300)
#: Tries of the outbox stand as far apart as the outage was long.
PATIENCE_S = 15 + 2 * OUTAGE_S
TWITCH_ID, KICK_ID = "700100200", 910001
OPTIONS = ["Left", "Right"]
KEY = "k3y-of-this-test-4f9a1c77e02b8d65"


async def until(holds: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for it. Raises AssertionError naming what did not come."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.05)


@dataclass
class Evening:
    """The program, both platforms, and what was seen to happen on them."""

    hubbub: Hubbub
    books: asyncpg.Connection
    twitch: FakeTwitch
    kick: FakeKick
    glimmer: FakeBroadcaster
    campaign: str
    channels: dict[str, str] = field(default_factory=dict)
    #: What was said that reaches us: who, where, what; the last word of each counts.
    votes: dict[tuple[str, str], int] = field(default_factory=dict)
    #: What Kick has told of beside chat.
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self.books.fetch(query, *values)]

    async def until_rows(self, query: str, wanted: Callable[[], object], what: str) -> None:
        """Wait until the database answers what the model says; name both when it does not."""
        found: object = None

        async def holds() -> bool:
            nonlocal found
            found = await self.rows(query)
            return found == wanted()

        try:
            await until(holds, what)
        except AssertionError:
            raise AssertionError(f"{what}: {found}, and not {wanted()}") from None

    def viewer(self, number: int) -> Person:
        return self.twitch.world.person(f"7008{number:05d}", f"viewer_{number}")

    async def vote(self, platform: str, number: int, choice: int) -> None:
        """A viewer writes it in chat; on Kick it is delivered twice."""
        if platform == "twitch":
            person = self.viewer(number)
            await self.twitch.say(TWITCH_ID, person, str(choice))
            self.votes["twitch", person.id] = choice
        else:
            author = 920_000 + number
            line = self.glimmer.chat(f"!vote {choice}", author)
            assert await self.kick.tell("chat.message.sent", line, times=2) == 204
            self.votes["kick", str(author)] = choice

    async def kick_tells(self, type_: str, body: dict[str, Any]) -> None:
        assert await self.kick.tell(type_, body, times=2) == 204
        self.sent.append((type_, body))


@asynccontextmanager
async def evening(start: StartHubbub, database_url: str) -> AsyncIterator[Evening]:
    """Everything is up; nobody has signed in."""
    async with running(with_irc=True) as twitch, fake_kick() as kick:
        there = twitch.identity
        there.decide = "allow"
        there.people["twitch"] = FakeAccount(TWITCH_ID, "mossy_tavern", "Mossy_Tavern")
        there.people["kick"] = FakeAccount(str(KICK_ID), "glimmer", "Glimmer")
        twitch.world.person(TWITCH_ID, "mossy_tavern", name="Mossy_Tavern")
        assert twitch.irc is not None
        twitch.irc.rooms["mossy_tavern"] = TWITCH_ID
        glimmer = kick.broadcaster(KICK_ID, "Glimmer")

        def whose(token: str) -> int | None:
            found = (one for one in there.issued if one.provider == "kick" and one.access == token)
            return next((int(one.account.id) for one in found if there.is_alive(one)), None)

        kick.whose = whose
        settings = twitch.settings | {
            "DATABASE_URL": database_url,
            "HUBBUB_SECRET_KEY": KEY,
            "KICK_CLIENT_ID": there.client_id,
            "KICK_CLIENT_SECRET": there.client_secret,
            "KICK_ID_URL": there.settings["KICK_ID_URL"],
            "KICK_API_URL": kick.url,
            "KICK_PUBLIC_KEY": kick.public_pem,
        }
        hubbub = await asyncio.to_thread(lambda: start(**settings))
        kick.webhook_url = f"{hubbub.base_url}/webhooks/kick"
        campaign = (await ask(hubbub, "POST", "/campaigns", {"name": "Vault night"}))["id"]
        books = await asyncpg.connect(database_url)
        try:
            yield Evening(hubbub, books, twitch, kick, glimmer, campaign)
        finally:
            await books.close()
        assert twitch.world.complaints == []
        assert twitch.irc.complaints == []
        assert there.complaints == []
        assert kick.complaints == []


@asynccontextmanager
async def signed_in(hubbub: Hubbub, provider: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser that went to the platform and came back."""
    async with httpx2.AsyncClient(
        base_url=hubbub.base_url, headers={"origin": hubbub.base_url}, timeout=10
    ) as browser:
        begun = await browser.get(f"/auth/{provider}/start")
        assert begun.status_code == 303, begun.text
        async with httpx2.AsyncClient() as outside:
            agreed = await outside.get(begun.headers["location"])
        assert agreed.status_code == 302, agreed.text
        # The platform knows us as localhost; this browser as 127.0.0.1.
        parts = urlsplit(agreed.headers["location"])
        back = await browser.get(f"{parts.path}?{parts.query}")
        assert back.status_code == 303, back.text
        yield await csrf(browser)


async def join(night: Evening, provider: str, login: str) -> None:
    """Invited, signed in, accepted, agreed."""
    body = {"platform": provider, "login": login, "role": "streamer"}
    await ask(night.hubbub, "POST", f"/campaigns/{night.campaign}/members", body)
    async with signed_in(night.hubbub, provider) as browser:
        (invitation,) = (await browser.get("/api/v1/invitations")).json()["items"]
        answer = await browser.post(f"/api/v1/invitations/{invitation['id']}/accept", json={})
        assert answer.status_code == 200, answer.text
        agreed = await browser.post(
            f"/api/v1/campaigns/{night.campaign}/consents", json={"capabilities": ["polls", "rewards"]}
        )
        assert agreed.status_code == 200, agreed.text
    items = (await ask(night.hubbub, "GET", f"/campaigns/{night.campaign}/channels"))["items"]
    (night.channels[provider],) = [one["id"] for one in items if one["platform"] == provider]


async def listening(night: Evening) -> None:
    """Chat, events and webhooks of both channels are on."""
    assert night.twitch.irc is not None
    await night.twitch.irc.joined("mossy_tavern", seconds=15)

    async def holds() -> bool:
        types = {one.type for one in night.twitch.world.subscriptions_of(TWITCH_ID)}
        return {"channel.raid", "channel.follow", "channel.subscription.gift"} <= types and all(
            night.kick.has(KICK_ID, event)
            for event in (
                "chat.message.sent",
                "channel.subscription.gifts",
                "channel.reward.redemption.updated",
            )
        )

    await until(holds, "everything is subscribed to")


async def launch(night: Evening) -> str:
    """A poll over both channels, with Twitch's own beside it, where points are votes."""
    body = {
        "question": "Which door?",
        "options": OPTIONS,
        "duration_s": 1200,
        "native": "points",
        "points_per_vote": 50,
    }
    poll: str = (await ask(night.hubbub, "POST", f"/campaigns/{night.campaign}/polls", body))["id"]
    await ask(night.hubbub, "POST", f"/polls/{poll}/launch", {})

    async def holds() -> bool:
        states = await night.rows("SELECT state FROM native_polls")
        return states == [("running",)]

    await until(holds, "Twitch runs the poll")
    return poll


async def sell(night: Evening) -> dict[str, str]:
    """A reward on each channel; answers the platforms' ids."""
    for channel in night.channels.values():
        body = {"channel_id": channel, "title": "Reroll", "cost": 500}
        await ask(night.hubbub, "POST", f"/campaigns/{night.campaign}/rewards", body)

    async def holds() -> bool:
        return bool(night.twitch.world.rewards and night.glimmer.rewards)

    await until(holds, "both platforms have the reward")
    await until(lambda: _have_ids(night), "and we know their ids")
    return {"twitch": next(iter(night.twitch.world.rewards)), "kick": next(iter(night.glimmer.rewards))}


async def _have_ids(night: Evening) -> bool:
    items = (await ask(night.hubbub, "GET", f"/campaigns/{night.campaign}/rewards"))["items"]
    return all(one["platform_reward_id"] and one["state"] == "live" for one in items)


async def decide(night: Evening, redemption: str, decision: str) -> None:
    """The host's word about a redemption, as soon as it is on the desk."""
    found: list[tuple[Any, ...]] = []

    async def holds() -> bool:
        found[:] = await night.rows("SELECT id FROM redemptions WHERE redemption_id = $1", redemption)
        return bool(found)

    await until(holds, f"{redemption} is on the desk")
    await ask(night.hubbub, "POST", f"/redemptions/{found[0][0]}/{decision}", {})


async def lose_twitch(night: Evening, meanwhile: Callable[[], Awaitable[None]]) -> None:
    """Helix and EventSub are gone for a while; chat, on another line, goes on."""
    night.twitch.world.is_away = True
    await night.twitch.eventsub.drop(away_s=OUTAGE_S)
    began = time.monotonic()
    await meanwhile()
    await asyncio.sleep(max(0.0, OUTAGE_S - (time.monotonic() - began)))
    night.twitch.world.is_away = False


# --- the model: what the platforms hold and have told, in the words of our tables -------------------------


def redemptions_of(night: Evening) -> list[tuple[str, str, int, str, str]]:
    words = {"pending": "unfulfilled", "accepted": "fulfilled", "rejected": "canceled"}
    found = [
        ("twitch", one.id, one.cost, one.user.id, one.status.lower())
        for one in night.twitch.world.redemptions.values()
    ]
    found += [
        ("kick", one["id"], one["reward"]["cost"], str(one["redeemer"]["user_id"]), words[one["status"]])
        for one in night.glimmer.redemptions.values()
    ]
    return sorted(found)


def supports_of(night: Evening) -> list[tuple[str, str, str, int]]:
    """One row a gift bomb, however many subscriptions it made; what nobody was told is gone."""
    found: list[tuple[str, str, str, int]] = []
    for one in night.twitch.eventsub.happened:
        if not one.told:
            continue
        match one.type:
            case "channel.raid":
                who = one.event["from_broadcaster_user_id"]
                found.append(("twitch", "raid", who, one.event["viewers"]))
            case "channel.subscription.gift":
                found.append(("twitch", "gift", one.event["user_id"], one.event["total"]))
            case "channel.follow":
                found.append(("twitch", "follow", one.event["user_id"], 1))
    for type_, body in night.sent:
        if type_ == "channel.subscription.gifts":
            found.append(("kick", "gift", str(body["gifter"]["user_id"]), len(body["giftees"])))
    return sorted(found)


def votes_of(night: Evening) -> list[tuple[str, str, int]]:
    return sorted((platform, voter, choice) for (platform, voter), choice in night.votes.items())


#: `status` is what the platform last told; what it has carried out for us is known without being told.
REDEMPTIONS = """
SELECT platform, redemption_id, cost::int, user_id,
       CASE WHEN settlement <> 'done' THEN status
            WHEN decision = 'refund' THEN 'canceled'
            ELSE 'fulfilled' END
  FROM redemptions ORDER BY 1, 2
"""
#: Of chat; votes by points have ballots of their own.
VOTES = """
SELECT platform, platform_user_id, choice::int FROM poll_votes WHERE ballot NOT LIKE 'points:%' ORDER BY 1, 2
"""
SUPPORTS = "SELECT platform, kind, platform_user_id, quantity::int FROM monetization_events ORDER BY 1, 2, 3"


async def compare(night: Evening, poll: str) -> None:
    """The books against the model, table by table."""
    await night.until_rows(REDEMPTIONS, lambda: redemptions_of(night), "redemptions")
    settled = await night.rows("SELECT redemption_id, decision, settlement FROM redemptions")
    assert {(decision, how) for _, decision, how in settled} == {
        ("none", "open"),
        ("refund", "done"),
        ("fulfil", "done"),
    }
    changes = [one.changes for one in night.twitch.world.redemptions.values()]
    assert max(changes) == 1, "Twitch was asked once about each"

    await night.until_rows(SUPPORTS, lambda: supports_of(night), "support")
    kinds = [(platform, kind) for platform, kind, _, _ in supports_of(night)]
    assert kinds == [("kick", "gift"), ("twitch", "follow"), ("twitch", "gift"), ("twitch", "raid")]

    assert await night.rows(VOTES) == votes_of(night)

    (theirs,) = night.twitch.world.polls.values()
    bought = await night.rows(
        "SELECT choice::int, count(*)::int FROM poll_votes WHERE ballot LIKE 'points:%' GROUP BY 1 ORDER BY 1"
    )
    assert bought == [(number, one.points) for number, one in enumerate(theirs.choices, 1) if one.points]
    ((state, native_id, votes, points),) = await night.rows(
        "SELECT state, native_id, votes, points FROM native_polls"
    )
    assert (state, native_id) == (theirs.status.lower(), theirs.id)
    assert list(votes) == [choice.votes for choice in theirs.choices]
    assert list(points) == [choice.points for choice in theirs.choices]

    by_chat = Counter(night.votes.values())
    shown = await ask(night.hubbub, "GET", f"/polls/{poll}")
    assert shown["state"] == "closed"
    assert [option["votes"] for option in shown["options"]] == [
        by_chat[number] + choice.points for number, choice in enumerate(theirs.choices, 1)
    ]
    ledger = await night.rows("SELECT count(*), count(DISTINCT message_id) FROM poll_vote_ledger")
    assert ledger[0][0] == ledger[0][1], "no line stands there twice"

    gaps = await night.rows(
        "SELECT part, reason, ended_at IS NOT NULL, repaired_at IS NOT NULL FROM channel_gaps"
    )
    assert gaps == [("events", "lost", True, True)]
    assert await night.rows("SELECT kind, state FROM outbox WHERE state NOT IN ('done', 'sent')") == []


async def test_the_books_of_an_evening_are_what_happened(
    start_hubbub: StartHubbub, database_url: str
) -> None:
    async with evening(start_hubbub, database_url) as night:
        world, helix = night.twitch.world, night.twitch.helix
        night.twitch.eventsub.doubles = True
        await join(night, "twitch", "mossy_tavern")
        await join(night, "kick", "glimmer")
        await listening(night)
        poll = await launch(night)
        (theirs,) = world.polls.values()
        for number in range(6):
            await night.vote("twitch" if number % 2 else "kick", number, 1 + number % 3 % 2)
        await night.vote("twitch", 1, 2)  # another mind: the last word counts
        await helix.vote(theirs, 0, free=4, points=3)

        rewards = await sell(night)
        spent = [await helix.redeem(TWITCH_ID, rewards["twitch"], night.viewer(n).id) for n in range(3)]
        for author in (920_001, 920_002):
            body = night.glimmer.redeem(rewards["kick"], author)
            await night.kick_tells("channel.reward.redemption.updated", body)
        await decide(night, spent[0].id, "refund")
        await decide(night, spent[1].id, "fulfil")
        await decide(night, next(iter(night.glimmer.redemptions)), "refund")

        raider, giver = world.person("700500", "raider"), world.person("700501", "giver")
        await night.twitch.raid(TWITCH_ID, raider, 42)
        await night.twitch.gift_bomb(TWITCH_ID, giver, 5)
        gift = {
            "broadcaster": night.glimmer.user,
            "gifter": user(920_050, "Generous"),
            "giftees": [user(920_100 + number, f"Given_{number}") for number in range(3)],
            "created_at": night.glimmer.chat("x")["created_at"],
            "expires_at": night.glimmer.chat("x")["created_at"],
        }
        await night.kick_tells("channel.subscription.gifts", gift)

        async def meanwhile() -> None:
            spent.extend(
                [await helix.redeem(TWITCH_ID, rewards["twitch"], night.viewer(n).id) for n in (7, 8)]
            )
            await night.twitch.follow(TWITCH_ID, night.viewer(9))  # nobody will ever tell us
            await helix.vote(theirs, 1, points=2)
            await night.vote("kick", 20, 2)
            await decide(night, spent[2].id, "refund")  # and Twitch cannot hear it

        await lose_twitch(night, meanwhile)

        await night.until_rows(
            "SELECT count(*)::int FROM channel_gaps WHERE repaired_at IS NULL", lambda: [(0,)], "repaired"
        )
        await listening(night)
        await night.twitch.follow(TWITCH_ID, night.viewer(10))
        await night.vote("twitch", 30, 1)
        await decide(night, spent[3].id, "fulfil")
        await night.until_rows(VOTES, lambda: votes_of(night), "chat votes")
        await ask(night.hubbub, "POST", f"/polls/{poll}/close", {})

        async def is_over() -> bool:
            shown = await ask(night.hubbub, "GET", f"/polls/{poll}")
            return theirs.is_over and shown["state"] == "closed"

        await until(is_over, "both polls are over")
        await compare(night, poll)
