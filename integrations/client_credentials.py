"""The token of an installation itself, for what platforms give to an application and not to a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import aiohttp

from integrations.identity import Grant, IdentityAway, IdentityRefused

_ANSWER_WITHIN: Final = aiohttp.ClientTimeout(total=8)


class ClientCredentials:
    """The installation's own token by its id and secret (RFC 6749 §4.4), as Twitch and Kick take it."""

    def __init__(
        self, session: aiohttp.ClientSession, token_url: str, client_id: str, client_secret: str
    ) -> None:
        """`token_url` is `{TWITCH_ID_URL}/token` or `{KICK_ID_URL}/oauth/token`."""
        self._session = session
        self._url = token_url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }

    def __repr__(self) -> str:
        return "ClientCredentials(…)"

    async def app_grant(self) -> Grant:
        """A fresh one. Raises IdentityRefused, IdentityAway."""
        try:
            async with self._session.post(
                self._url, data=self._form, timeout=_ANSWER_WITHIN, allow_redirects=False
            ) as response:
                if 400 <= response.status < 500 and response.status != 429:
                    raise IdentityRefused("invalid_client")
                if response.status != 200:
                    raise IdentityAway(f"answered {response.status}")
                data = await response.json()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise IdentityAway(type(error).__name__) from None
        try:
            return Grant(str(data["access_token"]), "", (), timedelta(seconds=float(data["expires_in"])))
        except (KeyError, TypeError, ValueError):
            raise IdentityAway("an answer without a token") from None
