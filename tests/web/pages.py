"""Every page, one row for each; the tests of all pages visit them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """An address of a page, the row of the routes that shows it, and its heading.

    `asks` are calls of the API: whoever may make all of them sees the page, and nobody else.
    """

    route: str
    path: str
    heading: str
    asks: tuple[str, ...] = ()


PAGES = {
    "login": Shown("/web/login", "/web/login", "Log in"),
    "repositories": Shown("/web/", "/web/", "Repositories", ("/acr/v1/_catalog",)),
    "repository": Shown(
        "/web/repositories/{repository}",
        "/web/repositories/team/app",
        "team/app",
        ("/acr/v1/team/app", "/acr/v1/team/app/_tags"),
    ),
}
