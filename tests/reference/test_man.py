"""The man pages match the code, and man has nothing to complain of."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.reference import man
from tests.reference.man import FOLDER
from tests.tools import require_tool

PAGES = sorted(FOLDER.iterdir())


def test_the_pages_are_what_the_code_says() -> None:
    """Otherwise a manual describes an option that no longer exists."""
    written = {page.name: page.read_text(encoding="utf-8") for page in PAGES}

    rendered = man.render()

    wrong = sorted(
        name for name in {*written, *rendered} if written.get(name) != rendered.get(name)
    )
    assert wrong == [], "run ./scripts/reference and commit the pages"


def test_the_pages_can_be_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page of a command that is gone goes too."""
    (tmp_path / "acrux-gone.1").touch()
    monkeypatch.setattr(man, "FOLDER", tmp_path)

    man.write()

    assert {page.name for page in tmp_path.iterdir()} == {page.name for page in PAGES}


def test_every_page_is_good_roff() -> None:
    """A line that is lost in formatting is not noticed in the source."""
    mandoc = require_tool("mandoc", package="mandoc")

    done = subprocess.run(
        [mandoc, "-Tlint", "-Wwarning", *PAGES], capture_output=True, text=True, check=False
    )

    # Pages that are made again in each commit have no date.
    told = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert told == []


def test_man_shows_options_and_examples_as_they_are_typed() -> None:
    """A hyphen that is printed as a dash cannot be copied to a shell."""
    program = require_tool("man", package="man-db")

    done = subprocess.run(
        [program, "--warnings", "-E", "UTF-8", "-l", str(FOLDER / "acrux-scope-map.1")],
        capture_output=True, text=True, check=True,
        env={"MANWIDTH": "200", "PATH": os.environ["PATH"]},
    )  # fmt: skip

    text = re.sub(".\b", "", done.stdout)
    assert done.stderr == ""
    assert "acrux scope-map create" in text
    assert "--name TEXT" in text
    assert "\\" not in text
