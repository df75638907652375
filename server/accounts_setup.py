"""How people sign in to this installation, by its settings; part of the composition root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from integrations.breaches import Breaches
from integrations.google.identity import GoogleIdentity
from integrations.identity import IdentityProvider, PlatformAccount, Provider
from integrations.kick.identity import KickIdentity
from integrations.mail import Post, SmtpMailer, TerminalMailer
from integrations.twitch.identity import TwitchIdentity
from server.config import Settings
from server.engine.departures import Departures
from server.rules.consent import CAPABILITIES
from server.web.accounts import Accounts, DeviceSignIn, GrantKeeper, Household
from server.web.origins import Origins
from server.web.passwords import Passwords
from server.web.ways import can_return
from sql import channels, heads, members
from sql.auth_providers import LinkedAccount
from sql.pool import Connection


def identities_of(settings: Settings, http: aiohttp.ClientSession) -> dict[Provider, IdentityProvider]:
    """Every provider with which an application is registered; also what refreshes tokens."""
    found: dict[Provider, IdentityProvider] = {}
    if settings.twitch_client_id:
        found["twitch"] = TwitchIdentity(
            http,
            client_id=settings.twitch_client_id,
            client_secret=_text(settings.twitch_client_secret),
            id_url=settings.twitch_id_url,
            api_url=settings.twitch_api_url,
        )
    if settings.kick_client_id:
        found["kick"] = KickIdentity(
            http,
            client_id=settings.kick_client_id,
            client_secret=_text(settings.kick_client_secret),
            id_url=settings.kick_id_url,
            api_url=settings.kick_api_url,
        )
    if settings.google_client_id:
        found["google"] = GoogleIdentity(
            http,
            client_id=settings.google_client_id,
            client_secret=_text(settings.google_client_secret),
            issuer=settings.google_issuer_url,
        )
    return found


def accounts_of(
    settings: Settings,
    http: aiohttp.ClientSession,
    origins: Origins,
    *,
    grants: GrantKeeper | None = None,
    household: Sequence[Household] = (),
) -> Accounts:
    """Ways to sign in. A provider that could not send browsers back to our address is left out, but for
    Twitch, whose codes can be typed on another device."""
    identities = identities_of(settings, http)
    has_secret = {"twitch": settings.twitch_client_secret is not None}  # its codes need one, as all others do
    by_device: dict[Provider, DeviceSignIn] = {
        name: identity for name, identity in identities.items() if isinstance(identity, TwitchIdentity)
    }
    thieves = Breaches(http, settings.password_breach_url) if settings.password_breach_url else None
    return Accounts(
        by_code={
            name: identity
            for name, identity in identities.items()
            if can_return(origins) and has_secret.get(name, True)
        },
        by_device=by_device,
        grants=grants,
        household=tuple(household),
        post=_post(settings) if settings.wants_email_sign_in else None,
        passwords=Passwords(thieves),
    )


class Shows:
    """What memberships of shows have to do with accounts: ghosts become people, and people go."""

    def __init__(self, departures: Departures) -> None:
        self._departures = departures

    async def arrived(self, connection: Connection, user_id: UUID, account: PlatformAccount) -> None:
        """Whoever was invited by the name of this account is the person from now on."""
        if account.provider != "google":
            await members.claim(connection, user_id, account.provider, account.id, account.login)

    async def unlinked(self, connection: Connection, user_id: UUID, account: LinkedAccount) -> None:
        """What shows may do on the account's channels ends, with all that they have made there."""
        for member in await members.list_of_user(connection, user_id):
            if not member.is_active:
                continue
            await heads.lock(connection, member.campaign_id)
            theirs = set(await members.channels_of(connection, member.id))
            if any(
                channel.id in theirs
                and (channel.platform, channel.channel_id) == (account.provider, account.provider_user_id)
                for channel in await channels.list_of_campaign(connection, member.campaign_id)
            ):
                await self._departures.revoke(connection, member, CAPABILITIES)

    async def leaving(self, connection: Connection, user_id: UUID) -> None:
        """They leave all shows of others, as if they had been removed."""
        await self._departures.forget_person(connection, user_id)

    async def export(self, connection: Connection, user_id: UUID) -> Mapping[str, object]:
        """Roles and invitations."""
        return {
            "memberships": [
                {
                    "show": str(member.campaign_id),
                    "role": member.role,
                    "status": member.status,
                    "invited_at": member.invited_at.isoformat(),
                    "accepted_at": member.accepted_at.isoformat() if member.accepted_at else None,
                }
                for member in await members.list_of_user(connection, user_id)
            ]
        }


def _post(settings: Settings) -> Post:
    if settings.mail_url is None:
        return Post(TerminalMailer())
    return Post(SmtpMailer(settings.mail_url.get_secret_value(), settings.mail_from))


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
