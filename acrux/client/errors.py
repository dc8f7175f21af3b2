"""Every way in which a call to a registry is refused before it is sent.

ClientError
├── RealmRefused
├── TokenRefused
├── TokenUnreadable
├── SignatureRefused
├── BodyNotReplayable
└── CredentialsUnavailable

A tree of its own, beside `acrux.errors`: those are the failures that a registry names to its
callers, these are the failures of a caller. What the network does is httpx2's to raise.
"""


class ClientError(Exception):
    """The root: its text says what was wrong and what to do, and never holds a secret."""


class RealmRefused(ClientError):
    """The challenge names a realm to which credentials must not be sent."""


class TokenRefused(ClientError):
    """The realm gave no token; `status` is its answer's."""

    def __init__(self, message: str, /, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TokenUnreadable(ClientError):
    """What should be a token, or the answer that holds one, is not."""


class SignatureRefused(ClientError):
    """The token was not signed with any of the keys."""


class BodyNotReplayable(ClientError):
    """The registry asked for a token when the request's only copy of its body was spent."""


class CredentialsUnavailable(ClientError):
    """Credentials are configured for the registry and cannot be had."""
