"""An endpoint is declared once: the declaration routes, validates, limits and documents it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, overload
from uuid import UUID

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request

from server.rules.roles import Permission, Role, may
from server.web import body as bodies
from server.web.auth import Actor
from server.web.models import NoQuery
from server.web.problems import not_allowed, not_found
from server.web.services import Services
from sql.pool import Connection

Method = Literal["GET", "POST", "PATCH", "DELETE"]
#: read: a connection. write: a transaction that also stores the answer for the Idempotency-Key.
#: engine: none, because the engine takes its own and two at once could exhaust the pool; in that one the
#: handler calls `Call.keep`, unless the same once more does no harm.
Work = Literal["read", "write", "engine"]
LimitKind = Literal["writes", "events", "tickets", "logins", "none"]
#: What somebody needs in the show that is asked for (`server.rules.roles`). account: a login, whatever they
#: are in which show. nothing: not even that.
Needs = Permission | Literal["account", "nothing"]

Q = TypeVar("Q", bound=BaseModel)
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer that is no JSON model: a file to keep."""

    text: str
    media_type: str
    filename: str


Answer = BaseModel | Raw | None
#: Stores the answer for the Idempotency-Key. Raises Problem when a repeat has taken the key over.
Keep = Callable[[Connection, Answer], Awaitable[None]]


@dataclass(slots=True)
class Call:
    """One request, authenticated and validated."""

    services: Services
    request: Request
    actor: Actor
    #: What the actor is, in every show that is any business of theirs.
    roles: Mapping[UUID, Role]
    needs: Permission
    query: BaseModel
    #: Set-Cookie headers of the answer.
    cookies: list[str] = field(default_factory=list)
    held: Connection | None = None
    #: None without an Idempotency-Key.
    keeper: Keep | None = None
    #: What a `write` does once its transaction is committed; the answer waits for it.
    afterwards: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def keep(self, connection: Connection, answer: Answer) -> None:
        """Store the answer in the transaction of the effect, so that both are there or none."""
        if self.keeper is not None:
            await self.keeper(connection, answer)

    @property
    def scope(self) -> tuple[UUID, ...]:
        """The shows in which the actor has what the endpoint needs: the WHERE of everything that it reads or
        writes."""
        return tuple(campaign_id for campaign_id, role in self.roles.items() if may(role, self.needs))

    def may(self, campaign_id: UUID, permission: Permission) -> bool:
        """Whether the actor has more than what the endpoint needs."""
        return may(self.roles.get(campaign_id), permission)

    def check(self, campaign_id: UUID, what: str = "campaign") -> UUID:
        """The same id. Raises Problem: 404 where the actor is nobody, 403 where they may look and not do
        this."""
        role = self.roles.get(campaign_id)
        if role is None:
            raise not_found(what)
        if not may(role, self.needs):
            raise not_allowed(role, self.needs)
        return campaign_id

    def demand(self, campaign_id: UUID, permission: Permission) -> None:
        """Refuse what takes more than the endpoint itself needs. Raises Problem 403."""
        role = self.roles[campaign_id]
        if not may(role, permission):
            raise not_allowed(role, permission)

    @property
    def connection(self) -> Connection:
        """The connection of a `read` or the transaction of a `write`."""
        if self.held is None:
            raise RuntimeError("an engine endpoint opens its own connections")
        return self.held

    def asked(self, model: type[Q]) -> Q:
        """The query parameters, as the declared model."""
        if not isinstance(self.query, model):
            raise TypeError(f"the endpoint does not declare {model.__name__}")
        return self.query

    def id(self, name: str, what: str) -> UUID:
        """An id of the path. What is no UUID is not found, as any unknown id."""
        try:
            text: str = self.request.path_params[name]
            found = UUID(text)
        except ValueError:
            raise not_found(what) from None
        if str(found) != text.lower():
            raise not_found(what)
        return found

    def campaign_id(self) -> UUID:
        """The campaign of the path, if the actor has there what the endpoint needs. Raises as `check`."""
        return self.check(self.id("campaign_id", "campaign"))


Handler = Callable[[Call], Awaitable[Answer]]
BodyHandler = Callable[[Call, B], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What the router, the pipeline and the OpenAPI document need to know."""

    name: str
    method: Method
    path: str
    summary: str
    description: str
    tag: str
    handler: Callable[..., Awaitable[Answer]]
    body: TypeAdapter[Any] | None
    #: The body as the documents show it, where that says more than what is validated at once.
    described: TypeAdapter[Any] | None
    query: type[BaseModel]
    answer: type[BaseModel] | None
    status: int
    work: Work
    problems: tuple[int, ...]
    #: None: not said; then it is `run`, which lets in only whoever may do everything but give roles.
    declared: Needs | None
    limit: LimitKind
    most_bytes: int
    #: The body is plain JSON to its model, too: what was parsed is validated, not the text once more.
    plain: bool
    files: tuple[str, ...]
    #: An empty body stands for `{}`: there is no model, or all its fields are optional.
    may_be_empty: bool

    @property
    def needs(self) -> Needs:
        """What somebody needs who asks."""
        return self.declared or "run"

    @property
    def is_open(self) -> bool:
        """Needs no login."""
        return self.needs == "nothing"

    @property
    def permission(self) -> Permission:
        """What is needed in a show that the request names; a login alone may look at its own shows."""
        match self.needs:
            case "account" | "nothing":
                return "read"
            case needs:
                return needs

    @property
    def path_parameters(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\{([a-z_]+)\}", self.path))


@overload
def endpoint(
    method: Method,
    path: str,
    summary: str,
    *,
    body: type[B],
    described_by: Any = ...,
    answer: type[BaseModel] | None,
    query: type[BaseModel] = ...,
    status: int = ...,
    work: Work | None = ...,
    problems: tuple[int, ...] = ...,
    needs: Needs | None = ...,
    limit: LimitKind | None = ...,
    most_bytes: int = ...,
    plain: bool = ...,
    files: tuple[str, ...] = ...,
) -> Callable[[BodyHandler[B]], Endpoint]: ...


@overload
def endpoint(
    method: Method,
    path: str,
    summary: str,
    *,
    body: None = None,
    answer: type[BaseModel] | None,
    query: type[BaseModel] = ...,
    status: int = ...,
    work: Work | None = ...,
    problems: tuple[int, ...] = ...,
    needs: Needs | None = ...,
    limit: LimitKind | None = ...,
    most_bytes: int = ...,
    files: tuple[str, ...] = ...,
) -> Callable[[Handler], Endpoint]: ...


def endpoint(
    method: Method,
    path: str,
    summary: str,
    *,
    body: type[Any] | None = None,
    described_by: Any = None,
    answer: type[BaseModel] | None,
    query: type[BaseModel] = NoQuery,
    status: int = 200,
    work: Work | None = None,
    problems: tuple[int, ...] = (),
    needs: Needs | None = None,
    limit: LimitKind | None = None,
    most_bytes: int = bodies.ORDINARY,
    plain: bool = False,
    files: tuple[str, ...] = (),
) -> Callable[[Callable[..., Awaitable[Answer]]], Endpoint]:
    """Declare the decorated handler as an endpoint below `/api/v1`; its docstring is the description.

    problems: statuses beyond those that follow from the declaration. needs: what the actor has to be.
    limit: by default `writes` for anything but GET. plain: the body's type has only JSON's own types, so
    that a large one need not be parsed twice. files: media types of Raw answers.
    """

    def declare(handler: Callable[..., Awaitable[Answer]]) -> Endpoint:
        adapter = None if body is None else TypeAdapter(body)
        schema = {} if adapter is None else adapter.json_schema()
        return Endpoint(
            name=handler.__name__,
            method=method,
            path="/api/v1" + path,
            summary=summary,
            description=" ".join((handler.__doc__ or "").split()),
            tag=handler.__module__.rpartition(".")[2],
            handler=handler,
            body=adapter,
            described=TypeAdapter(described_by) if described_by is not None else adapter,
            query=query,
            answer=answer,
            status=status,
            work=work or ("read" if method == "GET" else "write"),
            problems=problems,
            declared=needs,
            limit=limit or ("none" if method == "GET" else "writes"),
            most_bytes=most_bytes,
            plain=plain,
            files=files,
            may_be_empty=schema.get("type", "object") == "object" and not schema.get("required"),
        )

    return declare
