"""The most memory that commands take on a large registry: python -m bench.commands.

Each command is a line of words after `acrux`, such as `gc status`; FOLDER stands for an empty
folder of its own. Without any, those of COMMANDS are measured.
"""

import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from bench.fill_images import Images, fill_images
from bench.servers import AcruxPlan

LOOK_SECONDS = 0.005
LARGE = "bench/large"
MAX_MEGABYTES = 200
COMMANDS = (
    f"gc what-if --delete {LARGE}",
    "usage",
    "retention run --dry-run",
    f"purge --filter {LARGE}:.* --ago 0d --dry-run",
    "check",
    "backup FOLDER/backup",
    "gc run --wait",
)

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class Measured:
    """What a command did: its exit code, its seconds, its most resident memory in MB."""

    def __init__(self, words: list[str], plan: AcruxPlan, output: Path) -> None:
        command = [sys.executable, "-m", "acrux", *words]
        environ = {**plan.environ, "ACRUX_DATA_DIR": str(plan.folder)}
        began = time.perf_counter()
        with output.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environ
            )
        # Not getrusage(2): its maximum includes that of this process, from before exec(2).
        status = Path(f"/proc/{process.pid}/status")
        kilobytes = 0
        while process.poll() is None:
            if found := _PEAK.search(status.read_text()):
                kilobytes = int(found[1])
            time.sleep(LOOK_SECONDS)
        self.code = process.returncode
        self.seconds = time.perf_counter() - began
        self.megabytes = kilobytes * 1024 / 1e6
        self.said = output.read_text(errors="replace").strip().splitlines()[-1:]


@click.command()
@click.argument("commands", nargs=-1, metavar="[COMMAND]...")
@click.option("--images", type=click.IntRange(1), default=1_000_000, show_default=True)
@click.option(
    "--files", type=click.IntRange(0), default=0, show_default=True,
    help="How many of their blobs have a file; 100,000 take 400 MB.",
)  # fmt: skip
@click.option(
    "--data-dir", type=click.Path(exists=True, path_type=Path),
    help="Use this data directory, which the commands may change, instead of filling one.",
)  # fmt: skip
def main(commands: tuple[str, ...], images: int, files: int, data_dir: Path | None) -> None:
    """Measure the memory of commands on a registry with this many images."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        plan = AcruxPlan(folder=data_dir or place / "data")
        if data_dir is None:
            plan.prepare()
            fill_images(plan.folder, Images(repository=LARGE, count=images, files=files))
        click.echo("| command | exit code | seconds | most memory, MB | |")
        click.echo("|---|--:|--:|--:|---|")
        too_much = False
        for number, command in enumerate(commands or COMMANDS):
            own = place / f"{number}"
            own.mkdir()
            words = shlex.split(command.replace("FOLDER", str(own)))
            measured = Measured(words, plan, place / "output")
            too_much |= measured.megabytes >= MAX_MEGABYTES
            click.echo(
                f"| {command} | {measured.code} | {measured.seconds:.1f} |"
                f" {measured.megabytes:.0f} | {' '.join(measured.said)[:80]} |"
            )
    if too_much:
        raise click.ClickException(f"a command took {MAX_MEGABYTES} MB or more")


if __name__ == "__main__":
    main()
