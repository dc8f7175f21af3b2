"""Programs that a test needs and that may not be installed."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

# Where Debian installs daemons, which is not on every user's path.
ADMINISTRATION = "/usr/sbin:/sbin"


def require_tool(program: str, package: str) -> str:
    """The program's path. Without it the test is skipped with a reason, and fails if CI=true."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), ADMINISTRATION))
    found = shutil.which(program, path=path)
    if found is None:
        missing(f"{program} is not installed: apt-get install {package}")
    return str(Path(found))


def missing(reason: str) -> NoReturn:
    """Skip the test with a reason; in CI nothing is skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must run this test")
    pytest.skip(reason)
