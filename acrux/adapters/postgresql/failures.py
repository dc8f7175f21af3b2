"""Failures of PostgreSQL, as errors that clients can act on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from acrux.errors import (
    InvalidSettings,
    RegistryError,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    TooManyRequests,
)

_FULL: Final = "the disk of the database is full: free some space there, then try again"
READ_ONLY: Final = (
    "the database takes no writes now: you can pull, but not push or change anything; try again"
    " once it does"
)
_BUSY: Final = "the database is busy: try again in a moment"
_PREPARED: Final = (
    "a pooler in front of the database forgets prepared statements: set prepare_statements to false"
)


def _busy() -> RegistryError:
    return TooManyRequests(_BUSY, retry_after=1)


# By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_OF_STATE: Final[dict[str, Callable[[], RegistryError]]] = {
    "25006": lambda: StorageReadOnly(READ_ONLY),
    "26000": lambda: StorageUnavailable(_PREPARED),
    "42P05": lambda: StorageUnavailable(_PREPARED),
    "40001": _busy,  # serialization failure
    "40P01": _busy,  # deadlock
    "53100": lambda: StorageExhausted(_FULL),
    "55P03": _busy,  # a lock was not to be had in time
}

# All others of these states and classes, which are the first two characters.
UNAVAILABLE: Final = frozenset(
    {
        "08",  # connection exception
        "0A",  # feature not supported: a cached plan, just after a migration
        "28",  # invalid authorization: it was let in before
        "3D",  # the database is gone, or is being renamed
        "42501",  # insufficient privilege
        "53",  # insufficient resources
        "55006",  # object in use
        "57",  # operator intervention: shut down, starting up, cancelled
        "58",  # system error
        "25P03",  # idle in a transaction for too long
        "F0",  # configuration file
        "XX001",  # data corrupted
        "XX002",  # index corrupted
    }
)

# What a connection raises if it failed, and not the statement.
LOST: Final = (OSError, TimeoutError, EOFError, asyncpg.InterfaceError, asyncpg.InternalClientError)


def ours(failure: Exception) -> RegistryError | None:
    """The registry's own error for it; None if it is a mistake of the statement."""
    if isinstance(failure, LOST):
        return _unavailable(failure)
    state = (isinstance(failure, asyncpg.PostgresError) and failure.sqlstate) or ""
    if state in _OF_STATE:
        return _OF_STATE[state]()
    return _unavailable(failure) if {state, state[:2]} & UNAVAILABLE else None


def _unavailable(failure: Exception) -> StorageUnavailable:
    return StorageUnavailable(
        f"the database cannot be read or written now ({_kind(failure)}): try again in a moment"
    )


def _kind(failure: Exception) -> str:
    """What any client may be told: no address, role or name of a database."""
    if isinstance(failure, TimeoutError):
        return "it did not answer in time"
    if isinstance(failure, asyncpg.PostgresError):
        return f"SQLSTATE {failure.sqlstate}"
    return "the connection failed"


def _reason(failure: BaseException) -> str:
    if isinstance(failure, TimeoutError):
        return "it did not answer in time"
    shown = (isinstance(failure, OSError) and failure.strerror) or str(failure)
    return shown.partition("\n")[0] or type(failure).__name__


@contextmanager
def translated() -> Iterator[None]:
    """Raise the registry's own error for a failure within it, if there is one."""
    try:
        yield
    except Exception as failure:
        known = ours(failure)
        if known is None:
            raise
        raise known from failure


@contextmanager
def refusals(shown: str) -> Iterator[None]:
    """Raise InvalidSettings for any failure to open the database, in one line."""
    try:
        yield
    except InvalidSettings:
        raise
    except asyncpg.ClientConfigurationError as failure:
        raise InvalidSettings(f"database: {shown}: {_reason(failure)}") from failure
    except (*LOST, asyncpg.PostgresError, RegistryError) as failure:
        # Ours says what a client is told of it; one of asyncio is caused by its own machinery.
        first = (isinstance(failure, RegistryError) and failure.__cause__) or failure
        raise InvalidSettings(
            f"database: {shown} cannot be used ({_reason(first)}): {_advice(first)}"
        ) from failure
    except ValueError:  # it may quote a part of the URL
        raise InvalidSettings(
            f"database: {shown} has a port or a parameter that cannot be read"
        ) from None


_ADVICE: Final = {
    "28": "correct the user and the password of the URL, or pg_hba.conf",
    "3D": "create it with the collation C, or correct the name in the URL",
    "42501": "let the role of the URL own the database",
    "53": "make room on the server, or let it accept more connections",
}


def _advice(failure: BaseException) -> str:
    state = getattr(failure, "sqlstate", None) or ""
    return _ADVICE.get(state) or _ADVICE.get(state[:2], "start the server, or correct the URL")
