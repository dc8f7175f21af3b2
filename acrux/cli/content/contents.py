"""What a registry holds: by ACR's API, or by the plain one of OCI."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from acrux.cli.caller.http_client import Refused
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.calls import NO_QUERY, Call, Query
from acrux.cli.carrier.refusals import NotSpoken
from acrux.cli.content.images import Image
from acrux.cli.content.plain import ACCEPTED, Plain, items
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.page import Order
from acrux.errors import Unknown

Json = dict[str, Any]

REPOSITORY: Final = "/acr/v1/{repository}"
TAGS: Final = REPOSITORY + "/_tags"
MANIFESTS: Final = REPOSITORY + "/_manifests"


class Contents:
    """Repositories, tags and manifests, as objects of ACR (acr-protocol.md §5.2 to §5.4).

    A registry that does not know `/acr/v1` is asked by `/v2`. What that API does not tell is then
    missing from the objects, and what it cannot do raises NotSpoken.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self.plain = Plain(api)

    @property
    def host(self) -> str:
        """The registry for messages."""
        return self._api.host

    def repositories(self) -> Iterator[str]:
        """The names of the repositories that the caller may see."""
        for page in self._api.pages(Call("GET", "/v2/_catalog"), Json):
            yield from items(page, "repositories", str)

    def repository(self, name: RepositoryName) -> Json:
        """The properties of a repository."""
        try:
            return self._one(Call("GET", REPOSITORY, {"repository": str(name)}))
        except NotSpoken:
            return self.plain.repository(name)

    def tags(
        self, name: RepositoryName, order: Order = Order.BY_NAME, digest: Digest | None = None
    ) -> Iterator[Json]:
        """The tags of a repository, or those of one of its manifests. Raises NotSpoken."""
        wanted: Query = (("digest", str(digest)),) if digest else NO_QUERY
        return self._listed(TAGS, "tags", name, (*wanted, *_ordered(order)))

    def manifests(self, name: RepositoryName, order: Order = Order.BY_NAME) -> Iterator[Json]:
        """The manifests of a repository. Raises NotSpoken."""
        return self._listed(MANIFESTS, "manifests", name, _ordered(order))

    def image(self, image: Image) -> Json:
        """The properties of a tag, or of a manifest."""
        try:
            call, key = _of_image("GET", image)
            return self._within(call, key)
        except NotSpoken:
            return self.plain.image(image)

    def change(self, of: RepositoryName | Image, attributes: Mapping[str, bool]) -> Json:
        """Set attributes of a repository, a tag or a manifest. Raises NotSpoken."""
        body = json.dumps(attributes).encode()
        if isinstance(of, Image):
            call, key = _of_image("PATCH", of, body)
            return self._within(call, key)
        return self._one(Call("PATCH", REPOSITORY, {"repository": str(of)}, body=body))

    def digest(self, image: Image) -> Digest:
        """The digest of an image. Raises Unknown."""
        if image.digest is not None:
            return image.digest
        return Digest.parse(str(self.image(image).get("digest")))

    def tag_names(self, name: RepositoryName, digest: Digest) -> list[str]:
        """The tags that point at a manifest; none if the registry does not tell."""
        try:
            found = self.tags(name, digest=digest)
            # Not every registry filters.
            return [str(one.get("name")) for one in found if one.get("digest") == str(digest)]
        except NotSpoken:
            return []

    def delete_repository(self, name: RepositoryName) -> Json:
        """Delete a repository with all that it holds; say what was deleted."""
        call = Call("DELETE", REPOSITORY, {"repository": str(name)})
        answer = self._api.send(call)
        return self._api.read(answer, Json) if answer.body else {}

    def delete_manifest(self, name: RepositoryName, digest: Digest) -> None:
        """Delete a manifest with all its tags."""
        self.plain.delete(name, str(digest))

    def untag(self, image: Image) -> None:
        """Delete a tag, and keep its manifest. Raises NotSpoken."""
        try:
            self._api.send(_of_image("DELETE", image)[0])
        except NotSpoken:
            self.plain.untag(image)

    def manifest(self, image: Image) -> bytes:
        """A manifest, byte for byte. Raises Refused if it does not have the named digest."""
        params = {"repository": str(image.repository), "reference": image.reference}
        call = Call("GET", "/v2/{repository}/manifests/{reference}", params, accept=ACCEPTED)
        content = self._api.send(call).body
        if image.digest is not None and Digest.of(content, image.digest.algorithm) != image.digest:
            raise Refused(f"{self._api.host} sent other content than {image.digest} names")
        return content

    def referrers(
        self, name: RepositoryName, digest: Digest, artifact_type: str | None
    ) -> Iterator[Json]:
        """The manifests whose subject is this one, as descriptors."""
        params = {"repository": str(name), "digest": str(digest)}
        query = (("artifactType", artifact_type),) if artifact_type else NO_QUERY
        call = Call("GET", "/v2/{repository}/referrers/{digest}", params, query)
        try:
            for page in self._api.pages(call, Json):
                # The filter is optional (OCI distribution specification, "Listing Referrers").
                for one in items(page, "manifests", dict):
                    if not artifact_type or one.get("artifactType") == artifact_type:
                        yield one
        except (NotSpoken, Unknown):
            yield from self.plain.referrers(name, digest, artifact_type)

    def _listed(self, path: str, key: str, name: RepositoryName, query: Query) -> Iterator[Json]:
        call = Call("GET", path, {"repository": str(name)}, query)
        for page in self._api.pages(call, Json):
            yield from items(page, key, dict)

    def _one(self, call: Call) -> Json:
        return self._api.read(self._api.send(call), Json)

    def _within(self, call: Call, key: str) -> Json:
        found = self._one(call).get(key)
        if not isinstance(found, dict):
            raise Refused(f"{self._api.host} answered without the {key}")
        return found


def _ordered(order: Order) -> Query:
    return (("orderby", order.value),) if order is not Order.BY_NAME else NO_QUERY


def _of_image(method: str, image: Image, body: bytes = b"") -> tuple[Call, str]:
    of = {"repository": str(image.repository)}
    if image.tag is not None:
        params = {**of, "tag": image.reference}
        return Call(method, TAGS + "/{tag}", params, body=body), "tag"
    params = {**of, "digest": image.reference}
    return Call(method, MANIFESTS + "/{digest}", params, body=body), "manifest"
