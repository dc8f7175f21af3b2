"""The JSON bodies of /management/v1; the only reader of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.management.grammars import (
    AccountName,
    Claims,
    Issuer,
    Password,
    ScopeMapName,
    TrustName,
    UserName,
)
from acrux.http.messages import Request, Response

MAX_BODY_BYTES: Final = 256 * 1024  # 500 permissions with the longest names
JSON_TYPE: Final = "application/json"

Status: TypeAlias = Literal["enabled", "disabled"]
PasswordName: TypeAlias = Literal["password1", "password2"]
Expiry: TypeAlias = Annotated[
    datetime, Meta(tz=True, description="When the passwords expire; never, if it is null.")
]
Actions: TypeAlias = Annotated[
    list[str],
    Meta(description="Such as repositories/NAME/content/read, or management/read."),
]

IfExists: TypeAlias = Annotated[
    Literal["fail", "keep", "replace"],
    Meta(description="If there is one with this name; keep fails only if its actions differ."),
]

Minutes: TypeAlias = Annotated[int, Meta(ge=10, le=365 * 24 * 60)]

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

Body = TypeVar("Body", bound=Struct)
Value = TypeVar("Value")


class CreateToken(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An account to create."""

    name: AccountName
    scope_map_id: str
    status: Status = "enabled"
    generate_passwords: bool = True
    expiry: Expiry | None = None


class ChangeToken(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to an account. Omitted fields keep their values."""

    scope_map_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class GenerateCredentials(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which password of an account to regenerate; both, if none is named."""

    name: PasswordName | None = None
    expiry: Expiry | None = None


class CreateScopeMap(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A scope map to create."""

    name: ScopeMapName
    actions: Actions
    description: str = ""
    if_exists: IfExists = "fail"


class ChangeScopeMap(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a scope map. Omitted fields keep their values.

    `actions` replace the old list. Instead of them, `addActions` and `removeActions` change it.
    `etag` makes it a condition that the scope map is still the one that had it.
    """

    actions: Actions | UnsetType = UNSET
    add_actions: Actions | UnsetType = UNSET
    remove_actions: Actions | UnsetType = UNSET
    description: str | UnsetType = UNSET
    etag: str | UnsetType = UNSET


class RegenerateCredential(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which password of the admin user to regenerate."""

    name: Literal["password", "password2"]


class ChangeRegistry(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to the registry. Omitted fields keep their values."""

    admin_user_enabled: bool | UnsetType = UNSET
    anonymous_pull_enabled: bool | UnsetType = UNSET
    anonymous_scope_map_id: str | UnsetType | None = UNSET


class CreateUser(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A user's account to create, with the password that the user chose."""

    name: UserName
    scope_map_id: str
    password: Password


class ChangeUser(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a user's account. Omitted fields keep their values."""

    scope_map_id: str | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class SetPassword(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A new password that the user chose."""

    password: Password


class CreateTrust(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A trust to create. It grants either a scope map or its own `actions`."""

    name: TrustName
    issuer: Issuer
    audience: str
    claims: Claims
    scope_map_id: str | None = None
    actions: Actions = []
    lifetime_in_minutes: Minutes | None = None
    status: Status = "enabled"


class ChangeTrust(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a trust. Omitted fields keep their values; lists replace the old ones.

    A scope map replaces `actions`, and `actions` replace the scope map.
    """

    audience: str | UnsetType = UNSET
    claims: Claims | UnsetType = UNSET
    scope_map_id: str | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET
    lifetime_in_minutes: Minutes | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class RotateKeys(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Whether the new key signs at once instead of in ten minutes."""

    now: bool = False


def given(value: Value | UnsetType) -> Value | None:
    """The value of a field, None if it was omitted."""
    return None if value is UNSET else value


def of_json(handler: Handler) -> Handler:
    """The handler, restricted to requests with a JSON body or without a body.

    This holds even if the handler ignores the body: a web page can make a browser send a form to
    another site, also an empty one, but not JSON. Raises InvalidRequest.
    """

    @wraps(handler)
    async def handle(request: Request) -> Response:
        if parsing.content_type(request) not in ("", JSON_TYPE):
            raise _not_json()
        return await handler(request)

    return handle


def _not_json() -> InvalidRequest:
    return InvalidRequest(
        "the body must be JSON, sent with its content type: "
        f"curl -H 'Content-Type: {JSON_TYPE}' -d '{{}}'"
    )


async def read(request: Request, kind: type[Body]) -> Body:
    """The JSON body as an object of this kind; a missing body counts as an empty object.

    Raises InvalidRequest, which names the wrong field, and ContentTooLarge.
    """
    content = await request.body.read(MAX_BODY_BYTES)
    if content and parsing.content_type(request) != JSON_TYPE:
        raise _not_json()
    try:
        return msgspec.json.decode(content or b"{}", type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as refused:
        raise InvalidRequest(f"the body cannot be read: {refused}") from None
