"""How the tables that are connected stand: every half second one question for all of them.

What another process did reaches the sockets of this one here, within two seconds: a table was revoked, its
campaign deleted, a command ordered, a rule changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from server.engine import presets
from server.rules.item_categories import ItemCategoryRule
from server.rules.wiretime import to_wire
from server.web.foundry.browsers import Browser, Browsers
from server.web.foundry.courier import Courier
from server.web.services import Services
from sql import item_category_rules, table_settings, vtt_commands, vtt_sockets
from sql.heads import NoCampaign
from sql.pool import UNREACHABLE
from sql.vtt_sockets import Standing

_log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 0.5
#: How often those who are there are noted: well before `vtt_sockets.STALE_S`.
NOTE_EVERY_S: Final = 10.0
#: How often item categories are compared, and commands settled that nobody came for.
SELDOM_S: Final = 5.0
#: Looks in a row that must miss a table (see `absent`).
_MISSED: Final = 4


def wire_categories(rules: Iterable[ItemCategoryRule]) -> list[dict[str, Any]]:
    """What the module is told of a campaign's rules."""
    return [
        {
            "itemType": rule.item_type,
            "category": rule.category,
            "subcategory": rule.subcategory,
            "isTargetable": rule.is_targetable,
        }
        for rule in rules
        if rule.is_enabled
    ]


class Watch:
    """Run `run()`."""

    def __init__(self, services: Services, browsers: Browsers, courier: Courier) -> None:
        self._services = services
        self._browsers = browsers
        self._courier = courier
        self._missed: dict[UUID, int] = {}
        self._noted_at = self._seldom_at = 0.0

    async def run(self) -> None:
        """Look until cancelled, then take back what was noted."""
        try:
            while True:
                await asyncio.sleep(LOOK_EVERY_S)
                try:
                    await self._look()
                except UNREACHABLE as error:
                    self._missed.clear()
                    _log.info("foundry_watch_postponed", error=type(error).__name__)
                except Exception:
                    _log.exception("foundry_watch_failed")
        finally:
            left = self._browsers.take_left() | {browser.id for browser in self._browsers.all()}
            if left:
                try:
                    async with self._services.database.connection() as connection:
                        await vtt_sockets.forget(connection, left)
                except UNREACHABLE as error:
                    _log.info("foundry_sockets_left_to_age", error=type(error).__name__)

    async def arrived(self, browser: Browser) -> None:
        """Note it at once, and have its campaign play what its world plays."""
        admitted = browser.admitted
        try:
            async with self._services.database.connection() as connection:
                await vtt_sockets.note(connection, {browser.id: admitted.connection_id})
                settings = await table_settings.get(connection, admitted.campaign_id)
            if admitted.game_system and not settings.game_system:
                async with self._services.rooms.turn(admitted.campaign_id) as (_, turn):
                    await presets.play(turn, admitted.game_system)
        except (*UNREACHABLE, NoCampaign) as error:
            _log.info("foundry_socket_not_noted", error=type(error).__name__)

    async def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        tables = self._browsers.tables()
        is_seldom = now - self._seldom_at >= SELDOM_S
        standing: Mapping[UUID, Standing] = {}
        async with self._services.database.connection() as connection:
            if tables:
                standing = await vtt_sockets.standing(connection, tables)
            left = self._browsers.take_left()
            is_time = now - self._noted_at >= NOTE_EVERY_S
            try:
                if left or is_time:
                    await vtt_sockets.forget(connection, left)
                if is_time and tables:
                    here = {one.id: one.admitted.connection_id for one in self._browsers.all()}
                    await vtt_sockets.note(connection, here)
            except BaseException:
                self._browsers.put_left(left)
                raise
            if is_time:
                self._noted_at = now
            if is_seldom:
                await vtt_commands.settle(connection)
                self._seldom_at = now
            campaigns = {one.campaign_id for one in standing.values() if one.campaign_id and is_seldom}
            rules = {
                campaign_id: await item_category_rules.list_of_campaign(connection, campaign_id)
                for campaign_id in campaigns
            }
        for connection_id in tables:
            await self._judge(connection_id, standing.get(connection_id))
        for browser in self._browsers.all():
            found = rules.get(browser.admitted.campaign_id)
            if found is not None:
                await self._sync(browser, found)

    async def _judge(self, connection_id: UUID, standing: Standing | None) -> None:
        browsers = self._browsers.of(connection_id)
        if standing is None:
            self._missed[connection_id] = self._missed.get(connection_id, 0) + 1
            if self._missed[connection_id] >= _MISSED:
                del self._missed[connection_id]
                for browser in browsers:
                    browser.line.cut("its table is gone")
            return
        self._missed.pop(connection_id, None)
        for browser in browsers:
            if not standing.is_active:
                await self._dismiss(browser, "connection:revoked", reason="Revoked on Hubbub")
            elif standing.campaign_id is None:
                await self._dismiss(
                    browser,
                    "campaign:deleted",
                    campaignId=str(browser.admitted.campaign_id),
                    campaignName=browser.admitted.campaign_name,
                    reason="The campaign was deleted on Hubbub",
                )
            elif (standing.campaign_id, standing.token_version) != (
                browser.admitted.campaign_id,
                browser.admitted.token_version,
            ):
                browser.line.cut("paired anew")  # it comes back with what its world has stored since
        if standing.is_active and standing.has_commands:
            self._courier.go(connection_id)

    async def _dismiss(self, browser: Browser, event: str, **fields: str) -> None:
        """Tell it, and end it for good: it has nothing to come back with."""
        await browser.say(event, {**fields, "timestamp": to_wire(self._services.clock())})
        await browser.leave()

    async def _sync(self, browser: Browser, rules: Sequence[ItemCategoryRule]) -> None:
        """Every browser draws its own sheets, so each of them is told (no effect can come of it twice)."""
        categories = wire_categories(rules)
        if categories != browser.categories:
            browser.categories = categories
            await browser.say(
                "command:sync_item_categories",
                {
                    "itemCategories": categories,
                    "requestId": str(uuid4()),
                    "timestamp": to_wire(self._services.clock()),
                },
            )
