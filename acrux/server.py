"""Run the application in worker processes, and report when it answers."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any, Final

from granian._loops import loops
from granian.constants import Interfaces, Loops, SSLProtocols
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.mp import MPServer

from acrux.adapters.blobs.upload_recovery import recover
from acrux.adapters.keys.served_certificate import ServedCertificate
from acrux.adapters.log import LineLog
from acrux.adapters.metrics.board import Board
from acrux.adapters.metrics.families import Values
from acrux.adapters.shared_counts import SharedCounts
from acrux.adapters.sockets import allow_descriptors, connection_ceiling
from acrux.bootstrap.tracing import obstacle
from acrux.errors import InvalidSettings
from acrux.http.heads import MAX_HEADER_BYTES
from acrux.serving import listening, logs, tls
from acrux.serving.announcing import announce
from acrux.serving.child import PID, STOPPING
from acrux.serving.listeners import BACKLOG, Listeners
from acrux.serving.scraping import Scraping
from acrux.serving.supervision import LEAVING_PER_WORKER, CannotStart, Process, Supervisor
from acrux.settings import Settings
from acrux.settings_sources import CurrentSettings
from acrux.worker import DRAIN, load, make_loop

# With granian's default of 408 KiB each slow upload took 2.5 MB; the goal is 2 MB.
BUFFER_BYTES = 1 << 18  # of a body, waiting for the application

LOOK_SECONDS = 2  # how often the certificate's files are checked for changes

# For metrics: the worker that serves, the one that is starting, and those that are leaving.
PLACES_PER_WORKER: Final = 2 + LEAVING_PER_WORKER

LOOP: Final = "acrux"  # the name of the workers' event loop

# The default accepts a header list of 16 MiB, which a client can produce from 4 KB (HPACK).
HTTP2: Final = HTTP2Settings(max_concurrent_streams=100, max_headers_size=MAX_HEADER_BYTES)


class Server(MPServer):
    """Granian's server, except that we supervise its workers.

    Calls `answering`, in a thread, when all workers have started, and `read_again` before it
    replaces them because somebody asked for it.
    """

    def __init__(  # noqa: PLR0913 -- one of each
        self,
        *args: Any,
        log: LineLog,
        tell: Callable[[str, str], None],
        certificate: ServedCertificate | None,
        answering: Callable[[], None],
        read_again: Callable[[], None],
        listeners: Listeners,
        board: Board,
        scraping: Scraping | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._log = log
        self._tell = tell
        self._certificate = certificate
        self._answering = answering
        self._read_again = read_again
        self._listeners = listeners
        self._scraping = scraping
        self._slot = board.claim()
        self._starts = 0  # of workers
        self._woken, self._wake = _pipe()
        self._ready_reader, self._ready_writer = _pipe()

    def signal_handler_interrupt(self, *_: Any) -> None:
        """Stop."""
        self.interrupt_signal = True
        self._wake_up()

    def signal_handler_reload(self, *_: Any) -> None:
        """Read some settings again, check for a new certificate, and replace the workers."""
        self.reload_signal = True
        self._wake_up()

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes too
            os.write(self._wake, b"!")

    def _init_shared_socket(self) -> None:
        """Leave it to `_start`, which gives each worker its listener."""
        self._ssp, self._sso = None, None

    # granian's own loop stops the registry if a replacement dies within 5.5 seconds. On a reload it
    # kills a worker that is still busy after `workers_kill_timeout`.
    def _spawn_workers(self, *_: Any) -> None:
        """Start no worker: the supervisor does that."""

    def _serve(self, spawn_target: Any, target_loader: Any) -> None:
        # granian's registry of event loops, for those that it does not ship.
        loops.register(LOOP)(partial(make_loop, self._ready_writer))
        self.loop: Any = LOOP
        self.startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]
        supervisor = Supervisor(
            self.workers,
            partial(self._start, spawn_target, target_loader),
            self._log.warning,
            time.monotonic,
            started=lambda: threading.Thread(target=self._answering, daemon=True).start(),
            drain=_drain,
            abandon=self._listeners.abandon,
        )
        scraped = Supervisor(
            1 if self._scraping else 0, self._start_scraping, self._log.info, time.monotonic
        )
        try:
            self._supervise(supervisor, scraped)
        except CannotStart as failed:
            self._tell("worker-cannot-start", f"a worker could not start ({failed})")
            raise SystemExit(1) from failed
        finally:
            self._listeners.keep_only(None)  # so that nobody waits for workers that stop
            supervisor.stop(self.workers_kill_timeout or 0)
            scraped.stop(1)

    def _start(self, spawn_target: Any, target_loader: Any, number: int) -> Process:
        """Start one worker with the current certificate.

        Stop signals are blocked meanwhile. A forked worker has our handlers until it sets its own:
        a signal in between would be lost, and the stop would wait until it times out.
        """
        if self._certificate:
            served = self._certificate.served
            self.ssl_ctx: Any = (True, str(served.certificate), str(served.key), *self.ssl_ctx[3:])
        listener, is_unix = self._listeners.of(number), False
        self._shd: Any = SocketHolder(listener.fileno(), is_unix, BACKLOG)  # type: ignore[call-arg]
        loader = partial(self._load, target_loader, number)
        with _stop_signals_blocked():
            process: BaseProcess = self._spawn_worker(number, spawn_target, loader).inner
            process.start()
        self._starts += 1
        self._publish()
        return process

    def _load(self, load: Callable[[socket.socket], Any], number: int) -> Any:
        """What the worker of this number serves; called in its process."""
        self._listeners.keep_only(number)
        return load(self._listeners.of(number))

    def _start_scraping(self, _: int) -> Process:
        assert self._scraping is not None  # noqa: S101 -- for the type checker
        with _stop_signals_blocked():
            return self._scraping.start(self._ready_writer, self._listeners)

    def _supervise(self, supervisor: Supervisor, scraped: Supervisor) -> None:
        looked = time.monotonic()
        while not self.interrupt_signal:
            if self.reload_signal:
                self.reload_signal = False
                self._reload_now(supervisor)
            elif self._certificate and time.monotonic() > looked + LOOK_SECONDS:
                looked = time.monotonic()
                if self._certificate.look():
                    supervisor.relieve_all()
            self._step(supervisor, scraped)

    def _step(self, *supervisors: Supervisor) -> None:
        for supervisor in supervisors:
            supervisor.step()
        ended = (sentinel for each in supervisors for sentinel in each.sentinels())
        due = min(each.next_due() for each in supervisors)
        wait([self._woken, self._ready_reader, *ended], due)
        _read(self._woken)
        for (pid,) in PID.iter_unpack(_read(self._ready_reader)):
            for supervisor in supervisors:
                supervisor.ready(pid)

    def _publish(self) -> None:
        # Whenever a worker starts: after a change of the certificate, all are started again.
        counts: Values = {("acrux_worker_starts_total",): [self._starts]}
        if self._certificate:
            at = self._certificate.expires_at.timestamp()
            counts["acrux_certificate_expiry_timestamp_seconds",] = [at]
        with suppress(OSError):  # metrics keep no worker from starting
            self._slot.write(counts)

    def _reload_now(self, supervisor: Supervisor) -> None:
        self._read_again()
        if self._certificate:
            self._certificate.forget_problem()
            self._certificate.look()
        self._log.info("reload", workers=self.workers)
        supervisor.relieve_all()


def _drain(process: Process) -> None:
    if process.pid is not None and process.exitcode is None:
        os.kill(process.pid, DRAIN)


@contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)  # a multiple of the size of PID
    except BlockingIOError:
        return b""


def survive_signals() -> None:
    """Ignore signals that would end the process but mean something else.

    SIGHUP asks to read settings and certificates, which a start does anyway; SIGUSR1 and SIGUSR2
    ask other servers to reopen their logs.
    """
    for ignored in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)


def run(
    current: CurrentSettings,
    answering: Callable[[], None],
    passed: socket.socket | None = None,
    metrics: socket.socket | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; then running requests have `stop_seconds` to finish.

    `passed` is the socket to accept connections from, if a service manager listens on it, and
    `metrics` one that listens for scrapers, if they have a port of their own. Raises
    SystemExit(1) if a worker cannot start, and InvalidSettings if there is no usable certificate.
    """
    settings = current.settings
    address, port = listening.address(settings)
    sys.stderr = logs.standard_error(settings)  # the workers inherit it by the fork
    allow_descriptors()
    log = LineLog(sys.stderr, settings.log_format, settings.log_level)
    logs.warn_of_strangers(settings, log)
    if problem := obstacle(os.environ):
        log.warning("tracing-off", problem=problem)
    find = tls.finder(settings)
    if not settings.storage:
        recover(settings.data_dir / "uploads")  # once, before a worker reports an offset
    board = Board(PLACES_PER_WORKER * settings.worker_processes + 1)
    server = Server(
        "acrux",
        address=address,
        port=port,
        **_of_granian(settings),
        log=log,
        tell=partial(logs.tell, settings),
        certificate=ServedCertificate(find, log.info, log.warning) if find else None,
        answering=partial(announce, settings, answering, partial(logs.tell, settings)),
        read_again=partial(_read_again, current, log),
        listeners=Listeners((address, port), passed),
        board=board,
        scraping=Scraping(settings, metrics, board) if metrics else None,
    )
    loader = partial(load, current, os.getpid(), board, SharedCounts())
    server.serve(target_loader=loader, wrap_loader=False)


def _of_granian(settings: Settings) -> dict[str, Any]:
    return {
        # Not RSGI: there, a truncated body looks complete. ASGI sends http.disconnect.
        "interface": Interfaces.ASGI,
        "loop": Loops.uvloop,
        "workers": settings.worker_processes,
        "websockets": False,
        "log_level": LogLevels.warning,
        "log_dictconfig": logs.of_libraries(settings.log_format),
        "workers_kill_timeout": settings.stop_seconds,
        "backlog": BACKLOG,
        # A number of connections; any more wait to be accepted.
        "backpressure": connection_ceiling(settings.connections),
        "http1_settings": _http1(settings),
        "http2_settings": HTTP2,
        "ssl_protocol_min": SSLProtocols.tls12,
    }


def _read_again(current: CurrentSettings, log: LineLog) -> None:
    try:
        need_restart = current.read_again()
    except InvalidSettings as refused:
        log.warning("settings-kept", problem=refused.message)
        return
    log.obey(current.settings.log_level)
    if need_restart:
        log.warning("settings-need-restart", settings=", ".join(need_restart))


def _http1(settings: Settings) -> HTTP1Settings:
    # It counts from the end of the previous request; the first header has its own, shorter time.
    longest = max(settings.header_seconds, settings.keep_alive_seconds)
    return HTTP1Settings(header_read_timeout=longest * 1000, max_buffer_size=BUFFER_BYTES)
