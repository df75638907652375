"""Lines of Twitch IRC: bytes in, messages out. Pure, total and linear: no input raises.

Grammar: IRCv3 message tags over RFC 1459, as platforms/twitch.md §1.2 tells it. Two liberties for
real lines: the last parameter may lack its colon, and a bare LF ends a line as CR LF does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Bytes of one line without its end. Chat text has at most 500 characters, its tags several kilobytes.
MAX_LINE_BYTES = 16_384

_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_UNESCAPED = {":": ";", "s": " ", "\\": "\\", "r": "\r", "n": "\n"}
_COMMAND = re.compile(r"[A-Za-z]{1,32}|[0-9]{3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IrcMessage:
    """One message. `params` has the trailing one last, whether or not it came with a colon."""

    tags: dict[str, str]
    nick: str  # before the "!" of the prefix, or the server's name
    user: str  # between "!" and "@"
    command: str  # upper case, or three digits
    params: tuple[str, ...]

    @property
    def channel(self) -> str:
        """The login of the channel a command is about, without `#`; empty when there is none."""
        first = self.params[0] if self.params else ""
        return first[1:].lower() if first.startswith("#") else ""

    @property
    def text(self) -> str:
        """Everything after the first parameter.

        Words without a colon are joined rather than cut: `PRIVMSG #a 2 apples` must not become `2`.
        """
        return " ".join(self.params[1:])


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is no IRC message."""

    reason: str


def split_frame(frame: bytes | str) -> tuple[list[str], int]:
    """The lines of one WebSocket frame, and how many were dropped for being over MAX_LINE_BYTES.

    A frame may hold several lines; the last may lack its line end. Only LF separates, not the other
    twelve characters at which `str.splitlines` would cut a viewer's text in two. Invalid UTF-8 becomes
    U+FFFD instead of an error, since one bad line must not cost the connection.
    """
    raw = frame.encode("utf-8", "replace") if isinstance(frame, str) else frame
    lines, dropped = [], 0
    for part in raw.split(b"\n"):
        line = part.rstrip(b"\r")
        if len(line) > MAX_LINE_BYTES:
            dropped += 1
        elif line:
            lines.append(line.decode("utf-8", "replace"))
    return lines, dropped


def unescape(value: str) -> str:
    r"""A tag value as it was meant: `\:` is `;`, `\s` a space, a lone final backslash nothing."""
    return _ESCAPE.sub(lambda match: _UNESCAPED.get(match[1], match[1]), value) if "\\" in value else value


def parse_tags(text: str) -> dict[str, str]:
    """The tags between `@` and the space; `key=` and `key` both mean the empty string, the last one wins."""
    tags = {}
    for tag in text.split(";"):
        key, _, value = tag.partition("=")
        if key:
            tags[key] = unescape(value)
    return tags


def parse_line(line: str) -> IrcMessage | Unreadable:
    """One line without its end as a message."""
    tags: dict[str, str] = {}
    nick = user = ""
    if line.startswith("@"):
        head, _, line = line[1:].partition(" ")
        tags = parse_tags(head)
        line = line.lstrip(" ")
    if line.startswith(":"):
        prefix, _, line = line[1:].partition(" ")
        nick, _, user = prefix.partition("@")[0].partition("!")
        line = line.lstrip(" ")
    middles, colon, trailing = line.partition(" :")
    # Only U+0020 separates; `str.split()` would cut at the thirty other spaces of Unicode as well.
    command, *params = [part for part in middles.split(" ") if part] or [""]
    if not _COMMAND.fullmatch(command):
        return Unreadable("no_command")
    if colon:
        params.append(trailing)
    return IrcMessage(tags, nick, user, command.upper(), tuple(params))
