"""The generated pages of docs/reference match the code."""

import difflib
from pathlib import Path

import pytest

from acrux import settings
from acrux.adapters.metrics.families import FAMILIES
from acrux.domain.access.reason import Reason
from acrux.http import problems
from tests.reference import pages
from tests.reference.pages import FOLDER, PAGES

SHOWN_LINES = 20


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    """Otherwise you would read about an option, an endpoint or an error that no longer exists."""
    page = FOLDER / name
    written = page.read_text(encoding="utf-8") if page.exists() else ""
    generated = PAGES[name]()

    if written != generated:
        lines = difflib.unified_diff(
            written.splitlines(), generated.splitlines(),
            f"docs/reference/{name}", "generated from the code", lineterm="", n=0,
        )  # fmt: skip
        shown = "\n".join([*lines][:SHOWN_LINES])
        pytest.fail(
            f"docs/reference/{name} is not what the code says. Run ./scripts/reference and commit "
            f"the page.\n{shown}",
            pytrace=False,
        )


def test_every_setting_failure_and_reason_is_on_its_page() -> None:
    """A page that leaves one out would still match the generator."""
    texts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in PAGES}

    kinds = [kind.__name__ for kind in (*problems.TABLE, *problems.UNTOLD)]
    for page, names in {
        "settings.md": [row.name for row in settings.rows()],
        "errors.md": kinds,
        "audit-reasons.md": [*Reason],
        "metrics.md": [*FAMILIES],
    }.items():
        assert [name for name in names if f"| `{name}` |" not in texts[page]] == [], page


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_says_what_it_means_and_what_to_do(reason: Reason) -> None:
    """On call at night, one word is not enough."""
    assert reason.meaning.endswith(".")
    assert reason.remedy.endswith(".")


def test_every_failure_says_what_to_do() -> None:
    """A status and a code say only that it failed."""
    rows = [*problems.TABLE.values(), problems.UNEXPECTED]

    assert [row.code for row in rows if not row.remedy.endswith(".")] == []


def test_the_pages_can_be_rewritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that only the test uses would not work when you need it."""
    monkeypatch.setattr(pages, "FOLDER", tmp_path)

    pages.write()

    assert {page.name for page in tmp_path.iterdir()} == set(PAGES)
