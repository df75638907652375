"""Everything that Twitch tells of linked channels beside chat: who listens, what is asked, what was missed.

One process does it for all (`duties`); another takes over within ten seconds when it dies. Each account has a
socket of its own (`eventsub_socket.py`). What a socket that is lost did not tell is read afterwards
(`missed.py`), and the gap stands in `channel_gaps` until it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

import structlog

from integrations.base import Clock
from integrations.tokens import NoToken, TokensAway
from integrations.twitch import eventsub_events, eventsub_plan
from integrations.twitch.eventsub_asking import SUBSCRIPTIONS, ask, revoked_words
from integrations.twitch.eventsub_intake import EventSubIntake
from integrations.twitch.eventsub_messages import Notification, Revocation
from integrations.twitch.eventsub_session import End, Times
from integrations.twitch.eventsub_signature import MOST_AHEAD, OLDEST
from integrations.twitch.eventsub_socket import EventSubSocket
from integrations.twitch.helix import APP, Helix, HelixAway, HelixBusy, HelixRefused
from integrations.twitch.missed import missed
from integrations.twitch.reading import moment
from server.rules.events import ChatMessage
from sql import duties, gaps, twitch_subscriptions
from sql.gaps import Reason
from sql.pool import UNREACHABLE, Connection, Database
from sql.twitch_subscriptions import Account, News, Subscription

_log = structlog.get_logger(__name__)

_DUTY: Final = "twitch.eventsub"


@dataclass(frozen=True, slots=True)
class Pace:
    """Times of the upkeep, in seconds; tests shorten them."""

    look: float = 2.0
    ttl: float = 8.0  # whoever does not renew the duty for so long has died
    repair: float = 5.0  # before another try to read what was missed
    handover: float = 3.0  # nobody listened for longer: that is a gap
    farewell: float = 3.0  # for storing what was told, at the end


@dataclass(slots=True)
class _Lost:
    """What has to be written down of a lost line as soon as it can be."""

    began_at: datetime
    reason: Reason
    words: str


class EventSub:
    """Of all linked Twitch channels of this installation."""

    def __init__(
        self,
        database: Database,
        helix: Helix,
        url: str,
        intake: EventSubIntake,
        clock: Clock,
        *,
        times: Times | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._database = database
        self._helix = helix
        self._url = url
        self._intake = intake
        self._clock = clock
        self._times = times or Times()
        self._pace = pace or Pace()
        self._me = uuid4()
        self._is_ours = False
        self._accounts: dict[str, Account] = {}
        self._sockets: dict[str, tuple[EventSubSocket, asyncio.Task[None]]] = {}
        self._sessions: dict[str, str] = {}  # of accounts whose line is up
        self._lost: dict[str, _Lost] = {}
        self._repairs: set[str] = set()
        self._refused: set[str] = set()  # accounts whose refused subscriptions may be granted now
        self._due = asyncio.Event()
        self._renewed = 0.0
        #: Frames and events by what became of them.
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        """Listen until cancelled; never ends because of Twitch or the database."""
        storing = asyncio.create_task(self._intake.run())
        catching_up = asyncio.create_task(self._catch_up())
        try:
            while True:
                try:
                    async with asyncio.timeout(self._pace.ttl / 2):
                        await self.look()
                except UNREACHABLE as error:
                    _log.info("eventsub_postponed", error=type(error).__name__)
                if self._is_ours and time.monotonic() - self._renewed > self._pace.ttl - self._pace.look:
                    # Somebody else may have it by now: bits that two are told of would count twice.
                    await self._stop(set(self._sockets))
                    self._is_ours = False
                for beside in (storing, catching_up):
                    if beside.done():  # a mistake of ours, which must not go on unseen
                        beside.result()
                await asyncio.sleep(self._pace.look)
        finally:
            await self._stop(set(self._sockets))
            catching_up.cancel()
            await asyncio.gather(catching_up, return_exceptions=True)
            await self._part(storing)

    async def _part(self, storing: asyncio.Task[None]) -> None:
        """Store what was told, and let another process have it at once."""
        try:
            async with asyncio.timeout(self._pace.farewell):
                await self._intake.stored()
                if self._is_ours:
                    async with self._database.connection() as connection:
                        await duties.leave(connection, _DUTY, self._me)
        except UNREACHABLE as error:
            _log.warning("eventsub_left_in_haste", error=type(error).__name__)
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    async def look(self) -> None:
        """Do what is due. Raises UNREACHABLE."""
        async with self._database.connection() as connection:
            asked_at = time.monotonic()
            duty = await duties.take(connection, _DUTY, self._me, self._pace.ttl)
            if duty is None:
                accounts: list[Account] = []
                left: list[str] = []
            else:
                accounts = await twitch_subscriptions.accounts(connection)
                left = await self._want(connection, accounts)
        if duty is None:
            if self._is_ours:
                self._is_ours = False
                await self._stop(set(self._sockets))
            return
        self._renewed = asked_at
        if not self._is_ours:
            self._is_ours = True
            silent = duty.now - duty.done_until if duty.done_until else timedelta()
            if duty.done_until and silent > timedelta(seconds=self._pace.handover):
                await self._open(accounts, _Lost(duty.done_until, "no_process", ""))
        await self._give_back(left)
        await self._note_lost()
        before, self._accounts = self._accounts, {account.id: account for account in accounts}
        await self._stop(self._sockets.keys() - self._accounts.keys())
        for account in accounts:
            known = before.get(account.id)
            if account.id not in self._sockets:
                self._start(account.id)
            elif known and (known.token_version, known.scopes) != (account.token_version, account.scopes):
                self._again(account.id)

    async def _want(self, connection: Connection, accounts: Collection[Account]) -> list[str]:
        """Answers the webhooks that Twitch may still hold."""
        left = await twitch_subscriptions.want(connection, eventsub_plan.wanted(accounts, "socket"))
        return [id_ for id_, transport in left if transport == "webhook"]

    async def _give_back(self, ids: Collection[str]) -> None:
        """Webhooks of before the sockets; without the application's token Twitch ends them by itself."""
        for id_ in ids:
            try:
                await self._helix.call("DELETE", SUBSCRIPTIONS, APP, query=[("id", id_)])
            except (HelixAway, HelixBusy, HelixRefused, NoToken) as error:
                _log.info("eventsub_webhook_not_given_back", reason=type(error).__name__)

    # --- lines ----------------------------------------------------------------------------------------

    def _start(self, account_id: str) -> None:
        socket = EventSubSocket(
            account_id,
            self._url,
            on_session=self._subscribe,
            on_message=self._take,
            on_end=self._ended,
            times=self._times,
            counts=self.counts,
        )
        self._sockets[account_id] = (socket, asyncio.create_task(self._watched(socket)))

    async def _watched(self, socket: EventSubSocket) -> None:
        try:
            await socket.run()
        except Exception:
            # A mistake of ours in one line costs that line: the next look makes it anew.
            _log.exception("eventsub_line_failed", account=socket.account_id)
            self._sessions.pop(socket.account_id, None)
            self._sockets.pop(socket.account_id, None)

    async def _stop(self, accounts: Collection[str]) -> None:
        tasks = [self._sockets.pop(account_id)[1] for account_id in list(accounts)]
        for account_id in accounts:
            self._sessions.pop(account_id, None)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _again(self, account_id: str) -> None:
        """Another token: what was refused may be granted now."""
        if account_id in self._sessions:
            self._refused.add(account_id)
            self._due.set()
        else:
            self._sockets[account_id][0].changed.set()

    async def _subscribe(self, account_id: str, session: str) -> bool:
        """Ask for everything that may be asked for; whether there is anything."""
        while True:
            try:
                return await self._subscribed(account_id, session)
            except HelixBusy as busy:
                await asyncio.sleep(busy.after_s)
            except TokensAway as away:
                await asyncio.sleep(away.after_s)
            except (HelixAway, *UNREACHABLE) as error:
                _log.info("eventsub_subscribing_later", account=account_id, reason=str(error)[:100])
                await asyncio.sleep(1.0)

    async def _subscribed(self, account_id: str, session: str, *, refused_only: bool = False) -> bool:
        account = self._accounts[account_id]
        async with self._database.connection() as connection:
            rows = (await twitch_subscriptions.of_broadcasters(connection, [account_id])).get(account_id, [])
        rows.sort(key=lambda row: eventsub_plan.place(row.type))
        news: list[News] = []
        for row in rows:
            is_refused = row.state in ("refused", "revoked")
            if is_refused and row.token_version == account.token_version:
                continue  # a person's to mend
            if refused_only and not is_refused:
                continue
            news.append(await self._ask(account, row, session))
        is_heard = any(one.state == "held" for one in news)
        async with self._database.connection() as connection:
            await twitch_subscriptions.tell(connection, news)
            if is_heard:
                await gaps.close(connection, account.channels, "events")
        if refused_only:
            return True
        if is_heard:
            self._sessions[account_id] = session
            self._repairs.add(account_id)
            self._due.set()
        return is_heard

    async def _ask(self, account: Account, row: Subscription, session: str) -> News:
        return await ask(
            self._helix,
            account,
            eventsub_plan.BY_TYPE[row.type],
            who=account.id,
            transport={"method": "websocket", "session_id": session},
        )

    async def _take(self, account_id: str, message: Notification | Revocation) -> None:
        if isinstance(message, Revocation):
            await self._revoked(account_id, message)
            return
        received_at = self._clock.now()
        sent_at = moment(message.sent_at)
        if sent_at is None or not -MOST_AHEAD <= received_at - sent_at <= OLDEST:
            self.counts["stale"] += 1  # a replay, or no time at all (§2.5)
            return
        meaning = eventsub_events.translate(
            message.subscription.type,
            message.event,
            id=message.message_id,
            sent_at=message.sent_at,
            received_at=received_at,
        )
        self.counts[eventsub_events.outcome(meaning)] += 1
        if isinstance(meaning, eventsub_events.Ignored) or meaning.channel_id != account_id:
            return
        if not isinstance(meaning, ChatMessage):
            await self._intake.put(meaning)

    async def _revoked(self, account_id: str, message: Revocation) -> None:
        status = message.subscription.status
        _log.warning("eventsub_revoked", account=account_id, type=message.subscription.type, status=status)
        words = revoked_words(status)
        try:
            async with self._database.connection() as connection:
                await twitch_subscriptions.revoked(connection, message.subscription.id, words)
        except UNREACHABLE:
            _log.warning("eventsub_revocation_not_noted", account=account_id)
        if status == "authorization_revoked":
            try:  # a token that is dead is found out by using it
                await self._helix.call("GET", "users", account_id)
            except (HelixAway, HelixBusy, HelixRefused, NoToken) as error:
                _log.info("eventsub_token_looked_at", account=account_id, found=type(error).__name__)

    # --- what was missed ------------------------------------------------------------------------------

    async def _ended(self, account_id: str, end: End) -> None:
        self._sessions.pop(account_id, None)
        silent_s = self._times.keepalive + self._times.margin if end.is_silent else 0.0
        began_at = self._clock.now() - timedelta(seconds=silent_s)
        self._lost.setdefault(
            account_id, _Lost(began_at, "silent" if end.is_silent else "lost", f"The connection {end.words}.")
        )
        try:
            await self._note_lost()
        except UNREACHABLE:
            return  # the next look does it

    async def _note_lost(self) -> None:
        for account_id, lost in list(self._lost.items()):
            account = self._accounts.get(account_id)
            if account is not None:
                await self._open([account], lost)
            self._lost.pop(account_id, None)

    async def _open(self, accounts: Collection[Account], lost: _Lost) -> None:
        channels = [channel for account in accounts for channel in account.channels]
        async with self._database.connection() as connection:
            await gaps.open_(
                connection,
                channels,
                "events",
                began_at=lost.began_at,
                reason=lost.reason,
                detail=lost.words,
            )

    async def _catch_up(self) -> None:
        """Beside the upkeep, since Twitch may be slow; what it does not answer is asked again later."""
        while True:
            self._due.clear()
            for account_id in sorted(self._refused & self._sessions.keys()):
                await self._ask_again(account_id)
            for account_id in sorted(self._repairs & self._sessions.keys()):
                try:
                    await self._repair(account_id)
                except UNREACHABLE as error:
                    _log.info("eventsub_repair_postponed", error=type(error).__name__)
            try:
                async with asyncio.timeout(self._pace.repair if self._repairs or self._refused else None):
                    await self._due.wait()
            except TimeoutError:
                continue

    async def _ask_again(self, account_id: str) -> None:
        session = self._sessions.get(account_id)
        if session is None:  # the next line asks for everything
            self._refused.discard(account_id)
            return
        try:
            await self._subscribed(account_id, session, refused_only=True)
        except (HelixAway, HelixBusy, TokensAway, *UNREACHABLE) as error:
            _log.info("eventsub_subscribing_later", account=account_id, reason=str(error)[:100])
        else:
            self._refused.discard(account_id)

    async def _repair(self, account_id: str) -> None:
        """Read what nobody was told. Raises UNREACHABLE."""
        account = self._accounts.get(account_id)
        if account is None:
            self._repairs.discard(account_id)
            return
        try:
            found = await missed(self._helix, account_id, account.scopes, self._clock.now())
        except (HelixAway, HelixBusy, HelixRefused, NoToken) as error:
            _log.warning("eventsub_gap_not_repaired_yet", account=account_id, reason=type(error).__name__)
            return
        for event in found:
            await self._intake.put(event)
        await self._intake.stored()
        async with self._database.connection() as connection:
            over = (await gaps.to_repair(connection, "twitch")).get(account_id, [])
            await gaps.repaired(connection, over)
        self._repairs.discard(account_id)
        self.counts["repaired"] += len(over)
