"""The time, as the services ask for it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

# An aware instant in UTC.
Clock = Callable[[], datetime]

BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
