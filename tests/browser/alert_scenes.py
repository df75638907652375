"""Boards of alerts as the rules make them, for the browser tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from server.rules import alerts_board
from server.rules.alerts import DEFAULTS
from server.rules.events import User
from server.rules.platform_events import Supported, SupportKind
from server.rules.wiretime import to_wire
from tests.browser.overlay_harness import Json

#: What is given, by kind, as it would be on an ordinary evening.
FIGURES: dict[SupportKind, Json] = {
    "follow": {},
    "subscription": {"tier": 1, "months": 1},
    "resub": {"tier": 2, "months": 14, "message": "Fourteen months, and still no dragon!"},
    "gift": {"tier": 1, "quantity": 5},
    "bits": {"quantity": 1500, "message": "For luck on the next roll, whatever it may be about"},
    "kicks": {"quantity": 250},
    "donation": {"amount_minor": 1250, "currency": "EUR", "message": "New dice for the wizard"},
    "raid": {"quantity": 128},
}


def kindness(kind: SupportKind, name: str = "Rook Feather", **fields: object) -> Supported:
    """A kindness; without a name an anonymous one."""
    moment = datetime.fromisoformat("2026-11-30T20:00:00+00:00")
    figures = {"quantity": 1, "tier": 0, "months": 0, "amount_minor": 0, "currency": "", "message": ""}
    return Supported(
        platform="twitch",
        channel_id="1",
        message_id="m",
        kind=kind,
        fact="f",
        user=User(name, name, name) if name else None,
        sent_at=moment,
        received_at=moment,
        **{**figures, **FIGURES[kind], **fields},
    )


def shown(
    now: datetime,
    kindnesses: Sequence[Supported],
    *,
    ago: float = 1.8,
    template: str = "",
    lasts: timedelta | None = None,
) -> Json:
    """The board of kindnesses that came together some seconds ago."""
    queue, at = alerts_board.EMPTY, now - timedelta(seconds=ago)
    for number, told in enumerate(kindnesses, 1):
        queue = alerts_board.add(
            queue,
            UUID(int=number),
            alerts_board.given_by(told),
            at,
            template=template,
            lasts=lasts or DEFAULTS[told.kind].lasts,
        )
    board = alerts_board.board(queue)
    assert board is not None
    return dict(board)


def held(now: datetime, board: Json, place: int = 0, *, ago: float = 1.8) -> Json:
    """The board with one of its alerts alone, on stream since some seconds and for another minute."""
    times = {
        "starts_at": to_wire(now - timedelta(seconds=ago)),
        "ends_at": to_wire(now + timedelta(minutes=1)),
    }
    return board | {"alerts": [board["alerts"][place] | times]}


def together(kind: SupportKind, names: Sequence[str], **fields: object) -> list[Supported]:
    """Two that are shown one by one, and then many that are shown as one."""
    return [kindness(kind, name, **fields) for name in names]
