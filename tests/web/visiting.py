"""What a person does with the pages."""

import re
from dataclasses import dataclass

from playwright.sync_api import Page, expect

from tests.running import RunningRegistry


@dataclass
class Guest:
    """A person in front of a browser."""

    page: Page
    registry: RunningRegistry

    def __post_init__(self) -> None:
        """Chrome reports what the content security policy blocked, and scripts that fail."""
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(f"http://localhost:{self.registry.port}{path}")

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

    def is_at(self, path: str) -> None:
        """Assert that this page is shown, whatever its query is."""
        expect(self.page).to_have_url(re.compile(re.escape(path) + r"(\?.*)?$"))
