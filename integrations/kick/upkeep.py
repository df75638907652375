"""Keeps Kick delivering: what is subscribed is compared with what is wanted, and made good (§4.1, §4.4).

Kick drops an event whose deliveries fail for a day, and all of them when somebody switches the webhook off in
its dashboard; it does not say so. Hence everything is compared when a process starts and hourly, channels
that are live and silent are looked after every ten minutes, and a new channel is subscribed within seconds.
Of any number of processes one does it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, TypeVar

import structlog

from integrations.kick.api import EventType, KickApi, Subscription
from integrations.kick.line import KickAway, KickBusy, KickRefused
from integrations.tokens import NoToken, TokensAway
from sql import channels, heads, kick_rounds, kick_subscriptions
from sql.channels import ChannelState
from sql.kick_subscriptions import Known, Noted, Wanted
from sql.pool import UNREACHABLE, Database

_log = structlog.get_logger(__name__)

#: What is wanted of every channel: its chat is public, and whether it is live decides what silence means.
PUBLIC: Final = (EventType("chat.message.sent"), EventType("livestream.status.updated"))
#: What is wanted beside that of channels whose streamers have signed in here: it is about their supporters.
LINKED: Final = (
    EventType("channel.reward.redemption.updated"),
    EventType("channel.subscription.new"),
    EventType("channel.subscription.renewal"),
    EventType("channel.subscription.gifts"),
    EventType("kicks.gifted"),
    EventType("channel.followed"),
)
_CHAT: Final = PUBLIC[0].name

T = TypeVar("T")
_ALREADY: Final = "already"
_LIMIT: Final = "limit"
#: Kick holds it, and has not said under which id.
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Pace:
    """Every time of the upkeep, in seconds; tests shorten them."""

    look: float = 5.0  # between two looks whether anything is to be done
    all: float = 3600.0
    silent: float = 600.0
    again: float = 60.0  # after Kick did not answer, or refused
    busy: float = 300.0  # whoever takes longer has died
    start: float = 60.0  # many processes that start together compare once


class Halted(Exception):
    """Kick cannot be asked for more just now; the message is a sentence for the desk."""

    def __init__(self, words: str, *, is_final: bool, after_s: float | None = None) -> None:
        super().__init__(words)
        self.is_final = is_final  # a person must do something
        self.after_s = after_s


@dataclass(slots=True)
class _Plan:
    """What is to be done, of what Kick holds and what is wanted."""

    missing: dict[str, list[EventType]] = field(default_factory=lambda: defaultdict(list))
    held: dict[tuple[str, str], str] = field(default_factory=dict)
    lost: set[tuple[str, str]] = field(default_factory=set)
    #: Ids that are held, by us, and not wanted; and what we know of them.
    extra: list[str] = field(default_factory=list)
    gone: set[tuple[str, str]] = field(default_factory=set)


class Upkeep:
    """Of all Kick channels of this installation."""

    def __init__(self, database: Database, api: KickApi, *, pace: Pace | None = None) -> None:
        self._database = database
        self._api = api
        self._pace = pace or Pace()

    async def run(self) -> None:
        """Look after everything until cancelled; never ends because of Kick or the database."""
        is_first = True
        while True:
            try:
                if is_first:
                    async with self._database.connection() as connection:
                        await kick_rounds.hasten(connection, "all", self._pace.start)
                    is_first = False
                await self.look()
            except UNREACHABLE as error:
                _log.info("kick_upkeep_postponed", error=type(error).__name__)
            await asyncio.sleep(self._pace.look)

    async def look(self) -> None:
        """Do what is due. Raises UNREACHABLE."""
        async with self._database.connection() as connection:
            if not await kick_subscriptions.has_channels(connection) and not await kick_subscriptions.known(
                connection
            ):
                return
            is_all = await kick_rounds.take(connection, "all", self._pace.busy)
            is_silent = await kick_rounds.take(connection, "silent", self._pace.silent)
            is_fresh = await kick_subscriptions.is_fresh(
                connection, len(PUBLIC) + len(LINKED), len(PUBLIC)
            ) and await kick_rounds.take(connection, "fresh", self._pace.busy)
        if is_all or is_fresh:
            await self._reconciled(is_all=is_all)
        if is_silent:
            await self._wake_silent()

    async def _reconciled(self, *, is_all: bool) -> None:
        all_s, fresh_s = self._pace.all, self._pace.look
        try:
            await self.reconcile(again=is_all)
        except Halted as halted:
            _log.warning("kick_upkeep_halted", words=str(halted))
            usual_s = self._pace.silent if halted.is_final else self._pace.again
            all_s = fresh_s = usual_s if halted.after_s is None else halted.after_s
        async with self._database.connection() as connection:
            if is_all:
                await kick_rounds.put_off(connection, "all", all_s)
            await kick_rounds.put_off(connection, "fresh", fresh_s)

    # --- everything -----------------------------------------------------------------------------------

    async def reconcile(self, *, again: bool = True, live: Collection[str] = ()) -> None:
        """Compare what Kick holds with what is wanted, and make it so. Raises Halted and UNREACHABLE.

        `again`: ask anew after channels that Kick did not know before. `live`: of whom nothing comes though
        they are live.
        """
        try:
            await self._learn_ids(again=again)
            held = await self._asked(self._api.subscriptions())
        except Halted as halted:
            await self._tell_all(halted)
            raise
        async with self._database.connection() as connection:
            wanted = await kick_subscriptions.wanted(connection)
            known = await kick_subscriptions.known(connection)
        plan = _planned(wanted, known, held)
        await self._note(
            [Noted(broadcaster, event, id_, "") for (broadcaster, event), id_ in plan.held.items()]
        )
        halt = None
        try:
            await self._give_back(plan)
            await self._subscribe(plan)
        except Halted as halted:
            halt = halted
            raise
        finally:
            await self._tell(wanted, halt, live)

    async def _give_back(self, plan: _Plan) -> None:
        if plan.extra:
            await self._asked(self._api.unsubscribe(plan.extra))
        async with self._database.connection() as connection:
            await kick_subscriptions.forget(connection, plan.gone)

    async def _subscribe(self, plan: _Plan) -> None:
        """Chats first: where Kick's limit is reached, votes are worth more than follows. Raises Halted."""
        chats = {id_: [e for e in events if e.name == _CHAT] for id_, events in plan.missing.items()}
        others = {id_: [e for e in events if e.name != _CHAT] for id_, events in plan.missing.items()}
        calls = [(id_, events) for part in (chats, others) for id_, events in part.items() if events]
        for place, (broadcaster, events) in enumerate(calls):
            try:
                noted = await self._subscribe_one(broadcaster, events, plan)
            except Halted as halted:
                left = [(id_, event.name) for id_, some in calls[place:] for event in some]
                # What heals by itself is not written down, so that it is new, and tried again soon.
                await self._note(
                    [
                        Noted(*key, "", str(halted), key in plan.lost)
                        for key in left
                        if halted.is_final or key in plan.lost
                    ]
                )
                raise
            await self._note(noted)

    async def _subscribe_one(self, broadcaster: str, events: Sequence[EventType], plan: _Plan) -> list[Noted]:
        noted, limit = [], ""
        for one in await self._asked(self._api.subscribe(broadcaster, events)):
            key = (broadcaster, one.event.name)
            if not one.error:
                noted.append(Noted(*key, one.id or _UNKNOWN, "", key in plan.lost))
            elif _ALREADY in one.error.lower():  # somebody was quicker, or Kick's list leaves it out
                noted.append(Noted(*key, _UNKNOWN, ""))
            else:
                _log.warning("kick_event_not_subscribed", event_type=one.event.name, reason=one.error)
                noted.append(Noted(*key, "", one.error, key in plan.lost))
                limit = limit or (one.error if _LIMIT in one.error.lower() else "")
        lost = sum(one.is_lost for one in noted)
        if lost:
            _log.warning("kick_had_dropped_events", broadcaster=broadcaster, events=lost)
        if limit:
            await self._note(noted)
            raise _limit_reached(limit)
        return noted

    async def _note(self, noted: Sequence[Noted]) -> None:
        async with self._database.connection() as connection:
            await kick_subscriptions.note(connection, noted)

    # --- names ----------------------------------------------------------------------------------------

    async def _learn_ids(self, *, again: bool) -> None:
        """Ask Kick for the ids of channels of which we have the name only."""
        async with self._database.connection() as connection:
            nameless = await kick_subscriptions.nameless(connection, again=again)
        if not nameless:
            return
        # In addresses an underscore of a name is a hyphen (§4.5); people type either.
        slugs = {slug for _, login in nameless for slug in _slugs(login)}
        found = {
            channel.slug.lower(): channel.id
            for channel in await self._asked(self._api.channels(slugs=sorted(slugs)))
        }
        unknown = []
        async with self._database.connection() as connection:
            for channel, login in nameless:
                id_ = next((found[slug] for slug in _slugs(login) if slug in found), None)
                if id_ is None or not await channels.set_platform_id(connection, channel, id_):
                    unknown.append(channels.unknown_id(login))
            words = "Kick knows no channel of this name: check the spelling."
            await kick_subscriptions.tell(connection, [(id_, "failing", words) for id_ in unknown])

    # --- silence --------------------------------------------------------------------------------------

    async def _wake_silent(self) -> None:
        """Channels that are live and of which nothing comes: has Kick dropped them, or does it lag?"""
        async with self._database.connection() as connection:
            now = await heads.now(connection)
            wanted = await kick_subscriptions.wanted(connection)
        long = timedelta(seconds=self._pace.silent)
        quiet = [one.broadcaster_id for one in wanted if now - (one.heard_at or one.since) > long]
        if not quiet:
            return
        try:
            live = [one.id for one in await self._asked(self._api.channels(ids=quiet)) if one.is_live]
            if not live:
                return
            await self.reconcile(live=live)
        except Halted as halted:
            _log.warning("kick_watchdog_halted", words=str(halted))
            return
        _log.info("kick_live_but_silent", channels=len(live))

    # --- what the desk is told ------------------------------------------------------------------------

    async def _tell(self, wanted: Iterable[Wanted], halt: Halted | None, live: Collection[str]) -> None:
        """How each channel stands now, as its row of chat says."""
        async with self._database.connection() as connection:
            chats = {
                one.broadcaster_id: one
                for one in await kick_subscriptions.known(connection)
                if one.event == _CHAT
            }
            states = [
                (id_, *_standing(chats.get(id_), halt, self._pace.silent if id_ in live else 0))
                for id_, *_ in wanted
            ]
            await kick_subscriptions.tell(connection, states)

    async def _tell_all(self, halted: Halted) -> None:
        """Kick could not be asked at all: channels that were never subscribed say why."""
        async with self._database.connection() as connection:
            wanted = await kick_subscriptions.wanted(connection)
            held = {
                one.broadcaster_id
                for one in await kick_subscriptions.known(connection)
                if one.event == _CHAT and one.subscription_id
            }
            state: ChannelState = "failing" if halted.is_final else "connecting"
            await kick_subscriptions.tell(
                connection,
                [
                    (one.broadcaster_id, state, str(halted))
                    for one in wanted
                    if one.broadcaster_id not in held and one.heard_at is None
                ],
            )

    # --- asking ---------------------------------------------------------------------------------------

    async def _asked(self, call: Awaitable[T]) -> T:
        """Its answer. Raises Halted, in words."""
        try:
            return await call
        except KickRefused as refused:
            if _LIMIT in refused.reason.lower():
                raise _limit_reached(refused.reason) from None
            raise Halted(
                f"Kick refuses to subscribe ({refused.reason}): look at the application in its dashboard.",
                is_final=True,
            ) from None
        except KickBusy as busy:
            raise Halted(
                "Kick asks for fewer calls; trying again.", is_final=False, after_s=busy.after_s
            ) from None
        except KickAway as away:
            raise Halted(f"Kick {away}; trying again.", is_final=False) from None
        except TokensAway as away:
            raise Halted(str(away), is_final=False, after_s=away.after_s) from None
        except NoToken as none:
            raise Halted(str(none), is_final=True) from None


def _limit_reached(reason: str) -> Halted:
    return Halted(
        f"Kick's limit of subscriptions is reached ({reason}): remove channels, or have the application "
        "verified by Kick.",
        is_final=True,
    )


def _slugs(login: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((login, login.replace("_", "-"))))


def _wanted_events(one: Wanted) -> tuple[EventType, ...]:
    return PUBLIC + LINKED if one.is_linked else PUBLIC


def _planned(wanted: Sequence[Wanted], known: Sequence[Known], held: Sequence[Subscription]) -> _Plan:
    """What Kick holds that nobody here asked for, perhaps another Hubbub's, is left alone."""
    plan = _Plan()
    asked = {(one.broadcaster_id, event.name): event for one in wanted for event in _wanted_events(one)}
    before: Mapping[tuple[str, str], Known] = {(one.broadcaster_id, one.event): one for one in known}
    for subscription in held:
        key = (subscription.broadcaster_id, subscription.event.name)
        if key in asked and subscription.event == asked[key] and key not in plan.held:
            plan.held[key] = subscription.id
        elif key in asked or key in before:
            plan.extra.append(subscription.id)
    for key, event in asked.items():
        if key in plan.held:
            continue
        plan.missing[key[0]].append(event)
        if key in before and before[key].subscription_id is not None:
            plan.lost.add(key)
    plan.gone = before.keys() - asked.keys()
    return plan


def _standing(chat: Known | None, halt: Halted | None, silent_s: float) -> tuple[ChannelState, str]:
    if chat is None:
        return "connecting", str(halt) if halt else "Kick was not asked for this channel's chat yet."
    if chat.subscription_id is None:
        return "failing", chat.error or "Kick does not deliver this channel's chat."
    if silent_s:
        return (
            "connecting",
            f"Live, but Kick has delivered nothing for {silent_s / 60:.0f} minutes: it lags, or nobody "
            "writes. What comes late counts by when it was sent.",
        )
    return "connected", ""
