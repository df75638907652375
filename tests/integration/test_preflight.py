"""Check everything: the registry, its buttons, kept reports, the warning of a launch, who is looked after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from integrations.account_watch import AccountWatch
from integrations.line import Method
from integrations.rest import Answer, Unclear
from server.web.checks.registry import CHECKS
from sql import kick_subscriptions, preflight_reports
from sql.kick_subscriptions import Noted
from sql.pool import Database
from tests.integration.members_rig import Someone, joined, someone, token
from tests.integration.web_rig import Rig, rig_on, wrong


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig_on(database, tmp_path, data_dir=tmp_path) as made:
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


async def found(person: Someone, show: str, name: str) -> list[Any]:
    """The checks of this name."""
    told = await person.get(f"/campaigns/{show}/preflight")
    return [check for check in told["checks"] if check["name"] == name]


def test_the_registry_has_what_is_asked_for() -> None:
    names = " ".join(check.name for check in CHECKS)
    for wanted in (
        "tokens",
        "scopes",
        "subscriptions",
        "lag",
        "overlays",
        "tables",
        "clock",
        "redis",
        "disk",
    ):
        assert wanted in names
    assert len({check.name for check in CHECKS}) == len(CHECKS)


async def test_what_is_missing_has_a_button(ana: Someone, show: str) -> None:
    assert (await found(ana, show, "Channels"))[0]["button"]["do"] == "add_channel"
    assert (await found(ana, show, "Overlays"))[0]["button"]["do"] == "add_overlay"
    disk = (await found(ana, show, "Disk"))[0]
    assert disk["detail"].endswith("GiB free"), "and not where"


async def test_a_streamer_is_reminded_by_others_and_mends_it_themself(
    rig: Rig, ana: Someone, ben: Someone, show: str
) -> None:
    name = "Streamer Ben"
    pending = await ana.post(f"/campaigns/{show}/members", {"platform": "twitch", "login": "ben_rolls"}, 201)
    assert (await found(ana, show, name))[0]["button"]["place"] == "people"
    await ana.delete(f"/members/{pending['id']}")
    member = await joined(ana, show, ben, "ben_rolls")
    check = (await found(ana, show, name))[0]
    assert check["status"] == "warn"
    assert (check["button"]["do"], check["button"]["member_id"]) == ("remind", member)
    await ana.post(f"/members/{check['button']['member_id']}/remind")
    own = (await ben.get(f"/campaigns/{show}/readiness"))["streamers"][0]
    assert own["reminded_at"]
    assert own["issues"][0]["button"]["do"] == "agree"
    await ben.post(f"/campaigns/{show}/consents", {"capabilities": ["polls", "rewards"]})
    await token(rig.services.database, "77", "user:read:chat")
    own = (await ben.get(f"/campaigns/{show}/readiness"))["streamers"][0]
    (issue,) = own["issues"]
    assert (issue["code"], issue["serious"], own["ready"]) == ("scope_missing", False, True)
    assert (issue["button"]["do"], issue["button"]["platform"]) == ("link", "twitch")
    await token(rig.services.database, "77", state="needs_relink")
    (check,) = await found(ana, show, name)
    assert "does not accept" in check["detail"]
    await token(rig.services.database, "77", "channel:manage:redemptions")
    assert [c["status"] for c in await found(ana, show, name)] == ["pass"]


async def test_reports_are_kept_and_not_for_ever(ana: Someone, ben: Someone, rig: Rig, show: str) -> None:
    for _ in range(3):
        await ana.post(f"/campaigns/{show}/preflight")
    kept = (await ana.get(f"/campaigns/{show}/preflight/reports"))["items"]
    assert [one["source"] for one in kept] == ["desk"] * 3
    assert kept[0]["at"] >= kept[2]["at"]
    assert not kept[0]["healthy"]
    assert kept[0]["warnings"] == sum(one["status"] == "warn" for one in kept[0]["checks"])
    async with rig.services.database.transaction() as connection:
        for number in range(preflight_reports.KEPT):
            await preflight_reports.keep(
                connection, UUID(show), source="doctor", actor=str(number), checks=[], took_ms=1
            )
        assert len(await preflight_reports.page(connection, UUID(show), None, 100)) == preflight_reports.KEPT
    cursor = (await ana.get(f"/campaigns/{show}/preflight/reports?limit=20"))["next"]
    assert (
        len((await ana.get(f"/campaigns/{show}/preflight/reports?limit=20&cursor={cursor}"))["items"]) == 20
    )
    await joined(ana, show, ben, "ben_rolls")
    wrong(await ben.http.post(f"/api/v1/campaigns/{show}/preflight", json={}), 403, "not_allowed")


async def test_a_launch_warns_and_never_waits(ana: Someone, ben: Someone, show: str) -> None:
    await joined(ana, show, ben, "ben_rolls")
    added = {"platform": "custom", "login": "stage", "source": "api"}
    await ana.post(f"/campaigns/{show}/channels", added, 201)
    body = {"question": "Which door?", "options": ["Left", "Right"], "duration_s": 60}
    poll = (await ana.post(f"/campaigns/{show}/polls", body, 201))["id"]
    launched = await ana.post(f"/polls/{poll}/launch")
    assert launched["state"] == "open"
    assert launched["warnings"] == ["Ben: Has not agreed to polls for this evening."]
    assert (await ana.get(f"/polls/{poll}"))["warnings"] == []


async def test_kick_is_asked_again(ana: Someone, rig: Rig, show: str) -> None:
    """What Kick has dropped is told, and past once it is held again and somebody has asked."""
    body = {"platform": "kick", "login": "mossytavern", "source": "webhook", "channel_id": "910001"}
    channel = (await ana.post(f"/campaigns/{show}/channels", body, 201))["id"]
    database, chat = rig.services.database, ("910001", "chat.message.sent")
    watch = AccountWatch(database, None)

    async def told() -> list[str]:
        await watch.round()
        return [one["detail"] for one in await found(ana, show, "Streamer Ana")]

    async def kick_holds(id_: str, error: str = "", *, is_lost: bool = False) -> None:
        async with database.connection() as connection:
            await kick_subscriptions.note(connection, [Noted(*chat, id_, error, is_lost)])

    await kick_holds("s1")
    assert not any("has stopped" in words for words in await told())
    await kick_holds("", "webhook is disabled", is_lost=True)
    assert any("Kick has stopped sending its chat" in words for words in await told())
    await kick_holds("s2")
    assert any("has stopped" in words for words in await told()), "it had dropped it: nothing has come since"
    (check,) = [c for c in await found(ana, show, "Streamer Ana") if "has stopped" in c["detail"]]
    button = check["button"]
    asked = {"platform": button["platform"], "channel_id": button["account_id"], "code": button["code"]}
    await ana.post(f"/campaigns/{show}/readiness/check-again", asked, 202)
    assert any("has stopped" in words for words in await told()), "not compared yet"
    await kick_holds("s2")
    assert not any("has stopped" in words for words in await told())

    assert (await found(ana, show, "Channel mossytavern"))[0]["button"]["channel_id"] == channel
    await ana.post(f"/channels/{channel}/subscribe-again", status=202)
    other = {"platform": "custom", "login": "stage", "source": "api"}
    other_id = (await ana.post(f"/campaigns/{show}/channels", other, 201))["id"]
    wrong(await ana.http.post(f"/api/v1/channels/{other_id}/subscribe-again", json={}), 409, "not_kick")
    stranger = await someone(rig, "Eve")
    wrong(await stranger.http.post(f"/api/v1/channels/{channel}/subscribe-again", json={}), 404, "not_found")


class Twitch:
    """Answers as the API does; `fails` for an outage."""

    def __init__(self) -> None:
        self.users: Any = [{"id": "70", "broadcaster_type": ""}]
        self.sessions: Any = []
        self.fails = False
        self.calls = 0

    async def call(
        self,
        account_id: str,
        method: Method,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        **_: Any,
    ) -> Answer:
        self.calls += 1
        if self.fails:
            raise Unclear("The platform did not answer.")
        assert method == "GET"
        assert query[0][1] == account_id
        return Answer({"data": self.users if path == "/users" else self.sessions})


async def test_twitch_is_asked_now_and_then_and_when_somebody_asks(ana: Someone, rig: Rig, show: str) -> None:
    body = {"platform": "twitch", "login": "ana", "source": "irc", "channel_id": "70"}
    await ana.post(f"/campaigns/{show}/channels", body, 201)
    await token(rig.services.database, "70", "user:read:chat")
    twitch, now = Twitch(), 1000.0
    watch = AccountWatch(rig.services.database, twitch, clock=lambda: now)

    async def codes() -> set[str]:
        await watch.round()
        told = (await ana.get(f"/campaigns/{show}/readiness"))["streamers"]
        return {issue["code"] for one in told for issue in one["issues"]}

    twitch.fails = True
    assert await codes() == set(), "an outage is nobody's trouble"
    twitch.fails = False
    now += 61
    assert await codes() == {"not_affiliate"}
    twitch.users, calls = [{"id": "70", "broadcaster_type": "partner"}], twitch.calls
    assert await codes() == {"not_affiliate"}
    assert twitch.calls == calls, "not looked at again so soon"
    asked = {"platform": "twitch", "channel_id": "70", "code": "not_affiliate"}
    await ana.post(f"/campaigns/{show}/readiness/check-again", asked, 202)
    assert await codes() == set()
    twitch.sessions = [{"participants": [{"broadcaster_id": "70"}, {"broadcaster_id": "9"}]}]
    now += 301
    assert await codes() == {"shared_chat"}
    twitch.users, twitch.sessions = [], []
    now += 301
    assert await codes() == {"streamer_inactive"}
    for nonsense in (None, "x", [7], [{"broadcaster_type": 7}]):
        twitch.users, twitch.sessions = nonsense, [{"participants": "all"}]
        now += 301
        await codes()
