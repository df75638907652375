"""Errors as RFC 9457 says: what happened, whether anything was lost, what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.rules.roles import IN_WORDS, Permission, Role, roles_with
from server.web.headers import request_id

_log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
#: Problem types are URNs: stable names to compare, not pages to fetch.
_TYPE = "urn:hubbub:problem:"
_MOST_ERRORS = 20


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field(description="Where in the body or query, as a JSON Pointer (RFC 6901)")
    message: str


class ProblemBody(BaseModel):
    """The body of every error (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="`urn:hubbub:problem:` and a word for programs")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do next, for people")
    errors: list[FieldError] | None = Field(
        default=None, description="With status 422: every field that is wrong"
    )


class Problem(Exception):
    """Ends a request with an error answer. `kind` is a word for programs, `detail` a sentence for people."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @property
    def body(self) -> ProblemBody:
        return ProblemBody(
            type=_TYPE + self.kind,
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            errors=list(self.errors) or None,
        )

    def response(self) -> Response:
        return Response(
            orjson.dumps(self.body.model_dump(exclude_none=True)),
            self.status,
            {"cache-control": "no-store", **self.headers},
            MEDIA_TYPE,
        )


def not_found(what: str) -> Problem:
    """The one answer for a thing that is not there and for one that belongs to somebody else."""
    return Problem(404, "not_found", f"There is no such {what}, or it is not yours.")


def not_allowed(role: Role, needs: Permission) -> Problem:
    """Who may see the show asked for more than their role allows; nothing was done."""
    able = roles_with(needs)
    who = " or ".join(IN_WORDS[one] for one in able[-1:] + able[:-1]) if len(able) < 3 else IN_WORDS[able[-1]]
    return Problem(
        403,
        "not_allowed",
        f"You are {IN_WORDS[role]} in this show, and this takes {who}. Nothing was done.",
    )


def conflict(kind: str, detail: str) -> Problem:
    return Problem(409, kind, detail)


def invalid(path: str, message: str) -> Problem:
    """A single field that is wrong in a way the model cannot say."""
    return Problem(422, "invalid", f"{path}: {message}", errors=[FieldError(path=path, message=message)])


def invalid_model(error: ValidationError) -> Problem:
    """What pydantic found, as pointers and sentences."""
    found = [
        FieldError(path=pointer(item["loc"]), message=str(item["msg"]).removeprefix("Value error, "))
        for item in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_ERRORS]
    ]
    first = found[0]
    more = f" ({len(found) - 1} more in errors)" if len(found) > 1 else ""
    return Problem(422, "invalid", f"{first.path or '/'}: {first.message}{more}", errors=found)


def pointer(location: Sequence[str | int]) -> str:
    """A place in a JSON text as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def database_away() -> Problem:
    return Problem(
        503,
        "database_away",
        "The database does not answer; nothing was saved. Try again in a moment.",
        headers={"retry-after": "2"},
    )


_SENTENCES = {
    404: ("not_found", "There is nothing at this address. The API is described at /docs."),
    405: ("wrong_method", "This address does not take this method; the Allow header names those it takes."),
}


def from_http_exception(error: HTTPException) -> Problem:
    """Starlette's own errors in our words."""
    kind, detail = _SENTENCES.get(error.status_code, ("refused", error.detail))
    return Problem(error.status_code, kind, detail, headers=error.headers)


def internal(request: Request, error: Exception) -> Problem:
    """Our fault. The log has the details under the request's id, the answer has none of them."""
    _log.error("request_failed", route=request.scope.get("endpoint_path", ""), exc_info=error)
    return Problem(
        500,
        "internal",
        "Something went wrong on our side. Reload to see what was saved before you try again; "
        f"the server's log has the details under request {request_id(request.scope)}.",
    )
