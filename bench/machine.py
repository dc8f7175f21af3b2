"""The machine and the versions that a run was made with."""

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import acrux
from bench import peers


def describe(folder: Path) -> Mapping[str, str]:
    """The processor, the memory, the system, and the file system that holds the folder."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _field(Path("/proc/cpuinfo"), "model name"),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": _file_system(folder),
    }


def versions() -> Mapping[str, str]:
    """The versions of acrux, of what it runs on, and of every installed peer and tool."""
    ours = {
        "acrux": acrux.__version__,
        "Python": platform.python_version(),
        "granian": metadata.version("granian"),
    }
    return ours | {
        name: peers.version(name)
        for name in (peers.V3, peers.V2, peers.NGINX, "wrk", "ab")
        if peers.find(name)
    }


def missing() -> dict[str, str]:
    """The peers and tools that are not installed, and how to get each."""
    return {name: how for name, how in peers.HOW_TO_GET.items() if not peers.find(name)}


def _field(file: Path, name: str) -> str:
    for line in file.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def _file_system(folder: Path) -> str:
    # The longest mount point above the folder; the last one mounted there.
    best = ("", "unknown")
    for line in Path("/proc/mounts").read_text().splitlines():
        _, point, kind, *_ = line.split(" ")
        if folder.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
