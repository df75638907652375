"""What the API takes and tells of pages on which viewers give money."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field

from server.web.models import Clean, Model, Moment, absent
from sql.donations import DonationPage, Service

PageName = Annotated[str, Clean(64)]


def _token(text: str) -> str:
    text = text.strip()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("copy the token as Ko-fi shows it: it has no spaces")
    if not 8 <= len(text) <= 128:
        raise ValueError("a verification token of Ko-fi has 8 to 128 characters")
    return text


KofiToken = Annotated[
    str,
    AfterValidator(_token),
    Field(
        min_length=8,
        max_length=128,
        description="Of Ko-fi only: from its page Webhooks, under Advanced. It is stored as a hash",
    ),
]


class DonationConnectionIn(Model):
    service: Service
    name: PageName
    verification_token: KofiToken | None = None


class DonationConnectionPatch(Model):
    name: PageName = absent()


class DonationRotateIn(Model):
    verification_token: KofiToken | None = Field(default=None, description="Of Ko-fi: the new one")


class DonationConnectionOut(Model):
    """A donation page. What proves it is told once, when it is made, and Ko-fi's never."""

    id: UUID
    service: Service
    name: str
    status: Literal["active", "revoked"]
    webhook_url: str
    older_secrets_until: Moment | None = Field(description="Until when the secrets before these are good")
    heard_at: Moment | None = Field(description="When something genuine last came")
    created_at: Moment


class DonationConnectionWithSecrets(DonationConnectionOut):
    """Null for Ko-fi, which has a token of its own."""

    signing_secret: str | None = Field(description="For servers (Standard Webhooks): in this answer only")
    token: str | None = Field(description="For widgets and bots: in this answer only")
    plain_url: str | None = Field(
        description="For senders that take nothing but an address: with the token in it, as secret as that"
    )


def webhook_url(public_url: str, page_id: UUID) -> str:
    return f"{public_url}/webhooks/donations/{page_id}"


def _fields(page: DonationPage, public_url: str) -> dict[str, Any]:
    return {
        "id": page.id,
        "service": page.service,
        "name": page.name,
        "status": page.status,
        "webhook_url": webhook_url(public_url, page.id),
        "older_secrets_until": page.older_until,
        "heard_at": page.heard_at,
        "created_at": page.created_at,
    }


def shown(page: DonationPage, public_url: str) -> DonationConnectionOut:
    return DonationConnectionOut(**_fields(page, public_url))


def with_secrets(
    page: DonationPage, public_url: str, *, signing_secret: str | None, token: str | None
) -> DonationConnectionWithSecrets:
    plain = None if token is None else f"{webhook_url(public_url, page.id)}/{token}"
    return DonationConnectionWithSecrets(
        **_fields(page, public_url), signing_secret=signing_secret, token=token, plain_url=plain
    )
