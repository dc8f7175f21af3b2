"""Push, list, pull and delete content, checked as the program does."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from acrux.domain.content.media_types import OCI_INDEX
from tests.conformance import pushing
from tests.conformance.content import Data, Descriptor
from tests.conformance.program import MANIFESTS, Program, with_query
from tests.http.caller import Answer


def push(program: Program, repository: str, data: Data) -> None:
    """Push blobs, then manifests by digest in their order, then tags."""
    for digest, content in data.blobs.items():
        pushing.push_blob(program, repository, content, digest.partition(":")[0])
    for digest in data.manifests:
        put(program, repository, digest, data, digest)
    for tag, digest in data.tags.items():
        if not data.tags_in_query:  # others came with their digest
            put(program, repository, tag, data, digest)


def put(program: Program, repository: str, reference: str, data: Data, digest: str) -> None:
    """Put one manifest, and fetch it from the location that the registry returned (end-7)."""
    content = data.manifests[digest]
    tags = [tag for tag, of in data.tags.items() if of == digest] if data.tags_in_query else []
    answer = put_content(program, repository, reference, content, tags)
    assert answer.status == 201, answer.body
    assert answer.header("Docker-Content-Digest") == digest
    assert answer.header("OCI-Subject") == json.loads(content).get("subject", {}).get("digest")
    covered = {tag.strip() for value in answer.every("OCI-Tag") for tag in value.split(",")}
    assert covered == set(tags)
    location = answer.header("Location")
    assert location
    check_manifest(program, location, content)


def put_content(
    program: Program, repository: str, reference: str, content: bytes, tags: Iterable[str] = ()
) -> Answer:
    """PUT a manifest with its own media type, and with tags in the query."""
    query = "&".join(f"tag={quote(tag)}" for tag in tags)
    url = f"/v2/{repository}/manifests/{reference}" + (f"?{query}" if query else "")
    return program.call("PUT", url, content, Content_Type=json.loads(content)["mediaType"])


def check_manifest(program: Program, url: str, content: bytes, digest: str = "") -> None:
    """Check that HEAD and GET return the exact bytes, media type, length and digest (end-3)."""
    for method, body in (("HEAD", b""), ("GET", content)):
        answer = program.call(method, url, Accept=MANIFESTS)
        assert (answer.status, answer.body) == (200, body)
        assert answer.header("Content-Type") == json.loads(content)["mediaType"]
        assert answer.header("Content-Length") == str(len(content))
        assert answer.header("Docker-Content-Digest") == (
            digest or answer.header("Docker-Content-Digest")
        )
        assert answer.header("Docker-Content-Digest")


def pull(program: Program, repository: str, data: Data) -> None:
    """Pull every manifest by its tags and by its digest, and every blob."""
    for tag, digest in data.tags.items():
        url = f"/v2/{repository}/manifests/{tag}"
        check_manifest(program, url, data.manifests[digest], digest)
    for digest, content in data.manifests.items():
        check_manifest(program, f"/v2/{repository}/manifests/{digest}", content, digest)
    for digest, content in data.blobs.items():
        pushing.check_blob(program, repository, content, digest)


def tags(program: Program, repository: str, **query: str) -> list[str]:
    """The tags of the repository (end-8a, end-8b)."""
    answer = program.call("GET", with_query(f"/v2/{repository}/tags/list", **query))
    assert answer.status == 200, answer.body
    assert answer.json["name"] == repository
    listed: list[str] = answer.json["tags"]
    return listed


def check_listed(program: Program, repository: str, data: Data) -> None:
    """Check that the tags are in byte order, and that `last` returns those after it."""
    expected = sorted(data.tags)
    assert tags(program, repository) == expected
    if len(expected) >= 2:
        half = len(expected) // 2
        assert tags(program, repository, last=expected[half - 1]) == expected[half:]


def referrers(program: Program, repository: str, subject: str, **query: str) -> Answer:
    """The referrers of a subject: an index, even if there are none (end-12)."""
    answer = program.call("GET", with_query(f"/v2/{repository}/referrers/{subject}", **query))
    assert answer.status == 200, answer.body
    assert answer.header("Content-Type") == OCI_INDEX
    assert (answer.json["schemaVersion"], answer.json["mediaType"]) == (2, OCI_INDEX)
    return answer


def check_referrers(program: Program, repository: str, data: Data) -> None:
    """Check that every referrer is listed correctly, and that `artifactType` filters by type."""
    for subject, expected in data.referrers.items():
        answer = referrers(program, repository, subject)
        assert by_digest(answer.json["manifests"]) == by_digest(expected)
        assert answer.header("OCI-Filters-Applied") is None
        for kind in {shown["artifactType"] for shown in expected}:
            of_kind = [shown for shown in expected if shown["artifactType"] == kind]
            answer = referrers(program, repository, subject, artifactType=kind)
            assert by_digest(answer.json["manifests"]) == by_digest(of_kind)
            assert answer.header("OCI-Filters-Applied") == "artifactType"


def by_digest(descriptors: list[Descriptor]) -> dict[str, dict[str, Any]]:
    """Descriptors by their digest; empty annotations equal missing ones."""
    return {
        shown["digest"]: {name: value for name, value in shown.items() if value != {}}
        for shown in descriptors
    }


def delete(program: Program, repository: str, data: Data) -> None:
    """Delete tags, manifests from last to first, and blobs; each is gone at once (end-9)."""
    for reference in (*data.tags, *reversed(data.manifests)):
        url = f"/v2/{repository}/manifests/{reference}"
        deleted = program.call("DELETE", url)
        assert deleted.status == 202, deleted.body
        assert program.call("HEAD", url, Accept=MANIFESTS).status == 404
    for digest in data.blobs:
        pushing.delete_blob(program, repository, digest)
