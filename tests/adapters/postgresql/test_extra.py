"""Who keeps the embedded database needs no package for PostgreSQL."""

import subprocess
import sys

import pytest

from acrux.bootstrap import databases
from acrux.errors import InvalidSettings
from acrux.settings import Settings

LOADED = "import sys; import acrux.server; print('asyncpg' in sys.modules)"


def test_the_server_loads_it_only_if_it_is_used() -> None:
    """Every start would take longer, and fail where the extra is not installed."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"


def test_without_the_package_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name of a missing module would not tell how to get it."""
    monkeypatch.setattr(databases, "find_spec", lambda _: None)

    with pytest.raises(InvalidSettings, match=r"pip install '\.\[postgresql\]'"):
        databases.build_database(Settings(database="postgresql://db/acrux"))
