"""What a platform sends us by HTTP, once its signature has been checked."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class NotGenuine(Exception):
    """The delivery is not believed: it has no effect, and leaves no trace. The message says why, no secret.

    `is_stale`: the signature is right, but it was made too long ago or in the future (reliability T18).
    """

    def __init__(self, why: str, *, is_stale: bool = False) -> None:
        super().__init__(why)
        self.is_stale = is_stale


class Delivery(NamedTuple):
    """Genuine and fresh: its platform signed these very bytes, lately."""

    message_id: str  # the platform's, the same when it sends again
    kind: str  # what the delivery is for, as its header says
    type: str  # of the event, as its header says; not every platform signs that header
    version: str
    sent_at: datetime  # the platform's clock
