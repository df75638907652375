"""What is known of the streamers of a show before it begins.

Whoever deals with a platform writes what it notices here and takes it away again; `server.rules.readiness`
makes words of it. A dead token needs no row: the view `account_states` reads it off the token itself.

* `report` when something is wrong with an account, as often as it is noticed, and `clear` when it is right
  again;
* `asked` now and then: what a person says to have mended, to be looked at again and then reported or cleared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, NamedTuple
from uuid import UUID

from server.rules.readiness import AccountIssue, ChannelFacts, Facts
from sql import consents, load, members
from sql.members import Member
from sql.pool import Connection

_Q = load("readiness")

#: needs_relink and token_expired: the token is dead. scope_missing: a call was refused for lack of the scope
#: in `detail`. not_affiliate, shared_chat: Twitch. webhook_off: Kick sends nothing although we have
#: subscribed. account_inactive: access was taken back, or the account is gone.
IssueCode = Literal[
    "needs_relink",
    "token_expired",
    "scope_missing",
    "not_affiliate",
    "shared_chat",
    "webhook_off",
    "account_inactive",
]


class Asked(NamedTuple):
    """Somebody says that this has been mended."""

    platform: str
    account_id: str
    code: IssueCode


@dataclass(frozen=True, slots=True)
class Participant:
    """A member who streams, or is to, and what is known of them."""

    member: Member
    facts: Facts


async def report(
    connection: Connection, platform: str, account_id: str, code: IssueCode, detail: str = ""
) -> None:
    """Something is wrong with an account. `detail` is for people: the name of a scope; never a secret."""
    await connection.execute(_Q["report"], platform, account_id, code, detail.replace("\0", "")[:300])


async def clear(connection: Connection, platform: str, account_id: str, *codes: IssueCode) -> None:
    """These are right again."""
    await connection.execute(_Q["clear"], platform, account_id, list(codes))


async def ask(connection: Connection, platform: str, account_id: str, code: str) -> bool:
    """Have it looked at again; False when there is nothing of the kind."""
    return await connection.fetchval(_Q["ask"], platform, account_id, code) is not None


async def asked(connection: Connection, codes: Collection[IssueCode], limit: int = 100) -> list[Asked]:
    """Which of these issues are to be looked at again, longest first."""
    return [Asked(*row) for row in await connection.fetch(_Q["asked"], list(codes), limit)]


async def participants(connection: Connection, campaign_id: UUID) -> list[Participant]:
    """Who streams in a show: streamers, invited ones too, and everybody who has a channel in it.

    Spectators do not; a simulated crowd is no channel.
    """
    wrong: dict[tuple[str, str], list[AccountIssue]] = defaultdict(list)
    for row in await connection.fetch(_Q["issues"], campaign_id):
        wrong[row["platform"], row["account_id"]].append(AccountIssue(row["code"], row["detail"]))
    own: dict[UUID, list[ChannelFacts]] = defaultdict(list)
    for row in await connection.fetch(_Q["channels"], campaign_id):
        if row["membership_id"] is not None:
            own[row["membership_id"]].append(
                ChannelFacts(
                    platform=row["platform"],
                    login=row["login"],
                    channel_id=row["channel_id"],
                    has_account=row["has_account"],
                    scopes=None if row["scopes"] is None else tuple(row["scopes"]),
                    issues=wrong[row["platform"], row["channel_id"]],
                )
            )
    given = await consents.of_campaign(connection, campaign_id)
    return [
        Participant(
            member,
            Facts(
                is_active=member.is_active,
                is_owner=member.role == "owner",
                login=member.login or member.name,
                channels=own[member.id],
                until={consent.capability: consent.expires_at for consent in given.get(member.id, ())},
            ),
        )
        for member in await members.list_of_campaign(connection, campaign_id)
        if member.role == "streamer" or (own[member.id] and member.role != "read_only")
    ]
