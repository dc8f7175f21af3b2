"""A process whose wall clock a test moves by hand, with Debian's faketime."""

import subprocess
from pathlib import Path
from typing import Any

from tests.tools import require_tool


def faked(clock: Path) -> dict[str, Any]:
    """The variables with which a process takes its time from this file."""
    faketime = require_tool("faketime", package="faketime")
    done = subprocess.run(
        [faketime, "-f", "+0s", "printenv", "LD_PRELOAD"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return {
        "LD_PRELOAD": done.stdout.strip(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
