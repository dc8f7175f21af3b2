"""A browser, and a registry with pages."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import RunningRegistry, running
from tests.tools import require_tool
from tests.web.visiting import Guest


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    program = require_tool("chromium", package="chromium")
    with sync_playwright() as playwright:
        # As root, as in CI, it has no sandbox. It visits only registries of these tests.
        found = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield found
        finally:
            found.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry that the tests of a file share."""
    with running(tmp_path_factory.mktemp("web") / "data", "--workers", "1") as registry:
        yield registry


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser that has never been here. Its console must stay empty."""
    context = browser.new_context()
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.fixture
def guest(page: Page, registry: RunningRegistry) -> Guest:
    """Somebody who has not logged in."""
    return Guest(page, registry)
