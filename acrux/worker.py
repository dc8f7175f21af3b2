"""A worker process: its event loop, the first of its signals."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Final, TypeVarTuple

import uvloop

from acrux.adapters.log import LineLog, hear_libraries
from acrux.adapters.metrics.board import Board
from acrux.adapters.shared_counts import SharedCounts
from acrux.bootstrap.application import build
from acrux.bootstrap.tracing import Asgi, Tracing, start
from acrux.http.app import Application
from acrux.serving import child
from acrux.serving.listeners import stop_accepting
from acrux.settings_sources import CurrentSettings
from acrux.threads import Threads

# Asks a worker to accept no more connections, and to close each after its next answer. Not SIGUSR1,
# which asks other servers to reopen their logs: a rotation may signal every process of a name.
DRAIN: Final = signal.SIGRTMIN

Args = TypeVarTuple("Args")


class WorkerLoop(uvloop.Loop):
    """The event loop of a worker. It writes to descriptor `ready` when the server has started.

    Only the first of several stop signals is passed on. If a service manager signals all processes
    and the parent signals its workers too, a worker gets two, and granian's handler would hang in
    the second.
    """

    def __init__(self, ready: int) -> None:
        super().__init__()
        self._ready = ready
        self._threads = Threads(self)
        self._runs = 0
        self._stopping = False

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Args], Any], *args: *Args
    ) -> Any:  # uvloop declares a coroutine, and returns a future
        """As the base class does; without an executor, in one of the worker's own threads."""
        if executor is None:
            return self._threads.start(partial(func, *args) if args else func)
        return super().run_in_executor(executor, func, *args)

    def run_until_complete(self, future: Any) -> Any:
        """Run as the base class does, and report the second run.

        granian first runs the start of the application, then the server until its end.
        """
        self._runs += 1
        if self._runs == 2:
            os.write(self._ready, child.PID.pack(os.getpid()))
        return super().run_until_complete(future)

    def add_signal_handler(
        self, sig: int, callback: Callable[[*Args], object], *args: *Args
    ) -> None:
        """Add as the base class does, but only the first of all signals calls its handler."""
        super().add_signal_handler(sig, partial(self._stop, callback, *args))

    def _stop(self, callback: Callable[[*Args], object], *args: *Args) -> None:
        if not self._stopping:
            self._stopping = True
            callback(*args)


def make_loop(ready: int) -> WorkerLoop:
    """Create a WorkerLoop and make it the event loop of this thread."""
    loop = WorkerLoop(ready)
    asyncio.set_event_loop(loop)
    return loop


def load(
    current: CurrentSettings,
    parent: int,
    board: Board,
    shared: SharedCounts,
    listener: socket.socket,
) -> Asgi:
    """The application of one worker process, which accepts connections from `listener`.

    `parent` is the process that started it, `board` is where it puts its metrics, and `shared` is
    what it counts with the other workers.
    """
    settings = current.settings
    child.begin(parent)
    hear_libraries(settings.log_level)
    log = LineLog(sys.stderr, settings.log_format, settings.log_level)
    tracing = _start_tracing(log)
    app = build(settings, log=log, board=board, shared=shared, tracing=tracing).app
    signal.signal(DRAIN, partial(_drain, app, listener))
    return tracing.serve(app) if tracing else app


def _drain(app: Application, listener: socket.socket, *_: object) -> None:
    stop_accepting(listener)
    app.drain()


def _start_tracing(log: LineLog) -> Tracing | None:
    try:
        return start(os.environ)
    except Exception as failed:  # noqa: BLE001 -- nobody is refused because of a wrong variable
        log.warning("tracing-off", problem=f"{type(failed).__name__}: {failed}")
        return None
