"""acrux repository and acrux manifest, at a URL and on a data directory."""

import hashlib
import json
from pathlib import Path

import pytest

from acrux.client.auth import RegistryAuth
from tests.cli.conftest import at_url
from tests.cli.places import APP, OTHER, Place, push, signature
from tests.cli.test_first_hour import on_terminal
from tests.running import RunningRegistry, acrux

APP_DIGEST, OTHER_DIGEST = str(APP.digest), str(OTHER.digest)


def test_repositories_are_listed_at_both_places(place: Place, repository: str) -> None:
    """The first question of everybody who has installed a registry."""
    assert repository in place.json("repository", "list")
    assert repository in place.ok("repository", "list")
    assert len(place.json("repository", "list", "--top", "1")) == 1


def test_tags_are_listed_by_name_and_by_time(place: Place, repository: str) -> None:
    """Names for scripts, and what was pushed last for people."""
    of = ("repository", "show-tags", "--repository", repository)

    assert place.json(*of) == ["also", "v1", "v2"]
    assert place.json(*of, "--orderby", "time_asc", "--top", "1") == ["v1"]
    details = place.json(*of, "--detail")
    assert [one["digest"] for one in details] == [OTHER_DIGEST, APP_DIGEST, OTHER_DIGEST]
    table = place.ok(*of, "--detail")
    assert ("LOCKED" in table, " UTC" in table, APP_DIGEST in table) == (True, True, True)


def test_properties_are_shown_as_az_shows_them(place: Place, repository: str) -> None:
    """A script written for az finds the same keys."""
    whole = place.json("repository", "show", "--repository", repository)
    tag = place.json("repository", "show", "--image", f"{repository}:v1")
    manifest = place.json("repository", "show", "-t", f"{repository}@{APP_DIGEST}")

    assert (whole["imageName"], whole["tagCount"], whole["manifestCount"]) == (repository, 3, 3)
    assert (tag["name"], tag["digest"]) == ("v1", APP_DIGEST)
    assert (manifest["tags"], manifest["imageSize"] > 12_000) == (["v1"], True)
    assert place.json("manifest", "show-metadata", "-n", f"{repository}:v1") == tag
    assert "12.2 KiB" in place.ok("repository", "show", "-t", f"{repository}@{APP_DIGEST}")
    assert repository in place.ok("repository", "show", "--repository", repository)


def test_manifests_are_listed_with_their_tags_and_sizes(place: Place, repository: str) -> None:
    """What is it that takes the space, and what points at it."""
    of = ("manifest", "list-metadata", "-n", repository)

    found = {one["digest"]: one.get("tags") for one in place.json(*of)}

    assert found[OTHER_DIGEST] == ["also", "v2"]
    assert found[str(signature(APP).digest)] is None
    assert "linux/amd64" in place.ok(*of)


def test_a_manifest_is_shown_and_its_bytes_stay_the_same(place: Place, repository: str) -> None:
    """The digest of what is printed must be the digest that was asked for."""
    raw = place.ok("manifest", "show", "-n", f"{repository}@{APP_DIGEST}", "--raw")

    assert f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}" == APP_DIGEST
    assert place.json("manifest", "show", "-n", f"{repository}:v1") == json.loads(raw)
    table = place.ok("manifest", "show", "-n", f"{repository}:v1")
    assert ("config" in table, "layer" in table) == (True, True)


def test_referrers_are_listed_and_followed(
    place: Place, repository: str, served: RunningRegistry, auth: RegistryAuth
) -> None:
    """A signature can be signed, too: whoever copies an image wants all of them."""
    first = signature(APP)
    second = signature(first)
    push(served.url, repository, second, auth=auth)
    of = ("manifest", "list-referrers", "-n", f"{repository}:v1")

    assert [one["digest"] for one in place.json(*of)] == [str(first.digest)]
    followed = place.json(*of, "--recursive")
    assert [one["digest"] for one in followed] == [str(first.digest), str(second.digest)]
    assert place.json(*of, "--artifact-type", "application/x-other") == []
    assert "application/x-signature" in place.ok(*of)


def test_what_is_locked_is_not_deleted(place: Place, repository: str) -> None:
    """The lock of az: it must hold for our own command, too."""
    image = f"{repository}:v1"
    locked = place.json("repository", "update", "-t", image, "--write-enabled", "false")
    code, said = place.refused("repository", "delete", "-t", f"{repository}@{APP_DIGEST}", "--yes")

    assert locked["changeableAttributes"]["writeEnabled"] is False
    assert (code, "write-enabled false" in said) == (1, True)
    assert "acrux repository update --image NAME --write-enabled true unlocks it" in said
    assert "405" not in said
    assert "write" in place.ok("repository", "show", "-t", image)
    unlock = ("manifest", "update-metadata", "-n", image, "--write-enabled", "true")
    assert place.json(*unlock)["changeableAttributes"]["writeEnabled"] is True
    whole = place.json("repository", "update", "--repository", repository)
    assert whole["changeableAttributes"]["deleteEnabled"] is True


def test_what_is_shown_names_the_registry_as_clients_know_it(
    place: Place, served: RunningRegistry, repository: str
) -> None:
    """The port is in the settings of the registry, not in those of the command."""
    shown = place.json("repository", "show", "--repository", repository)

    assert shown["registry"] in {f"localhost:{served.port}", served.host}


def test_a_switch_that_is_neither_on_nor_off_is_refused(place: Place) -> None:
    """The list of what is taken began with an empty word, which is not taken."""
    for word in ("maybe", ""):
        code, said = place.refused("repository", "update", "-t", "a:b", "--write-enabled", word)
        assert (code, f"give true or false, not {word!r}" in said) == (2, True)


def test_a_tag_is_removed_and_an_image_deleted_with_all_its_tags(
    place: Place, repository: str
) -> None:
    """As with az: untag keeps the manifest, and delete removes every tag of it."""
    place.ok("repository", "untag", "-t", f"{repository}:also")
    assert place.json("repository", "show-tags", "--repository", repository) == ["v1", "v2"]

    deleted = place.json("manifest", "delete", "-n", f"{repository}:v2", "--yes")
    assert deleted == {"manifestsDeleted": [OTHER_DIGEST], "tagsDeleted": ["v2"]}
    assert place.json("repository", "show-tags", "--repository", repository) == ["v1"]

    assert "Tags deleted: 1" in place.ok("repository", "delete", "--repository", repository, "-y")
    assert repository not in place.json("repository", "list")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("repository", "show", "--repository", "no/such"), 4),
        (("repository", "show-tags", "--repository", "no/such"), 4),
        (("manifest", "show", "-n", "no/such:v1"), 4),
        (("manifest", "list-metadata", "-n", "no/such"), 4),
        (("repository", "untag", "-t", "no/such:v1"), 4),
        (("repository", "delete", "--repository", "no/such", "--yes"), 4),
        (("repository", "show", "--repository", "UPPER"), 2),
        (("repository", "show"), 2),
        (("repository", "show", "--image", "a:b", "--repository", "a"), 2),
        (("repository", "untag", "-t", f"a@{APP_DIGEST}"), 2),
        (("manifest", "show"), 2),
        (("manifest", "show", "-n", f"a:v1@{APP_DIGEST}"), 2),
        (("repository", "list", "--top", "0"), 2),
    ],
)
def test_what_is_missing_and_what_is_wrong_have_codes_of_their_own(
    served: RunningRegistry, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    """A script can tell a typo from a repository that is not there, wherever the registry is."""
    login = {"ACRUX_USERNAME": "acrux", "ACRUX_PASSWORD": served.password, "HOME": str(tmp_path)}

    local = acrux(*words, "--data-dir", str(served.data_dir))
    remote = acrux(*words, "--registry", served.host, **login)

    assert (local.returncode, remote.returncode) == (code, code)
    assert local.stderr == remote.stderr


def test_a_registry_may_stand_before_the_name(
    served: RunningRegistry, repository: str, tmp_path: Path
) -> None:
    """az takes the whole name of an image, as docker pull does."""
    environment = at_url(served, tmp_path).environment
    nowhere = Place((), environment)

    shown = nowhere.json("manifest", "show-metadata", f"{served.host}/{repository}:v1")
    twice = at_url(served, tmp_path).run("manifest", "show", f"{served.host}/{repository}:v1")

    none = nowhere.run("manifest", "show", "team/app:v1")

    assert shown["digest"] == APP_DIGEST
    assert (none.exit_code, "names no registry" in none.output) == (2, True)
    assert (twice.exit_code, "not both" in twice.output) == (2, True)


def test_reading_is_not_recorded_and_a_change_is_recorded_once(
    served: RunningRegistry, repository: str
) -> None:
    """The audit log holds the command as typed, and nothing of how it was carried out."""
    place = Place(("--data-dir", str(served.data_dir)))
    place.ok("repository", "show-tags", "--repository", repository)
    place.ok("repository", "untag", "-t", f"{repository}:v1")

    found = place.json("audit", "list", "--account", "(local)", "--limit", "2")

    assert found[-1]["request"] == f"cli repository untag --image {repository}:v1"
    assert "show-tags" not in found[0]["request"]


def test_deleting_says_what_goes_and_asks_on_a_terminal(
    served: RunningRegistry, repository: str
) -> None:
    """Who names a tag may not know which others point at the same manifest."""
    delete = ("repository", "delete", "--image", f"{repository}:v2")
    code, shown = on_terminal(served.data_dir, *delete, typed="n\n", columns=400)
    whole = ("repository", "delete", "--repository", repository)
    kept, asked = on_terminal(served.data_dir, *whole, typed="n\n", columns=400)

    assert (code, kept) == (1, 1)
    assert f"Delete the manifest {OTHER_DIGEST} with its tags also, v2?" in shown
    assert f"Delete the repository {repository} and all images in it?" in asked
