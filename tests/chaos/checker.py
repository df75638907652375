"""What the model overlays showed, compared with what PostgreSQL holds."""

from __future__ import annotations

import json
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from tests.chaos.overlays import Overlay, Shown, Visit, digest_of
from tests.chaos.stalls import Sample

#: A short disconnect: reliability R6 promises two minutes or 512 frames; a little less is surely inside.
WINDOW_S = 110.0
WINDOW_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Truth:
    """A campaign's whole history, from the steps that were committed. Times are seconds since 1970."""

    epoch: str
    seq: int
    seqs: Sequence[int]
    times: Sequence[float]  # of the steps; changes of what is on screen and pop-ups alike
    digests: Sequence[int]  # of all boards after the step
    visible: Sequence[bool]
    popups: dict[int, str]  # seq → id
    digest: int  # of what the table of boards holds

    @classmethod
    async def read(cls, connection: asyncpg.Connection, campaign_id: str) -> Truth:
        """Read it, and fold it together step by step."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            head = await connection.fetchrow(
                "SELECT epoch, seq FROM campaign_heads WHERE campaign_id = $1", campaign_id
            )
            rows = await connection.fetch(
                "SELECT seq, kind, board_id, payload::text AS payload, extract(epoch FROM at)::float8 AS at "
                "FROM board_events WHERE campaign_id = $1 ORDER BY seq",
                campaign_id,
            )
            now = await connection.fetch(
                "SELECT board_id, data::text AS data FROM boards WHERE campaign_id = $1", campaign_id
            )
        assert head is not None, "the campaign is there"
        boards: dict[str, Any] = {}
        digests: list[int] = []
        popups: dict[int, str] = {}
        for row in rows:
            if row["kind"] == "set":
                boards[str(row["board_id"])] = json.loads(row["payload"])
            elif row["kind"] == "unset":
                boards.pop(str(row["board_id"]), None)
            else:
                popups[row["seq"]] = str(json.loads(row["payload"])["id"])
            digests.append(digest_of(boards) if row["kind"] != "event" or not digests else digests[-1])
        return cls(
            str(head["epoch"]),
            head["seq"],
            [row["seq"] for row in rows],
            [row["at"] for row in rows],
            digests,
            [row["kind"] != "event" for row in rows],
            popups,
            digest_of({str(row["board_id"]): json.loads(row["data"]) for row in now}),
        )

    def digest_at(self, seq: int) -> int:
        """Of the boards as they stood at a position."""
        index = bisect_right(self.seqs, seq)
        return self.digests[index - 1] if index else digest_of({})


def lies(overlay: Overlay, truth: Truth) -> list[str]:
    """States that were shown and never committed, or not at that position; of the epoch of `truth` only."""
    return [
        f"{overlay.name} showed at {shown.seq} what was never there"
        for shown in overlay.shown
        if shown.epoch == truth.epoch and shown.digest != truth.digest_at(shown.seq)
    ]


def lasting(overlays: Iterable[Overlay], truth: Truth) -> list[str]:
    """Overlays that do not show what PostgreSQL holds; ask when nothing happens any more."""
    return [
        f"{overlay.name} stands at {overlay.seq} of {truth.seq}"
        for overlay in overlays
        if overlay.epoch != truth.epoch or digest_of(overlay.boards) != truth.digest
    ]


def lags(
    overlay: Overlay, truth: Truth, *, since: float = 0, until: float = float("inf"), away: bool = False
) -> list[Sample]:
    """Seconds from each visible step to its being shown: the longest for which one connection owed it. What
    came while there was no connection counts from the return, and what a connection did not show until its
    end counts for that one; `away`: from the step on, whatever was open. Never shown counts as endless."""
    opened = [visit.opened for visit in overlay.visits]
    shown = [one for one in overlay.shown if one.epoch == truth.epoch]
    found, place = [], 0
    for seq, at, visible in zip(truth.seqs, truth.times, truth.visible, strict=True):
        if not visible or not since <= at <= until:
            continue
        if not shown or (seq <= shown[0].seq and at < opened[0]):
            continue  # it was there before the overlay was
        while place < len(shown) and shown[place].seq < seq:
            place += 1
        came = shown[place].at if place < len(shown) else float("inf")
        if away or place == len(shown):
            found.append(Sample(max(0.0, came - at), at))
        else:
            first = max(0, bisect_right(opened, at) - 1)
            found.append(_owed(overlay.visits[first : bisect_right(opened, came)], at, came))
    return found


def _owed(visits: Iterable[Visit], at: float, came: float) -> Sample:
    """The longest time on one visit between a step and its being shown."""
    longest = Sample(0.0, came)
    for visit in visits:
        began = max(at, visit.opened)
        owed = min(came, visit.closed or came) - began
        if owed > longest:
            longest = Sample(owed, began)
    return longest


def first_frames(overlays: Iterable[Overlay]) -> list[Sample]:
    """Seconds from an open socket to the first frame, of every visit that got one."""
    return [Sample(v.first_frame - v.opened, v.opened) for o in overlays for v in o.visits if v.first_frame]


def unanswered(overlays: Iterable[Overlay]) -> list[Sample]:
    """How long visits were open that never got a frame."""
    now = time.time()
    return [
        Sample((v.closed or now) - v.opened, v.opened)
        for o in overlays
        for v in o.visits
        if not v.first_frame
    ]


def went_back(overlay: Overlay) -> list[str]:
    """Older numbers after newer ones, over reloads and reconnects too."""
    found, last = [], Shown(0, "", 0, 0)
    for shown in overlay.shown:
        if shown.epoch == last.epoch and shown.seq < last.seq:
            found.append(f"{overlay.name} went back from {last.seq} to {shown.seq}")
        last = shown
    return found


def popup_faults(overlay: Overlay, truth: Truth) -> list[str]:
    """Pop-ups that a connection owed and did not bring (R6).

    What a visit owes: everything between where it stood at its hello and where it stood at its end, unless
    its snapshot said `skipped`; then, and for a page that was loaded anew, from the snapshot on. A short
    absence may not be answered with `skipped`.
    """
    heard: dict[int, set[str]] = {}
    for popup in overlay.popups:
        heard.setdefault(popup.visit, set()).add(popup.id)
    found = []
    for number, visit in enumerate(overlay.visits):
        left = visit.left if visit.closed else (overlay.epoch or "", overlay.seq)
        if visit.reached is None or left is None or left[0] != truth.epoch:
            continue
        resumed = visit.epoch == truth.epoch
        if resumed and visit.skipped and _is_short(visit, truth):
            found.append(f"{overlay.name}, visit {number}: {visit.skipped} skipped after a short absence")
        start = visit.seq if resumed and not visit.skipped else visit.reached[1]
        owed = {id_ for seq, id_ in truth.popups.items() if start < seq <= left[1]}
        if lost := owed - heard.get(number, set()):
            found.append(f"{overlay.name}, visit {number}: {len(lost)} of {len(owed)} pop-ups missing")
    return found


def _is_short(visit: Visit, truth: Truth) -> bool:
    assert visit.reached is not None
    events = sum(visit.seq < seq <= visit.reached[1] for seq in truth.popups)
    return visit.opened - visit.gone_since < WINDOW_S and events < WINDOW_EVENTS


def long_absences(overlays: Iterable[Overlay], truth: Truth) -> list[bool]:
    """For every return from an absence in which pop-ups were forgotten: was it told by `skipped`?"""
    return [
        bool(visit.skipped)
        for overlay in overlays
        for visit in overlay.visits
        if visit.epoch == truth.epoch
        and visit.reached
        and any(visit.seq < seq and at < visit.opened - 130 for seq, at in _popup_times(truth))
    ]


def _popup_times(truth: Truth) -> list[tuple[int, float]]:
    return [(s, at) for s, at, seen in zip(truth.seqs, truth.times, truth.visible, strict=True) if not seen]
