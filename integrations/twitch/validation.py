"""Twitch wants every token that is kept shown to it once an hour (platforms/twitch.md §5.1)."""

from __future__ import annotations

from typing import Final

import aiohttp

from integrations.identity import IdentityAway

_ANSWER_WITHIN: Final = aiohttp.ClientTimeout(total=8)


class TwitchValidation:
    """`GET {id}/validate`: what a token may do, or that it is dead."""

    def __init__(self, session: aiohttp.ClientSession, id_url: str) -> None:
        self._session = session
        self._url = id_url.rstrip("/") + "/validate"

    async def __call__(self, token: str) -> tuple[str, ...] | None:
        """The scopes; None for a dead token. Raises IdentityAway."""
        try:
            async with self._session.get(
                self._url, headers={"authorization": f"OAuth {token}"}, timeout=_ANSWER_WITHIN
            ) as response:
                if response.status == 401:
                    return None
                if response.status != 200:
                    raise IdentityAway(f"answered {response.status}")
                data = await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise IdentityAway(type(error).__name__) from None
        scopes = data.get("scopes") if isinstance(data, dict) else None
        return tuple(scope for scope in scopes or () if isinstance(scope, str))
