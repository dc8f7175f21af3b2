"""The forms of the token endpoints; the only reader of them."""

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
    if parsing.content_type(request) != FORM_TYPE:
        raise InvalidRequest(f"the body must be a form: Content-Type: {FORM_TYPE}")
    fields = _fields(await request.body.read(MAX_FORM_BYTES))
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


def _fields(body: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise InvalidRequest(
            f"the form is not percent-encoded UTF-8, or has more than {MAX_FIELDS} fields"
        ) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _one(fields: dict[str, list[str]], name: str) -> str:
    values = fields.get(name, [""])
    if len(values) > 1:
        raise InvalidRequest(f"the form names {name} more than once")
    return values[0]
