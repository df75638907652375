"""Sign-in with Kick: OAuth 2.1, PKCE and client secret both (platforms/kick.md §2)."""

from __future__ import annotations

from collections.abc import Collection

import aiohttp

from integrations.identity import Grant, IdentityAway, IdentityRefused, PlatformAccount, Provider
from integrations.oauth import address, ask, grant_of, identifier, line, refusal, with_query


class KickIdentity:
    """An `IdentityProvider`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        client_id: str,
        client_secret: str,
        id_url: str = "https://id.kick.com",
        api_url: str = "https://api.kick.com",
    ) -> None:
        """The URLs have no slash at their end."""
        self._session = session
        self._client_id = client_id
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._id_url, self._api_url = id_url, api_url

    @property
    def provider(self) -> Provider:
        return "kick"

    async def authorize_url(
        self, *, state: str, challenge: str, redirect_uri: str, scopes: Collection[str]
    ) -> str:
        return with_query(
            f"{self._id_url}/oauth/authorize",
            client_id=self._client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            state=state,
            scope=" ".join(scopes),
            code_challenge=challenge,
            code_challenge_method="S256",
        )

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Grant:
        return await self._token(
            grant_type="authorization_code",
            redirect_uri=redirect_uri,
            code_verifier=verifier,
            code=code,
        )

    async def refresh(self, refresh_token: str) -> Grant:
        return await self._token(grant_type="refresh_token", refresh_token=refresh_token)

    async def _token(self, **form: str) -> Grant:
        answer = await ask(
            self._session, "POST", f"{self._id_url}/oauth/token", form={**self._client, **form}
        )
        if not answer.is_ok:
            raise refusal(answer)
        return grant_of(answer)

    async def account(self, grant: Grant) -> PlatformAccount:
        """Whose the tokens are. Kick does not say whether it has seen the address work: it proves nothing."""
        answer = await ask(
            self._session,
            "GET",
            f"{self._api_url}/public/v1/users",
            headers={"Authorization": f"Bearer {grant.access_token}"},
        )
        if not answer.is_ok:
            raise IdentityRefused("invalid_grant")
        found = answer.body.get("data")
        if not (isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict)):
            raise IdentityAway("the answer names no account")
        user = found[0]
        name = line(user.get("name"))
        return PlatformAccount(
            "kick", identifier(user.get("user_id")), name.lower(), name, address(user.get("email"))
        )

    async def revoke(self, token: str) -> None:
        """Give a token back. Kick takes it in the query only; `ask` lets no URL get out."""
        url = with_query(f"{self._id_url}/oauth/revoke", token=token, token_hint_type="access_token")  # noqa: S106
        await ask(self._session, "POST", url)
