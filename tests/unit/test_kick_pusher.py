"""Frames of Kick's website chat and what a conversation makes of them (platforms/kick.md §6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest

from integrations.kick.pusher_events import (
    REASONS,
    Greeting,
    Ignored,
    Joined,
    Line,
    Ping,
    Pong,
    Trouble,
    chat_of,
    read,
)
from integrations.kick.pusher_session import End, PusherSession, Times, end_of
from server.rules.events import ChatMessage, User
from tests.chaos.scale import Scale
from tests.vtt_mutations import Mutator

NOW = datetime(2026, 11, 20, 18, 30, 6, tzinfo=UTC)
ROOM = "chatrooms.880001.v2"
#: The frame of the document, byte for byte.
FRAME = (
    r'{"event": "App\\Events\\ChatMessageEvent", "channel": "chatrooms.880001.v2",'
    r' "data": "{\"id\":\"7b7f0a52-8c0f-4a44-9df2-4f2b6d6f0a01\",\"chatroom_id\":880001,'
    r"\"content\":\"!vote 2\",\"type\":\"message\",\"created_at\":\"2026-11-20T18:30:05+00:00\","
    r"\"sender\":{\"id\":910555,\"username\":\"Rook_Feather\",\"slug\":\"rook-feather\","
    r"\"identity\":{\"color\":\"#4B8F29\",\"badges\":[{\"type\":\"subscriber\",\"text\":\"Subscriber\","
    r'\"count\":3}]}},\"metadata\":{\"message_ref\":\"1795199405000\"}}"}'
)


def frame(event: str, data: Any = None, channel: str = "") -> str:
    return json.dumps({"event": event, "data": json.dumps(data), "channel": channel})


def test_the_frame_of_the_document() -> None:
    line = read(FRAME)
    assert isinstance(line, Line)
    assert (line.channel, line.words) == (ROOM, "!vote 2")
    assert chat_of(line.raw, NOW) == ChatMessage(
        platform="kick",
        channel_id="",
        message_id="7b7f0a52-8c0f-4a44-9df2-4f2b6d6f0a01",
        user=User("910555", "rook-feather", "Rook_Feather", ("subscriber",)),
        text="!vote 2",
        sent_at=datetime(2026, 11, 20, 18, 30, 5, tzinfo=UTC),
        received_at=NOW,
    )


def test_a_reply_is_a_line_and_what_nobody_wrote_is_none() -> None:
    data = json.loads(json.loads(FRAME)["data"])
    reply = data | {"type": "reply", "content": "2 [emote:1:A]", "metadata": {"original_sender": {"id": 1}}}
    line = read(frame("App\\Events\\ChatMessageEvent", reply, ROOM))
    assert isinstance(line, Line)
    assert line.words == "2"
    for other in ("celebration", None, 7):
        what = read(frame("App\\Events\\ChatMessageEvent", data | {"type": other}, ROOM))
        assert what == Ignored("other_kind")


@pytest.mark.parametrize(
    "event",
    [
        "App\\Events\\RewardRedeemedEvent",
        "App\\Events\\KicksGifted",
        "App\\Events\\GiftedSubscriptionsEvent",
        "App\\Events\\SubscriptionEvent",
        "App\\Events\\StreamHostEvent",
        "App\\Events\\PollUpdateEvent",
        "App\\Events\\MessageDeletedEvent",
        "App\\Events\\UserBannedEvent",
        "pusher:surprise",
    ],
)
def test_nothing_that_could_be_worth_points_is_read(event: str) -> None:
    assert read(frame(event, {"id": 1, "content": "2", "sender": {"id": 1}}, ROOM)) == Ignored("not_read")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (frame("pusher:connection_established", {"socket_id": "1", "activity_timeout": 30}), Greeting(30)),
        (frame("pusher:connection_established", {}), Greeting(120)),
        (frame("pusher:connection_established", {"activity_timeout": -1}), Greeting(120)),
        (json.dumps({"event": "pusher:ping"}), Ping()),
        (json.dumps({"event": "pusher:pong", "data": {}}), Pong()),
        (frame("pusher_internal:subscription_succeeded", {}, ROOM), Joined(ROOM)),
        (json.dumps({"event": "pusher:error", "data": {"code": 4001, "message": "no"}}), Trouble(4001, "no")),
        (frame("pusher:error", {"code": "4001"}), Trouble(0, "")),
        ("", Ignored("no_frame")),
        ("[]", Ignored("no_frame")),
        ('{"event": 7}', Ignored("no_frame")),
        ("{" * 10_000, Ignored("no_frame")),
        (frame("App\\Events\\ChatMessageEvent", "no object", ROOM), Ignored("other_kind")),
        (frame("App\\Events\\ChatMessageEvent", {"type": "message"}, ROOM), Ignored("no_chat")),
        (frame("App\\Events\\ChatMessageEvent", {"type": "message", "content": "1"}), Ignored("no_chat")),
    ],
)
def test_frames(text: str, what: object) -> None:
    assert read(text) == what


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "a b"},
        {"sender": None},
        {"sender": {"id": 0}},
        {"sender": {"id": 1.5}},
        {"sender": {"id": "010"}},
        {"content": None},
    ],
)
def test_a_line_without_what_a_vote_needs_is_none(change: dict[str, Any]) -> None:
    data = json.loads(json.loads(FRAME)["data"]) | change
    assert chat_of(json.dumps(data), NOW) is None


def test_whatever_a_frame_is_it_is_read() -> None:
    random = Random(20_261_121)  # noqa: S311
    data = json.loads(FRAME)["data"]
    mutator = Mutator(random, {"frame": FRAME, "data": data})
    lines = 0
    for _ in range(Scale.of().count(2_000, 50_000)):
        try:
            text = json.dumps(mutator.message(random.choice(("frame", "data"))))
        except (RecursionError, ValueError):  # too deep, or inside itself
            continue
        what = read(text)
        if isinstance(what, Ignored):
            assert what.reason in REASONS
        if isinstance(what, Line):
            lines += 1
            said = chat_of(what.raw, NOW)
            assert said is None or (said.user.id.isdigit() and said.platform == "kick")
        chat_of(text, NOW)
    assert lines > 100


# --- a conversation ---------------------------------------------------------------------------------------

TIMES = Times(greeting=10, pong=30)


def greeted(now: float = 0.0, silence: int = 120) -> PusherSession:
    session = PusherSession(TIMES, now)
    session.want([ROOM])
    assert session.take_outgoing() == [], "nothing is asked before the greeting"
    session.feed(frame("pusher:connection_established", {"activity_timeout": silence}), now)
    return session


def sent(session: PusherSession) -> list[Any]:
    return [json.loads(one) for one in session.take_outgoing()]


def test_it_subscribes_as_the_document_says() -> None:
    session = greeted()
    assert sent(session) == [{"event": "pusher:subscribe", "data": {"auth": "", "channel": ROOM}}]
    assert session.joined == set()
    session.feed(frame("pusher_internal:subscription_succeeded", {}, ROOM), 1)
    assert session.joined == {ROOM}
    session.want(["chatrooms.2.v2"])
    assert sent(session) == [
        {"event": "pusher:subscribe", "data": {"auth": "", "channel": "chatrooms.2.v2"}},
        {"event": "pusher:unsubscribe", "data": {"channel": ROOM}},
    ]
    assert session.joined == set()


def test_lines_of_other_rooms_are_nobodys() -> None:
    session = greeted()
    assert session.feed(FRAME, 1) is not None
    assert session.feed(FRAME.replace(ROOM, "chatrooms.9.v2"), 1) is None
    assert session.counts == {"chat": 1, "unwanted_channel": 1}


def test_a_ping_is_answered_at_once() -> None:
    session = greeted()
    sent(session)
    session.feed('{"event":"pusher:ping","data":"{}"}', 5)
    assert sent(session) == [{"event": "pusher:pong", "data": {}}]


def test_silence_is_asked_about_and_then_the_end() -> None:
    session = greeted(silence=120)
    sent(session)
    assert session.next_due() == 120
    session.tick(119.9)
    assert sent(session) == []
    session.tick(120)
    assert sent(session) == [{"event": "pusher:ping", "data": {}}]
    assert session.next_due() == 150
    session.feed('{"event":"pusher:pong"}', 149)
    assert session.next_due() == 149 + 120
    session.tick(149 + 120)
    session.tick(149 + 120 + 30)
    assert session.end == End("went silent", "later")


def test_without_a_greeting_it_ends() -> None:
    session = PusherSession(TIMES, 100)
    assert session.next_due() == 110
    session.tick(110)
    assert session.end == End("was not greeted", "later")


@pytest.mark.parametrize(
    ("code", "again"),
    [(4000, "never"), (4001, "never"), (4099, "never"), (4100, "later"), (4199, "later"), (4200, "now"),
     (4299, "now"), (4300, "later"), (1006, "later"), (1000, "later"), (0, "later")],
)  # fmt: skip
def test_classes_of_errors(code: int, again: str) -> None:
    assert end_of(code).again == again
    session = greeted()
    session.feed(frame("pusher:error", {"code": code, "message": "words"}), 1)
    assert session.end is not None
    assert session.end.again == again
