"""The port to whoever can say who somebody is, and who hands out tokens for their account."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

Provider = Literal["twitch", "kick", "google"]


class IdentityRefused(Exception):
    """The provider said no: the code, the token or the application is not accepted. Trying again is no use.

    `reason` is a word for programs (`invalid_grant`, `invalid_client`, `denied`); no secret is in it.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class IdentityAway(Exception):
    """The provider did not answer, or answered with an error of its own: try again later."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a provider hands out. Tokens are kept out of every repr, and so out of logs and tracebacks."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # empty: there is none
    scopes: tuple[str, ...]
    expires_in: timedelta


@dataclass(frozen=True, slots=True)
class PlatformAccount:
    """Whom a grant is for. Identity is `(provider, id)`."""

    provider: Provider
    id: str
    login: str  # lower case; may change
    name: str
    email: str = ""  # empty: not told
    email_verified: bool = False


@dataclass(frozen=True, slots=True)
class DeviceCode:
    """A sign-in that is confirmed on another device (RFC 8628)."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    expires_in: timedelta
    interval: timedelta


class IdentityProvider(Protocol):
    """One provider. Every method raises IdentityRefused or IdentityAway; answers take at most 10 s."""

    @property
    def provider(self) -> Provider: ...

    async def authorize_url(
        self, *, state: str, challenge: str, redirect_uri: str, scopes: Collection[str]
    ) -> str:
        """Where the browser is sent. `challenge` is PKCE's S256 challenge."""

    async def exchange(self, *, code: str, verifier: str, redirect_uri: str) -> Grant:
        """The tokens of a code."""

    async def refresh(self, refresh_token: str) -> Grant:
        """New tokens; the old refresh token may be dead afterwards."""

    async def account(self, grant: Grant) -> PlatformAccount:
        """Whose they are."""

    async def revoke(self, token: str) -> None:
        """Give a token back."""


class DeviceIdentity(Protocol):
    """A provider that gives out codes to be typed on another device (RFC 8628)."""

    async def device(self, scopes: Collection[str]) -> DeviceCode:
        """A code for somebody."""

    async def device_grant(self, code: str, scopes: Collection[str]) -> Grant | None:
        """The tokens of a code; None: nobody has confirmed it yet.

        Raises IdentityRefused with `denied`, `expired_token`, or `slow_down` (ask less often).
        """
