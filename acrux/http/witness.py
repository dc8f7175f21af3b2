"""Tell the journal what was asked over HTTP, and what was decided."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeAlias

from acrux.domain.decision import (
    ANONYMOUS_CALLER,
    UNKNOWN_CALLER,
    Decision,
    Outcome,
    few,
    repository_of,
)
from acrux.domain.reason import PROVEN, Reason
from acrux.domain.scope import parse_all
from acrux.errors import AccessRefused, InsufficientScope, TooManyRequests
from acrux.http.messages import Request
from acrux.services.journal import Journal

# Whether an end-point's answer, by its method and status, is one that the journal must hold.
Recorded: TypeAlias = Callable[[str, int], bool]

MAX_PATH_CHARACTERS: Final = 1024


def changes(method: str, status: int) -> bool:
    """Whatever changes something. Reading with a good token is not recorded."""
    return method not in ("GET", "HEAD") and status < HTTPStatus.BAD_REQUEST


def finishes(_: str, status: int) -> bool:
    """A blob that is complete; the steps of its upload change nothing that can be seen."""
    return status == HTTPStatus.CREATED


def always(_: str, status: int) -> bool:
    """Each success: a token that was issued."""
    return status < HTTPStatus.BAD_REQUEST


class Witness:
    """Sees how requests end. It never waits, and never fails them."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def granted(self, request: Request, status: int) -> None:
        """Record that the request was carried out."""
        asked = few(request.asked)
        self._journal.record(
            Decision(
                request=_name(request),
                outcome=Outcome.GRANTED,
                account=request.grant.principal or ANONYMOUS_CALLER,
                proof=request.proof,
                peer=request.peer,
                repository=request.params.get("repository") or repository_of(asked),
                asked=asked,
                granted=request.grant.scopes if asked else (),
                status=status,
                correlation=request.id,
                is_proven=bool(request.grant.principal),
            )
        )

    def refused(
        self, request: Request, refused: AccessRefused | TooManyRequests, status: int
    ) -> None:
        """Record that the caller was refused, unless they presented nothing at all."""
        if refused.reason == Reason.NO_CREDENTIAL:
            return
        scope = refused.scope if isinstance(refused, AccessRefused) else ""
        asked = few(request.asked or parse_all([scope]))
        is_proven = refused.reason in PROVEN
        self._journal.record(
            Decision(
                request=_name(request),
                outcome=Outcome.REFUSED,
                account=_account(request, refused),
                proof=request.proof,
                peer=request.peer,
                repository=request.params.get("repository") or repository_of(asked),
                asked=asked,
                granted=request.grant.scopes,
                status=status,
                reason=refused.reason,
                message=refused.message,
                facts=refused.detail,
                correlation=request.id,
                is_proven=is_proven and bool(request.grant.principal or refused.account),
            )
        )


def _account(request: Request, refused: AccessRefused | TooManyRequests) -> str:
    if isinstance(refused, InsufficientScope):
        return request.grant.principal or ANONYMOUS_CALLER
    return request.grant.principal or refused.account or UNKNOWN_CALLER


def _name(request: Request) -> str:
    # Without the query, in which clients send whatever they like.
    path = request.raw_path.partition(b"?")[0].decode("ascii", "backslashreplace")
    return f"{request.method} {path[:MAX_PATH_CHARACTERS]}"
