"""Hundreds of votes a second from scripts that never give up, and the plain model of what was promised."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import httpx2

from tests.acceptance.show import Json, chat, now_ms

#: An answer that never comes and a connection that breaks are the same to a sender: not acknowledged.
AWAY = (httpx2.TransportError, TimeoutError)


class Served(Protocol):
    """Where requests go: a program, or what stands in front of several."""

    @property
    def base_url(self) -> str: ...

    @property
    def headers(self) -> dict[str, str]: ...


class Voted(Protocol):
    """A show as far as its crowd knows it."""

    @property
    def program(self) -> Served: ...

    @property
    def id(self) -> str: ...


@dataclass(slots=True)
class Batch:
    """Events that are sent together, again and again until they are acknowledged."""

    events: list[Json]
    tries: int = 0
    accepted: int = 0  # of the try that was acknowledged
    duplicates: int = 0
    given_up: bool = False
    was_refused: list[Json] = field(default_factory=list)


@dataclass(slots=True)
class Crowd:
    """Clients that share the work; `rate` is votes per second of all of them together.

    A fifth of the events repeat an earlier one, a tenth change a mind. `give_up`: part of the batches that
    failed once are never tried again; what became of those is asked of the database.
    """

    show: Voted
    seed: int
    rate: int
    clients: int = 4
    size: int = 25
    options: int = 4
    give_up: float = 0.1
    note: Callable[..., None] | None = None  # told of every call and answer
    batches: list[Batch] = field(default_factory=list)
    failures: int = 0
    running: bool = True
    _people: int = 0
    _number: int = 0
    _sent: list[Json] = field(default_factory=list)

    async def run(self) -> None:
        """Vote until told to stop; then every open batch is still brought home."""
        async with asyncio.TaskGroup() as group:
            for client in range(self.clients):
                group.create_task(self._client(Random(f"{self.seed}/{client}")))  # noqa: S311

    async def _client(self, random: Random) -> None:
        began, sent = time.monotonic(), 0
        async with httpx2.AsyncClient(
            base_url=f"{self.show.program.base_url}/api/v1", headers=self.show.program.headers, timeout=15
        ) as http:
            while self.running:
                batch = Batch(self._events(random))
                self.batches.append(batch)
                await self._bring_home(http, batch, random)
                sent += self.size
                ahead = began + sent * self.clients / self.rate - time.monotonic()
                if ahead < -1:  # the server was away: no flood afterwards
                    began -= ahead
                await asyncio.sleep(max(0, ahead))

    async def _bring_home(self, http: httpx2.AsyncClient, batch: Batch, random: Random) -> None:
        while True:
            batch.tries += 1
            ids = [event["message_id"] for event in batch.events]
            self._note("vote", batch=id(batch), attempt=batch.tries, ids=ids)
            try:
                answer = await http.post(f"/campaigns/{self.show.id}/events", json=batch.events)
            except AWAY as error:
                self._note("vote_unanswered", batch=id(batch), error=type(error).__name__)
                self.failures += 1
                if random.random() < self.give_up:
                    batch.given_up = True
                    return
                await asyncio.sleep(0.1)
                continue
            self._note("vote_answered", batch=id(batch), status=answer.status_code, text=answer.text)
            if answer.status_code == 503:
                await asyncio.sleep(0.1)
                continue
            assert answer.status_code == 200, answer.text
            receipt = answer.json()
            batch.accepted, batch.duplicates = receipt["accepted"], receipt["duplicates"]
            batch.was_refused = receipt["rejected"]
            return

    def _note(self, kind: str, **facts: object) -> None:
        if self.note is not None:
            self.note(kind, **facts)

    def _events(self, random: Random) -> list[Json]:
        events = []
        for _ in range(self.size):
            fate = random.random()
            if fate < 0.2 and self._sent:
                events.append(random.choice(self._sent))
                continue
            who = random.randrange(self._people) if fate < 0.3 and self._people else self._people
            self._people += who == self._people
            self._number += 1
            choice = str(random.choices(range(1, self.options + 1), range(self.options + 1, 1, -1))[0])
            events.append(
                chat(f"k{self._number}", f"p{who}", random.choice(("", "!", "#")) + choice, now_ms())
            )
        self._sent += events
        del self._sent[:-2000]
        return events

    @property
    def acknowledged(self) -> list[Batch]:
        return [batch for batch in self.batches if not batch.given_up]


def standing(events: Iterable[Json]) -> dict[str, int]:
    """The plain model: who holds which vote, the latest by send time, whatever was repeated."""
    held: dict[str, tuple[str, str, int]] = {}
    for event in events:
        vote = (event["sent_at"], event["message_id"], int(event["text"].lstrip("!#")))
        who = event["user"]["id"]
        if who not in held or vote > held[who]:
            held[who] = vote
    return {who: choice for who, (_, _, choice) in held.items()}


def tally(held: dict[str, int], options: int) -> list[int]:
    """Votes by option."""
    counted = Counter(held.values())
    return [counted[index] for index in range(1, options + 1)]


def check_counted(crowd: Crowd, ledger: Mapping[str, int], votes: Mapping[str, int]) -> list[int]:
    """What PostgreSQL holds against the plain model; answers the tally that must stand everywhere.

    `ledger`: how often each message id stands in it; `votes`: voter → choice of the votes that count.
    """
    assert set(ledger.values()) <= {1}, "a vote stands in the ledger once"
    promised = [event for batch in crowd.acknowledged for event in batch.events]
    assert [batch.was_refused for batch in crowd.acknowledged if batch.was_refused] == []
    lost = {event["message_id"] for event in promised} - set(ledger)
    assert lost == set(), f"{len(lost)} acknowledged votes were lost"
    # What was given up counts wholly or not at all: a delivery is one transaction.
    senders = Counter(mid for batch in crowd.batches for mid in {e["message_id"] for e in batch.events})
    ids_of_acknowledged = {event["message_id"] for event in promised}
    for batch in crowd.batches:
        if batch.given_up:
            own = {event["message_id"] for event in batch.events} - ids_of_acknowledged
            alone = {mid for mid in own if senders[mid] == 1}
            assert len({mid in ledger for mid in alone}) <= 1, "a delivery was stored in part"
    known = {event["message_id"]: event for batch in crowd.batches for event in batch.events}
    assert set(ledger) <= set(known)
    held = standing(known[message_id] for message_id in ledger)
    assert votes == held
    return tally(held, crowd.options)
