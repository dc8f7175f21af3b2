"""The failures of a client of a registry.

ClientError
├── RealmRefused
├── TokenRefused
├── TokenUnreadable
├── SignatureRefused
├── BodyNotReplayable
└── CredentialsUnavailable

This tree is separate from `acrux.errors`: those are failures that a registry reports to its
callers, these are failures of a caller. Network errors are raised by httpx2.
"""


class ClientError(Exception):
    """The root. Its text says what was wrong and what to do, and never contains a secret."""


class RealmRefused(ClientError):
    """The challenge names a realm to which credentials must not be sent.

    `host` is what `allowed_realm_hosts` would have to hold; empty if nothing allows it.
    """

    def __init__(self, message: str, /, *, host: str = "") -> None:
        super().__init__(message)
        self.host = host


class TokenRefused(ClientError):
    """The realm gave no token; `status` is the HTTP status of its answer."""

    def __init__(self, message: str, /, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class TokenUnreadable(ClientError):
    """A text is not a token, an answer has no token, or keys are not a key set."""


class SignatureRefused(ClientError):
    """None of the keys signed the token."""


class BodyNotReplayable(ClientError):
    """The registry asked for a token after the request had sent its only copy of the body."""


class CredentialsUnavailable(ClientError):
    """Configured credentials cannot be read, or a login cannot be stored."""
