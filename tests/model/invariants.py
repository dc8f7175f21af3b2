"""The checks after every step: every pull, and every listing."""

import itertools
import json
from collections.abc import Iterator, Sequence

from hypothesis.stateful import RuleBasedStateMachine, invariant

from tests.model.client import Client
from tests.model.model import OK, UNKNOWN, Repository
from tests.model.universe import REPOSITORIES, TAGS, Content, Universe


class Invariants(RuleBasedStateMachine):
    """A registry, its model, and the comparison of the two."""

    def __init__(self, client: Client, prefix: str) -> None:
        super().__init__()
        self.client = client
        self.universe = Universe(prefix)
        self.model = {name: Repository() for name in REPOSITORIES}

    def path(self, repository: str, rest: str) -> str:
        """A path of the repository in /v2."""
        return f"/v2/{self.universe.repository(repository)}{rest}"

    def acr_path(self, repository: str, rest: str = "") -> str:
        """A path of the repository in /acr/v1."""
        return f"/acr/v1/{self.universe.repository(repository).replace('/', '%2F')}{rest}"

    @invariant()
    def all_that_the_model_holds_can_be_pulled_and_nothing_else(self) -> None:
        """Compare byte for byte, by digest and by tag."""
        for name, model in self.model.items():
            for blob in self.universe.blobs.values():
                expected = model.get_blob(blob.digest)
                self.check_pull(self.path(name, f"/blobs/{blob.digest}"), expected, blob)
            for manifest in self.universe.manifests.values():
                path = self.path(name, f"/manifests/{manifest.digest}")
                self.check_pull(path, model.get_manifest(manifest.digest), manifest)
            for tag in TAGS:
                held = model.manifests.get(model.tags.get(tag, ""))
                self.check_pull(self.path(name, f"/manifests/{tag}"), model.get_tag(tag), held)

    def check_pull(self, path: str, expected: int, content: Content | None) -> None:
        """Check the status, and the exact bytes if it is 200."""
        reply = self.client.call("GET", path)

        assert reply.status == expected, (path, reply.body)
        if expected == OK:
            assert content is not None
            assert reply.body == content.content
            assert reply.header("Docker-Content-Digest") == content.digest

    @invariant()
    def listings_are_the_models_page_by_page(self) -> None:
        """Compare the tags, manifests, referrers and repositories."""
        for name, model in self.model.items():
            known = OK if model.manifests else UNKNOWN
            shown = model.listed_tags()
            self.check_pages(self.path(name, "/tags/list?n=2"), "tags", known, shown)
            self.check_tags(name, model, known)
            self.check_manifests(name, model, known)
            self.check_referrers(name, model)
        prefix = self.universe.prefix
        visible = sorted(
            self.universe.repository(name)
            for name, model in self.model.items()
            if model.manifests and model.switches["listEnabled"]
        )
        for api in ("/v2", "/acr/v1"):
            reply = self.client.call("GET", f"{api}/_catalog?n=1000&last={prefix}")
            found = json.loads(reply.body)["repositories"] or []
            assert [name for name in found if name.startswith(f"{prefix}/")] == visible

    def check_pages(self, path: str, key: str, known: int, expected: Sequence[object]) -> None:
        """Check that pages of two are full except the last, and together contain everything."""
        status, pages = self.client.listing(path, key)

        assert status == known
        assert list(itertools.chain(*pages)) == expected
        assert all(len(page) == 2 for page in pages[:-1])

    def check_tags(self, name: str, model: Repository, known: int) -> None:
        """Check ACR's listing of tags, with the digest and the attributes of each."""
        status, pages = self.client.listing(self.acr_path(name, "/_tags?n=2"), "tags")

        assert status == known
        found = [
            (tag["name"], tag["digest"], tag["changeableAttributes"]) for tag in objects(pages)
        ]
        assert found == [
            (tag, model.tags[tag], model.tag_switches[tag]) for tag in model.listed_tags()
        ]

    def check_manifests(self, name: str, model: Repository, known: int) -> None:
        """Check ACR's listing of manifests, with the attributes of each."""
        status, pages = self.client.listing(self.acr_path(name, "/_manifests?n=2"), "manifests")

        assert status == known
        found = [
            (one["digest"], one["mediaType"], one["changeableAttributes"]) for one in objects(pages)
        ]
        assert found == [
            (digest, model.manifests[digest].media_type, model.manifest_switches[digest])
            for digest in model.listed_manifests()
        ]

    def check_referrers(self, name: str, model: Repository) -> None:
        """Check the referrers of the image, one on each page; never 404."""
        subject = self.universe.manifests["image"].digest
        path = self.path(name, f"/referrers/{subject}?n=1")
        status, pages = self.client.listing(path, "manifests")

        assert status == OK
        assert [one["digest"] for one in objects(pages)] == model.referrers(subject)


def objects(pages: list[list[object]]) -> Iterator[dict[str, object]]:
    """The items of all pages, which are JSON objects."""
    for item in itertools.chain(*pages):
        assert isinstance(item, dict)
        yield item
