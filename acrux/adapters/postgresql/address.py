"""The URL of a PostgreSQL database, and what of it may be shown."""

import re
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from acrux.errors import InvalidSettings

MAX_BYTES: Final = 8192  # of a file that holds one

_EXPECTED: Final = (
    "expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with %23 for # in a password, %2F for"
    " / and so on"
)

# url ::= scheme "://" [ user [ ":" password ] "@" ] hosts [ "/" database ] [ "?" parameters ]
# (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING, §34.1.1.2)
_URL: Final = re.compile(
    r"postgres(?:ql)?://(?:(?P<user>[^:@/?#]*)(?::[^@/?#]*)?@)?(?P<hosts>[^@/?#]*)"
    r"(?:/(?P<name>[^@/?#]*))?(?:\?[^#]*)?"
)


class Address(Struct, frozen=True):
    """Where a database is. `shown` is the URL without what may be secret."""

    url: str
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    @classmethod
    def parse(cls, url: str, setting: str = "database") -> Self:
        """The address that the setting has. Raises InvalidSettings, which does not quote it."""
        match = _URL.fullmatch(url)
        if match is None or not url.isprintable():
            raise InvalidSettings(f"{setting}: is not the URL of a PostgreSQL: {_EXPECTED}")
        user = f"{match['user']}@" if match["user"] else ""
        name = f"/{match['name']}" if match["name"] else ""
        return cls(url, f"postgresql://{user}{match['hosts']}{name}")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The address in a file, of which blanks at both ends do not count."""
        try:
            with path.open("rb") as file:
                text = file.read(MAX_BYTES).decode().strip()
        except (OSError, UnicodeDecodeError) as failed:
            reason = getattr(failed, "strerror", None) or "it is not UTF-8"
            raise InvalidSettings(
                f"database_file: {path} cannot be read ({reason}): make it readable for the user"
                " who runs acrux"
            ) from None
        return cls.parse(text, f"database_file: {path}")
