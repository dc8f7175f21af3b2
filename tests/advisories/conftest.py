"""The registry in process and its callers, as in the tests over HTTP."""

from tests.http.conftest import admin, clock, log, registry, settings, stranger

__all__ = ["admin", "clock", "log", "registry", "settings", "stranger"]
