"""Twitch's own polls beside ours, over Helix: started once, ended with ours (platforms/twitch.md §5).

Delivers `twitch.poll.create` and `twitch.poll.end`. A create that was not answered may have been heard, so it
is looked for among the channel's latest polls before another one is made: one with our words, begun since our
launch, that no other poll of ours is. Whatever Twitch answers goes into the row of the poll at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from integrations.base import Clock
from integrations.line import LineAway, LineBusy, LineRefused
from integrations.tokens import NoToken, TokensAway
from integrations.twitch.eventsub_events import native_poll
from integrations.twitch.helix import Helix, NotGranted
from integrations.twitch.reading import fields, items, moment, text
from server.engine.native_polls import CREATE, END
from server.rules.delivery import Again, Dead, Done, Item, Verdict
from server.rules.native_poll import NativePoll, begun, duration_s, refused, told
from server.rules.platform_events import NativePollTold
from server.rules.poll import Poll, State
from sql import consents, heads, native_polls, polls
from sql.ids import uuid7
from sql.pool import Database

_SCOPE: Final = "channel:manage:polls"
#: Our clock and Twitch's may differ by so much.
_SKEW: Final = timedelta(seconds=5)
_LATEST: Final = "20"
_LONGEST_TITLE: Final = 200
_OVER_BEFORE: Final = "The poll was over before Twitch could start one."


class _Both(NamedTuple):
    poll: Poll
    native: NativePoll


class TwitchPolls:
    """A courier. Payload: `poll` (our id), `channel_id` (the broadcaster); `leaves`: it ends before ours."""

    kinds: Final = (CREATE, END)

    def __init__(self, helix: Helix, database: Database, clock: Clock) -> None:
        self._helix = helix
        self._database = database
        self._clock = clock

    async def deliver(self, item: Item) -> Verdict:
        """Start it or end it. May raise one of pool.UNREACHABLE: the next try looks what was done."""
        try:
            poll_id, broadcaster = UUID(str(item.payload["poll"])), str(item.payload["channel_id"])
        except (KeyError, ValueError):
            return Dead("It names no poll.")
        both = await self._read(poll_id, broadcaster)
        if both is None:
            return Done("The poll is gone from here.")
        try:
            if item.kind == CREATE:
                return await self._create(item, *both)
            return await self._end(item, *both)
        except LineBusy as busy:
            return Again("Twitch asks for fewer calls.", busy.after_s, counts=False)
        except LineAway as away:
            return Again(f"Twitch {away}.", counts=not away.is_unsent)
        except TokensAway as away:
            return Again(str(away), away.after_s, counts=False)
        except NoToken as none:
            return await self._refuse(item, both, str(none))
        except NotGranted as refusal:
            return await self._refuse(item, both, f"{_capital(refusal.reason)}.")
        except LineRefused as refusal:
            return await self._refuse(item, both, _why(refusal))

    # --- starting it ---------------------------------------------------------------------------------

    async def _create(self, item: Item, poll: Poll, native: NativePoll) -> Verdict:
        if native.native_id is not None:
            return Done("Twitch runs it.")
        if item.attempts and (found := await self._look_for(poll, native)):
            await self._began(item.campaign_id, native, found)
            return Done("Twitch has had it since an earlier try.")
        if poll.state != State.OPEN or poll.closes_at is None or self._clock.now() >= poll.closes_at:
            await self._write(item.campaign_id, native, lambda known: refused(known, _OVER_BEFORE))
            return Done(_OVER_BEFORE)
        if why := await self._may_not(item.campaign_id, native.broadcaster_id):
            return await self._refuse(item, _Both(poll, native), why)
        try:
            answer = await self._helix.call(
                "POST",
                "polls",
                native.broadcaster_id,
                body=self._body(poll, native),
                once=True,  # after a 503 it is looked for, too
                scope=_SCOPE,
            )
        except LineRefused as refusal:
            if refusal.status != 400:
                raise
            return await self._taken(item, poll, native, refusal)
        rows = items(answer.get("data"))
        if not rows or (event := self._event(rows[0], native.broadcaster_id)) is None:
            raise LineAway("started a poll and did not say which")
        await self._began(item.campaign_id, native, event)
        return Done("Started.")

    def _body(self, poll: Poll, native: NativePoll) -> dict[str, Any]:
        body: dict[str, Any] = {
            "broadcaster_id": native.broadcaster_id,
            "title": poll.question,
            "choices": [{"title": option} for option in poll.options],
            "duration": duration_s(poll, self._clock.now()),
            "channel_points_voting_enabled": native.slot is not None,
        }
        if native.slot is not None:
            body["channel_points_per_vote"] = poll.rules.points_per_vote
        return body

    async def _taken(self, item: Item, poll: Poll, native: NativePoll, refusal: LineRefused) -> Verdict:
        """400: most often another poll is running, which may be the one that we do not know we have made."""
        if found := await self._look_for(poll, native):
            await self._began(item.campaign_id, native, found)
            return Done("Twitch has had it before.")
        for row in await self._latest(native.broadcaster_id):
            if row.get("status") == "ACTIVE":
                title = text(row.get("title"), _LONGEST_TITLE)
                why = f"Another Twitch poll is running on the channel: “{title}”. End it, then try again."
                return await self._refuse(item, _Both(poll, native), why)
        return await self._refuse(item, _Both(poll, native), _why(refusal))

    async def _look_for(self, poll: Poll, native: NativePoll) -> NativePollTold | None:
        """The poll that an earlier try made without our hearing of it."""
        if poll.opens_at is None:
            return None
        rows = await self._latest(native.broadcaster_id)
        async with self._database.connection() as connection:
            known = await native_polls.known(connection, native.broadcaster_id)
        for row in rows:
            event = self._event(row, native.broadcaster_id)
            if event is None or event.poll_id in known or not _has_words(row, poll):
                continue
            started_at = moment(row.get("started_at"))
            if started_at is not None and started_at >= poll.opens_at - _SKEW:
                return event
        return None

    async def _latest(self, broadcaster_id: str) -> list[Any]:
        answer = await self._helix.call(
            "GET",
            "polls",
            broadcaster_id,
            query=[("broadcaster_id", broadcaster_id), ("first", _LATEST)],
            scope=_SCOPE,
        )
        return list(items(answer.get("data")))

    # --- ending it -----------------------------------------------------------------------------------

    async def _end(self, item: Item, poll: Poll, native: NativePoll) -> Verdict:
        if native.is_over or native.state == "refused":
            return Done("It is over.")
        if poll.state == State.OPEN and not item.payload.get("leaves"):
            return Done("The poll goes on: it was brought back.")
        if native.native_id is None:
            found = await self._look_for(poll, native)
            if found is None:
                await self._write(item.campaign_id, native, lambda known: refused(known, _OVER_BEFORE))
                return Done("Twitch never had it.")
            native = await self._began(item.campaign_id, native, found)
            if native.is_over:
                return Done("It had ended before.")
        return await self._stop(item, native)

    async def _stop(self, item: Item, native: NativePoll) -> Verdict:
        """End it, and take its final figures; where it is over already, read them."""
        broadcaster, native_id = native.broadcaster_id, native.native_id or ""
        try:
            answer = await self._helix.call(
                "PATCH",
                "polls",
                broadcaster,
                body={"broadcaster_id": broadcaster, "id": native_id, "status": "TERMINATED"},
                scope=_SCOPE,
            )
        except LineRefused as refusal:
            if refusal.status not in (400, 404):
                raise
            answer = await self._helix.call(
                "GET", "polls", broadcaster, query=[("broadcaster_id", broadcaster), ("id", native_id)]
            )
        for row in items(answer.get("data")):
            event = self._event(row, broadcaster)
            if event is not None and event.poll_id == native_id and event.state != "running":
                await self._began(item.campaign_id, native, event)
                return Done("Ended.")
        raise LineAway("did not say how the poll ended")

    # --- what is common ------------------------------------------------------------------------------

    def _event(self, row: Any, broadcaster_id: str) -> NativePollTold | None:
        meaning = native_poll(row, broadcaster_id, id=str(uuid7()), received_at=self._clock.now())
        return meaning if isinstance(meaning, NativePollTold) else None

    async def _read(self, poll_id: UUID, broadcaster_id: str) -> _Both | None:
        async with self._database.connection() as connection:
            row = await polls.get(connection, poll_id)
            native = await native_polls.find(connection, poll_id, broadcaster_id)
        return None if row is None or native is None else _Both(row.poll, native)

    async def _began(self, campaign_id: UUID, native: NativePoll, event: NativePollTold) -> NativePoll:
        def started(known: NativePoll) -> NativePoll:
            if known.native_id is None:
                known = begun(known, event.poll_id, event.choices)
            return told(known, event)

        return await self._write(campaign_id, native, started)

    async def _write(
        self, campaign_id: UUID, native: NativePoll, change: Callable[[NativePoll], NativePoll]
    ) -> NativePoll:
        """With the campaign held, as whoever takes news in does: neither writes over the other's."""
        async with self._database.transaction() as connection:
            await heads.lock(connection, campaign_id)
            known = await native_polls.find(connection, native.poll_id, native.broadcaster_id)
            if known is None:
                return native
            after = change(known)
            if after != known:
                await native_polls.save(connection, after)
        return after

    async def _refuse(self, item: Item, both: _Both, why: str) -> Verdict:
        """It has no poll of Twitch's; of one that should end, that it may go on there."""
        if item.kind == END:
            return Dead(f"The Twitch poll could not be ended: {why[:1].lower()}{why[1:]}")
        await self._write(item.campaign_id, both.native, lambda known: refused(known, why))
        return Dead(why)

    async def _may_not(self, campaign_id: UUID, broadcaster_id: str) -> str | None:
        async with self._database.connection() as connection:
            return await consents.refusal(connection, campaign_id, "twitch", broadcaster_id, "polls")


def _has_words(row: Any, poll: Poll) -> bool:
    asked = (poll.question, *poll.options)
    title = text(fields(row).get("title"), _LONGEST_TITLE)
    found = (title, *(text(choice.get("title"), _LONGEST_TITLE) for choice in items(row.get("choices"))))
    return [_plain(words) for words in found] == [_plain(words) for words in asked]


def _plain(words: str) -> str:
    return " ".join(words.split()).casefold()


def _why(refusal: LineRefused) -> str:
    if refusal.status == 403:
        return (
            f"Twitch does not allow a poll on this channel ({refusal.reason.rstrip('. ')}): it has polls for "
            "affiliates and partners only. Chat votes count."
        )
    return f"Twitch refuses the poll ({refusal.status}: {refusal.reason.rstrip('. ')}). Chat votes count."


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
