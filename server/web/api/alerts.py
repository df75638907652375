"""Alerts: which kindnesses of viewers go on stream, in which words, and trying them out."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, get_args
from uuid import UUID

from pydantic import AfterValidator, Field

from server.engine import alert_acts
from server.rules import alerts
from server.rules.alerts import AlertRule
from server.rules.platform_events import SupportKind
from server.rules.support import KINDS
from server.web.api.acting import Acting
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Empty, Model, absent
from server.web.problems import not_found
from sql import alert_rules
from sql.pool import Connection

_MS = timedelta(milliseconds=1)
Template = Annotated[
    str,
    Clean(alerts.LONGEST_TEMPLATE, least=0),
    AfterValidator(alerts.check_template),
    Field(
        description="Words of your own, with {name}, {amount}, {months}, {tier}, {message}; "
        "empty: the overlay's, in the viewers' language"
    ),
]


class AlertRuleOut(Model):
    kind: SupportKind
    is_shown: bool
    minimum: int = Field(description="Less is in the feed and not on stream")
    measure: str = Field(description="What the minimum counts; empty: nothing to be counted")
    template: str
    lasts_ms: int


class AlertRulesOut(Model):
    items: list[AlertRuleOut]


class AlertRulePatch(Model):
    is_shown: bool = absent()
    minimum: Annotated[int, Field(ge=0, le=alerts.HIGHEST_MINIMUM)] = absent()
    template: Template = absent()
    lasts_ms: Annotated[int, Field(ge=alerts.SHORTEST // _MS, le=alerts.LONGEST // _MS)] = absent(
        description="Under load alerts are shorter"
    )


class AlertTestIn(Model):
    kind: SupportKind
    name: Annotated[str, Clean(64, least=0)] = Field(default="Rook Feather", description="Empty: anonymous")


class DismissIn(Model):
    alert_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="As on the board; without it all alerts"
    )


def shown(kind: SupportKind, rule: AlertRule) -> AlertRuleOut:
    return AlertRuleOut(
        kind=kind,
        is_shown=rule.is_shown,
        minimum=rule.minimum,
        measure=alerts.MEASURES[kind],
        template=rule.template,
        lasts_ms=rule.lasts // _MS,
    )


async def _all(connection: Connection, campaign_id: UUID) -> AlertRulesOut:
    rules = await alert_rules.of_campaign(connection, campaign_id)
    return AlertRulesOut(items=[shown(kind, rules[kind]) for kind in KINDS])


def _kind(call: Call) -> SupportKind:
    text: str = call.request.path_params["kind"]
    for kind in get_args(SupportKind):
        if kind == text:
            found: SupportKind = kind
            return found
    raise not_found("kind of alert")


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/alert-rules",
    "Read the alerts' rules",
    answer=AlertRulesOut,
    needs="read",
)
async def list_alert_rules(call: Call) -> AlertRulesOut:
    """One for each kind; those that nobody touched are the defaults."""
    return await _all(call.connection, call.campaign_id())


@endpoint(
    "PATCH",
    "/campaigns/{campaign_id}/alert-rules/{kind}",
    "Change the rule of a kind of alert",
    body=AlertRulePatch,
    answer=AlertRuleOut,
    needs="run",
    work="engine",
)
async def update_alert_rule(call: Call, body: AlertRulePatch) -> AlertRuleOut:
    """Fields that are not given stay as they are. Holds for what comes from now on."""
    campaign_id, kind = call.campaign_id(), _kind(call)
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)

    async def answer(connection: Connection, _: UUID) -> AlertRuleOut:
        return shown(kind, (await alert_rules.of_campaign(connection, campaign_id))[kind])

    detail = {"kind": kind, **changes}
    if "lasts_ms" in changes:
        changes["lasts"] = changes.pop("lasts_ms") * _MS
    acted = Acting(call, "alert_rule.update", answer, campaign_id=campaign_id, detail=detail)
    await alert_acts.change_rule(call.services.rooms, campaign_id, kind, changes, also=acted)
    return acted.answer


async def _nothing(connection: Connection, subject: UUID) -> Empty:
    return Empty()


async def _try_out(call: Call, kind: SupportKind | None, name: str) -> Empty:
    campaign_id = call.campaign_id()
    acted = Acting(call, "alert.test", _nothing, campaign_id=campaign_id, detail={"kind": kind or "burst"})
    await alert_acts.try_out(call.services.rooms, campaign_id, kind, name, also=acted)
    return acted.answer


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/alerts/test",
    "Try an alert out",
    body=AlertTestIn,
    answer=Empty,
    status=202,
    needs="moderate",
    work="engine",
)
async def test_alert(call: Call, body: AlertTestIn) -> Empty:
    """A made-up kindness goes the whole way onto the stream and into the feed, marked as a test, and is
    counted nowhere. The rules of its kind hold for it: what is switched off is not shown."""
    return await _try_out(call, body.kind, body.name)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/alerts/rehearse",
    "Rehearse a lively minute of alerts",
    answer=Empty,
    status=202,
    needs="moderate",
    work="engine",
)
async def rehearse_alerts(call: Call) -> Empty:
    """Fourteen made-up kindnesses at once, a raid among them: as tests, to see how alerts follow each other
    and become one under load."""
    return await _try_out(call, None, "")


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/alerts/dismiss",
    "Take alerts off the stream",
    body=DismissIn,
    answer=Empty,
    needs="moderate",
    work="engine",
)
async def dismiss_alerts(call: Call, body: DismissIn) -> Empty:
    """One, or all that are shown or wait. They stay in the feed. Once more does nothing."""
    campaign_id = call.campaign_id()
    detail = {"alert": body.alert_id or "all"}
    acted = Acting(call, "alert.dismiss", _nothing, campaign_id=campaign_id, detail=detail)
    await alert_acts.take_off(call.services.rooms, campaign_id, body.alert_id, also=acted)
    return acted.answer


ENDPOINTS = (list_alert_rules, update_alert_rule, test_alert, rehearse_alerts, dismiss_alerts)
