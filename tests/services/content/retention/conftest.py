"""A registry whose content has an age."""

import pytest

from acrux.adapters.sqlite.database import SqliteDatabase
from tests.http.conftest import HandClock
from tests.services.content.retention.shelf import Shelf


@pytest.fixture
def shelf(database: SqliteDatabase, clock: HandClock) -> Shelf:
    """An empty registry."""
    return Shelf(database, clock)
