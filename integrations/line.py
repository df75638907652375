"""The line to a platform's API: one request, with a token, in good time, and in our words what went wrong.

What may go wrong is told in the words of those who must not do a thing twice. Whoever is told 429, or that
the token's bucket is empty, is silent for as long as the platform asks, or for a pause that doubles with each
refusal, so that a hundred waiting calls do not become a hundred more (platforms/twitch.md §5, kick.md §3).
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from random import Random
from typing import Any, Final, Literal, NamedTuple

import aiohttp
import orjson

from integrations.identity import Provider
from integrations.tokens import Token, Tokens

Method = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Query = Sequence[tuple[str, str]]

#: Whose token a call goes with: an account's id, the installation's own, or nobody's.
APP: Final = "app"
NOBODY: Final = ""

_WITHIN_S: Final = 10.0
#: Before the one more try after a 503.
_AGAIN_AFTER_S: Final = (0.2, 0.6)
#: Of the first pause after a 429, and of the longest; and of the longest that a platform may ask for.
_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_ASKED_S = 2.0, 120.0, 600.0
_LARGEST_ANSWER: Final = 4 * 2**20
_LONGEST_REASON: Final = 200
_NUMBER: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class LineRefused(Exception):
    """The platform says no, and will say so again. `reason` is its own, for people, without a secret."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class LineAway(Exception):
    """No answer, one of the platform's own faults, or an answer that is none: later.

    `is_unsent`: nothing reached the platform, so nothing can have been done. The message goes behind
    its name.
    """

    def __init__(self, reason: str, *, status: int = 0, is_unsent: bool = False) -> None:
        super().__init__(reason)
        self.status = status
        self.is_unsent = is_unsent


class LineBusy(Exception):
    """The platform asks for fewer calls; nothing was done. `after_s`: when to try again."""

    def __init__(self, after_s: float) -> None:
        super().__init__(f"rate limited for {after_s:.1f} s")
        self.after_s = after_s


@dataclass(slots=True)
class _Pause:
    """Of one token: until when it is silent (monotonic), and how often in a row it was told 429."""

    until: float = 0.0
    times: int = 0


class _Call(NamedTuple):
    method: Method
    path: str
    query: Query
    body: Any


class Line:
    """Calls of `{url}/…`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        provider: Provider,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        insists: bool = False,
        random: Random | None = None,
        within_s: float = _WITHIN_S,
    ) -> None:
        """`headers` go with every call. `insists`: a 503 is tried again, unless a call says `once`."""
        self._session = session
        self._tokens = tokens
        self._provider = provider
        self._url = url.rstrip("/")
        self._headers = {"accept": "application/json", **(headers or {})}
        self._insists = insists
        self._random = random or Random()  # noqa: S311  pauses are no secrets
        self._within = aiohttp.ClientTimeout(total=within_s)
        self._pauses: dict[str, _Pause] = {}

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

        Raises LineRefused, LineAway, LineBusy, and NoToken. A token that the platform does not take is
        replaced once: the call that it was shown to has had no effect. `once`: a 503 is not tried again at
        once. `scope`: what the token must be good for, see `_check`.
        """
        self._rest(who)
        made = _Call(method, path, query, body)
        token = await self._token(who)
        if scope and token is not None:
            self._check(token, scope)
        status, answer = await self._patiently(made, who, token, once)
        if status == 401 and token is not None:
            if who == APP:
                token = await self._tokens.app_refused(self._provider, token.version)
            else:
                token = await self._tokens.refused(self._provider, who, token.version)
            status, answer = await self._patiently(made, who, token, once)
        if 200 <= status < 300:
            return answer
        raise LineRefused(status, _reason(answer))

    def _check(self, token: Token, scope: str) -> None:
        """Raises LineRefused, in words, when the token is not good for this."""
        if scope not in token.scopes:
            raise LineRefused(403, f"the permission {scope} was not given")

    async def _token(self, who: str) -> Token | None:
        if who == NOBODY:
            return None
        if who == APP:
            return await self._tokens.app(self._provider)
        return await self._tokens.user(self._provider, who)

    async def _patiently(
        self, made: _Call, who: str, token: Token | None, once: bool
    ) -> tuple[int, Mapping[str, Any]]:
        try:
            return await self._once(made, who, token)
        except LineAway as away:
            if away.status != 503 or once or not self._insists:
                raise
        await asyncio.sleep(self._random.uniform(*_AGAIN_AFTER_S))
        return await self._once(made, who, token)

    async def _once(self, made: _Call, who: str, token: Token | None) -> tuple[int, Mapping[str, Any]]:
        self._rest(who)
        headers = dict(self._headers)
        if token is not None:
            headers["authorization"] = f"Bearer {token.value}"
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
            raise LineAway(f"cannot be reached ({type(error).__name__})", is_unsent=True) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The text of such an error may hold the URL; its type says enough.
            raise LineAway(f"gave no answer ({type(error).__name__})") from None
        if status == 429:
            raise LineBusy(self._pause(who, told))
        if status >= 500:
            raise LineAway(f"answered {status}", status=status)
        self._note(who, told)
        return status, _envelope(raw, status)

    def _rest(self, who: str) -> None:
        pause = self._pauses.get(who)
        if pause is not None and (left := pause.until - time.monotonic()) > 0:
            raise LineBusy(left)

    def _note(self, who: str, told: Mapping[str, str]) -> None:
        """The level of the bucket that an answer tells: nobody calls again before an empty one is filled."""
        self._pauses.pop(who, None)
        if told.get("ratelimit-remaining") == "0" and (seconds := _until_reset(told)) is not None:
            self._pauses[who] = _Pause(time.monotonic() + min(_LONGEST_PAUSE_S, max(0.0, seconds)))

    def _pause(self, who: str, told: Mapping[str, str]) -> float:
        """How long to be silent after a 429: what is asked for, never nothing at all, and longer each time in
        a row, because some calls have limits of their own that no header tells."""
        pause = self._pauses.setdefault(who, _Pause())
        bound = min(_LONGEST_PAUSE_S, _PAUSE_S * 2.0 ** min(pause.times, 10))
        seconds = self._random.uniform(bound / 2, bound)
        if (asked := _asked(told)) is not None:  # and not all at the same moment
            seconds = max(seconds, min(_LONGEST_ASKED_S, asked) + self._random.uniform(0, 1))
        pause.times += 1
        pause.until = time.monotonic() + seconds
        return seconds


def _asked(told: Mapping[str, str]) -> float | None:
    after = told.get("retry-after", "")
    return float(after) if _NUMBER.fullmatch(after) else _until_reset(told)


def _until_reset(told: Mapping[str, str]) -> float | None:
    """Seconds until the bucket is full again, by the platform's own clock where its answer tells the time."""
    reset = told.get("ratelimit-reset", "")
    if not _NUMBER.fullmatch(reset):
        return None
    try:
        now = parsedate_to_datetime(told.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        now = time.time()
    return float(reset) - now


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """The body. Raises LineAway for one that is no answer of an API."""
    parts = bytearray()
    async for part in response.content.iter_chunked(64 * 1024):
        parts += part
        if len(parts) > _LARGEST_ANSWER:
            raise LineAway("answered with more than an answer has")
    return bytes(parts)


def _envelope(raw: bytes, status: int) -> Mapping[str, Any]:
    """`{"data": …}`. Raises LineAway when a success is nothing like it."""
    if not raw.strip():
        return {}
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if status < 300:
        raise LineAway("answered with something that is no answer of its API")
    return {}


def _reason(answer: Mapping[str, Any]) -> str:
    """The platform's words: in `message`, in `error`, or (Kick: too many subscriptions) in `data`."""
    said = [answer.get(name) for name in ("data", "message", "error")]
    words = next((text for text in said if isinstance(text, str) and text), "no reason given")
    return "".join(c if c.isprintable() else " " for c in words)[:_LONGEST_REASON]
