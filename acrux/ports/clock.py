"""The time, as the services ask for it."""

from collections.abc import Callable
from datetime import datetime

# An aware instant in UTC.
Clock = Callable[[], datetime]
