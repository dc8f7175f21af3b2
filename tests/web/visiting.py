"""What a person does with the pages."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.running import RunningRegistry

# Where screenshots are kept, if anybody wants to look at them.
PICTURES = "ACRUX_SCREENSHOTS"

# A name of the registry that a browser does not take for its own machine.
ELSEWHERE = "registry.test"

NARROW, WIDE = 320, 1100  # CSS pixels


@dataclass
class Guest:
    """A person in front of a browser.

    `complaints` is what no visit may cause: scripts that fail, what the content security policy
    blocked, and requests to any other host.
    """

    page: Page
    registry: RunningRegistry
    host: str = "localhost"
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen to what the browser reports."""
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", self._see)

    @property
    def home(self) -> str:
        """The registry; a browser keeps a session that comes by http from localhost only."""
        return f"http://{self.host}:{self.registry.port}"

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(f"{self.home}{path}")

    def log_in(self, username: str, password: str) -> None:
        """Log in at the form, by keyboard, from whatever page asks for it."""
        if "/web/login" not in self.page.url:
            self.go("/web/login")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")

    def log_in_as_admin(self) -> None:
        """Log in as the admin user, and see that it worked."""
        self.log_in("acrux", self.registry.password)
        expect(self.page.get_by_role("button", name="Log out")).to_be_visible()

    def press(self, button: str) -> None:
        """Press the button with this text."""
        self.page.get_by_role("button", name=button, exact=True).click()

    def send(self, path: str, button: str, fields: Mapping[str, str]) -> None:
        """Open a page, fill in fields by their labels, and press the button."""
        self.go(path)
        for label, text in fields.items():
            self.page.get_by_label(label).first.fill(text)
        self.press(button)

    def is_at(self, path: str) -> None:
        """Assert that this page is shown, whatever its query is."""
        expect(self.page).to_have_url(re.compile(re.escape(path) + r"(\?.*)?$"))

    def take_picture(self, name: str) -> None:
        """Keep a picture of the page, if ACRUX_SCREENSHOTS names a folder for them."""
        if folder := os.environ.get(PICTURES):
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    def _hear(self, message: ConsoleMessage) -> None:
        # That an answer is a refusal is what many tests are about.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.complaints.append(message.text)

    def _see(self, request: Request) -> None:
        if not request.url.startswith(self.home):
            self.complaints.append(f"asked {request.url}")


def call(
    registry: RunningRegistry, method: str, path: str, body: object = None, login: str = ""
) -> bytes:
    """Call the API, as the admin user or as `name:password`; refusals are answers too."""
    name, _, password = (login or f"acrux:{registry.password}").partition(":")
    return httpx2.request(method, f"{registry.url}{path}", auth=(name, password), json=body).content


@contextmanager
def guest_of(browser: Browser, registry: RunningRegistry, **options: object) -> Iterator[Guest]:
    """Somebody who has never been here; the options are those of playwright's contexts."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    try:
        guest = Guest(context.new_page(), registry)
        yield guest
        assert guest.complaints == []
    finally:
        context.close()
