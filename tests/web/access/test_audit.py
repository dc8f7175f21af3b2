"""The audit log as a timeline, and a case as a picture."""

import httpx2
from playwright.sync_api import expect

from tests.running import RunningRegistry, until
from tests.web.visiting import Guest

HOSTILE = "/v2/team/app/manifests/%3Cimg%20src=x%20onerror=alert(1)%3E"


def refused(registry: RunningRegistry, path: str, authorization: str = "Bearer x") -> str:
    """The case of a request that is refused."""
    answer = httpx2.get(f"{registry.url}{path}", headers={"Authorization": authorization})
    return answer.headers["X-Acrux-Case"]


def sees(guest: Guest, path: str, text: str) -> None:
    """Open the page until it shows the text: records are written twice a second."""

    def shown() -> bool:
        guest.go(path)
        return text in guest.page.content()

    until(shown)


def test_a_refusal_is_found_and_explained(guest: Guest, registry: RunningRegistry) -> None:
    """Whoever looks after a pipeline has its case id, and wants the reason and the command."""
    case = refused(registry, "/v2/team/app/manifests/v1")
    guest.log_in_as_admin()
    sees(guest, "/web/audit?outcome=refused", case)

    guest.page.get_by_label("Why was this refused?").fill(case)
    guest.page.keyboard.press("Enter")

    guest.is_at(f"/web/cases/{case}")
    picture = guest.page.get_by_role("img", name="The decision, step by step")
    expect(picture).to_contain_text("not accepted")
    expect(guest.page.get_by_role("list")).to_contain_text("not accepted")


def test_what_the_filters_leave_out_is_not_shown(guest: Guest, registry: RunningRegistry) -> None:
    """In a log of a million lines, only a search finds anything."""
    case = refused(registry, "/v2/team/app/manifests/v1")
    guest.log_in_as_admin()
    sees(guest, "/web/audit?outcome=refused", case)

    guest.page.get_by_label("Outcome").select_option("granted")
    guest.page.get_by_label("From (UTC)").fill("2026-01-01T00:00")
    guest.page.get_by_role("button", name="Search").click()

    guest.is_at("/web/audit")
    assert case not in guest.page.content()
    expect(guest.page.get_by_label("Outcome")).to_have_value("granted")


def test_earlier_records_are_on_the_next_page(guest: Guest, registry: RunningRegistry) -> None:
    """A page of a whole log would never load."""
    cases = [refused(registry, "/v2/paged/app/manifests/v1") for _ in range(51)]
    guest.log_in_as_admin()
    sees(guest, "/web/audit?outcome=refused", cases[-1])

    guest.page.get_by_role("link", name="Earlier records").click()

    expect(guest.page.get_by_text(cases[-1])).to_have_count(0)
    assert "outcome=refused" in guest.page.url


def test_a_strangers_path_is_text(guest: Guest, registry: RunningRegistry) -> None:
    """Everybody can write into the audit log; nobody may run a script in its reader's name."""
    case = refused(registry, HOSTILE)
    guest.log_in_as_admin()
    sees(guest, "/web/audit", case)
    guest.go(f"/web/cases/{case}")

    assert guest.page.locator("img").count() == 0
    assert guest.complaints == []


def test_the_page_of_a_refusal_leads_to_its_case(guest: Guest) -> None:
    """A refusal without a reason is where support requests come from."""
    guest.go("/web/login")
    guest.log_in_as_admin()
    guest.go("/web/cases/k000000000")

    expect(guest.page.get_by_role("alert")).to_contain_text("no record of this case")
