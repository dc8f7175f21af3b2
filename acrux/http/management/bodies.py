"""The JSON bodies of /management/v1; sole reader of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.messages import Request, Response

MAX_BODY_BYTES: Final = 256 * 1024  # five hundred permissions of the longest names
JSON_TYPE: Final = "application/json"

Status: TypeAlias = Literal["enabled", "disabled"]
PasswordName: TypeAlias = Literal["password1", "password2"]
Expiry: TypeAlias = Annotated[
    datetime, Meta(tz=True, description="When the passwords end; never, where it is null.")
]
Actions: TypeAlias = Annotated[
    list[str],
    Meta(description="repositories/NAME/content/read and the like, or management/read and write."),
]

Claims: TypeAlias = Annotated[
    list[str], Meta(description="CLAIM=TEXT each, with * for any characters; all must hold.")
]
Minutes: TypeAlias = Annotated[int, Meta(ge=10, le=365 * 24 * 60)]

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

Body = TypeVar("Body", bound=Struct)
Value = TypeVar("Value")


class CreateToken(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An account to be made."""

    name: str
    scope_map_id: str
    status: Status = "enabled"
    generate_passwords: bool = True
    expiry: Expiry | None = None


class ChangeToken(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is to change of an account; what is left out stays."""

    scope_map_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class GenerateCredentials(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which password of an account is to be made anew; both, where none is named."""

    name: PasswordName | None = None
    expiry: Expiry | None = None


class CreateScopeMap(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A scope map to be made."""

    name: str
    actions: Actions
    description: str = ""


class ChangeScopeMap(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is to change of a scope map; what is left out stays, `actions` are replaced whole."""

    actions: Actions | UnsetType = UNSET
    description: str | UnsetType = UNSET


class RegenerateCredential(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which password of the admin user is to be made anew."""

    name: Literal["password", "password2"]


class ChangeRegistry(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is to change of the registry; what is left out stays."""

    admin_user_enabled: bool | UnsetType = UNSET
    anonymous_pull_enabled: bool | UnsetType = UNSET
    anonymous_scope_map_id: str | UnsetType | None = UNSET


class CreateUser(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A user's account to be made, with the password they chose."""

    name: str
    scope_map_id: str
    password: str


class ChangeUser(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is to change of a user's account; what is left out stays."""

    scope_map_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class SetPassword(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Another password that a user chose."""

    password: str


class CreateTrust(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A trust to be made. It gives either a scope map or `actions` of its own."""

    name: str
    issuer: str
    audience: str
    claims: Claims
    scope_map_id: str | None = None
    actions: Actions = []
    lifetime_in_minutes: Minutes | None = None
    status: Status = "enabled"


class ChangeTrust(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What is to change of a trust; what is left out stays, lists are replaced whole.

    A scope map takes the place of `actions`, and these the place of the scope map.
    """

    audience: str | UnsetType = UNSET
    claims: Claims | UnsetType = UNSET
    scope_map_id: str | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET
    lifetime_in_minutes: Minutes | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class RotateKeys(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Whether the new key is to sign at once, and not in ten minutes."""

    now: bool = False


def given(value: Value | UnsetType) -> Value | None:
    """The value of a field, None where it was left out."""
    return None if value is UNSET else value


def of_json(handler: Handler) -> Handler:
    """The handler, for requests whose body is JSON or which have none.

    Whether the handler looks at it or not: a page in a browser can send a form to another site
    unasked, and an empty one too, but no JSON. Raises InvalidRequest.
    """

    @wraps(handler)
    async def handle(request: Request) -> Response:
        if parsing.content_type(request) not in ("", JSON_TYPE):
            raise _no_json()
        return await handler(request)

    return handle


def _no_json() -> InvalidRequest:
    return InvalidRequest(
        f"the body must be JSON, and say so: curl -H 'Content-Type: {JSON_TYPE}' -d '{{}}'"
    )


async def read(request: Request, kind: type[Body]) -> Body:
    """The body, which is JSON of this kind; none at all is an empty object.

    Raises InvalidRequest, naming the field that is wrong, and ContentTooLarge.
    """
    content = await request.body.read(MAX_BODY_BYTES)
    if content and parsing.content_type(request) != JSON_TYPE:
        raise _no_json()
    try:
        return msgspec.json.decode(content or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise InvalidRequest(f"the body cannot be read: {refused}") from None
