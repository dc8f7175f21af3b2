"""A browser, and a registry with pages."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, sync_playwright

from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from tests.cli.places import push
from tests.clients.npm_packages import installed
from tests.images import image, index
from tests.running import RunningRegistry, running
from tests.tools import require_tool
from tests.web.pages import CALLS, GONE
from tests.web.visiting import ELSEWHERE, Guest, guest_of

PACKAGES = Path(__file__).parent / "npm"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window.

    While it is there, playwright runs an event loop, and no other can run: a file of its tests has
    no asynchronous ones, and the browser ends with the file.
    """
    program = require_tool("chromium", package="chromium")
    with sync_playwright() as playwright:
        # As root, as in CI, it has no sandbox. It visits only registries of these tests.
        arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {ELSEWHERE} 127.0.0.1"]
        found = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield found
        finally:
            found.close()


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What npm's lock holds: htmx, which the pages use, and axe, which examines them."""
    return installed(PACKAGES, tmp_path_factory.mktemp("npm")) / "node_modules"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """A registry that the tests of a file share."""
    with running(tmp_path_factory.mktemp("web") / "data", "--workers", "1") as registry:
        yield registry


@pytest.fixture(scope="module")
def filled(registry: RunningRegistry) -> RunningRegistry:
    """The registry with an image for two platforms, and the rest of what the pages show."""
    auth = RegistryAuth(registry.url, Credential("acrux", Secret(registry.password)))
    layers = [image(b"a layer", name.encode()) for name in ("amd64", "arm64")]
    for one in layers:
        push(registry.url, "team/app", one, auth=auth)
    push(registry.url, "team/app", index(*layers), "v1", "latest", auth=auth)
    push(registry.url, "hello", image(b"hello"), "v1", auth=auth)
    push(registry.url, "team/gone", GONE, "v1", auth=auth)
    for method, path, wanted in CALLS:
        httpx2.request(
            method, f"{registry.url}{path}", auth=("acrux", registry.password), json=wanted
        ).raise_for_status()
    return registry


@pytest.fixture
def guest(browser: Browser, registry: RunningRegistry) -> Iterator[Guest]:
    """Somebody who has not logged in, and whose browser has nothing to complain of."""
    with guest_of(browser, registry) as guest:
        yield guest
