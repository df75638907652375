"""Calls of channel points on a platform's API, and what went wrong as a sentence for the desk.

The line (integrations/line.py) makes the calls. What a platform answers becomes one of a few exceptions that
say what may have happened there, which is what those who must not do a thing twice need to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from integrations.identity import Provider
from integrations.line import Line, LineAway, LineBusy, LineRefused, Method
from integrations.tokens import Tokens

#: A call takes no longer; couriers have 15 s for all of theirs.
TIMEOUT_S: Final = 6.0


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

    data: Mapping[str, Any]  # of JSON; empty without a body


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
    ) -> None:
        """`headers` go with every call, such as Twitch's Client-Id."""
        self._line = Line(session, tokens, provider, base_url, headers=headers, within_s=timeout_s)

    async def call(
        self,
        account_id: str,
        method: Method,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Call as this account; `path` begins with a slash. Raises PlatformError and tokens.NoToken."""
        try:
            found = await self._line.call(method, path.removeprefix("/"), account_id, query=query, body=body)
        except LineBusy as busy:
            raise Limited("The platform's limit of calls is used up.", busy.after_s) from None
        except LineAway as away:
            raise Unclear(f"The platform {away}.") from None
        except LineRefused as refused:
            raise _error(refused) from None
        return Answer(found)


def _error(refused: LineRefused) -> PlatformError:
    says = f': "{reason}"' if (reason := refused.reason.rstrip(". ")) else ""
    match refused.status:
        case status if status < 400:  # a redirect, which a token does not follow
            return Unclear(f"The platform answers with {status}.")
        case 401:
            return Denied("The platform does not accept a token that it has just given out.")
        case 403:
            return Denied(f"The platform does not allow it{says}.")
        case 404:
            return NotFound(f"The platform does not find it{says}.")
    return Refused(f"The platform refuses it{says}.")
