"""Rolls at the table: each stored once, in its newest revision."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias
from uuid import UUID

import orjson

import sql
from server.rules import dice_json
from server.rules.anomalies import Anomaly, Seen
from server.rules.criticality import Verdict
from server.rules.dice import DiceRoll, Sides
from server.rules.fairness import player_key
from server.rules.sealed import Seal
from sql.pool import Connection, Row

_Q = sql.load("dice_rolls")

Attribution: TypeAlias = Literal["attributed", "pending", "dismissed"]
#: What names a roll in its campaign: connection, instance and the table's own id.
Key: TypeAlias = tuple[UUID | None, str, str]

_SEPARATOR = "\x1f"
#: Widths of the table.
_LABEL, _WORD, _PLAYER = 255, 64, 200


@dataclass(frozen=True, slots=True)
class Roll:
    """A row of `dice_rolls`. The verdict has no description: that is its rule's."""

    id: UUID
    campaign_id: UUID
    connection_id: UUID | None
    view_id: UUID  # what the stream calls it
    roll: DiceRoll
    attribution: Attribution
    rolled_at: datetime
    received_at: datetime
    character_id: UUID | None = None
    channel_id: UUID | None = None
    verdict: Verdict | None = None
    details: Mapping[str, str] | None = None
    inconsistencies: Sequence[str] = ()
    anomalies: Sequence[Anomaly] = ()
    command_id: UUID | None = None
    seal: Seal | None = None
    simulated: bool = False
    shown_at: datetime | None = None
    revealed_at: datetime | None = None
    effects_at: datetime | None = None

    @property
    def is_secret(self) -> bool:
        """Only who runs the show may know that it is there."""
        return self.roll.is_secret and self.revealed_at is None

    @property
    def key(self) -> Key:
        return key_of(self.connection_id, self.roll)


def key_of(connection_id: UUID | None, roll: DiceRoll) -> Key:
    """What names a roll in its campaign."""
    return (connection_id, roll.source.instance_id, roll.roll_id)


def _roll(row: Row) -> Roll:
    value = dict(row)
    verdict = seal = None
    if value["critical_type"] is not None:
        verdict = Verdict(
            value["critical_type"],
            value["severity"],
            value["critical_label"] or "",
            "",
            value["rule_id"] or "",
            value["category"] or "",
        )
    if value["commitment"] is not None:
        seal = Seal(value["commitment"], value["nonce"])
    return Roll(
        id=value["id"],
        campaign_id=value["campaign_id"],
        connection_id=value["connection_id"],
        view_id=value["view_id"],
        roll=dice_json.from_json(value["roll"], value["rolled_at"]),
        attribution=value["attribution"],
        rolled_at=value["rolled_at"],
        received_at=value["received_at"],
        character_id=value["character_id"],
        channel_id=value["channel_id"],
        verdict=verdict,
        details=value["details"],
        inconsistencies=tuple(value["inconsistencies"]),
        anomalies=tuple(value["anomalies"]),
        command_id=value["command_id"],
        seal=seal,
        simulated=value["simulated"],
        shown_at=value["shown_at"],
        revealed_at=value["revealed_at"],
        effects_at=value["effects_at"],
    )


async def known(connection: Connection, campaign_id: UUID, keys: Collection[Key]) -> dict[Key, Roll]:
    """Those of these rolls that are stored, by what names them."""
    rows = await connection.fetch(
        _Q["known"],
        campaign_id,
        [connection_id for connection_id, _, _ in keys],
        [instance_id for _, instance_id, _ in keys],
        [roll_id for _, _, roll_id in keys],
    )
    return {roll.key: roll for roll in map(_roll, rows)}


def encoded(roll: DiceRoll) -> str:
    """A roll as it is stored. Raises ValueError for text that no database holds (NUL, half a character)."""
    try:
        text = orjson.dumps(dice_json.to_json(roll)).decode()
    except orjson.JSONEncodeError as error:
        raise ValueError(str(error)) from None
    if "\\u0000" in text:
        raise ValueError("holds a NUL")
    return text


async def insert(connection: Connection, rolls: Sequence[tuple[Roll, str]]) -> None:
    """Add new rolls, each with its `encoded` text. The caller holds the campaign's lock; none is known."""
    if not rolls:
        return
    columns = zip(*(_values(roll, text) for roll, text in rolls), strict=True)
    await connection.execute(_Q["insert"], *columns)


def _values(row: Roll, text: str) -> tuple[object, ...]:
    roll = row.roll
    return (
        row.id,
        row.campaign_id,
        row.connection_id,
        roll.source.instance_id,
        roll.roll_id,
        row.view_id,
        roll.source.system,
        player_key(roll.actor)[:_PLAYER],
        row.character_id,
        row.channel_id,
        row.attribution,
        row.command_id,
        row.simulated,
        row.received_at,
        *_of_revision(row, text),
    )


def _of_revision(row: Roll, text: str) -> tuple[object, ...]:
    """What another revision of the same roll changes."""
    verdict, seal = row.verdict, row.seal
    return (
        row.roll.revision,
        row.roll.visibility,
        text,
        None if verdict is None else verdict.type,
        None if verdict is None else verdict.severity,
        None if verdict is None else verdict.label[:_LABEL],
        None if verdict is None else verdict.category[:_WORD],
        None if verdict is None else verdict.rule_id[:_WORD] or None,
        orjson.dumps(dict(row.details or {})).decode(),
        _SEPARATOR.join(row.inconsistencies),
        row.roll.verified,
        None if seal is None else seal.commitment,
        None if seal is None else seal.nonce,
        row.shown_at,
        row.revealed_at,
        row.effects_at,
        row.rolled_at,
        _SEPARATOR.join(row.anomalies),
    )


async def revise(connection: Connection, rolls: Iterable[tuple[Roll, str]]) -> None:
    """Write higher revisions of rolls that are there; whose they are stays."""
    values = [(roll.id, roll.campaign_id, *_of_revision(roll, text)) for roll, text in rolls]
    if values:
        await connection.executemany(_Q["revise"], values)


async def settle(
    connection: Connection,
    roll: Roll,
    attribution: Attribution,
    *,
    character_id: UUID | None = None,
    channel_id: UUID | None = None,
) -> bool:
    """Say whose a pending roll is, or that it is nobody's. False when it does not wait any more."""
    settled = await connection.fetchval(
        _Q["settle"], roll.id, roll.campaign_id, attribution, character_id, channel_id, encoded(roll.roll)
    )
    return settled is not None


async def mark(connection: Connection, roll: Roll) -> None:
    """Write when the roll was shown and revealed and had its effects."""
    await connection.execute(
        _Q["mark"], roll.id, roll.campaign_id, roll.shown_at, roll.revealed_at, roll.effects_at
    )


async def get(connection: Connection, roll_id: UUID) -> Roll | None:
    """One roll by its id in the database."""
    row = await connection.fetchrow(_Q["get"], roll_id)
    return None if row is None else _roll(row)


async def page(
    connection: Connection,
    campaign_id: UUID,
    *,
    pending: bool,
    without_secret: bool,
    before: UUID | None,
    most: int,
) -> list[Roll]:
    """Rolls of a campaign, newest first, below a cursor."""
    asked = (campaign_id, before, without_secret, most)
    if pending:
        rows = await connection.fetch(_Q["page_pending"], *asked)
    else:
        rows = await connection.fetch(_Q["page"], *asked)
    return [_roll(row) for row in rows]


async def lately(
    connection: Connection, tables: Collection[UUID], at: datetime, most: int
) -> dict[UUID, list[Seen]]:
    """What each of these tables told last in the ten minutes before `at`."""
    found: dict[UUID, list[Seen]] = {table: [] for table in tables}
    for row in await connection.fetch(_Q["lately"], list(tables), at, most):
        table, *seen = row
        found[table].append(Seen(*seen))
    return found


class Fell(NamedTuple):
    """Dice of one kind that somebody threw, in the order in which they fell."""

    player_key: str
    player_name: str  # as last seen
    is_hidden: bool
    sides: Sides
    faces: Sequence[int]


async def fell(connection: Connection, campaign_id: UUID, newest: int) -> tuple[int, list[Fell]]:
    """How many of the newest rolls of a campaign fell by chance, and their dice; first who came first.

    Without tests and rolls whose result we ordered. What was revealed is public, and what is redacted is
    hidden. PostgreSQL takes the rolls apart, so that twenty thousand of them are no work here.
    """
    rows = await connection.fetch(_Q["fell"], campaign_id, newest)
    found = [
        Fell(
            row["player_key"],
            row["player_name"],
            row["is_hidden"],
            "F" if row["sides"] == "F" else int(row["sides"]),
            row["faces"],
        )
        for row in rows
    ]
    return rows[0]["rolls"] if rows else 0, found
