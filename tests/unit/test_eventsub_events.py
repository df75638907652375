"""Every sample event of platforms/twitch.md §4 has the meaning that it should, and each deed one identity."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.twitch.eventsub_events import (
    REASONS,
    Ignored,
    Meaning,
    native_poll,
    outcome,
    redemption,
    translate,
)
from integrations.twitch.irc_events import read_message
from server.rules.events import ChatMessage, User
from server.rules.platform_events import NativeChoice, NativePollTold, Redeemed, StreamChanged, Supported
from tests.twitch_samples import EVENTS, sample

NOW = datetime(2026, 11, 20, 18, 50, 0, tzinfo=UTC)
SENT = "2026-11-20T18:49:59.500112233Z"
SENT_AT = datetime(2026, 11, 20, 18, 49, 59, 500112, tzinfo=UTC)
ROOK = User("700200311", "rookfeather", "RookFeather")


def told(name: str, *, id: str = "m-1", sent: object = SENT, **changes: Any) -> Meaning:
    """The meaning of a sample, some of its fields changed."""
    return translate(EVENTS[name], sample(name) | changes, id=id, sent_at=sent, received_at=NOW)


def supported(name: str, **changes: Any) -> Supported:
    found = told(name, **changes)
    assert isinstance(found, Supported), found
    return found


def test_chat() -> None:
    line = told("chat")
    assert line == ChatMessage(
        "twitch",
        "700100200",
        "5b1c9e3a-6f52-4f0e-a1d4-77c0f1b2aa10",
        ROOK._replace(roles=("subscriber",)),
        "!vote 2 hype",
        SENT_AT,
        NOW,
        None,
    )


def test_a_line_over_irc_and_over_eventsub_is_one() -> None:
    """What the inbox and the rules know a line by is the same whichever way it came."""
    irc = read_message(
        "@badges=subscriber/12;display-name=RookFeather;id=5b1c9e3a-6f52-4f0e-a1d4-77c0f1b2aa10;"
        "room-id=700100200;tmi-sent-ts=1795200599500;user-id=700200311 "
        ":rookfeather!rookfeather@rookfeather.tmi.twitch.tv PRIVMSG #mossy_tavern :!vote 2 hype",
        NOW,
    )
    line = told("chat")
    assert irc is not None
    assert isinstance(line, ChatMessage)
    assert irc._replace(sent_at=line.sent_at) == line
    assert abs(irc.sent_at - line.sent_at) < timedelta(seconds=1)


def test_shared_chat_is_attributed() -> None:
    copy = told("chat", source_broadcaster_user_id="700100900", source_message_id="other")
    at_home = told("chat", source_broadcaster_user_id="700100200", source_message_id="same")
    assert isinstance(copy, ChatMessage)
    assert isinstance(at_home, ChatMessage)
    assert copy.source_channel_id == "700100900"
    assert copy.is_shared_copy
    assert not at_home.is_shared_copy


def test_roles_of_chat() -> None:
    badges = [
        {"set_id": name, "id": "1", "info": ""}
        for name in ("broadcaster", "lead_moderator", "moderator", "vip", "founder", "bits", "no-audio")
    ]
    line = told("chat", badges=badges)
    assert isinstance(line, ChatMessage)
    assert line.user.roles == ("broadcaster", "moderator", "vip", "subscriber")


def test_words_of_an_action() -> None:
    line = told("chat", message={"text": "\x01ACTION !2\x01", "fragments": []})
    assert isinstance(line, ChatMessage)
    assert line.text == "!2"


def test_redemption() -> None:
    found = told("redemption-add")
    redeemed_at = datetime(2026, 11, 20, 18, 40, 0, 120000, tzinfo=UTC)
    assert found == Redeemed(
        "twitch",
        "700100200",
        "m-1",
        ROOK,
        "rd-0001",
        "rw-heist",
        "Join the heist",
        500,
        "join heist",
        "unfulfilled",
        redeemed_at,
        SENT_AT,
        NOW,
    )
    later = told("redemption-update")
    assert later == found._replace(status="canceled")
    assert told("redemption-add", status="unknown") == Ignored("unknown_status")


def test_a_redemption_that_helix_lists_is_the_same() -> None:
    row = sample("helix-redemptions")["data"][0]
    found = redemption(row, "700100200", id="repair-1", received_at=NOW)
    assert isinstance(found, Redeemed)
    of_event = told("redemption-update", id="repair-1")
    assert isinstance(of_event, Redeemed)
    assert found._replace(sent_at=SENT_AT) == of_event._replace(
        redeemed_at=datetime(2026, 11, 20, 18, 40, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("name", "state", "left"),
    [
        ("poll-begin", "running", NativeChoice("c1", "Left", 0, 0)),
        ("poll-progress", "running", NativeChoice("c1", "Left", 11, 3)),
        ("poll-end", "completed", NativeChoice("c1", "Left", 15, 4)),
    ],
)
def test_native_polls(name: str, state: str, left: NativeChoice) -> None:
    found = told(name)
    assert isinstance(found, NativePollTold)
    assert (found.poll_id, found.state, found.choices[0]) == ("poll-1", state, left)
    assert [choice.title for choice in found.choices] == ["Left", "Right"]


def test_a_native_poll_that_helix_lists() -> None:
    row = sample("helix-poll")["data"][0]
    running = native_poll(row, "700100200", id="look-1", received_at=NOW)
    ended = native_poll(row | {"status": "MODERATED"}, "700100200", id="look-2", received_at=NOW)
    assert isinstance(running, NativePollTold)
    assert isinstance(ended, NativePollTold)
    assert (running.state, ended.state) == ("running", "terminated")
    assert told("poll-end", status="archived") != Ignored("unknown_status")
    assert told("poll-end", status="paused") == Ignored("unknown_status")


def test_a_gift_bomb_is_one_gift() -> None:
    """One `gift` with a total of 5, and five `subscribe` that say `is_gift`."""
    bomb = [supported("subscription-gift")] + [
        told("subscribe", id=f"m-{n}", user_id=f"70030{n}", is_gift=True) for n in range(5)
    ]
    assert bomb[0] == Supported(
        *("twitch", "700100200", "m-1", "gift", "700200311:1:5:41:2026-11-20", ROOK, 5, 1, 0, 0, "", ""),
        SENT_AT,
        NOW,
    )
    assert bomb[1:] == [Ignored("gift_recipient")] * 5


def test_an_anonymous_gift() -> None:
    nobody = {"user_id": None, "user_login": None, "user_name": None, "cumulative_total": None}
    gift = supported("subscription-gift", is_anonymous=True, tier="3000", **nobody)
    assert (gift.user, gift.quantity, gift.tier, gift.fact) == (None, 5, 3, "message:m-1")
    # It says whose it was in spite of it: not repeated.
    assert supported("subscription-gift", is_anonymous=True).user is None


def test_bits_count_once() -> None:
    bits = supported("bits-use")
    assert (bits.kind, bits.quantity, bits.message) == ("bits", 100, "cheer100 for luck")
    assert (bits.user, bits.fact) == (ROOK, "message:m-1")
    assert told("cheer") == Ignored("told_by_bits_use")
    power_up = supported("bits-use", type="power_up", message=None, power_up={"type": "celebration"})
    assert (power_up.quantity, power_up.message) == (100, "")
    nobody = {"user_id": None, "user_login": None, "user_name": None}
    assert supported("bits-use", **nobody).user is None


def test_subscriptions() -> None:
    new = supported("subscribe")
    again = supported("subscription-message")
    assert (new.kind, new.tier, new.months, new.fact) == ("subscription", 1, 0, "700200313:1:2026-11-20")
    assert (again.kind, again.tier, again.months, again.fact) == ("resub", 2, 24, "700200314:24")
    assert again.message == "two years of tavern tales"
    assert again.user == User("700200314", "quill_quinn", "Quill_Quinn")


def test_follow_raid_stream() -> None:
    event = sample("ws-notification")["payload"]["event"]
    follow = translate("channel.follow", event, id="m-1", sent_at=SENT, received_at=NOW)
    assert isinstance(follow, Supported)
    assert follow.fact == "700200312:2026-11-20T18:01:07.431000+00:00"
    raid = supported("raid")
    assert (raid.channel_id, raid.kind, raid.quantity) == ("700100200", "raid", 83)
    assert raid.user == User("700100900", "gale_guild", "Gale_Guild")
    online, offline = told("stream-online"), told("stream-offline")
    started = datetime(2026, 11, 20, 17, 58, tzinfo=UTC)
    assert online == StreamChanged("twitch", "700100200", "m-1", True, started, "", SENT_AT, NOW)
    assert offline == StreamChanged("twitch", "700100200", "m-1", False, None, "", SENT_AT, NOW)
    assert told("stream-online", type="rerun") == Ignored("not_live")


@pytest.mark.parametrize("again", ["m-2", "another-transport"])
@pytest.mark.parametrize(
    "name", ["subscription-gift", "subscribe", "subscription-message", "raid", "redemption-add", "chat"]
)
def test_what_is_told_in_another_message_is_the_same_deed(name: str, again: str) -> None:
    match told(name), told(name, id=again, sent="2026-11-20T18:49:59.9Z"):
        case Supported() as one, Supported() as other:
            assert one.fact == other.fact
        case Redeemed() as one, Redeemed() as other:
            assert one.redemption_id == other.redemption_id
        case ChatMessage() as one, ChatMessage() as other:
            assert one.message_id == other.message_id
        case others:
            pytest.fail(f"{others}")


@pytest.mark.parametrize("name", [name for name in EVENTS if told(name) == Ignored("unused_type")])
def test_unused_types_are_known(name: str) -> None:
    assert EVENTS[name].split(".")[1] in ("prediction", "hype_train", "ad_break")


def test_all_samples_but_those_unused_mean_something() -> None:
    ignored = {name for name in EVENTS if isinstance(told(name), Ignored)}
    assert ignored == {
        *(f"prediction-{step}" for step in ("begin", "progress", "lock", "end")),
        *(f"hype-train-{step}" for step in ("begin", "progress", "end")),
        "ad-break",
        "cheer",
    }


def test_unknown_fields_change_nothing() -> None:
    for name in EVENTS:
        assert told(name, recovery_url="x", gif={"a": [1]}) == told(name)


def test_whatever_is_ignored_has_a_reason_that_is_documented() -> None:
    assert translate("channel.brand_new", {}, id="m", sent_at=SENT, received_at=NOW) == Ignored(
        "unknown_type"
    )
    assert translate("channel.raid", [], id="m", sent_at=SENT, received_at=NOW) == Ignored("no_event")
    cases = [
        told("chat", id="bad id"),
        told("chat", broadcaster_user_id=7),
        told("chat", chatter_user_id=None),
        told("chat", message_id=""),
        told("chat", message=None),
        translate(
            EVENTS["redemption-add"],
            sample("redemption-add") | {"id": None},
            id="m-1",
            sent_at=SENT,
            received_at=NOW,
        ),
        told("subscription-gift", total=0),
        *(told(name) for name in EVENTS),
    ]
    reasons = {case.reason for case in cases if isinstance(case, Ignored)}
    assert reasons <= REASONS.keys()
    assert {outcome(case) for case in cases} - {"taken"} == reasons


@pytest.mark.parametrize("sent", ["2026-11-20T18:51:01Z", "tomorrow", None, 7, "0001-01-01T00:00:00Z"])
def test_a_time_that_cannot_be_is_the_time_of_arrival(sent: object) -> None:
    line = told("chat", sent=sent)
    assert isinstance(line, ChatMessage)
    assert line.sent_at == NOW
