"""The documents as a site: what ./scripts/docs builds and refuses."""

import re
import subprocess
from pathlib import Path
from shutil import copy, copytree

import pytest

from tests.running import ROOT
from tests.tools import missing

DEAD_LINK = "[a page](nowhere.md)"
DEAD_ANCHOR = "[a section](glossary.md#nowhere)"


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A copy of the documents and of the site's configuration."""
    copytree(ROOT / "docs", tmp_path / "docs")
    copy(ROOT / "mkdocs.yml", tmp_path)
    return tmp_path


def build(pages: Path) -> subprocess.CompletedProcess[str]:
    """Run scripts/docs on the copy."""
    config, site = pages / "mkdocs.yml", pages / "site"
    done = subprocess.run(
        [ROOT / "scripts" / "docs", "--config-file", config, "--site-dir", site],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "no package index answered" in done.stderr:
        missing("no package index to install requirements-docs.lock from")
    return done


def append(page: Path, text: str) -> None:
    """Append a paragraph to a page."""
    page.write_text(f"{page.read_text()}\n{text}\n")


def test_the_site_is_built_and_loads_nothing_from_elsewhere(pages: Path) -> None:
    """You can read the documents without the internet too."""
    done = build(pages)

    assert done.returncode == 0, done.stderr
    built = [page.read_text() for page in (pages / "site").rglob("*.html")]
    loaded = re.compile(r'(?:src|<link[^>]*\shref)="(https?://[^"]+)"')
    assert [address for page in built for address in loaded.findall(page)] == []
    assert (pages / "site" / "search" / "search_index.json").is_file()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DEAD_LINK, "'nowhere.md', but the target is not found"),
        (DEAD_ANCHOR, "does not contain an anchor '#nowhere'"),
        ("[a page](/glossary/)", "absolute link '/glossary/'"),
        ("[a file](../CONTRIBUTING.md)", "'../CONTRIBUTING.md'"),
    ],
)
def test_a_broken_link_fails(pages: Path, text: str, told: str) -> None:
    """A reader who follows it must not get a 404."""
    append(pages / "docs" / "index.md", text)

    done = build(pages)

    assert done.returncode == 1
    assert told in done.stderr


def test_a_page_outside_the_navigation_fails(pages: Path) -> None:
    """Nobody would find it."""
    (pages / "docs" / "how-to" / "lost.md").write_text("# Lost\n")

    done = build(pages)

    assert done.returncode == 1
    assert 'not included in the "nav"' in done.stderr
    assert "how-to/lost.md" in done.stderr


def test_a_page_that_is_only_in_the_navigation_fails(pages: Path) -> None:
    """Its entry would lead nowhere."""
    (pages / "docs" / "glossary.md").unlink()

    done = build(pages)

    assert done.returncode == 1
    assert "'glossary.md'" in done.stderr


def test_the_lock_of_the_site_is_whole(pages: Path) -> None:
    """It is installed as it is, so that no later release can slip in."""
    build(pages)

    done = subprocess.run(
        [ROOT / ".venv-docs" / "bin" / "python", "-m", "pip", "check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout
