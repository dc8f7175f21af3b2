"""An operation of /management/v1: what it requires, reads and answers."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from msgspec import Struct

from acrux.http.messages import Request, Response

ROOT: Final = "/management/v1"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `right` is the action on registry:management that it requires.

    The path is below ROOT. `query` names the parameters of `openapi.PARAMETERS` that it reads, and
    `required` those of them that must be given.
    """

    method: str
    path: str
    right: str
    handler: Callable[[Request], Awaitable[Response]]
    summary: str
    body: type[Struct] | None = None
    answer: type[Struct] | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


PAGED: Final = ("n", "last")
