"""The boards of a campaign's table: one of each kind, with ids that are the same in every process."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args
from uuid import UUID, uuid5

#: dice: what fell; party: the heroes; initiative: the fight; card: the luckiest roller.
TableBoard: TypeAlias = Literal["dice", "party", "initiative", "card"]


def board_id(campaign_id: UUID, kind: TableBoard) -> UUID:
    """The id of a board."""
    return uuid5(campaign_id, kind)


def kind_of(campaign_id: UUID, board: UUID) -> TableBoard | None:
    """Which board an id is; None for one of another kind, a poll's for instance."""
    return next((kind for kind in get_args(TableBoard) if board_id(campaign_id, kind) == board), None)
