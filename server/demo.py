"""The demo campaign: what somebody sees two minutes after a `git clone`, without an account anywhere.

It is made once, on the first start. While it is switched on, a director keeps a poll running in it,
as a game master with a rundown would; its viewers are simulated and marked as such on screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import structlog

from server.engine.room import NoPoll, Rooms
from server.rules.poll import PollRules, Refused, State
from sql import campaigns, channels, overlays, polls, rundowns, settings
from sql.ids import uuid7
from sql.pool import UNREACHABLE, Connection, Database

log = structlog.get_logger(__name__)

NAME = "The Gilded Vault"
OVERLAY_NAME = "Main overlay"
_CHANNELS: tuple[tuple[channels.Platform, str], ...] = (("twitch", "mossy_tavern"), ("kick", "lantern_keep"))
_DURATION_S = 45
#: The setting that names the rundown which the director plays.
_RUNDOWN = "demo.rundown"
_BREAK = timedelta(seconds=3)

_ON_ITS_OWN = PollRules(auto_reveal_s=2, words="any_case", grace_s=3)
_Written = tuple[str, tuple[str, ...], PollRules]
_POLLS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("The vault door hums. What now?", ("Pick the lock", "Kick it in", "Knock politely", "Send the bard")),
    ("Who talks to the dragon?", ("The paladin", "The rogue", "The goat")),
    ("Which potion does Brom drink?", ("The red one", "The blue one", "The one that whispers")),
    ("One wish is left. Spend it on…", ("Gold", "A castle", "More wishes", "Lunch", "Revenge", "A nap")),
)
_SPECIAL: tuple[_Written, ...] = (
    (
        "Secret ballot: who is the traitor?",
        ("Captain Ilse", "Father Odo", "The cook"),
        PollRules(auto_reveal_s=2, words="any_case", grace_s=3, secret=True, tie="random"),
    ),
    (
        "Fight or flight?",
        ("Fight", "Flight"),
        PollRules(auto_reveal_s=2, words="any_case", grace_s=3, weighting="per_head", tie="first"),
    ),
)

#: Gives the SHA-256 of the key that belongs to an overlay id and a key version (web.overlay_links).
KeyHash = Callable[[UUID, int], bytes]


async def ensure(database: Database, owner_id: UUID, key_hash: KeyHash) -> campaigns.Campaign:
    """The demo campaign, made with everything in it when there is none."""
    async with database.transaction() as connection:
        existing = await campaigns.demo(connection)
        if existing is not None:
            return existing
        campaign = await campaigns.create(
            connection, owner_id, NAME, description="A demo with simulated viewers.", is_demo=True
        )
        await _fill(connection, campaign.id, key_hash)
        return campaign


async def _fill(connection: Connection, campaign_id: UUID, key_hash: KeyHash) -> None:
    for platform, login in _CHANNELS:
        await channels.create(
            connection, campaign_id=campaign_id, platform=platform, login=login, source="simulated"
        )
    rundown = await rundowns.create(connection, campaign_id, "Tonight")
    await settings.put(connection, _RUNDOWN, str(rundown.id))
    drafts: list[_Written] = [(question, options, _ON_ITS_OWN) for question, options in _POLLS]
    drafts[2:2] = _SPECIAL
    for index, (question, options, rules) in enumerate(drafts):
        draft = polls.Draft(question, options, _DURATION_S, rules, rundown.id, index)
        await polls.create(connection, campaign_id, draft)
    overlay_id = uuid7()
    await overlays.create(
        connection,
        campaign_id,
        overlay_id=overlay_id,
        name=OVERLAY_NAME,
        key_hash=key_hash(overlay_id, 1),
        key_version=1,
        layout={},
    )


class Director:
    """Keeps the demo going: launches the next draft when the stage has been empty for a moment."""

    def __init__(
        self, database: Database, rooms: Rooms, campaign_id: UUID, *, break_: timedelta = _BREAK
    ) -> None:
        self._database = database
        self._rooms = rooms
        self._campaign_id = campaign_id
        self._break = break_

    async def begin(self) -> None:
        """On the very first start, put a poll on stage before anything else."""
        async with self._database.connection() as connection:
            done = await polls.page(connection, self._campaign_id, states=polls.DONE + polls.RUNNING, most=1)
        if not done:
            await self._launch_next()

    async def run(self) -> None:
        """Look once a second; a person who takes over is not disturbed while a poll is on screen."""
        idle: timedelta | None = None
        while True:
            await asyncio.sleep(1)
            try:
                if await self._is_busy():
                    idle = None
                elif idle is None:
                    idle = self._break
                elif idle > timedelta(0):
                    idle -= timedelta(seconds=1)
                else:
                    await self._launch_next()
                    idle = None
            except UNREACHABLE as error:
                log.info("demo_waits_for_database", error=type(error).__name__)

    async def _is_busy(self) -> bool:
        async with self._database.connection() as connection:
            running = await polls.page(connection, self._campaign_id, states=polls.RUNNING, most=1)
            shown = await polls.on_screen(connection, self._campaign_id, self._campaign_id)
        if running or any(poll.state == State.REVEALED for poll in shown):
            return True
        # A person's poll waits, counted, for its reveal: that is theirs to do.
        return any(poll.rules.auto_reveal_s is None for poll in shown)

    async def _launch_next(self) -> None:
        """The demo's own polls only: what a person writes in this show is theirs to launch."""
        async with self._database.connection() as connection:
            rundown_id = await settings.get(connection, _RUNDOWN)
            drafts = await polls.drafts(connection, self._campaign_id, UUID(rundown_id)) if rundown_id else []
        if not drafts:
            return
        try:
            await self._rooms.launch(self._campaign_id, drafts[0].id, simulated=True)
        except (Refused, NoPoll) as error:  # somebody was faster
            log.info("demo_poll_not_launched", error=str(error))
            return
        # The same question comes back at the end of the rundown, so the demo never runs dry.
        async with self._database.transaction() as connection:
            copy = await polls.again(connection, drafts[0])
            await polls.move_to_end(connection, self._campaign_id, copy)
