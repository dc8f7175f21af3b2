"""A registry in process."""

from tests.http.conftest import admin, clock, log, registry, settings, stranger

__all__ = ["admin", "clock", "log", "registry", "settings", "stranger"]
