"""What Kick's webhooks mean: the samples of platforms/kick.md §4.6 field by field, and what may miss."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson
import pytest

from integrations.deliveries import Delivery
from integrations.kick.webhook_events import TYPES, Ignored, Misfit, read, without_emotes
from server.rules.events import ChatMessage, OtherEvent, User
from server.rules.platform_events import Redeemed, StreamChanged, Supported
from tests.kick_samples import SAMPLES, sample

NOW = datetime(2026, 11, 20, 18, 30, 6, 400_000, tzinfo=UTC)
HEADER_TIME = datetime(2026, 11, 20, 18, 30, 5, 900_000, tzinfo=UTC)
ID = "01KCHUBBUB0000000000000001"
T = TypeVar("T")


def delivery(type_: str, version: str = "1") -> Delivery:
    return Delivery(ID, "event", type_, version, HEADER_TIME)


def told(name: str, kind: type[T], change: Callable[[Any], object] = lambda body: None) -> T:
    """A sample, changed, as the event that it must be."""
    body = sample(name)
    change(body)
    event = read(delivery(SAMPLES[name]), orjson.loads(json.dumps(body)), NOW)
    assert isinstance(event, kind), event
    return event


def misfit(name: str, change: Callable[[Any], object]) -> str:
    return told(name, Misfit, change).reason


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_every_type_has_a_sample() -> None:
    assert set(SAMPLES.values()) == set(TYPES)


def test_a_line_of_chat() -> None:
    assert told("chat", ChatMessage) == ChatMessage(
        platform="kick",
        channel_id="910001",
        message_id="7b7f0a52-8c0f-4a44-9df2-4f2b6d6f0a01",
        user=User("910555", "rook-feather", "Rook_Feather", ("subscriber", "vip")),
        text="!vote 2",
        sent_at=at("2026-11-20T18:30:05Z"),
        received_at=NOW,
    )


def test_a_follow_has_the_time_of_its_header() -> None:
    event = told("follow", Supported)
    assert (event.kind, event.channel_id, event.message_id) == ("follow", "910001", ID)
    assert event.user == User("910556", "tinkertess", "TinkerTess")
    assert (event.sent_at, event.quantity, event.tier, event.months) == (HEADER_TIME, 1, 0, 0)


def test_a_new_subscription() -> None:
    event = told("subscription-new", Supported)
    assert (event.kind, event.months, event.tier, event.quantity) == ("subscription", 1, 1, 1)
    assert event.user == User("910557", "lanternlou", "LanternLou")
    assert event.sent_at == at("2026-11-20T18:31:00Z")


def test_a_renewal_is_not_as_old_as_its_subscription() -> None:
    event = told("subscription-renewal", Supported)
    assert (event.kind, event.months, event.sent_at) == ("resub", 7, HEADER_TIME)
    later = told("subscription-renewal", Supported, lambda body: body.update(duration=8))
    assert later.fact != event.fact, "the next month is another fact"


def test_a_gift_bomb_is_one_fact() -> None:
    event = told("gifts-anonymous", Supported)
    assert (event.kind, event.quantity, event.user) == ("gift", 2, None)
    assert event.sent_at == at("2026-11-20T18:33:00Z")
    turned = told("gifts-anonymous", Supported, lambda body: body["giftees"].reverse())
    assert turned.fact == event.fact

    def another(body: Any) -> None:
        body["giftees"][0]["user_id"] = 910561

    assert told("gifts-anonymous", Supported, another).fact != event.fact
    assert told("gifts-anonymous", Ignored, lambda body: body.update(giftees=[])).reason == "nothing_given"


def test_a_giver_who_is_known() -> None:
    def known(body: Any) -> None:
        body["gifter"] = sample("chat")["sender"]

    assert told("gifts-anonymous", Supported, known).user == User("910555", "rook-feather", "Rook_Feather")


@pytest.mark.parametrize(
    ("theirs", "ours"), [("pending", "unfulfilled"), ("accepted", "fulfilled"), ("rejected", "canceled")]
)
def test_a_redemption(theirs: str, ours: str) -> None:
    event = told("redemption", Redeemed, lambda body: body.update(status=theirs))
    assert event == Redeemed(
        platform="kick",
        channel_id="910001",
        message_id=ID,
        user=User("910555", "rook-feather", "Rook_Feather"),
        redemption_id="01KCRED00000000000000000001",
        reward_id="01KCRWD00000000000000000001",
        reward_title="Join the heist",
        cost=500,
        user_input="join heist",
        status=ours,  # type: ignore[arg-type]
        redeemed_at=at("2026-11-20T18:40:00.120Z"),
        sent_at=HEADER_TIME,
        received_at=NOW,
    )


def test_a_stream_that_begins_and_ends() -> None:
    began, ended = told("stream-start", StreamChanged), told("stream-end", StreamChanged)
    assert (began.is_live, began.started_at, began.sent_at, began.title) == (
        True,
        at("2026-11-20T17:00:00Z"),
        at("2026-11-20T17:00:00Z"),
        "Vault night",
    )
    assert (ended.is_live, ended.sent_at) == (False, at("2026-11-20T21:10:00Z"))
    assert began.started_at is not None
    assert began.started_at.tzinfo == UTC, "whatever offset it came with"


@pytest.mark.parametrize("name", ["metadata", "ban"])
def test_what_no_game_reads_is_named(name: str) -> None:
    event = told(name, OtherEvent)
    assert (event.type, event.channel_id, event.message_id) == (SAMPLES[name], "910001", ID)


def test_kicks() -> None:
    event = told("kicks", Supported)
    assert (event.kind, event.quantity, event.message, event.tier) == ("kicks", 500, "open it!", 0)
    assert event.user == User("910555", "rook-feather", "Rook_Feather")
    assert event.sent_at == at("2026-11-20T18:55:00.634Z")


# --- what may be missing or different (§9.8 to 9.11) ---------------------------------------------------


def test_a_chatter_needs_no_identity_no_emotes_and_no_flag() -> None:
    def bare(body: Any) -> None:
        del body["sender"]["identity"], body["sender"]["is_anonymous"], body["emotes"], body["replies_to"]

    assert told("chat", ChatMessage, bare).user == User("910555", "rook-feather", "Rook_Feather")


def test_names_are_decoration() -> None:
    event = told("chat", ChatMessage, lambda body: body.update(sender={"user_id": 1}))
    assert event.user == User("1", "", "")


def test_the_broadcaster_is_known_by_id_and_not_by_badge() -> None:
    def own(body: Any) -> None:
        body["sender"]["user_id"] = 910001

    assert told("chat", ChatMessage, own).user.roles == ("broadcaster", "subscriber", "vip")

    def pretends(body: Any) -> None:
        body["sender"]["identity"]["badges"] = [{"type": "broadcaster"}, {"type": "founder"}, {"type": "og"}]

    assert told("chat", ChatMessage, pretends).user.roles == ("subscriber",)


@pytest.mark.parametrize("id_", [2**53 + 1, 2**63 - 1, 2**64 - 1])
def test_ids_of_64_bit_stay_what_they_are(id_: int) -> None:
    def large(body: Any) -> None:
        body["sender"]["user_id"] = body["broadcaster"]["user_id"] = id_

    event = told("chat", ChatMessage, large)
    assert (event.user.id, event.channel_id) == (str(id_), str(id_))


@pytest.mark.parametrize("id_", [None, 0, -1, 1.0, 910555.5, 2**64, "", "ten", "010", True, [], {}])
def test_what_is_no_id_is_nobody(id_: object) -> None:
    def change(body: Any) -> None:
        body["sender"]["user_id"] = id_

    assert misfit("chat", change) == "sender.user_id is missing"


@pytest.mark.parametrize(
    "text",
    ["2026-11-21T05:30:05+11:00", "2026-11-20T18:30:05.000000Z", "2026-11-20T09:00:05-09:30"],
)
def test_times_with_any_offset(text: str) -> None:
    event = told("chat", ChatMessage, lambda body: body.update(created_at=text))
    assert event.sent_at == at("2026-11-20T18:30:05Z")
    assert event.sent_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("value", [None, "", "yesterday", 1795207205, "0001-01-01T00:00:00Z", "x" * 99])
def test_without_a_time_the_header_has_it(value: object) -> None:
    assert told("chat", ChatMessage, lambda body: body.update(created_at=value)).sent_at == HEADER_TIME


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("!vote 2 [emote:55501:MossDance]", "!vote 2"),
        ("[emote:1:A]2[emote:2:B]", "2"),
        ("1[emote:1:A]2", "1 2"),
        ("2", "2"),
        (" 2 ", " 2 "),
        ("[emote:1:A]", ""),
        ("[emote:1:", "[emote:1:"),
        ("[emote:1:[emote:1:A]]", "[emote:1: ]"),
        ("[EMOTE:1:A] 2", "[EMOTE:1:A] 2"),
    ],
)
def test_words_without_emotes(content: str, words: str) -> None:
    assert without_emotes(content) == words
    assert told("chat", ChatMessage, lambda body: body.update(content=content)).text == words


def test_looking_for_emotes_takes_a_line_as_long_as_it_is() -> None:
    hostile = "[emote:" * 2_000 + "1:" * 2_000
    assert without_emotes(hostile) == hostile.strip()


def test_what_cannot_be_stored_is_not_in_a_text() -> None:
    event = told("chat", ChatMessage, lambda body: body.update(content="2\x00"))
    assert event.text == "2"


# --- what a delivery is not ---------------------------------------------------------------------------


#: These two have the same fields: the one may be told as the other (module docstring).
ALIKE = {"subscription-new", "subscription-renewal"}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_body_under_the_name_of_another_type_is_none(name: str) -> None:
    taken = {
        other
        for other in TYPES
        if not isinstance(read(delivery(other), sample(name), NOW), Misfit) and other != SAMPLES[name]
    }
    assert taken == ({SAMPLES[other] for other in ALIKE - {name}} if name in ALIKE else set())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "the body is no object"),
        ("chat", "the body is no object"),
        (None, "the body is no object"),
        ({}, "broadcaster is missing"),
        ({"broadcaster": 910001}, "broadcaster is missing"),
        ({"broadcaster": {"user_id": 1e3}}, "broadcaster.user_id is missing"),
    ],
)
def test_a_body_that_is_none(body: object, reason: str) -> None:
    assert read(delivery("chat.message.sent"), body, NOW) == Misfit(reason)


@pytest.mark.parametrize("type_", ["", "chat.message.deleted", "CHAT.MESSAGE.SENT", "x" * 10_000])
def test_an_unknown_type_is_ignored(type_: str) -> None:
    assert read(delivery(type_), sample("chat"), NOW) == Ignored("unknown_type")


@pytest.mark.parametrize("version", ["", "2", "1.0", "01", "v1"])
def test_an_unknown_version_is_ignored(version: str) -> None:
    assert read(delivery("chat.message.sent", version), sample("chat"), NOW) == Ignored("unknown_version")
