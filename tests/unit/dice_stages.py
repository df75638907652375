"""What is to be seen of a dice stage at an instant, by the plainest reading of its times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.rules.dice_stage import Showing, Stage

NOW = datetime(2026, 11, 20, 18, 30, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOW + timedelta(milliseconds=round(seconds * 1000))


def is_on(showing: Showing, at: datetime) -> bool:
    return showing.starts_at <= at < showing.ends_at


def in_row(showing: Showing, at: datetime) -> bool:
    since = showing.in_row_from
    return since is not None and since <= at


def seen(stage: Stage, at: datetime) -> tuple[list[str], dict[int, str]]:
    """What is to be seen at an instant: who has the card, and who which row."""
    on = [showing for showing in stage.showings if is_on(showing, at)]
    cards = [showing.id for showing in on if not in_row(showing, at)]
    rows = [(showing.place, showing.id) for showing in on if in_row(showing, at)]
    assert len(dict(rows)) == len(rows), "two rolls have one row"
    return cards, dict(rows)


def instants(stage: Stage, since: datetime, until: datetime) -> set[datetime]:
    """The instants at which what is seen may change."""
    at = {since}
    for showing in stage.showings:
        at |= {showing.starts_at, showing.ends_at, *([showing.row_at] if showing.row_at else [])}
    return {moment for moment in at if since <= moment < until}
