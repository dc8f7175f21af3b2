"""Tags and repositories in pages: end-8 and the catalog."""

import itertools
import json

import pytest

from tests.conformance import manifest_steps
from tests.conformance.content import Data
from tests.conformance.program import Program, with_query
from tests.running import RunningRegistry
from tests.wire.connection import Connection

pytestmark = pytest.mark.xdist_group("conformance")

# In ASCII, capitals come before small letters, and digits before both.
TAGS = ["0.9", "1.10", "1.9", "A", "Z", "_x", "a", "a-b", "a.b", "a_b", "latest"]


def tagged(repository: str, *tags: str) -> Data:
    """An empty index with these tags."""
    data = Data(repository)
    index = data.index()
    digest: str = index["digest"]
    data.tags = dict.fromkeys(tags, digest)
    data.tags_in_query = True
    return data


def pages(program: Program, url: str) -> list[list[str]]:
    """The tags from this URL on, following its links."""
    found = []
    while url:
        answer = program.call("GET", url)
        assert answer.status == 200, answer.body
        found.append(answer.json["tags"])
        link = answer.header("Link") or ""
        assert not link or link.endswith('>; rel="next"')
        url = link.partition(">")[0].removeprefix("<")
    return found


def test_tags_come_in_ascii_order(program: Program, repository: str) -> None:
    """Clients merge listings, and must know the order."""
    manifest_steps.push(program, repository, tagged(repository, *reversed(TAGS)))

    assert manifest_steps.tags(program, repository) == TAGS == sorted(TAGS)


@pytest.mark.parametrize("n", [1, 3, 5, 11, 12, 1000, 10**17])
def test_pages_of_tags_together_are_all_tags(program: Program, repository: str, n: int) -> None:
    """A cleanup may delete what falls between two pages."""
    manifest_steps.push(program, repository, tagged(repository, *TAGS))

    found = pages(program, with_query(f"/v2/{repository}/tags/list", n=str(n)))

    assert list(itertools.chain(*found)) == TAGS
    assert all(len(page) == n for page in found[:-1])
    assert len(found) == -(-len(TAGS) // n)


def test_a_page_of_nothing_is_empty_and_leads_nowhere(program: Program, repository: str) -> None:
    """n=0 asks whether the repository exists, and must not loop forever."""
    manifest_steps.push(program, repository, tagged(repository, *TAGS))

    answer = program.call("GET", f"/v2/{repository}/tags/list?n=0")

    assert (answer.status, answer.json["tags"]) == (200, [])
    assert answer.header("Link") is None


@pytest.mark.parametrize("last", ["", "1", "1.10", "B", "zzz", "~"])
def test_last_need_not_exist(program: Program, repository: str, last: str) -> None:
    """It may have been deleted since; the tags that follow it remain the same."""
    manifest_steps.push(program, repository, tagged(repository, *TAGS))

    listed = manifest_steps.tags(program, repository, last=last)

    assert listed == [tag for tag in TAGS if tag > last]


@pytest.mark.parametrize("n", ["-1", "ten", "1.5", "", "0x10", "1" * 40])
def test_a_page_size_that_is_not_a_number_is_400(program: Program, repository: str, n: str) -> None:
    """A typo must not be answered with everything."""
    manifest_steps.push(program, repository, tagged(repository, "v1"))

    assert program.call("GET", f"/v2/{repository}/tags/list?n={n}").status == 400


def test_a_repository_that_nobody_pushed_to_is_404(program: Program, repository: str) -> None:
    """A typo in a name must not look like a repository without tags."""
    answer = program.call("GET", f"/v2/{repository}/tags/list")

    assert (answer.status, answer.code) == (404, "NAME_UNKNOWN")


def test_a_repository_of_untagged_manifests_has_no_tags(program: Program, repository: str) -> None:
    """It exists and holds something: the list is empty, and not null."""
    manifest_steps.push(program, repository, tagged(repository))

    answer = program.call("GET", f"/v2/{repository}/tags/list")

    assert answer.json == {"name": repository, "tags": []}


@pytest.mark.parametrize("n", [1, 2, 100])
def test_pages_of_the_catalog_together_are_all_repositories(
    program: Program, registry: RunningRegistry, repository: str, n: int
) -> None:
    """Mirroring a registry begins with this list."""
    names = sorted(f"{repository}/{name}" for name in ("a", "a-b", "a/b", "b"))
    for name in names:
        manifest_steps.push(program, name, tagged(name, "v1"))
    connection = Connection(registry.port)
    connection.login("acrux", registry.password)
    found: list[str] = []
    url = f"/v2/_catalog?n={n}&last={repository}"
    while url and (not found or found[-1].startswith(repository)):
        reply = connection.call("GET", url)
        assert reply.status == 200
        found += json.loads(reply.body)["repositories"]
        url = reply.header("Link").partition(">")[0].removeprefix("<")
    connection.close()

    assert [name for name in found if name.startswith(repository)] == names
