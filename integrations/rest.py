"""Calls to a platform's API with a token: refreshed once when it is refused, and held back by rate limits.

What a platform answers becomes one of a few exceptions that say what may have happened there, which is what
those who must not do a thing twice need to know.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import orjson
import structlog

from integrations.identity import Provider
from integrations.tokens import Token, Tokens

log = structlog.get_logger(__name__)

#: A call takes no longer; couriers have 15 s for all of theirs.
TIMEOUT_S: Final = 6.0
_LONGEST_ANSWER: Final = 4 * 1024 * 1024
_LONGEST_WAIT_S: Final = 300.0
_LIMITED_S: Final = 1.0


class PlatformError(Exception):
    """A call that did not succeed; the message is a sentence for the desk, without anything secret."""


class Unclear(PlatformError):
    """No answer, or an error of the platform's own: what was asked may have been done or not."""


class Limited(PlatformError):
    """Nothing was done: too many calls. Ask again after `after_s`."""

    def __init__(self, why: str, after_s: float) -> None:
        super().__init__(why)
        self.after_s = after_s


class NotFound(PlatformError):
    """404: it is not there, or not in the state that was asked for."""


class Denied(PlatformError):
    """401 with a fresh token, or 403: this account may not do this."""


class Refused(PlatformError):
    """400 and the like: the platform does not want it as it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx."""

    status: int
    data: Any  # of JSON; None without a body


class Rest:
    """One platform's API."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        tokens: Tokens,
        provider: Provider,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`headers` go with every call, such as Twitch's Client-Id."""
        self._session = session
        self._tokens = tokens
        self._provider = provider
        self._base = base_url.rstrip("/")
        self._headers = dict(headers or {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._clock = clock
        self._free_at: dict[str, float] = {}  # by account, while its bucket is empty

    async def call(
        self,
        account_id: str,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Call as this account. Raises PlatformError and integrations.tokens.NoToken."""
        wait_s = self._free_at.get(account_id, 0.0) - self._clock()
        if wait_s > 0:
            raise Limited("The platform's limit of calls is used up.", wait_s)
        token = await self._tokens.user(self._provider, account_id)
        answer = await self._once(account_id, token, method, path, query, body)
        if answer is None:
            token = await self._tokens.refused(self._provider, account_id, token.version)
            answer = await self._once(account_id, token, method, path, query, body)
        if answer is None:
            raise Denied("The platform does not accept a token that it has just given out.")
        return answer

    async def _once(  # noqa: PLR0917  private, and called in two places
        self,
        account_id: str,
        token: Token,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Mapping[str, Any] | None,
    ) -> Answer | None:
        """The answer; None: the token is refused."""
        headers = {**self._headers, "authorization": f"Bearer {token.value}"}
        data = None
        if body is not None:
            data = orjson.dumps(body)
            headers["content-type"] = "application/json"
        try:
            async with self._session.request(
                method,
                self._base + path,
                params=list(query),
                data=data,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                text = await response.content.read(_LONGEST_ANSWER)
                status, answered = response.status, response.headers
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            # The text of such an error may hold the URL; its type says enough.
            log.info("platform_away", provider=self._provider, error=type(error).__name__)
            raise Unclear("The platform did not answer.") from None
        self._note_limit(account_id, status, answered)
        return self._judge(account_id, status, _json(text))

    def _judge(self, account_id: str, status: int, data: Any) -> Answer | None:
        if 200 <= status < 300:
            return Answer(status, data)
        says = _message(data)
        match status:
            case 401:
                return None
            case 403:
                raise Denied(f"The platform does not allow it{says}.")
            case 404:
                raise NotFound(f"The platform does not find it{says}.")
            case 429:
                wait_s = max(self._free_at.get(account_id, 0.0) - self._clock(), _LIMITED_S)
                raise Limited("The platform's limit of calls is used up.", wait_s)
            case _ if 400 <= status < 500:
                raise Refused(f"The platform refuses it{says}.")
        raise Unclear(f"The platform has a fault of its own ({status}).")

    def _note_limit(self, account_id: str, status: int, headers: Mapping[str, str]) -> None:
        """Nobody calls again before the bucket is filled."""
        if status != 429 and headers.get("Ratelimit-Remaining") != "0":
            self._free_at.pop(account_id, None)
            return
        wait_s = _LIMITED_S
        if (after := _number(headers.get("Retry-After"))) is not None:
            wait_s = after
        elif (reset := _number(headers.get("Ratelimit-Reset"))) is not None:
            wait_s = reset - _their_time(headers)
        self._free_at[account_id] = self._clock() + min(max(wait_s, 0.0), _LONGEST_WAIT_S)


def _their_time(headers: Mapping[str, str]) -> float:
    """The platform's clock, in seconds since 1970; ours where it does not tell."""
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return time.time()


def _number(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 12 else None


def _json(text: bytes) -> Any:
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _message(data: Any) -> str:
    """What the platform says, to stand behind a sentence of ours."""
    if isinstance(data, dict) and isinstance(text := data.get("message"), str) and text:
        cleaned = "".join(c for c in text if c.isprintable())[:200].rstrip(". ")
        return f': "{cleaned}"' if cleaned else ""
    return ""
