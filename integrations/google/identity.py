"""Sign-in with Google, or any other OpenID provider, named by its issuer (OpenID Connect Discovery 1.0).

Who somebody is comes from the userinfo endpoint, asked with the token that this very code was exchanged
for: there is no id token to check, and PKCE does what a nonce would.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from integrations.identity import Grant, IdentityAway, IdentityRefused, PlatformAccount, Provider
from integrations.oauth import address, ask, grant_of, identifier, line, refusal, with_query

#: Who signs in, with name and address.
IDENTITY: Final[tuple[str, ...]] = ("openid", "email", "profile")
#: How long the provider's own description is believed.
_KEPT_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class _Endpoints:
    authorization: str
    token: str
    userinfo: str
    revocation: str  # empty: there is none


class GoogleIdentity:
    """An `IdentityProvider`."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        client_id: str,
        client_secret: str,
        issuer: str = "https://accounts.google.com",
    ) -> None:
        """`issuer` has no slash at its end."""
        self._session = session
        self._client_id = client_id
        self._client = {"client_id": client_id, "client_secret": client_secret}
        self._issuer = issuer
        self._known: tuple[float, _Endpoints] | None = None

    @property
    def provider(self) -> Provider:
        return "google"

    async def authorize_url(
        self, *, state: str, challenge: str, redirect_uri: str, scopes: Collection[str]
    ) -> str:
        return with_query(
            (await self._endpoints()).authorization,
            client_id=self._client_id,
            redirect_uri=redirect_uri,
            response_type="code",
            scope=" ".join(scopes),
            state=state,
            code_challenge=challenge,
            code_challenge_method="S256",
            prompt="select_account",
        )

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Grant:
        return await self._token(
            code=code,
            grant_type="authorization_code",
            redirect_uri=redirect_uri,
            code_verifier=verifier,
        )

    async def refresh(self, refresh_token: str) -> Grant:
        return await self._token(grant_type="refresh_token", refresh_token=refresh_token)

    async def _token(self, **form: str) -> Grant:
        url = (await self._endpoints()).token
        answer = await ask(self._session, "POST", url, form={**self._client, **form})
        if not answer.is_ok:
            raise refusal(answer)
        return grant_of(answer, IDENTITY)

    async def account(self, grant: Grant) -> PlatformAccount:
        answer = await ask(
            self._session,
            "GET",
            (await self._endpoints()).userinfo,
            headers={"Authorization": f"Bearer {grant.access_token}"},
        )
        if not answer.is_ok:
            raise IdentityRefused("invalid_grant")
        email = address(answer.body.get("email"))
        return PlatformAccount(
            "google",
            identifier(answer.body.get("sub")),
            "",
            line(answer.body.get("name")) or email.partition("@")[0],
            email,
            bool(email) and answer.body.get("email_verified") is True,
        )

    async def revoke(self, token: str) -> None:
        if url := (await self._endpoints()).revocation:
            await ask(self._session, "POST", url, form={"token": token})

    async def _endpoints(self) -> _Endpoints:
        """Where everything is, asked once an hour. What is not on the issuer's scheme is not believed."""
        if self._known and time.monotonic() < self._known[0]:
            return self._known[1]
        answer = await ask(self._session, "GET", f"{self._issuer}/.well-known/openid-configuration")
        if not answer.is_ok or answer.text("issuer").rstrip("/") != self._issuer:
            raise IdentityAway("the description is of another issuer")
        scheme = urlsplit(self._issuer).scheme

        def endpoint(name: str) -> str:
            url = answer.text(f"{name}_endpoint")
            return url if url.startswith(f"{scheme}://") else ""

        found = _Endpoints(
            endpoint("authorization"), endpoint("token"), endpoint("userinfo"), endpoint("revocation")
        )
        if not (found.authorization and found.token and found.userinfo):
            raise IdentityAway("the description names no endpoints")
        self._known = (time.monotonic() + _KEPT_S, found)
        return found
