"""The link that lets the owner in: printed by the terminal, good once, for 24 hours (contract §1, T42)."""

from __future__ import annotations

from uuid import UUID

from server.web.auth import new_secret
from sql import admin_log, verifications
from sql.pool import Database


async def login_link(database: Database, user_id: UUID, public_url: str) -> str:
    """A fresh link for this person. The code is in the fragment: no log and no proxy ever sees it."""
    code = new_secret()
    async with database.transaction() as connection:
        await verifications.issue_login(connection, user_id, code)
        await admin_log.note(connection, actor="terminal", action="login.link", subject=user_id)
    return f"{public_url}/login#code={code}"
