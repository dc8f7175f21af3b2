"""What Linux tells about a process that may end at any moment."""

from contextlib import suppress
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


def is_stopped(pid: int) -> bool:
    """Whether SIGSTOP has reached each of its threads."""
    states = [_status(pid, f"task/{thread.name}/stat") for thread in _threads(pid)]
    return all(state[:1] == ["T"] for state in states)


def open_files(pid: int) -> list[str]:
    """The files and sockets that it has open, as proc(5) names them."""
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.append(str(descriptor.readlink()))
    return found


def of_session(session: int) -> list[int]:
    """The live processes of a session, found without the help of their parent."""
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    statuses = {pid: _status(pid) for pid in pids}
    return [
        pid
        for pid, status in statuses.items()
        if status and status[0] != "Z" and int(status[3]) == session
    ]


def parent(pid: int) -> int:
    """The process that it was started by, or that has taken it in since."""
    return int(_status(pid)[1])


def children(pid: int) -> list[int]:
    """The processes that it has started and that are still there."""
    return [int(child) for child in told(pid, f"task/{pid}/children").split()]


def _threads(pid: int) -> list[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def _status(pid: int, name: str = "stat") -> list[str]:
    return told(pid, name).rpartition(")")[2].split()  # a name may hold blanks and brackets
