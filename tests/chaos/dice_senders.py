"""Senders of dice for the trials: what they send by webhook, what is forged of it, and what became of it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import asyncpg
import httpx2

from tests.acceptance.show import Api
from tests.chaos.stalls import Sample

JSON = "application/json"
#: How often a sender tries before it gives up; a tenth of a second apart while nothing is promised.
_TRIES = 300


@dataclass(slots=True)
class Table:
    """A table as its sender knows it. `secret` is the newest one that it was told."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Post:
    """A delivery, as bytes. `mark` is the player whose roll it is: what it is known by in the database."""

    table: Table
    mark: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Told:
    """What became of what was sent."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[Sample] = field(default_factory=list)
    taken: list[Post] = field(default_factory=list)
    #: Acknowledged, and not in the database at that moment.
    too_early: list[str] = field(default_factory=list)


async def tables(api: Api, show: str, number: int) -> list[Table]:
    """Half of them send our own form, half lines of text that have no id of their own."""
    made = []
    for n in range(number):
        system = ("other", "discord")[n % 2]
        body = {"system": system, "name": f"Table {n}", "visibility": "public"}
        told = await api.post(f"/campaigns/{show}/vtt-connections", body)
        made.append(Table(told["id"], told["signing_secret"]))
    return made


async def rotate(api: Api, table: Table) -> None:
    """New secrets; those of now stay good. Asked under one key until it is answered: one rotation."""
    headers = {"Idempotency-Key": secrets.token_hex(16)}
    while True:
        try:
            answer = await api.http.post(f"/vtt-connections/{table.id}/rotate", headers=headers)
        except httpx2.TransportError:
            continue
        if answer.status_code == 200:
            break
        assert answer.status_code in (409, 429, 503), answer.text  # 409: the first try is still under way
        await asyncio.sleep(0.05)
    table.secret = answer.json()["signing_secret"]


def message(mark: str, number: int) -> Any:
    """A roll of a player that nobody else is: by turns in our own form, and as a line of text."""
    total = 1 + number % 20
    if number % 2:
        return {"username": mark, "content": f"1d20 = {total}"}
    return {
        "schema": "hubbub.dice_roll/1",
        "roll_id": mark,
        "source": {"system": "other", "instance_id": "trial"},
        "actor": {"player_name": mark},
        "visibility": "public",
        "notation": "1d20",
        "groups": [{"sides": 20, "count": 1, "dice": [{"value": total, "state": "kept"}]}],
        "total": total,
    }


def signed(table: Table, mark: str, body: bytes, *, secret: str = "", at: float | None = None) -> Post:
    """As Standard Webhooks says, written without a line of Hubbub's."""
    webhook_id = f"msg_{mark}"
    seconds = str(int(time.time() if at is None else at))
    headers = {
        "content-type": JSON,
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": "v1," + mac(secret or table.secret, webhook_id, seconds, body),
    }
    return Post(table, mark, body, headers)


def mac(secret: str, webhook_id: str, seconds: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, b".".join([webhook_id.encode(), seconds.encode(), body]), hashlib.sha256)
    return base64.b64encode(made.digest()).decode()


def good(random: Random, senders: Sequence[Table], number: int) -> Post:
    """A genuine one; which form it has depends on the table."""
    place = number % len(senders)
    mark = f"Good{number}"
    # Numbers of the same parity as the place of the table: its system reads that form.
    body = json.dumps(message(mark, place), separators=random.choice([(",", ":"), (", ", ": ")]))
    return signed(senders[place], mark, body.encode())


def forged(random: Random, senders: Sequence[Table], number: int) -> Post:
    """One that somebody sends who does not have the secret of this table."""
    table, other = random.sample(list(senders), 2)
    mark = f"Forged{number}"
    body = json.dumps(message(mark, senders.index(table))).encode()
    post = signed(table, mark, body)
    headers = dict(post.headers)
    signature = headers["webhook-signature"]
    match number % 12:
        case 0:
            headers["webhook-signature"] = flipped(random, signature)
        case 1:
            at = random.randrange(len(body))
            return replace(
                post, body=body[:at] + bytes([body[at] ^ 1 << random.randrange(7)]) + body[at + 1 :]
            )
        case 2:
            return signed(table, mark, body, secret=other.secret)
        case 3:
            return signed(
                table, mark, body, secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
            )
        case 4:
            headers["webhook-signature"] = signature.replace(
                "v1,", random.choice(("sha1=", "v0,", "v1a,", ""))
            )
        case 5:
            headers["webhook-signature"] = random.choice(("", "v1,", " ", "v1, v1,", "v1," + "A" * 43 + "="))
        case 6:
            headers["webhook-id"] += "x"
        case 7:
            headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + random.choice((-1, 1)))
        case 8:
            del headers[random.choice(("webhook-id", "webhook-timestamp", "webhook-signature"))]
        case 9:
            return replace(post, table=other)  # meant for another table
        case 10:
            headers = {"content-type": JSON, "authorization": f"Bearer ing_{secrets.token_urlsafe(32)}"}
        case _:
            headers = {"content-type": JSON, "authorization": f"Bearer {table.secret}"}
    return replace(post, headers=headers)


def flipped(random: Random, signature: str) -> str:
    """A signature with one bit of its MAC changed."""
    made = bytearray(base64.b64decode(signature.removeprefix("v1,")))
    made[random.randrange(len(made))] ^= 1 << random.randrange(8)
    return "v1," + base64.b64encode(made).decode()


def stale(random: Random, senders: Sequence[Table], number: int) -> Post:
    """A genuine one that comes too late, or from the future."""
    place = number % len(senders)
    mark = f"Stale{number}"
    body = json.dumps(message(mark, place)).encode()
    off = random.choice((-1, 1)) * random.choice((310, 3600, 10**6))
    return signed(senders[place], mark, body, at=time.time() + off)


class Line:
    """Sends to the processes of an installation in turn, and notes what they say."""

    def __init__(self, clients: Sequence[httpx2.AsyncClient], told: Told) -> None:
        self._clients, self.told = clients, told
        self._next = 0

    async def send(self, post: Post) -> int:
        """The status; 0 when nobody answered."""
        self._next += 1
        client = self._clients[self._next % len(self._clients)]
        began = time.time()
        try:
            answer = await client.post(
                f"/webhooks/vtt/{post.table.id}", content=post.body, headers=post.headers
            )
        except httpx2.TransportError:
            self.told.statuses[0] += 1
            return 0
        self.told.statuses[answer.status_code] += 1
        if answer.status_code in (200, 202):
            self.told.seconds.append(Sample(time.time() - began, began))
        return answer.status_code

    async def bring_home(self, post: Post, truth: asyncpg.Pool) -> None:
        """As a good sender does: the same delivery, signed anew, until it is taken; a 2xx is looked up at
        once."""
        for _ in range(_TRIES):
            secret = post.table.secret
            post = signed(post.table, post.mark, post.body)
            status = await self.send(post)
            if status in (200, 202):
                if not await is_stored(truth, post):
                    self.told.too_early.append(post.mark)
                self.told.taken.append(post)
                return
            was_rotated = status == 401 and secret != post.table.secret
            assert status in (0, 429, 503) or was_rotated, f"{post.mark}: {status}"
            await asyncio.sleep(0.1)
        raise AssertionError(f"{post.mark} was never taken")


async def is_stored(truth: asyncpg.Pool, post: Post) -> bool:
    """Whether the roll is in the database now."""
    found = await truth.fetchval(
        "SELECT count(*) FROM dice_rolls WHERE connection_id = $1 AND player_key = $2",
        post.table.id,
        f"name:{post.mark}",
    )
    return bool(found)


async def stored(truth: asyncpg.Pool, show: str) -> Counter[str]:
    """How often each player's roll is there."""
    rows = await truth.fetch("SELECT player_key FROM dice_rolls WHERE campaign_id = $1", show)
    return Counter(row["player_key"].removeprefix("name:") for row in rows)
