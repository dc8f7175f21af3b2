"""Every error: from acrux/errors.py and acrux/http/problems.py."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

from acrux import errors
from acrux.errors import RegistryError
from acrux.http import problems
from acrux.http.problems import Problem
from tests.reference import markdown

# Arguments with which an error of each class can be created and rendered.
ARGUMENTS: dict[str, Any] = {"offset": 1, "size": 1, "retry_after": 1, "allow": "GET"}

BODY = '{"errors": [{"code": "NAME_INVALID", "message": "…", "detail": {"name": "…"}}]}'


def render() -> str:
    """The page of the errors."""
    return markdown.page(
        "Errors",
        "`acrux/errors.py` and `acrux/http/problems.py`",
        markdown.prose(
            """Each refusal over HTTP has a status and a JSON body of this form. The codes are
            those of the OCI distribution specification, and two that only ACR has. Most messages
            say more than the tables: they name what was wrong with this request. `detail` is left
            out if there is nothing to say. If a credential was refused, the answer has the header
            `X-Acrux-Case`: `acrux auth explain` says why, and [Audit reasons](audit-reasons.md)
            lists the reasons."""
        ),
        markdown.fenced(BODY, "json"),
        *(part for status in _statuses() for part in _section(status)),
        "## Of a command",
        markdown.prose("These failures end a command, and never reach a client."),
        markdown.table(
            ("Failure", "When"),
            [(f"`{kind.__name__}`", _when(kind)) for kind in problems.UNTOLD],
        ),
    )


def _statuses() -> list[int]:
    return sorted({problem.status for problem in (*problems.TABLE.values(), problems.UNEXPECTED)})


def _section(status: int) -> Iterator[str]:
    yield f"## {status}"
    rows = [_cells(kind, one) for kind, one in problems.TABLE.items() if one.status == status]
    if status == problems.UNEXPECTED.status:
        unexpected = problems.UNEXPECTED
        rows.append(("any other", f"`{unexpected.code}`", *_texts(unexpected, "A fault of acrux.")))
    headers = sorted({name for kind, one in problems.TABLE.items() if one.status == status
                      for name in _headers(kind)})  # fmt: skip
    if headers:
        yield markdown.prose(f"Headers: {', '.join(f'`{name}`' for name in headers)}.")
    yield markdown.table(("Failure", "Code", "When", "Message", "What to do"), rows)


def _cells(kind: type[RegistryError], problem: Problem) -> tuple[str, ...]:
    return (f"`{kind.__name__}`", f"`{problem.code}`", *_texts(problem, _when(kind)))


def _texts(problem: Problem, when: str) -> tuple[str, str, str]:
    return when, problem.message, problem.remedy


def _when(kind: type[RegistryError]) -> str:
    # What follows the first sentence describes the attributes of the class.
    return re.split(r"(?<=\.) (?=`)", markdown.first_paragraph(kind))[0]


def _headers(kind: type[RegistryError]) -> list[str]:
    taken = inspect.signature(kind.__init__).parameters
    given = {name: value for name, value in ARGUMENTS.items() if name in taken}
    response = problems.render(kind("", **given))
    challenge = ["WWW-Authenticate"] if issubclass(kind, errors.AccessRefused) else []
    names = [name.decode().title() for name, _ in response.headers if name != b"content-type"]
    return [*names, *(challenge if response.status == 401 else [])]
