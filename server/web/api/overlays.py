"""Overlays: named browser sources with a secret link each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from server.live.doorman import DEFAULT_LAYOUT
from server.web.endpoint import Call, endpoint
from server.web.models import Clean, Empty, Model, Moment, Page, PageQuery, absent, part
from server.web.overlay_links import derive_overlay_key, key_hash, overlay_url
from server.web.problems import conflict, not_found
from server.web.sample import TEST_TTL_MS, sample_board
from sql import admin_log, campaigns, overlays
from sql.ids import uuid7
from sql.overlays import OpenSource, Overlay
from sql.pool import Connection, UniqueViolation

Name = Annotated[str, Clean(64)]
Anchor = Literal[
    "top-left",
    "top",
    "top-right",
    "left",
    "center",
    "right",
    "bottom-left",
    "bottom",
    "bottom-right",
    "lower-third",
]


class LayoutIn(Model):
    """How the overlay looks. What is not given stays, or takes its default."""

    stage: Literal["landscape", "vertical"] = absent(description="1920×1080 or 1080×1920")
    theme: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = absent(description="Name of a theme")
    anchor: Anchor = absent(description="Where on the stage")
    scale: Annotated[float, Field(ge=0.6, le=1.6)] = absent(description="Size, 1 is designed for 1080p")
    motion: Literal["full", "reduced"] = absent(description="reduced: fades only")
    widgets: list[Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]] | None = absent(
        description="Board kinds to draw; null means all", max_length=32
    )
    lang: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$")] = absent(
        description="Language of words on stream, BCP 47"
    )


class LayoutOut(Model):
    stage: str
    theme: str
    anchor: str
    scale: float
    motion: str
    widgets: list[str] | None
    lang: str


class OverlayIn(Model):
    name: Name
    layout: LayoutIn | None = None


class OverlayPatch(Model):
    name: Name = absent()
    layout: LayoutIn = absent()


class SourceOut(Model):
    """A browser source that is open now."""

    name: str
    obs: str = Field(description="Version of OBS, empty in another browser")
    width: int | None
    height: int | None
    connected_at: Moment
    seen_at: Moment


class OverlayOut(Model):
    id: UUID
    name: str
    layout: LayoutOut
    created_at: Moment
    sources: list[SourceOut]


class OverlayWithLink(Model):
    id: UUID
    name: str
    layout: LayoutOut
    created_at: Moment
    url: str = Field(description="The link with its secret: shown in this answer only")


def _layout(stored: Any) -> LayoutOut:
    return LayoutOut.model_validate({**DEFAULT_LAYOUT, **stored})


def _merged(stored: Any, given: LayoutIn | None) -> dict[str, Any]:
    return {**stored, **({} if given is None else given.model_dump(exclude_unset=True))}


def shown_source(source: OpenSource) -> SourceOut:
    return SourceOut(
        name=source.name,
        obs=source.obs,
        width=source.width,
        height=source.height,
        connected_at=source.connected_at,
        seen_at=source.seen_at,
    )


def _shown(overlay: Overlay, sources: Sequence[OpenSource]) -> OverlayOut:
    return OverlayOut(
        id=overlay.id,
        name=overlay.name,
        layout=_layout(overlay.layout),
        created_at=overlay.created_at,
        sources=[shown_source(source) for source in sources if source.overlay_id == overlay.id],
    )


def _with_link(call: Call, overlay: Overlay, key: str) -> OverlayWithLink:
    return OverlayWithLink(
        id=overlay.id,
        name=overlay.name,
        layout=_layout(overlay.layout),
        created_at=overlay.created_at,
        url=overlay_url(call.services.origins.public_url, overlay.id, key),
    )


def _name_taken() -> Exception:
    return conflict("name_taken", "The campaign has another overlay of this name; take another one.")


async def _note(call: Call, overlay: Overlay, action: str) -> None:
    await admin_log.note(
        call.connection,
        actor=call.actor.label,
        action=f"overlay.{action}",
        campaign_id=overlay.campaign_id,
        subject=overlay.id,
        detail={"name": overlay.name},
    )


async def _held(call: Call) -> Overlay:
    found = await overlays.lock(call.connection, call.id("overlay_id", "overlay"), call.scope)
    if found is None:
        raise not_found("overlay")
    return found


@endpoint(
    "GET",
    "/campaigns/{campaign_id}/overlays",
    "List overlays",
    query=PageQuery,
    answer=Page[OverlayOut],
    needs="read",
)
async def list_overlays(call: Call) -> Page[OverlayOut]:
    """Oldest first, with the browser sources that are open now. Links are not shown again."""
    campaign_id = call.campaign_id()
    found = await overlays.list_of_campaign(call.connection, campaign_id)
    sources = await overlays.open_sources(call.connection, campaign_id)
    chosen, following = part(found, call.asked(PageQuery), lambda overlay: overlay.id)
    return Page(items=[_shown(overlay, sources) for overlay in chosen], next=following)


@endpoint(
    "POST",
    "/campaigns/{campaign_id}/overlays",
    "Create an overlay",
    body=OverlayIn,
    answer=OverlayWithLink,
    status=201,
    problems=(409,),
    needs="run",
)
async def create_overlay(call: Call, body: OverlayIn) -> OverlayWithLink:
    """The link to paste into OBS is in this answer only; lost, it can be rotated."""
    overlay_id = uuid7()
    key = derive_overlay_key(call.services.vault, overlay_id, 1)
    try:
        made = await overlays.create(
            call.connection,
            call.campaign_id(),
            overlay_id=overlay_id,
            name=body.name,
            key_hash=key_hash(key),
            key_version=1,
            layout=_merged({}, body.layout),
        )
    except UniqueViolation:
        raise _name_taken() from None
    await _note(call, made, "create")
    return _with_link(call, made, key)


@endpoint(
    "PATCH",
    "/overlays/{overlay_id}",
    "Rename or lay out an overlay",
    body=OverlayPatch,
    answer=OverlayOut,
    problems=(409,),
    needs="run",
)
async def update_overlay(call: Call, body: OverlayPatch) -> OverlayOut:
    """Fields that are not given stay as they are; open browser sources follow within two seconds."""
    held = await _held(call)
    given = body.model_fields_set
    try:
        changed = await overlays.update(
            call.connection,
            held,
            name=body.name if "name" in given else held.name,
            layout=_merged(held.layout, body.layout if "layout" in given else None),
        )
    except UniqueViolation:
        raise _name_taken() from None
    if changed is None:
        raise not_found("overlay")
    await campaigns.raise_token_version(call.connection, held.campaign_id)
    return _shown(changed, await overlays.open_sources(call.connection, held.campaign_id))


@endpoint("DELETE", "/overlays/{overlay_id}", "Delete an overlay", answer=None, status=204, needs="run")
async def delete_overlay(call: Call) -> None:
    """Its link is dead and its open browser sources go blank within two seconds."""
    held = await _held(call)
    await overlays.delete(call.connection, held)
    await campaigns.raise_token_version(call.connection, held.campaign_id)
    await _note(call, held, "delete")


@endpoint("POST", "/overlays/{overlay_id}/rotate", "Make a new link", answer=OverlayWithLink, needs="run")
async def rotate_overlay(call: Call) -> OverlayWithLink:
    """The old link is dead from now on, on every server within two seconds."""
    held = await _held(call)
    version = held.key_version + 1
    key = derive_overlay_key(call.services.vault, held.id, version)
    rotated = await overlays.rotate(call.connection, held, key_hash=key_hash(key), key_version=version)
    if rotated is None:
        raise not_found("overlay")
    await campaigns.raise_token_version(call.connection, held.campaign_id)
    await _note(call, rotated, "rotate")
    return _with_link(call, rotated, key)


@endpoint(
    "POST",
    "/overlays/{overlay_id}/test",
    "Show a test picture",
    answer=Empty,
    status=202,
    work="engine",
    needs="moderate",
)
async def test_overlay(call: Call) -> Empty:
    """This overlay alone draws a sample poll, marked as a test, for eight seconds."""
    services = call.services
    async with services.database.connection() as connection:
        found = await overlays.get(connection, call.id("overlay_id", "overlay"), call.scope)
    if found is None:
        raise not_found("overlay")

    async def keep(connection: Connection, _: UUID) -> None:
        await call.keep(connection, Empty())

    await services.rooms.announce(
        found.campaign_id,
        "overlay.test",
        {"overlay_id": str(found.id), "board": sample_board(services.clock())},
        ttl_ms=TEST_TTL_MS,
        also=keep,
    )
    return Empty()


ENDPOINTS = (list_overlays, create_overlay, update_overlay, delete_overlay, rotate_overlay, test_overlay)
