"""Starting points for polls: built-in ones, and those that were saved."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import Field

from server.web.api.poll_models import Duration, Options, PollSettings, Question
from server.web.builtin_templates import BUILTIN, Builtin
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Model, Moment, Page, PageQuery
from server.web.problems import conflict, not_found
from sql import poll_templates
from sql.poll_templates import Template
from sql.pool import UniqueViolation

Label = Annotated[str, Clean(60)]


class TemplateIn(Model):
    label: Label
    question: Question
    options: Options
    duration_s: Duration
    settings: PollSettings | None = Field(
        default=None, description="Fields of a poll that differ from their defaults"
    )


class TemplateOut(Model):
    id: UUID | None
    builtin: bool
    label: str
    question: str
    options: list[str]
    duration_s: int
    settings: dict[str, bool | int | str | None]
    created_at: Moment | None


def _shown(template: Template) -> TemplateOut:
    return TemplateOut(
        id=template.id,
        builtin=False,
        label=template.label,
        question=template.question,
        options=list(template.options),
        duration_s=template.duration_s,
        settings=dict(template.settings),
        created_at=template.created_at,
    )


def _shown_builtin(template: Builtin) -> TemplateOut:
    return TemplateOut(
        id=None,
        builtin=True,
        label=template.label,
        question=template.question,
        options=list(template.options),
        duration_s=template.duration_s,
        settings=dict(template.settings),
        created_at=None,
    )


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/poll-templates",
    "List templates",
    query=PageQuery,
    answer=Page[TemplateOut],
    needs="moderate",
)
async def list_templates(call: Call) -> Page[TemplateOut]:
    """Saved ones by label, then the built-in ones. All in one part: `cursor` and `limit` are ignored."""
    saved = await poll_templates.list_of_campaign(call.connection, call.campaign_id())
    return Page(items=[*map(_shown, saved), *map(_shown_builtin, BUILTIN)])


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/poll-templates",
    "Save a template",
    body=TemplateIn,
    answer=TemplateOut,
    status=201,
    problems=(409,),
    needs="moderate",
)
async def save_template(call: Call, body: TemplateIn) -> TemplateOut:
    """A label is given once in a campaign."""
    try:
        saved = await poll_templates.create(
            call.connection,
            call.campaign_id(),
            label=body.label,
            question=body.question,
            options=body.options,
            duration_s=body.duration_s,
            settings={} if body.settings is None else body.settings.model_dump(exclude_unset=True),
        )
    except UniqueViolation:
        raise conflict("label_taken", "There is a template with this label; take another one.") from None
    return _shown(saved)


@endpoint(
    "DELETE", "/poll-templates/{template_id}", "Delete a template", answer=None, status=204, needs="moderate"
)
async def delete_template(call: Call) -> None:
    """Polls that were made from it stay."""
    if await poll_templates.delete(call.connection, call.id("template_id", "template"), call.scope) is None:
        raise not_found("template")


ENDPOINTS = (list_templates, save_template, delete_template)
