"""The grammars of texts in bodies and queries, as the document shows them.

They are those of the domain, which checks each text and says in words what is wrong with it.
"""

from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta

from acrux.domain.access import scope_maps, trust, users
from acrux.domain.content import names
from acrux.domain.content.digest import DIGEST
from acrux.domain.content.policies import definition, tag_selection
from acrux.services.access import accounts

Schema = dict[str, Any]


def _schema(pattern: str, longest: int | None = None) -> Schema:
    # A pattern of JSON Schema matches anywhere in a text unless it is anchored.
    limit = {} if longest is None else {"maxLength": longest}
    return {"pattern": f"^(?:{pattern})$", **limit}


_REPOSITORY: Final = _schema(names.NAME.pattern, names.MAX_NAME_CHARACTERS)
_PATTERN: Final = _schema(rf"\*|{names.NAME.pattern}(?:/\*)?", names.MAX_NAME_CHARACTERS)
_GLOB: Final = _schema(tag_selection.GLOB.pattern, tag_selection.MAX_GLOB_CHARACTERS)
_CLAIM: Final = _schema("[^=]+=.+")

AccountName: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(accounts.NAME.pattern))]
ScopeMapName: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(scope_maps.NAME.pattern))]
UserName: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(users.NAME.pattern))]
Password: TypeAlias = Annotated[
    str,
    Meta(extra_json_schema={"minLength": users.MIN_CHARACTERS, "maxLength": users.MAX_CHARACTERS}),
]
TrustName: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(trust.NAME.pattern))]
Issuer: TypeAlias = Annotated[
    str, Meta(extra_json_schema=_schema(trust.ISSUER.pattern, trust.MAX_CHARACTERS))
]
PolicyName: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(definition.NAME.pattern))]
Repository: TypeAlias = Annotated[str, Meta(extra_json_schema=_REPOSITORY)]
Digest: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(DIGEST.pattern))]
Tag: TypeAlias = Annotated[str, Meta(extra_json_schema=_schema(names.TAG.pattern))]
Pattern: TypeAlias = Annotated[
    str,
    Meta(
        description="A repository, all below one (team/*), or all (*).", extra_json_schema=_PATTERN
    ),
]
Patterns: TypeAlias = Annotated[
    list[str],
    Meta(
        description="Each is a repository, all below one (team/*), or all (*).",
        extra_json_schema={"items": {"type": "string", **_PATTERN}, "minItems": 1},
    ),
]
Globs: TypeAlias = Annotated[
    list[str],
    Meta(
        description="Tags; * matches any characters, ? any single one.",
        extra_json_schema={"items": {"type": "string", **_GLOB}},
    ),
]
Claims: TypeAlias = Annotated[
    list[str],
    Meta(
        description="Each is CLAIM=TEXT, * matches any characters; all must match.",
        extra_json_schema={"items": {"type": "string", **_CLAIM}, "minItems": 1},
    ),
]
