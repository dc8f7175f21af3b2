"""The certificate that is served: the last good pair, kept in memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from acrux.adapters.keys.certificates import CertificateFiles, Pair, expiry, read_pair
from acrux.errors import InvalidSettings


class Tell(Protocol):
    """Writes one line of the log."""

    def __call__(self, event: str, /, **values: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Served:
    """Files that only this process and its forks can read, and that never change."""

    certificate: Path
    key: Path


class ServedCertificate:
    """A certificate and its key, read again from files that somebody else may renew.

    `files` returns where they are, and makes them if that is up to us. Links are followed at each
    read. A new pair is checked first, and then kept in memory, apart from its files: so a bad pair
    never replaces a good one, and no worker reads half of a new pair. Raises InvalidSettings if
    there is no good pair at the start. `tell` logs what is usual, `warn` what is not.
    """

    def __init__(self, files: Callable[[], CertificateFiles], tell: Tell, warn: Tell) -> None:
        self._files = files
        self._tell = tell
        self._warn = warn
        self._problem = ""
        self._descriptors: list[int] = []
        self._pair = read_pair(files())
        self.served = self._keep(self._pair)

    def look(self) -> bool:
        """Whether there is another good pair, which is then served from now on.

        A bad pair is logged once.
        """
        try:
            pair = read_pair(self._files())
            changed = pair != self._pair
            if changed:
                self.served = self._keep(pair)
        except (InvalidSettings, OSError) as problem:  # OSError: no descriptor or memory is left
            self._complain(str(problem))
            return False
        self._problem = ""
        if changed:
            self._pair = pair
            self._tell("certificate-changed")
        return changed

    @property
    def expires_at(self) -> datetime:
        """When the served certificate expires."""
        return expiry(self._pair)

    def forget_problem(self) -> None:
        """Log the same problem again if it persists: somebody asked for a reload."""
        self._problem = ""

    def _complain(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            self._warn("certificate-kept", problem=problem)

    def _keep(self, pair: Pair) -> Served:
        certificate = _in_memory(pair.certificate)
        try:
            key = _in_memory(pair.key)
        except OSError:
            os.close(certificate)
            raise
        # Forked processes have descriptors of their own.
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = [certificate, key]
        return Served(Path(f"/proc/self/fd/{certificate}"), Path(f"/proc/self/fd/{key}"))


def _in_memory(content: bytes) -> int:
    descriptor = os.memfd_create("acrux-tls")
    try:
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(content)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
