"""Programs and libraries from npm, which a package-lock.json pins."""

import shutil
import subprocess
from pathlib import Path

from tests.tools import missing, require_tool

INSTALL_SECONDS = 600


def installed(sources: Path, folder: Path, *options: str) -> Path:
    """A copy of the package with all that it needs, or the test is skipped with the reason."""
    npm = require_tool("npm", package="npm")
    package = folder / sources.name
    made_before = shutil.ignore_patterns("node_modules")
    # An earlier installation may have failed there.
    shutil.copytree(sources, package, ignore=made_before, dirs_exist_ok=True)
    done = subprocess.run(
        [npm, "ci", *options], cwd=package, capture_output=True, text=True,
        timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        missing(f"npm could not install {sources.name}: {done.stderr[-500:]}")
    return package
