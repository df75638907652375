"""Whether those who were let in may stay (reliability R20): dead keys and ended sessions are closed 4401."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from uuid import UUID

import structlog

from server.live.audience import Audience, Figures
from server.live.client import Client, dismiss
from server.live.close_codes import BAD_KEY
from server.live.doorman import DeskPass, DeskRegister, OverlayPass, overlay_pass
from sql import overlay_keys
from sql.pool import UNREACHABLE, Database

_log = structlog.get_logger(__name__)

DESKS_EVERY_S: Final = 1.0


class KeyWatch:
    """Looks again at passes of clients that are connected."""

    def __init__(
        self,
        database: Database,
        rooms: Mapping[UUID, Audience],
        desks: DeskRegister | None,
        figures: Figures,
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._desks = desks
        self._figures = figures

    def revoke(self, client: Client) -> None:
        """What let this client in does not exist any more."""
        self._figures.revoked += 1
        dismiss(client.line, BAD_KEY)

    async def check_overlays(self, audience: Audience) -> list[Client]:
        """A key of this campaign died, or a layout changed: close the dead, answer those laid out anew.

        Raises one of UNREACHABLE.
        """
        ids = {c.admission.overlay_id for c in audience.clients if isinstance(c.admission, OverlayPass)}
        if not ids:
            return []
        async with self._database.connection() as connection:
            found = {overlay.id: overlay for overlay in await overlay_keys.by_id(connection, list(ids))}
        changed = []
        for client in tuple(audience.clients):
            held = client.admission
            if not isinstance(held, OverlayPass) or held.overlay_id not in ids:
                continue  # not an overlay, or one that came in while we were reading
            overlay = found.get(held.overlay_id)
            if overlay is None or overlay.key_hash != held.key_hash:
                if overlay is None or held.token_version < overlay.token_version:
                    self.revoke(client)
                continue
            now = audience.share(overlay_pass(overlay))
            if now.layout != held.layout:
                client.resuming = True
                changed.append(client)
            client.admission = now
        return changed

    async def run(self) -> None:
        """See every second which desks may stay, until cancelled."""
        reachable = True
        while True:
            await asyncio.sleep(DESKS_EVERY_S)
            try:
                await self._check_desks()
                reachable = True
            except UNREACHABLE as error:
                if reachable:
                    _log.warning("desks_not_checked", error=type(error).__name__)
                reachable = False
            except Exception:
                _log.exception("desk_check_failed")

    async def _check_desks(self) -> None:
        if self._desks is None:
            return
        desks: dict[DeskPass, list[Client]] = {}
        for audience in self._rooms.values():
            for client in audience.clients:
                if isinstance(client.admission, DeskPass):
                    desks.setdefault(client.admission, []).append(client)
        if not desks:
            return
        living = await self._desks.living(desks.keys())
        for dead in desks.keys() - set(living):
            for client in desks[dead]:
                self.revoke(client)
