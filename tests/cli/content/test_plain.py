"""acrux repository and acrux manifest at a registry that speaks only OCI's API."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.places import APP, OTHER, Place, push, signature
from tests.images import Image
from tests.peer_registries import running
from tests.running import free_port
from tests.tools import require_tool

CONFIGURATION = """
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage:
  filesystem: {{rootdirectory: {folder}/storage}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Debian's docker-registry with images in team/app."""
    program = require_tool("docker-registry", package="docker-registry")
    port = free_port()
    configuration = tmp_path / "config.yml"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, port=port))
    with running([program, "serve", str(configuration)], port, tmp_path / "log"):
        url = f"http://127.0.0.1:{port}"
        push(url, "team/app", APP, "v1")
        push(url, "team/app", OTHER, "v2", "also")
        yield Place(("--registry", url), {"HOME": str(tmp_path)})


def test_a_registry_without_acrs_api_is_listed_and_shown(place: Place) -> None:
    """Whoever moves from another registry looks at both with the same commands."""
    of = ("--repository", "team/app")

    assert place.json("repository", "list") == ["team/app"]
    assert place.json("repository", "show", *of)["tagCount"] == 3
    assert sorted(place.json("repository", "show-tags", *of)) == ["also", "v1", "v2"]
    assert "only the names of tags" in place.run("repository", "show-tags", *of, "--detail").stderr
    shown = place.json("manifest", "show-metadata", "-n", "team/app:v1")
    assert (shown["name"], shown["digest"]) == ("v1", str(APP.digest))
    found = place.json("manifest", "list-metadata", "-n", "team/app")
    assert {one["digest"]: sorted(one["tags"]) for one in found} == {
        str(APP.digest): ["v1"],
        str(OTHER.digest): ["also", "v2"],
    }
    assert "schemaVersion" in place.ok("manifest", "show", "-n", "team/app:v1", "--raw")
    assert place.refused("manifest", "show", "-n", "team/app:v9")[0] == 4
    assert place.refused("repository", "show-tags", "--repository", "no/such")[0] == 4


def test_referrers_are_found_under_their_fallback_tag(place: Place) -> None:
    """So clients list signatures at a registry that knows no referrers."""
    url, signed = place.where[1], signature(APP)
    entry = {"mediaType": signed.media_type, "digest": str(signed.digest), "size": 1}
    listed = Image(_index(entry), "application/vnd.oci.image.index.v1+json", ())
    push(url, "team/app", signed)
    push(url, "team/app", listed, str(APP.digest).replace(":", "-"))

    found = place.json("manifest", "list-referrers", "-n", "team/app:v1")

    assert [one["digest"] for one in found] == [str(signed.digest)]
    assert place.json("manifest", "list-referrers", "-n", "team/app:v2") == []


def _index(*entries: dict[str, object]) -> bytes:
    media_type = "application/vnd.oci.image.index.v1+json"
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()


def test_what_it_cannot_do_is_said(place: Place) -> None:
    """Locks, restoring and untagging need more than OCI's API."""
    for words in (
        ("repository", "update", "-t", "team/app:v1", "--write-enabled", "false"),
        ("repository", "list-deleted"),
        ("manifest", "list-deleted", "-n", "team/app"),
    ):
        code, said = place.refused(*words)
        assert (code, "only registries like ACR do" in said) == (1, True), said
    code, said = place.refused("repository", "untag", "-t", "team/app:v1")
    assert (code, "cannot delete a tag and keep its manifest" in said) == (1, True), said


def test_images_and_repositories_are_deleted_as_far_as_it_goes(place: Place) -> None:
    """By each manifest that has a tag: there is no request that deletes a repository."""
    one = place.json("repository", "delete", "-t", "team/app:v1", "--yes")
    rest = place.run("repository", "delete", "--repository", "team/app", "--yes")

    assert one == {"manifestsDeleted": [str(APP.digest)], "tagsDeleted": ["v1"]}
    assert "only what has a tag is deleted" in rest.stderr
    assert rest.stdout == "Manifests deleted: 1\nTags deleted: 2\n"
