"""The feed of viewers' kindnesses: who, what, when, and what they come to."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from pydantic import Field

from server.rules.money import plain
from server.rules.platform_events import SupportKind
from server.web.endpoint import Call, endpoint
from server.web.models import Model, Moment, Page, PageQuery
from sql import support
from sql.support import Entry, Total

#: Of what counts as the stream when no channel is known to be live.
_WITHOUT_STREAM = timedelta(hours=12)


class GiverOut(Model):
    id: str | None = Field(description="The platform's; null: it told a name only, as donation pages do")
    login: str
    name: str


class MoneyOut(Model):
    amount_minor: int = Field(description="In the currency's smallest unit")
    amount: str = Field(description="The same with the currency's decimals")
    currency: str = Field(description="ISO 4217")


class KindnessOut(Model):
    id: UUID
    kind: SupportKind
    platform: str = Field(description="Or the service of a donation page")
    place: str = Field(description="The channel's name, or the donation page's; empty: it is gone, or a test")
    user: GiverOut | None = Field(description="Null: anonymous")
    quantity: int = Field(description="Gifts, bits, kicks, viewers; else 1")
    tier: int
    months: int
    money: MoneyOut | None
    message: str
    is_test: bool
    tellings: int = Field(description="Of how many events it was made")
    sent_at: Moment = Field(description="By the platform's clock")
    received_at: Moment
    lag_ms: int = Field(description="How old it was when it arrived")


class KindTotalOut(Model):
    kind: SupportKind
    count: int
    quantity: int


class SupportTotalsOut(Model):
    """Tests are not in it."""

    since: Moment
    is_live: bool = Field(description="Since a channel went live; otherwise of the last 12 hours")
    kinds: list[KindTotalOut]
    money: list[MoneyOut] = Field(description="Donations, one sum for each currency")


def money(amount_minor: int, currency: str) -> MoneyOut | None:
    if not currency:
        return None
    return MoneyOut(amount_minor=amount_minor, amount=plain(amount_minor, currency), currency=currency)


def shown(entry: Entry) -> KindnessOut:
    user = None
    if not entry.is_anonymous:
        user = GiverOut(id=entry.platform_user_id, login=entry.login, name=entry.name)
    return KindnessOut(
        id=entry.id,
        kind=entry.kind,
        platform=entry.platform,
        place=entry.place,
        user=user,
        quantity=entry.quantity,
        tier=entry.tier,
        months=entry.months,
        money=money(entry.amount_minor, entry.currency),
        message=entry.message,
        is_test=entry.is_test,
        tellings=entry.tellings,
        sent_at=entry.sent_at,
        received_at=entry.received_at,
        lag_ms=max(0, (entry.received_at - entry.sent_at) // timedelta(milliseconds=1)),
    )


def _totals(found: list[Total]) -> tuple[list[KindTotalOut], list[MoneyOut]]:
    kinds: dict[SupportKind, tuple[int, int]] = {}
    for total in found:
        count, quantity = kinds.get(total.kind, (0, 0))
        kinds[total.kind] = (count + total.deeds, quantity + total.quantity)
    sums = [given for total in found if (given := money(total.amount_minor, total.currency))]
    return [KindTotalOut(kind=kind, count=n, quantity=sum_) for kind, (n, sum_) in kinds.items()], sums


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/support",
    "List viewers' kindnesses",
    query=PageQuery,
    answer=Page[KindnessOut],
    needs="moderate",
)
async def list_support(call: Call) -> Page[KindnessOut]:
    """Newest first, each deed once, whoever told of it and how often; tests are marked."""
    query = call.asked(PageQuery)
    found = await support.page(call.connection, call.campaign_id(), before=query.cursor, most=query.limit + 1)
    chosen = found[: query.limit]
    following = chosen[-1].id if len(found) > query.limit else None
    return Page(items=[shown(entry) for entry in chosen], next=following)


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/support/totals",
    "Add up the stream's kindnesses",
    answer=SupportTotalsOut,
    needs="read",
)
async def read_support_totals(call: Call) -> SupportTotalsOut:
    """Since the first of the channels that are live went live; of the last 12 hours when none is."""
    campaign_id = call.campaign_id()
    live_since = await support.stream_since(call.connection, campaign_id)
    since = live_since or call.services.clock() - _WITHOUT_STREAM
    kinds, sums = _totals(await support.totals(call.connection, campaign_id, since))
    return SupportTotalsOut(since=since, is_live=live_since is not None, kinds=kinds, money=sums)


ENDPOINTS = (list_support, read_support_totals)
