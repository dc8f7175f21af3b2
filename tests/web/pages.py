"""Every page, one row for each; the tests of all pages visit them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """An address of a page, the row of the routes that shows it, and its heading."""

    route: str
    path: str
    heading: str


PAGES = {
    "login": Shown("/web/login", "/web/login", "Log in"),
    "repositories": Shown("/web/", "/web/", "Repositories"),
    "repository": Shown("/web/repositories/{repository}", "/web/repositories/team/app", "team/app"),
}
