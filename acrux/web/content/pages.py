"""The pages of what the registry holds, one row for each."""

from typing import Final

from acrux.web.content import changes, comparison, deleted, images, repositories, tags
from acrux.web.visits import HOME, Rows, Visits

_ONE: Final = "/web/repositories/{repository}"


def rows(visits: Visits) -> Rows:
    """The path of each page, and its handlers by method."""
    shows = visits.shows
    return (
        (HOME, {"GET": shows(repositories.list_repositories)}),
        ("/web/compare", {"GET": shows(comparison.compare)}),
        ("/web/deleted", {"GET": shows(deleted.list_repositories)}),
        *_of_one(visits),
    )


def _of_one(visits: Visits) -> Rows:
    # A hyphen is no component of a repository's name. Its own row would match all the others.
    shows, takes = visits.shows, visits.changes
    deletion = {"GET": shows(changes.ask_deletion), "POST": takes(changes.delete)}
    lock = {"GET": shows(changes.ask_lock), "POST": takes(changes.lock)}
    retag = {"GET": shows(changes.ask_retag), "POST": takes(changes.retag)}
    restoration = {"GET": shows(deleted.ask_restoration), "POST": takes(deleted.restore)}
    return (
        (f"{_ONE}/-/manifests/{{reference}}", {"GET": shows(images.show_image)}),
        (f"{_ONE}/-/manifests", {"GET": shows(tags.list_manifests)}),
        (f"{_ONE}/-/delete/{{reference}}", deletion),
        (f"{_ONE}/-/delete", deletion),
        (f"{_ONE}/-/lock/{{reference}}", lock),
        (f"{_ONE}/-/lock", lock),
        (f"{_ONE}/-/tag/{{reference}}", retag),
        (f"{_ONE}/-/restore/{{digest}}", restoration),
        (f"{_ONE}/-/deleted", {"GET": shows(deleted.show)}),
        (_ONE, {"GET": shows(tags.show_repository)}),
    )
