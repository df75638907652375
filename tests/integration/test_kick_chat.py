"""Lines said in Kick's chat: once, in time, not too fast, as a bot or as the streamer's account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from integrations import chat_courier
from integrations.chat_courier import ChatCourier, MayNot, by_consents
from integrations.kick.chat import As, KickSpeaker
from server.engine.clock import DatabaseClock
from server.engine.outbox import Outbox
from server.rules.delivery import Again, Dead, Done, Item, Verdict
from sql import outbox
from sql.ids import uuid7
from sql.pool import Database
from tests.fakes.kick import Fault
from tests.integration.kick_rig import MOSSY, KickRig, kick_rig


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[KickRig]:
    async with kick_rig(database) as rig:
        await rig.link()
        yield rig


async def anything(campaign_id: UUID, channel_id: str) -> str | None:
    return None


def courier(
    rig: KickRig, *, speak_as: As = "bot", gap_s: float = chat_courier.GAP_S, may_not: MayNot = anything
) -> ChatCourier:
    return ChatCourier("kick", KickSpeaker(rig.api, speak_as=speak_as), DatabaseClock(), may_not, gap_s=gap_s)


def item(text: object = "Hello", *, age_s: float = 0, attempts: int = 0, **payload: object) -> Item:
    created = datetime.now(UTC) - timedelta(seconds=age_s)
    payload = {"channel_id": str(MOSSY), "text": text} | payload
    return Item(uuid7(), uuid7(), "kick.chat", payload, attempts, created)


def said(rig: KickRig) -> list[tuple[str, str]]:
    return [(one["type"], one["content"]) for one in rig.kick.broadcasters[MOSSY].said]


async def test_a_line_is_said_as_a_bot(rig: KickRig) -> None:
    verdict = await courier(rig).deliver(item("/ban all", reply_to="7b7f0a52-8c0f-4a44-9df2-4f2b6d6f0a01"))
    assert isinstance(verdict, Done)
    assert verdict.detail
    assert rig.kick.broadcasters[MOSSY].said == [
        {
            "content": "› /ban all",
            "type": "bot",
            "reply_to_message_id": "7b7f0a52-8c0f-4a44-9df2-4f2b6d6f0a01",
        }
    ]
    assert rig.kick.complaints == []


async def test_where_bots_are_not_taken_the_account_speaks(rig: KickRig) -> None:
    rig.kick.takes_bots = False
    speaker = courier(rig, gap_s=0)
    for text in ("one", "two"):
        assert isinstance(await speaker.deliver(item(text)), Done)
    assert said(rig) == [("user", "one"), ("user", "two")]
    assert rig.kick.calls["POST chat"] == 3, "the bot is not tried with every line"
    assert rig.kick.broadcasters[MOSSY].said[0]["broadcaster_user_id"] == MOSSY


async def test_the_account_alone(rig: KickRig) -> None:
    assert isinstance(await courier(rig, speak_as="user").deliver(item()), Done)
    assert said(rig) == [("user", "Hello")]


async def test_not_shown_is_not_sent(rig: KickRig) -> None:
    rig.kick.shows_lines = False
    verdict = await courier(rig).deliver(item())
    assert isinstance(verdict, Dead)
    assert "did not show it" in verdict.why


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (item(age_s=10.5), "older than ten seconds"),
        (item(attempts=1), "not said twice"),
        (item(""), "nothing to say"),
        (item(None), "nothing to say"),
        (item(channel_id="login:mossy"), "nobody knows where"),
        (item(channel_id=""), "nobody knows where"),
    ],
)
async def test_what_is_not_said(rig: KickRig, one: Item, why: str) -> None:
    verdict = await courier(rig).deliver(one)
    assert isinstance(verdict, Dead)
    assert why in verdict.why
    assert said(rig) == []


async def test_without_consent_nothing_is_said(rig: KickRig) -> None:
    async def refuses(campaign_id: UUID, channel_id: str) -> str | None:
        return f"{channel_id} has not agreed to chat."

    verdict = await courier(rig, may_not=refuses).deliver(item())
    assert verdict == Dead(f"{MOSSY} has not agreed to chat.")
    assert said(rig) == []


async def test_lines_are_paced_and_waiting_is_no_try(rig: KickRig) -> None:
    speaker = courier(rig)
    assert isinstance(await speaker.deliver(item("one")), Done)
    waits = await speaker.deliver(item("two"))
    assert isinstance(waits, Again)
    assert not waits.counts
    assert waits.after_s is not None
    assert 0 < waits.after_s <= 1
    assert isinstance(await speaker.deliver(item(channel_id="5")), Dead), "another chat does not wait"


async def test_twenty_lines_in_half_a_minute(rig: KickRig) -> None:
    speaker = courier(rig, gap_s=0)
    verdicts: list[Verdict] = [await speaker.deliver(item(str(n))) for n in range(21)]
    assert all(isinstance(verdict, Done) for verdict in verdicts[:20])
    last = verdicts[20]
    assert isinstance(last, Again)
    assert last.after_s is not None
    assert 20 < last.after_s <= 30


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (Fault(429, headers={"retry-after": "4"}), Again, "fewer lines"),
        (Fault(502), Dead, "not said twice"),
        (Fault(500, times=9), Dead, "not said twice"),
        (Fault(400, times=9, body={"message": "slow mode"}), Dead, "slow mode"),
    ],
)
async def test_what_kick_says_no_to(rig: KickRig, fault: Fault, kind: type[Any], words: str) -> None:
    rig.kick.faults["POST chat"] = fault
    verdict = await courier(rig).deliver(item())
    assert isinstance(verdict, kind)
    assert words in verdict.why
    assert said(rig) == []


async def test_an_answer_that_is_lost_is_not_said_twice(rig: KickRig) -> None:
    rig.kick.faults["POST chat"] = Fault(504, after_work=True)
    assert isinstance(await courier(rig).deliver(item()), Dead)
    assert len(said(rig)) == 1


async def test_nobody_is_linked(rig: KickRig) -> None:
    verdict = await courier(rig).deliver(item(channel_id="5"))
    assert isinstance(verdict, Dead)
    assert "linked" in verdict.why


async def test_by_way_of_the_outbox(rig: KickRig) -> None:
    """As the program does it: with the consents of the database, and the end of a line after ten seconds."""
    campaign = await rig.campaign()
    await rig.channel(campaign)

    box = Outbox(rig.database, [courier(rig, may_not=by_consents(rig.database, "kick"))])

    async def order(key: str) -> str:
        async with rig.database.transaction() as connection:
            id_ = await outbox.add(
                connection,
                campaign,
                "kick.chat",
                key=key,
                payload={"channel_id": str(MOSSY), "text": key},
                order_key=f"kick.chat:{MOSSY}",
                expires_in_s=chat_courier.LIFE.total_seconds(),
            )
        await box.deliver_due()
        async with rig.database.connection() as connection:
            return str(await connection.fetchval("SELECT last_error FROM outbox WHERE id = $1", id_))

    # The channel belongs to an account that is no member of this show.
    assert await order("first")
    assert said(rig) == []
    async with rig.database.transaction() as connection:
        await connection.execute(
            "UPDATE campaigns SET owner_id = (SELECT user_id FROM auth_providers) WHERE id = $1", campaign
        )
    await order("second")
    assert said(rig) == [("bot", "second")]
