"""Standard error whose reader is slow, gone, or back again."""

import asyncio
import fcntl
import os
import select
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest

from acrux.adapters.standard_error import StandardError

PIPE_BYTES = 4096
LINE = "x" * 99 + "\n"


@dataclass
class Pipe:
    """A pipe of one page, read when the test says so."""

    reading: int
    writing: int

    def holds_any(self) -> bool:
        """Whether there is something to read."""
        return bool(select.select([self.reading], [], [], 0)[0])

    def read(self, stop: str) -> str:
        """Read up to a line that contains `stop`."""
        text = ""
        while stop not in text:
            text += os.read(self.reading, 65536).decode()
        return text


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe, closed at the end."""
    pipe = Pipe(*os.pipe())
    fcntl.fcntl(pipe.writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield pipe
    os.close(pipe.reading)


def lost(lines: int) -> str:
    """The line that says how many are missing."""
    return f"{lines} lines lost\n"


def test_what_is_written_arrives_in_its_order(pipe: Pipe) -> None:
    """A log out of order is misleading."""
    stream = StandardError(pipe.writing, lost)

    for number in range(10):
        stream.write(f"line {number}\n")
    stream.flush()

    assert os.read(pipe.reading, 65536).decode() == "".join(f"line {n}\n" for n in range(10))


async def test_a_pipe_that_nobody_reads_holds_up_nobody(pipe: Pipe) -> None:
    """Otherwise a log collector that hangs would stop the registry after some hundred requests."""
    stream = StandardError(pipe.writing, lost, room=10 * PIPE_BYTES)

    for _ in range(10_000):
        stream.write(LINE)
        stream.flush()

    text = await asyncio.to_thread(pipe.read, " lines lost\n")
    stream.write("end\n")
    text += await asyncio.to_thread(pipe.read, "end\n")
    lines = text.removesuffix("end\n").splitlines(keepends=True)
    assert lines.count(LINE) + _told(lines) == 10_000
    assert stream.lost == _told(lines) > 0


def test_lines_go_on_after_those_that_were_lost(pipe: Pipe) -> None:
    """Whoever reads on must see what happens now."""
    stream = StandardError(pipe.writing, lost, room=PIPE_BYTES)
    for _ in range(200):
        stream.write(LINE)
    text = pipe.read(" lines lost\n")
    while not stream.is_empty():  # more may have been lost while the first loss was reported
        text += pipe.read("\n") if pipe.holds_any() else ""
    stream.write("and on\n")
    text += pipe.read("and on\n")

    *lines, end = text.splitlines(keepends=True)
    assert end == "and on\n"
    assert lines.count(LINE) + _told(lines) == 200
    assert stream.lost == _told(lines) > 0


def _told(lines: list[str]) -> int:
    return sum(int(line.split()[0]) for line in lines if line != LINE)


def test_a_reader_that_is_gone_is_no_failure(pipe: Pipe) -> None:
    """Otherwise closing a terminal would stop the registry that runs behind it."""
    reading = pipe.reading
    pipe.reading = os.dup(os.open(os.devnull, os.O_RDONLY))
    os.close(reading)
    stream = StandardError(pipe.writing, lost)

    assert stream.write(LINE) == len(LINE)
    stream.flush()
    assert stream.lost == 1


def test_a_full_disk_loses_lines_and_counts_them(tmp_path: Path) -> None:
    """The registry continues, and says later that something is missing."""
    full = os.open("/dev/full", os.O_WRONLY)
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    stream = StandardError(full, lost)
    stream.write(LINE)
    stream.flush()

    os.dup2(file, full)  # room again
    stream.write("and on\n")
    stream.flush()

    assert (tmp_path / "log").read_text() == "1 lines lost\nand on\n"


def test_a_forked_process_writes_on_its_own(pipe: Pipe) -> None:
    """Workers are forked while the parent may be writing: they would wait for its thread."""
    stream = StandardError(pipe.writing, lost)
    stream.write("of the parent\n")
    stream.flush()

    pid = os.fork()
    if pid == 0:
        stream.write("of the child\n")
        stream.flush()
        os._exit(0)
    os.waitpid(pid, 0)

    assert pipe.read("of the child\n") == "of the parent\nof the child\n"


def test_many_threads_lose_nothing_that_fits(pipe: Pipe) -> None:
    """Warnings come from any thread."""
    stream = StandardError(pipe.writing, lost)
    threads = [Thread(target=lambda: [stream.write(LINE) for _ in range(100)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stream.write("end\n")

    assert pipe.read("end\n").count(LINE) == 800
