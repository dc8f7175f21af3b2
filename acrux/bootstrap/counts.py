"""Gathers what the parts of a process count, as values of metrics."""

import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from acrux import __version__
from acrux.adapters.metrics import process
from acrux.adapters.metrics.families import Key, Values, add
from acrux.adapters.standard_error import StandardError
from acrux.background import BackgroundTask
from acrux.bootstrap.adapters import Adapters
from acrux.bootstrap.services import Services
from acrux.http.access.audit import AuditRecorder
from acrux.http.oauth2.handlers import TokenHandlers
from acrux.http.traffic import Traffic
from acrux.services.connections import Connections
from acrux.tally import Work

_Samples = Iterator[tuple[Key, list[float]]]


class Counts:
    """What a worker counts, wherever it is counted."""

    def __init__(  # noqa: PLR0913, PLR0917 -- one of each
        self,
        traffic: Traffic,
        connections: Connections,
        audit: AuditRecorder,
        tokens: TokenHandlers,
        services: Services,
        adapters: Adapters,
        tasks: Iterable[BackgroundTask],
    ) -> None:
        self._traffic = traffic
        self._connections = connections
        self._audit = audit
        self._tokens = tokens
        self._services = services
        self._adapters = adapters
        self._tasks = tuple(tasks)

    def values(self) -> Values:
        """The values of all metrics that a worker counts, as they are now."""
        values: Values = process.usage()
        samples = chain(
            self._of_requests(),
            self._of_access(),
            _of_work("acrux_database", self._adapters.database.work),
            _of_work("acrux_store", self._adapters.storage.store.work),
            self._of_tasks(),
            self._of_webhooks(),
            self._of_worker(),
        )
        for key, numbers in samples:
            add(values, {key: numbers})  # those of a route come once for each status
        return values

    def _of_requests(self) -> _Samples:
        in_flight = self._connections.begun - self._traffic.ended
        yield ("acrux_http_requests_in_flight",), [in_flight]
        for (route, method, status), answers in self._traffic.all():
            count = sum(answers.buckets)
            yield ("acrux_http_requests_total", route, method, str(status)), [count]
            durations = [answers.seconds, *answers.buckets]
            yield ("acrux_http_request_duration_seconds", route, method), durations
            yield ("acrux_http_received_bytes_total", route, method), [answers.received]
            yield ("acrux_http_sent_bytes_total", route, method), [answers.sent]

    def _of_access(self) -> _Samples:
        for grant_type, count in self._tokens.issued.items():
            yield ("acrux_tokens_issued_total", grant_type), [count]
        for reason, count in self._audit.refusals.items():
            yield ("acrux_access_refused_total", reason), [count]
        yield ("acrux_logins_throttled_total",), [self._services.lockout.throttled]
        for (setting, operation), count in self._services.limits.refused.items():
            yield ("acrux_limited_total", setting, operation), [count]

    def _of_tasks(self) -> _Samples:
        for task in self._tasks:
            work = task.runs.work
            yield ("acrux_task_run_seconds", task.name), [work.count, work.seconds]
            yield ("acrux_task_failures_total", task.name), [work.failures]
            if task.runs.succeeded_at:
                at = task.runs.succeeded_at
                yield ("acrux_task_last_success_timestamp_seconds", task.name), [at]

    def _of_webhooks(self) -> _Samples:
        for outcome, count in self._services.deliveries.outcomes.items():
            yield ("acrux_webhook_attempts_total", outcome), [count]

    def _of_worker(self) -> _Samples:
        lost = sys.stderr.lost if isinstance(sys.stderr, StandardError) else 0
        yield ("acrux_log_lines_lost_total",), [lost]
        yield ("acrux_audit_records_lost_total",), [self._services.audit_log.lost]
        yield ("acrux_workers",), [1]
        yield ("acrux_build_info", __version__, platform.python_version()), [1]


def _of_work(prefix: str, done: Mapping[str, Work]) -> _Samples:
    for operation, work in done.items():
        yield (f"{prefix}_operation_seconds", operation), [work.count, work.seconds]
        yield (f"{prefix}_errors_total", operation), [work.failures]
