"""One log line for each request, with the id that its answer carries."""

import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from acrux.domain.server.log_level import Level
from acrux.errors import DamagedBlob, DamagedManifest, RegistryError
from acrux.http import parsing
from acrux.http.messages import Request, Response

IDS_AT_ONCE: Final = 256

_DIGITS: Final = 32
_VARIANTS: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))

# The fields of each line, in this order.
_FIELDS: Final = (
    "method", "path", "status", "ms", "received", "sent", "principal", "peer", "agent", "id",
)  # fmt: skip

# What only some lines have, behind the others.
_MORE: Final[tuple[tuple[str, ...], ...]] = (("trace",), ("cut",), ("trace", "cut"))

# version "-" trace-id "-" parent-id "-" trace-flags, and more in a version to come; neither id is
# all zeros (W3C Trace Context §3.2.2).
_TRACEPARENT: Final = re.compile(
    rb"(?:00(?=.{53}\Z)|(?!00|ff)[0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}"
    rb"-[0-9a-f]{2}(?:-.*)?"
)

_DAMAGED: Final[dict[type[RegistryError], str]] = {DamagedBlob: "blob", DamagedManifest: "manifest"}

# What orchestrators and scrapers ask, every few seconds.
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})

# Recurring events are reported at most once in this time, in seconds.
REPORTED_EVERY: Final = 60.0


class Log(Protocol):
    """Where log lines go: an event and named values."""

    def info(self, event: str, /, **values: object) -> object: ...
    def warning(self, event: str, /, **values: object) -> object: ...
    def line(self, event: str, *names: str) -> Callable[..., object]: ...
    def exception(self, event: str, /, **values: object) -> object: ...
    def flush(self) -> object: ...
    def obey(self, level: Level) -> object: ...


def request_ids() -> Iterator[str]:
    """Random ids for requests, each shown in an answer and in its log line.

    Random bytes are read for many ids at once, because each system call lets other threads run.
    """
    while True:
        random = os.urandom(_DIGITS * IDS_AT_ONCE // 2).hex()
        for start in range(0, len(random), _DIGITS):
            digits = random[start : start + _DIGITS]
            # RFC 9562 §5.4: the version is 4, the variant binary 10.
            yield (
                f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-"
                f"{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"
            )


def trace_of_caller(request: Request) -> str:
    """The id of the trace in the caller's traceparent, empty if there is none or it is wrong."""
    text = request.headers.get(b"traceparent")
    if text is None:
        return ""
    match = _TRACEPARENT.fullmatch(text)
    return match[1].decode() if match else ""


class Seldom:
    """Limits how often an event is reported: at once, then at most once in REPORTED_EVERY.

    `ticks` is a clock in seconds.
    """

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._reported_at: float | None = None
        self._unreported = 0

    def times(self) -> int:
        """Count one event. Return how many to report now, 0 if it is too early."""
        self._unreported += 1
        now = self._ticks()
        if self._reported_at is not None and now - self._reported_at < REPORTED_EVERY:
            return 0
        unreported, self._unreported, self._reported_at = self._unreported, 0, now
        return unreported


class Damage:
    """Reports damaged content at a limited rate; `kind` says what is damaged."""

    def __init__(self, kind: str, log: Log, ticks: Callable[[], float]) -> None:
        self._kind = kind
        self._log = log
        self._seldom = Seldom(ticks)

    def tell(self, repository: str, digest: str) -> None:
        """Note that a client requested content that is damaged."""
        if times := self._seldom.times():
            self._log.warning(
                "damaged", kind=self._kind, repository=repository, digest=digest, times=times
            )


class RequestLog:
    """One line for each request, with these values and no others: no secret can get in.

    `trace_of` is the id of the trace that a request belongs to, empty for none. `probes` says
    whether the successful requests of orchestrators and scrapers have lines, too.
    """

    def __init__(
        self,
        log: Log,
        trace_of: Callable[[Request], str],
        ticks: Callable[[], float] = time.monotonic,
        *,
        probes: bool = True,
    ) -> None:
        self._log = log
        self._unlogged = frozenset() if probes else PROBES
        self._damage = {kind: Damage(name, log, ticks) for kind, name in _DAMAGED.items()}
        self._trace_of = trace_of
        self._write_line = log.line("request", *_FIELDS)
        self._write_longer = {more: log.line("request", *_FIELDS, *more) for more in _MORE}

    def write(self, request: Request, response: Response, seconds: float) -> None:
        """Log how the request ended, and after how long."""
        if request.path in self._unlogged and not response.is_refusal:
            return
        body = response.body
        cut = "" if isinstance(body, bytes) else body.cut
        values = (
            request.method,
            request.raw_path.decode("ascii", "backslashreplace"),
            response.status,
            round(seconds * 1000, 1),
            request.body.received_bytes,
            0 if request.method == "HEAD" else response.sent,
            request.grant.principal,
            request.peer,
            parsing.header(request, b"user-agent") or "",
            request.id,
        )
        trace = self._trace_of(request)
        if trace or cut:
            more = {name: value for name, value in (("trace", trace), ("cut", cut)) if value}
            self._write_longer[tuple(more)](*values, *more.values())
        else:
            self._write_line(*values)

    def write_trouble(self, request: Request, refused: RegistryError) -> None:
        """Log why the storage could not be used: the disk may be failing.

        With the cause, of which the client was told no more than the kind.
        """
        cause = str(refused.__cause__ or "").partition("\n")[0]
        problem = refused.message if cause in refused.message else f"{refused.message} ({cause})"
        self._log.warning("storage", problem=problem, id=request.id)

    def write_damage(self, request: Request, refused: RegistryError) -> None:
        """Log the damage, if the request was refused because stored content is damaged."""
        damage = self._damage.get(type(refused))
        if damage is not None:
            damage.tell(request.params.get("repository", ""), refused.detail["digest"])

    def write_failure(self, request: Request) -> None:
        """Log an unexpected exception with its traceback."""
        self._log.exception(
            "failure",
            method=request.method,
            path=request.raw_path.decode("ascii", "backslashreplace"),
            id=request.id,
        )
