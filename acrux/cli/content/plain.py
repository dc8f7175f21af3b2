"""What the API of OCI tells of a registry that has no other."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from acrux.cli.caller.http_client import Refused
from acrux.cli.carrier.api import Api
from acrux.cli.carrier.calls import Answer, Call
from acrux.cli.carrier.refusals import NotSpoken
from acrux.cli.content.images import Image
from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.domain.content.media_types import MANIFESTS
from acrux.domain.content.names import RepositoryName, Tag
from acrux.errors import InvalidInput, InvalidManifest, Unknown

Json = dict[str, Any]
Item = TypeVar("Item")

ACCEPTED: Final = ", ".join((*sorted(MANIFESTS), "*/*"))

_MANIFEST: Final = "/v2/{repository}/manifests/{reference}"


class Plain:
    """Repositories, tags and manifests by `/v2` alone: fewer properties, the same names."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def tag_names(self, name: RepositoryName) -> Iterator[str]:
        """The tags of a repository, as the registry sorts them."""
        call = Call("GET", "/v2/{repository}/tags/list", {"repository": str(name)})
        for page in self._api.pages(call, Json):
            yield from items(page, "tags", str)

    def repository(self, name: RepositoryName) -> Json:
        """A repository and how many tags it has."""
        count = sum(1 for _ in self.tag_names(name))
        return {"registry": self._api.host, "imageName": str(name), "tagCount": count}

    def image(self, image: Image) -> Json:
        """A tag or a manifest: its digest, type and size."""
        answer = self._get("GET", image.repository, image.reference)
        media_type = answer.header("content-type")
        try:
            manifest = Manifest.read(answer.body, media_type)
        except InvalidManifest:  # one of a type that we do not know
            found: Json = {"digest": str(Digest.of(answer.body)), "mediaType": media_type}
        else:
            found = {
                "digest": str(image.digest or manifest.digest),
                "imageSize": manifest.content_size,
                "mediaType": manifest.media_type,
            }
        return {"name": str(image.tag), **found} if image.tag else found

    def manifests(self, name: RepositoryName) -> Iterator[Json]:
        """The manifests that have a tag, with all their tags."""
        tags: dict[str, list[str]] = {}
        for tag in self.tag_names(name):
            tags.setdefault(str(self.digest(name, Tag.parse(tag))), []).append(tag)
        for digest, names in tags.items():
            yield {**self.image(Image(name, None, Digest.parse(digest))), "tags": names}

    def digest(self, name: RepositoryName, tag: Tag) -> Digest:
        """The digest that a tag points at."""
        answer = self._get("HEAD", name, str(tag))
        return Digest.parse(answer.header("docker-content-digest"))

    def delete(self, name: RepositoryName, reference: str) -> None:
        """Delete a manifest (OCI distribution specification, "Content Management")."""
        params = {"repository": str(name), "reference": reference}
        self._api.send(Call("DELETE", _MANIFEST, params))

    def untag(self, image: Image) -> None:
        """Delete a tag, which not every registry can. Raises NotSpoken."""
        try:
            self.delete(image.repository, image.reference)
        except InvalidInput as refused:  # distribution 2 reads the tag as a digest
            raise NotSpoken(
                f"{self._api.host} cannot delete a tag and keep its manifest: {refused.message}"
            ) from None

    def referrers(
        self, name: RepositoryName, digest: Digest, artifact_type: str | None
    ) -> Iterator[Json]:
        """What clients list under a tag if a registry cannot (OCI, "Referrers Tag Schema")."""
        reference = f"{digest.algorithm}-{digest.encoded}"[:128]
        try:
            found = self._api.read(self._get("GET", name, reference), Json)
        except (NotSpoken, Unknown):
            return
        for one in items(found, "manifests", dict):
            if not artifact_type or one.get("artifactType") == artifact_type:
                yield one

    def _get(self, method: str, name: RepositoryName, reference: str) -> Answer:
        params = {"repository": str(name), "reference": reference}
        return self._api.send(Call(method, _MANIFEST, params, accept=ACCEPTED))


def items(page: Json, key: str, kind: type[Item]) -> Sequence[Item]:
    """The items of a page; ACR writes null for none. Raises Refused if they are something else."""
    found = page.get(key)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(one, kind) for one in found):
        raise Refused(f"the registry answered with {key} that are not a list of them")
    return found
