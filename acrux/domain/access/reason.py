"""Why access was refused, one word each: only for the audit log."""

from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """What was wrong with a credential, or missing in it.

    An answer says less: a guesser must not learn whether the name or the password was wrong.
    """

    NO_CREDENTIAL = "no-credential"
    UNKNOWN_NAME = "unknown-name"
    WRONG_PASSWORD = "wrong-password"  # noqa: S105 -- a reason
    EXPIRED_PASSWORD = "expired-password"  # noqa: S105 -- a reason
    DISABLED_ACCOUNT = "disabled-account"
    GONE_ACCOUNT = "gone-account"
    NOT_OURS = "not-ours"
    ALTERED = "altered"
    OTHER_KIND = "other-kind"
    OTHER_REGISTRY = "other-registry"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    REVOKED = "revoked"
    MISSING_SCOPE = "missing-scope"
    UNTRUSTED = "untrusted"  # from an external issuer that is not trusted, or not meant for us
    NO_TRUST = "no-trust"  # valid, but accepted by no trust
    TOO_MANY = "too-many"
    REFUSED = "refused"  # anything else: the message says what


# Reasons that leave no doubt who presented the credential.
PROVEN: Final = frozenset[str](
    {
        Reason.EXPIRED_PASSWORD,
        Reason.DISABLED_ACCOUNT,
        Reason.GONE_ACCOUNT,
        Reason.OTHER_REGISTRY,
        Reason.EXPIRED,
        Reason.NOT_YET,
        Reason.REVOKED,
        Reason.MISSING_SCOPE,
    }
)
