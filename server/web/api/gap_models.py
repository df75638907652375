"""What the API says of times in which a channel was not heard."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from server.rules.wiretime import to_wire
from server.web.models import Model, Moment
from sql.gaps import Gap


class GapOut(Model):
    platform: str
    login: str
    part: Literal["chat", "events"] = Field(
        description="chat: its lines are lost; events: redemptions and the stream are read afterwards"
    )
    began_at: Moment
    ended_at: Moment | None = Field(description="null: it is not heard now")
    reason: Literal["lost", "silent", "no_process", "revoked", "not_stored"]
    detail: str = Field(description="In words, where the platform gave any")
    repaired_at: Moment | None = Field(description="When what was missed had been read; null for chat")


def shown_gap(gap: Gap) -> GapOut:
    """A gap as it is answered."""
    return GapOut(
        platform=gap.platform,
        login=gap.login,
        part=gap.part,
        began_at=gap.began_at,
        ended_at=gap.ended_at,
        reason=gap.reason,
        detail=gap.detail,
        repaired_at=gap.repaired_at,
    )


def exported_gap(gap: Gap) -> dict[str, Any]:
    """A gap in the export of a poll: whose chat was not heard, from when to when."""
    return {
        "platform": gap.platform,
        "login": gap.login,
        "from": to_wire(gap.began_at),
        "to": None if gap.ended_at is None else to_wire(gap.ended_at),
        "reason": gap.reason,
    }
