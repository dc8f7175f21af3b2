"""A PostgreSQL, shared by these tests."""

from tests.postgresql import server

__all__ = ["server"]
