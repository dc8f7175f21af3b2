"""The certificate that is served: the last good pair, kept in memory."""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from acrux.adapters.certificates import CertificateFiles, read_pair
from acrux.errors import InvalidSettings


class Tell(Protocol):
    """Writes one line of the log."""

    def __call__(self, event: str, /, **values: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Served:
    """Files that only this process and those forked from it can read, and that never change."""

    certificate: Path
    key: Path


class ServedCertificate:
    """A certificate and its key, read anew from files that somebody else renews.

    `files` says where they are, and makes them where that is ours to do. Links are followed
    whenever they are read. What does not fit together never takes the place of what does: a pair
    is checked first, and then kept apart from its files, so that no worker finds half of another.
    Raises InvalidSettings where there is no good pair to begin with.
    """

    def __init__(self, files: Callable[[], CertificateFiles], tell: Tell) -> None:
        self._files = files
        self._tell = tell
        self._pair = read_pair(files())
        self._problem = ""
        self._descriptors: list[int] = []
        self.served = self._keep()

    def look(self) -> bool:
        """Whether there is another good pair now, which is served from now on.

        A pair that is not good is logged, once.
        """
        try:
            pair = read_pair(self._files())
        except InvalidSettings as problem:
            self._complain(str(problem))
            return False
        self._problem = ""
        if pair == self._pair:
            return False
        self._pair = pair
        self.served = self._keep()
        self._tell("certificate-changed")
        return True

    def forget_problem(self) -> None:
        """Let a problem that was logged be logged again: somebody asks."""
        self._problem = ""

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._tell("certificate-kept", problem=problem)

    def _keep(self) -> Served:
        # Whoever was forked from us has descriptors of its own, and has read them long ago.
        for descriptor in self._descriptors:
            with suppress(OSError):
                os.close(descriptor)
        self._descriptors = [_in_memory(pem) for pem in (self._pair.certificate, self._pair.key)]
        certificate, key = (Path(f"/proc/self/fd/{held}") for held in self._descriptors)
        return Served(certificate, key)


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("acrux-tls")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    return descriptor
