"""All handlers of logins."""

from dataclasses import dataclass
from typing import Self

from acrux.http.management.logins.lockout import LockoutManagement
from acrux.http.management.logins.trust_tests import TrustTestManagement
from acrux.services.access.accounts import Accounts
from acrux.services.access.federation import Federation
from acrux.services.access.lockout import Lockout
from acrux.services.access.users import Users


@dataclass(frozen=True, slots=True)
class LoginHandlers:
    """The handlers of failed logins, and of tests of tokens."""

    lockout: LockoutManagement
    trust_tests: TrustTestManagement

    @classmethod
    def on(cls, lockout: Lockout, accounts: Accounts, users: Users, federation: Federation) -> Self:
        """The handlers of these services."""
        return cls(
            lockout=LockoutManagement(lockout, accounts, users),
            trust_tests=TrustTestManagement(federation),
        )
