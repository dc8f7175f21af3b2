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
    shutil.copytree(sources, package, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [npm, "ci", *options], cwd=package, capture_output=True, text=True,
        timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        missing(f"npm could not install {sources.name}: {done.stderr[-500:]}")
    return package
