"""What a caller logs in with: a password, a refresh or a subject token."""

from dataclasses import dataclass

from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.token import TOKEN_USER


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A token of the registry that stands for a password; docker calls it an identity token."""

    secret: Secret

    @property
    def as_password(self) -> Credential:
        """The same for servers that know only passwords (acr-protocol.md §2.1)."""
        return Credential(TOKEN_USER, self.secret)


@dataclass(frozen=True, slots=True)
class SubjectToken:
    """A token of an issuer that the registry trusts, to be exchanged (acr-protocol.md §3.2)."""

    secret: Secret


Login = Credential | RefreshToken | SubjectToken


def describe(login: Login | None) -> str:
    """Who asks, for the message of a refusal. It contains no secret."""
    match login:
        case Credential(name=name):
            return f"the credentials of {name!r}"
        case RefreshToken():
            return "a refresh token"
        case SubjectToken():
            return "a subject token"
        case None:
            return "a request without credentials"
