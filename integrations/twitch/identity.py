"""Sign-in with Twitch: codes with PKCE, and codes for another device (platforms/twitch.md §5.1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

import aiohttp

from integrations.identity import DeviceCode, Grant, IdentityAway, IdentityRefused, PlatformAccount, Provider
from integrations.oauth import address, ask, grant_of, identifier, life_of, line, refusal, with_query

_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
#: Of a device code that does not say so itself.
_DEVICE_LIFE, _DEVICE_INTERVAL = timedelta(minutes=30), timedelta(seconds=5)


class TwitchIdentity:
    """`IdentityProvider` and `DeviceIdentity`. Without a secret it is a public client: device codes only."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        client_id: str,
        client_secret: str = "",
        id_url: str = "https://id.twitch.tv/oauth2",
        api_url: str = "https://api.twitch.tv/helix",
    ) -> None:
        """The URLs have no slash at their end."""
        self._session = session
        self._client_id = client_id
        self._client = {"client_id": client_id, **({"client_secret": client_secret} if client_secret else {})}
        self._id_url, self._api_url = id_url, api_url

    @property
    def provider(self) -> Provider:
        return "twitch"

    async def authorize_url(
        self, *, state: str, challenge: str, redirect_uri: str, scopes: Collection[str]
    ) -> str:
        return with_query(
            f"{self._id_url}/authorize",
            client_id=self._client_id,
            redirect_uri=redirect_uri,
            response_type="code",
            scope=" ".join(scopes),
            state=state,
            code_challenge=challenge,
            code_challenge_method="S256",
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
        answer = await ask(self._session, "POST", f"{self._id_url}/token", form={**self._client, **form})
        if not answer.is_ok:
            raise refusal(answer)
        return grant_of(answer)

    async def account(self, grant: Grant) -> PlatformAccount:
        """Whose the tokens are. A token that was given to another application is refused."""
        answer = await ask(
            self._session,
            "GET",
            f"{self._id_url}/validate",
            headers={"Authorization": f"OAuth {grant.access_token}"},
        )
        if not answer.is_ok:
            raise IdentityRefused("invalid_grant")
        if answer.text("client_id") != self._client_id:
            raise IdentityRefused("another_application")
        account_id = identifier(answer.body.get("user_id"))
        login = line(answer.body.get("login")).lower()
        name, email = await self._names(grant, account_id)
        return PlatformAccount("twitch", account_id, login, name or login, email)

    async def _names(self, grant: Grant, account_id: str) -> tuple[str, str]:
        """How the account is written and its address if we may see it: nice to have, so no reason to fail."""
        try:
            answer = await ask(
                self._session,
                "GET",
                with_query(f"{self._api_url}/users", id=account_id),
                headers={"Authorization": f"Bearer {grant.access_token}", "Client-Id": self._client_id},
            )
        except IdentityAway:
            return "", ""
        found = answer.body.get("data")
        user = found[0] if isinstance(found, list) and found and isinstance(found[0], dict) else {}
        if str(user.get("id", "")) != account_id:
            return "", ""
        return line(user.get("display_name")), address(user.get("email"))

    async def revoke(self, token: str) -> None:
        """Give a token back. One that is dead already is no reason to complain."""
        form = {"client_id": self._client_id, "token": token}
        await ask(self._session, "POST", f"{self._id_url}/revoke", form=form)

    async def device(self, scopes: Collection[str]) -> DeviceCode:
        form = {"client_id": self._client_id, "scopes": " ".join(scopes)}
        answer = await ask(self._session, "POST", f"{self._id_url}/device", form=form)
        if not answer.is_ok:
            raise refusal(answer)
        code, user_code = answer.text("device_code"), line(answer.text("user_code"), 32)
        uri = answer.text("verification_uri")
        if not (code and user_code and uri.startswith(("https://", "http://")) and len(uri) <= 500):
            raise IdentityAway("the answer holds no code")
        return DeviceCode(
            code,
            user_code,
            uri,
            life_of(answer.body.get("expires_in"), _DEVICE_LIFE),
            life_of(answer.body.get("interval"), _DEVICE_INTERVAL),
        )

    async def device_grant(self, code: str, scopes: Collection[str]) -> Grant | None:
        form = {
            "client_id": self._client_id,
            "scopes": " ".join(scopes),
            "device_code": code,
            "grant_type": _DEVICE_GRANT,
        }
        answer = await ask(self._session, "POST", f"{self._id_url}/token", form=form)
        if answer.is_ok:
            return grant_of(answer)
        match answer.text("message").lower():
            case "authorization_pending":
                return None
            case "slow_down":
                raise IdentityRefused("slow_down")
            case "access_denied" | "authorization_declined":
                raise IdentityRefused("denied")
            case "invalid device code" | "expired_token":
                raise IdentityRefused("expired_token")
        raise refusal(answer)
