"""What was deleted and can be restored, by ACR's API."""

import json
from collections.abc import Iterator
from typing import Any, Final

from acrux.cli.carrier.api import Api
from acrux.cli.carrier.calls import NO_QUERY, Call
from acrux.cli.content.plain import items
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.errors import UnknownTag

Json = dict[str, Any]

ROOT: Final = "/acr/v1/_deleted"


class Deleted:
    """Deleted repositories, manifests and tags (acr-protocol.md §5.1). All raise NotSpoken."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def repositories(self) -> Iterator[str]:
        """The repositories of which something can be restored."""
        for page in self._api.pages(Call("GET", f"{ROOT}/_catalog"), Json):
            yield from items(page, "repositories", str)

    def manifests(self, name: RepositoryName) -> Iterator[Json]:
        """The deleted manifests of a repository."""
        return self._listed(name, "manifests")

    def tags(self, name: RepositoryName, tag: Tag | None = None) -> Iterator[Json]:
        """The deleted tags of a repository; of one name, the one deleted last comes last."""
        found = self._listed(name, "tags")
        return (one for one in found if tag is None or one.get("tag") == str(tag))

    def last_of(self, name: RepositoryName, tag: Tag) -> Digest:
        """The manifest that had the tag last. Raises UnknownTag."""
        found = list(self.tags(name, tag))
        if not found:
            raise UnknownTag("no such tag can be restored: list the deleted ones", tag=str(tag))
        return Digest.parse(str(found[-1].get("digest")))

    def restore(
        self, name: RepositoryName, digest: Digest, tag: Tag | None, *, force: bool
    ) -> None:
        """Restore a manifest under a tag, or without one under those it had."""
        params = {"repository": str(name), "digest": str(digest)}
        query = (("force", "True"),) if force else NO_QUERY
        body = json.dumps({} if tag is None else {"tag": str(tag)}).encode()
        path = ROOT + "/{repository}/_manifests/{digest}"
        self._api.send(Call("POST", path, params, query, body))

    def _listed(self, name: RepositoryName, key: str) -> Iterator[Json]:
        call = Call("GET", ROOT + "/{repository}/_" + key, {"repository": str(name)})
        for page in self._api.pages(call, Json):
            yield from items(page, key, dict)
