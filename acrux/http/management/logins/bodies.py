"""The bodies of requests about logins."""

from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

UserName: TypeAlias = Annotated[
    str, Meta(description="As it was presented; it need not be the name of an account.")
]
Address: TypeAlias = Annotated[str, Meta(description="Of a client, or its network.")]
SubjectToken: TypeAlias = Annotated[
    str, Meta(description="A token of an OpenID issuer. It is neither kept nor recorded.")
]


class ClearLockout(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Whose failed logins to forgive: `account`, `address` or both, or `all`."""

    account: UserName | None = None
    address: Address | None = None
    all: bool = False


class TestedToken(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A token to test."""

    token: SubjectToken

    def __repr__(self) -> str:
        return "TestedToken(token=***)"
