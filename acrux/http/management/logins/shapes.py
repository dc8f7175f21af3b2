"""Logins as /management/v1 and the commands show them."""

import math
from datetime import datetime

from msgspec import Struct

from acrux.services.access.federation import Examination, TokenTest
from acrux.services.access.lockout import ShownFailures


class FailedLogins(Struct, rename="camel", kw_only=True):
    """Failed logins of an account at an address; null stands for all of them.

    `waitSeconds` is how long the next attempt is refused, whatever it presents.
    """

    account: str | None
    address: str | None
    failures: int
    last_failure: datetime
    wait_seconds: int


class FailedLoginsList(Struct):
    """All failed logins that still count."""

    value: list[FailedLogins]


class TrustVerdict(Struct, rename="camel", kw_only=True):
    """What a trust decides about a token: who gets in with which rights, or why nobody."""

    trust: str
    lets_in: bool
    principal: str | None
    objections: list[str]
    actions: list[str]


class TrustTest(Struct, rename="camel", kw_only=True):
    """What the trusts in the token's issuer decide.

    If the token is not valid or its issuer cannot be asked, `refusal` says so, and there are none.
    """

    value: list[TrustVerdict]
    refusal: str
    detail: dict[str, str]


def failed_logins(shown: ShownFailures) -> FailedLogins:
    """Failed logins as an operator may see them."""
    return FailedLogins(
        account=shown.account or None,
        address=shown.address or None,
        failures=shown.count,
        last_failure=shown.failed_at,
        wait_seconds=math.ceil(shown.wait.total_seconds()),
    )


def trust_test(tested: TokenTest) -> TrustTest:
    """What the trusts decide, or why none was asked."""
    refused = tested.refusal
    return TrustTest(
        value=list(map(_trust_verdict, tested.examinations)),
        refusal=refused.message if refused else "",
        detail=refused.detail if refused else {},
    )


def _trust_verdict(one: Examination) -> TrustVerdict:
    lets_in = one.verdict.lets_in
    return TrustVerdict(
        trust=one.verdict.trust,
        lets_in=lets_in,
        principal=one.verdict.identity.name if lets_in else None,
        objections=list(one.verdict.objections),
        actions=list(one.scope_map.ordered_permissions),
    )
