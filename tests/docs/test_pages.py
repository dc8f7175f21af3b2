"""Every command that a document prints does what the document says."""

from pathlib import Path

import pytest

from tests.docs import blocks, reader
from tests.tools import missing

RUN = {
    page.relative_to(blocks.ROOT).as_posix(): found
    for page in blocks.pages()
    if (found := [block for block in blocks.read(page) if not block.not_run])
}


@pytest.mark.parametrize("page", RUN)
def test_the_commands_of_a_page_do_what_it_says(page: str, tmp_path: Path) -> None:
    """You copy a command, and it fails, or prints something else."""
    lacking = {block.name: reader.missing_tools(block) for block in RUN[page]}
    run = [block for block in RUN[page] if not lacking[block.name]]

    wrong: list[str] = []
    with reader.reading(tmp_path, run) as follower:
        try:
            for block in run:
                wrong += [f"{block.name}\n{text}" for text in follower.follow(block)]
        except TimeoutError as waited:
            wrong.append(f"{page}\n{waited}")

    if wrong:
        pytest.fail("\n\n".join(wrong), pytrace=False)
    left_out = {name for names in lacking.values() for name in names}
    if left_out:
        packages = ", ".join(f"{name} ({reader.PACKAGES[name]})" for name in sorted(left_out))
        missing(f"{page}: some blocks were left out, because these are not installed: {packages}")
