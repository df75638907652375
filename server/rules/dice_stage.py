"""Which rolls are on stream, in which form and from when until when (widgets.md §4).

One roll at a time has the card, where it tumbles and is held. While it dwells there, a critical and a seal
that is opened wait for the card; whatever else comes is a compact row, of which there are three, and what
finds no row is counted ("+6 more"). Every instant is fixed when a roll comes, so that a page loaded at any
time shows what all others show. A seal that is counted stands beside the count for a moment, for it proves
nothing to who has not seen it. Nothing here knows of the pictures: that is the page's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from server.rules.changes import Board
from server.rules.wiretime import from_wire, to_wire

Form = Literal["card", "row"]
#: A roll or a notice as `dice_view` makes it. On one that was opened, `seal` holds what stood on the wax.
View = Mapping[str, Any]

TUMBLE = timedelta(milliseconds=900)
#: For rows, and for cards when others wait.
SHORT_TUMBLE = timedelta(milliseconds=300)
#: From the settled die to the total.
PUNCH = timedelta(milliseconds=180)
#: What the card is left alone after that.
DWELL = timedelta(seconds=1)
CRITICAL_DWELL = timedelta(seconds=3)
HOLD = timedelta(seconds=4)
#: A card that ends sooner than this does not become a row first.
LEAST_IN_ROW = timedelta(milliseconds=500)
#: How long "+6 more" stands after the last that it counts.
COUNTED = timedelta(seconds=4)

#: How long a counted seal stands beside it, and how many do at a time.
SEAL_SEEN = timedelta(seconds=2)
SEALS_ABREAST = 3
#: More seals than this do not wait beside the count: the last would come after most of a minute.
MOST_SEALS = 60

MOST_ROWS = 3
#: More cards than this do not wait: the last would be shown half a minute after it fell.
MOST_WAITING = 6
#: With more than this waiting, dice tumble shortly.
UNHURRIED = 2


@dataclass(frozen=True, slots=True)
class Showing:
    """One roll on stream."""

    roll: View
    form: Form
    starts_at: datetime
    settles_at: datetime  # the dice lie still from now on
    ends_at: datetime
    place: int = 0  # 1…3: the row it has, or will have from `row_at` on; 0: never one
    row_at: datetime | None = None  # when a card goes on as a row, because another takes its place

    @property
    def id(self) -> str:
        return str(self.roll["id"])

    @property
    def is_row(self) -> bool:
        return self.form == "row"

    @property
    def free_at(self) -> datetime:
        """When another may take the card."""
        dwell = CRITICAL_DWELL if is_loud(self.roll) else DWELL
        return min(self.ends_at, self.settles_at + PUNCH + dwell)

    @property
    def in_row_from(self) -> datetime | None:
        return self.starts_at if self.is_row else self.row_at


@dataclass(frozen=True, slots=True)
class Counted:
    """A seal that found no row, and when it stands beside the count."""

    id: str
    seal: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class More:
    """Rolls that were counted and not shown."""

    count: int
    criticals: int  # how many of them
    until: datetime
    seals: tuple[Counted, ...] = ()  # in the order in which they stand there


@dataclass(frozen=True, slots=True)
class Stage:
    """What is on stream, and what waits for the card. Times have milliseconds."""

    showings: tuple[Showing, ...] = ()  # in the order in which they begin
    more: More | None = None

    @property
    def cards(self) -> tuple[Showing, ...]:
        """The card's owners, one after another."""
        return tuple(showing for showing in self.showings if not showing.is_row)


EMPTY = Stage()


def is_critical(view: View) -> bool:
    return view.get("critical") is not None


def is_opened(view: View) -> bool:
    """Whether it is a secret roll that was opened."""
    return view["type"] == "dice.roll" and view.get("seal") is not None


def is_loud(view: View) -> bool:
    """Whether it waits for the card rather than be a row."""
    return is_critical(view) or is_opened(view)


def add(stage: Stage, view: View, now: datetime) -> Stage:
    """The stage with a roll that was just stored, or with a revision of one.

    A revision takes the place of what is shown under its id; an old one changes nothing. A notice that is
    opened, and a roll that turns out to be critical after it was a row, come onto the card.
    """
    now = _whole(now)
    stage = tidy(stage, now)
    known = [showing for showing in stage.showings if showing.id == str(view["id"])]
    if not known:
        return _enter(stage, view, now)
    shown = known[-1]
    if _rank(view) <= _rank(shown.roll):
        return stage
    opens = shown.roll["type"] != view["type"]
    rises = is_critical(view) and not is_critical(shown.roll) and not _keeps_card(stage, shown, now)
    return _again(stage, known, view, now) if opens or rises else _replaced(stage, shown, view)


def without(stage: Stage, view_id: str) -> Stage:
    """The stage with nothing of a roll, whose next revision nobody may see."""
    more = stage.more
    if more is not None:
        more = replace(more, seals=tuple(seal for seal in more.seals if seal.id != view_id))
    return Stage(tuple(showing for showing in stage.showings if showing.id != view_id), more)


def tidy(stage: Stage, now: datetime) -> Stage:
    """Without what is over."""
    showings = tuple(showing for showing in stage.showings if showing.ends_at > now)
    more = stage.more if stage.more is not None and stage.more.until > now else None
    if len(showings) == len(stage.showings) and more == stage.more:
        return stage
    return Stage(showings, more)


def deadline(stage: Stage) -> tuple[Literal["tidy"], datetime] | None:
    """When all is over. What ends before is taken off by the page, which knows the times."""
    ends = [showing.ends_at for showing in stage.showings]
    if stage.more is not None:
        ends.append(stage.more.until)
    return ("tidy", max(ends)) if ends else None


def _whole(moment: datetime) -> datetime:
    """Without what a frame cannot say, so that a stage comes back from its board unchanged."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _rank(view: View) -> tuple[bool, int]:
    """A notice has no revisions, and what it hides comes after it."""
    return view["type"] == "dice.roll", int(view.get("revision", 0))


def _keeps_card(stage: Stage, showing: Showing, now: datetime) -> bool:
    """Whether it has the card with nobody behind it, or waits for the card."""
    return not showing.is_row and (showing is stage.cards[-1] or showing.starts_at > now)


def _replaced(stage: Stage, shown: Showing, view: View) -> Stage:
    """The same picture with the newest revision in it; a notice that waits to be opened stays one."""
    showings = tuple(
        replace(showing, roll=view)
        if showing.id == shown.id and showing.roll["type"] == shown.roll["type"]
        else showing
        for showing in stage.showings
    )
    return replace(stage, showings=showings)


def _again(stage: Stage, known: list[Showing], view: View, now: datetime) -> Stage:
    """The roll onto the card; what was shown of it so far is there until then.

    A seal that has the card breaks where it is, unless somebody waits behind it.
    """
    others = replace(stage, showings=tuple(s for s in stage.showings if s not in known))
    if _keeps_card(stage, known[-1], now):
        return _on_card(others, view, now, now)
    entered = _enter(others, view, now)
    new = next((showing for showing in entered.showings if showing.id == known[-1].id), None)
    if new is None:
        return _replaced(stage, known[-1], view)  # too many wait: it is told where it stands
    until_then = [
        replace(showing, ends_at=min(showing.ends_at, new.starts_at))
        for showing in known
        if new.starts_at > now
    ]
    return replace(entered, showings=_sorted([*entered.showings, *until_then]))


def _enter(stage: Stage, view: View, now: datetime) -> Stage:
    cards = stage.cards
    free_at = max(now, cards[-1].free_at) if cards else now
    waiting = sum(card.starts_at > now for card in cards)
    if free_at <= now or (is_loud(view) and waiting < MOST_WAITING):
        return _on_card(stage, view, free_at, now)
    settles = now + SHORT_TUMBLE
    ends = settles + PUNCH + HOLD
    place = _free_place(stage.showings, now, ends)
    if place is not None:
        return _with(stage, Showing(view, "row", now, settles, ends, place))
    return replace(stage, more=_counted(stage.more, view, now))


def _on_card(stage: Stage, view: View, starts: datetime, now: datetime) -> Stage:
    """The roll has the card from `starts` on; who had it before goes on as a row, if there is one."""
    unsettled = sum(showing.settles_at > now for showing in stage.showings)
    settles = starts + (SHORT_TUMBLE if unsettled > UNHURRIED else TUMBLE)
    new = Showing(view, "card", starts, settles, settles + PUNCH + HOLD)
    last = stage.cards[-1] if stage.cards else None
    if last is None or last.row_at is not None or last.ends_at <= starts:
        return _with(stage, new)
    others = [showing for showing in stage.showings if showing is not last]
    place = _free_place(others, starts, last.ends_at)
    if place is None or last.ends_at - starts < LEAST_IN_ROW:
        gone = replace(last, ends_at=starts)
    else:
        gone = replace(last, place=place, row_at=starts)
    return replace(stage, showings=_sorted([*others, gone, new]))


def _free_place(showings: Iterable[Showing], starts: datetime, ends: datetime) -> int | None:
    """The first row that nobody has, nor will have, between the two instants."""
    taken = {
        showing.place
        for showing in showings
        if showing.in_row_from is not None and showing.in_row_from < ends and starts < showing.ends_at
    }
    return next((place for place in range(1, MOST_ROWS + 1) if place not in taken), None)


def _counted(more: More | None, view: View, now: datetime) -> More:
    before = more or More(0, 0, now)
    seals = before.seals
    if view["type"] == "dice.secret" and view.get("seal") and len(seals) < MOST_SEALS:
        # All stand equally long, so that the first of the last three makes room first.
        abreast = seals[-SEALS_ABREAST:]
        starts = max(now, abreast[0].ends_at) if len(abreast) == SEALS_ABREAST else now
        seals = (*seals, Counted(str(view["id"]), str(view["seal"]), starts, starts + SEAL_SEEN))
    until = max(now + COUNTED, *(seal.ends_at for seal in seals[-1:]), before.until)
    return More(before.count + 1, before.criticals + is_critical(view), until, seals)


def _with(stage: Stage, showing: Showing) -> Stage:
    return replace(stage, showings=_sorted([*stage.showings, showing]))


def _sorted(showings: list[Showing]) -> tuple[Showing, ...]:
    return tuple(sorted(showings, key=lambda showing: showing.starts_at))


def board(stage: Stage) -> Board | None:
    """What pages get; None when there is nothing to show."""
    if not stage.showings and stage.more is None:
        return None
    more = stage.more
    return {
        "kind": "dice",
        "phase": "live",
        "showings": [
            {
                "form": showing.form,
                "place": showing.place,
                "starts_at": to_wire(showing.starts_at),
                "settles_at": to_wire(showing.settles_at),
                "row_at": None if showing.row_at is None else to_wire(showing.row_at),
                "ends_at": to_wire(showing.ends_at),
                "roll": showing.roll,
            }
            for showing in stage.showings
        ],
        "more": None
        if more is None
        else {
            "count": more.count,
            "criticals": more.criticals,
            "until": to_wire(more.until),
            "seals": [
                {
                    "id": one.id,
                    "seal": one.seal,
                    "starts_at": to_wire(one.starts_at),
                    "ends_at": to_wire(one.ends_at),
                }
                for one in more.seals
            ],
        },
    }


def from_board(board: Board | None) -> Stage:
    """The stage that a board of ours was made of."""
    if board is None:
        return EMPTY
    more = board["more"]
    return Stage(
        tuple(
            Showing(
                showing["roll"],
                showing["form"],
                from_wire(showing["starts_at"]),
                from_wire(showing["settles_at"]),
                from_wire(showing["ends_at"]),
                showing["place"],
                None if showing["row_at"] is None else from_wire(showing["row_at"]),
            )
            for showing in board["showings"]
        ),
        None
        if more is None
        else More(
            more["count"],
            more["criticals"],
            from_wire(more["until"]),
            tuple(
                Counted(one["id"], one["seal"], from_wire(one["starts_at"]), from_wire(one["ends_at"]))
                for one in more.get("seals", ())  # a board of the version before has none
            ),
        ),
    )
