"""What a backup holds: the embedded database, and not a PostgreSQL."""

from typing import Final

from acrux.errors import InvalidSettings
from acrux.settings import Settings

_INSTEAD: Final = (
    "database: acrux backup and acrux restore do not copy a PostgreSQL: use pg_dump and pg_restore,"
    " and copy the data directory after the dump"
)


def check_embedded(settings: Settings) -> None:
    """Raise InvalidSettings if the database is not in the data directory."""
    if settings.is_on_postgresql:
        raise InvalidSettings(_INSTEAD)
