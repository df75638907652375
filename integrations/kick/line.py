"""The line to Kick's API: one request, with a token, within ten seconds, and in our words what went wrong.

Kick publishes no rate limits (platforms/kick.md §3): whoever is told 429 is silent for as long as Kick asks,
or for a pause that doubles with each refusal, so that a hundred waiting calls do not become a hundred more.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Literal, NamedTuple

import aiohttp
import orjson

from integrations.line import LineAway, LineBusy, LineRefused
from integrations.tokens import Token, Tokens

Method = Literal["GET", "POST", "PATCH", "DELETE"]
Query = Sequence[tuple[str, str]]

#: Whose token a call goes with: an account's id, the application's, or nobody's.
APP: Final = "app"
NOBODY: Final = ""

_WITHIN_S: Final = 10.0
#: Of the first pause after a 429, and of the longest.
_PAUSE_S, _LONGEST_PAUSE_S = 2.0, 120.0
_LARGEST_ANSWER: Final = 4 * 2**20
_LONGEST_REASON: Final = 200
_SECONDS: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


#: By their names here: what a call of Kick's API raises.
KickRefused = LineRefused
KickAway = LineAway
KickBusy = LineBusy


@dataclass(slots=True)
class _Pause:
    """Of one token: until when it is silent (monotonic), and how often in a row Kick asked for it."""

    until: float = 0.0
    times: int = 0


class _Call(NamedTuple):
    method: Method
    path: str
    query: Query
    body: Any


class KickLine:
    """Calls of `{url}/public/v1/…`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        url: str,
        *,
        random: Random | None = None,
        within_s: float = _WITHIN_S,
    ) -> None:
        self._session = session
        self._tokens = tokens
        self._url = url.rstrip("/")
        self._random = random or Random()  # noqa: S311  pauses are no secrets
        self._within = aiohttp.ClientTimeout(total=within_s)
        self._pauses: dict[str, _Pause] = {}

    async def call(
        self, method: Method, path: str, who: str, *, query: Query = (), body: Any = None
    ) -> Mapping[str, Any]:
        """The answer's envelope; empty for one without a body.

        Raises KickRefused, KickAway, KickBusy, and NoToken. A token that Kick does not take is
        replaced once: the call that it was shown to has had no effect.
        """
        self._rest(who)
        made = _Call(method, path, query, body)
        token = await self._token(who)
        status, answer = await self._once(made, who, token)
        if status == 401 and token is not None:
            if who == APP:
                token = await self._tokens.app_refused("kick", token.version)
            else:
                token = await self._tokens.refused("kick", who, token.version)
            status, answer = await self._once(made, who, token)
        if 200 <= status < 300:
            return answer
        raise KickRefused(status, _reason(answer))

    async def _token(self, who: str) -> Token | None:
        if who == NOBODY:
            return None
        return await (self._tokens.app("kick") if who == APP else self._tokens.user("kick", who))

    async def _once(self, made: _Call, who: str, token: Token | None) -> tuple[int, Mapping[str, Any]]:
        headers = {"accept": "application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token.value}"
        data = None
        if made.body is not None:
            headers["content-type"] = "application/json"
            data = orjson.dumps(made.body)
        try:
            async with self._session.request(
                made.method,
                f"{self._url}/public/v1/{made.path}",
                params=list(made.query),
                data=data,
                headers=headers,
                timeout=self._within,
                allow_redirects=False,  # a token is for one host
            ) as response:
                raw = await _bounded(response)
                status, asked = response.status, response.headers.get("retry-after", "")
        except aiohttp.ClientConnectorError as error:
            raise KickAway(f"cannot be reached ({type(error).__name__})", is_unsent=True) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise KickAway(f"gave no answer ({type(error).__name__})") from None
        if status == 429:
            raise KickBusy(self._pause(who, asked))
        if status >= 500:
            raise KickAway(f"answered {status}", status=status)
        self._pauses.pop(who, None)
        return status, _envelope(raw, status)

    def _rest(self, who: str) -> None:
        pause = self._pauses.get(who)
        if pause is not None and (left := pause.until - time.monotonic()) > 0:
            raise KickBusy(left)

    def _pause(self, who: str, asked: str) -> float:
        pause = self._pauses.setdefault(who, _Pause())
        bound = min(_LONGEST_PAUSE_S, _PAUSE_S * 2 ** min(pause.times, 10))
        seconds = self._random.uniform(bound / 2, bound)
        if _SECONDS.fullmatch(asked):  # what Kick asks for, and not all at the same moment
            seconds = min(600.0, float(asked)) + self._random.uniform(0, 1)
        pause.times += 1
        pause.until = time.monotonic() + seconds
        return seconds


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises KickAway for one that is no answer of an API."""
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > _LARGEST_ANSWER:
            raise KickAway("answered with more than an answer has")
    return bytes(parts)


def _envelope(raw: bytes, status: int) -> Mapping[str, Any]:
    """`{"data": …, "message": …}`. Raises KickAway when a success is nothing like it."""
    if not raw.strip():
        return {}
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if status < 300:
        raise KickAway("answered with something that is no answer of its API")
    return {}


def _reason(answer: Mapping[str, Any]) -> str:
    """Kick's words: in `message`, in `error`, or (too many subscriptions) in `data`."""
    said = [answer.get(name) for name in ("data", "error", "message")]
    words = next((text for text in said if isinstance(text, str) and text), "no reason given")
    return "".join(c if c.isprintable() else " " for c in words)[:_LONGEST_REASON]
