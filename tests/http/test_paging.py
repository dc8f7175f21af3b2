"""Every listing, followed link by link with each of its filters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from msgspec.structs import replace

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from tests.http.access.test_access import POLICIES, TRUST
from tests.http.caller import Answer, Caller
from tests.http.conftest import HandClock
from tests.images import Image, descriptor, image

ONE, OTHER = image(b"one"), image(b"other")
SBOM, SIGNATURE = "application/vnd.test.sbom", "application/vnd.test.signature"

# Every listing: the key of its items, and its filters.
LISTINGS: Final[Mapping[str, tuple[str, Sequence[str]]]] = {
    "/v2/_catalog": ("repositories", ()),
    "/v2/{repository}/tags/list": ("tags", ()),
    "/v2/{repository}/referrers/{digest}": ("manifests", (f"artifactType={SBOM}",)),
    "/acr/v1/_catalog": ("repositories", ()),
    "/acr/v1/{repository}/_tags": (
        "tags",
        (f"digest={OTHER.digest}", f"digest={OTHER.digest}&orderby=timedesc", "orderby=timeasc"),
    ),
    "/acr/v1/{repository}/_manifests": ("manifests", ("orderby=timedesc",)),
    "/management/v1/tokens": ("value", ()),
    "/management/v1/users": ("value", ()),
    "/management/v1/scopeMaps": ("value", ()),
    "/management/v1/trusts": ("value", ()),
    "/management/v1/retentionRules": ("value", ()),
    "/management/v1/writeOncePolicies": ("value", ()),
    "/management/v1/quotas": ("value", ()),
    "/management/v1/softDeletePolicies": ("value", ()),
    "/management/v1/audit": (
        "value",
        (
            "account=reader-0",
            "account=reader-0&outcome=refused",
            "repository=team%2Fapp&outcome=granted",
            "since=2026-11-21T12:00:01Z&until=2026-11-21T12:00:03Z",
        ),
    ),
}


@dataclass(frozen=True)
class Listing:
    """A listing as a caller requests it."""

    caller: Caller
    path: str
    key: str

    async def page(self, query: str) -> Answer:
        """One page."""
        answer = await self.caller.call("GET", self.path, query=query)
        assert answer.status == 200, answer.body
        return answer

    async def whole(self, query: str) -> list[Any]:
        """All at once."""
        answer = await self.page(f"{query}&n=1000")
        items: list[Any] = answer.json[self.key]
        return items

    async def walked(self, query: str) -> list[list[Any]]:
        """Pages of one item, each found only by the link of the page before."""
        pages, query = [], f"{query}&n=1"
        while query:
            answer = await self.page(query)
            pages.append(answer.json[self.key] or [])
            assert len(pages) <= 50
            query = (answer.header("Link") or "").partition("?")[2].removesuffix('>; rel="next"')
        return pages


@pytest.fixture
async def filled(registry: Registry, admin: Caller, clock: HandClock) -> Caller:
    """A caller who may list everything, in a registry that holds several items of each kind."""
    for name, one in (("a", ONE), ("b", OTHER)):
        for number in range(3):
            await admin.push("team/app", f"{name}{number}", one)
            clock.forward(seconds=1)
    await admin.push("other", "v1", ONE)
    for kind in (SBOM, SIGNATURE):
        for number in range(3):
            about = _referrer(kind, number)
            await admin.push("team/app", str(about.digest), about)
    for number in range(2):
        await _be_managed(registry, number)
    await registry.services.audit_log.flush()
    return await admin.login("repository:*:*", "registry:catalog:*", "registry:management:*")


def _referrer(kind: str, number: int) -> Image:
    subject = descriptor(ONE.manifest, ONE.media_type)
    return image(b"%d" % number, artifactType=kind, subject=subject)


async def _be_managed(registry: Registry, number: int) -> None:
    services, name = registry.services, f"reader-{number}"
    created = await services.accounts.create(
        name, "_repositories_pull", password_names=("password1",)
    )
    await services.users.create(f"person-{number}", "_repositories_pull", Secret("long enough 1"))
    await services.scope_maps.create(f"map-{number}", ())
    await services.trusts.create(replace(TRUST, name=f"ci-{number}"))
    for place, policy in enumerate(POLICIES):
        field = "repositories" if isinstance(policy, SoftDeletePolicy) else "name"
        named: Any = replace(policy, **{field: f"policy-{number}-{place}"})
        await services.policies.create(named)
    value = created.passwords[0].value
    assert value is not None
    for password in (value.reveal(), value.reveal(), "wrong", "worse"):
        await Caller(registry, name, password).token("repository:team/app:pull")


def _path(template: str) -> str:
    return template.replace("{repository}", "team/app").replace("{digest}", str(ONE.digest))


@pytest.mark.parametrize(
    ("template", "query"),
    [(path, query) for path, (_, filters) in LISTINGS.items() for query in ("", *filters)],
)
async def test_the_pages_of_a_listing_hold_what_was_asked_for_and_nothing_else(
    filled: Caller, template: str, query: str
) -> None:
    """A second page without its filter lets a script delete what nobody asked it to."""
    listing = Listing(filled, _path(template), LISTINGS[template][0])

    pages = await listing.walked(query)
    if template == "/management/v1/audit":
        pages.reverse()  # it is listed from the newest to the oldest

    whole = await listing.whole(query)
    assert [item for page in pages for item in page] == whole
    assert len(whole) > 1, "one item alone shows nothing of paging"
    assert all(len(page) == 1 for page in pages)


async def test_every_filter_leaves_something_out(filled: Caller) -> None:
    """A filter that excludes nothing could be lost in paging unseen."""
    for template, (key, filters) in LISTINGS.items():
        listing = Listing(filled, _path(template), key)
        for query in filters:
            if "=time" in query and "&" not in query:
                continue  # an order, which excludes nothing
            assert len(await listing.whole(query)) < len(await listing.whole("")), query


async def test_every_route_that_pages_is_walked_here(registry: Registry, filled: Caller) -> None:
    """A new listing would be the next to lose its filters."""
    paged = set()
    for row in registry.rows:
        if "GET" in row.methods and "/blobs/uploads" not in row.path:
            answer = await filled.call("GET", _path(row.path), query="n=1")
            if answer.header("Link"):
                paged.add(row.path)

    assert paged == set(LISTINGS)


@pytest.mark.parametrize("path", ["_manifests", f"_manifests/{ONE.digest}"])
async def test_how_many_tags_of_a_manifest_to_show_must_be_a_count(
    filled: Caller, path: str
) -> None:
    """A caller who mistypes it would get thousands of names, or none, and not know why."""
    shown = await filled.call("GET", f"/acr/v1/team/app/{path}", query="tags=1")
    wrong = await filled.call("GET", f"/acr/v1/team/app/{path}", query="tags=all")

    assert (shown.status, b'"a0"' in shown.body, b'"a1"' in shown.body) == (200, True, False)
    assert (wrong.status, wrong.code) == (400, "UNSUPPORTED")


async def test_the_next_page_shows_as_many_tags_of_a_manifest(filled: Caller) -> None:
    """Who follows the link would get thousands of names on the second page."""
    first = await filled.call("GET", "/acr/v1/team/app/_manifests", query="n=1&tags=1")

    assert "tags=1" in (first.header("Link") or "")
