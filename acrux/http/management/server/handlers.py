"""All handlers about servers."""

from dataclasses import dataclass
from typing import Self

from acrux.http.management.server.doctor import DoctorManagement
from acrux.http.management.server.log_level import LogLevelManagement
from acrux.services.server.doctor import Doctor
from acrux.services.server.log_level import LogLevels


@dataclass(frozen=True, slots=True)
class ServerHandlers:
    """The handlers of everything about servers."""

    doctor: DoctorManagement
    log_level: LogLevelManagement

    @classmethod
    def on(cls, doctor: Doctor, log_levels: LogLevels) -> Self:
        """The handlers of these services."""
        return cls(DoctorManagement(doctor), LogLevelManagement(log_levels))
