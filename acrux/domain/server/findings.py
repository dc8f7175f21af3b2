"""What a check found, and how checks follow on each other."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Final, Generic, TypeVar

Subject = TypeVar("Subject")

RENEWED_BEFORE: Final = timedelta(days=14)  # a certificate with less time left is a warning


class Status(Enum):
    """How a check ended. Only FAILED makes a registry unhealthy."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found, and what to do about it.

    `error` is the name that `az acr check-health` has for it (acr-protocol.md §7), empty if it has
    none.
    """

    status: Status
    detail: str
    advice: str = ""
    error: str = ""


class Ended(Exception):
    """A check cannot go on; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


def ok(detail: str) -> Finding:
    """It is as it should be."""
    return Finding(Status.OK, detail)


def warning(detail: str, advice: str, error: str = "") -> Finding:
    """It works, but not for long, or not for everyone."""
    return Finding(Status.WARNING, detail, advice, error)


def failed(detail: str, advice: str = "", error: str = "") -> Ended:
    """It does not work."""
    return Ended(Finding(Status.FAILED, detail, advice, error))


def skipped(reason: str) -> Ended:
    """It was not tried."""
    return Ended(Finding(Status.SKIPPED, reason))


@dataclass(frozen=True, slots=True)
class Check(Generic[Subject]):
    """One check of a subject. It is skipped unless all that it needs went well, or with a warning.

    `examine` raises Ended if it fails or cannot be tried.
    """

    name: str
    examine: Callable[[Subject], Finding]
    needs: tuple[str, ...] = ()


def carry_out(checks: Iterable[Check[Subject]], subject: Subject) -> Iterator[tuple[str, Finding]]:
    """The name and the finding of each check, in order."""
    lacking: set[str] = set()
    for check in checks:
        missing = [name for name in check.needs if name in lacking]
        finding = _skip(missing[0]) if missing else _examine(check, subject)
        if finding.status in (Status.FAILED, Status.SKIPPED):
            lacking.add(check.name)
        yield check.name, finding


def _skip(missing: str) -> Finding:
    return skipped(f"needs the check {missing!r}").finding


def _examine(check: Check[Subject], subject: Subject) -> Finding:
    try:
        return check.examine(subject)
    except Ended as ended:
        return ended.finding
