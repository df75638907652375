"""Bytes of Twitch IRC become messages, whatever they are (platforms/twitch.md §1.2)."""

from __future__ import annotations

import pytest

from integrations.twitch.irc_parser import (
    MAX_LINE_BYTES,
    IrcMessage,
    Unreadable,
    parse_line,
    parse_tags,
    split_frame,
)


def parsed(line: str) -> IrcMessage:
    message = parse_line(line)
    assert isinstance(message, IrcMessage), message
    return message


def test_the_sample_of_the_reference_is_read_whole() -> None:
    message = parsed(
        "@badge-info=subscriber/14;badges=subscriber/12;color=#4B8F29;display-name=RookFeather;emotes=25:9-13;"
        "first-msg=0;id=5b1c9e3a-6f52-4f0e-a1d4-77c0f1b2aa10;mod=0;returning-chatter=0;room-id=700100200;"
        "subscriber=1;tmi-sent-ts=1795199405123;turbo=0;user-id=700200311;user-type= "
        ":rookfeather!rookfeather@rookfeather.tmi.twitch.tv PRIVMSG #mossy_tavern :!vote 2  Kappa"
    )
    assert message.command == "PRIVMSG"
    assert message.params == ("#mossy_tavern", "!vote 2  Kappa")
    assert message.channel == "mossy_tavern"
    assert message.text == "!vote 2  Kappa"
    assert (message.nick, message.user) == ("rookfeather", "rookfeather")
    assert message.tags["display-name"] == "RookFeather"
    assert message.tags["user-type"] == ""
    assert len(message.tags) == 15


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        (r"a\sb", "a b"),
        (r"a\:b", "a;b"),
        (r"a\\b", "a\\b"),
        (r"a\\sb", r"a\sb"),
        (r"a\rb\nc", "a\rb\nc"),
        (r"a\xb", "axb"),
        ("a\\", "a"),
        (r"a\\", "a\\"),
        ("", ""),
        ("a=b", "a=b"),
    ],
)
def test_tag_values_are_unescaped(escaped: str, plain: str) -> None:
    assert parse_tags(f"x={escaped};y=1") == {"x": plain, "y": "1"}


def test_a_missing_value_is_the_empty_string_with_and_without_equals_sign() -> None:
    assert parse_tags("a;b=;;=c;d=1") == {"a": "", "b": "", "d": "1"}


def test_a_repeated_tag_has_its_last_value() -> None:
    assert parse_tags("a=1;a=2") == {"a": "2"}


@pytest.mark.parametrize(
    ("line", "command", "params"),
    [
        ("PING :tmi.twitch.tv", "PING", ("tmi.twitch.tv",)),
        ("PING", "PING", ()),
        ("ping x", "PING", ("x",)),
        (":tmi.twitch.tv RECONNECT", "RECONNECT", ()),
        (":s 353 me = #ana :me", "353", ("me", "=", "#ana", "me")),
        (":a!a@a PRIVMSG #ana 2", "PRIVMSG", ("#ana", "2")),
        (":a!a@a PRIVMSG #ana :", "PRIVMSG", ("#ana", "")),
        (":a!a@a PRIVMSG #ana", "PRIVMSG", ("#ana",)),
        (":a!a@a PRIVMSG   #ana   :x :y", "PRIVMSG", ("#ana", "x :y")),
        ("@a=1   :a!a@a   PRIVMSG #ana ::)", "PRIVMSG", ("#ana", ":)")),
        ("@a=1 PRIVMSG #ana :x", "PRIVMSG", ("#ana", "x")),
        (":a!a@a PRIVMSG #ana :a\u2028b\x0bc\u00a0d", "PRIVMSG", ("#ana", "a\u2028b\x0bc\u00a0d")),
    ],
)
def test_command_and_parameters(line: str, command: str, params: tuple[str, ...]) -> None:
    message = parsed(line)
    assert (message.command, message.params) == (command, params)


def test_words_without_a_colon_stay_together() -> None:
    assert parsed(":a!a@a PRIVMSG #ana 2 apples").text == "2 apples"


@pytest.mark.parametrize(
    ("prefix", "nick", "user"),
    [
        ("ana!ana@ana.tmi.twitch.tv", "ana", "ana"),
        ("!ana@ana.tmi.twitch.tv", "", "ana"),
        ("tmi.twitch.tv", "tmi.twitch.tv", ""),
        ("", "", ""),
    ],
)
def test_prefixes(prefix: str, nick: str, user: str) -> None:
    message = parsed(f":{prefix} PRIVMSG #ana :x")
    assert (message.nick, message.user) == (nick, user)


@pytest.mark.parametrize(
    "line", ["", " ", ":", ":a", "@", "@a=1", "@a=1 ", ":a :b", "@a=1 :b :c", "42", "ä", "a-b c"]
)
def test_what_is_no_message_is_told_so(line: str) -> None:
    assert parse_line(line) == Unreadable("no_command")


def test_a_frame_holds_several_lines() -> None:
    lines, dropped = split_frame(b"PING :a\r\n\r\n:x 376 y :>\r\nPING :no end")
    assert lines == ["PING :a", ":x 376 y :>", "PING :no end"]
    assert dropped == 0


def test_a_bare_lf_ends_a_line_and_other_breaks_do_not() -> None:
    text = "PRIVMSG #a :x\u2028y\u0085z\x0bw\x1cv"
    assert split_frame(f"{text}\nPING")[0] == [text, "PING"]


def test_invalid_utf8_costs_a_character_and_not_the_connection() -> None:
    assert split_frame(b"PRIVMSG #a :\xff2\r\n")[0] == ["PRIVMSG #a :\ufffd2"]
    assert split_frame("PRIVMSG #a :\ud8002")[0] == ["PRIVMSG #a :?2"]


@pytest.mark.parametrize(("excess", "kept"), [(-1, 1), (0, 1), (1, 0), (MAX_LINE_BYTES * 1000, 0)])
def test_a_line_may_have_16_kib(excess: int, kept: int) -> None:
    line = "PRIVMSG #a :" + "x" * (MAX_LINE_BYTES - 12 + excess)
    lines, dropped = split_frame(f"PING :before\r\n{line}\r\nPING :after\r\n")
    assert (len(lines), dropped) == (2 + kept, 1 - kept)


def test_the_limit_counts_bytes() -> None:
    fits = "é" * (MAX_LINE_BYTES // 2)
    assert split_frame(fits) == ([fits], 0)
    assert split_frame(fits + "é") == ([], 1)
