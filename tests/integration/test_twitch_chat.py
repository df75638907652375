"""Lines said in Twitch's chat: once, in time, not too fast, never swallowed as a repeat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from integrations.chat_courier import GAP_S, LIFE, ChatCourier, MayNot, by_consents
from integrations.twitch.chat import TwitchSpeaker
from server.engine.clock import DatabaseClock
from server.engine.outbox import Outbox
from server.rules.delivery import Again, Dead, Done, Item, Verdict
from sql import outbox
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.twitch_world import Fault
from tests.integration.twitch_rig import MOSSY, TwitchRig, twitch_rig

KIND = "twitch.chat"


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[TwitchRig]:
    async with twitch_rig(database) as rig:
        yield rig


@pytest.fixture
async def linked(rig: TwitchRig) -> TwitchRig:
    await rig.link()
    return rig


async def anything(campaign_id: UUID, channel_id: str) -> str | None:
    return None


def courier(rig: TwitchRig, *, gap_s: float = 0, may_not: MayNot = anything) -> ChatCourier:
    return ChatCourier("twitch", TwitchSpeaker(rig.helix), DatabaseClock(), may_not, gap_s=gap_s)


def item(text: object = "Hello", *, age_s: float = 0, attempts: int = 0, **payload: object) -> Item:
    created = datetime.now(UTC) - timedelta(seconds=age_s)
    return Item(uuid7(), uuid7(), KIND, {"channel_id": MOSSY, "text": text} | payload, attempts, created)


def said(rig: TwitchRig) -> list[str]:
    return [one.text for one in rig.twitch.world.said if one.is_sent]


async def test_a_line_is_said_as_the_streamer_and_is_no_order(linked: TwitchRig) -> None:
    verdict = await courier(linked).deliver(item("/ban all", reply_to="5b1c9e3a-6f52"))
    assert isinstance(verdict, Done)
    assert verdict.detail
    (line,) = linked.twitch.world.said
    assert (line.channel_id, line.sender_id, line.text) == (MOSSY, MOSSY, "› /ban all")
    assert line.reply_to == "5b1c9e3a-6f52"


async def test_repeats_are_marked_and_not_swallowed(linked: TwitchRig) -> None:
    speaker = courier(linked)
    for _ in range(3):
        assert isinstance(await speaker.deliver(item("Vote now!")), Done)
    assert said(linked) == ["Vote now!", "Vote now! ·", "Vote now! ··"]
    assert len(linked.twitch.world.said) == 3


async def test_what_another_process_said_is_learned_from_twitch(linked: TwitchRig) -> None:
    assert isinstance(await courier(linked).deliver(item("Vote now!")), Done)
    assert isinstance(await courier(linked).deliver(item("Vote now!")), Done)
    assert said(linked) == ["Vote now!", "Vote now! ·"]


async def test_what_twitch_does_not_show_is_told_with_its_reason(linked: TwitchRig) -> None:
    linked.twitch.world.dropping[MOSSY] = "channel_settings"
    verdict = await courier(linked).deliver(item())
    assert isinstance(verdict, Dead)
    assert "did not show it" in verdict.why
    assert "channel_settings" in verdict.why


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (item(age_s=10.5), "older than ten seconds"),
        (item(attempts=1), "not said twice"),
        (item(""), "nothing to say"),
        (item(None), "nothing to say"),
        (item(channel_id="login:mossy"), "nobody knows where"),
        (item(channel_id=7), "nobody knows where"),
    ],
)
async def test_what_is_not_said(linked: TwitchRig, one: Item, why: str) -> None:
    verdict = await courier(linked).deliver(one)
    assert isinstance(verdict, Dead)
    assert why in verdict.why
    assert said(linked) == []


async def test_lines_are_paced_and_waiting_is_no_try(linked: TwitchRig) -> None:
    speaker = courier(linked, gap_s=GAP_S)
    assert isinstance(await speaker.deliver(item("one")), Done)
    waits = await speaker.deliver(item("two"))
    assert isinstance(waits, Again)
    assert not waits.counts
    assert waits.after_s is not None
    assert 0 < waits.after_s <= 1


async def test_twenty_lines_in_half_a_minute(linked: TwitchRig) -> None:
    speaker = courier(linked)
    verdicts: list[Verdict] = [await speaker.deliver(item(str(n))) for n in range(21)]
    assert all(isinstance(verdict, Done) for verdict in verdicts[:20])
    last = verdicts[20]
    assert isinstance(last, Again)
    assert last.after_s is not None
    assert 20 < last.after_s <= 30


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(429), Again, "fewer lines"),
        (Fault(502), Dead, "not said twice"),
        (Fault(503), Dead, "not said twice"),
        (Fault(cut=True, after_work=True), Dead, "not said twice"),
        (Fault(delay_s=3, after_work=True), Dead, "not said twice"),
        (Fault(400, "The message was too rude"), Dead, "too rude"),
    ],
)
async def test_what_twitch_says_no_to(linked: TwitchRig, fault: Fault, kind: type[Any], words: str) -> None:
    linked.twitch.world.faults["POST chat/messages"] = fault
    verdict = await courier(linked).deliver(item())
    assert isinstance(verdict, kind)
    assert words in verdict.why
    assert len(linked.twitch.world.calls_of("POST", "chat/messages")) == 1


async def test_a_line_that_waited_is_not_taken_for_a_repeat(linked: TwitchRig) -> None:
    linked.twitch.world.faults["POST chat/messages"] = Fault(429)
    speaker = courier(linked)
    assert isinstance(await speaker.deliver(item("Hello")), Again)
    linked.helix._pauses.clear()
    assert isinstance(await speaker.deliver(item("Hello")), Done)
    assert said(linked) == ["Hello"]


async def test_a_dead_token_is_replaced_once(linked: TwitchRig) -> None:
    linked.twitch.world.revoke_tokens(MOSSY)
    assert isinstance(await courier(linked).deliver(item()), Done)
    assert said(linked) == ["Hello"]
    assert linked.issuer.refreshes == 1


async def test_who_has_disconnected_is_told_to_connect_again(linked: TwitchRig) -> None:
    linked.twitch.world.revoke_tokens(MOSSY)
    linked.issuer.is_revoked = True
    verdict = await courier(linked).deliver(item())
    assert isinstance(verdict, Dead)
    assert "again" in verdict.why


async def test_a_permission_that_was_not_given_is_named_without_a_call(rig: TwitchRig) -> None:
    await rig.link(scopes=("user:read:chat",))
    verdict = await courier(rig).deliver(item())
    assert isinstance(verdict, Dead)
    assert "has not let Hubbub write in chat" in verdict.why
    assert rig.twitch.world.calls_of("POST", "chat/messages") == []


async def test_nobody_is_linked(rig: TwitchRig) -> None:
    verdict = await courier(rig).deliver(item(channel_id="5"))
    assert isinstance(verdict, Dead)
    assert "linked" in verdict.why


async def test_by_way_of_the_outbox_with_the_consents_of_the_moment(rig: TwitchRig) -> None:
    streamer = await rig.link()
    campaign = await rig.campaign()
    await rig.channel(campaign)
    box = Outbox(rig.database, [courier(rig, may_not=by_consents(rig.database, "twitch"))])

    async def order(key: str) -> str:
        async with rig.database.transaction() as connection:
            id_ = await outbox.add(
                connection,
                campaign,
                KIND,
                key=key,
                payload={"channel_id": MOSSY, "text": key},
                order_key=f"twitch.chat:{MOSSY}",
                expires_in_s=LIFE.total_seconds(),
            )
        await box.deliver_due()
        async with rig.database.connection() as connection:
            return str(await connection.fetchval("SELECT last_error FROM outbox WHERE id = $1", id_))

    assert "has not been invited" in await order("first")
    assert said(rig) == []
    async with rig.database.transaction() as connection:
        await connection.execute("UPDATE campaigns SET owner_id = $2 WHERE id = $1", campaign, streamer)
    await order("second")
    assert said(rig) == ["second"]
