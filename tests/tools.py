"""Programs that a test needs and that may not be installed."""

import os
import shutil
from pathlib import Path

import pytest

# Where Debian puts daemons; not on every user's path.
ADMINISTRATION = "/usr/sbin:/sbin"


def require_tool(program: str, package: str) -> str:
    """The program's path. Without it the test is skipped by name, and fails where CI=true."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), ADMINISTRATION))
    if (found := shutil.which(program, path=path)) is not None:
        return str(Path(found))
    missing = f"{program} is not installed: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
