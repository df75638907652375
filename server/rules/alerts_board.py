"""The alerts on stream: one at a time, each with the instants at which it comes and goes (widgets.md §1, §3).

A queue is a plain value. Every instant is fixed when an alert comes, so that a page loaded at any time shows
what all others show; whoever comes later moves only what has not begun. Under load those of a kind become one
("+12 people") and are shown shortly, so that nobody is thanked minutes too late, and the queue stays short
whatever rains on it. A rank is worth some waiting and no more: a follow is not overtaken for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, cast
from uuid import UUID

from server.rules.alerts import RANKS
from server.rules.changes import Board
from server.rules.money import plain
from server.rules.platform_events import Supported, SupportKind
from server.rules.wiretime import from_wire, to_wire

#: Between two alerts: one leaves (240 ms), the next one comes.
PAUSE: Final = timedelta(milliseconds=400)
#: With more than this waiting, alerts of a kind become one, and all are shown shortly.
UNHURRIED: Final = 2
HURRIED: Final = timedelta(milliseconds=3500)
#: More do not wait: they are in the feed, and this one's time on stream would be half a minute away.
MOST_WAITING: Final = 10
#: How much earlier than it came a rank lets an alert seem to have come.
RANK_WORTH: Final = timedelta(seconds=4)
MOST_NAMES: Final = 3
LONGEST_NAME: Final = 64
LONGEST_MESSAGE: Final = 200
#: Beyond this nobody counts.
MOST_PEOPLE: Final = 1_000_000


class Given(NamedTuple):
    """What one alert is about; of several kindnesses when people > 1."""

    kind: SupportKind
    people: int
    names: tuple[str, ...]  # the first ones; an empty one gave anonymously
    quantity: int
    tier: int  # 0: none, or several
    months: int
    amount_minor: int
    currency: str
    message: str  # of the only one, or of the one who wrote first
    platform: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert, on stream or waiting. Times have milliseconds."""

    id: str  # of the first kindness in it
    given: Given
    template: str
    lasts: timedelta  # when nobody waits
    asked_at: datetime
    starts_at: datetime
    ends_at: datetime

    @property
    def _turn(self) -> tuple[datetime, datetime, str]:
        return (self.asked_at - RANKS[self.given.kind] * RANK_WORTH, self.asked_at, self.id)


Queue = tuple[Alert, ...]
EMPTY: Final[Queue] = ()


def given_by(event: Supported) -> Given:
    """What an event is to an alert."""
    user = event.user
    name = "" if user is None else user.name or user.login
    return Given(
        event.kind,
        1,
        (name[:LONGEST_NAME],),
        event.quantity,
        event.tier,
        event.months,
        event.amount_minor,
        event.currency,
        event.message[:LONGEST_MESSAGE],
        event.platform,
        event.is_test,
    )


def add(
    queue: Queue, alert_id: UUID, given: Given, now: datetime, *, template: str, lasts: timedelta
) -> Queue:
    """The queue with a kindness that has just been stored.

    One that is told again, so that more is known of it, is mended where it stands.
    """
    now = _whole(now)
    queue = tidy(queue, now)
    known = next((alert for alert in queue if alert.id == str(alert_id)), None)
    if known is not None:
        if known.given.people > 1:
            return queue
        return tuple(replace(alert, given=given) if alert is known else alert for alert in queue)
    waiting = [alert for alert in queue if alert.starts_at > now]
    alike = next((alert for alert in waiting if _is_alike(alert.given, given)), None)
    if alike is not None and len(waiting) >= UNHURRIED:
        together = replace(alike, given=_together(alike.given, given))
        waiting = [together if alert is alike else alert for alert in waiting]
    elif len(waiting) < MOST_WAITING:
        waiting.append(Alert(str(alert_id), given, template, lasts, now, now, now))
    return _in_time([alert for alert in queue if alert.starts_at <= now], waiting, now)


def without(queue: Queue, alert_id: str, now: datetime) -> Queue:
    """The queue when a person takes an alert off: what waits follows at once."""
    now = _whole(now)
    left = [alert for alert in tidy(queue, now) if alert.id != alert_id]
    shown = [alert for alert in left if alert.starts_at <= now]
    return _in_time(shown, [alert for alert in left if alert.starts_at > now], now)


def tidy(queue: Queue, now: datetime) -> Queue:
    """Without what is over."""
    return tuple(alert for alert in queue if alert.ends_at > now)


def on_stream(queue: Queue, now: datetime) -> Alert | None:
    """The alert that pages show at `now`."""
    return next((alert for alert in queue if alert.starts_at <= now < alert.ends_at), None)


def deadline(queue: Queue) -> tuple[Literal["tidy"], datetime] | None:
    """When all is over. What ends before is taken off by the page, which knows the times."""
    return ("tidy", max(alert.ends_at for alert in queue)) if queue else None


def _whole(moment: datetime) -> datetime:
    """Without what a frame cannot say, so that a queue comes back from its board unchanged."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _is_alike(one: Given, other: Given) -> bool:
    """Whether two can be told as one: no sum is made of two currencies, nor of a test and a deed."""
    return (one.kind, one.currency, one.is_test) == (other.kind, other.currency, other.is_test)


def _together(one: Given, other: Given) -> Given:
    """Whoever is named already and gives once more is nobody new."""
    new = tuple(name for name in other.names if not name or name not in one.names)
    people = one.people + other.people - (len(other.names) - len(new))
    return Given(
        one.kind,
        min(people, MOST_PEOPLE),
        (one.names + new)[:MOST_NAMES],
        one.quantity + other.quantity,
        one.tier if one.tier == other.tier else 0,
        max(one.months, other.months),
        one.amount_minor + other.amount_minor,
        one.currency,
        one.message or other.message,
        one.platform if one.platform == other.platform else "",
        one.is_test,
    )


def _in_time(shown: Sequence[Alert], waiting: Sequence[Alert], now: datetime) -> Queue:
    """Everybody who waits, one after the other behind who is shown."""
    hurried = len(waiting) > UNHURRIED
    free_at = max((alert.ends_at + PAUSE for alert in shown), default=now)
    timed = list(shown)
    for alert in sorted(waiting, key=lambda alert: alert._turn):
        starts = max(free_at, now)
        ends = starts + (min(alert.lasts, HURRIED) if hurried else alert.lasts)
        timed.append(replace(alert, starts_at=starts, ends_at=ends))
        free_at = ends + PAUSE
    return tuple(timed)


def board(queue: Queue) -> Board | None:
    """What pages get; None when there is nothing to show."""
    if not queue:
        return None
    return {
        "kind": "alert",
        "phase": "live",
        "alerts": [
            {
                "id": alert.id,
                "type": alert.given.kind,
                "people": alert.given.people,
                "names": list(alert.given.names),
                "quantity": alert.given.quantity,
                "tier": alert.given.tier,
                "months": alert.given.months,
                "amount_minor": alert.given.amount_minor,
                "amount": plain(alert.given.amount_minor, alert.given.currency)
                if alert.given.currency
                else "",
                "currency": alert.given.currency,
                "message": alert.given.message,
                "platform": alert.given.platform,
                "test": alert.given.is_test,
                "template": alert.template,
                "lasts_ms": alert.lasts // timedelta(milliseconds=1),
                "asked_at": to_wire(alert.asked_at),
                "starts_at": to_wire(alert.starts_at),
                "ends_at": to_wire(alert.ends_at),
            }
            for alert in queue
        ],
    }


def from_board(board: Board | None) -> Queue:
    """The queue that a board of ours was made of."""
    if board is None:
        return EMPTY
    return tuple(
        Alert(
            alert["id"],
            Given(
                cast(SupportKind, alert["type"]),
                alert["people"],
                tuple(alert["names"]),
                alert["quantity"],
                alert["tier"],
                alert["months"],
                alert["amount_minor"],
                alert["currency"],
                alert["message"],
                alert["platform"],
                alert["test"],
            ),
            alert["template"],
            timedelta(milliseconds=alert["lasts_ms"]),
            from_wire(alert["asked_at"]),
            from_wire(alert["starts_at"]),
            from_wire(alert["ends_at"]),
        )
        for alert in board["alerts"]
    )
