"""Each failure of PostgreSQL is the error that clients can act on."""

import re
from asyncio import CancelledError

import asyncpg
import pytest

from acrux.adapters.postgresql.failures import ours, refusals, translated
from acrux.errors import (
    InvalidSettings,
    RegistryError,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    TooManyRequests,
)

SHOWN = "postgresql://acrux@db/acrux"


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (asyncpg.DiskFullError("full"), StorageExhausted),
        (asyncpg.ReadOnlySQLTransactionError("read-only"), StorageReadOnly),
        (asyncpg.LockNotAvailableError("lock_timeout"), TooManyRequests),
        (asyncpg.DeadlockDetectedError("deadlock"), TooManyRequests),
        (asyncpg.SerializationError("concurrent update"), TooManyRequests),
        (asyncpg.AdminShutdownError("terminating"), StorageUnavailable),
        (asyncpg.CrashShutdownError("crash of another process"), StorageUnavailable),
        (asyncpg.CannotConnectNowError("starting up"), StorageUnavailable),
        (asyncpg.TooManyConnectionsError("too many clients"), StorageUnavailable),
        (asyncpg.OutOfMemoryError("out of memory"), StorageUnavailable),
        (asyncpg.QueryCanceledError("statement timeout"), StorageUnavailable),
        (asyncpg.ConnectionDoesNotExistError("closed"), StorageUnavailable),
        (asyncpg.InvalidPasswordError("wrong password"), StorageUnavailable),
        (asyncpg.InvalidCatalogNameError("no such database"), StorageUnavailable),
        (asyncpg.InsufficientPrivilegeError("permission denied"), StorageUnavailable),
        (asyncpg.IdleInTransactionSessionTimeoutError("idle"), StorageUnavailable),
        (asyncpg.DataCorruptedError("invalid page"), StorageUnavailable),
        (asyncpg.PostgresIOError("could not read block"), StorageUnavailable),
        (asyncpg.InvalidSQLStatementNameError("no such statement"), StorageUnavailable),
        (asyncpg.InterfaceError("connection is closed"), StorageUnavailable),
        (ConnectionResetError(104, "Connection reset by peer"), StorageUnavailable),
        (TimeoutError(), StorageUnavailable),
    ],
)
def test_a_failure_of_the_server_is_no_wrong_answer(
    failure: Exception, expected: type[RegistryError]
) -> None:
    """A client would take a server that restarts for content that does not exist."""
    with pytest.raises(expected) as refused, translated():
        raise failure

    assert refused.value.__cause__ is failure


def test_a_client_is_not_told_where_the_database_is() -> None:
    """A stranger would learn addresses and names of roles from an outage."""
    for failure in (
        ConnectionRefusedError(111, "Connect call failed ('10.0.0.5', 5432)"),
        asyncpg.InvalidPasswordError('password authentication failed for user "acrux"'),
    ):
        refused = ours(failure)

        assert refused is not None
        assert not {"10.0.0.5", "acrux"} & set(re.split(r"[^\w.]", refused.message))


@pytest.mark.parametrize(
    "failure",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.ForeignKeyViolationError("violates"),
        asyncpg.UndefinedTableError("no such table"),
        asyncpg.PostgresSyntaxError("syntax"),
        KeyError("name"),
    ],
)
def test_a_mistake_of_a_statement_is_none_of_these(failure: Exception) -> None:
    """A mistake in acrux would be retried by clients, and never be found."""
    assert ours(failure) is None


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (asyncpg.InvalidPasswordError("password authentication failed"), "correct the user"),
        (asyncpg.InvalidCatalogNameError('database "a" does not exist'), "create it"),
        (asyncpg.InsufficientPrivilegeError("permission denied for schema"), "own the database"),
        (asyncpg.TooManyConnectionsError("too many clients already"), "more connections"),
        (ConnectionRefusedError(111, "Connection refused"), "start the server"),
        (TimeoutError(), "it did not answer in time"),
        (asyncpg.ClientConfigurationError("`sslmode` parameter must be one of"), "sslmode"),
        (asyncpg.UndefinedObjectError("unrecognized parameter\nHINT"), "unrecognized parameter"),
        (StorageUnavailable("a standby"), "a standby"),
    ],
)
def test_at_the_start_it_is_one_line_with_advice(failure: Exception, said: str) -> None:
    """An operator would read a traceback, and guess what to correct."""
    with pytest.raises(InvalidSettings) as refused, refusals(SHOWN):
        raise failure

    assert refused.value.message.startswith(f"database: {SHOWN}")
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_a_server_that_hangs_is_called_so() -> None:
    """asyncio raises its time limit from a cancellation, which tells an operator nothing."""
    with pytest.raises(InvalidSettings, match="it did not answer in time"), refusals(SHOWN):
        raise TimeoutError from CancelledError()


def test_what_quotes_the_url_is_not_repeated() -> None:
    """The port of a URL with an unescaped password may be the password."""
    with pytest.raises(InvalidSettings) as refused, refusals(SHOWN):
        raise ValueError("invalid literal for int() with base 10: 's3cret'")

    assert "s3cret" not in refused.value.message
