"""The application's own token: what subscriptions are made with (platforms/kick.md §2)."""

from __future__ import annotations

import aiohttp

from integrations.identity import Grant
from integrations.oauth import ask, grant_of, refusal


class KickApp:
    """An `AppIssuer` (integrations/tokens.py)."""

    def __init__(
        self, session: aiohttp.ClientSession, *, client_id: str, client_secret: str, id_url: str
    ) -> None:
        """`id_url` has no slash at its end."""
        self._session = session
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._id_url = id_url

    async def app_grant(self) -> Grant:
        """A new token. Raises IdentityRefused and IdentityAway."""
        answer = await ask(self._session, "POST", f"{self._id_url}/oauth/token", form=self._form)
        if not answer.is_ok:
            raise refusal(answer)
        return grant_of(answer)
