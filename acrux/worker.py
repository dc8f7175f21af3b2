"""A worker process: its event loop, its signals, its end with its parent."""

import asyncio
import ctypes
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVarTuple

import uvloop

from acrux.adapters.log import LineLog, hear_libraries
from acrux.adapters.shared_counts import SharedCounts
from acrux.bootstrap.application import build
from acrux.bootstrap.tracing import Asgi, Tracing, start
from acrux.settings_sources import CurrentSettings
from acrux.threads import Threads

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

# Asks a worker to close each connection after its next answer. Not SIGUSR1, which asks other
# servers to reopen their logs: a rotation of logs may signal every process of a name.
DRAIN: Final = signal.SIGRTMIN

PARENT_SECONDS: Final = 1  # how often a worker checks that its parent still runs

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

PID: Final = struct.Struct("=i")  # what a worker writes when it is ready: its process id


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
            os.write(self._ready, PID.pack(os.getpid()))
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


def load(current: CurrentSettings, parent: int, counts: SharedCounts) -> Asgi:
    """The application of one worker process; `parent` is the process that started it."""
    settings = current.settings
    _end_with_the_parent(parent)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the parent
    for stopping in STOPPING:
        signal.signal(stopping, signal.SIG_DFL)  # until granian sets the worker's handlers
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    hear_libraries(settings.log_level)
    log = LineLog(sys.stderr, settings.log_format, settings.log_level)
    tracing = _start_tracing(log)
    app = build(settings, log=log, counts=counts, tracing=tracing).app
    signal.signal(DRAIN, lambda *_: app.drain())
    return tracing.serve(app) if tracing else app


def _start_tracing(log: LineLog) -> Tracing | None:
    try:
        return start(os.environ)
    except Exception as failed:  # noqa: BLE001 -- nobody is refused because of a wrong variable
        log.warning("tracing-off", problem=f"{type(failed).__name__}: {failed}")
        return None


def _end_with_the_parent(parent: int) -> None:
    # A worker whose parent was killed would keep serving, and would block the port for the next
    # start. Only SIGKILL ends it in any state, even stopped or waiting for a lock. A push that is
    # cut off is retried, as after a power failure.
    # To the kernel, the parent is the thread that forked us (prctl(2)): only the parent's main
    # thread may start workers.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _end_if_alone(parent)  # prctl does not report a parent that died before the call
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    # For systems that cannot send a signal when the parent dies.
    while True:
        time.sleep(PARENT_SECONDS)
        _end_if_alone(parent)


def _end_if_alone(parent: int) -> None:
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
