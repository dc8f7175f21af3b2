"""The objects about servers, which the commands also print."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from acrux.domain.server import log_level
from acrux.domain.server.findings import Status
from acrux.domain.server.log_level import Level
from acrux.services.server.doctor import Report


class LogLevel(Struct, rename="camel", kw_only=True):
    """The least level of what is logged, and the level of the setting `log_level`.

    They differ only if the level was changed, at `changedAt`.
    """

    level: Level
    configured_level: Level
    changed_at: datetime | None


class HealthCheck(Struct, rename="camel", kw_only=True):
    """What a check found, and what to do about it."""

    name: str
    status: Literal["ok", "warning", "failed", "skipped"]
    detail: str
    error: str | None
    advice: str | None


class Health(Struct, rename="camel", kw_only=True):
    """What all checks found. A registry is healthy if none failed."""

    healthy: bool
    checked_at: datetime
    checks: list[HealthCheck]


def health(report: Report) -> Health:
    """What all checks found."""
    return Health(
        healthy=all(found.status is not Status.FAILED for _, found in report.findings),
        checked_at=report.at,
        checks=[
            HealthCheck(
                name=name,
                status=found.status.value,
                detail=found.detail,
                error=found.error or None,
                advice=found.advice or None,
            )
            for name, found in report.findings
        ],
    )


def shown_level(found: log_level.LogLevel) -> LogLevel:
    """The level."""
    return LogLevel(
        level=found.level, configured_level=found.configured, changed_at=found.changed_at
    )
