"""Keeps Twitch delivering by webhook: what it holds is compared with what is wanted, and made good (§3).

For installations with a public https address; the deliveries come in at `POST /webhooks/twitch`, and Twitch
sends again what was not taken. Only the application's token may subscribe, the streamer's grant must be there
before. Of any number of processes one does it.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any, Final
from uuid import uuid4

import structlog

from integrations.base import Clock
from integrations.tokens import NoToken
from integrations.twitch import eventsub_plan
from integrations.twitch.eventsub_asking import SUBSCRIPTIONS, ask
from integrations.twitch.eventsub_intake import EventSubIntake
from integrations.twitch.helix import APP, Helix, HelixAway, HelixBusy, HelixRefused
from integrations.twitch.missed import missed
from integrations.twitch.reading import fields, identifier, items, text
from sql import duties, gaps, twitch_subscriptions
from sql.pool import UNREACHABLE, Database
from sql.twitch_subscriptions import Account, News, Subscription

_log = structlog.get_logger(__name__)

_DUTY: Final = "twitch.webhooks"
_MOST_PAGES: Final = 500
#: A challenge that was not answered for so long never will be.
_CHALLENGE_S: Final = 60.0


class EventSubWebhooks:
    """Of all linked Twitch channels of this installation."""

    def __init__(
        self,
        database: Database,
        helix: Helix,
        intake: EventSubIntake,
        clock: Clock,
        *,
        callback: str,
        secret: str,
        look_s: float = 5.0,
        ttl_s: float = 30.0,
        all_s: float = 3600.0,
    ) -> None:
        """`callback`: our public address for deliveries; `all_s`: between two comparisons of everything."""
        self._database, self._helix, self._intake, self._clock = database, helix, intake, clock
        self._callback, self._secret = callback, secret
        self._look_s, self._ttl_s, self._all_s = look_s, ttl_s, all_s
        self._me = uuid4()
        self._is_ours = False
        self._compare_at = 0.0
        self._known: set[str] = set()  # accounts whose past was read

    async def run(self) -> None:
        """Look after everything until cancelled; never ends because of Twitch or the database."""
        storing = asyncio.create_task(self._intake.run())
        try:
            while True:
                pause = self._look_s
                try:
                    await self.look()
                except HelixBusy as busy:
                    pause = busy.after_s
                except (HelixAway, HelixRefused, NoToken, *UNREACHABLE) as error:
                    _log.warning("eventsub_webhooks_postponed", reason=str(error)[:200])
                await asyncio.sleep(pause)
        finally:
            storing.cancel()
            await asyncio.gather(storing, return_exceptions=True)

    async def look(self) -> None:
        """Do what is due. Raises UNREACHABLE, and what a call of Helix raises."""
        async with self._database.connection() as connection:
            duty = await duties.take(connection, _DUTY, self._me, self._ttl_s)
            if duty is None:
                self._is_ours = False
                return
            accounts = {one.id: one for one in await twitch_subscriptions.accounts(connection)}
            wanted = eventsub_plan.wanted(accounts.values(), "webhook")
            left = await twitch_subscriptions.want(connection, wanted)
            rows = await twitch_subscriptions.all_(connection)
        if not self._is_ours:
            self._is_ours, self._compare_at = True, 0.0
            self._known.clear()  # whoever had it before may have died long ago
        for id_, transport in left:
            if transport == "webhook":
                await self._drop(id_)
        if time.monotonic() >= self._compare_at:
            rows = await self._compared(rows)
            self._compare_at = time.monotonic() + self._all_s
        await self._subscribe(accounts, rows)
        await self._repair(accounts)

    async def _repair(self, accounts: Mapping[str, Account]) -> None:
        """Read what nobody was told: of new accounts, and of those of whom a delivery had failed for long."""
        async with self._database.connection() as connection:
            rows = await twitch_subscriptions.all_(connection)
            pending = {row.broadcaster_id for row in rows if row.state in ("wanted", "pending")}
            heard = [
                channel for one in accounts.values() if one.id not in pending for channel in one.channels
            ]
            await gaps.close(connection, heard, "events")
            over = await gaps.to_repair(connection, "twitch")
        for account in accounts.values():
            if account.id in self._known and account.id not in over:
                continue
            try:
                found = await missed(self._helix, account.id, account.scopes, self._clock.now())
            except (
                HelixAway,
                HelixBusy,
                HelixRefused,
                NoToken,
            ) as error:  # which is no other account's trouble
                _log.warning("eventsub_gap_not_repaired_yet", account=account.id, reason=type(error).__name__)
                continue
            for event in found:
                await self._intake.put(event)
            await self._intake.stored()
            self._known.add(account.id)
            async with self._database.connection() as connection:
                await gaps.repaired(connection, over.get(account.id, []))
        self._known &= accounts.keys()

    async def _subscribe(self, accounts: Mapping[str, Account], rows: Collection[Subscription]) -> None:
        transport = {"method": "webhook", "callback": self._callback, "secret": self._secret}
        for row in sorted(rows, key=lambda row: eventsub_plan.place(row.type)):
            account = accounts.get(row.broadcaster_id)
            if account is None or not self._is_due(row, account):
                continue
            news = await ask(
                self._helix,
                account,
                eventsub_plan.BY_TYPE[row.type],
                who=APP,
                transport=transport,
                success="pending",
            )
            await self._tell([news])

    def _is_due(self, row: Subscription, account: Account) -> bool:
        match row.state:
            case "wanted":
                return True
            case "refused" | "revoked":
                return row.token_version != account.token_version
            case "pending":
                return (self._clock.now() - row.state_at).total_seconds() > _CHALLENGE_S
        return False

    async def _compared(self, rows: Collection[Subscription]) -> list[Subscription]:
        """What Twitch does not hold is wanted again; what it holds for us and nobody wants is given back."""
        held = await self._held()
        ours = {row.subscription_id for row in rows if row.subscription_id}
        for id_, status in held.items():
            if id_ not in ours or status not in ("enabled", "webhook_callback_verification_pending"):
                await self._drop(id_)
        lost = [
            News(row.broadcaster_id, row.type, "wanted")
            for row in rows
            if row.state in ("held", "pending") and held.get(row.subscription_id or "") != "enabled"
        ]
        if lost:
            _log.warning("eventsub_webhooks_lost", subscriptions=len(lost))
        await self._tell(lost)
        async with self._database.connection() as connection:
            return await twitch_subscriptions.all_(connection)

    async def _held(self) -> dict[str, str]:
        """Of our own address, by id: the status."""
        found: dict[str, str] = defaultdict(str)
        after = ""
        for _ in range(_MOST_PAGES):
            query = [("after", after)] if after else []
            answer = await self._helix.call("GET", SUBSCRIPTIONS, APP, query=query)
            for item in items(answer.get("data")):
                if fields(item.get("transport")).get("callback") == self._callback:
                    found[identifier(item.get("id"))] = text(item.get("status"), 64)
            cursor: Any = fields(answer.get("pagination")).get("cursor")
            after = text(cursor, 500)
            if not after:
                break
        return dict(found)

    async def _drop(self, id_: str) -> None:
        try:
            await self._helix.call("DELETE", SUBSCRIPTIONS, APP, query=[("id", id_)])
        except HelixRefused as refused:
            if refused.status != 404:
                raise

    async def _tell(self, news: list[News]) -> None:
        async with self._database.connection() as connection:
            await twitch_subscriptions.tell(connection, news)
