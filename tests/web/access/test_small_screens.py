"""The pages of rights and tokens on a small screen."""

from playwright.sync_api import Browser

from tests.running import RunningRegistry
from tests.web.access.test_questions import call, robot
from tests.web.visiting import Guest

__all__ = ["robot"]

PAGES = (
    "/web/access?repository=team/app", "/web/accounts", "/web/accounts/robot",
    "/web/accounts/robot/used", "/web/scope-maps", "/web/scope-maps/team-map",
    "/web/scope-maps/_admin", "/web/trusts", "/web/users", "/web/keys", "/web/audit",
    "/web/tokens", "/web/tokens/new",
)  # fmt: skip


def test_the_pages_fit_a_small_screen_and_have_one_heading(
    browser: Browser, registry: RunningRegistry, robot: str
) -> None:
    """People read on a phone beside a rack, and screen readers go by headings."""
    context = browser.new_context(
        viewport={"width": 320, "height": 700},
    )
    guest = Guest(context.new_page(), registry)
    guest.log_in_as_admin()
    found = call(registry, "GET", f"/management/v1/audit?account={robot}&outcome=refused")
    case = found.decode().partition('"case":"')[2][:10]
    problems = []
    for path in (*PAGES, f"/web/cases/{case}"):
        guest.go(path)
        width = guest.page.evaluate("document.documentElement.scrollWidth")
        if width > 320:
            problems.append(f"{path} is {width} pixels wide")
        if guest.page.get_by_role("heading", level=1).count() != 1:
            problems.append(f"{path} has not one h1")
    context.close()

    assert not problems, "\n".join(problems)
