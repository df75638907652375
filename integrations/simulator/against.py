"""A crowd against a running server, through the door that every script uses: `POST …/events`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from integrations.simulator.crowd import CrowdLine, crowd
from integrations.simulator.speech import Words
from server.rules.wiretime import from_wire, to_wire

#: Events of one POST (contract §4.1).
MOST_EVENTS = 1000
_BEAT_S = 0.25
_TIMEOUT_S = 15.0
_PATIENCE_S = 60.0  # how long a server may be away before we give up
_LOGIN = "simulated-crowd"


class SimulationRefused(Exception):
    """The simulation cannot go on; the message is one sentence that says why and what to do."""


@dataclass(slots=True)
class Totals:
    """What the server answered so far."""

    sent: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    reasons: dict[str, int] | None = None

    def add(self, sent: int, answer: dict[str, Any]) -> None:
        """Count the answer to one POST."""
        self.sent += sent
        self.accepted += int(answer["accepted"])
        self.duplicates += int(answer["duplicates"])
        self.rejected += len(answer["rejected"])
        self.reasons = self.reasons or {}
        for item in answer["rejected"]:
            self.reasons[item["reason"]] = self.reasons.get(item["reason"], 0) + 1


class _Api:
    """One kept-alive connection to the API; every call is made in a thread."""

    def __init__(self, base_url: str, api_key: str) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SimulationRefused(f"{base_url} is no http(s) address of a Hubbub server.")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
        self._key = api_key

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """The parsed answer. Waits and repeats while the server is away or asks to slow down.

        A POST is repeated with the same `Idempotency-Key`, so that nothing happens twice.
        """
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers |= {"Content-Type": "application/json", "Idempotency-Key": str(uuid4())}
        give_up = time.monotonic() + _PATIENCE_S
        while True:
            try:
                status, wait_s, answer = await asyncio.to_thread(self._once, method, path, payload, headers)
            except (OSError, HTTPException) as error:
                status, wait_s, answer = 503, 1.0, {"detail": f"{type(error).__name__}: {error}"}
            if status < 300:
                return answer
            said = str(answer.get("detail") or answer.get("title") or "no reason given")
            if status not in (429, 500, 502, 503, 504) or time.monotonic() + wait_s > give_up:
                raise SimulationRefused(f"{method} {path} was answered with {status}: {said}")
            await asyncio.sleep(wait_s)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _once(
        self, method: str, path: str, payload: bytes | None, headers: dict[str, str]
    ) -> tuple[int, float, dict[str, Any]]:
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            text = response.read()
        except (OSError, HTTPException):
            self._connection.close()  # the next request opens it anew
            raise
        wait = response.getheader("Retry-After", "1")
        wait_s = float(wait) if wait.isdigit() else 1.0
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = {"detail": "the answer is no JSON; is this a Hubbub server?"}
        return response.status, min(wait_s, 30.0), answer if isinstance(answer, dict) else {}


async def simulate_against(
    base_url: str,
    api_key: str,
    campaign_id: UUID | str | None = None,
    *,
    size: int = 2000,
    rate: float = 200.0,
    seconds: float = 60.0,
    seed: int | str | None = None,
    say: Callable[[str], None] = print,
) -> Totals:
    """Post a crowd of `size` people, about `rate` lines a second for `seconds`, and return the totals.

    Without `campaign_id` the newest campaign is taken. People vote in the poll that runs (its options
    are asked for), or just talk when none does. They speak in the campaign's simulated channels only
    (one is added when it has none), so they never touch the result of a poll that counts real viewers.
    `say` gets one line of progress a second. Raises SimulationRefused.
    """
    api = _Api(base_url, api_key)
    try:
        campaign = str(campaign_id) if campaign_id else await _newest_campaign(api)
        channels = await _channels(api, campaign)
        poll = await _running_poll(api, campaign)
        say(_what_happens(poll, len(channels)))
        options = tuple(str(option["label"]) for option in poll["options"]) if poll else ("1", "2")
        words: Words = poll["words"] if poll else "off"
        # Ids of their own for every run: the same crowd may come twice without being taken for a repeat.
        run = uuid4().hex
        lines = crowd(
            run if seed is None else seed,
            options,
            size=size,
            rate=rate,
            words=words,
            channels=len(channels),
            ids=run,
        )
        return await _post_all(api, campaign, channels, lines, seconds=seconds, say=say)
    finally:
        api.close()


async def _newest_campaign(api: _Api) -> str:
    campaigns = (await api.call("GET", "/api/v1/campaigns"))["items"]
    if not campaigns:
        raise SimulationRefused(
            "This server has no campaign: create one on the desk, or start it with HUBBUB_DEMO=1."
        )
    return str(campaigns[0]["id"])


async def _channels(api: _Api, campaign: str) -> list[tuple[str, str]]:
    """`(platform, channel id)` of the simulated channels."""
    path = f"/api/v1/campaigns/{campaign}/channels"
    found = [
        (str(channel["platform"]), str(channel["channel_id"]))
        for channel in (await api.call("GET", path))["items"]
        if channel["source"] == "simulated"
    ]
    if not found:
        made = await api.call("POST", path, {"platform": "custom", "login": _LOGIN, "source": "simulated"})
        found = [(str(made["platform"]), str(made["channel_id"]))]
    # A crowd speaks on one platform at a time; the largest group of channels is taken.
    platforms = [platform for platform, _ in found]
    platform = max(platforms, key=platforms.count)
    return [channel for channel in found if channel[0] == platform]


async def _running_poll(api: _Api, campaign: str) -> dict[str, Any] | None:
    """The poll that runs."""
    polls = (await api.call("GET", f"/api/v1/campaigns/{campaign}/polls?state=running"))["items"]
    return dict(polls[0]) if polls else None


def _what_happens(poll: dict[str, Any] | None, channels: int) -> str:
    if poll is None:
        return "no poll is open: just chatter"
    if not poll["simulated"]:
        return "the poll that runs counts real viewers: the crowd talks, its votes are kept out of it"
    labels = ", ".join(str(option["label"]) for option in poll["options"])
    return f"{channels} channel(s), options: {labels}"


async def _post_all(
    api: _Api,
    campaign: str,
    channels: Sequence[tuple[str, str]],
    lines: Iterator[CrowdLine],
    *,
    seconds: float,
    say: Callable[[str], None],
) -> Totals:
    status = await api.call("GET", f"/api/v1/campaigns/{campaign}/status")
    began = time.monotonic()
    opens_at = from_wire(status["at"])  # the server's clock, so that ours may be wrong
    totals, shown, shown_at = Totals(), 0, began
    upcoming: CrowdLine = next(lines)
    while (elapsed := time.monotonic() - began) < seconds:
        batch: list[CrowdLine] = []
        while upcoming.arrives_ms <= elapsed * 1000 and len(batch) < MOST_EVENTS:
            batch.append(upcoming)
            upcoming = next(lines)
        if batch:
            body = [_wire(line, channels, opens_at) for line in batch]
            totals.add(len(batch), await api.call("POST", f"/api/v1/campaigns/{campaign}/events", body))
        now = time.monotonic()
        if now - shown_at >= 1:
            say(_progress(totals, (totals.sent - shown) / (now - shown_at)))
            shown, shown_at = totals.sent, now
        if len(batch) < MOST_EVENTS:
            await asyncio.sleep(_BEAT_S)
    say(_progress(totals, totals.sent / max(time.monotonic() - began, 0.001)))
    return totals


def _wire(line: CrowdLine, channels: Sequence[tuple[str, str]], opens_at: datetime) -> dict[str, Any]:
    """An event in the words of contract §5."""
    event = line.event(channels[0][0], [id_ for _, id_ in channels], opens_at, datetime.now(UTC))
    wire: dict[str, Any] = {
        "type": "chat.message",
        "platform": event.platform,
        "channel_id": event.channel_id,
        "message_id": event.message_id,
        "user": {
            "id": event.user.id,
            "login": event.user.login,
            "name": event.user.name,
            "roles": list(event.user.roles),
        },
        "text": event.text,
        "sent_at": to_wire(opens_at + timedelta(milliseconds=line.sent_ms)),
    }
    if event.source_channel_id is not None:
        wire["source_channel_id"] = event.source_channel_id
    return wire


def _progress(totals: Totals, per_s: float) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted((totals.reasons or {}).items()))
    return (
        f"{totals.sent:>8} sent   {totals.accepted:>8} accepted   {totals.duplicates:>6} duplicates   "
        f"{totals.rejected:>6} rejected{f' ({reasons})' if reasons else ''}   {per_s:>7.0f} lines/s"
    )
