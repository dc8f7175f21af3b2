"""A registry in process, as the tests of HTTP have it."""

from tests.http.conftest import admin, clock, log, registry, settings, stranger

__all__ = ["admin", "clock", "log", "registry", "settings", "stranger"]
