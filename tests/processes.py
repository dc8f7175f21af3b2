"""What Linux tells about a process that may end at any moment."""

from pathlib import Path


def told(pid: int, name: str) -> str:
    """What proc(5) has under this name of the process; nothing once it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the second one if it ends after open(2)
        return ""


def is_alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    return _status(pid)[:1] not in ([], ["Z"])


def parent(pid: int) -> int:
    """The process that it was started by, or that has taken it in since."""
    return int(_status(pid)[1])


def children(pid: int) -> list[int]:
    """The processes that it has started and that are still there."""
    return [int(child) for child in told(pid, f"task/{pid}/children").split()]


def _status(pid: int) -> list[str]:
    return told(pid, "stat").rpartition(")")[2].split()  # a name may hold blanks and brackets
