"""Tokens of platform accounts: kept sealed, refreshed one at a time over all processes (reliability R19).

`Tokens.user` gives a token that should work. Whoever is refused with it says so (`refused`) and gets the next
one; of any number that are refused with the same version, in any number of processes, one refreshes. A
refresh token may be good for one use only, so the right to use it is a row: taken before the platform is
asked, and given back with its answer. After a crash in between the next one tries what is stored; if the
platform does not know it any more, the streamer links again, and nobody asks the platform a second time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Protocol, TypeAlias, TypedDict, TypeVar
from uuid import UUID, uuid4

import structlog

from integrations.identity import Grant, IdentityAway, IdentityProvider, IdentityRefused, Provider
from server.places import place
from server.telemetry import TOKEN_REFRESHES
from server.vault import CannotOpen, Vault
from sql import tokens as table
from sql.pool import UNREACHABLE, Connection, Database
from sql.tokens import Claimed, Kept, Reason

log = structlog.get_logger(__name__)

#: Longer than a provider may take to answer, so that the right is lost by a crash and nothing else.
_LEASE_S: Final = 20.0
#: How long one waits for another process to refresh: until its lease is over, and one more try.
_PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = (0.05, 0.15)
#: What ends sooner is as good as over: it could end on its way.
_MARGIN_S: Final = 30.0
#: Refused again so soon after a refresh: another one would not help, and a storm of them would harm.
REST_S: Final = 10.0
#: A platform that does not answer is asked again after so long, twice as long each time, at most so long.
_AWAY_S: Final = (1.0, 60.0)
#: The only token of its kind is not thrown away because PostgreSQL is: it is saved when that comes back.
_SAVE_WITHIN_S: Final = 600.0

T = TypeVar("T")


class NoToken(Exception):
    """There is none to be had; the message is a sentence for the desk."""


class NotLinked(NoToken):
    """Nobody has linked this account."""


class NeedsRelink(NoToken):
    """The tokens of this account are dead: only its owner can make new ones, by linking it again."""

    def __init__(self, provider: Provider, reason: Reason) -> None:
        super().__init__(relink_words(provider, reason))
        self.reason = reason


class TokensAway(NoToken):
    """The platform does not give out tokens just now; ask again after `after_s`."""

    def __init__(self, why: str, after_s: float) -> None:
        super().__init__(why)
        self.after_s = after_s


_NAMES: Final[Mapping[str, str]] = {"twitch": "Twitch", "kick": "Kick", "google": "Google"}
_RELINK: Final[Mapping[Reason, str]] = {
    "": "The link is no longer good.",
    "refused": "{name} does not accept the link any more: the password was changed, or Hubbub disconnected.",
    "lost_rotation": "{name} gave out a new token that was lost on its way here.",
    "expired": "The link has come to its end.",
    "unreadable": "The stored link cannot be read: the server's secret key was changed.",
}


def relink_words(provider: str, reason: Reason) -> str:
    """Why an account must be linked again, and what to do, for its owner."""
    name = _NAMES.get(provider, provider)
    return f"{_RELINK[reason].format(name=name)} Link {name} again."


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. Its value is in no repr, and so in no log and no traceback."""

    value: str = field(repr=False)
    scopes: tuple[str, ...]
    version: int


class AppIssuer(Protocol):
    """Who hands out the installation's own token. Raises IdentityRefused or IdentityAway; within 10 s."""

    async def app_grant(self) -> Grant: ...


#: Shows an access token to its platform: what it may do, or None when it is dead. Raises IdentityAway.
Validate: TypeAlias = Callable[[str], Awaitable[tuple[str, ...] | None]]


class _Sealed(TypedDict):
    access_token: bytes
    refresh_token: bytes | None
    scopes: tuple[str, ...]
    expires_in_s: float


class Tokens:
    """The tokens of every linked account. Every method may raise one of pool.UNREACHABLE."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        providers: Mapping[Provider, IdentityProvider],
        apps: Mapping[Provider, AppIssuer],
        *,
        rest_s: float = REST_S,
    ) -> None:
        """Providers that are not configured are missing."""
        self._rest_s = rest_s
        self._database = database
        self._vault = vault
        self._providers = providers
        self._apps = apps
        self._running: dict[tuple[str, str, int], asyncio.Task[Token]] = {}

    async def user(self, provider: Provider, account_id: str) -> Token:
        """A token of this account that should work. Raises NotLinked, NeedsRelink, TokensAway."""
        kept = await self._kept(provider, account_id)
        if kept.state == "valid" and kept.expires_in_s > _MARGIN_S:
            return await self._opened(provider, kept)
        return await self._alone(
            (provider, account_id, kept.version), lambda: self._renewed(provider, account_id, kept.version)
        )

    async def refused(self, provider: Provider, account_id: str, version: int) -> Token:
        """The platform answered 401 to this version: the next one, refreshed unless somebody else has.

        Raises NotLinked, NeedsRelink, and TokensAway, also when that version is hardly older than a moment.
        """
        return await self._alone(
            (provider, account_id, version), lambda: self._renewed(provider, account_id, version)
        )

    async def renew(self, provider: Provider, account_id: str, version: int) -> Token:
        """Refresh this version before its time. Raises as `refused`, which is the same thing."""
        return await self.refused(provider, account_id, version)

    async def app(self, provider: Provider) -> Token:
        """The installation's own token. Raises NoToken, TokensAway."""
        async with self._database.connection() as connection:
            kept = await table.find_app(connection, provider)
        version = 0 if kept is None else kept.version
        if kept is not None and kept.expires_in_s > _MARGIN_S:
            try:
                value = self._vault.open(kept.access_token, place("app_tokens", "access_token", provider))
                return Token(value.decode(), (), version)
            except CannotOpen:
                log.warning("app_token_unreadable", provider=provider)
        return await self._alone((provider, "", version), lambda: self._fresh_app(provider, version))

    async def app_refused(self, provider: Provider, version: int) -> Token:
        """The platform answered 401 to this version: a fresh one. Raises NoToken, TokensAway."""
        async with self._database.connection() as connection:
            kept = await table.find_app(connection, provider)
        if kept is not None and kept.version != version:
            return await self.app(provider)
        if kept is not None and kept.age_s < self._rest_s:
            raise TokensAway(_fresh_refused(provider), self._rest_s)
        return await self._alone((provider, "", version), lambda: self._fresh_app(provider, version))

    async def store(self, connection: Connection, auth_provider_id: UUID, grant: Grant) -> int:
        """Keep what a sign-in gave, in the caller's transaction; answers the version."""
        return await table.put(connection, auth_provider_id, **self._sealed(auth_provider_id, grant))

    async def dead(self, provider: Provider, account_id: str, version: int) -> None:
        """The platform says, unasked, that this version is revoked: it is refreshed, or linked again.

        Never raises NoToken.
        """
        try:
            await self.refused(provider, account_id, version)
        except NoToken as error:
            log.info("token_dead", provider=provider, why=type(error).__name__)

    # --- one at a time -----------------------------------------------------------------------------

    async def _alone(self, key: tuple[str, str, int], work: Callable[[], Awaitable[Token]]) -> Token:
        """Those of this process who want the same share one try; none of them ends it by going away."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.ensure_future(_as_coroutine(work))
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[str, str, int], task: asyncio.Task[Token]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever waits has it; that nobody does is no fault

    async def _kept(self, provider: Provider, account_id: str) -> Kept:
        async with self._database.connection() as connection:
            kept = await table.find(connection, provider, account_id)
        if kept is None:
            raise NotLinked(f"Nobody has linked this {_NAMES[provider]} account.")
        return kept

    async def _opened(self, provider: Provider, kept: Kept) -> Token:
        assert kept.access_token is not None  # noqa: S101  a constraint of the table
        try:
            value = self._vault.open(
                kept.access_token, place("oauth_tokens", "access_token", kept.auth_provider_id)
            )
        except CannotOpen:
            await self._give_up(kept.auth_provider_id, kept.version, None, "unreadable")
            raise NeedsRelink(provider, "unreadable") from None
        return Token(value.decode(), tuple(kept.scopes), kept.version)

    async def _renewed(self, provider: Provider, account_id: str, version: int) -> Token:
        """The tokens after `version`: somebody else's work, or ours."""
        holder = uuid4()
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_S
        while True:
            kept = await self._kept(provider, account_id)
            if kept.state == "needs_relink":
                raise NeedsRelink(provider, kept.reason)
            if kept.version != version:
                return await self._opened(provider, kept)
            if kept.age_s < self._rest_s < kept.expires_in_s:
                TOKEN_REFRESHES.labels(provider, "resting").inc()
                raise TokensAway(_fresh_refused(provider), self._rest_s)
            if not kept.can_refresh:
                await self._give_up(kept.auth_provider_id, version, None, "expired")
                continue
            if kept.wait_s > 0:
                raise TokensAway(f"{_NAMES[provider]} does not give out tokens just now.", kept.wait_s)
            if kept.rotating_s <= 0:
                async with self._database.connection() as connection:
                    claimed = await table.claim(connection, kept.auth_provider_id, version, holder, _LEASE_S)
                if claimed is not None:
                    return await self._refresh(provider, account_id, kept, holder, claimed)
            if loop.time() > until:
                raise TokensAway("Another process has been refreshing this token for too long.", _AWAY_S[1])
            await asyncio.sleep(random.uniform(*_LOOK_EVERY_S))  # noqa: S311  no secret

    async def _refresh(
        self, provider: Provider, account_id: str, kept: Kept, holder: UUID, claimed: Claimed
    ) -> Token:
        """Ask the platform, being the only one."""
        id_, version = kept.auth_provider_id, kept.version
        said = {"provider": provider, "account": account_id}
        try:
            old = self._vault.open(
                claimed.refresh_token, place("oauth_tokens", "refresh_token", id_)
            ).decode()
        except CannotOpen:
            await self._give_up(id_, version, holder, "unreadable")
            raise NeedsRelink(provider, "unreadable") from None
        issuer = self._providers.get(provider)
        if issuer is None:
            await self._postpone(id_, version, holder, _AWAY_S[1])
            raise TokensAway(f"{_NAMES[provider]} is not set up on this server.", _AWAY_S[1])
        try:
            async with asyncio.timeout(_LEASE_S / 2):
                grant = await issuer.refresh(old)
        except IdentityRefused as error:
            reason: Reason = "lost_rotation" if claimed.is_unclear else "refused"
            TOKEN_REFRESHES.labels(provider, "refused").inc()
            log.warning("token_needs_relink", **said, reason=reason, platform_says=error.reason)
            await self._give_up(id_, version, holder, reason)
            raise NeedsRelink(provider, reason) from None
        except (IdentityAway, TimeoutError) as error:
            first_s, most_s = _AWAY_S
            wait_s = min(most_s, first_s * 2.0 ** min(claimed.failures, 10)) * random.uniform(1.0, 1.25)  # noqa: S311
            TOKEN_REFRESHES.labels(provider, "away").inc()
            log.info("token_refresh_postponed", **said, error=type(error).__name__, wait_s=round(wait_s, 1))
            await self._postpone(id_, version, holder, wait_s)
            raise TokensAway(f"{_NAMES[provider]} does not answer.", wait_s) from None
        if not grant.refresh_token:  # the old one stays good
            grant = Grant(grant.access_token, old, grant.scopes or tuple(kept.scopes), grant.expires_in)
        saved = await self._insist(
            lambda connection: table.save(connection, id_, version, **self._sealed(id_, grant))
        )
        TOKEN_REFRESHES.labels(provider, "done").inc()
        log.info("token_refreshed", **said, saved=saved)
        if not saved:  # it was linked again meanwhile, or unlinked
            return await self.user(provider, account_id)
        return Token(grant.access_token, grant.scopes, version + 1)

    async def _give_up(self, id_: UUID, version: int, holder: UUID | None, reason: Reason) -> None:
        await self._insist(lambda connection: table.give_up(connection, id_, version, holder, reason))

    async def _postpone(self, id_: UUID, version: int, holder: UUID, seconds: float) -> None:
        async with self._database.connection() as connection:
            await table.postpone(connection, id_, version, holder, seconds)

    async def _insist(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do it, though PostgreSQL be away for a while."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _SAVE_WITHIN_S
        while True:
            try:
                async with self._database.connection() as connection:
                    return await work(connection)
            except UNREACHABLE as error:
                if loop.time() > until:
                    raise
                log.warning("token_not_saved_yet", error=type(error).__name__)
                await asyncio.sleep(0.5)

    def _sealed(self, id_: UUID, grant: Grant) -> _Sealed:
        return _Sealed(
            access_token=self._vault.seal(
                grant.access_token.encode(), place("oauth_tokens", "access_token", id_)
            ),
            refresh_token=self._vault.seal(
                grant.refresh_token.encode(), place("oauth_tokens", "refresh_token", id_)
            )
            if grant.refresh_token
            else None,
            scopes=grant.scopes,
            expires_in_s=max(0.0, grant.expires_in / timedelta(seconds=1)),
        )

    async def _fresh_app(self, provider: Provider, version: int) -> Token:
        issuer = self._apps.get(provider)
        if issuer is None:
            raise NoToken(f"{_NAMES[provider]} is not set up on this server, or without its secret.")
        try:
            async with asyncio.timeout(_LEASE_S / 2):
                grant = await issuer.app_grant()
        except IdentityRefused as error:
            TOKEN_REFRESHES.labels(provider, "refused").inc()
            log.warning("app_token_refused", provider=provider, platform_says=error.reason)
            raise NoToken(
                f"{_NAMES[provider]} does not accept this server's client id and secret: correct them."
            ) from None
        except (IdentityAway, TimeoutError):
            TOKEN_REFRESHES.labels(provider, "away").inc()
            raise TokensAway(f"{_NAMES[provider]} does not answer.", _AWAY_S[0] * 5) from None
        sealed = self._vault.seal(grant.access_token.encode(), place("app_tokens", "access_token", provider))
        async with self._database.connection() as connection:
            expires_in_s = grant.expires_in / timedelta(seconds=1)
            await table.put_app(connection, provider, sealed, expires_in_s, version)
            kept = await table.find_app(connection, provider)
        TOKEN_REFRESHES.labels(provider, "done").inc()
        # Another process was as quick: both are good.
        return Token(grant.access_token, (), version + 1 if kept is None else kept.version)


def _fresh_refused(provider: str) -> str:
    return f"{_NAMES[provider]} refuses the token that it has just given out."


async def _as_coroutine(work: Callable[[], Awaitable[Token]]) -> Token:
    return await work()
