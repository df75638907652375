"""Item category rules: what characters carry, and which of it viewers may touch."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from server.engine import item_setup, table_setup
from server.rules.item_categories import ItemCategoryRule
from server.web.api.acting import Acting
from server.web.api.criticality_models import PresetsIn
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Empty, Model, Page, absent
from server.web.problems import invalid, not_found
from sql import characters, item_category_rules
from sql.ids import uuid7
from sql.pool import Connection

_BASE = "/campaigns/{campaign_id}/item-category-rules"
_ONE = "/item-category-rules/{item_category_rule_id}"

Category = Literal["spell", "feature", "inventory"]
Subcategory = Annotated[str, Clean(100)]
ItemType = Annotated[str, Clean(50)]
Match = Annotated[str, Clean(200, least=0)]
Label = Annotated[str, Clean(255)]
Description = Annotated[str, Clean(1000, least=0)]
Icon = Annotated[str, Clean(64, least=0)]
Color = Annotated[str, Field(pattern=r"^(#[0-9A-Fa-f]{6})?$")]
Weight = Annotated[int, Field(ge=0, le=100, description="How often it is drawn beside others; 0: never")]
Priority = Annotated[int, Field(ge=0, le=1000, description="Higher ones are asked first")]


class ItemCategoryRuleIn(Model):
    category: Category
    subcategory: Subcategory
    item_type: ItemType
    match_field: Match | None = Field(default=None, description="Dots lead inside; null: every such item")
    match_value: Match | None = None
    label: Label
    description: Description = ""
    icon: Icon = ""
    color: Color = ""
    is_targetable: bool = Field(default=True, description="Whether viewers may touch such items")
    weight: Weight = 1
    priority: Priority = 0
    is_enabled: bool = True


class ItemCategoryRulePatch(Model):
    category: Category = absent()
    subcategory: Subcategory = absent()
    item_type: ItemType = absent()
    match_field: Match | None = absent()
    match_value: Match | None = absent()
    label: Label = absent()
    description: Description = absent()
    icon: Icon = absent()
    color: Color = absent()
    is_targetable: bool = absent()
    weight: Weight = absent()
    priority: Priority = absent()
    is_enabled: bool = absent()


class ItemCategoryRuleOut(Model):
    id: UUID
    preset_key: str | None = Field(description="Of a rule that the game system brought along")
    edited: bool
    category: Category
    subcategory: str
    item_type: str
    match_field: str | None
    match_value: str | None
    label: str
    description: str
    icon: str
    color: str
    is_targetable: bool
    weight: int
    priority: int
    is_enabled: bool


class ItemPresetsOut(Model):
    game_system: str
    rules: list[ItemCategoryRuleOut]


class ItemTypeOut(Model):
    item_type: str
    count: int
    fields: dict[str, dict[str, int]] = Field(description="By field, how often each value was found")


def shown(rule: ItemCategoryRule) -> ItemCategoryRuleOut:
    values = asdict(rule)
    return ItemCategoryRuleOut(id=UUID(values.pop("rule_id")), **values)


async def _rule(call: Call) -> tuple[UUID, ItemCategoryRule]:
    """The campaign and the rule."""
    async with call.services.database.connection() as connection:
        found = await item_category_rules.get(
            connection, call.id("item_category_rule_id", "rule"), call.scope
        )
    if found is None:
        raise not_found("rule")
    return found


def _acted(
    call: Call, action: str, campaign_id: UUID, detail: dict[str, Any] | None = None
) -> Acting[ItemCategoryRuleOut]:
    async def answer(connection: Connection, rule_id: UUID) -> ItemCategoryRuleOut:
        found = await item_category_rules.get(connection, rule_id, call.scope)
        if found is None:
            raise not_found("rule")
        return shown(found[1])

    return Acting(call, f"item_category_rule.{action}", answer, campaign_id=campaign_id, detail=detail)


@endpoint("GET", _BASE, "List item category rules", answer=Page[ItemCategoryRuleOut], needs="run")
async def list_item_category_rules(call: Call) -> Page[ItemCategoryRuleOut]:
    """In the order in which they are asked. All in one part."""
    rules = await item_category_rules.list_of_campaign(call.connection, call.campaign_id())
    return Page(items=[shown(rule) for rule in rules])


@endpoint(
    "POST",
    _BASE,
    "Write an item category rule",
    body=ItemCategoryRuleIn,
    answer=ItemCategoryRuleOut,
    status=201,
    work="engine",
    problems=(409,),
    needs="run",
)
async def create_item_category_rule(call: Call, body: ItemCategoryRuleIn) -> ItemCategoryRuleOut:
    """The items of all characters are counted anew."""
    campaign_id = call.campaign_id()
    rule = ItemCategoryRule(rule_id=str(uuid7()), **body.model_dump())
    acted = _acted(call, "create", campaign_id)
    await item_setup.add(call.services.rooms, campaign_id, rule, also=acted)
    return acted.answer


@endpoint(
    "PATCH",
    _ONE,
    "Change an item category rule",
    body=ItemCategoryRulePatch,
    answer=ItemCategoryRuleOut,
    work="engine",
    needs="run",
)
async def update_item_category_rule(call: Call, body: ItemCategoryRulePatch) -> ItemCategoryRuleOut:
    """A preset in which more than the switch was changed stays so. The items are counted anew."""
    campaign_id, rule = await _rule(call)
    changes = body.model_dump(exclude_unset=True)
    try:
        replace(rule, **changes)
    except ValueError as error:
        raise invalid("", str(error)) from None
    acted = _acted(call, "update", campaign_id, {"fields": sorted(changes)})
    await item_setup.change(call.services.rooms, campaign_id, UUID(rule.rule_id), changes, also=acted)
    return acted.answer


@endpoint(
    "DELETE",
    _ONE,
    "Delete an item category rule",
    answer=None,
    status=204,
    work="engine",
    problems=(409,),
    needs="run",
)
async def delete_item_category_rule(call: Call) -> None:
    """An own rule. A preset can only be switched off, because it would come back."""
    campaign_id, rule = await _rule(call)

    async def answer(connection: Connection, rule_id: UUID) -> Empty:
        return Empty()

    acted = Acting(call, "item_category_rule.delete", answer, campaign_id=campaign_id)
    await item_setup.delete(call.services.rooms, campaign_id, UUID(rule.rule_id), also=acted)


@endpoint(
    "POST",
    _BASE + "/presets",
    "Apply a game system's item categories",
    body=PresetsIn,
    answer=ItemPresetsOut,
    work="engine",
    needs="run",
)
async def apply_item_category_presets(call: Call, body: PresetsIn) -> ItemPresetsOut:
    """Sets the campaign's game system. Own rules and edited presets stay as they are, once or again."""
    campaign_id = call.campaign_id()

    async def answer(connection: Connection, _: UUID) -> ItemPresetsOut:
        rules = await item_category_rules.list_of_campaign(connection, campaign_id)
        return ItemPresetsOut(game_system=body.game_system, rules=[shown(rule) for rule in rules])

    acted = Acting(
        call,
        "item_category_rule.presets",
        answer,
        campaign_id=campaign_id,
        detail={"game_system": body.game_system},
    )
    await table_setup.play(call.services.rooms, campaign_id, body.game_system, also=acted)
    return acted.answer


@endpoint("GET", _BASE + "/types", "List item types found", answer=Page[ItemTypeOut], needs="run")
async def list_item_types(call: Call) -> Page[ItemTypeOut]:
    """What the synced characters carry, with the fields a rule could look at. All in one part."""
    found = await characters.items_found(call.connection, call.campaign_id())
    return Page(
        items=[
            ItemTypeOut(
                item_type=name,
                count=one.count,
                fields={field: dict(counts) for field, counts in one.fields.items()},
            )
            for name, one in sorted(found.items())
        ]
    )


ENDPOINTS = (
    list_item_category_rules,
    create_item_category_rule,
    update_item_category_rule,
    delete_item_category_rule,
    apply_item_category_presets,
    list_item_types,
)
