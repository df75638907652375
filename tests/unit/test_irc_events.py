"""What a line of Twitch IRC means to the game (platforms/twitch.md §1.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integrations.twitch.irc_events import (
    REASONS,
    Chat,
    Ignored,
    Joined,
    Notice,
    Parted,
    Ping,
    Pong,
    Reconnect,
    TagsRefused,
    Welcome,
    read_line,
)
from server.rules.events import ChatMessage, User
from tests.fakes.twitch_irc import privmsg

NOW = datetime(2026, 11, 20, 20, 0, 0, 500_000, tzinfo=UTC)
SENT_MS = 1_795_204_800_123  # 20:00:00.123


def chat(line: str) -> ChatMessage:
    what = read_line(line, NOW)
    assert isinstance(what, Chat), what
    return what.event


def test_a_line_of_chat_becomes_an_event() -> None:
    line = privmsg("mossy_tavern", "!2", user="ana", name="Ana", message_id="0b7c", sent_ms=SENT_MS)
    assert read_line(line, NOW) == Chat(
        "mossy_tavern",
        ChatMessage(
            platform="twitch",
            channel_id="700100200",
            message_id="0b7c",
            user=User(id="700200311", login="ana", name="Ana", roles=("subscriber",)),
            text="!2",
            sent_at=datetime(2026, 11, 20, 20, 0, 0, 123_000, tzinfo=UTC),
            received_at=NOW,
        ),
    )


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("\x01ACTION 2\x01", "2"),
        ("\x01ACTION 2", "2"),
        ("\x01ACTION  hops about\x01", " hops about"),
        ("ACTION 2", "ACTION 2"),
        ("\x01VERSION\x01", "\x01VERSION\x01"),
        (" 2 ", " 2 "),
        ("@ana 2", "@ana 2"),
    ],
)
def test_the_words_of_a_line(text: str, spoken: str) -> None:
    assert chat(privmsg("ana", text)).text == spoken


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("", "rookfeather"),
        ("RookFeather", "RookFeather"),
        (r"Spidermonkey\s", "Spidermonkey"),
        ("테스트계정420", "테스트계정420"),
        ("display-name=테스트", "display-name=테스트"),
        (r"\s\s", "rookfeather"),
        ("a\x00b\x07c", "abc"),
        ("x" * 65, "x" * 64),
    ],
)
def test_the_shown_name_falls_back_to_the_login(shown: str, name: str) -> None:
    assert chat(privmsg("ana", "2", name=shown)).user.name == name


def test_an_empty_nick_falls_back_to_the_user_of_the_prefix() -> None:
    line = privmsg("ana", "2", user="Rook").replace(":Rook!", ":!")
    assert chat(line).user.login == "rook"


@pytest.mark.parametrize(
    ("tags", "roles"),
    [
        ({"badges": "broadcaster/1,subscriber/3072,partner/1"}, ("broadcaster", "subscriber")),
        ({"badges": "moderator/1,vip/1"}, ("moderator", "vip", "subscriber")),
        ({"badges": "lead_moderator/1", "mod": "1", "subscriber": "0"}, ("moderator",)),
        ({"badges": "founder/0", "subscriber": "0"}, ("subscriber",)),
        ({"badges": "", "subscriber": "0", "vip": "1"}, ("vip",)),
        ({"badges": "", "subscriber": "0"}, ()),
        ({"badges": "premium/1,,x", "subscriber": ""}, ()),
        # A moderator over there is a viewer here.
        ({"badges": "", "subscriber": "0", "source_badges": "moderator/1"}, ()),
    ],
)
def test_roles_come_from_the_badges_of_the_room(tags: dict[str, str], roles: tuple[str, ...]) -> None:
    assert chat(privmsg("ana", "2", **tags)).user.roles == roles  # type: ignore[arg-type]


def test_a_shared_chat_copy_names_the_channel_it_was_written_in() -> None:
    copy = privmsg("ana", "2", room_id="1", source_room_id="2", source_id="x")
    assert chat(copy).source_channel_id == "2"
    original = privmsg("ana", "2", room_id="1", source_room_id="1", source_id="x")
    assert chat(original).source_channel_id is None


@pytest.mark.parametrize(
    "stamp",
    ["", "0", "-5", "x", "1.5", "١٢٣", "9" * 15, "9" * 16, "9" * 400, "1000", str(SENT_MS + 61_000)],
)
def test_an_insane_send_time_becomes_the_time_of_arrival(stamp: str) -> None:
    line = privmsg("ana", "2").replace("tmi-sent-ts=", f"tmi-sent-ts={stamp};was=")
    assert chat(line).sent_at == NOW
    assert chat(privmsg("ana", "2").replace("tmi-sent-ts=", "was=")).sent_at == NOW


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=900), timedelta(seconds=-60)])
def test_an_old_or_slightly_early_send_time_stays(age: timedelta) -> None:
    sent = (NOW - age).replace(microsecond=123_000)
    sent_ms = round(sent.timestamp() * 1000)
    assert chat(privmsg("ana", "2", sent_ms=sent_ms)).sent_at == sent


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (privmsg("ana", "2", user_id=""), "no_user_id"),
        (privmsg("ana", "2", user_id=r"1\s2"), "no_user_id"),
        (privmsg("ana", "2", user_id="a\x00b"), "no_user_id"),
        (privmsg("ana", "2", user_id="٣"), "no_user_id"),
        (privmsg("ana", "2", user_id="9" * 65), "no_user_id"),
        (privmsg("ana", "2").replace(";id=", ";x="), "no_message_id"),
        (privmsg("ana", "2", message_id="x" * 129), "no_message_id"),
        (privmsg("ana", "2", message_id="\ud800"), "no_message_id"),
        (privmsg("ana", ""), "no_text"),
        (privmsg("ana", "\x01ACTION \x01"), "no_text"),
        (privmsg("a,b", "2"), "no_channel"),
        (privmsg("ana", "2").replace(" #ana", " ana"), "no_channel"),
        (":tmi.twitch.tv PRIVMSG", "no_channel"),
        ("@msg-id=announcement;user-id=1;id=2 :tmi.twitch.tv USERNOTICE #ana :2", "notice"),
        ("@msg-id=resub;user-id=1;id=2 :tmi.twitch.tv USERNOTICE #ana :2", "notice"),
        (":tmi.twitch.tv CLEARCHAT #ana", "moderation"),
        (":tmi.twitch.tv CLEARMSG #ana :x", "moderation"),
        (":tmi.twitch.tv 372 me :hello", "greeting"),
        (":tmi.twitch.tv CAP * ACK :twitch.tv/tags twitch.tv/commands", "capabilities"),
        (":me!me@me JOIN #ana", "own_membership"),
        (":tmi.twitch.tv FIREWORKS #ana", "unknown_command"),
        (":tmi.twitch.tv 999", "unknown_command"),
        ("@@@", "no_command"),
        ("ROOMSTATE", "no_channel"),
        ("366 x", "no_channel"),
        ("PART x", "no_channel"),
    ],
)
def test_what_is_no_chat_is_ignored_for_a_stated_reason(line: str, reason: str) -> None:
    assert read_line(line, NOW) == Ignored(reason)
    assert REASONS[reason]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("PING :tmi.twitch.tv", Ping("tmi.twitch.tv")),
        ("PING", Ping("")),
        (":tmi.twitch.tv PONG tmi.twitch.tv :hb", Pong("hb")),
        (":tmi.twitch.tv RECONNECT", Reconnect()),
        (":tmi.twitch.tv 001 me :Welcome, GLHF!", Welcome()),
        (":me.tmi.twitch.tv 366 me #ana :End of /NAMES list", Joined("ana", None)),
        ("@room-id=42;slow=0 :tmi.twitch.tv ROOMSTATE #ana", Joined("ana", "42")),
        ("@slow=5 :tmi.twitch.tv ROOMSTATE #ana", Joined("ana", None)),
        (r"@room-id=4\s2 :tmi.twitch.tv ROOMSTATE #ana", Joined("ana", None)),
        (":me!me@me PART #Ana", Parted("ana")),
        ("@msg-id=msg_banned :tmi.twitch.tv NOTICE #ana :No.", Notice("ana", "msg_banned", "No.")),
        (":tmi.twitch.tv NOTICE * :Login unsuccessful", Notice("", "", "Login unsuccessful")),
        (":tmi.twitch.tv CAP * NAK :twitch.tv/tags", TagsRefused()),
        (":tmi.twitch.tv CAP * NAK :twitch.tv/membership", Ignored("capabilities")),
    ],
)
def test_signs_of_life(line: str, what: object) -> None:
    assert read_line(line, NOW) == what
