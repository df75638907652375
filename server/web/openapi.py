"""The OpenAPI document, made from the declarations that route and validate: they cannot disagree."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import orjson
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from server.web.endpoint import Endpoint
from server.web.problems import MEDIA_TYPE, ProblemBody

#: Stands for no endpoint: the schema of problems.
_PROBLEM = -1
_REF = "#/components/schemas/{model}"

_INTRODUCTION = (
    "Everything the desk can do. Errors are RFC 9457 problem documents; `type` is a word for programs, "
    "`detail` a sentence for people. Lists are `{items, next}`; give `next` back as `cursor`. Times are "
    "RFC 3339 in UTC. Ids are UUIDv7. JSON is strict: unknown fields, repeated keys, numbers as text and the "
    "like are refused. `Idempotency-Key` works on every POST for 24 hours. A bearer key is made with "
    "`hubbub key create`."
)

_SENTENCES = {
    400: "No valid JSON, or a malformed Idempotency-Key",
    401: "Not logged in, or a key that is not accepted",
    403: "A write with the session cookie that lacks the CSRF token or comes from another site",
    404: "There is no such thing, or it is not yours",
    408: "The body did not come within 10 seconds",
    409: "The present state does not allow it; the detail names the state",
    410: "It has ended, was used, or was refused",
    413: "The body is too large",
    415: "Not JSON, or a content encoding",
    422: "A field is wrong; `errors` names each",
    429: "Too many writes; `Retry-After` says when to come back",
    503: "The database, or the platform that was asked, does not answer; nothing was saved",
}


def document(endpoints: Sequence[Endpoint], version: str, public_url: str) -> bytes:
    """The OpenAPI 3.1 document as JSON."""
    schemas, refs = _schemas(endpoints)
    paths: dict[str, dict[str, Any]] = {}
    for number, endpoint in enumerate(endpoints):
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, number, refs)
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Hubbub",
                "version": version,
                "description": _INTRODUCTION,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": public_url}],
            "security": [{"key": []}, {"session": [], "csrf": []}],
            "tags": [{"name": name} for name in dict.fromkeys(endpoint.tag for endpoint in endpoints)],
            "paths": paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer", "description": "`hb_…`"},
                    "session": {"type": "apiKey", "in": "cookie", "name": "hubbub_session"},
                    "csrf": {
                        "type": "apiKey",
                        "in": "header",
                        "name": "X-CSRF-Token",
                        "description": "`csrf` of GET /api/v1/session, with every write",
                    },
                },
            },
        }
    )


Refs = dict[tuple[int, JsonSchemaMode], dict[str, Any]]


def _schemas(endpoints: Sequence[Endpoint]) -> tuple[dict[str, Any], Refs]:
    """All models once, by name; and for each adapter what refers to it."""
    inputs: list[tuple[int, JsonSchemaMode, TypeAdapter[Any]]] = []
    for number, endpoint in enumerate(endpoints):
        if endpoint.described is not None:
            inputs.append((number, "validation", endpoint.described))
        if endpoint.answer is not None:
            inputs.append((number, "serialization", TypeAdapter(endpoint.answer)))
    inputs.append((_PROBLEM, "serialization", TypeAdapter(ProblemBody)))
    found, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    schemas: dict[str, Any] = definitions.get("$defs", {})
    return schemas, {(number, mode): schema for (number, mode), schema in found.items()}


def _operation(endpoint: Endpoint, number: int, refs: Refs) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.tag}.{endpoint.name}",
        "summary": endpoint.summary,
        "description": endpoint.description,
        "tags": [endpoint.tag],
        "parameters": [*_path(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": _responses(endpoint, number, refs),
    }
    if endpoint.is_open:
        operation["security"] = []
    if endpoint.described is not None:
        operation["requestBody"] = {
            "required": not endpoint.may_be_empty,
            "content": {"application/json": {"schema": refs[number, "validation"]}},
        }
    return operation


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}
        for name in endpoint.path_parameters
    ]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = endpoint.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": _without_null({key: value for key, value in field.items() if key != "description"}),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter cannot be null, only absent."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**kinds[0], **({"title": schema["title"]} if "title" in schema else {})}


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.method != "POST":
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same key and body within 24 hours: one effect, the same answer",
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        }
    ]


def statuses(endpoint: Endpoint) -> list[int]:
    """The problems that an endpoint can answer with, by its declaration."""
    found = {*endpoint.problems, 503}
    if not endpoint.is_open:
        found.add(401)
    if endpoint.path_parameters or endpoint.tag == "live_tickets":
        found.add(404)
    if endpoint.method == "GET":
        found.add(422)
    else:
        found |= {400, 403, 408, 413, 415, 422}
    if endpoint.permission != "read":
        found.add(403)
    if endpoint.method == "POST":
        found.add(409)
    if endpoint.limit != "none":
        found.add(429)
    return sorted(found)


def _responses(endpoint: Endpoint, number: int, refs: Refs) -> dict[str, Any]:
    good: dict[str, Any] = {"description": HTTPStatus(endpoint.status).phrase}
    if endpoint.answer is not None:
        good["content"] = {"application/json": {"schema": refs[number, "serialization"]}}
    elif endpoint.files:
        good["content"] = {media_type: {"schema": {"type": "string"}} for media_type in endpoint.files}
        good["content"]["application/json"] = {"schema": {"type": "object"}}
    problem = {MEDIA_TYPE: {"schema": refs[_PROBLEM, "serialization"]}}
    return {
        str(endpoint.status): good,
        **{
            str(status): {"description": _SENTENCES[status], "content": problem}
            for status in statuses(endpoint)
        },
    }
