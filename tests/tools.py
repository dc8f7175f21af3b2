"""Programs that a test needs and that may not be installed."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Where Debian puts daemons; not on every user's path.
ADMINISTRATION = "/usr/sbin:/sbin"


def require_tool(program: str, package: str) -> str:
    """The program's path. Without it the test is skipped by name, and fails where CI=true."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), ADMINISTRATION))
    found = shutil.which(program, path=path)
    if found is None:
        missing(f"{program} is not installed: apt-get install {package}")
    return str(Path(found))


def missing(reason: str) -> NoReturn:
    """Leave the test out, by name; in CI nothing is left out."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must run this test")
    pytest.skip(reason)
