"""What can be managed: each with its fields, named as in the API."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

SCOPE_MAP: Final = "scopeMapId"
STATUS: Final = "status"


class Field(Struct, frozen=True):
    """A field of a form, named as in the API's body.

    Its kind is text, lines (a list, an item on each line), status, number or password.
    """

    name: str
    kind: str = "text"
    required: bool = False


class Verb(Struct, frozen=True):
    """Something to do beside changing and deleting: a POST below the thing's own path."""

    name: str
    path: str


class Noun(Struct, frozen=True):
    """A kind of thing. `name` is its place below /web/, and its table in the words."""

    name: str
    api: str
    columns: tuple[str, ...]
    facts: tuple[str, ...]
    creation: tuple[Field, ...] = ()
    change: tuple[Field, ...] = ()
    verbs: tuple[Verb, ...] = ()
    template: str = "one"

    @property
    def home(self) -> str:
        """The page that lists them."""
        return f"/web/{self.name}"

    @property
    def words(self) -> str:
        """The table of its words."""
        return self.name.replace("-", "_")


_NAME: Final = Field("name", required=True)
_ITS_SCOPE_MAP: Final = Field(SCOPE_MAP, required=True)
_STATUS: Final = Field(STATUS, "status")
_ACTIONS: Final = Field("actions", "lines")
_OF_TRUST: Final = (
    Field("audience", required=True),
    Field("claims", "lines", required=True),
    Field(SCOPE_MAP),
    _ACTIONS,
    Field("lifetimeInMinutes", "number"),
)

ACCOUNTS: Final = Noun(
    "accounts",
    "/management/v1/tokens",
    ("name", SCOPE_MAP, STATUS, "creationDate"),
    (SCOPE_MAP, STATUS, "creationDate"),
    change=(_ITS_SCOPE_MAP, _STATUS),
    verbs=(Verb("revoke", "/revoke"),),
    template="account",
)
SCOPE_MAPS: Final = Noun(
    "scope-maps",
    "/management/v1/scopeMaps",
    ("name", "description", "type", "actions"),
    ("type", "creationDate"),
    creation=(_NAME, Field("description"), _ACTIONS),
    change=(Field("description"), _ACTIONS),
    template="scope_map",
)
TRUSTS: Final = Noun(
    "trusts",
    "/management/v1/trusts",
    ("name", "issuer", "claims", SCOPE_MAP, STATUS),
    ("issuer", STATUS, "creationDate"),
    creation=(_NAME, Field("issuer", required=True), *_OF_TRUST),
    change=(*_OF_TRUST, _STATUS),
)
USERS: Final = Noun(
    "users",
    "/management/v1/users",
    ("name", SCOPE_MAP, STATUS, "source", "creationDate"),
    (SCOPE_MAP, STATUS, "source", "creationDate"),
    creation=(_NAME, _ITS_SCOPE_MAP, Field("password", "password", required=True)),
    change=(_ITS_SCOPE_MAP, _STATUS),
    verbs=(Verb("revoke", "/revoke"),),
    template="user",
)
NOUNS: Final = (ACCOUNTS, SCOPE_MAPS, TRUSTS, USERS)


def body(fields: tuple[Field, ...], form: Mapping[str, str]) -> dict[str, Any]:
    """The API's body for what was filled in. What was left empty is left out, except a list."""
    values = {field.name: _value(field, form.get(field.name, "")) for field in fields}
    return {name: value for name, value in values.items() if value not in ("", None)}


def filled(fields: tuple[Field, ...], one: Mapping[str, Any]) -> dict[str, str]:
    """What the form shows of a thing as the API shows it."""
    return {field.name: _text(one.get(field.name)) for field in fields}


def lines(text: str) -> list[str]:
    """The items of a text with one on each line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _value(field: Field, text: str) -> Any:
    if field.kind == "lines":
        return lines(text)
    if field.kind == "number" and text.strip().isdecimal() and text.isascii():
        return int(text)
    return text if field.kind == "password" else text.replace("\r\n", "\n").strip()


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(value)
    return "" if value is None else str(value)
