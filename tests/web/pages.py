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


# A retention rule that the pages show.
RULE = {"name": "old-tags", "repositories": ["team/*"], "tags": ["*"], "keepLast": 1}

PAGES = {
    "login": Shown("/web/login", "/web/login", "Log in"),
    "repositories": Shown("/web/", "/web/", "Repositories", ("/acr/v1/_catalog",)),
    "repository": Shown(
        "/web/repositories/{repository}",
        "/web/repositories/team/app",
        "team/app",
        ("/acr/v1/team/app", "/acr/v1/team/app/_tags"),
    ),
    "operation": Shown("/web/operation", "/web/operation", "Operation", ("/management/v1/usage",)),
    "retention": Shown(
        "/web/operation/retention",
        "/web/operation/retention",
        "Retention rules",
        ("/management/v1/retentionRules",),
    ),
    "preview": Shown(
        "/web/operation/retention/{name}",
        "/web/operation/retention/old-tags",
        "old-tags",
        ("/management/v1/retentionRules/old-tags/preview",),
    ),
}
