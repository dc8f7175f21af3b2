"""Record HTTP requests, and the decisions on them, in the audit log."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Final, TypeAlias

from acrux.cache import Cache, memoize
from acrux.domain.access.reason import PROVEN, Reason
from acrux.domain.access.scope import parse_text
from acrux.domain.audit.case_id import RANDOM_BYTES, recorded, unrecorded
from acrux.domain.audit.decision import (
    ANONYMOUS_CALLER,
    UNKNOWN_CALLER,
    Decision,
    Outcome,
    repository_of,
    within_bounds,
)
from acrux.errors import AccessRefused, InsufficientScope, LimitReached, TooManyRequests
from acrux.http.messages import BAD_REQUEST, CREATED, Request, Response
from acrux.services.audit.audit_log import AuditLog

# Whether the audit log must hold an answer of an endpoint, given its method and its status.
Recorded: TypeAlias = Callable[[str, int], bool]

MAX_PATH_CHARACTERS: Final = 1024

# A client that goes on all the same would fill the audit log with its refusals.
SAME_CASE_FOR: Final = timedelta(minutes=1)
CASES_BYTES: Final = 1024 * 1024
CASE_BYTES: Final = 512  # of one, without the texts


def changes(method: str, status: int) -> bool:
    """Every change. Reading with a valid token is not recorded."""
    return method not in ("GET", "HEAD") and status < BAD_REQUEST


def finishes(_: str, status: int) -> bool:
    """A completed blob. The steps of its upload change nothing that anyone can see."""
    return status == CREATED


def nothing(_: str, __: int) -> bool:
    """Nothing: a page changes something only by its calls of the API, which are recorded."""
    return False


def always(_: str, status: int) -> bool:
    """Every success, such as an issued token."""
    return status < BAD_REQUEST


class AuditRecorder:
    """Records how requests end, and gives each refusal an id. It never delays or fails one.

    `refusals` counts them by reason.
    """

    def __init__(self, audit_log: AuditLog, clock: Callable[[], datetime]) -> None:
        self._audit_log = audit_log
        self._clock = clock
        self.refusals = dict.fromkeys(map(str, Reason), 0)
        self._limited = Cache[tuple[str, str, str], tuple[str, datetime]](CASES_BYTES)

    def granted(self, request: Request, response: Response) -> None:
        """Record that the request was carried out."""
        asked = within_bounds(request.asked or request.needed)
        self._audit_log.record(
            Decision(
                request=_name(request),
                outcome=Outcome.GRANTED,
                account=request.grant.principal or ANONYMOUS_CALLER,
                authentication_method=request.authentication_method,
                peer=request.peer,
                repository=request.params.get("repository") or repository_of(asked),
                asked=asked,
                # Of a change, what it needed; its token may hold much more.
                granted=request.grant.scopes if request.asked else (),
                status=response.status,
                facts=_created(response),
                correlation=request.id,
                is_proven=bool(request.grant.principal),
            )
        )

    def refused(
        self, request: Request, refused: AccessRefused | TooManyRequests, status: int
    ) -> str:
        """Record that the caller was refused, unless they presented nothing at all.

        Returns the id of the case, by which it can be explained. Who reaches the same limit again
        within SAME_CASE_FOR gets the same one, and no other record.
        """
        self.refusals[refused.reason] += 1
        if isinstance(refused, LimitReached):
            return self._of_limit(request, refused, status)
        return self._refused(request, refused, status)

    def _of_limit(self, request: Request, refused: LimitReached, status: int) -> str:
        account, now = _account(request, refused), self._clock()
        whose = request.peer if account == ANONYMOUS_CALLER else ""
        key = (account, whose, refused.detail["limit"])
        case, since = self._limited.find(key) or ("", now)
        if not case or not timedelta() <= now - since < SAME_CASE_FOR:
            case = self._refused(request, refused, status)
            self._limited.keep(key, (case, now), CASE_BYTES + 4 * len(account))
        return case

    def _refused(
        self, request: Request, refused: AccessRefused | TooManyRequests, status: int
    ) -> str:
        scope = refused.scope if isinstance(refused, AccessRefused) else ""
        asked = within_bounds(request.asked) or _read(scope)
        if refused.reason == Reason.NO_CREDENTIAL:
            return unrecorded(asked, self._clock())
        is_proven, case = refused.reason in PROVEN, recorded(token_bytes(RANDOM_BYTES))
        self._audit_log.record(
            Decision(
                request=_name(request),
                outcome=Outcome.REFUSED,
                account=_account(request, refused),
                authentication_method=request.authentication_method,
                peer=request.peer,
                repository=request.params.get("repository") or repository_of(asked),
                asked=asked,
                granted=request.grant.scopes,
                status=status,
                reason=refused.reason,
                message=refused.message,
                facts=_facts(request, refused),
                correlation=request.id,
                case=case,
                is_proven=is_proven and bool(request.grant.principal or refused.account),
            )
        )
        return case


_read = memoize(parse_text, 128, longest=512)  # strangers ask for the same few things


def _created(response: Response) -> Mapping[str, str]:
    # The request names what it creates in its body or its query, and neither is recorded.
    if response.status != CREATED:
        return {}
    location = dict(response.headers).get(b"location")
    return {} if location is None else {"created": location.partition(b"?")[0].decode("latin-1")}


def _facts(request: Request, refused: AccessRefused | TooManyRequests) -> Mapping[str, str]:
    # With the values by which the rights of a federated identity are looked up.
    identity = request.grant.federated
    return {**refused.detail, **dict(identity.values)} if identity else refused.detail


def _account(request: Request, refused: AccessRefused | TooManyRequests) -> str:
    if isinstance(refused, InsufficientScope | LimitReached):
        return request.grant.principal or ANONYMOUS_CALLER
    return request.grant.principal or refused.account or UNKNOWN_CALLER


def _name(request: Request) -> str:
    # Without the query, in which a client may send anything.
    path = request.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return f"{request.method} {path[:MAX_PATH_CHARACTERS]}"
