"""One conversation with Twitch IRC, without a socket: frames and moments in, lines to send and news out.

The shell (`irc.py`) moves bytes; everything that is decided is decided here: when to join, when a join
has failed, when to ask whether anybody is there, when the connection has to be given up.
Moments are monotonic seconds, `received_at` is a time of day.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from integrations.twitch import irc_events as meaning
from integrations.twitch.irc_parser import split_frame
from integrations.twitch.pacing import JoinBudget, Times
from sql.channels import ChannelState

CAPABILITIES = "twitch.tv/tags twitch.tv/commands"
_PROBE = "hb"
_LOGIN = re.compile(r"[a-z0-9_]{1,25}", re.ASCII)
_LOGIN_TROUBLE = re.compile(r"log ?in|logging in|auth|nick", re.IGNORECASE)

#: What a NOTICE about a channel means for the person at the desk.
_NOTICES = {
    "msg_channel_suspended": "Twitch says that this channel is suspended.",
    "tos_ban": "Twitch says that this channel is closed for breaking its terms.",
    "msg_room_not_found": "Twitch knows no channel of this name: check the spelling.",
    "msg_banned": "Twitch refuses readers in this channel.",
    "no_permission": "Twitch refuses readers in this channel.",
}
_SILENT_JOIN = (
    "Twitch does not answer for #{login}: check the spelling; the channel may also be renamed or suspended."
)


def is_login(text: str) -> bool:
    """Whether `text` can be a name on Twitch; anything else could be a command of its own in a line."""
    return _LOGIN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the reading of one channel goes."""

    login: str
    state: ChannelState
    detail: str = ""
    room_id: str | None = None


class Session:
    """The state of one connection from its first line to its last."""

    def __init__(
        self, nick: str, times: Times, budget: JoinBudget, now: float, counts: Counter[str] | None = None
    ) -> None:
        self._times = times
        self._budget = budget
        self._welcome_by: float | None = now + times.welcome
        self._to_join: deque[str] = deque()
        self._answer_by: dict[str, float] = {}
        self._again_at: dict[str, float] = {}
        self._heard_at = now
        self._probed_at: float | None = None
        self._wanted: set[str] = set()
        self._out: list[str] = [f"CAP REQ :{CAPABILITIES}", f"NICK {nick}"]
        self._news: list[Standing] = []
        self.joined: set[str] = set()
        #: Twitch announced that it will close this connection.
        self.told_to_reconnect = False
        #: Why this connection has to be given up, as words after "the connection"; empty while it is fine.
        self.broken = ""
        #: Lines by what became of them: "chat", a reason of `irc_events.REASONS`, "too_long", …
        self.counts: Counter[str] = Counter() if counts is None else counts

    def take_outgoing(self) -> list[str]:
        """Lines to send now, without their ends, in order; each is handed out once."""
        out, self._out = self._out, []
        return out

    def take_news(self) -> list[Standing]:
        """Changes in the standing of channels since the last call."""
        news, self._news = self._news, []
        return news

    def covers(self, logins: Iterable[str]) -> bool:
        """Whether each of these is heard here, or known not to answer."""
        return all(n in self.joined or n in self._again_at or n not in self._wanted for n in logins)

    def want(self, logins: Iterable[str], now: float) -> None:
        """Hear exactly these channels from now on."""
        wanted = {login for login in logins if is_login(login)}
        for login in sorted(wanted - self._wanted):
            self._to_join.append(login)
            self._tell(login, "connecting", "Joining the chat.")
        for login in sorted(self._wanted - wanted):
            if login in self.joined or login in self._answer_by:
                self._out.append(f"PART #{login}")
            self._forget(login)
        self._wanted = wanted
        self.tick(now)

    def feed(self, frame: bytes | str, received_at: datetime, now: float) -> list[meaning.Said]:
        """Take in one frame; the lines of chat in it, of wanted channels only."""
        self._heard_at, self._probed_at = now, None
        lines, dropped = split_frame(frame)
        if dropped:
            self.counts["too_long"] += dropped
        chat: list[meaning.Said] = []
        for line in lines:
            said: meaning.Said | None = meaning.skim(line, received_at)
            if said is None:
                what = meaning.read_line(line, received_at)
                if not isinstance(what, meaning.Chat):
                    self._note(what, now)
                    continue
                said = what
            if said.login in self._wanted:
                chat.append(said)
            else:
                self.counts["unwanted_channel"] += 1
        self.counts["chat"] += len(chat)
        return chat

    def tick(self, now: float) -> None:
        """Do what is due at `now`; to be called at `next_due()` at the latest, and after every frame."""
        if self._welcome_by is not None and now >= self._welcome_by:
            self._welcome_by = None
        for login in [n for n, by in self._answer_by.items() if now >= by]:
            self._refused(login, _SILENT_JOIN.format(login=login), now)
        for login in [n for n, at in self._again_at.items() if now >= at]:
            del self._again_at[login]
            self._to_join.append(login)
        while self._welcome_by is None and self._to_join and self._budget.take(now):
            login = self._to_join.popleft()
            self._answer_by[login] = now + self._times.join_answer
            self._out.append(f"JOIN #{login}")
        if self._probed_at is not None:
            if now >= self._probed_at + self._times.pong:
                self.broken = f"was silent and did not answer within {self._times.pong:g} s"
        elif now >= self._heard_at + self._times.silence:
            self._probed_at = now
            self._out.append(f"PING :{_PROBE}")

    def next_due(self, now: float) -> float:
        """The moment of the next `tick` if no frame comes."""
        due = [*self._answer_by.values(), *self._again_at.values()]
        if self._welcome_by is not None:
            due.append(self._welcome_by)
        elif self._to_join:
            due.append(self._budget.free_at(now))
        if self._probed_at is not None:
            due.append(self._probed_at + self._times.pong)
        else:
            due.append(self._heard_at + self._times.silence)
        return min(due)

    def held_up(self, now: float) -> None:
        """We did not read for a while, for a reason of our own: that was not the server's silence."""
        self._heard_at, self._probed_at = now, None

    def _note(self, what: meaning.Line, now: float) -> None:
        match what:
            case meaning.Ignored(reason):
                self.counts[reason] += 1
            case meaning.Ping(token):
                self._out.append(f"PONG :{token}")
            case meaning.Welcome():
                self._welcome_by = None
            case meaning.Joined(login, room_id) if login in self._wanted:
                self._heard(login, room_id)
            case meaning.Parted(login) if login in self.joined:
                self._refused(login, "Twitch closed this channel to us.", now)
            case meaning.Notice(login, message_id, text):
                self._noticed(login, message_id, text, now)
            case meaning.TagsRefused():
                self.broken = "got no message tags, without which nobody's vote can be told from another's"
            case meaning.Reconnect():
                self.told_to_reconnect = True
            case _:
                self.counts["other"] += 1

    def _heard(self, login: str, room_id: str | None) -> None:
        fresh = login not in self.joined
        self._answer_by.pop(login, None)
        self._again_at.pop(login, None)
        self.joined.add(login)
        if fresh or room_id:
            self._news.append(Standing(login, "connected", room_id=room_id))

    def _noticed(self, login: str, message_id: str, text: str, now: float) -> None:
        if login in self._wanted and (message_id in _NOTICES or login in self._answer_by):
            self._refused(login, _NOTICES.get(message_id) or f"Twitch says: {text}", now)
        elif not login and _LOGIN_TROUBLE.search(text):
            # `NOTICE * :Login authentication failed` and its kin: nothing will follow.
            self.broken = f"was refused by Twitch: {text}"
        else:
            self.counts["notice"] += 1  # slow mode on, followers only, …

    def _refused(self, login: str, detail: str, now: float) -> None:
        self._forget(login)
        self._again_at[login] = now + self._times.join_again
        self._tell(login, "failing", detail)

    def _forget(self, login: str) -> None:
        self.joined.discard(login)
        self._answer_by.pop(login, None)
        self._again_at.pop(login, None)
        if login in self._to_join:
            self._to_join.remove(login)

    def _tell(self, login: str, state: ChannelState, detail: str = "") -> None:
        self._news.append(Standing(login, state, detail))
