"""Why access was refused, one word each: only for the audit log."""

from enum import StrEnum
from typing import Final, Self


class Reason(StrEnum):
    """What was wrong with a credential, or missing in it.

    An answer says less: somebody who guesses must not learn whether the name or the password was
    wrong. `meaning` and `remedy` are sentences for the administrator, who may know.
    """

    meaning: str
    remedy: str

    def __new__(cls, word: str, meaning: str, remedy: str) -> Self:
        """The word of the audit log, with what it means and what to do."""
        reason = str.__new__(cls, word)
        reason._value_ = word
        reason.meaning, reason.remedy = meaning, remedy
        return reason

    NO_CREDENTIAL = (
        "no-credential",
        "The request carried no credential. Every client begins like this.",
        "Nothing, if the client then gets a token. If it gives up, log in to the registry.",
    )
    UNKNOWN_NAME = (
        "unknown-name",
        "No account has the user name that was presented.",
        "Compare the name with the accounts, or create one.",
    )
    WRONG_PASSWORD = (
        "wrong-password",
        "The account exists, and the password is not one of its passwords.",
        "Log in with the right password, or make a new one.",
    )
    EXPIRED_PASSWORD = (
        "expired-password",
        "The password was right, but it had expired.",
        "Make a new password.",
    )
    DISABLED_ACCOUNT = (
        "disabled-account",
        "The account or the trust is disabled.",
        "Enable it, if it should have access.",
    )
    GONE_ACCOUNT = (
        "gone-account",
        "The account or the trust that the token belongs to was deleted.",
        "Create it again, if it should have access, and log in.",
    )
    NOT_OURS = (
        "not-ours",
        (
            "The credential is not a token that one of the present signing keys of this registry "
            "signed."
        ),
        "Log in again. After a signing key was revoked, its tokens have this reason.",
    )
    ALTERED = (
        "altered",
        (
            "The token looks like one of this registry, but its signature is wrong: it was "
            "changed, or cut when it was copied."
        ),
        "Copy it again in full, or log in again.",
    )
    OTHER_KIND = (
        "other-kind",
        "The token is from this registry, but of another kind than is accepted here.",
        "Send a refresh token in place of a password, and an access token as `Bearer`.",
    )
    OTHER_REGISTRY = (
        "other-registry",
        "The token was issued for a host that is not a login server of this registry.",
        "Log in under the name of this registry, or add the host to the login servers.",
    )
    EXPIRED = (
        "expired",
        "The token had expired.",
        "Log in, so that the client can get new tokens. If it did, compare the clocks.",
    )
    NOT_YET = (
        "not-yet",
        "The token is not valid yet: the clock of its issuer or of this registry is wrong.",
        "Set the clocks.",
    )
    REVOKED = (
        "revoked",
        (
            "The token was revoked. Its account or trust, the password that got it, or the scope "
            "map was changed, disabled or deleted."
        ),
        "Look in the audit log for the change, and log in again.",
    )
    MISSING_SCOPE = (
        "missing-scope",
        (
            "The credential is valid, but does not hold what the request needs: the scope map does "
            "not grant it, or the token was requested without it."
        ),
        "Add the permission to the scope map, or get a token for the scope of the challenge.",
    )
    UNTRUSTED = (
        "untrusted",
        (
            "The token of an external issuer is not accepted: no trust names the issuer, or the "
            "token is not valid or not for this registry."
        ),
        "Compare the issuer and the audience of the token with the trusts.",
    )
    NO_TRUST = (
        "no-trust",
        "The token of an external issuer is valid, but no trust accepts it.",
        "Test the token against the trusts, and correct the claims of the one that should match.",
    )
    TOO_MANY = (
        "too-many",
        "The account or the address must wait after failed logins, or the database was busy.",
        "Wait, or clear the lockout. Find the client that keeps sending an old password.",
    )
    LIMIT_REACHED = (
        "limit-reached",
        (
            "The account, or the address of a caller without one, reached a limit of the settings "
            "`account_limits`, `anonymous_limits` or `concurrent_uploads`."
        ),
        "Let the client wait as `Retry-After` says, or raise the limit.",
    )
    REFUSED = (
        "refused",
        "None of the other reasons. The message of the record says what was wrong.",
        "Read the message.",
    )


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
        Reason.LIMIT_REACHED,
    }
)
