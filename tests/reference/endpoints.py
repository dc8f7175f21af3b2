"""Every endpoint: from the routing table, its handlers and OpenAPI."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import getdoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from acrux.bootstrap.application import build
from acrux.domain.access.scope import Scope
from acrux.http.access import guard
from acrux.http.access.guard import Requirement
from acrux.http.management.operation import ROOT
from acrux.http.messages import Pace, Request, Response
from acrux.http.routes import Endpoint, Row
from acrux.settings import Settings
from tests.http.access.test_access import EXAMPLES
from tests.reference import markdown

# The parameters that requirements read. Only one of them reads `from` and `mount`.
PARAMETERS = {"repository": "name", "upload": "upload", "digest": "digest", "tag": "tag"}
QUERY = b"mount=x&from=source"
NAMES = {":name:": ":NAME:", ":source:": ":SOURCE:"}

_OPERATION = re.compile(r"\b(?:end-\d+|[A-Z]\w+_[A-Z]\w+)")
_READ = re.compile(r"(Query|Form): ([^.(]+)")


def render() -> str:
    """The page of the endpoints."""
    rows, document = _table()
    served = [row for row in rows if not row.path.startswith(ROOT)]
    return markdown.page(
        "Endpoints",
        "`acrux/http/routes.py` and `acrux/http/management/`",
        markdown.prose(
            """Every endpoint of the registry. Any other path is 404, and any other method 405 with
            the header `Allow`. HEAD works wherever GET does. `end-1` and so on are the numbers of
            the OCI distribution specification 1.1 and its next version; the other operations are
            those of Azure's REST API. A request that needs a scope takes an access token (Bearer)
            that holds it, or a user name and a password (Basic) of an account that may get it.
            [Errors](errors.md) lists the refusals."""
        ),
        *(part for title, found in _groups(served) for part in _section(title, found)),
        "## What a request requires",
        markdown.table(("Requirement", "Scope", "For"), _requirements(rows)),
        f"## {ROOT}",
        markdown.prose(
            f"""The document at `{ROOT}/openapi.json` describes these operations to programs.
            Bodies and answers are JSON. A field with `?` may be left out."""
        ),
        *_management(document),
    )


def _table() -> tuple[Sequence[Row], dict[str, Any]]:
    """The routing table of a registry that is never opened, and its OpenAPI document."""
    with TemporaryDirectory() as folder:
        rows = build(Settings(data_dir=Path(folder) / "data")).rows
    (row,) = (row for row in rows if row.path == f"{ROOT}/openapi.json")
    answer = asyncio.run(_answer(row.methods["GET"]))
    assert isinstance(answer.body, bytes)
    return rows, json.loads(answer.body)


async def _answer(endpoint: Endpoint) -> Response:
    return await endpoint.handler(_request("GET"))


def _groups(rows: Sequence[Row]) -> Iterator[tuple[str, list[Row]]]:
    titles = {"v2": "/v2", "acr": "/acr/v1", "oauth2": "/oauth2"}
    groups: dict[str, list[Row]] = {title: [] for title in (*titles.values(), "Others")}
    for row in rows:
        groups[titles.get(row.path.split("/")[1], "Others")].append(row)
    yield from groups.items()


def _section(title: str, rows: Sequence[Row]) -> Iterator[str]:
    yield f"## {title}"
    yield markdown.table(
        ("Request", "Requires", "Success", "What it does", "Query or form", "Operation"),
        [
            _cells(row.path, method, endpoint)
            for row in rows
            for method, endpoint in row.methods.items()
        ],
    )


def _cells(path: str, method: str, endpoint: Endpoint) -> tuple[str, ...]:
    told = getdoc(endpoint.handler) or ""
    example = EXAMPLES.get((path, method))
    read = _READ.search(" ".join(told.split()))
    return (
        f"`{method} {path}`",
        _name(endpoint.requires),
        str(example.status if example else 200),
        _summary(endpoint.handler),
        f"{read[1].lower()}: {read[2].strip()}" if read else "",
        ", ".join(dict.fromkeys(_OPERATION.findall(told))),
    )


def _summary(handler: object) -> str:
    # "GET, HEAD: the manifest (end-3)." repeats what other columns contain.
    text = markdown.first_paragraph(handler).partition(": ")[2]
    text = re.sub(r" \((?:end-\d+(?:, )?)+\)", "", text)
    return text[0].upper() + text[1:]


def _requirements(rows: Sequence[Row]) -> Iterator[tuple[str, str, str]]:
    used = {
        endpoint.requires: None
        for row in sorted(rows, key=lambda row: row.path)
        for endpoint in row.methods.values()
    }
    for requirement in used:
        yield _name(requirement), _scopes(requirement), markdown.first_paragraph(requirement)


def _name(requirement: Requirement) -> str:
    return requirement.__name__.replace("_", " ")


def _scopes(requirement: Requirement) -> str:
    required = requirement(_request("POST"))
    if requirement is guard.public:
        return "nothing"
    if not required.asked:
        return "any valid token"
    return " or ".join(_written(scopes) for scopes in (required.asked, *required.also_enough))


def _written(scopes: Sequence[Scope]) -> str:
    text = " ".join(map(str, scopes))
    for name, shown in NAMES.items():
        text = text.replace(name, shown)
    return f"`{text}`"


def _request(method: str) -> Request:
    async def receive() -> dict[str, Any]:
        raise AssertionError("no requirement reads the body")

    scope = {"method": method, "path": "/", "query_string": QUERY, "headers": []}
    request = Request(scope, receive, "", Pace(1, 1, 1))
    request.params = PARAMETERS
    return request


def _management(document: Mapping[str, Any]) -> Iterator[str]:
    schemas = document["components"]["schemas"]
    named: dict[str, None] = {}
    rows = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            body = _schema(operation.get("requestBody", {}))
            status, answer = _success(operation)
            named |= dict.fromkeys(filter(None, (body, answer)))
            right = operation["security"][-1]["bearer"][0]
            query = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
            rows.append(
                (
                    f"`{method.upper()} {path.removeprefix(ROOT)}`", f"`{right}`",
                    operation["summary"], ", ".join(query), _link(body),
                    f"{status} {_link(answer)}", operation["operationId"],
                )
            )  # fmt: skip
    yield markdown.table(
        ("Request", "Requires", "What it does", "Query", "Body", "Success", "Operation"), rows
    )
    yield "### Bodies and answers"
    names = sorted(_with_nested(named, schemas))
    for name in names:
        yield f"#### {name}"
        if told := schemas[name].get("description"):
            yield markdown.prose(told)
        yield markdown.table(("Field", "Type", "Meaning"), _fields(schemas[name]))


def _success(operation: Mapping[str, Any]) -> tuple[str, str]:
    status, answer = next(iter(operation["responses"].items()))
    return status, _schema(answer)


def _schema(content: Mapping[str, Any]) -> str:
    reference = content.get("content", {}).get("application/json", {}).get("schema", {})
    return str(reference.get("$ref", "")).rpartition("/")[2]


def _with_nested(names: Mapping[str, None], schemas: Mapping[str, Any]) -> set[str]:
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += re.findall(r'"#/components/schemas/(\w+)"', json.dumps(schemas[name]))
    return found


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})" if name else ""


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        mark = "" if name in required else "?"
        yield f"`{name}`{mark}", _type(field), field.get("description", "")


def _type(field: Mapping[str, Any]) -> str:
    if "$ref" in field:
        return _link(field["$ref"].rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if field.get("items") else "list"
    return str(field.get("format") or field.get("type", "anything"))
