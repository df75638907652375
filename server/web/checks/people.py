"""Checks of the people of a show: who could not play now, why, and who can do what about it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from server.rules import readiness as rules
from server.rules.readiness import Issue
from server.web.checks.found import ButtonOut, CheckOut, passed, warned
from sql import heads, readiness
from sql.members import Member
from sql.pool import Connection
from sql.readiness import Participant

_PLATFORMS = {"twitch": "Twitch", "kick": "Kick"}


async def judged(
    connection: Connection, campaign_id: UUID
) -> tuple[datetime, list[tuple[Participant, list[rules.Issue]]]]:
    """Every streamer of a show with what stands in the way, by the database clock."""
    now = await heads.now(connection)
    found = await readiness.participants(connection, campaign_id)
    return now, [(one, rules.issues(one.facts, now)) for one in found]


async def of_people(connection: Connection, campaign_id: UUID, asking: UUID | None) -> list[CheckOut]:
    """Who is not ready. A warning and no more: a poll goes on without a streamer who does not take part.

    `asking` is the user who would press the buttons; None for a terminal, which has none.
    """
    _, found = await judged(connection, campaign_id)
    told = []
    for one, issues in found:
        name = f"Streamer {one.member.name}"
        for issue in issues:
            button = None if asking is None else button_for(one.member, issue, asking)
            told.append(warned(name, issue.words, issue.fix, button))
        if not issues and (one.member.role != "owner" or any(c.has_account for c in one.facts.channels)):
            told.append(passed(name, "Is ready."))
    return told


async def not_reached(connection: Connection, campaign_id: UUID) -> list[str]:
    """Whom a poll that is launched now would not reach, each in a sentence."""
    _, found = await judged(connection, campaign_id)
    return [
        f"{one.member.name}: {next(issue.words for issue in issues if issue.is_serious)}"
        for one, issues in found
        if any(issue.is_serious for issue in issues)
    ]


def button_for(member: Member, issue: Issue, asking: UUID) -> ButtonOut:
    """What mends it by one press, for who asks: their own account themself, anybody else's by a reminder."""
    if issue.act == "check_again":
        return ButtonOut(
            do="check_again",
            label="Look again",
            platform=issue.platform,
            account_id=issue.channel_id,
            code=issue.code,
        )
    if issue.act == "add_channel":
        return ButtonOut(do="add_channel", label="Add the channel")
    if member.user_id == asking:
        if issue.act == "link":
            platform = _PLATFORMS.get(issue.platform, issue.platform)
            return ButtonOut(do="link", label=f"Link {platform} again", platform=issue.platform)
        if issue.act == "agree":
            return ButtonOut(do="agree", label="Agree for 12 hours")
    if member.is_active:
        return ButtonOut(do="remind", label=f"Remind {member.name}", member_id=member.id)
    return ButtonOut(do="open", label="Show invitations", place="people")
