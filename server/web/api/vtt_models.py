"""What the API takes and tells of tables that send dice."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.rules import dice
from server.rules.dice import Kind
from server.web.models import Clean, Model, Moment, absent
from sql.vtt_connections import VttConnection

#: The systems of contract §6 and two senders that are none of them. All may send our own format.
System = Literal[dice.System, "event_hooker", "neutral"]
Visibility = Literal["public", "gm_only"]
TableName = Annotated[str, Clean(64)]
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


def _origin(text: str) -> str:
    text = text.strip().rstrip("/").lower()
    if not _ORIGIN.fullmatch(text):
        raise ValueError("write an origin such as https://vtt.example or http://192.168.0.2:30000")
    return text


Origin = Annotated[str, AfterValidator(_origin), Field(json_schema_extra={"format": "uri"})]
Origins = Annotated[list[Origin], Field(max_length=20)]
_TRUSTED = "Rolls that are signed count as verified"
_VISIBILITY = "Who may see rolls of a sender that cannot say it"
_ORIGINS = "Pages that may send from a browser; none listed: any"


class VttConnectionIn(Model):
    system: System = Field(description="Where the dice come from; our own format is taken from all")
    name: TableName
    visibility: Visibility = Field(default="gm_only", description=_VISIBILITY)
    origins: Origins = Field(default=[], description=_ORIGINS)
    is_trusted: bool = Field(default=False, description=_TRUSTED)


class VttConnectionPatch(Model):
    name: TableName = absent()
    visibility: Visibility = absent(description=_VISIBILITY)
    origins: Origins = absent(description=_ORIGINS)
    is_trusted: bool = absent(description=_TRUSTED)


class RevokeIn(Model):
    reason: Annotated[str, Clean(200, least=0)] = Field(default="", description="For the desk, not sent")


class VttConnectionOut(Model):
    """A table. Its secrets are told once, when they are made."""

    id: UUID
    name: str
    system: str
    provider: str
    provider_name: str = Field(description="For people")
    auth_type: Literal["pairing", "webhook"]
    status: Literal["active", "revoked"]
    webhook_url: str
    has_secrets: bool
    older_secrets_until: Moment | None = Field(description="Until when the secrets before these are good")
    world_id: str | None
    world_name: str
    module_version: str
    game_system: str
    visibility: Visibility
    origins: list[str]
    is_trusted: bool
    heard_at: Moment | None = Field(description="When something genuine last came")
    rolls_per_minute: int
    sockets: int = Field(description="Browsers of the Foundry module that are connected")
    revoked_at: Moment | None
    revoked_reason: str
    created_at: Moment


class VttConnectionWithSecrets(VttConnectionOut):
    signing_secret: str = Field(description="For servers (Standard Webhooks): shown in this answer only")
    ingest_token: str = Field(description="For browsers: shown in this answer only")
    plain_url: str | None = Field(
        description="For senders that take nothing but an address: with the token in it, as secret as that"
    )


class PairIn(Model):
    code: Annotated[str, Field(min_length=1, max_length=32, description="As the table shows it: ABC-123")]


class OfferIn(Model):
    system: System = "neutral"
    name: TableName | None = Field(default=None, description="What the table will be called here")


class OfferOut(Model):
    code: str = Field(description="To be typed where the dice are: ABC-123")
    expires_at: Moment


class ManualRollIn(Model):
    notation: Annotated[str, Field(min_length=1, max_length=256, description="2d20kh1+7")]
    label: Annotated[str, Clean(140, least=0)] = ""
    visibility: Literal["public", "gm_only", "blind", "self"] = "public"
    character_id: UUID | None = Field(default=None, description="Whose roll it is")
    player_name: Annotated[str, Clean(64)] = Field(default="Game master", description="Who rolls")
    kind: Kind = Field(default="custom", description="What for: decides which rules ask about it")
    simulated: bool = Field(
        default=False, description="To see how it looks: marked as a test, and counted nowhere"
    )


#: Which adapter reads what a system sends in its own form.
PROVIDER_OF: Final[dict[str, str]] = {
    "foundry": "foundry_messages",
    "fantasygrounds": "neutral",
    "alchemy": "neutral",
    "manual": "neutral",
    "other": "neutral",
}
_SYSTEM_OF: Final = {"foundry_messages": "foundry", "neutral": "other"}
#: Senders that can be told an address and nothing else.
PLAIN_PROVIDERS: Final = ("discord", "event_hooker")


def webhook_url(public_url: str, connection_id: UUID) -> str:
    return f"{public_url}/webhooks/vtt/{connection_id}"


def _fields(table: VttConnection, public_url: str) -> dict[str, Any]:
    return {
        "id": table.id,
        "name": table.name,
        "system": _SYSTEM_OF.get(table.provider, table.provider),
        "provider": table.provider,
        "provider_name": table.provider_name,
        "auth_type": table.auth_type,
        "status": table.status,
        "webhook_url": webhook_url(public_url, table.id),
        "has_secrets": table.has_secrets,
        "older_secrets_until": table.older_until,
        "world_id": table.world_id,
        "world_name": table.world_name,
        "module_version": table.module_version,
        "game_system": table.game_system,
        "visibility": table.visibility,
        "origins": list(table.origins),
        "is_trusted": table.is_trusted,
        "heard_at": table.heard_at,
        "rolls_per_minute": table.rolls_per_minute,
        "sockets": table.sockets,
        "revoked_at": table.revoked_at,
        "revoked_reason": table.revoked_reason,
        "created_at": table.created_at,
    }


def shown(table: VttConnection, public_url: str) -> VttConnectionOut:
    return VttConnectionOut(**_fields(table, public_url))


def with_secrets(
    table: VttConnection, public_url: str, *, signing_secret: str, ingest_token: str
) -> VttConnectionWithSecrets:
    plain = f"{webhook_url(public_url, table.id)}/{ingest_token}"
    return VttConnectionWithSecrets(
        **_fields(table, public_url),
        signing_secret=signing_secret,
        ingest_token=ingest_token,
        plain_url=plain if table.provider in PLAIN_PROVIDERS else None,
    )
