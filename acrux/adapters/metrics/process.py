"""What this process takes of the machine (Linux)."""

import os
import resource
import time
from pathlib import Path
from typing import Final

from acrux.adapters.metrics.families import Values

DESCRIPTORS: Final = Path("/proc/self/fd")
MEMORY: Final = Path("/proc/self/statm")


def usage() -> Values:
    """The values of the metrics `process_*`, named as other programs name them."""
    return {
        ("process_cpu_seconds_total",): [time.process_time()],
        ("process_resident_memory_bytes",): [_resident_pages() * resource.getpagesize()],
        ("process_open_fds",): [_open_descriptors()],
        ("process_max_fds",): [resource.getrlimit(resource.RLIMIT_NOFILE)[0]],
    }


def _resident_pages() -> int:
    _, resident, *_ = MEMORY.read_text().split()  # proc(5)
    return int(resident)


def _open_descriptors() -> int:
    # Since Linux 6.2 the size of the folder is their number (proc(5)); listing ten thousand takes
    # milliseconds.
    return DESCRIPTORS.stat().st_size or len(os.listdir(DESCRIPTORS))  # noqa: PTH208 -- see above
