"""What accounts consist of in this installation, and who else wants to know what becomes of them.

Everything here is optional: an installation on one computer has the link of its terminal, and needs none of
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from integrations.identity import DeviceIdentity, Grant, IdentityProvider, PlatformAccount, Provider
from integrations.mail import Post
from server.web.passwords import Passwords
from sql.auth_providers import LinkedAccount
from sql.pool import Connection


class DeviceSignIn(IdentityProvider, DeviceIdentity, Protocol):
    """A provider that gives out codes for another device, and says whose they are."""


class GrantKeeper(Protocol):
    """Keeps the tokens of accounts (`integrations.tokens`)."""

    async def store(self, connection: Connection, auth_provider_id: UUID, grant: Grant) -> int:
        """Keep a grant for a row of `auth_providers`, in the transaction that the row is made in; answers its
        version."""


class Household(Protocol):
    """Whoever has something to do when an account comes or goes, in the transaction in which it does."""

    async def arrived(self, connection: Connection, user_id: UUID, account: PlatformAccount) -> None:
        """The account is this person's: they signed in by it, or have just linked it. Often called again."""

    async def unlinked(self, connection: Connection, user_id: UUID, account: LinkedAccount) -> None:
        """The account is about to be nobody's: its row and its tokens go right after.

        Called for each of a person's, too, when they leave for good.
        """

    async def leaving(self, connection: Connection, user_id: UUID) -> None:
        """The person leaves for good. Called first, while everything of theirs is still there."""

    async def export(self, connection: Connection, user_id: UUID) -> Mapping[str, object]:
        """What is kept about the person, as JSON values by section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Built once by the composition root."""

    #: Providers that can send a browser back to us.
    by_code: Mapping[Provider, IdentityProvider] = field(default_factory=dict)
    #: Providers whose code is typed on another device.
    by_device: Mapping[Provider, DeviceSignIn] = field(default_factory=dict)
    #: None: grants are looked at and let go.
    grants: GrantKeeper | None = None
    household: Sequence[Household] = ()
    #: None: nobody signs in by e-mail and password.
    post: Post | None = None
    passwords: Passwords = field(default_factory=Passwords)

    @property
    def has_sign_in(self) -> bool:
        """Whether there is any way in but the link of the terminal."""
        return bool(self.by_code or self.by_device or self.post)
