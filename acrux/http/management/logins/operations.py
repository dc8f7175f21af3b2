"""The operations on logins."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.logins import bodies, shapes
from acrux.http.management.logins.handlers import LoginHandlers
from acrux.http.management.operation import Operation


def operations(handlers: LoginHandlers) -> tuple[Operation, ...]:
    """Every operation on logins."""
    return (
        Operation(
            "GET", "/lockout", READ, handlers.lockout.list,
            "List the failed logins that still count.", answer=shapes.FailedLoginsList,
        ),
        Operation(
            "POST", "/lockout/clear", WRITE, handlers.lockout.clear,
            "Forgive failed logins, of an account or an address or both, or all.",
            bodies.ClearLockout, status=204,
        ),
        Operation(
            "POST", "/testTrusts", READ, handlers.trust_tests.test,
            "Show which trusts accept a token, and why the others do not.",
            bodies.TestedToken, shapes.TrustTest,
        ),
    )  # fmt: skip
