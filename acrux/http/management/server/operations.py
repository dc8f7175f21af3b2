"""The operations on servers."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.operation import Operation
from acrux.http.management.server import shapes
from acrux.http.management.server.bodies import ChangeLogLevel
from acrux.http.management.server.handlers import ServerHandlers


def operations(handlers: ServerHandlers) -> tuple[Operation, ...]:
    """Every operation on servers."""
    level = handlers.log_level
    return (
        Operation(
            "GET", "/doctor", READ, handlers.doctor.show,
            "Examine the machine of the server that answers, as `acrux doctor` does.",
            answer=shapes.Health,
        ),
        Operation(
            "GET", "/logLevel", READ, level.show, "Show how much is logged.",
            answer=shapes.LogLevel,
        ),
        Operation(
            "PUT", "/logLevel", WRITE, level.change,
            "Log from another level on, until this is reset or a server is started.",
            ChangeLogLevel, shapes.LogLevel,
        ),
        Operation(
            "DELETE", "/logLevel", WRITE, level.reset, "Log as the settings say.", status=204
        ),
    )  # fmt: skip
