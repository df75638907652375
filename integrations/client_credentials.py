"""The token of an installation itself, for what platforms give to an application and not to a person."""

from __future__ import annotations

import aiohttp

from integrations.identity import Grant, IdentityRefused
from integrations.oauth import ask, grant_of


class ClientCredentials:
    """An `AppIssuer` (integrations/tokens.py): by id and secret (RFC 6749 §4.4), for Twitch and Kick."""

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
        answer = await ask(self._session, "POST", self._url, form=self._form)
        if not answer.is_ok:  # there is nobody else whose fault it could be
            raise IdentityRefused("invalid_client")
        return grant_of(answer)
