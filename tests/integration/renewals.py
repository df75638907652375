"""Identity servers as far as tokens are renewed; nobody signs in at these."""

from __future__ import annotations

from collections.abc import Collection

from integrations.identity import Grant, PlatformAccount


class OnlyRenews:
    """The half of an `IdentityProvider` that a rig which hands tokens out itself does not need."""

    async def authorize_url(
        self, *, state: str, challenge: str, redirect_uri: str, scopes: Collection[str]
    ) -> str:
        raise AssertionError("nobody signs in here")

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Grant:
        raise AssertionError("nobody signs in here")

    async def account(self, grant: Grant) -> PlatformAccount:
        raise AssertionError("nobody signs in here")

    async def revoke(self, token: str) -> None:
        raise AssertionError("nobody signs out here")
