"""The registry in process and its callers, as the tests over HTTP have them."""

from tests.http.conftest import admin, clock, log, registry, settings, stranger

__all__ = ["admin", "clock", "log", "registry", "settings", "stranger"]
