"""The versions of the schema, and which programs can use them.

A migration that expands leaves all that an earlier program reads and writes as it is, and says so
in its first line: `-- expands: 15` means that programs that know version 15 go on working. Any
other migration contracts: an earlier program refuses the database afterwards.
"""

import re
from collections.abc import Sequence
from importlib import resources
from typing import Final

from acrux.adapters.sql.database import Statement
from acrux.errors import InvalidSettings

# The fact that holds the oldest version that a program must know to use the database. Without it,
# that is the version that there is.
OLDEST: Final = "oldest-schema"

FORGET_OLDEST: Final = Statement("DELETE FROM facts WHERE name = :name", {"name": OLDEST})

_EXPANDS: Final = re.compile(r"-- expands: ([0-9]{1,4})\n.*", re.DOTALL)


def migrations() -> tuple[str, ...]:
    """The scripts that make the schema, in order; the first makes version 1."""
    folder = resources.files("acrux.adapters.sql.migrations")
    scripts = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    scripts.sort(key=lambda script: script.name)
    return tuple(script.read_text(encoding="utf-8") for script in scripts)


def oldest_after(scripts: Sequence[str], found: int, oldest: int) -> int:
    """The oldest version that a program must know after the scripts that follow `found`.

    `oldest` is that of before.
    """
    for made, script in enumerate(scripts[found:], found + 1):
        match = _EXPANDS.fullmatch(script)
        oldest = max(oldest, int(match[1]) if match else made)
    return oldest


def check_known(database: str, found: int, oldest: int, known: int) -> None:
    """Raise InvalidSettings unless a program that knows this version can use the database."""
    if found > known and known < oldest:
        raise InvalidSettings(
            f"{database} has version {found} of the schema, and this acrux knows versions up to"
            f" {known}: run the acrux that made it, or a newer one"
        )
