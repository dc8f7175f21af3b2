"""The pages of this wing, one row for each."""

from acrux.web.access import accounts, audit, cases, keys, questions
from acrux.web.access.managing import Managing
from acrux.web.access.nouns import ACCOUNTS, NOUNS, USERS, Noun
from acrux.web.visits import Rows, Visits


def rows(visits: Visits) -> Rows:
    """The path of each page, and its handlers by method."""
    shows, changes = visits.shows, visits.changes
    return (
        ("/web/audit", {"GET": shows(audit.search)}),
        ("/web/cases/{name}", {"GET": shows(cases.show_case)}),
        ("/web/keys", {"GET": shows(keys.show), "POST": changes(keys.rotate)}),
        ("/web/keys/{name}", {"POST": changes(keys.revoke)}),
        ("/web/access", {"GET": shows(questions.who_may)}),
        *(
            (f"{noun.home}/{{name}}/used", {"GET": shows(questions.least_privilege(noun))})
            for noun in (ACCOUNTS, USERS)
        ),
        ("/web/scope-maps/{name}/simulate", {"POST": changes(questions.try_scope_map)}),
        ("/web/trusts/{name}/simulate", {"POST": changes(questions.try_trust)}),
        *(row for noun in NOUNS for row in _of(noun, visits)),
    )


def _of(noun: Noun, visits: Visits) -> Rows:
    shows, changes, pages = visits.shows, visits.changes, Managing(noun)
    create = accounts.create if noun is ACCOUNTS else pages.create
    return (
        (noun.home, {"GET": shows(pages.list), "POST": changes(create)}),
        (f"{noun.home}/{{name}}", {"GET": shows(pages.show), "POST": changes(pages.change)}),
    )
