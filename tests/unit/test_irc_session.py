"""The conversation with Twitch, decided without a socket (platforms/twitch.md §1.4)."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest

from integrations.twitch.irc_session import Session, Standing
from integrations.twitch.pacing import Backoff, JoinBudget, Times
from tests.fakes.twitch_irc import privmsg

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
TIMES = Times()
WELCOME = ":tmi.twitch.tv 001 justinfan1 :Welcome, GLHF!"


class Conversation:
    """A session with its own clock."""

    def __init__(self, *logins: str, budget: JoinBudget | None = None, welcome: bool = True) -> None:
        self.now = 1000.0
        self.session = Session("justinfan1", TIMES, budget or JoinBudget(TIMES), self.now)
        self.session.want(logins, self.now)
        if welcome:
            self.sent()
            self.server(WELCOME)

    def server(self, *lines: str) -> list[str]:
        """The server says lines; returns the texts of chat in them."""
        chat = self.session.feed("\r\n".join(lines) + "\r\n", NOW, self.now)
        self.session.tick(self.now)
        return [line.text for line in chat]

    def sent(self) -> list[str]:
        return self.session.take_outgoing()

    def news(self) -> list[Standing]:
        return self.session.take_news()

    def wait(self, seconds: float) -> None:
        """Time passes; the session is called when it asked to be, as the shell does."""
        until = self.now + seconds
        while (due := self.session.next_due(self.now)) <= until:
            assert due >= self.now, "asked to be called in the past"
            self.now = due
            self.session.tick(self.now)
            if self.session.broken:
                return
        self.now = until


def joined(login: str, room: str = "42") -> tuple[str, str]:
    return (
        f":justinfan1.tmi.twitch.tv 366 justinfan1 #{login} :End of /NAMES list",
        f"@room-id={room};slow=0 :tmi.twitch.tv ROOMSTATE #{login}",
    )


def test_it_greets_and_joins_after_the_welcome() -> None:
    talk = Conversation("ana", "bob", welcome=False)
    assert talk.sent() == ["CAP REQ :twitch.tv/tags twitch.tv/commands", "NICK justinfan1"]
    talk.server(":tmi.twitch.tv CAP * ACK :twitch.tv/tags twitch.tv/commands")
    assert talk.sent() == []
    talk.server(WELCOME)
    assert talk.sent() == ["JOIN #ana", "JOIN #bob"]


def test_it_joins_without_a_welcome_after_a_while() -> None:
    talk = Conversation("ana", welcome=False)
    talk.sent()
    talk.wait(TIMES.welcome - 0.01)
    assert talk.sent() == []
    talk.wait(0.02)
    assert talk.sent() == ["JOIN #ana"]


@pytest.mark.parametrize("line", joined("ana"))
def test_either_answer_means_joined(line: str) -> None:
    talk = Conversation("ana")
    assert talk.news() == [Standing("ana", "connecting", "Joining the chat.")]
    talk.server(line)
    assert talk.session.joined == {"ana"}
    assert [n.state for n in talk.news()] == ["connected"]
    talk.wait(TIMES.join_answer * 2)
    assert talk.news() == []


def test_the_room_id_is_told() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana", "700100200"))
    assert talk.news()[-1] == Standing("ana", "connected", room_id="700100200")


def test_at_most_twenty_joins_in_ten_seconds() -> None:
    talk = Conversation(*(f"c{n:02}" for n in range(50)))
    moments: list[float] = []
    for _ in range(300):
        moments += [talk.now] * sum(line.startswith("JOIN") for line in talk.sent())
        talk.wait(0.1)
    assert len(moments) == 50
    assert all(later - earlier > 10 for earlier, later in zip(moments, moments[20:], strict=False))
    assert moments[-1] - moments[0] < 22


def test_connections_share_the_budget() -> None:
    budget = JoinBudget(TIMES)
    first = Conversation(*(f"a{n}" for n in range(15)), budget=budget)
    second = Conversation(*(f"b{n}" for n in range(15)), budget=budget)
    assert len(second.sent()) == 5
    assert len(first.sent()) == 15


def test_a_join_without_an_answer_fails_in_words_and_is_tried_again() -> None:
    talk = Conversation("ghost")
    talk.news()
    talk.wait(TIMES.join_answer)
    (news,) = talk.news()
    assert news.state == "failing"
    assert "#ghost" in news.detail
    assert "spelling" in news.detail
    talk.sent()
    talk.wait(TIMES.join_again)
    assert "JOIN #ghost" in talk.sent()
    talk.server(*joined("ghost"))
    assert talk.news()[0].state == "connected"


def test_a_suspended_channel_is_told_at_once() -> None:
    talk = Conversation("ana")
    talk.news()
    talk.server("@msg-id=msg_channel_suspended :tmi.twitch.tv NOTICE #ana :This channel has been suspended.")
    assert talk.news() == [Standing("ana", "failing", "Twitch says that this channel is suspended.")]


def test_a_notice_about_the_mood_of_a_room_changes_nothing() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    talk.news()
    talk.server("@msg-id=slow_on :tmi.twitch.tv NOTICE #ana :This room is now in slow mode.")
    assert talk.news() == []
    assert talk.session.joined == {"ana"}


def test_being_parted_is_noticed() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    talk.news()
    talk.server(":justinfan1!justinfan1@justinfan1.tmi.twitch.tv PART #ana")
    assert talk.session.joined == set()
    assert talk.news()[0].state == "failing"


def test_a_refused_login_breaks_the_connection() -> None:
    talk = Conversation("ana", welcome=False)
    talk.server(":tmi.twitch.tv NOTICE * :Login authentication failed")
    assert "Login authentication failed" in talk.session.broken


def test_refused_tags_break_the_connection() -> None:
    talk = Conversation("ana", welcome=False)
    talk.server(":tmi.twitch.tv CAP * NAK :twitch.tv/tags twitch.tv/commands")
    assert "tags" in talk.session.broken


def test_ping_is_answered_with_its_token() -> None:
    talk = Conversation()
    talk.server("PING :tmi.twitch.tv", "PING :x y")
    assert talk.sent() == ["PONG :tmi.twitch.tv", "PONG :x y"]


def test_silence_is_probed_and_no_answer_ends_the_connection() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    talk.sent()
    talk.wait(TIMES.silence - 0.1)
    assert talk.sent() == []
    talk.wait(0.2)
    assert talk.sent() == ["PING :hb"]
    talk.wait(TIMES.pong)
    assert "silent" in talk.session.broken


@pytest.mark.parametrize("line", [":tmi.twitch.tv PONG tmi.twitch.tv :hb", "PING :x", privmsg("ana", "hi")])
def test_any_sign_of_life_is_an_answer(line: str) -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    talk.wait(TIMES.silence + 1)
    assert "PING :hb" in talk.sent()
    talk.server(line)
    talk.wait(TIMES.pong + 1)
    assert not talk.session.broken


def test_our_own_slowness_is_not_the_silence_of_the_server() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    talk.now += TIMES.silence + TIMES.pong + 5  # the campaign's buffer was full
    talk.session.held_up(talk.now)
    talk.session.tick(talk.now)
    assert not talk.session.broken
    assert "PING :hb" not in talk.sent()


def test_chat_of_wanted_channels_only() -> None:
    talk = Conversation("ana")
    assert talk.server(privmsg("ana", "1"), privmsg("bob", "2"), privmsg("ANA", "3")) == ["1", "3"]
    assert talk.session.counts["unwanted_channel"] == 1


def test_channels_come_and_go() -> None:
    talk = Conversation("ana", "bob")
    talk.server(*joined("ana"), *joined("bob"))
    talk.sent()
    talk.session.want({"bob", "cy"}, talk.now)
    assert talk.sent() == ["PART #ana", "JOIN #cy"]
    assert talk.server(privmsg("ana", "late")) == []
    talk.server(":justinfan1!justinfan1@justinfan1 PART #ana")  # the echo of our own
    assert {n.login for n in talk.news() if n.state == "failing"} == set()


def test_what_is_no_name_never_gets_into_a_line() -> None:
    talk = Conversation("ana\r\nPRIVMSG #x :y", "a b", "a,b", "", "ÄNA", "x" * 26)
    talk.wait(TIMES.join_again)
    assert all(line == "PING :hb" for line in talk.sent())


def test_reconnect_is_noticed_and_the_connection_goes_on() -> None:
    talk = Conversation("ana")
    talk.server(*joined("ana"))
    assert talk.server(":tmi.twitch.tv RECONNECT", privmsg("ana", "still here")) == ["still here"]
    assert talk.session.told_to_reconnect
    assert not talk.session.broken


def test_it_covers_what_is_joined_known_to_fail_or_not_wanted() -> None:
    talk = Conversation("ana", "ghost")
    assert not talk.session.covers({"ana"})
    talk.server(*joined("ana"))
    assert talk.session.covers({"ana", "left"})
    assert not talk.session.covers({"ana", "ghost"})
    talk.wait(TIMES.join_answer)
    assert talk.session.covers({"ana", "ghost"})


def test_pauses_double_up_to_a_minute_with_full_jitter() -> None:
    backoff = Backoff(TIMES, Random(1))  # noqa: S311
    for bound in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        assert 0 <= backoff.next() <= bound
    pauses = []
    for _ in range(300):
        backoff.reset()
        pauses.append(backoff.next())
    assert min(pauses) < 0.1
    assert max(pauses) > 0.9
