"""The forms of the token endpoints, and how any form is read."""

from typing import Final
from urllib.parse import parse_qsl

from msgspec import Struct

from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.scope import Scope, parse_all
from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.messages import Request

MAX_FORM_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 500
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class Form(Struct, frozen=True):
    """What a client requests. An empty field counts as missing (acr-protocol.md §3.1)."""

    grant_type: str
    service: str
    scopes: tuple[Scope, ...]
    credential: Credential | None
    refresh_token: str
    access_token: str
    wants_refresh_token: bool


async def read(request: Request) -> Form:
    """Read the request's form.

    Raises InvalidRequest if the body is not a form, or repeats a field of `Form` other than the
    scope: which value counts must not be left to chance. Raises ContentTooLarge.
    """
    fields: dict[str, list[str]] = {}
    for name, value in await read_fields(request, MAX_FORM_BYTES):
        fields.setdefault(name, []).append(value)
    username, password = _one(fields, "username"), _one(fields, "password")
    return Form(
        grant_type=_one(fields, "grant_type"),
        service=_one(fields, "service").lower(),
        scopes=parse_all(fields.get("scope", [])),
        credential=Credential(username, Secret(password)) if username or password else None,
        refresh_token=_one(fields, "refresh_token"),
        access_token=_one(fields, "access_token"),
        wants_refresh_token=_one(fields, "access_type") == "offline",
    )


async def read_fields(request: Request, limit: int) -> list[tuple[str, str]]:
    """The fields of a form of at most `limit` bytes, in their order.

    Raises InvalidRequest if the body is not a form, and ContentTooLarge.
    """
    if parsing.content_type(request) != FORM_TYPE:
        raise InvalidRequest(f"the body must be a form: Content-Type: {FORM_TYPE}")
    body = await request.body.read(limit)
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidRequest(
            f"the form is not percent-encoded UTF-8, or has more than {MAX_FIELDS} fields"
        ) from None


def _one(fields: dict[str, list[str]], name: str) -> str:
    values = fields.get(name, [""])
    if len(values) > 1:
        raise InvalidRequest(f"the form names {name} more than once")
    return values[0]
