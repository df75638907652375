"""The line to Helix, Twitch's REST API: one request with a token, and in our words what went wrong.

Every token has a bucket of its own at Twitch (platforms/twitch.md §5), whose level comes with each answer.
Whoever would find it empty is told when it will be filled, without a call; so is everybody after a 429, which
would otherwise become a hundred more.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any, Final, Literal, NamedTuple, Protocol

import aiohttp
import orjson

from integrations.line import LineAway, LineBusy, LineRefused
from integrations.twitch.scopes import CHANNEL

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Query = Sequence[tuple[str, str]]

#: Whose token a call goes with: an account's id, or the installation's.
APP: Final = "app"

_WITHIN_S: Final = 10.0
#: Before the one more try after a 503.
_AGAIN_AFTER_S: Final = (0.2, 0.6)
#: The shortest and the longest silence after a 429; a bucket is full again after a minute at most.
_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 120.0
#: What is left in a bucket for those who cannot wait; a call of ours may be in flight already.
_KEPT_FREE: Final = 1
_LARGEST_ANSWER: Final = 4 * 2**20
_LONGEST_REASON: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class Token(Protocol):
    """As integrations.tokens.Token."""

    @property
    def value(self) -> str: ...
    @property
    def scopes(self) -> tuple[str, ...]: ...
    @property
    def version(self) -> int: ...


class Tokens(Protocol):
    """As integrations.tokens.Tokens. What it raises when there is none passes through."""

    async def user(self, provider: Literal["twitch"], account_id: str) -> Token: ...

    async def refused(self, provider: Literal["twitch"], account_id: str, version: int) -> Token: ...

    async def app(self, provider: Literal["twitch"]) -> Token: ...

    async def app_refused(self, provider: Literal["twitch"], version: int) -> Token: ...


#: By their names here: what a call of Helix raises.
HelixRefused = LineRefused
HelixAway = LineAway
HelixBusy = LineBusy


class NotGranted(LineRefused):
    """The streamer has not given the permission that a call needs; Twitch was not asked."""

    def __init__(self, scope: str) -> None:
        super().__init__(
            403,
            f"the streamer has not let Hubbub {CHANNEL.get(scope, 'do this')}: connect the channel's Twitch "
            "account again",
        )
        self.scope = scope


@dataclass(slots=True)
class _Bucket:
    """What Twitch said last of one token's bucket."""

    free_at: float = 0.0  # monotonic; no call before it
    refusals: int = 0  # 429s in a row


class _Call(NamedTuple):
    method: Method
    path: str
    query: Query
    body: Any


class Helix:
    """Calls of `{url}/…`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        url: str,
        client_id: str,
        *,
        random: Random | None = None,
        within_s: float = _WITHIN_S,
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._url = url.rstrip("/")
        self._client_id = client_id
        self._random = random or Random()  # noqa: S311  pauses are no secrets
        self._within = aiohttp.ClientTimeout(total=within_s)
        self._buckets: dict[str, _Bucket] = {}

    async def call(
        self,
        method: Method,
        path: str,
        who: str,
        *,
        query: Query = (),
        body: Any = None,
        once: bool = False,
        scope: str = "",
    ) -> Mapping[str, Any]:
        """The answer's envelope; empty for one without a body.

        Raises HelixRefused, HelixAway, HelixBusy, and what Tokens raises. A token that Twitch does not take
        is replaced once; the call has then had no effect before. `once`: a 503 is not tried again at once.
        `scope`: what the token must be good for; NotGranted, a HelixRefused, says in words that it is not.
        """
        made = _Call(method, path, query, body)
        token = await (self._tokens.app("twitch") if who == APP else self._tokens.user("twitch", who))
        if scope and scope not in token.scopes:
            raise NotGranted(scope)
        status, answer = await self._patiently(made, who, token, once)
        if status == 401:
            if who == APP:
                token = await self._tokens.app_refused("twitch", token.version)
            else:
                token = await self._tokens.refused("twitch", who, token.version)
            status, answer = await self._patiently(made, who, token, once)
        if 200 <= status < 300:
            return answer
        raise HelixRefused(status, _reason(answer))

    async def _patiently(
        self, made: _Call, who: str, token: Token, once: bool
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            return await self._once(made, who, token)
        except HelixAway as away:
            if away.status != 503 or once:
                raise
        await asyncio.sleep(self._random.uniform(*_AGAIN_AFTER_S))
        return await self._once(made, who, token)

    async def _once(self, made: _Call, who: str, token: Token) -> tuple[int, Mapping[str, Any]]:
        bucket = self._buckets.setdefault(who, _Bucket())
        if (left := bucket.free_at - time.monotonic()) > 0:
            raise HelixBusy(left)
        headers = {
            "accept": "application/json",
            "authorization": f"Bearer {token.value}",
            "client-id": self._client_id,
        }
        data = None
        if made.body is not None:
            headers["content-type"] = "application/json"
            data = orjson.dumps(made.body)
        try:
            async with self._session.request(
                made.method,
                f"{self._url}/{made.path}",
                params=list(made.query),
                data=data,
                headers=headers,
                timeout=self._within,
                allow_redirects=False,  # a token is for one host
            ) as response:
                raw = await _bounded(response)
                status, told = response.status, response.headers
        except aiohttp.ClientConnectorError as error:
            raise HelixAway(f"cannot be reached ({type(error).__name__})", is_unsent=True) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise HelixAway(f"gave no answer ({type(error).__name__})") from None
        if status == 429:
            raise HelixBusy(self._refill(bucket, told))
        self._note(bucket, told)
        if status >= 500:
            raise HelixAway(f"answered {status}", status=status)
        return status, _envelope(raw, status)

    def _note(self, bucket: _Bucket, told: Mapping[str, str]) -> None:
        """The level that an answer tells."""
        bucket.refusals = 0
        left = told.get("ratelimit-remaining", "")
        if _NUMBER.fullmatch(left) and int(left) < _KEPT_FREE and (seconds := _until_reset(told)) is not None:
            bucket.free_at = time.monotonic() + min(_LONGEST_PAUSE_S, max(0.0, seconds))

    def _refill(self, bucket: _Bucket, told: Mapping[str, str]) -> float:
        """How long to be silent after a 429: until the reset that Twitch names, never not at all, and longer
        each time in a row, because some calls have limits of their own that no header tells."""
        bound = min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(bucket.refusals, 10))
        seconds = max(self._random.uniform(bound / 2, bound), _until_reset(told) or 0.0)
        seconds = min(seconds, _LONGEST_PAUSE_S)
        bucket.refusals += 1
        bucket.free_at = time.monotonic() + seconds
        return seconds


def _until_reset(told: Mapping[str, str]) -> float | None:
    """Seconds until the bucket is full again, by Twitch's own clock where its answer tells the time."""
    reset = told.get("ratelimit-reset", "")
    if not _NUMBER.fullmatch(reset):
        return None
    try:
        now = parsedate_to_datetime(told.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        now = time.time()
    return float(reset) - now


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises HelixAway for one that is no answer of an API."""
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > _LARGEST_ANSWER:
            raise HelixAway("answered with more than an answer has")
    return bytes(parts)


def _envelope(raw: bytes, status: int) -> Mapping[str, Any]:
    """`{"data": …}`. Raises HelixAway when a success is nothing like it."""
    if not raw.strip():
        return {}
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if status < 300:
        raise HelixAway("answered with something that is no answer of its API")
    return {}


def _reason(answer: Mapping[str, Any]) -> str:
    """Twitch's words."""
    said = (answer.get("message"), answer.get("error"))
    words = next((text for text in said if isinstance(text, str) and text), "no reason given")
    return "".join(c if c.isprintable() else " " for c in words)[:_LONGEST_REASON]
