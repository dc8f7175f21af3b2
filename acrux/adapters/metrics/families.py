"""Every metric: its name, its type, its labels and what it means."""

from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

# The name of a metric and the values of its labels, with its numbers: one, or count and sum of a
# summary, or the sum and the buckets of a histogram.
Key: TypeAlias = tuple[str, ...]
Values: TypeAlias = dict[Key, list[float]]


class Kind(StrEnum):
    """The type of a metric, and how the values of several processes become one."""

    COUNTER = "counter"
    SUMMARY = "summary"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"  # the sum of the processes that live
    LATEST = "latest"  # a gauge: the greatest value of all processes, even of those that ended
    INFO = "info"

    @property
    def outlives_its_process(self) -> bool:
        """Whether a process that ended still counts: a counter must never fall."""
        return self is not Kind.GAUGE


class Family(Struct, frozen=True):
    """A metric. Its labels take their values from closed sets, never from what callers choose."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


_OF_ROUTE: Final = ("route", "method")

_HTTP: Final = (
    Family(
        "acrux_http_requests_total",
        Kind.COUNTER,
        "Requests that were answered. `route` is the template of the path, or `unmatched`.",
        (*_OF_ROUTE, "status"),
    ),
    Family(
        "acrux_http_request_duration_seconds",
        Kind.HISTOGRAM,
        "The time from a request's header to the last byte of its answer, with the time that its "
        "client takes to send and to read.",
        _OF_ROUTE,
    ),
    Family("acrux_http_requests_in_flight", Kind.GAUGE, "Requests that are not answered yet."),
    Family(
        "acrux_http_received_bytes_total",
        Kind.COUNTER,
        "Bytes of the bodies of requests.",
        _OF_ROUTE,
    ),
    Family(
        "acrux_http_sent_bytes_total", Kind.COUNTER, "Bytes of the bodies of answers.", _OF_ROUTE
    ),
)

_ACCESS: Final = (
    Family(
        "acrux_tokens_issued_total",
        Kind.COUNTER,
        "Answers with a token. `grant_type` is what the request names; `login` for `GET "
        "/oauth2/token`, which names none.",
        ("grant_type",),
    ),
    Family(
        "acrux_access_refused_total",
        Kind.COUNTER,
        "Requests whose caller was refused, by the reason of the audit log. `no-credential` is "
        "usual: most clients begin like this.",
        ("reason",),
    ),
    Family(
        "acrux_logins_throttled_total",
        Kind.COUNTER,
        "Logins that were refused because too many had failed before.",
    ),
    Family(
        "acrux_limited_total",
        Kind.COUNTER,
        "Requests that were refused because of a limit, by its `setting`. `operation` is as in the "
        "setting, and `upload` for uploads at the same time.",
        ("setting", "operation"),
    ),
)

_STORAGE: Final = (
    Family(
        "acrux_uploads_open",
        Kind.GAUGE,
        "Uploads that are neither closed nor cancelled, up to 10000.",
    ),
    Family(
        "acrux_collection_queue_entries",
        Kind.GAUGE,
        "What is due to be looked at or removed by the collection, up to 10000 of each `entry`.",
        ("entry",),
    ),
    Family(
        "acrux_collection_queue_age_seconds",
        Kind.GAUGE,
        "For how long the oldest of these has been due; 0 if nothing is.",
    ),
    Family(
        "acrux_database_operation_seconds",
        Kind.SUMMARY,
        "Reads that were not answered from the cache, transactions and snapshots: how many, and "
        "their time, which includes waiting for others.",
        ("operation",),
    ),
    Family(
        "acrux_database_errors_total",
        Kind.COUNTER,
        "Those that failed: the disk was full, read-only or broken, or another process wrote for "
        "too long.",
        ("operation",),
    ),
    Family(
        "acrux_store_operation_seconds",
        Kind.SUMMARY,
        "What was done with the files of blobs and uploads: how often, and the time it took.",
        ("operation",),
    ),
    Family(
        "acrux_store_errors_total",
        Kind.COUNTER,
        "Those that failed because the disk was full, read-only or broken.",
        ("operation",),
    ),
    Family(
        "acrux_storage_free_bytes",
        Kind.GAUGE,
        "Free space on the disk of the data directory, as far as the registry may use it.",
    ),
    Family(
        "acrux_storage_writes_refused",
        Kind.GAUGE,
        "1 if pushes are refused because the disk is full or read-only, else 0.",
    ),
)

_OPERATION: Final = (
    Family(
        "acrux_webhook_attempts_total",
        Kind.COUNTER,
        "Events that were sent to the receivers of webhooks. `outcome` is `delivered`, `dead`, or "
        "`failed` if it is tried again.",
        ("outcome",),
    ),
    Family(
        "acrux_webhook_events",
        Kind.GAUGE,
        "Events that were not delivered, of all webhooks. `state` is `waiting`, `dead`, of which "
        "up to 10000 are counted, or `dropped` because too many waited.",
        ("state",),
    ),
    Family(
        "acrux_webhook_failing_seconds",
        Kind.GAUGE,
        "For how long the receiver that fails longest has accepted nothing, of those for which "
        "events wait; 0 if none fails.",
    ),
    Family(
        "acrux_task_run_seconds",
        Kind.SUMMARY,
        "Runs of background tasks, by all workers: how many, and their time, which includes rests.",
        ("task",),
    ),
    Family("acrux_task_failures_total", Kind.COUNTER, "Runs that failed.", ("task",)),
    Family(
        "acrux_task_last_success_timestamp_seconds",
        Kind.LATEST,
        "When a worker last ran the task without a failure.",
        ("task",),
    ),
    Family(
        "acrux_audit_records_lost_total",
        Kind.COUNTER,
        "Audit records that were dropped before they were written: too many came at once.",
    ),
    Family(
        "acrux_log_lines_lost_total",
        Kind.COUNTER,
        "Log lines that were dropped because nobody read standard error.",
    ),
    Family(
        "acrux_certificate_expiry_timestamp_seconds",
        Kind.LATEST,
        "When the certificate that is served expires. Missing without https.",
    ),
    Family("acrux_workers", Kind.GAUGE, "Worker processes that are running."),
    Family(
        "acrux_worker_starts_total",
        Kind.COUNTER,
        "Workers that were started: at first, after a death, for a reload or a new certificate.",
    ),
    Family("acrux_build_info", Kind.INFO, "The version that runs.", ("version", "python_version")),
)

_PROCESS: Final = (
    Family("process_cpu_seconds_total", Kind.COUNTER, "Processor time of all workers together."),
    Family(
        "process_resident_memory_bytes",
        Kind.GAUGE,
        "Resident memory of all workers; what they share is counted for each.",
    ),
    Family("process_open_fds", Kind.GAUGE, "Open file descriptors of all workers together."),
    Family("process_max_fds", Kind.GAUGE, "How many they may have open together."),
)

FAMILIES: Final = {
    family.name: family for family in (*_HTTP, *_ACCESS, *_STORAGE, *_OPERATION, *_PROCESS)
}


def add(total: Values, more: Values) -> None:
    """Add the values of another process to `total`."""
    for key, numbers in more.items():
        before = total.get(key)
        if before is None:
            total[key] = numbers
        elif FAMILIES[key[0]].kind in {Kind.LATEST, Kind.INFO}:
            total[key] = [max(pair) for pair in zip(before, numbers, strict=True)]
        else:
            total[key] = [sum(pair) for pair in zip(before, numbers, strict=True)]


def outliving(values: Values) -> Values:
    """Those that still count after their process has ended."""
    return {
        key: numbers
        for key, numbers in values.items()
        if FAMILIES[key[0]].kind.outlives_its_process
    }
