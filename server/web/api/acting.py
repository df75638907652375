"""The rest of an act, inside the engine's transaction: it is logged and answered, or did not happen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from server.web.endpoint import Call
from sql import admin_log
from sql.pool import Connection

A = TypeVar("A", bound=BaseModel)


class Acting(Generic[A]):
    """What an act of the engine calls last (`turn.Also`); `answer` is there afterwards."""

    answer: A

    def __init__(
        self,
        call: Call,
        action: str,
        answering: Callable[[Connection, UUID], Awaitable[A]],
        *,
        campaign_id: UUID,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """`answering` reads the answer by the id of what was acted on."""
        self._call = call
        self._action = action
        self._answering = answering
        self._campaign_id = campaign_id
        self._detail = detail

    async def __call__(self, connection: Connection, subject: UUID) -> None:
        await admin_log.note(
            connection,
            actor=self._call.actor.label,
            action=self._action,
            campaign_id=self._campaign_id,
            subject=subject,
            detail=self._detail,
        )
        self.answer = await self._answering(connection, subject)
        await self._call.keep(connection, self.answer)
