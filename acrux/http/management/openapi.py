"""The OpenAPI document of /management/v1, built from its operations."""

import re
from collections.abc import Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final

import msgspec
from msgspec import Struct

from acrux.domain.access.scope import on_management
from acrux.domain.audit.decision import Outcome
from acrux.domain.content.page import MAX_COUNT, MAX_ITEMS, Order
from acrux.domain.webhooks.standing import State
from acrux.http import responses
from acrux.http.management.operation import ROOT, Operation
from acrux.http.messages import Request, Response
from acrux.services.content.space import MAX_LARGEST

_REFERENCE: Final = "#/components/schemas/{name}"

_TIME: Final = {"type": "string", "format": "date-time"}

PARAMETERS: Final[dict[str, dict[str, Any]]] = {
    "account": {"description": "Only records of this account.", "schema": {"type": "string"}},
    "repository": {
        "description": "Only what concerns this repository.",
        "schema": {"type": "string"},
    },
    "outcome": {
        "description": "Only records with this outcome.",
        "schema": {"enum": [outcome.value for outcome in Outcome]},
    },
    "since": {"description": "Only records from this time on.", "schema": _TIME},
    "until": {"description": "Only records before this time.", "schema": _TIME},
    "orderby": {
        "description": "timeasc: the oldest come first, and later pages hold later ones.",
        "schema": {"enum": [order.value for order in Order]},
    },
    "largest": {
        "description": "How many of the largest repositories to list.",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_LARGEST},
    },
    "delete": {
        "description": "REPO, REPO:TAG or REPO@DIGEST; may be given several times.",
        "schema": {"type": "array", "items": {"type": "string"}},
    },
    "repositories": {
        "description": "The policy with this pattern of repositories, such as team/*.",
        "schema": {"type": "string"},
    },
    "prefix": {
        "description": "Only repositories below this prefix, such as team.",
        "schema": {"type": "string"},
    },
    "state": {
        "description": "Only events in this state.",
        "schema": {"enum": [state.value for state in State]},
    },
    "n": {
        "description": f"The maximum number of items; no page has more than {MAX_ITEMS}.",
        "schema": {"type": "integer", "minimum": 0, "maximum": MAX_COUNT},
    },
    "last": {
        "description": "The item after which the page begins; the Link header names it.",
        "schema": {"type": "string", "maxLength": 512},
    },
}

# The errors that every operation may answer with.
REFUSALS: Final = {
    400: "The request is invalid; the message names the field.",
    401: "The credential is missing or wrong, or lacks the right.",
    404: "Nothing has this name.",
    409: "The name is taken, or the named object is in use.",
    412: "Somebody else has changed it, and its etag with it.",
    413: "The body is too long.",
    429: "Too many failed logins; Retry-After says how many seconds to wait.",
    507: "The disk is full.",
}


class Error(Struct):
    """One error."""

    code: str
    message: str
    detail: Any = None


class Errors(Struct):
    """The body of every error."""

    errors: list[Error]


class OpenApi:
    """Serves the document. It describes the software and reveals nothing about this registry."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._operations = operations

    async def show(self, _: Request) -> Response:
        """GET: the document."""
        return responses.json(self._document)

    @cached_property
    def _document(self) -> dict[str, Any]:
        return document(self._operations)


def document(operations: Sequence[Operation]) -> dict[str, Any]:
    """The operations as an OpenAPI 3.1 document."""
    kinds = [kind for one in operations for kind in (one.body, one.answer) if kind]
    _, schemas = msgspec.json.schema_components([*kinds, Errors], ref_template=_REFERENCE)
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = _describe(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "acrux management",
            "version": "1",
            "description": "Manage accounts, scope maps, signing keys and more over HTTP, as the "
            "command acrux does. Requires registry:management:read or registry:management:write.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def _describe(operation: Operation) -> dict[str, Any]:
    description: dict[str, Any] = {
        "operationId": operation.handler.__qualname__.replace("Management.", "_"),
        "summary": operation.summary,
        "security": [{"basic": []}, {"bearer": [str(on_management(operation.right))]}],
        "parameters": [*_path_parameters(operation), *_query_parameters(operation)],
        "responses": {
            str(operation.status): _answer(operation),
            **{str(status): _refusal(sentence) for status, sentence in REFUSALS.items()},
        },
    }
    if operation.body:
        description["requestBody"] = {"content": _content(operation.body)}
    return description


def _path_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]


def _query_parameters(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": name in operation.required, **PARAMETERS[name]}
        for name in operation.query
    ]


def _answer(operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answer:
        answer["content"] = _content(operation.answer)
    headers = {201: "Location"}.get(operation.status, "Link" if "last" in operation.query else "")
    if headers:
        answer["headers"] = {headers: {"schema": {"type": "string"}}}
    return answer


def _refusal(sentence: str) -> dict[str, Any]:
    return {"description": sentence, "content": _content(Errors)}


def _content(kind: type[Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(name=kind.__name__)}}}
