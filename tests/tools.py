"""Programs that may not be installed, and where files are."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

from acrux.domain.content.digest import Digest

# Where Debian installs daemons, which is not on every user's path.
ADMINISTRATION = "/usr/sbin:/sbin"


def copy_file(data_dir: Path, digest: Digest, name: str) -> Path:
    """The file of one copy of a blob."""
    file = f"{digest.encoded}.{name}" if name else digest.encoded
    return data_dir / "blobs" / digest.algorithm / digest.encoded[:2] / file


def blob_files(data_dir: Path, digest: Digest) -> list[Path]:
    """The files of all copies of a blob, the oldest first."""
    folder = copy_file(data_dir, digest, "").parent
    return sorted(folder.glob(f"{digest.encoded}*"), key=lambda file: file.stat().st_mtime_ns)


def blob_file(data_dir: Path, digest: Digest) -> Path:
    """The file of a blob that was pushed once."""
    (file,) = blob_files(data_dir, digest)
    return file


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


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
