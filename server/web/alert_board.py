"""The board of alerts as programs read it: what AsyncAPI says of kind `alert`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.rules.platform_events import SupportKind
from server.web.table_boards import Instant


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AlertSeen(_Closed):
    """One alert. Of `people` > 1 the figures are sums and `names` are the first of them."""

    id: str
    type: SupportKind
    people: int
    names: list[str] = Field(description="At most 3; an empty one gave anonymously")
    quantity: int = Field(description="Gifts, bits, kicks, viewers; 1 a person for the others")
    tier: int = Field(description="1 to 3 of subscriptions; 0: none, or several")
    months: int
    amount_minor: int = Field(description="In the currency's smallest unit")
    amount: str = Field(description="The same with the currency's decimals; empty without money")
    currency: str
    message: str
    platform: str = Field(description="Empty: of several")
    test: bool
    template: str = Field(
        description="With {name}, {amount}, {months}, {tier}, {message}; "
        "empty: the page says it in the viewers' language"
    )
    lasts_ms: int = Field(description="When nobody waits")
    asked_at: Instant
    starts_at: Instant
    ends_at: Instant


class AlertBoard(_Closed):
    """Alerts on stream and those that wait, in their order. At most one is shown at any moment: the one whose
    time it is. The times of one that has begun do not change any more."""

    kind: Literal["alert"]
    phase: Literal["live"]
    alerts: list[AlertSeen]
