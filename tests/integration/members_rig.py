"""People with accounts on platforms and roles in shows, for the tests of members and consents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx2

from server.rules.roles import Role
from sql import api_keys, members
from sql.ids import uuid7
from sql.pool import Connection, Database
from tests.integration.web_rig import Rig


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with a key, which may write more often than a desk."""

    id: UUID
    http: httpx2.AsyncClient

    async def get(self, path: str, status: int = 200) -> Any:
        return _answer(await self.http.get(f"/api/v1{path}"), status)

    async def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return _answer(await self.http.post(f"/api/v1{path}", json={} if body is None else body), status)

    async def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return _answer(await self.http.patch(f"/api/v1{path}", json=body), status)

    async def delete(self, path: str, status: int = 204) -> Any:
        return _answer(await self.http.delete(f"/api/v1{path}"), status)


def _answer(answer: httpx2.Response, status: int) -> Any:
    assert answer.status_code == status, (
        f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text}"
    )
    return answer.json() if answer.content else None


async def someone(rig: Rig, name: str, **accounts: tuple[str, str]) -> Someone:
    """A person who has signed in with these accounts: `twitch=("700", "ana")`."""
    user_id = await rig.person(name)
    async with rig.services.database.connection() as connection:
        for provider, (account_id, login) in accounts.items():
            await sign_in(connection, user_id, provider, account_id, login)
        _, key = await api_keys.create(connection, user_id, "tests")
    return Someone(user_id, rig.client(key=key))


async def sign_in(
    connection: Connection, user_id: UUID, provider: str, account_id: str, login: str, *, claims: bool = True
) -> None:
    """What the first sign-in with an account writes, and whom it tells."""
    await connection.execute(
        """INSERT INTO auth_providers (id, user_id, provider, provider_user_id, login, display_name)
           VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (provider, provider_user_id) DO NOTHING""",
        uuid7(),
        user_id,
        provider,
        account_id,
        login.lower(),
    )
    if claims:
        async with connection.transaction():
            await members.claim(connection, user_id, provider, account_id, login)


async def token(database: Database, account_id: str, *scopes: str, state: str = "valid") -> None:
    """What a platform has handed out for an account."""
    async with database.connection() as connection:
        await connection.execute(
            """INSERT INTO oauth_tokens (auth_provider_id, access_token, scopes, expires_at, state, reason)
               SELECT id, CASE WHEN $3 = 'valid' THEN '\\x00'::bytea END, $2, now() + interval '4 hours', $3,
                      CASE WHEN $3 = 'valid' THEN '' ELSE 'refused' END
                 FROM auth_providers WHERE provider_user_id = $1
               ON CONFLICT (auth_provider_id) DO UPDATE
                  SET access_token = excluded.access_token, scopes = excluded.scopes, state = excluded.state,
                      reason = excluded.reason""",
            account_id,
            list(scopes),
            state,
        )


async def give_role(database: Database, campaign_id: str, person: Someone, role: Role) -> UUID:
    """A member, as an accepted invitation makes one; without a channel."""
    async with database.connection() as connection:
        found: UUID = await connection.fetchval(
            """INSERT INTO campaign_memberships (id, campaign_id, user_id, role, status, accepted_at)
               VALUES ($1, $2, $3, $4, 'active', now())
               ON CONFLICT (campaign_id, user_id) DO UPDATE
                  SET role = $4, status = 'active', accepted_at = now()
               RETURNING id""",
            uuid7(),
            UUID(campaign_id),
            person.id,
            role,
        )
    return found


async def joined(
    owner: Someone,
    campaign: str,
    person: Someone,
    login: str,
    *,
    role: Role = "streamer",
    platform: str = "twitch",
) -> str:
    """Invited by the owner and accepted by the person; answers the id of the membership."""
    body = {"platform": platform, "login": login, "role": role}
    made = await owner.post(f"/campaigns/{campaign}/members", body, 201)
    await person.post(f"/invitations/{made['id']}/accept")
    member: str = made["id"]
    return member


async def elapse(database: Database, seconds: float) -> None:
    """So much time goes by for all consents and reminders."""
    async with database.connection() as connection:
        await connection.execute(
            """UPDATE campaign_consents
                  SET granted_at = granted_at - make_interval(secs => $1),
                      expires_at = expires_at - make_interval(secs => $1)""",
            seconds,
        )
        await connection.execute(
            "UPDATE campaign_memberships SET reminded_at = reminded_at - make_interval(secs => $1)", seconds
        )
