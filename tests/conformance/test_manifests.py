"""Manifests of every kind, as the official program uses them."""

import json

import pytest

from tests.conformance import manifest_steps, pushing
from tests.conformance.content import KINDS, data_of
from tests.conformance.program import MANIFESTS, Program

pytestmark = pytest.mark.xdist_group("conformance")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pushed_is_listed_pulled_and_deleted(
    program: Program, repository: str, kind: str
) -> None:
    """Anything that the specification allows into a registry must come out unchanged."""
    data = data_of(kind, repository)

    manifest_steps.push(program, repository, data)

    manifest_steps.check_listed(program, repository, data)
    manifest_steps.pull(program, repository, data)
    manifest_steps.check_referrers(program, repository, data)
    manifest_steps.delete(program, repository, data)


def test_a_manifest_that_does_not_match_its_digest_is_400(
    program: Program, repository: str
) -> None:
    """Clients that pull by digest trust that they get that content."""
    data = data_of("image", repository)
    (digest,) = data.manifests
    for content in data.blobs.values():
        pushing.push_blob(program, repository, content)

    refused = manifest_steps.put_content(
        program, repository, digest, data.manifests[digest] + b"  "
    )

    assert (refused.status, refused.code) == (400, "DIGEST_INVALID")
    assert program.call("GET", f"/v2/{repository}/manifests/{digest}").status == 404


@pytest.mark.parametrize("reference", ["sha256:" + 64 * "0", "missing-tag"])
def test_a_manifest_that_was_never_pushed_is_404(
    program: Program, repository: str, reference: str
) -> None:
    """A client that requests missing content is told so, and no more."""
    for method in ("GET", "HEAD"):
        answer = program.call(method, f"/v2/{repository}/manifests/{reference}", Accept=MANIFESTS)

        assert answer.status == 404
        assert method == "HEAD" or answer.code in ("MANIFEST_UNKNOWN", "NAME_UNKNOWN")


def test_an_invalid_digest_is_refused(program: Program, repository: str) -> None:
    """`sha256:baddigeststring` only looks like a digest."""
    data = data_of("image", repository)
    (content,) = data.manifests.values()
    for blob in data.blobs.values():
        pushing.push_blob(program, repository, blob)

    refused = manifest_steps.put_content(program, repository, "sha256:baddigeststring", content)
    missing = program.call("GET", f"/v2/{repository}/manifests/sha256:baddigeststring")

    assert refused.status == 400
    assert missing.status in (400, 404)


def test_a_manifest_beyond_the_limit_is_413(program: Program, repository: str) -> None:
    """Nobody may fill the registry's memory with one request."""
    content = json.dumps({"mediaType": "application/vnd.oci.image.index.v1+json"}).encode()

    refused = manifest_steps.put_content(
        program, repository, "v1", content + b" " * (4 * 1024 * 1024)
    )

    assert (refused.status, refused.code) == (413, "MANIFEST_INVALID")


def test_many_tags_come_with_one_manifest(program: Program, repository: str) -> None:
    """A registry should accept ten tags at once, and name those that it accepted (end-7b)."""
    data = data_of("empty index", repository)
    data.tags = {f"tag-{number}": digest for digest in data.manifests for number in range(10)}
    data.tags_in_query = True

    manifest_steps.push(program, repository, data)

    manifest_steps.check_listed(program, repository, data)
    manifest_steps.pull(program, repository, data)


def test_an_invalid_tag_in_the_query_is_refused_with_all_the_others(
    program: Program, repository: str
) -> None:
    """Setting half of the tags would be worse than setting none."""
    data = data_of("empty index", repository)
    ((digest, content),) = data.manifests.items()

    refused = manifest_steps.put_content(program, repository, digest, content, ["v1", "not a tag"])

    assert refused.status == 400
    assert program.call("GET", f"/v2/{repository}/manifests/v1").status == 404


def test_tags_in_the_query_move_together(program: Program, repository: str) -> None:
    """`latest` and `1.2` must not point at different images, not even for a moment."""
    data = data_of("image", repository)
    manifest_steps.push(program, repository, data)
    second = data_of("empty index", repository)
    ((digest, content),) = second.manifests.items()

    moved = manifest_steps.put_content(program, repository, digest, content, ["image", "1.2"])

    assert moved.status == 201
    for tag in ("image", "1.2"):
        url = f"/v2/{repository}/manifests/{tag}"
        manifest_steps.check_manifest(program, url, content, digest)
