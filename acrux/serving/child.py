"""What every process that the registry starts does first."""

import ctypes
import os
import signal
import struct
import threading
import time
from contextlib import suppress
from typing import Final

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)

PARENT_SECONDS: Final = 1  # how often a child checks that its parent still runs

PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h

PID: Final = struct.Struct("=i")  # what a child writes when it is ready: its process id


def begin(parent: int) -> None:
    """End when the process `parent` ends, and take signals like a program of its own."""
    _end_with_the_parent(parent)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it is meant for the parent
    for stopping in STOPPING:
        signal.signal(stopping, signal.SIG_DFL)  # until a server sets handlers of its own
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies, where it can (prctl(2))."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_with_the_parent(parent: int) -> None:
    # A worker whose parent was killed would keep serving, and would block the port for the next
    # start. Only SIGKILL ends it in any state, even stopped or waiting for a lock. A push that is
    # cut off is retried, as after a power failure.
    # To the kernel, the parent is the thread that forked us (prctl(2)): only the parent's main
    # thread may start workers.
    die_with_parent()
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
