"""The clock, and the pause, that the services use."""

from collections.abc import Awaitable, Callable
from datetime import datetime

# An aware instant in UTC.
Clock = Callable[[], datetime]

# Wait until an instant.
Pause = Callable[[datetime], Awaitable[None]]

# Let others have their turn: between two steps of work in the background.
Rest = Callable[[], Awaitable[None]]
